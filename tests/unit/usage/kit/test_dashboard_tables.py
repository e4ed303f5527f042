"""The dashboard's tables, made by Grafana's own transformations from what its sources answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import node_packages
import pytest
from soak import SOAK

from .test_dashboard_queries import PANELS

DATA = Path(__file__).parent / "npm" / "data"
CALLS = {"code-reviewer": 14, "superpowers:executing-plans": 9}
SEEN = {"code-reviewer": 1000, "dep-auditor": 500, "superpowers:executing-plans": 900}


def made(title: str, answers: dict[str, dict[str, float]]) -> dict[str, list[Any]]:
    """The columns of a table; ``answers``: the letter of a query → its value by skill."""
    if not SOAK and not node_packages.place(DATA).is_dir():
        pytest.skip("GRAFANA'S TRANSFORMATIONS WERE NOT TRIED: they are 180 MB from npm; CATALOG_SOAK=1 fetches them")
    folder = node_packages.needed(DATA, "tables of the dashboard were not checked")
    head, *rows = csv.reader(io.StringIO(PANELS[title]["targets"][0]["csvContent"]))
    listing = [
        {"name": name, "type": "string", "values": list(column)}
        for name, column in zip(head, zip(*rows, strict=True), strict=True)
    ]
    frames = [{"refId": "A", "fields": listing}]
    for target in PANELS[title]["targets"][1:]:
        found = answers.get(target["refId"], {})
        fields = [
            {"name": "Time", "type": "time", "values": [0] * len(found)},
            {"name": "skill_name", "type": "string", "values": list(found)},
            {"name": f"Value #{target['refId']}", "type": "number", "values": list(found.values())},
        ]
        frames.append({"refId": target["refId"], "fields": fields})
    given = json.dumps({"frames": frames, "transformations": PANELS[title]["transformations"]})
    told = node_packages.run("node", str(DATA / "transform.cjs"), folder=folder, given=given)
    return dict(json.loads(told))


def test_the_leaderboard_has_every_skill_and_every_name() -> None:
    table = made("Leaderboard", {"B": CALLS, "C": SEEN, "D": {"code-reviewer": 0}, "E": {"code-reviewer": 7}})
    assert list(table) == [
        "skill_name", "skill", "owner", "version", "calls", "last call", "failure rate", "cost", "tokens",
        "listing tokens",
    ]  # fmt: skip
    assert table["skill_name"] == ["code-reviewer", "dep-auditor", "acme:legacy", "superpowers:executing-plans"]
    assert table["skill"] == ["code-reviewer", "dep-auditor", "acme:legacy", None]
    assert table["calls"] == [14, None, None, 9]
    assert table["failure rate"] == [0, None, None, None]
    assert table["tokens"] == [None] * 4


def test_skills_without_a_call_stay_and_nothing_else() -> None:
    table = made("Not used within the stale window", {"B": CALLS, "C": SEEN})
    assert (table["skill_name"], table["last call"]) == (["dep-auditor", "acme:legacy"], [500, None])


def test_where_nothing_was_used_every_skill_stays() -> None:
    assert made("Not used within the stale window", {})["skill"] == ["code-reviewer", "dep-auditor", "acme:legacy"]


def test_names_that_no_catalog_has() -> None:
    table = made("Used, and in no catalog", {"B": CALLS, "C": SEEN})
    assert (table["skill_name"], table["calls"]) == (["superpowers:executing-plans"], [9])
    assert "owner" not in table
