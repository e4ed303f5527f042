"""What ``catalog watch`` saw, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.catalog_list import label_text
from catalog_tool.report.escape import for_terminal

_WORDS = {
    "healthy": "healthy", "waiting": "not enough to say yet", "breach": "BREACH, nothing was moved",
    "rolled_back": "BREACH, rolled back", "override": "rolled back before, until git catches up",
    "unknown": "unknown: it could not be looked at",
}  # fmt: skip
_SIGNS = {"healthy": "ok", "breach": "!!", "too_few": "..", "unknown": "??"}
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def watch_text(document: Mapping[str, Any], *, color: bool) -> str:
    """One paragraph a label, or why there is none."""
    if document.get("message"):
        return f"{for_terminal(document['target'])}: {_WORDS['unknown']}\n  {for_terminal(document['message'])}\n"
    return "\n".join(line for found in document["labels"] for line in _label(document, found, color=color)) + "\n"


def _label(document: Mapping[str, Any], found: Mapping[str, Any], *, color: bool) -> Iterator[str]:
    value = label_text(found["value"]) if found["value"] is not None else "?"
    name = f"{for_terminal(found['prompt'])}@{for_terminal(found['label'])} ({for_terminal(value)})"
    head = f"{name} on {for_terminal(document['target'])}: {_WORDS[found['status']]}"
    yield f"{_BOLD}{head}{_RESET}" if color else head
    for check in found["checks"]:
        yield f"  {_SIGNS[check['outcome']]} {for_terminal(check['version_id'])}  {for_terminal(check['message'])}"
    if found["message"] and not found["checks"]:
        yield f"  {for_terminal(found['message'])}"
    made = found["rollback"]
    if made is not None:
        branch = f"; {for_terminal(made['branch'])} brings git along" if made["branch"] else ""
        yield f"  {for_terminal(found['label'])} is {for_terminal(label_text(made['to']))} now{branch}"
    elif found["status"] == "breach" and not document["acts"]:
        yield "  with --act it would be rolled back"
