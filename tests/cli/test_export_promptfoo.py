"""``catalog export promptfoo``: golden cases as a configuration, and what that loses."""

from __future__ import annotations

import pytest
from scratch import Scratch

PROMPT = "id: greet\nversion: {version}\nmodel: gpt-4o\nsystem_prompt: Greet {{{{name}}}}.\n"
TESTS = """\
cases:
  - {name: ada, vars: {name: Ada}, expect: [{type: contains, value: Ada}, {type: crag, value: Ada}]}
  - {name: nobody, vars: {}, expect: [{type: contains, value: x}]}
"""


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    for version in ("v1", "v2"):
        scratch.write(f"prompts/greet/{version}.yaml", PROMPT.format(version=version))
    scratch.write("prompts/greet/tests/a.yaml", TESTS)
    scratch.write("prompts/registry.yaml", "greet: {production: v1}\n")
    return scratch


def test_cases_are_rendered_and_what_is_lost_is_said(catalog: Scratch) -> None:
    answer = catalog.run("export", "promptfoo", "greet@production")
    found = answer.json()
    assert answer.code == 0
    assert [prompt["label"] for prompt in found["prompts"]] == ["greet@v1"]
    (test,) = found["tests"]
    assert "Greet Ada." in str(test["vars"])
    assert [check["type"] for check in test["assert"]] == ["contains-all"]
    assert test["metadata"]["catalog_prompt"].startswith("sha256:")
    assert "not in it: case 'ada': crag has no counterpart" in answer.err
    assert "not in it: case 'nobody': missing: name" in answer.err


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ((), "one version at a time"),
        (("greet@v1", "greet@v2"), "one version at a time"),
        (("HEAD:greet@v1",), "name the revision with --rev"),
        (("gret",), "did you mean greet?"),
        (("greet@v9",), "greet has no version v9"),
    ],
)
def test_wrong_usage_names_what_to_do(catalog: Scratch, references: tuple[str, ...], said: str) -> None:
    answer = catalog.run("export", "promptfoo", *references)
    assert (answer.code, said in answer.err, answer.out) == (2, True, "")


def test_without_cases_there_is_nothing_to_export(catalog: Scratch) -> None:
    (catalog.root / "prompts/greet/tests/a.yaml").unlink()
    answer = catalog.run("export", "promptfoo", "greet")
    assert (answer.code, "no case of greet can be said" in answer.err) == (2, True)
