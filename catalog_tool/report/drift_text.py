"""Drift for people at a terminal, and for the Markdown of an issue."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from catalog_tool.report.escape import for_terminal, inline_code

_WORDS = {
    "in_sync": "in sync", "drift": "drift: somebody changed it",
    "behind": "behind: git has been ahead for longer than allowed", "unknown": "unknown: it could not be looked at",
}  # fmt: skip
STATES = {
    "drifted": "edited on the target", "conflict": "edited on the target, and git changed it too",
    "missing": "deleted on the target", "prune_conflict": "git no longer has it, and it was edited on the target",
    "collision": "something else has this name", "pending": "git is ahead", "create": "not there yet",
    "override": "moved on purpose by a rollback", "converged": "already what git says now",
    "adopt": "equal, and not marked as ours", "prune": "git no longer has it", "gone": "gone on both sides",
    "foreign": "belongs to another catalog",
}  # fmt: skip
_WRITTEN = frozenset({"pending", "create", "missing"})
"""What any sync writes, without being told to overwrite."""
REPORTED = frozenset({"drifted", "conflict", "missing", "prune_conflict", "collision"})
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
SHOWN = 100


def drift_text(document: Mapping[str, Any], messages: Mapping[str, str], *, color: bool) -> str:
    """The document of ``drift`` in words; ``messages`` says by target why nothing is known."""
    lines: list[str] = []
    for name, found in document["targets"].items():
        head = f"{for_terminal(name)}: {_WORDS[found['status']]}"
        lines.append(f"{_BOLD}{head}{_RESET}" if color else head)
        if name in messages:
            lines.append(f"  {for_terminal(messages[name])}")
        lines.extend(f"  {line}" for line in _objects(found["objects"]))
        if found["counts"]:
            lines.append(f"  {_counts(found['counts'])}")
        lines.extend(_advice(name, found["objects"]))
    return "\n".join(lines) + "\n"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def _objects(objects: list[Mapping[str, Any]]) -> Iterator[str]:
    for item in objects[:SHOWN]:
        by = f", by {for_terminal(str(item['by']))}" if item["by"] else ""
        since = f", since {for_terminal(str(item['since']))}" if item["since"] else ""
        yield f"{for_terminal(item['object'])}  {item['state']}: {STATES[item['state']]}{since}{by}"
        if item["state"] in REPORTED:
            yield f"    git says {shown_value(item['expected'])}, the target holds {held_value(item)}"
    if len(objects) > SHOWN:
        yield f"… and {len(objects) - SHOWN} more (see --format json)"


def shown_value(value: Any) -> str:
    """A label's value, or the short form of a digest, on one line."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return for_terminal(text[:19] if text.startswith("sha256:") else text)


def held_value(item: Mapping[str, Any]) -> str:
    """What the target holds, and which version has that content in git: then there is nothing to bring."""
    known = item.get("elsewhere")
    return f"{shown_value(item['actual'])}{f', which git has as {known}' if known else ''}"


def to_bring(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Edits that git does not have."""
    return [item for item in objects if item["state"] in REPORTED and not item.get("elsewhere")]


def to_put_back(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What only a sync that is told to overwrite it takes."""
    found = (item for item in objects if item["state"] in REPORTED and item["state"] != "missing")
    return [item for item in found if item["expected"] is not None]


def to_write(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What any sync writes."""
    return [item for item in objects if item["state"] in _WRITTEN]


def _advice(name: str, objects: list[Mapping[str, Any]]) -> Iterator[str]:
    """The lines to paste: for the runtime's side, and for git's."""
    target = for_terminal(shlex.quote(name))
    if to_bring(objects):
        yield "  to bring the edits to git:"
        yield f"    catalog pull {target}"
    kept = to_put_back(objects)[:SHOWN]
    if kept:
        yield "  to put back what git says:"
    for item in kept:
        yield f"    catalog sync {target} --overwrite {for_terminal(overwrite_argument(item))}"
    if to_write(objects):
        yield "  to write what git is ahead by, or what was deleted there:"
        yield f"    catalog sync {target}"


def overwrite_argument(item: Mapping[str, Any]) -> str:
    """``OBJECT=DIGEST`` for a shell."""
    actual = item["actual"]
    token = "absent" if actual is None else actual if isinstance(actual, str) else _canonical(actual)
    return shlex.quote(f"{item['object']}={token}")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def drift_markdown(document: Mapping[str, Any], messages: Mapping[str, str]) -> str:
    """The body of an issue: what drifted, since when, and what to run."""
    lines: list[str] = []
    for name, found in document["targets"].items():
        lines += [f"## {inline_code(name)}: {_WORDS[found['status']]}", ""]
        if name in messages:
            lines += [inline_code(messages[name]), ""]
        if found["objects"]:
            lines += ["| object | state | git says | the target holds | since | by |", "|---|---|---|---|---|---|"]
            lines += [_row(item) for item in found["objects"][:SHOWN]]
            if len(found["objects"]) > SHOWN:
                lines += ["", f"… and {len(found['objects']) - SHOWN} more."]
            lines.append("")
        if found["counts"]:
            lines += [_counts(found["counts"]) + ".", ""]
        advice = [line.strip() for line in _advice(name, found["objects"])]
        if advice:
            shown = [line if line.startswith("catalog ") else f"# {line.rstrip(':')}" for line in advice]
            lines += ["```sh", *shown, "```", ""]
    return "\n".join(lines)


def _row(item: Mapping[str, Any]) -> str:
    cells = [
        inline_code(item["object"]),
        f"{item['state']}: {STATES[item['state']]}",
        inline_code(shown_value(item["expected"])),
        inline_code(held_value(item)),
        inline_code(str(item["since"])) if item["since"] else "",
        inline_code(str(item["by"])) if item["by"] else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
