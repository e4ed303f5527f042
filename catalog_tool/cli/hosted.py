"""Where a command runs in a forge's CI: which repository, pull request and run, and how to answer the runner.

GitHub's variables are those of "Variables reference" and "Workflow commands"; GitLab's those of "Predefined
CI/CD variables". Both servers may be self-hosted: addresses are taken from the environment.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from catalog_tool.backends.forge import Forge
from catalog_tool.cli.context import in_actions, place_of, tell
from catalog_tool.clock import now
from catalog_tool.errors import UsageError
from catalog_tool.report.escape import for_terminal, for_workflow_data
from catalog_tool.source.known_id import known_id
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.sync.forge_marker import Sequence

SUMMARY_BYTES = 1024 * 1024
"""What GitHub keeps of one step's job summary; a longer one is dropped as a whole."""
_DOCUMENT_BYTES = 64 * 1024 * 1024
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:_~/?=&%+#-]{1,2000}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class ClosableForge(Forge, Protocol):
    """A driver."""

    def close(self) -> None:
        """Close what is connected."""


def forge_options(command: _Command) -> _Command:
    """Which catalog this is about, on which forge, and as whom."""
    options = (
        click.option("--catalog", "catalog_id", metavar="ID", help="The catalog.  [default: the settings' id]"),
        click.option("--repository", metavar="OWNER/NAME", help="[default: the one that the CI names]"),
        click.option("--author", metavar="LOGIN", help="Whose comments are ours.  [default: the token's user]"),
        click.option("--dry-run", is_flag=True, help="Print what would be written; ask and write nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_forge(repository: str | None, author: str | None) -> ClosableForge | None:
    """The driver for the forge that the environment names; None where there is no token to use it with.

    Raises ``UsageError`` where it is not known which repository is meant.
    """
    environ = os.environ
    is_gitlab = bool(environ.get("CI_API_V4_URL")) and not in_actions()
    named = repository or environ.get("CI_PROJECT_ID" if is_gitlab else "GITHUB_REPOSITORY")
    if not named:
        raise UsageError("which repository is meant?", hint="name it with --repository OWNER/NAME")
    if is_gitlab:
        token = environ.get("GITLAB_TOKEN")
        from catalog_tool.backends.forge_gitlab import GitLab

        return GitLab(named, token, url=environ["CI_API_V4_URL"], author=author) if token else None
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN")
    from catalog_tool.backends.forge_github import API_URL, GitHub

    return GitHub(named, token, url=environ.get("GITHUB_API_URL") or API_URL, author=author) if token else None


def review_number(asked: int | None) -> int:
    """The pull request's number: as asked, else as the event or GitLab's variable says. Raises ``UsageError``."""
    if asked is not None:
        return asked
    said = event().get("pull_request")
    number = said.get("number") if isinstance(said, dict) else os.environ.get("CI_MERGE_REQUEST_IID")
    if _NUMBER.fullmatch(str(number)) is None:
        raise UsageError("this is no run of a pull request", hint="name one with --number")
    return int(str(number))


def event() -> Mapping[str, Any]:
    """What started the run, as GitHub's file says; empty where there is none."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        value = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def sequence() -> Sequence:
    """This run's place among all runs: number and try, and the time."""
    numbers = (
        (os.environ.get("GITHUB_RUN_ID", ""), os.environ.get("GITHUB_RUN_ATTEMPT", "1"))
        if in_actions()
        else (os.environ.get("CI_PIPELINE_ID", ""), os.environ.get("CI_JOB_ID", "0"))
    )
    known = all(_NUMBER.fullmatch(number) for number in numbers)
    return Sequence(tuple(map(int, numbers)) if known else (), now())


def run_url() -> str:
    """The address of this run's page, or empty."""
    environ = os.environ
    address = environ.get("CI_JOB_URL", "")
    if in_actions():
        parts = (environ.get("GITHUB_SERVER_URL", "https://github.com"), environ.get("GITHUB_REPOSITORY", ""))
        address = f"{'/'.join(parts)}/actions/runs/{environ.get('GITHUB_RUN_ID', '')}"
    return address if _ADDRESS.fullmatch(address) else ""


def commit() -> str:
    """The commit that is being looked at: the pull request's own, not the merge that GitHub tries."""
    head = (event().get("pull_request") or {}).get("head") or {}
    found = str(head.get("sha") or os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA") or "")
    return found if re.fullmatch(r"[0-9a-f]{7,64}", found, re.ASCII) else ""


def catalog_id(ctx: click.Context, asked: str | None) -> str:
    """The catalog's id as asked, else the one that is known of it; or empty."""
    return asked if asked is not None else known_id(place_of(ctx))


def read_document(option: str, path: str, schema: str) -> dict[str, Any]:
    """What a command printed with ``--format json``: its own document, or the one for an error.

    ``path`` is a file, or ``-`` for stdin. Raises ``UsageError`` for anything else.
    """
    try:
        data = sys.stdin.buffer.read(_DOCUMENT_BYTES) if path == "-" else Path(path).read_bytes()
        value = json.loads(data)
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option} {path} is no JSON document", hint="write it with --format json") from error
    number = value.get("format") if isinstance(value, dict) else None
    if isinstance(number, int) and number > 1:
        raise UsageError(f"{option} {path} has format {number}: this tool is too old", hint="upgrade catalog-tool")
    is_error = isinstance(value, dict) and value.get("status") == "error" and "error" in value
    problem = next(iter(SchemaEngine(load_schema("error" if is_error else schema)).errors(value)), None)
    if problem is not None:
        where = problem.pointer or "the document"
        raise UsageError(f"{option} {path} is none of `catalog`'s documents: {where}: {problem.message}")
    return dict(value)


def warn(message: str) -> None:
    """A warning on stderr; in Actions an annotation of the run."""
    shown = for_terminal(message)
    if in_actions():
        sys.stderr.write(f"::warning title=catalog::{for_workflow_data(shown)}\n")
    else:
        tell(f"warning: {shown}")


def add_summary(text: str) -> None:
    """Add Markdown to the job's summary, where there is one; what would pass its limit is left out with a word."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    data = text.encode(errors="backslashreplace")
    file = Path(path)
    try:
        used = file.stat().st_size if file.exists() else 0
        if used + len(data) > SUMMARY_BYTES:
            data = b"\nThe rest is in the log: the summary would be too long.\n"
        if used + len(data) <= SUMMARY_BYTES:
            with file.open("ab") as out:
                out.write(data)
    except OSError as error:
        warn(f"the job summary could not be written: {error.strerror}")


def set_outputs(values: Mapping[str, str]) -> None:
    """Outputs of this step, where there is a runner: each with a delimiter that nobody can guess."""
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    text = ""
    for name, value in values.items():
        mark = f"catalog_{secrets.token_hex(16)}"
        text += f"{name}<<{mark}\n{value}\n{mark}\n"
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            out.write(text)
    except OSError as error:
        warn(f"the outputs could not be written: {error.strerror}")
