"""Comparisons with a known answer: adding a case is adding a folder.

A folder holds ``before.yaml`` and ``after.yaml``, two versions of one prompt (the second comes as
``v2``), or ``before/`` and ``after/``, two whole catalogs; ``expected.json``, the answer; and
``backwards.json``, in short what the change is the other way round.

``python tests/golden/diff/test_golden_diffs.py`` writes the answers that are missing; read them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
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
WAYS_BACK: dict[str, frozenset[str]] = {
    name: frozenset(back.split())
    for name, back in (
        ("var-required-added", "var-removed var-widened"),
        ("var-optional-added", "var-removed"),
        ("var-removed", "var-optional-added var-required-added"),
        ("var-widened", "var-narrowed var-required-added"),
        ("var-narrowed", "var-widened"),
        ("placeholder-required", "placeholder-optional"),
        ("tool-added", "tool-removed"),
        ("tool-removed", "tool-added"),
        ("tool-arg-added", "tool-arg-dropped"),
        ("tool-arg-dropped", "tool-arg-added tool-arg-narrowed"),
        ("tool-arg-narrowed", "tool-arg-widened tool-arg-dropped tool-strict-off"),
        ("tool-arg-widened", "tool-arg-narrowed"),
        ("tool-strict-off", "tool-arg-narrowed"),
        ("output-loosened", "output-tightened output-optional-added"),
        ("output-tightened", "output-loosened"),
        ("output-optional-added", "output-loosened"),
        ("model-floating", "model-snapshot"),
        ("params-cut", "params-raised"),
        ("params-raised", "params-cut"),
        ("artifact-added", "artifact-removed"),
        ("artifact-removed", "artifact-added"),
    )
}
"""Rule → what takes its change back; any other rule takes itself back."""
HARMLESS_BACK = frozenset({"model-capability", "test-weakened"})
"""What a model regains, and tests that ask for more, are no change that anybody is warned of."""


def compared(case: Path, folder: Path, *, ways: tuple[str, str] = ("before", "after")) -> dict[str, Any]:
    """The answer for one case; catalogs of two versions are laid out in ``folder``."""
    first, second = ways
    if (case / "before").is_dir():
        trees = case / first, case / second
    else:
        trees = folder / "before", folder / "after"
        for tree in trees:
            (tree / "prompts/greeter").mkdir(parents=True)
            shutil.copy(case / f"{first}.yaml", tree / "prompts/greeter/v1.yaml")
        shutil.copy(case / f"{second}.yaml", trees[1] / "prompts/greeter/v2.yaml")
    base, head = (TreeSide(WorkTree(tree)) for tree in trees)
    return compare_catalogs(base, head, Names("before", "after"), Options(TODAY)).to_json()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_comparison_says_what_it_is_known_to_say(case: Path, tmp_path: Path) -> None:
    found = compared(case, tmp_path)
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    assert found == expected
    engine = SchemaEngine(load_schema("diff-output"))
    assert engine.errors(found) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_way_back_says_what_it_is_known_to_say(case: Path, tmp_path: Path) -> None:
    found = in_short(compared(case, tmp_path, ways=("after", "before")))
    assert found == json.loads((case / "backwards.json").read_text("utf-8"))


def in_short(document: dict[str, Any]) -> list[list[str]]:
    """Artifact, rule, path, levels and sentence of each detail."""
    fields = ("rule", "path", "contract", "behaviour", "message")
    return [
        [change["artifact"], *(item[name] for name in fields)]
        for change in document["changes"]
        for item in change["details"]
    ]


def rules_of(case: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The rules that a case's change falls under, and those of the way back."""
    document = json.loads((case / "expected.json").read_text("utf-8"))
    forth = {item["rule"] for change in document["changes"] for item in change["details"]}
    return frozenset(forth), frozenset(line[1] for line in json.loads((case / "backwards.json").read_text("utf-8")))


def test_every_rule_has_a_case_in_both_directions() -> None:
    seen = [ways for case in CASES for ways in (rules_of(case), rules_of(case)[::-1])]
    for rule in KNOWN:
        backs = WAYS_BACK.get(rule, frozenset({rule}))
        covered = {back for forth, way_back in seen if rule in forth for back in backs & way_back}
        if rule not in HARMLESS_BACK:
            assert covered == backs, (rule, backs - covered)
        assert any(rule in forth for forth, _ in seen), rule


def test_every_level_that_a_rule_may_have_has_a_case() -> None:
    seen = {
        (item["rule"], item["contract"])
        for case in CASES
        for change in json.loads((case / "expected.json").read_text("utf-8"))["changes"]
        for item in change["details"]
    }
    both = ("tool-added", "tool-arg-added", "var-removed", "output-optional-added", "tool-returns", "skill-permission")
    assert {(rule, level) for rule in both for level in ("minor", "major")} <= seen


def test_there_are_forty_mixed_cases() -> None:
    mixed = [case for case in CASES if case.name.startswith("mixed-")]
    assert len(mixed) >= 40
    assert sum(len(rules_of(case)[0]) > 1 for case in mixed) >= 40


def write_missing() -> None:
    """Answers for the cases that have none yet."""
    for case in sorted({path.parent for path in HERE.glob("*/after*")}):
        for name, ways in (("expected", ("before", "after")), ("backwards", ("after", "before"))):
            target = case / f"{name}.json"
            if not target.exists():
                with tempfile.TemporaryDirectory() as folder:
                    found = compared(case, Path(folder), ways=ways)
                said: Any = found if name == "expected" else in_short(found)
                target.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write_missing()
