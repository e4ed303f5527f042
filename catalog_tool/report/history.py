"""A prompt's history for people, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.catalog_list import label_text
from catalog_tool.report.escape import for_terminal

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def history_text(document: Mapping[str, Any], *, color: bool) -> str:
    """What was live, where a time was asked for, then every event."""
    lines = [*_live(document), *(line for event in document["events"] for line in _event(event))]
    if not lines:
        return f"Nothing has changed {for_terminal(document['id'])} in this history.\n"
    return "\n".join(f"{_BOLD}{text}{_RESET}" if head and color else text for head, text in lines) + "\n"


def _live(document: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    at, live = document["at"], document["live"]
    if at is None:
        return
    yield True, f"Live at {at}:"
    if live is None:
        yield False, "  nothing: the history begins later"
    for label, found in (live or {}).items():
        if found is None:
            yield False, f"  {label}: there was no such label"
            continue
        ids = ", ".join(
            str(version["version_id"] or f"{version['version']} (missing or unusable)") for version in found["versions"]
        )
        yield False, f"  {label}: {label_text(found['value'])}  {ids}  (commit {found['commit'][:12]})"
    yield False, ""


def _event(event: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    yield True, f"{event['time']}  {for_terminal(event['author'])}  {event['commit'][:12]}"
    yield False, f"  {for_terminal(event['subject'])}"
    for line in event["body"].splitlines():
        if line.strip():
            yield False, f"  | {for_terminal(line)}"
    for merged in event["merged"]:
        yield (
            False,
            f"  merged {merged['commit'][:12]} {for_terminal(merged['author'])}: {for_terminal(merged['subject'])}",
        )
    for change in event["changes"]:
        yield False, f"  {_change(change)}"
        for found in change["judgements"]:
            yield False, f"    {_judgement(found)}"


def _judgement(found: Mapping[str, Any]) -> str:
    """``v1 → v2: contract patch, behaviour high: …``."""
    pair = found["to"] if found["from"] == found["to"] else f"{found['from']} → {found['to']}"
    levels = f"contract {found['contract']}, behaviour {found['behaviour']}: " if found["contract"] else ""
    return f"{pair}: {levels}{for_terminal(found['summary'])}"


def _change(change: Mapping[str, Any]) -> str:
    name = for_terminal(change["name"])
    if change["kind"] == "registry":
        path = for_terminal(change["path"])
        return f"its labels in {path} can{' be read again' if change['op'] == 'readable' else 'not be read'}"
    if change["kind"] != "label":
        return f"{change['op']} {change['kind']} {name}"
    before, after = (label_text(value) if value is not None else "nothing" for value in (change["from"], change["to"]))
    return f"label {name}: {before} -> {after}"
