"""Golden cases as an evaluation reads them, and the digest of what it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.evals.golden import read_golden

from .catalogs import TESTS, opened


def test_what_a_file_expects_of_all_cases_comes_first(tmp_path: Path) -> None:
    golden = read_golden(opened(tmp_path), "greet")
    assert [case.name for case in golden.cases] == ["ada", "bo"]
    assert [item["type"] for item in golden.cases[0].expect] == ["not_contains", "contains"]
    assert (golden.cases[0].critical, golden.cases[1].critical) == (True, False)
    assert [item["value"] for item in golden.shared] == ["As an AI"]


def test_volume_comes_as_lines(tmp_path: Path) -> None:
    lines = '{"name": "x", "vars": {"name": "X"}, "flaky": true}\n\n{"name": "y", "expect": [{"type": "is_json"}]}\n'
    golden = read_golden(opened(tmp_path, tests=None, more_jsonl=lines), "greet")
    assert [(case.name, case.flaky) for case in golden.cases] == [("x", True), ("y", False)]
    assert [case.name for case in golden.scored().cases] == ["y"], "no model is asked for a rendering to look at"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("b_yaml", "cases: []\n", "tests/b.yaml:1: "),
        ("b_yaml", "cases:\n  - {name: a, exp: []}\n", "tests/b.yaml:2: "),
        ("b_yaml", "cases: [\n", "tests/b.yaml:2: "),
        ("b_jsonl", '{"name": "a"}\n{"nam": 1}\n', "tests/b.jsonl:2: "),
        ("b_jsonl", '{"name": "a"}\nno\n', "tests/b.jsonl:2: "),
        ("b_yaml", "cases: [{name: ada}]\n", "two cases are named 'ada'"),
    ],
)
def test_a_file_that_is_wrong_stops_the_run(tmp_path: Path, name: str, text: str, where: str) -> None:
    with pytest.raises(UsageError, match=where.replace(".", r"\.")):
        read_golden(opened(tmp_path, **{name: text}), "greet")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "prompts/greet/tests/b.jsonl").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(UsageError, match=r"b\.jsonl:1"):
        read_golden(opened(tmp_path), "greet")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("name: Ada", "name: Adam", False),
        ("value: Bo", "value: BO", False),
        ("critical: true", "critical: false", False),
        ("As an AI", "As a model", False),
        ("cases:", "# a comment\nnotes: [nobody counts this]\ncases:", True),
        ("critical: true", "critical: true, tags: [smoke], notes: why", True),
    ],
)
def test_the_digest_is_of_all_that_decides(tmp_path: Path, old: str, new: str, *, same: bool) -> None:
    before = read_golden(opened(tmp_path), "greet").dataset()
    after = read_golden(opened(tmp_path, tests=TESTS.replace(old, new)), "greet").dataset()
    assert (before.digest == after.digest) is same
    assert before.cases == after.cases == 2
    assert before.files == ("prompts/greet/tests/a.yaml",)


def test_some_cases_by_name(tmp_path: Path) -> None:
    golden = read_golden(opened(tmp_path), "greet")
    assert [case.name for case in golden.named(["bo"]).cases] == ["bo"]
    with pytest.raises(UsageError, match="there is no case 'eve'"):
        golden.named(["eve"])
