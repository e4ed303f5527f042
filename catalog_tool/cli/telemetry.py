"""``catalog telemetry``: the stack that collects what ``catalog usage`` reads."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from catalog_tool.cli.context import answer, format_option, place_of
from catalog_tool.errors import UsageError
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.usage.kit.dashboard import dashboard
from catalog_tool.usage.kit.files import kit_files, listing_files
from catalog_tool.usage.kit.folder import MANIFEST, Written, read_manifest, write_kit
from catalog_tool.usage.kit.listing import Entry, entries_of
from catalog_tool.usage.listed import listed_at, listed_in_file, with_plugins
from catalog_tool.usage.windows import DAY, SECOND, duration

EPILOG = """\b
Examples:
  catalog telemetry init telemetry       a collector, Loki, Prometheus, Grafana: rules, dashboard, compose file
  catalog telemetry dashboard telemetry  after a change of the catalog: its list is made anew
  catalog telemetry dashboard            the dashboard alone, on stdout
"""
INIT_EPILOG = """\b
Examples:
  catalog telemetry init telemetry && cd telemetry && docker compose up -d
  catalog telemetry init telemetry --stale-after 45d
  catalog telemetry init telemetry --overwrite

Only DIR is written to. Files that were changed by hand are left alone and named, unless --overwrite is given.

Exit codes: 0 done, 2 the folder cannot be used.
"""
DASHBOARD_EPILOG = """\b
Examples:
  catalog telemetry dashboard telemetry                 the dashboard and the list of rules in a kit
  catalog telemetry dashboard > dashboard.json          for a Grafana of your own
  catalog telemetry dashboard --catalog dist/skills-catalog.json

Exit codes: 0 done, 1 a file was changed by hand and is left as it is, 2 there is no kit in DIR.
"""
_MOST_DAYS = 45
"""Half of what the kit's stores keep: an alert looks back twice the stale window."""
_STALE = "30d"

_catalog_option = click.option(
    "--catalog", "catalog_file", metavar="FILE", help="Skills of this skills-catalog.json, not the work tree's."
)
_overwrite_option = click.option("--overwrite", is_flag=True, help="Also write over files that were changed by hand.")


@click.group("telemetry", epilog=EPILOG)
def command() -> None:
    """The stack that collects skill activity, and its dashboard."""


@command.command("init", epilog=INIT_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--stale-after", default=_STALE, show_default=True, metavar="DURATION", help="Unused for so many days is stale."
)
@_catalog_option
@_overwrite_option
@format_option("text", "json")
@click.pass_context
def init(
    ctx: click.Context, /, folder: str, stale_after: str, catalog_file: str | None, *, overwrite: bool, output: str
) -> int:
    """Write the stack for a laptop and for a team into DIR."""
    days = _days(stale_after)
    files = kit_files(_entries(ctx, catalog_file), days)
    written = write_kit(Path(folder), files, days, overwrite=overwrite)
    _report(folder, written, output, _next_steps(folder) if written.created else [])
    return 0


@command.command("dashboard", epilog=DASHBOARD_EPILOG)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path())
@_catalog_option
@_overwrite_option
@format_option("text", "json")
@click.pass_context
def make_dashboard(
    ctx: click.Context, /, folder: str | None, catalog_file: str | None, *, overwrite: bool, output: str
) -> int:
    """Make the dashboard anew, so that its list of skills is current."""
    if folder is None:
        answer(dashboard(_entries(ctx, catalog_file), _days(_STALE)))
        return 0
    manifest = read_manifest(Path(folder))
    if manifest is None:
        raise UsageError(f"{folder} holds no telemetry kit ({MANIFEST})", hint=f"`catalog telemetry init {folder}`")
    files = listing_files(_entries(ctx, catalog_file), manifest.stale_days)
    written = write_kit(Path(folder), files, manifest.stale_days, overwrite=overwrite)
    changed = bool(written.created or written.updated)
    reload = ["`docker compose kill -s HUP prometheus` there: it reads its rules again."]
    _report(folder, written, output, reload if changed else [])
    return 1 if written.kept else 0


def _entries(ctx: click.Context, catalog_file: str | None) -> list[Entry]:
    place = place_of(ctx)
    return entries_of(
        with_plugins(listed_in_file(catalog_file), place) if catalog_file is not None else listed_at(place)
    )


def _days(stale_after: str) -> int:
    """Whole days. Raises ``UsageError`` for anything else, and for more than the kit's stores can tell."""
    seconds = duration("--stale-after", stale_after)
    days, rest = divmod(seconds * SECOND, DAY)
    if rest or days > _MOST_DAYS:
        hint = f"whole days, {_MOST_DAYS} at most: the kit keeps its data for 100"
        raise UsageError(f"--stale-after {stale_after} is nothing that the kit's alerts can look back on", hint=hint)
    return days


def _report(folder: str, written: Written, output: str, steps: list[str]) -> None:
    if output == "json":
        status = "kept" if written.kept else "ok"
        answer(json_document({"format": 1, "status": status, "folder": folder, **written._asdict()}))
        return
    shown = for_terminal(folder)
    is_current = not (written.created or written.updated or written.kept)
    lines = [f"{shown} has everything already." if is_current else f"In {shown}:"]
    for verb, paths in (("wrote", written.created), ("updated", written.updated)):
        lines += [f"  {verb} {path}" for path in paths]
    if written.kept:
        lines += [
            "Changed by hand and left alone (--overwrite writes over it):",
            *(f"  {path}" for path in written.kept),
        ]
    answer("\n".join([*lines, *steps]))


def _next_steps(folder: str) -> list[str]:
    return [
        "",
        "What to do next:",
        f"  cd {for_terminal(shlex.quote(folder))}",
        "  cp .env.example .env      say what the agent may tell; each flag names what it exposes",
        "  docker compose up -d      Grafana on http://localhost:3001 (admin/admin)",
    ]
