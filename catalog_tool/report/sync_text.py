"""A plan, or what came of it, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.escape import for_terminal

_SIGNS = {"create": "+", "update": "~", "label": ">", "adopt": "=", "delete": "-", "noop": " "}
DONE_WORDS = {
    "unchanged": "nothing to do", "planned": "planned; nothing was written", "done": "done",
    "blocked": "blocked; nothing was written", "stale": "stale; nothing was written",
    "superseded": "superseded; nothing was written", "partial": "partly done",
}  # fmt: skip
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
SHOWN = 200
"""Objects listed one by one; more are counted."""


def sync_text(document: Mapping[str, Any], *, color: bool) -> str:
    """The document of ``plan``, ``apply`` or ``sync`` in words."""
    return "\n".join(_lines(document, color=color)) + "\n"


def _lines(document: Mapping[str, Any], *, color: bool) -> Iterator[str]:
    head = f"{for_terminal(document['target'])}: {result_words(document)}"
    yield f"{_BOLD}{head}{_RESET}" if color else head
    actions = document["actions"]
    for action in actions[:SHOWN]:
        yield _action(action)
    if len(actions) > SHOWN:
        yield f"  … and {len(actions) - SHOWN} more (see --format json)"
    for blocked in document["blocked"]:
        yield f"  ! {for_terminal(blocked['reason'])}"
        if blocked["allow"]:
            yield f"    if that is meant: {blocked['allow']}"
    counts = [f"{number} {kind}" for kind, number in document["summary"].items() if number]
    yield f"{', '.join(counts) or 'no objects'}; bundle {(document['bundle'] or 'none')[:19]}"
    if document["status"] == "planned":
        yield f"plan {document['plan_digest']}"


def result_words(document: Mapping[str, Any]) -> str:
    """What came of it, in a few words; a plan was not done at all, partly neither."""
    outcomes = {action["outcome"] for action in document["actions"]}
    if document["status"] != "partial" or outcomes & {"failed", "dropped", "unconfirmed"}:
        return DONE_WORDS[document["status"]]
    if "planned" in outcomes:
        return "planned but for what is left alone; nothing was written"
    return "done but for what is left alone" if "done" in outcomes else "nothing to write; something is left alone"


def _action(action: Mapping[str, Any]) -> str:
    sign = _SIGNS[action["action"]]
    name = for_terminal(action["object"])
    outcome = "" if action["outcome"] in ("planned", "done") else f" {action['outcome']}"
    reason = f": {for_terminal(action['reason'])}" if action["reason"] else ""
    return f"  {sign} {name}  {action['state']}{outcome}{reason}"
