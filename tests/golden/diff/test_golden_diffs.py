"""Comparisons with a known answer: adding a case is adding a folder.

A folder holds ``before.yaml`` and ``after.yaml``, two versions of one prompt (the second comes as
``v2``), or ``before/`` and ``after/``, two whole catalogs; and ``expected.json``, the answer.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.diff.catalogs import Names, Options, compare_catalogs
from catalog_tool.diff.occasions import KNOWN
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.tree import WorkTree

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/expected.json"))
TODAY = "2026-11-21"
ONE_WAY = frozenset({"undecided", "shared-part", "label-moved", "test-weakened", "model-floating", "tool-strict-off"})
"""Rules that say the same whichever way a change goes, or that have no other way."""


def compared(case: Path, folder: Path) -> dict[str, Any]:
    """The answer for one case; catalogs of two versions are laid out in ``folder``."""
    if (case / "before").is_dir():
        trees = case / "before", case / "after"
    else:
        trees = folder / "before", folder / "after"
        for tree in trees:
            (tree / "prompts/greeter").mkdir(parents=True)
            shutil.copy(case / "before.yaml", tree / "prompts/greeter/v1.yaml")
        shutil.copy(case / "after.yaml", trees[1] / "prompts/greeter/v2.yaml")
    base, head = (TreeSide(WorkTree(tree)) for tree in trees)
    return compare_catalogs(base, head, Names("before", "after"), Options(TODAY)).to_json()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_comparison_says_what_it_is_known_to_say(case: Path, tmp_path: Path) -> None:
    found = compared(case, tmp_path)
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    assert found == expected
    engine = SchemaEngine(load_schema("diff-output"))
    assert engine.errors(found) == []


def test_every_rule_has_a_case() -> None:
    seen: dict[str, int] = {}
    for case in CASES:
        document = json.loads((case / "expected.json").read_text("utf-8"))
        for rule in {item["rule"] for change in document["changes"] for item in change["details"]}:
            seen[rule] = seen.get(rule, 0) + 1
    assert set(KNOWN) - set(seen) == set()
    assert {rule for rule, count in seen.items() if count < 2} <= ONE_WAY


def test_there_are_mixed_cases_too() -> None:
    assert sum(case.name.startswith("mixed-") for case in CASES) >= 20
