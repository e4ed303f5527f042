"""Level 0: what is wrong with a prompt and its cases that no model is needed to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.evals.level_zero import look_at_examples, message_tokens
from catalog_tool.evals.offline import look_at_prompt, newest_versions, status_of_all
from catalog_tool.evals.snapshots import snapshot_bytes
from catalog_tool.source.resolve import open_catalog
from catalog_tool.source.root import find_root

from .catalogs import PROMPT, TESTS, opened, version_of


def checks_of(root: Path, tests: str = TESTS, prompt: str = PROMPT) -> dict[tuple[str, str], tuple[str, str]]:
    """Everything that is not a pass, by case and type."""
    catalog = opened(root, tests=tests, prompt=prompt)
    look = look_at_prompt(catalog, version_of(catalog))
    return {
        (case.case.name, check.type): (check.outcome, check.message or "")
        for case in look.cases
        for check in case.checks
        if check.outcome != "pass"
    }


def test_a_sound_prompt_has_no_problems(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    look = look_at_prompt(catalog, version_of(catalog))
    assert (look.status, look.is_recorded) == ("pass", False)
    assert [check.type for check in look.cases[0].checks] == ["renders", "variables"]
    assert look.cases[0].messages == [
        {"role": "system", "content": "Greet in a calm way."}, {"role": "user", "content": "I am Ada."},
    ]  # fmt: skip
    assert look.cases[0].tokens == message_tokens(look.cases[0].messages) == 5 + 3


@pytest.mark.parametrize(
    ("old", "new", "kind", "outcome", "why"),
    [
        ("{name: Ada}", "{}", "renders", "fail", "name"),
        ("{name: Ada}", "{name: Ada of the very long name}", "variables", "fail", "name"),
        ("{name: Ada}", "{name: Ada, mood: sad}", "variables", "fail", "mood"),
        ("type: contains, value: Ada", "type: contain, value: Ada", "contain", "error", "did you mean contains?"),
        (
            "type: contains, value: Ada",
            "type: max_input_tokens, value: 7",
            "max_input_tokens",
            "fail",
            "about 8 tokens",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, kind: str, outcome: str, why: str) -> None:
    found = checks_of(tmp_path, TESTS.replace(old, new, 1))
    assert found[("ada", kind)][0] == outcome
    assert why in found[("ada", kind)][1]
    assert not any(case == "bo" for case, _ in found)


def test_a_budget_that_is_kept(tmp_path: Path) -> None:
    tests = TESTS.replace("type: contains, value: Ada", "type: max_input_tokens, value: 8")
    assert checks_of(tmp_path, tests) == {}


def test_a_recorded_rendering_has_to_come_again(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    version = version_of(catalog)
    recorded = snapshot_bytes(look_at_prompt(catalog, version).cases)
    (tmp_path / "prompts/greet/tests/v1.snap").write_bytes(recorded)
    catalog = opened(tmp_path)
    look = look_at_prompt(catalog, version_of(catalog))
    assert (look.status, look.is_recorded) == ("pass", True)
    found = checks_of(tmp_path, prompt=PROMPT.replace("I am {{name}}.", "My name is {{name}}."))
    assert "renders otherwise than recorded: message 2" in found[("ada", "snapshot")][1]
    found = checks_of(tmp_path, TESTS + "  - {name: eve, vars: {name: Eve}}\n")
    assert list(found) == [("eve", "snapshot")]
    (tmp_path / "prompts/greet/tests/v1.snap").write_bytes(recorded[:-20])
    with pytest.raises(UsageError, match=r"v1\.snap holds no recorded renderings"):
        checks_of(tmp_path)


def test_examples_have_to_fit_the_output_schema() -> None:
    schema = {"type": "object", "required": ["answer"]}
    examples = [
        {"user": "a", "assistant": '{"answer": 1}'},
        {"user": "b", "assistant": "{}"},
        {"user": "c", "assistant": "plain"},
        {"user": "d", "assistant": "{{example}}"},
    ]
    parts = {"messages": [{"role": "system", "content": "x"}, {"examples": examples}], "output_schema": schema}
    found = list(look_at_examples(parts))
    assert [check.outcome for check in found] == ["pass", "fail", "fail"]
    assert "example 2" in (found[1].message or "")
    assert "no JSON" in (found[2].message or "")
    assert list(look_at_examples({**parts, "output_schema": {}})) == []


def test_our_own_catalog_has_no_problems() -> None:
    catalog = open_catalog(find_root(str(Path(__file__).parents[3])), None)
    looks = [look_at_prompt(catalog, version) for version in newest_versions(catalog)]
    problems = [
        (look.version.id, case.case.name, check.message)
        for look in looks
        for case in look.cases
        for check in case.checks
        if check.outcome != "pass"
    ]
    assert problems == []
    assert status_of_all(looks) == "pass"
    assert sum(len(look.cases) for look in looks) >= 20
    assert any(look.checks for look in looks), "a prompt of ours has examples and an output schema"
