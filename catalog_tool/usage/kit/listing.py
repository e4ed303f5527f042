"""The catalog as dashboards and rules know it: one entry a name that telemetry may show.

These are the names of ``catalog usage``, stated and derived, so that nothing here calls a skill unused that is used
under one of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from catalog_tool.usage.kit.rule_file import Group, Recording, rule_file
from catalog_tool.usage.listed import Listed
from catalog_tool.usage.resolver import Resolver

LISTED = "catalog_skill_listed"
"""The series, 1 for each name that telemetry may show, that rules join with activity."""
_NAMES = f"max by (skill_name, skill) (last_over_time({LISTED}[1h]))"
"""Each name once, with the skill; that may have another owner or version since an hour."""
_SHORT = len("sha256:") + 12
"""A digest as a reference names it. With its prefix no reader of CSV takes it for a number."""
COLUMNS = ("skill_name", "skill", "owner", "version", "listing_tokens")
"""The first three are those of ``catalog.csv`` (design §6)."""


class Entry(NamedTuple):
    """A name that telemetry may show: its skill, that one's first owner and version, and what listing it costs."""

    skill_name: str
    skill: str
    owner: str
    version: str
    listing_tokens: int | None


def entries_of(listed: Listed) -> list[Entry]:
    """Every name of the catalog, sorted. ``version`` is the short digest of the skill."""
    return sorted(
        Entry(
            name,
            skill.key,
            skill.owners[0] if skill.owners else "",
            skill.digest[:_SHORT],
            skill.listing_tokens,
        )
        for name, skills in Resolver(listed.skills, {}).names.items()
        for skill in skills
    )


def listing_csv(entries: Sequence[Entry]) -> str:
    """The skills as CSV, which a dashboard outer-joins on ``skill_name`` with activity that is ``folded``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in dict.fromkeys(entry._replace(skill_name=entry.skill) for entry in entries):
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


def by_skill(amounts: str, how: str = "sum") -> str:
    """What an expression finds by ``skill_name``, taken together by the skills of the catalog."""
    return f"{how} by (skill) ({_NAMES}\n  * on (skill_name) group_left () ({amounts}))"


def folded(amounts: str, how: str = "sum") -> str:
    """The same by ``skill_name``, which is the skill's own for all its names; what is in no catalog stays as it is."""
    named = f'label_join({by_skill(amounts, how)}, "skill_name", "", "skill")'
    return f"{how} by (skill_name) ({named}\n  or ({amounts}) unless on (skill_name) {_NAMES})"


def skill_count(entries: Sequence[Entry]) -> int:
    """How many skills there are: one that reports under two names is one."""
    return len({entry.skill for entry in entries})


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
