"""The catalog as dashboards and rules know it: one entry a telemetry name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from catalog_tool.usage.kit.rule_file import Group, Recording, rule_file
from catalog_tool.usage.listed import Listed

LISTED = "catalog_skill_listed"
"""The series, 1 for each telemetry name of the catalog, that rules join with activity."""
_SHORT = len("sha256:") + 12
"""A digest as a reference names it. With its prefix no reader of CSV takes it for a number."""
COLUMNS = ("skill_name", "skill", "owner", "version", "listing_tokens")
"""The first three are those of ``catalog.csv`` (design §6)."""


class Entry(NamedTuple):
    """A telemetry name: the skill that reports it, its first owner, its version, and what listing it costs."""

    skill_name: str
    skill: str
    owner: str
    version: str
    listing_tokens: int | None


def entries_of(listed: Listed) -> list[Entry]:
    """Every telemetry name of the catalog, sorted. ``version`` is the short digest of the skill."""
    return sorted(
        Entry(
            name,
            skill.key,
            skill.owners[0] if skill.owners else "",
            skill.digest[:_SHORT],
            skill.listing_tokens,
        )
        for skill in listed.skills
        for name in dict.fromkeys(skill.telemetry_names)
    )


def listing_csv(entries: Sequence[Entry]) -> str:
    """The entries as CSV, which a dashboard outer-joins with activity on ``skill_name``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([*(_one_line(text) for text in entry[:4]), entry.listing_tokens])
    return out.getvalue()


def listing_rules(entries: Sequence[Entry]) -> str:
    """The rule file that tells Prometheus what is in the catalog."""
    rules = [
        Recording(
            LISTED,
            "vector(1)",
            {"skill_name": entry.skill_name, "skill": entry.skill, "owner": entry.owner, "version": entry.version},
        )
        for entry in entries
    ]
    said = "The skills of the catalog. Made anew by `catalog telemetry dashboard`."
    return rule_file(said, [Group("catalog", "5m", rules)])


def skill_count(entries: Sequence[Entry]) -> int:
    """How many skills there are: one that reports under two names is one."""
    return len({entry.skill for entry in entries})


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
