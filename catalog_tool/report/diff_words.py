"""Sentences that every report of a comparison shares."""

from __future__ import annotations

import json
from typing import Any

from catalog_tool.diff.changes import ADDED, LABEL, MODIFIED, REMOVED, RENAMED, SKILL, TEST, Change, DiffResult, Tokens
from catalog_tool.diff.evidence import is_about_evidence
from catalog_tool.diff.relaxed_settings import is_about_settings
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.report.diff_rows import Rows, counts, rows_of
from catalog_tool.report.findings_text import counted

NO_CHANGES = "No changes."
_VERDICTS = {
    "released-changed": "A released version changed.",
    "artifact-removed": "Something that can be asked for by name went.",
    "artifact-renamed": "This breaks callers.",
    "skill-permission": "A skill may do more than before.",
    "skill-routing": "A skill has another name.",
    "undecided": "Not everything could be judged, so it counts as breaking.",
}
"""What a major change means to whoever reads, by its rule; any other one breaks callers."""
_MILDER = {
    "artifact-added": "Something new; nothing that exists changes.",
    "skill-routing": "A skill fires for other requests.",
    "skill-permission": "A skill's rights changed; none was added.",
    "skill-code": "A skill runs other code.",
}
"""The same for smaller changes."""


def verdict(result: DiffResult, rows: Rows) -> str:
    """What it all comes to, in a few words."""
    if not rows.artifacts:
        return _of_others(rows)
    waived = any(
        item.waiver is not None and item.waiver.contract == "major"
        for row in rows.artifacts
        for item in row.change.details
    )
    if waived and result.contract != "major":
        return "What would break callers is waived by a rule."
    worst = rows.artifacts[0].change.worst
    rule = worst.rule if worst else ""
    if result.contract == "major":
        return _VERDICTS.get(rule, "This breaks callers.")
    if rule in _MILDER and result.contract != "none":
        return _MILDER[rule]
    if result.contract == "minor":
        return "Nothing breaks, but callers should look."
    if result.contract == "none":
        return "Nothing that is deployed changes."
    likely = {"high": "likely answers otherwise", "medium": "may answer otherwise", "low": "hardly notices"}
    return f"No code breaks; the model {likely.get(result.behaviour, 'gets the same')}."


def _of_others(rows: Rows) -> str:
    if rows.tests:
        return "Rules are relaxed." if all(each.file == SETTINGS_FILE for each in rows.tests) else "Tests ask for less."
    if rows.evidence:
        return "Evidence went."
    return "A rollout, no new content." if rows.labels else ""


def asked_less(rows: Rows, one: str = "asks for less", more: str = "ask for less") -> list[str]:
    """How many checks ask for less, and how many records of evidence went; empty where none did."""
    checks, records = (sum(len(change.details) for change in found) for found in (rows.tests, rows.evidence))
    said = [f"{counted(checks, 'check')} {one if checks == 1 else more}"] if checks else []
    return said + ([f"{counted(records, 'record')} of evidence went"] if records else [])


def title(change: Change) -> str:
    """``support_agent v2 → v3``, ``skill pour``, ``label support_agent@production``, ``tests of support_agent``."""
    return " ".join(filter(None, (*subject(change), versions(change))))


def subject(change: Change) -> tuple[str, str]:
    """What a change is about: what that is, where it is no prompt, and its name."""
    if is_about_settings(change):
        return "", "rules in catalog.yaml"
    if change.kind == TEST:
        if is_about_evidence(change):
            return "evidence of", change.artifact
        gate = any(item.path.startswith(("/gate", "/protected")) for item in change.details)
        of_label = "gate of label" if gate else "watch of label"
        return of_label if change.file == SETTINGS_FILE else "tests of", change.artifact
    return {LABEL: "label", SKILL: "skill"}.get(change.kind, ""), change.artifact


def versions(change: Change) -> str:
    """``v2 → v3``, ``v1 (new)``, ``(was old_name)``; empty where only checksums could be said."""
    if change.kind in (TEST, LABEL):
        return ""
    if change.op == RENAMED:
        return f"(was {value(change.before)})"
    named = change.kind != SKILL and not change.artifact.startswith("_shared/")
    if change.op in (ADDED, REMOVED):
        word, which = ("new", change.after) if change.op == ADDED else ("removed", change.before)
        return f"{value(which)} ({word})" if named else f"({word})"
    if not named:
        return ""
    same = change.before == change.after and change.op == MODIFIED
    return value(change.after) if same else f"{value(change.before)} → {value(change.after)}"


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
    relative = f" ({(found.after - found.before) / found.before * 100:+.0f} %)" if found.before else ""
    return f"~{found.before} → ~{found.after} tokens{relative}"


def summary(result: DiffResult) -> str:
    """How much changed, how bad that is, and the smallest honest step."""
    if not result.changes:
        return NO_CHANGES
    rows = rows_of(result)
    much = "; ".join(filter(None, (counts(rows), *asked_less(rows, "weakened", "weakened"))))
    if not rows.artifacts:
        return f"{much}."
    step = result.to_json()["summary"]["step"]
    closing = f"; the smallest honest step is {step}" if step != "none" else ""
    return f"{much}: contract {result.contract}, behaviour {result.behaviour}{closing}."


def listing(result: DiffResult) -> list[str]:
    """What happens to the skills' listing; empty where nothing does."""
    found = result.listing
    if found is None or found["before"] == found["after"]:
        return []
    before, after = found["before"], found["after"]
    lines = [f"Skill listing: {before['chars']:,} → {after['chars']:,} of {after['budget_chars']:,} characters"]
    if found["lost"]:
        lines.append(f"These skills would lose their description: {', '.join(found['lost'])}")
    if found["regained"]:
        lines.append(f"These skills would get their description back: {', '.join(found['regained'])}")
    return lines


def unfit(result: DiffResult) -> list[str]:
    """What a configured target cannot hold of the changes; empty where everything fits."""
    return [f"{address.partition('/')[2]} does not fit: {why}" for address, why in result.unfit]


def renders(change: Change) -> str:
    """How many inputs give another text; empty where nothing was rendered."""
    if not change.renders:
        return ""
    differing = sum(not render.same for render in change.renders)
    if differing == 0:
        return f"{counted(len(change.renders), 'input')} rendered: the model gets the same text"
    return f"{differing} of {counted(len(change.renders), 'input')} would give the model another text"
