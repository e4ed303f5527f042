"""``catalog comment``: one comment on a pull request, kept up to date."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from catalog_tool.backends.forge import Draft, NotAllowedError
from catalog_tool.cli.context import answer, format_option, tell
from catalog_tool.cli.hosted import (
    add_summary,
    catalog_id,
    commit,
    forge_options,
    open_forge,
    read_document,
    review_number,
    run_url,
    sequence,
    set_outputs,
    warn,
)
from catalog_tool.errors import UsageError
from catalog_tool.report.comment_markdown import Documents, Source, comment_markdown
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.report.plan_terraform import plan_terraform
from catalog_tool.report.pull_markdown import pull_markdown, pull_title
from catalog_tool.source.new_files import put, unwritten
from catalog_tool.sync.announce import LIMIT, Announced, Comment, announce, reviewed_plan
from catalog_tool.sync.forge_marker import COMMENT, PULL_REQUEST, Marker
from catalog_tool.sync.reverse_request import keep_request
from catalog_tool.sync.timing import SYSTEM

EPILOG = """\b
Examples:
  catalog diff --format json --output diff.json
  catalog diff --format markdown --output diff.md
  catalog comment --changes diff.json --report diff.md --dry-run
  catalog comment --changes diff.json --report diff.md --plan plan.json --target production
  catalog comment --pulled pull.json --base main     a pull request for what `catalog pull` brought
  catalog comment --reviewed-plan production     what to give `catalog sync --expect` after the merge

In GitHub Actions the pull request, the repository and the server come from the run, the token from
GITHUB_TOKEN; in GitLab CI likewise, with GITLAB_TOKEN. The comment is written to the job summary too. A
token that may not comment, or none, is a warning: a pull request from a fork has no other.

