"""``skills-catalog.json`` and ``catalog.csv``: the list of skills that dashboards join with activity."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.clock import iso

CATALOG_NAME = "skills-catalog.json"
CSV_NAME = "catalog.csv"

Dates = Mapping[str, tuple[int, int]]
"""SKILL.md's path → committer times (seconds) of the oldest and newest commit that touches it."""


class ListingBudget(NamedTuple):
    """What agents show of every skill in every request: characters an entry, and characters in all."""

    entry_chars: int
    budget_chars: int


def listing_of(skills: Sequence[Mapping[str, Any]], budget: ListingBudget) -> dict[str, Any]:
    """The sum of the listing, its budget, and the skills whose description would be cut or dropped.

    Only skills that the model may invoke are listed; they fill the budget in the order of their names.
    """
    total, truncated = 0, []
    for skill in skills:
        if not skill["model_invocable"]:
            continue
        total += min(skill["description_chars"], budget.entry_chars)
        if total > budget.budget_chars or skill["description_chars"] > budget.entry_chars:
            truncated.append(skill["name"])
    return {"chars": total, "budget_chars": budget.budget_chars, "truncated": truncated}


def catalog_entry(entry: Mapping[str, Any], dates: tuple[int, int] | None) -> dict[str, Any]:
    """One skill's entry with its dates; null where history does not know them."""
    first, last = (iso(dates[0]), iso(dates[1])) if dates else (None, None)
    return {**entry, "first_commit_at": first, "last_commit_at": last}


def skills_catalog(entries: Sequence[Mapping[str, Any]], budget: ListingBudget, dates: Dates) -> bytes:
    """Canonical JSON of ``skills-catalog.json`` from the skills' entries, sorted by name."""
    ordered = sorted(entries, key=lambda entry: entry["name"])
    skills = [catalog_entry(entry, dates.get(f"{entry['path']}/SKILL.md")) for entry in ordered]
    digest = digest_of({"hv": 1, "kind": "skills-catalog", "skills": {e["name"]: e["digest"] for e in ordered}})
    document = {
        "format": 1,
        "kind": "skills-catalog",
        "digest": digest,
        "skills": skills,
        "listing": listing_of(ordered, budget),
    }
    return canonical_bytes(document, is_plain=True)


def catalog_csv(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """``skill_name,skill,owner``: one line a telemetry name, sorted."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("skill_name", "skill", "owner"))
    for entry in sorted(entries, key=lambda entry: entry["name"]):
        owner = " ".join(entry["owners"])
        writer.writerows((name, entry["name"], owner) for name in entry["telemetry_names"])
    return out.getvalue().encode()
