"""``catalog render``: what a model would receive, and mistakes in what was given, named."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import schema_text

PROMPT = """\
id: greet
version: v1
model: gpt-4o-2024-08-06
variables:
  type: object
  required: [name]
  properties:
    name: {type: string}
    times: {type: integer, default: 1}
    tone: {enum: [warm, formal], default: warm}
messages:
  - {role: system, content: "Greet {{name}} {{times}} times, {{tone}}."}
  - {placeholder: history, required: false}
"""


@pytest.fixture
def greet(scratch: Scratch) -> Scratch:
    scratch.write("prompts/greet/v1.yaml", PROMPT)
    return scratch


def refused(answer: Answer) -> str:
    """What is said of a mistake in what was given."""
    assert (answer.code, answer.out) == (2, ""), answer
    return answer.err


def test_the_messages(greet: Scratch) -> None:
    answer = greet.run("render", "greet", "--var", "name=Ada = {{x}}", "--var", "times=2", "--format", "json")
    document = answer.json()
    Draft202012Validator(json.loads(schema_text("render-output"))).validate(document)
    assert document["messages"] == [{"role": "system", "content": "Greet Ada = {{x}} 2 times, warm."}]


def test_a_file_and_what_is_typed(greet: Scratch) -> None:
    case = {"name": "Bob", "tone": "formal", "history": [{"role": "user", "content": "{{name}}"}], "other": 1}
    greet.write("case.json", json.dumps(case))
    answer = greet.run("render", "greet", "--vars", "case.json", "--var", "name=Eve", "--format", "json")
    said = [message["content"] for message in answer.json()["messages"]]
    assert said == ["Greet Eve 1 times, formal.", "{{name}}"]


def test_what_is_typed_is_what_the_schema_takes(scratch: Scratch) -> None:
    scratch.write(
        "prompts/t/v1.yaml",
        "model: gpt-4o\nsystem_prompt: '{{a}} {{b}} {{c}} {{d}} {{e}} {{f}}'\nvariables:\n"
        "  $defs: {s: {type: string}}\n  properties:\n    a: {$ref: '#/$defs/s'}\n    b: {const: '5'}\n"
        "    c: {enum: ['1', 'true']}\n    d: {type: [string, integer]}\n    e: {type: string}\n    f: {enum: [w]}\n",
    )
    typed = {"a": '"5"', "b": "5", "c": "true", "d": '"7"', "e": '"x"', "f": '"w"'}
    given = [part for name, value in typed.items() for part in ("--var", f"{name}={value}")]
    (said,) = scratch.run("render", "t", *given, "--format", "json").json()["messages"]
    assert said["content"] == '"5" 5 true 7 "x" w'
    scratch.write("b.yaml", "{a: x, b: 5, c: '1', d: 1, e: x, f: w}\n")
    assert "`b` must be 5, not 5 (a text is asked for: quote it)" in refused(
        scratch.run("render", "t", "--vars", "b.yaml")
    )


def test_of_several_files_the_later_wins(greet: Scratch) -> None:
    greet.write_all({"one.yaml": "{name: Ada, times: 2}\n", "two.yaml": "name: Bob\n"})
    answer = greet.run("render", "greet", "--vars", "one.yaml", "--vars", "two.yaml")
    assert "Greet Bob 2 times, warm." in answer.out


def test_a_placeholder_is_typed_as_json(greet: Scratch) -> None:
    given = ["--var", "name=Ada", "--var"]
    answer = greet.run(
        "render", "greet", *given, 'history=[{"role": "user", "content": "{{name}}"}]', "--format", "json"
    )
    assert [message["content"] for message in answer.json()["messages"]] == ["Greet Ada 1 times, warm.", "{{name}}"]
    told = refused(greet.run("render", "greet", *given, "history=hello"))
    assert told.startswith("error: --var history: 'hello' is not JSON")
    assert "hint: a placeholder takes a list: '[{" in told
    assert "a list of messages is needed" in refused(greet.run("render", "greet", *given, 'history={"role": "user"}'))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--var", "name=a", "--var", "tine=b"], "error: unknown: tine\nhint: the prompt knows: name, times, tone, h"),
        (["--var", "name=a", "--var", "name=b"], "error: --var name is given twice\n"),
        (["--var", "name"], "error: --var name: write NAME=VALUE\n"),
        (["--var", "times=2"], "error: missing: name\n"),
        (["--var", "name=a", "--var", "times=x"], "error: --var times: 'x' is not JSON"),
        (["--var", "name=a", "--var", "tone=cold"], "error: --var tone: 'cold' is not JSON"),
        (["--vars", "gone.yaml"], "error: --vars gone.yaml: No such file or directory\n"),
        (["--vars", "prompts"], "error: --vars prompts: Is a directory\n"),
        (["--vars", "/dev/zero"], "error: --vars /dev/zero: at most 1048576 bytes are read\n"),
    ],
)
def test_mistakes_are_named(greet: Scratch, arguments: list[str], expected: str) -> None:
    assert refused(greet.run("render", "greet", *arguments)).startswith(expected)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("name: a\nname: b\n", "case.yaml:2:1: "),
        ("on: 1\nname:\n  - {x: &a 1}\n", "case.yaml:3:9: "),  # a warning before it is not the reason
        ("- a\n", "case.yaml:1:1: "),
        ("name: [\n", "case.yaml:2:1: "),
        ("", "case.yaml:1:1: "),
    ],
)
def test_a_mistake_in_the_file_has_line_and_column(greet: Scratch, text: str, place: str) -> None:
    greet.write("case.yaml", text)
    assert refused(greet.run("render", "greet", "--vars", "case.yaml")).startswith(f"error: --vars {place}")


def test_a_prompt_that_takes_anything(greet: Scratch) -> None:
    greet.write(
        "prompts/greet/v1.yaml", PROMPT.replace("type: object", "type: object\n  additionalProperties: true", 1)
    )
    assert greet.run("render", "greet", "--var", "name=a", "--var", "other=b").code == 0