\b
Exit codes: 0 said, or nothing to say; 2 wrong usage; 3 the forge could not be reached.
"""
_MARKER_BYTES = 500
NOT_ALLOWED, PRINTED = "not_allowed", "printed"
_SENTENCES = {
    "created": "commented", "updated": "the comment is up to date", "newer": "a newer run has commented already",
    "nothing": "nothing changed, so there is nothing to say", NOT_ALLOWED: "not commented: the token may not",
}  # fmt: skip


@click.command("comment", epilog=EPILOG)
@click.option("--changes", help="`catalog diff --format json`; - is stdin.", metavar="FILE")
@click.option("--report", help="`catalog diff --format markdown`.", metavar="FILE")
@click.option("--findings", help="`catalog validate --format json`.", metavar="FILE")
@click.option("--plan", "plans", multiple=True, help="`catalog plan --format json`; repeatable.", metavar="FILE")
@click.option("--evaluation", "evaluations", multiple=True, help="`catalog eval --format json`; again.", metavar="FILE")
@click.option("--gate", "gates", multiple=True, help="`catalog gate --format json`; repeatable.", metavar="FILE")
@click.option("--terraform", metavar="FILE", help="Write the plans' counts here, for GitLab's terraform report.")
@click.option("--target", default="", metavar="TARGET", help="A comment of its own for this target.")
@click.option("--reviewed-plan", metavar="TARGET", help="Print the digest of the plan that was reviewed instead.")
@click.option("--pulled", metavar="FILE", help="`catalog pull --format json`: keep a pull request for it instead.")
@click.option("--base", default="main", show_default=True, metavar="BRANCH", help="With --pulled: merge it into this.")
@click.option("--number", type=click.IntRange(1), metavar="N", help="The pull request.  [default: the run's]")
@forge_options
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, output: str, *, dry_run: bool, **asked: Any) -> int:
    """One comment on a pull request, kept up to date."""
    if asked["reviewed_plan"] is not None:
        return _reviewed(ctx, asked)
    if asked["pulled"] is not None:
        return _pulled(ctx, {**asked, "dry_run": dry_run})
    if asked["changes"] is None:
        raise UsageError("--changes is missing", hint="write it with `catalog diff --format json --output FILE`")
    documents = _documents(asked)
    if asked["terraform"]:
        _write("--terraform", asked["terraform"], plan_terraform(documents.plans))
    plans = {plan["target"]: plan["plan_digest"] for plan in documents.plans if plan["status"] == "planned"}
    source = Source(catalog_id(ctx, asked["catalog_id"]), asked["target"], commit(), run_url())
    comment = Comment(
        Marker(COMMENT, source.catalog, source.target, sequence(), {"plans": plans} if plans else {}),
        lambda limit: comment_markdown(source, documents, limit),
        documents.has_changes,
    )
    if dry_run:
        said = Announced(PRINTED, "")
        if output == "text":
            answer(comment.body())
            return 0
    else:
        number = review_number(asked["number"])
        if documents.has_changes:
            add_summary(comment_markdown(source, documents, 500_000))
        said = _say(comment, number, asked)
        set_outputs({"action": said.action, "url": said.url})
    document = {"format": 1, "status": said.action, "url": said.url or None, "catalog": source.catalog or None}
    shown = f"{_SENTENCES.get(said.action, said.action)}{f': {for_terminal(said.url)}' if said.url else ''}"
    answer(json_document({**document, "target": source.target or None}) if output == "json" else shown)
    return 0


def _reviewed(ctx: click.Context, asked: dict[str, Any]) -> int:
    """Which plan the pull request of this commit showed, for ``catalog sync --expect``."""
    found = None
    forge = open_forge(asked["repository"], asked["author"])
    if forge is not None:
        with contextlib.closing(forge):
            wanted = Marker(COMMENT, catalog_id(ctx, asked["catalog_id"]), asked["target"], sequence(), {})
            found = reviewed_plan(forge, commit(), wanted, asked["reviewed_plan"], SYSTEM)
    set_outputs({"plan": found or ""})
    if found is None:
        tell(f"no reviewed plan for {for_terminal(asked['reviewed_plan'])} is known")
    answer(found or "")
    return 0


def _pulled(ctx: click.Context, asked: dict[str, Any]) -> int:
    """Open the pull request for a branch that `catalog pull` wrote and somebody pushed, or bring it up to date."""
    document = read_document("--pulled", asked["pulled"], "pull-output")
    branch = document.get("branch")
    if branch is None:
        answer("there is nothing to bring back")
        return 0
    source = catalog_id(ctx, asked["catalog_id"])
    report = _text("--report", asked["report"]) if asked["report"] else ""
    marker = Marker(PULL_REQUEST, source, str(document["target"]), sequence(), {})
    draft = Draft(
        pull_title(document, source), pull_markdown(document, report, LIMIT - _MARKER_BYTES), branch, asked["base"]
    )
    forge = None if asked["dry_run"] else open_forge(asked["repository"], asked["author"])
    if forge is None:
        if not asked["dry_run"]:
            warn("there is no token to open a pull request with")
        answer(f"# {draft.title}\n\n{draft.body}")
        return 0
    with contextlib.closing(forge):
        try:
            done = keep_request(forge, marker, draft, SYSTEM)
        except NotAllowedError as error:
            warn(f"{error.message}; opening a pull request needs the token of a GitHub App, or a project's token")
            return 3
    set_outputs({"action": done.action, "url": done.url})
    answer(f"{done.action}: {for_terminal(done.url)}")
    return 0


def _documents(asked: dict[str, Any]) -> Documents:
    findings, report = asked["findings"], asked["report"]
    return Documents(
        changes=read_document("--changes", asked["changes"], "diff-output"),
        findings=read_document("--findings", findings, "validate-output") if findings else None,
        plans=[read_document("--plan", path, "plan-output") for path in asked["plans"]],
        evaluations=[read_document("--evaluation", path, "eval-output") for path in asked["evaluations"]],
        gates=[read_document("--gate", path, "gate-output") for path in asked["gates"]],
        report=_text("--report", report) if report else "",
    )


def _write(option: str, path: str, text: str) -> None:
    try:
        put(Path(path), text.encode(errors="backslashreplace"))
    except OSError as error:
        raise unwritten(f"{option} {path}", error) from error


def _text(option: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from error


def _say(comment: Comment, number: int, asked: dict[str, Any]) -> Announced:
    forge = open_forge(asked["repository"], asked["author"])
    if forge is None:
        warn("there is no token to comment with, so the review is in the job summary only")
        return Announced(NOT_ALLOWED, "")
    with contextlib.closing(forge):
        try:
            return announce(forge, number, comment, SYSTEM)
        except NotAllowedError as error:
            warn(f"{error.message}; the review is in the job summary only ({error.hint})")
            return Announced(NOT_ALLOWED, "")
