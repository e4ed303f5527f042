"""A plan in a pull request: what the merge would write, and the digest that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.diff_markdown import code, prose
from catalog_tool.report.escape import for_markdown, inline_code
from catalog_tool.report.sync_text import result_words

ROWS = 30
FEW = 5
"""Rows up to which the table is not folded."""
_COUNTS = {"create": "to create", "update": "to update", "label": "to move", "adopt": "to mark", "delete": "to delete"}
_VERBS = {
    "create": "create", "update": "update", "label": "move", "adopt": "mark as ours", "delete": "**delete**",
    "noop": "leave",
}  # fmt: skip
_KEPT = frozenset({"prune", "override"})
"""What a sync leaves alone as it should: without --prune, and until git answers."""


def plan_markdown(document: Mapping[str, Any]) -> str:
    """The document of ``plan``, ``apply`` or ``sync``; ends with a line feed."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    target = code(str(document["target"]))
    counts = [f"{number} {_COUNTS[kind]}" for kind, number in document["summary"].items() if number and kind in _COUNTS]
    counted = f" ({', '.join(counts)})" if counts else ""
    yield f"**Target** {target}: {result_words(document)}{counted}"
    yield ""
    for blocked in document["blocked"]:
        allow = f" If that is meant: {for_markdown(str(blocked['allow']))}" if blocked["allow"] else ""
        yield f"- {prose(str(blocked['reason']))}.{allow}"
    if document["blocked"]:
        yield ""
    yield from _table([action for action in document["actions"] if action["action"] != "noop" or _is_left(action)])
    if document["status"] == "planned":
        digest = inline_code(str(document["plan_digest"]))
        yield f"Plan {digest}. After the merge, `sync --expect` writes this plan and no other."
        yield ""


def _is_left(action: Mapping[str, Any]) -> bool:
    """Whether it is what makes a result partial: an edit, another catalog's object, and what waits for either."""
    return action["outcome"] == "skipped" and action["state"] not in _KEPT


def _table(actions: list[Mapping[str, Any]]) -> Iterator[str]:
    if not actions:
        return
    if len(actions) > FEW:
        yield f"<details><summary>All {len(actions)}</summary>"
        yield ""
    says_why = any(action["reason"] for action in actions[:ROWS])
    yield f"| what | object | state |{' why |' if says_why else ''}"
    yield f"| --- | --- | --- |{' --- |' if says_why else ''}"
    for action in actions[:ROWS]:
        outcome = "" if action["outcome"] in ("planned", "done") else f", {action['outcome']}"
        reason = prose(str(action["reason"])) if action["reason"] else ""
        name = code(str(action["object"]))
        why = f" {reason} |" if says_why else ""
        yield f"| {_VERBS[action['action']]} | {name} | {action['state']}{outcome} |{why}"
    if len(actions) > ROWS:
        yield f"\n… and {len(actions) - ROWS} more."
    if len(actions) > FEW:
        yield "\n</details>"
    yield ""
