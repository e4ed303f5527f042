"""Sentences that every report of a comparison shares."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from catalog_tool.diff.changes import ADDED, LABEL, REMOVED, RENAMED, TEST, Change, DiffResult, Tokens
from catalog_tool.diff.rules import CONTRACT_LEVELS
from catalog_tool.report.findings_text import counted

NO_CHANGES = "No changes."


def title(change: Change) -> str:
    """``support_agent v2 → v3``, ``support_agent@production: v2 → v3``, ``tests of support_agent``."""
    if change.kind == TEST:
        return f"tests of {change.artifact}"
    if change.kind == LABEL:
        return f"label {change.artifact} {value(change.before)} → {value(change.after)}"
    name = change.artifact if change.kind != "skill" else f"skill {change.artifact}"
    if change.op == RENAMED:
        return f"{name} (was {value(change.before)})"
    if change.op == ADDED:
        return f"{name} {value(change.after)} (new)"
    if change.op == REMOVED:
        return f"{name} {value(change.before)} (removed)"
    if change.before == change.after:
        return f"{name} {value(change.after)}"
    return f"{name} {value(change.before)} → {value(change.after)}"


def value(written: Any) -> str:
    """A version, a name, a label's value: ``v2``, ``v2 95 %, v3 5 %``."""
    if written is None:
        return "none"
    if isinstance(written, str):
        return written
    if isinstance(written, list):
        return ", ".join(f"{part['version']} {part['weight']:g} %" for part in written)
    return json.dumps(written, ensure_ascii=False)


def tokens(found: Tokens | None) -> str:
    """``~410 → ~455 tokens (+11 %)``; empty where nothing is known or changed."""
    if found is None or found.before == found.after:
        return ""
    relative = f" ({(found.after - found.before) / found.before:+.0%})" if found.before else ""
    return f"~{found.before} → ~{found.after} tokens{relative}"


def summary(result: DiffResult) -> str:
    """How many changes there are, how bad they are, and the smallest honest step."""
    if not result.changes:
        return NO_CHANGES
    levels = Counter(change.contract for change in result.changes)
    said = ", ".join(f"{levels[level]} {level}" for level in reversed(CONTRACT_LEVELS) if levels[level])
    step = result.to_json()["summary"]["step"]
    closing = f"; the smallest honest step is {step}" if step != "none" else ""
    return f"{counted(len(result.changes), 'change')} ({said}){closing}."


def listing(result: DiffResult) -> list[str]:
    """What happens to the skills' listing; empty where nothing does."""
    found = result.listing
    if found is None or found["before"] == found["after"]:
        return []
    before, after = found["before"], found["after"]
    lines = [f"skill listing: {before['chars']} → {after['chars']} of {after['budget_chars']} characters"]
    if found["lost"]:
        lines.append(f"these skills would lose their description: {', '.join(found['lost'])}")
    if found["regained"]:
        lines.append(f"these skills would get it back: {', '.join(found['regained'])}")
    return lines


def shared(result: DiffResult) -> list[str]:
    """Each shared part that changed, with how many versions hold it."""
    return [
        f"{part['part']} {part['op']}: held by {counted(len(part['dependents']), 'version')}" for part in result.shared
    ]


def renders(change: Change) -> str:
    """How many inputs give another text; empty where nothing was rendered."""
    if not change.renders:
        return ""
    differing = sum(not render.same for render in change.renders)
    return f"{differing} of {counted(len(change.renders), 'input')} would give the model another text"
