"""Golden tests are data beside a prompt: their form is checked, they never enter a digest (design §12)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from catalog_tool.checks.golden_tests import golden_findings
from catalog_tool.checks.inspection import Options, inspect
from catalog_tool.checks.model_names import is_floating
from catalog_tool.model.finding import Finding
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

PROMPT = "id: greet\nversion: v1\nsystem_prompt: Greet {{name}}.\n"
CASE = "cases:\n  - name: says hello\n    vars: {name: Ada}\n    expect: [{type: contains, value: Ada}]\n"


def look(root: Path, name: str, data: str | bytes) -> list[Finding]:
    """What is said of one file of tests."""
    folder = root / "prompts/greet/tests"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "prompts/greet/v1.yaml").write_text(PROMPT)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    tree = tree_of(find_root(str(root)), None)
    return sorted(golden_findings(tree, inspect(tree, Options(overlap=False))), key=Finding.order)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", CASE),
        ("a.yaml", CASE + "    critical: true\n    flaky: false\nexpect: [{type: contains, value: x}]\n"),
        ("a.yaml", "cases: [{name: only rendered, vars: {name: Ada}}]\n"),
        ("a.jsonl", '{"name": "a", "vars": {"name": "Ada"}}\n\n{"name": "b", "vars": {"name": "Bo"}}\n'),
        ("a.jsonl", ""),
    ],
)  # fmt: skip
def test_what_is_fine(tmp_path: Path, name: str, text: str) -> None:
    assert look(tmp_path, name, text) == []


@pytest.mark.parametrize(
    ("name", "data", "code", "line"),
    [
        ("a.yaml", "cases: []\n", "P160", 1), ("a.yaml", CASE + "more: 1\n", "P160", 5),
        ("a.yaml", CASE.replace("vars", "var"), "P160", 3), ("a.yaml", "cases: [\n", "Y007", 2),
        ("a.yaml", b"\xff", "Y003", 1),
        ("a.jsonl", '{"name": "a"}\n{"nam": "a"}\n', "P160", 2), ("a.jsonl", '{"name": "a"}\n[]\n', "P160", 2),
        ("a.jsonl", '{"name": "a"}\n{"name": "a", "name": "b"}\n', "Y008", 2), ("a.jsonl", "{\n", "Y022", 1),
        ("a.jsonl", '{"name": "a", "vars": {"name": NaN}}\n', "Y012", 1), ("a.jsonl", b'{"name": "\xff"}', "Y003", 1),
        ("a.yaml", f"{CASE}  - {{name: b}}\n  - {{name: says hello}}\n", "P160", 6),
        ("a.jsonl", '{"name": "a"}\n{"name": "b"}\n{"name": "a"}\n', "P160", 3),
        ("a.jsonl", "[" * 5000, "Y015", 1), ("a.yaml", CASE.replace("Ada", "AKIA" + "Z7QX2M4LP9RT5KVN"), "Y040", 3),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, data: str | bytes, code: str, line: int
) -> None:
    found = look(tmp_path, name, data)
    assert (code, line, f"prompts/greet/tests/{name}") in {(each.code, each.line, each.path) for each in found}


def test_a_name_is_taken_by_another_file_of_the_prompt_and_by_none_of_another_prompt(tmp_path: Path) -> None:
    other = tmp_path / "prompts/other/tests"
    other.mkdir(parents=True)
    (other.parent / "v1.yaml").write_text(PROMPT.replace("greet", "other", 1))
    (other / "a.yaml").write_text(CASE)
    assert look(tmp_path, "a.yaml", CASE) == []
    (found,) = look(tmp_path, "b.jsonl", '{"name": "says hello"}\n')
    assert (found.code, found.path, found.line) == ("P160", "prompts/greet/tests/b.jsonl", 1)
    assert "another one in prompts/greet/tests/a.yaml" in found.message


def slips(found: list[Finding]) -> list[tuple[int | None, int | None, str]]:
    assert {each.code for each in found} <= {"P160"}
    return [(each.line, each.column, each.severity) for each in found]


@pytest.mark.parametrize(
    ("old", "new", "place", "severity", "said"),
    [
        ("{name: Ada}", "{nam: Ada}", (3, 12), "warning", "no variable `nam`: did you mean `name`?"),
        ("type: contains,", "type: contain,", (4, 21), "error", "'contain', did you mean contains?"),
        ("type: contains,", "type: bleu-score,", (4, 21), "warning", "there is no expectation 'bleu-score'"),
        (", value: Ada", "", (4, 21), "error", "`value` is a text, or a list of texts"),
        (", value: Ada", ", valu: Ada", (4, 37), "error", "did you mean `value`?"),
        ("contains, value: Ada", 'regex, value: "("', (4, 35), "error", "the pattern is not evaluated: "),
        ("contains, value: Ada", "json_schema, value: {type: strng}", (4, 41), "error", "`value`: "),
        ("contains, value: Ada", "json_path, path: $.a b", (4, 38), "error", "not understood from"),
        ("contains, value: Ada", "tool_called, value: search", (4, 41), "error", "the prompt has no tool"),
        ("contains, value: Ada", "judge, rubric: styl", (4, 36), "error", "there is no rubric 'styl'"),
        ("value: Ada", "value: Ada, threshold: 2", (4, 54), "error", "says nothing here"),
    ],
)  # fmt: skip
def test_a_slip_in_a_case_is_told_at_its_place_before_a_model_is_asked(
    tmp_path: Path, old: str, new: str, place: tuple[int, int], severity: str, said: str
) -> None:
    (found,) = look(tmp_path, "a.yaml", CASE.replace(old, new))
    assert slips([found]) == [(*place, severity)]
    assert said in found.message
    line = json.dumps(yaml.safe_load(CASE.replace(old, new))["cases"][0])
    (tmp_path / "prompts/greet/tests/a.yaml").unlink()
    (found,) = look(tmp_path, "a.jsonl", '{"name": "fine"}\n\n' + line + "\n")
    assert slips([found]) == [(3, 1, severity)]


def test_each_mistake_is_told_once_beside_what_does_not_fit_the_schema(tmp_path: Path) -> None:
    other = "  - {name: b, vars: {nme: x}, expect: [{type: regexp}]}\n  - {nam: c}\n"
    other += "  - {name: d, expect: [{type: x, v: 1}]}\n"
    found = look(tmp_path, "a.yaml", f"expect: [{{type: contain}}]\n{CASE}{other}")
    assert [each.line for each in found] == [1, 6, 6, 7, 7, 8]
    assert look(tmp_path, "a.yaml", f"expect: 1\n{CASE}  - 1\n")[-1].line == 6


def test_what_fits_an_older_version_is_for_that_one(tmp_path: Path) -> None:
    assert look(tmp_path, "a.yaml", CASE) == []
    newer = tmp_path / "prompts/greet/v2.yaml"
    newer.write_text(PROMPT.replace("v1", "v2").replace("name}", "who}") + "tools: [search]\n")
    tests = CASE + "  - {name: new, vars: {who: Ada}, expect: [{type: tool_called, value: search}]}\n"
    assert look(tmp_path, "a.yaml", tests) == []
    newer.write_text("id: greet\nversion: v2\nsystem_prompt: '{{'\n")
    assert slips(look(tmp_path, "a.yaml", tests)) == [(5, 24, "warning"), (5, 71, "error")], "what cannot be used"


def test_a_prompt_that_takes_any_variable_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    tests = CASE.replace("{name: Ada}", "{name: Ada, more: 1}")
    assert len(look(tmp_path, "a.yaml", tests)) == 1
    newer = tmp_path / "prompts/greet/v2.yaml"
    newer.write_text(PROMPT.replace("v1", "v2") + "variables: {properties: {name: {}}, additionalProperties: true}\n")
    assert look(tmp_path, "a.yaml", tests) == []
    newer.unlink()
    (tmp_path / "prompts/greet/v1.yaml").unlink()
    tree = tree_of(find_root(str(tmp_path)), None)
    assert list(golden_findings(tree, inspect(tree, Options(overlap=False)))) == []


def test_thousands_of_slips_are_not_thousands_of_findings(tmp_path: Path) -> None:
    given = ", ".join(f"nam{number}: 1" for number in range(5000))
    found = look(tmp_path, "a.yaml", CASE.replace("{name: Ada}", f"{{name: Ada, {given}}}"))
    assert len(found) == 201
    assert "200 things are wrong with the cases; the rest is not listed" in {each.message for each in found}


@pytest.mark.parametrize(
    ("name", "floating"),
    [
        ("gpt-4o", True), ("gpt-4o-2024-08-06", False), ("gpt-4-0613", False), ("o1", True), ("o3-mini", True),
        ("claude-sonnet-latest", True), ("claude-3-5-sonnet-20241022", False), ("claude-3-5-sonnet@20241022", False),
        ("anthropic/claude-3-opus", True), ("gemini-1.5-pro-002", False), ("gemini-1.5-pro", True),
        ("llama3:70b", False), ("my-model", False), ("mistral-large-2407", False), ("anything-latest", True),
        ("", False),
    ],
)  # fmt: skip
def test_models_that_may_mean_another_one_tomorrow(name: str, *, floating: bool) -> None:
    assert is_floating({"name": name}) is floating
    assert is_floating(name) is False
    assert is_floating({}) is False
