"""The status of targets for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.drift_text import SHOWN, superseded_line
from catalog_tool.report.escape import for_terminal

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def status_text(document: Mapping[str, Any], *, color: bool) -> str:
    """The document of ``status`` in words."""
    lines: list[str] = []
    for name, found in document["targets"].items():
        head = f"{for_terminal(name)}: {for_terminal(_where(found['backend'], found['place']))}"
        lines.append(f"{_BOLD}{head}{_RESET}" if color else head)
        lines.extend(f"  {line}" for line in _lines(found))
    return "\n".join(lines) + "\n"


def _where(backend: str, place: str) -> str:
    """Most places begin with the kind of store; of one that could not be opened only that is known."""
    if not place:
        return backend
    return place if place.split()[:1] == [backend] else f"{backend} at {place}"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    if found["message"] is not None:
        yield f"unknown: {for_terminal(found['message'])}"
    else:
        yield from _known(found)
    if found["cannot_block"]:
        asked = "edits: block is not enforced here" if found["edits"] == "block" else "edits here cannot be blocked"
        yield f"{asked}: {for_terminal(found['cannot_block'])}"
        yield _seen(found["edit_seen"])


def _seen(seen: Mapping[str, Any]) -> str:
    """How long until applications, and until we, see an edit."""
    reaches = f"an edit reaches applications within {seen['applications_seconds']} s and is seen by"
    if seen["schedule"] is None:
        return f"{reaches} the next `catalog drift`, `plan` or `sync`; no workflow here runs drift for it on a schedule"
    within = f"within {seen['drift_seconds'] // 60} min " if seen["drift_seconds"] is not None else ""
    schedule = f"{for_terminal(seen['schedule']['path'])}, cron {for_terminal(seen['schedule']['cron'])}"
    return f"{reaches} `catalog drift` {within}({schedule}), or by a `plan` or `sync` before"


def _known(found: Mapping[str, Any]) -> Iterator[str]:
    last = found["last_sync"]
    if last is None:
        yield "never synced"
    else:
        commit = last["commit"][:12] if last["commit"] else "no commit"
        yield f"last sync {last['finished_at']}: {commit}, bundle {last['bundle'][:19]}"
    if found["superseded"]:
        yield superseded_line(found["superseded"])
    if found["unfinished"]:
        yield f"a sync of {found['unfinished']['started_at']} did not finish; the next one resumes it"
    if found["running"]:
        running = found["running"]
        yield f"{for_terminal(running['holder'])} is syncing it (process {running['pid']})"
    for override in found["overrides"]:
        yield (
            f"override {for_terminal(override['object'])} = {for_terminal(override['value'])}, "
            f"by {for_terminal(override['by'])} at {override['at']}: {for_terminal(override['reason'])}"
        )
    if found["counts"]:
        yield ", ".join(f"{number} {state}" for state, number in found["counts"].items())
    unfit = sorted(found.get("unfit", {}).items())
    for address, why in unfit[:SHOWN]:
        yield f"{for_terminal(address)} stays as it is: the target {for_terminal(why)}"
    if len(unfit) > SHOWN:
        yield f"… and {len(unfit) - SHOWN} more that stay as they are (see --format json)"
