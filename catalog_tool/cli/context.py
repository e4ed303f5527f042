"""What every command needs from the global options, and how it answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from catalog_tool.source.root import Place, find_root

_Command = TypeVar("_Command", bound=Callable[..., Any])


def place_of(ctx: click.Context) -> Place:
    """The catalog that ``-C``, or the working directory, names."""
    return find_root(ctx.find_root().obj["root"])


def wants_color(ctx: click.Context) -> bool:
    """Colour for people at a terminal; never under ``--no-color``, ``NO_COLOR`` or in CI."""
    if ctx.find_root().obj["no_color"] or os.environ.get("NO_COLOR") or os.environ.get("CI"):
        return False
    return sys.stdout.isatty()


def in_actions() -> bool:
    """Whether the output is a GitHub Actions log, which obeys commands in it."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def answer(text: str) -> None:
    """The result, on stdout."""
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")


def tell(text: str) -> None:
    """Anything that is not the result, on stderr."""
    if text:
        sys.stderr.write(text if text.endswith("\n") else f"{text}\n")


def format_option(*names: str) -> Callable[[_Command], _Command]:
    """``--format`` with these choices, the first being the default."""
    return click.option(
        "--format", "output", type=click.Choice(names), default=names[0], show_default=True, help="Form of the result."
    )


rev_option = click.option(
    "--rev", "revision", metavar="REV", help="Read this git revision instead of the work tree."
)
