"""``catalog alert``: tell people about drift, and when it is over."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.alerting import Told, tell_all, tell_manager, words_for
from catalog_tool.cli.context import answer, format_option
from catalog_tool.cli.drift import EXIT_CODES, duration_seconds
from catalog_tool.cli.hosted import (
    add_summary,
    catalog_id,
    event,
    forge_options,
    open_forge,
    read_document,
    run_url,
    set_outputs,
    warn,
)
from catalog_tool.clock import now
from catalog_tool.errors import UsageError
from catalog_tool.report.alert_words import Facts
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.sync.alarm import QUIET, Alarm, AlarmMemory, Situation, alarms
from catalog_tool.sync.drift import BEHIND, UNKNOWN, worst

EPILOG = """\b
Examples:
  catalog drift production --format json > drift.json
  catalog alert drift.json --dry-run
  catalog alert drift.json --state .catalog/alerts.json --after 3
  catalog alert drift.json --no-issue --alertmanager http://localhost:9093

One issue a target: rewritten in place, commented on when the set of objects changes, closed when the target
is clean, opened again later. A target that could not be looked at --after times in a row has an issue of its
own; that says nothing about drift. CATALOG_WEBHOOK_URL names a chat's incoming webhook.

\b
Exit codes: 0 every target is in sync, 1 drift or behind, 2 wrong usage, 3 a target could not be looked at,
or somebody could not be told.
"""
_SAID_BYTES = 20_000


@click.command("alert", epilog=EPILOG)
@click.argument("drift", metavar="DRIFT.json")
@click.option("--target", "targets", multiple=True, help="A target that was asked about; repeatable.")
@click.option("--said", metavar="FILE", help="What `catalog drift` printed on stderr: why it could not look.")
@click.option("--state", metavar="FILE", help="What one run leaves for the next; counts failed looks.")
@click.option(
    "--after",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    metavar="N",
    help="Failed looks in a row until that is an alert; without --state, the first is.",
)
@click.option("--sync-workflow", metavar="NAME", help="The sync's workflow, whose failed run is linked.")
@click.option("--branch", metavar="NAME", help="The branch that is synced.  [default: the repository's]")
@click.option("--issue/--no-issue", default=True, help="Keep an issue.  [default: issue]")
@click.option("--alertmanager", metavar="URL", help="Send alerts to this Alertmanager too.")
@click.option(
    "--lasts", default="3h", show_default=True, metavar="DURATION", help="There: ends unless it is sent again."
)
@forge_options
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, drift: str, output: str, *, issue: bool, dry_run: bool, **asked: Any) -> int:
    """Tell people about drift, and when it is over."""
    memory = AlarmMemory(Path(asked["state"]) if asked["state"] else None)
    found = _situations(drift, asked["targets"], memory)
    raised = [alarm for each in found for alarm in alarms(each, asked["after"] if asked["state"] else 1)]
    facts = Facts(catalog_id(ctx, asked["catalog_id"]), run_url(), "", _said(asked["said"]), now())
    status = worst([each.status for each in found])
    if dry_run:
        told = [Told(alarm, "printed", "", True) for alarm in raised if alarm.is_raised is not None]
        answer(_json(found, told) if output == "json" else _printed(raised, facts))
        return EXIT_CODES[status]
    facts, told, reached = _tell(raised, facts, memory, {**asked, "issue": issue})
    for each in found:
        memory.keep(each, [item.alarm for item in told if item.is_known and item.alarm.situation is each])
    memory.save()
    for alarm in raised:
        if alarm.is_raised:
            add_summary(f"{words_for(alarm, facts).body}\n")
    set_outputs({"status": status})
    answer(_json(found, told) if output == "json" else _text(found, told))
    return EXIT_CODES[status] if reached and all(item.is_known for item in told) else 3


def _tell(
    raised: list[Alarm], facts: Facts, memory: AlarmMemory, asked: Mapping[str, Any]
) -> tuple[Facts, list[Told], bool]:
    """Tell everybody; the last item says whether Alertmanager heard."""
    lasts = duration_seconds("--lasts", asked["lasts"])
    with contextlib.ExitStack() as stack:
        forge = open_forge(asked["repository"], asked["author"]) if asked["issue"] else None
        if forge is not None:
            stack.callback(forge.close)
            is_behind = any(alarm.situation.status == BEHIND for alarm in raised)
            if asked["sync_workflow"] and is_behind:
                run = forge.failed_run(asked["sync_workflow"], asked["branch"] or _branch())
                facts = facts._replace(failed_run=run or "")
        elif asked["issue"]:
            warn("there is no token to keep an issue with, so the alert is in the job summary only")
        told = tell_all(raised, facts, forge, memory)
    return facts, told, tell_manager(asked["alertmanager"], raised, facts, lasts)


def _branch() -> str:
    repository = event().get("repository")
    named = repository.get("default_branch") if isinstance(repository, dict) else None
    return str(named or "main")


def _situations(path: str, targets: tuple[str, ...], memory: AlarmMemory) -> list[Situation]:
    """What was found, by target. No document at all is a look that failed, of the targets that were named."""
    found: Mapping[str, Any] = {}
    try:
        document = read_document("DRIFT.json", path, "drift-output")
        found = document.get("targets", {})
        wrong = f"{path} holds an error: {document['error']['message']}" if document["status"] == "error" else ""
    except UsageError as error:
        wrong = error.message
    names = list(dict.fromkeys((*found, *targets)))
    if not names:
        hint = "write it with `catalog drift --format json`, and name the target that was meant with --target"
        raise UsageError(wrong or f"{path} names no target", hint=hint)
    if wrong:
        warn(f"this says nothing about {', '.join(names)}: {wrong}")
    return [_situation(name, found.get(name), memory) for name in names]


def _situation(name: str, found: Mapping[str, Any] | None, memory: AlarmMemory) -> Situation:
    status = UNKNOWN if found is None else str(found["status"])
    failures = (memory.failures(name) or 0) + 1 if status == UNKNOWN else 0
    if found is None:
        return Situation(name, status, (), failures)
    return Situation(name, status, tuple(found["objects"]), failures, found.get("superseded"))


def _said(path: str | None) -> str:
    if path is None:
        return ""
    try:
        return Path(path).read_bytes()[-_SAID_BYTES:].decode(errors="replace")
    except OSError as error:
        raise UsageError(f"--said {path}: {error.strerror}") from error


def _printed(raised: list[Alarm], facts: Facts) -> str:
    """What would stand in the issues."""
    parts = []
    for alarm in raised:
        if alarm.is_raised:
            words = words_for(alarm, facts)
            parts.append(f"# {words.title}\n\n{words.body}")
    return "\n".join(parts) or "Nothing to tell."


def _json(found: list[Situation], told: list[Told]) -> str:
    targets = {
        each.target: {"status": each.status, "failures": each.failures, "alerts": _alerts(each, told)} for each in found
    }
    return json_document({"format": 1, "status": worst([each.status for each in found]), "targets": targets})


def _alerts(situation: Situation, told: list[Told]) -> list[dict[str, Any]]:
    return [
        {
            "kind": item.alarm.kind,
            "raised": item.alarm.is_raised,
            "action": item.action,
            "url": item.url or None,
        }
        for item in told
        if item.alarm.situation is situation and item.alarm.is_raised is not None
    ]


def _text(found: list[Situation], told: list[Told]) -> str:
    lines = []
    for each in found:
        lines.append(f"{for_terminal(each.target)}: {each.status}")
        lines += [
            f"  {item.alarm.kind}: {item.action}{f' {for_terminal(item.url)}' if item.url else ''}"
            for item in told
            if item.alarm.situation is each and item.action != QUIET
        ]
    return "\n".join(lines)
