"""``catalog token``: tokens of the config service."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, place_of
from catalog_tool.clock import iso, now
from catalog_tool.errors import UsageError
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.server.tokens import ALL_LABELS, SCOPES, Token, TokenFile, Wish
from catalog_tool.source.root import Place

VARIABLE = "CATALOG_TOKENS"
USUAL = ".catalog/tokens.json"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)
EPILOG = """\b
Examples:
  catalog token create web-app
  catalog token create ci --scope sync --expires 90d
  catalog token create support-lead --scope read --scope write --label staging --label 'tenant_*'
  catalog token list
  catalog token revoke web-app

A token is shown once, when it is made; the file holds its hash. The service reads the file again when it
changes. Give the token to clients as CATALOG_TOKEN. Exit codes: 0 done, 2 wrong usage.
"""


def tokens_path(place: Place | None, given: str | None) -> Path | None:
    """The file that is named, by option or ``CATALOG_TOKENS``; else the usual one, if it is there."""
    named = given or os.environ.get(VARIABLE)
    if named:
        if not os.path.isfile(named):  # noqa: PTH113 - as typed
            raise UsageError(f"{named}: there is no such file", hint="make one with `catalog token create`")
        return Path(named)
    usual = Path(place.root if place is not None else ".", USUAL)
    return usual if usual.is_file() else None


def _file(ctx: click.Context, given: str | None) -> TokenFile:
    named = given or os.environ.get(VARIABLE)
    return TokenFile(Path(named) if named else Path(place_of(ctx).root, USUAL))


_tokens_option = click.option(
    "--tokens", "file", metavar="FILE", help=f"File of tokens; default: {VARIABLE}, else {USUAL} in the catalog."
)


@click.group("token", epilog=EPILOG)
def command() -> None:
    """Make, list and revoke tokens of the config service."""


@command.command("create", epilog=EPILOG)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=("read",),
    show_default=True,
    help="What it may do; repeatable. sync: everything that read and write may, too.",
)
@click.option("--label", "labels", multiple=True, metavar="PATTERN", default=ALL_LABELS, help="Only these labels.")
@click.option("--expires", metavar="DURATION", help="How long it lives: 12h, 90d; default: until it is revoked.")
@_tokens_option
@format_option("text", "json")
@click.pass_context
def create(ctx: click.Context, /, name: str, expires: str | None, file: str | None, output: str, **asked: Any) -> int:
    """Make a token; it is shown once."""
    seconds = None if expires is None else _seconds(expires)
    wish = Wish(name=name, scopes=asked["scopes"], labels=asked["labels"], seconds=seconds)
    tokens = _file(ctx, file)
    secret, token = tokens.create(wish, now())
    if output == "json":
        answer(json_document({"format": 1, "status": "created", "token": secret, **_shown(token)}))
        return 0
    answer(secret)
    click.echo(
        f"{token.id}: kept in {for_terminal(str(tokens.path))} as a hash; this is the only time it is shown", err=True
    )
    return 0


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"--expires {text}: write a number and one of s, m, h, d, w", hint="90d")
    return int(found[1]) * _UNITS[found[2]]


def _shown(token: Token) -> dict[str, Any]:
    times = {name: getattr(token, name) for name in ("created_at", "expires_at", "revoked_at")}
    found = {"id": token.id, "name": token.name, "scopes": list(token.scopes), "labels": list(token.labels)}
    return {**found, **{name: None if at is None else iso(at) for name, at in times.items()}}


@command.command("list", epilog=EPILOG)
@_tokens_option
@format_option("text", "json")
@click.pass_context
def list_tokens(ctx: click.Context, /, file: str | None, output: str) -> int:
    """Every token with what it may do; never the token itself."""
    found = _file(ctx, file).read()
    if output == "json":
        answer(json_document({"format": 1, "status": "ok", "tokens": [_shown(token) for token in found]}))
        return 0
    answer("\n".join(map(_line, found)) or "no tokens")
    return 0


def _line(token: Token) -> str:
    state = "revoked" if token.revoked_at is not None else "good" if token.is_good(now()) else "expired"
    until = "" if token.expires_at is None else f"  until {iso(token.expires_at)}"
    what = f"{','.join(token.scopes)}  labels {','.join(token.labels)}"
    return for_terminal(f"{token.id}  {state:<7}  {token.name}  {what}{until}")


@command.command("revoke", epilog=EPILOG)
@click.argument("token", metavar="ID|NAME")
@_tokens_option
@format_option("text", "json")
@click.pass_context
def revoke(ctx: click.Context, /, token: str, file: str | None, output: str) -> int:
    """Make a token worthless, within a second where a service runs."""
    found = _file(ctx, file).revoke(token, now())
    if output == "json":
        answer(json_document({"format": 1, "status": "revoked", **_shown(found)}))
        return 0
    answer(f"{found.id} ({for_terminal(found.name)}) is revoked")
    return 0
