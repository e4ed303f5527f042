"""What every command needs from the global options, and how it answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

from catalog_tool.errors import UsageError
from catalog_tool.report.context import ReportContext
from catalog_tool.report.escape import for_actions_log
from catalog_tool.source.root import Place, find_root

_Command = TypeVar("_Command", bound=Callable[..., Any])


def place_of(ctx: click.Context) -> Place:
    """The catalog that ``-C``, or the working directory, names."""
    return find_root(ctx.find_root().obj["root"])


def lazily(name: str) -> Any:
    """``checks.build:build``: something of this package that only this call needs.

    A command's module imports what every run of it needs; the rest waits, so that an answer that is
    known already costs no more than starting.
    """
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"catalog_tool.{module}"), attribute)


def report_context(ctx: click.Context, place: Place, *, strict: bool) -> ReportContext:
    """Where a report of findings is shown; paths are given as seen from the top of the repository."""
    return ReportContext(color=wants_color(ctx), actions=in_actions(), strict=strict, path_prefix=shown_prefix(place))


def shown_prefix(place: Place) -> str:
    """The catalog's root as seen from where the reader stands, with a final ``/``, or empty.

    A forge reads paths from the top of the repository: in the CI of GitHub and GitLab that is where readers stand.
    """
    is_read_by_forge = in_actions() or os.environ.get("GITLAB_CI") == "true"
    base = place.git.top if is_read_by_forge and place.git is not None else os.path.realpath(".")
    if base == place.root:
        return ""
    return os.path.relpath(place.root, base).replace(os.sep, "/") + "/"


def inner_paths(place: Place, paths: tuple[str, ...]) -> list[str]:
    """Paths as typed, relative to the catalog's root. Raises ``UsageError`` for one outside it, or missing."""
    found = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path}: there is no such file or folder")
        folder, name = os.path.split(os.path.abspath(path))
        full = os.path.join(os.path.realpath(folder), name)
        inner = os.path.relpath(full, place.root).replace(os.sep, "/")
        if inner == ".." or inner.startswith("../"):
            raise UsageError(f"{path} is outside the catalog {place.root}", hint="name its catalog with -C")
        found.append(inner)
    return found


def wants_color(ctx: click.Context) -> bool:
    """Colour for people at a terminal; never under ``--no-color``, ``NO_COLOR`` or in CI."""
    if ctx.find_root().obj["no_color"] or os.environ.get("NO_COLOR") or os.environ.get("CI"):
        return False
    return sys.stdout.isatty()


def in_actions() -> bool:
    """Whether the output is a GitHub Actions log, which obeys commands in it."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def answer(text: str, *, has_commands: bool = False) -> None:
    """The result, on stdout; in an Actions log nothing in it is obeyed, unless it is made of commands."""
    whole = text if text.endswith("\n") or not text else f"{text}\n"
    sys.stdout.write(whole if has_commands or not in_actions() else for_actions_log(whole))


def tell(text: str) -> None:
    """Anything that is not the result, on stderr."""
    if text:
        whole = text if text.endswith("\n") else f"{text}\n"
        sys.stderr.write(for_actions_log(whole) if in_actions() else whole)


def format_option(*names: str, open_to_more: bool = False) -> Callable[[_Command], _Command]:
    """``--format`` with these choices, the first being the default; other packages may add more."""
    kind = click.STRING if open_to_more else click.Choice(names)
    return click.option(
        "--format", "output", type=kind, metavar=f"[{'|'.join(names)}]", default=names[0], show_default=True,
        help="Form of the result.",
    )  # fmt: skip


rev_option = click.option("--rev", "revision", metavar="REV", help="Read this git revision instead of the work tree.")
