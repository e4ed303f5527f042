"""Our own schemas: complete, safe, self-contained, and saying what the contract says."""

# ruff: noqa: E501, FBT001 - tables are read a row a line

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from catalog_tool.errors import UsageError
from catalog_tool.source.schema_engine import SchemaEngine, check_schema
from catalog_tool.source.schema_survey import DIALECT, WRITTEN_OUT, Survey
from catalog_tool.source.schemas import load_schema, schema_names, schema_text

NAMES = schema_names()
EXPECTED = [
    "bundle",
    "catalog",
    "error",
    "evidence",
    "manifest",
    "plan",
    "policy",
    "prompt",
    "registry",
    "sample",
    "skill-claude-code",
    "skill-portable",
    "skill-upload",
    "skills-catalog",
    "tests",
    "tool",
    "alert-output",
    "alerts-output",
    "build-output",
    "bump-output",
    "comment-output",
    "diff-output",
    "drift-output",
    "eval-output",
    "gate-output",
    "history-output",
    "init-output",
    "list-output",
    "new-output",
    "plan-output",
    "promote-output",
    "pull-output",
    "render-output",
    "show-output",
    "status-output",
    "telemetry-output",
    "token-output",
    "usage-output",
    "validate-output",
    "watch-output",
]


def test_every_kind_of_file_and_document_has_its_schema() -> None:
    assert sorted(EXPECTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
class TestEverySchema:
    def test_is_valid_and_needs_no_survey(self, name: str) -> None:
        schema = load_schema(name)
        Draft202012Validator.check_schema(schema)
        assert check_schema(schema) == []
        survey = Survey(json.loads(schema_text(name)))
        assert survey.usable
        assert survey.problems == survey.skipped == []
        assert not survey.is_exotic
        assert not survey.is_recursive
        assert survey.size < WRITTEN_OUT

    def test_has_an_identity_and_says_what_it_is(self, name: str) -> None:
        schema = load_schema(name)
        assert list(schema)[:4] == ["$schema", "$id", "title", "description"]
        assert schema["$schema"] == DIALECT
        assert schema["$id"] == f"urn:catalog-tool:schema:{name}:1"

    def test_describes_every_property(self, name: str) -> None:
        root = load_schema(name)
        bare = [path for path, schema in _properties(root, "") if not _described(schema, root)]
        assert bare == []

    def test_refers_to_itself_only(self, name: str) -> None:
        assert all(reference.startswith("#/$defs/") for reference in _references(load_schema(name)))

    def test_accepts_its_examples(self, name: str) -> None:
        schema = load_schema(name)
        engine = SchemaEngine(schema)
        for example in schema.get("examples", []):
            assert engine.errors(example) == []
        for path, inner in _examples(schema):
            inner_engine = SchemaEngine({**inner, "$defs": schema.get("$defs", {})})
            for example in inner["examples"]:
                assert inner_engine.errors(example) == [], path

    def test_is_written_in_our_form(self, name: str) -> None:
        text = schema_text(name)
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"

    def test_means_the_same_when_it_is_not_known_to_be_ours(self, name: str) -> None:
        ours, theirs = SchemaEngine(load_schema(name)), SchemaEngine(json.loads(schema_text(name)))
        for document in ({}, [], {"format": 1}, {"name": "a\n"}, {"id": "a", "version": "v1\n"}):
            assert ours.errors(document) == theirs.errors(document)


def _schemas_in(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for place in Survey(schema).places.values():
        yield path + place.pointer, place.schema


def _properties(root: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for pointer, schema in _schemas_in(root, path):
        if "/dependentSchemas/" in pointer or "/if" in pointer or "/allOf/" in pointer:
            continue  # conditions on properties that are described where they belong
        for name, child in schema.get("properties", {}).items():
            yield f"{pointer}/properties/{name}", child


def _described(schema: Any, root: dict[str, Any]) -> bool:
    if schema is True:
        return True  # described where the target's or document's common keys are
    if "description" in schema:
        return bool(schema["description"].strip())
    target: Any = root
    for step in schema.get("$ref", "#/missing").split("/")[1:]:
        target = target.get(step, {})
    return "description" in target


def _references(schema: Any) -> Iterator[str]:
    for _, inner in _schemas_in(schema, ""):
        if "$ref" in inner:
            yield inner["$ref"]


def _examples(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, inner in _schemas_in(schema, ""):
        if path and "examples" in inner and isinstance(inner["examples"], list):
            yield path, inner


def test_the_list_follows_the_folder_and_names_are_checked() -> None:
    with pytest.raises(UsageError, match="no schema 'nosuch'") as caught:
        schema_text("nosuch")
    assert "prompt" in caught.value.hint
    with pytest.raises(UsageError):
        schema_text("../pyproject")


def test_the_loader_finds_the_folder_of_an_installed_package(tmp_path: Path) -> None:
    # Only the loader and what it needs, laid out as in a wheel, run by another interpreter.
    import subprocess
    import sys

    import catalog_tool
    from catalog_tool.source import schemas

    package = tmp_path / "catalog_tool"
    (package / "source").mkdir(parents=True)
    (package / "schemas").mkdir()
    source = Path(catalog_tool.__file__).parent
    for inner in ("__init__.py", "errors.py", "source/__init__.py", "source/schemas.py"):
        (package / inner).write_bytes((source / inner).read_bytes())
    (package / "schemas/prompt.schema.json").write_text('{"title": "from the wheel"}', encoding="utf-8")
    program = (
        "import sys; from catalog_tool.source.schemas import *; print(load_schema('prompt')['title']);"
        "assert not {'jsonschema', 'jsonschema_rs', 'yaml', 'click'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert result.stdout == "from the wheel\n", result.stderr
    (package / "schemas/prompt.schema.json").unlink()
    result = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert "lacks its schemas" in result.stderr
    assert schemas.load_schema("prompt")["title"] == "Prompt version"


# Prompts. Each row: what is changed in a prompt that is right, and the sentence that must come.

SHORT, FULL = load_schema("prompt")["examples"]
GONE = "\0gone"


def _with(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    changed = {**copy.deepcopy(base), **changes}
    return {key: value for key, value in changed.items() if value is not GONE}


def _message(**message: Any) -> dict[str, Any]:
    return {"messages": [message]}


BAD_PROMPTS: list[tuple[dict[str, Any], str, str]] = [
    ({"temprature": 1}, "/temprature", "unknown key `temprature`, did you mean `temperature`?"),
    ({"zzz": 1}, "/zzz", "unknown key `zzz`"),
    *(({key: {}}, f"/{key}", f"`{key}` is reserved; it means nothing yet") for key in ("variants", "extends", "overrides", "routing", "private")),
    ({"id": "Foo"}, "/id", 'an id is lower-case words joined by _ or -, levels joined by / (support_agent, billing/refund), not "Foo"'),
    ({"id": "a/tests"}, "/id", "no level of an id may be called tests, evidence, versions, labels or like a version"),
    ({"id": "v1"}, "/id", "no level of an id may be called tests, evidence, versions, labels or like a version"),
    ({"id": "a/con"}, "/id", "Windows reserves this name (con, prn, aux, nul, com0 to com9, lpt0 to lpt9)"),
    ({"id": "foo\n"}, "/id", 'an id is lower-case words joined by _ or -, levels joined by / (support_agent, billing/refund), not "foo\n"'),
    ({"version": "v0"}, "/version", 'a version is written v1, v2, …, not "v0"'),
    ({"version": 3}, "/version", "`version` must be a string, not the number 3"),
    (_message(role="bot", content="x"), "/messages/0/role", '`role` must be one of system, developer, user, assistant, tool, not "bot"'),
    (_message(role="user", content=None), "/messages/0/content", "`content` must be a string or a list, not null (give it a value, or leave the key out where that is allowed)"),
    (_message(role="user"), "/messages/0", "a message needs `content` (only beside `tool_calls` may it be left out)"),
    (_message(role="user", content="x", contnt="y"), "/messages/0/contnt", "unknown key `contnt`, did you mean `content`?"),
    (_message(role="user", content=[{"type": "txt", "text": "x"}]), "/messages/0/content/0/type", '`type` must be one of text, image, not "txt", did you mean text?'),
    (_message(role="user", content=[{"type": "text"}]), "/messages/0/content/0", "`text` is missing in `content[0]`"),
    (_message(role="user", content=[{"type": "text", "text": "x", "url": "y"}]), "/messages/0/content/0/url", "unknown key `url`"),
    (_message(role="user", content=[]), "/messages/0/content", "`content` must not be empty"),
    (_message(role="user", tool_calls=[{"id": "1", "name": "x"}]), "/messages/0/role", "only an assistant's message may carry `tool_calls`"),
    (_message(role="user", content="x", tool_call_id="1"), "/messages/0/role", "only a tool's message may carry `tool_call_id`"),
    (_message(examples=[{"user": "a", "assistent": "b"}]), "/messages/0/examples/0", "`assistant` is missing in `examples[0]`"),
    (_message(examples=[{"user": "a", "assistant": "b"}], role="user"), "/messages/0/role", "unknown key `role`"),
    (_message(placeholder="a b"), "/messages/0/placeholder", 'a placeholder\'s name is letters, digits, _ and - and begins with a letter or _, not "a b"'),
    (_message(placeholder="a", required="no"), "/messages/0/required", '`required` must be true or false, not the string "no"'),
    ({"messages": GONE}, "", "a prompt needs `system_prompt` or `messages`"),
    ({"messages": []}, "/messages", "`messages` must not be empty"),
    ({"system_prompt": "x"}, "", "`system_prompt` and `messages` together: write the system prompt as the first message"),
    ({"temperature": 0.5}, "/params/temperature", "`temperature` is given twice: at the top and in `params`"),
    ({"stop": []}, "/params/stop", "`stop` is given twice: at the top and in `params`"),
    ({"params": {"temperature": None}}, "/params/temperature", "`temperature` must be a number, not null (give it a value, or leave the key out where that is allowed)"),
    ({"params": {"top_k": None}}, "/params/top_k", "null is refused here; leave the key out instead"),
    ({"params": {"top_p": 1.5}}, "/params/top_p", "`top_p` must be at most 1, not 1.5"),
    ({"params": {"max_tokens": 1.5}}, "/params/max_tokens", "`max_tokens` must be an integer, not the number 1.5"),
    ({"params": {"stop": [1]}}, "/params/stop/0", "`stop[0]` must be a string, not the number 1"),
    ({"model": {"nme": "x"}}, "/model/nme", "unknown key `nme`, did you mean `name`?"),
    ({"model": 3}, "/model", "`model` must be a string or a map, not the number 3"),
    ({"tools": ["search_kb@v0"]}, "/tools/0", 'a tool is `name` or `name@v1`, not "search_kb@v0"'),
    ({"tools": [{"name": "x", "strict": "yes"}]}, "/tools/0/strict", '`strict` must be true or false, not the string "yes"'),
    ({"tools": [{"name": "x", "dispatch": "dynamc"}]}, "/tools/0/dispatch", '`dispatch` must be one of static, dynamic, not "dynamc", did you mean dynamic?'),
    ({"template": "handlebars"}, "/template", '`template` must be one of mustache, none, jinja, not "handlebars"'),
    ({"owners": "me"}, "/owners", '`owners` must be a list, not the string "me"'),
    ({"owners": ["a", "a"]}, "/owners", "`owners` holds the same item twice: items 1 and 2"),
    ({"variables": []}, "/variables", "`variables` must be a map, not a list"),
    ({"output_schema": True}, "/output_schema", "`output_schema` must be a map, not true"),
    ({"x-team": None}, "/x-team", "null is refused here; leave the key out instead"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "pointer", "message"), BAD_PROMPTS, ids=lambda v: str(v)[:40])
def test_a_wrong_prompt_is_told_in_one_sentence(change: dict[str, Any], pointer: str, message: str) -> None:
    problems = SchemaEngine(load_schema("prompt")).errors(_with(FULL, **change))
    assert (pointer, message) in {(problem.pointer, problem.message) for problem in problems}


GOOD_PROMPTS: list[dict[str, Any]] = [
    SHORT,
    FULL,
    _with(SHORT, notes="anything", description="x", **{"x-team": {"a": None}}),
    _with(FULL, messages=[{"role": "assistant", "tool_calls": [{"id": "1", "name": "x", "arguments": {}}]}, {"role": "tool", "tool_call_id": "1", "name": "x", "content": "{}"}]),
    _with(FULL, messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image", "url": "https://example.org/a.png"}]}]),
    _with(FULL, params={"top_k": 3, "max_tokens": 256.0, "stop": "x"}, temperature=0.2),
    _with(FULL, model="gpt-4o", template="none", output_schema={}, variables={}, tools=[]),
    _with(FULL, id="billing/refund-2", version="v12"),
    _with(FULL, tools=[{"name": "x", "owners": ["a"], "tags": [], "notes": "n", "x-a": 1, "returns": {}, "strict": False}]),
    _with(FULL, variables={"properties": {"a": {"default": None}}}),
]  # fmt: skip


@pytest.mark.parametrize("prompt", GOOD_PROMPTS)
def test_a_right_prompt_is_accepted(prompt: dict[str, Any]) -> None:
    assert SchemaEngine(load_schema("prompt")).errors(prompt) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"formt": 1}, "unknown key `formt`, did you mean `format`?"),
        ({"format": 2}, "`format` must be 1, not 2"),
        ({"targets": {"p": {"backend": "sqlite", "pth": "x"}}}, "unknown key `pth`, did you mean `path`?"),
        ({"targets": {"p": {"backend": "s3", "url": "x"}}}, "unknown key `url`"),
        ({"targets": {"p": {}}}, "`backend` is missing in `p`"),
        ({"targets": {"p": {"backend": "x", "edits": "blok"}}}, '`edits` must be one of block, pull, report, not "blok", did you mean block?'),
        ({"labels": {"latest": {}}}, "a label is never called latest or like a version"),
        ({"labels": {"a": {"protcted": True}}}, "unknown key `protcted`, did you mean `protected`?"),
        ({"rules": {"P130": {"severity": "ignore"}}}, "`reason` is missing in `P130`"),
        ({"catalog": "Acme"}, 'a catalog\'s id is lower-case letters, digits and - (at most 63), not "Acme"'),
        ({"skill_profile": "strict"}, '`skill_profile` must be one of portable, upload, claude-code, not "strict"'),
    ],
)  # fmt: skip
def test_wrong_settings_are_told_in_one_sentence(document: dict[str, Any], message: str) -> None:
    assert message in {problem.message for problem in SchemaEngine(load_schema("catalog")).errors(document)}


OWN_KEYS = {
    "memory": [],
    "sqlite": ["path"],
    "file": ["path"],
    "postgres": ["url"],
    "redis": ["url"],
    "s3": ["bucket", "endpoint_url"],
    "dynamodb": ["table", "endpoint_url"],
    "http": ["url", "token"],
    "langfuse": ["url", "public_key", "secret_key"],
    "mlflow": ["url"],
}


@pytest.mark.parametrize("backend", OWN_KEYS)
def test_each_backend_takes_the_common_keys_and_its_own(backend: str) -> None:
    engine = SchemaEngine(load_schema("catalog"))
    common = {"prefix": "p/", "include": ["**"], "labels": ["*"], "skills": True, "edits": "pull"}
    target = {"backend": backend, **common, **dict.fromkeys(OWN_KEYS[backend], "${VALUE}")}
    assert engine.errors({"targets": {"t": target}}) == []
    assert engine.errors({"targets": {"t": {**target, "skills": "${SKILLS}"}}}) == []
    assert not engine.is_valid({"targets": {"t": {**target, "nosuch": "x"}}})


def test_a_backend_of_another_package_takes_any_key() -> None:
    assert SchemaEngine(load_schema("catalog")).is_valid({"targets": {"t": {"backend": "acme", "any": {"thing": 1}}}})


@pytest.mark.parametrize(
    ("labels", "valid"),
    [
        ({"production": "v2", "canary": {"v2": 95, "v3": 5}}, True),
        ({"a": {"v1": 12.5, "v2": 87.5}}, True),
        ({"latest": "v1"}, False),
        ({"v3": "v1"}, False),
        ({"a": {"v1": 0, "v2": 100}}, False),
        ({"a": {"v1": 101}}, False),
        ({"a": {}}, False),
        ({"a": 2}, False),
        ({"a": "v1\n"}, False),
        ({"A": "v1"}, False),
    ],
)
def test_the_registry(labels: dict[str, Any], valid: bool) -> None:
    engine = SchemaEngine(load_schema("registry"))
    assert engine.is_valid({"support_agent": labels, "format": 1}) is valid
    assert engine.is_valid({"format": labels}) is valid


SKILL = {"name": "pdf", "description": "Fills forms."}


@pytest.mark.parametrize(
    ("front", "portable", "upload", "claude_code"),
    [
        (SKILL, True, True, True),
        ({"description": "Fills forms."}, False, False, True),
        ({"name": "pdf"}, False, False, False),
        ({**SKILL, "name": "Pdf"}, False, False, False),
        ({**SKILL, "name": "a" * 65}, False, False, False),
        ({**SKILL, "name": "claude-pdf"}, True, False, True),
        ({**SKILL, "description": "Fills <b>forms</b>."}, True, False, True),
        ({**SKILL, "description": "For a < b and c > d."}, True, True, True),
        ({**SKILL, "description": "x" * 1025}, False, False, False),
        ({**SKILL, "description": " "}, False, False, False),
        ({**SKILL, "compatibility": "x" * 501}, False, False, False),
        ({**SKILL, "metadata": {"owner": "me"}}, True, True, True),
        ({**SKILL, "metadata": {"n": 1}}, False, False, True),
        ({**SKILL, "allowed-tools": "Read Grep"}, True, True, True),
        ({**SKILL, "allowed-tools": "Read, Grep"}, True, True, True),
        ({**SKILL, "allowed-tools": ["Read"]}, False, False, True),
        ({**SKILL, "argument-hint": ["issue"]}, True, False, True),
        (
            {**SKILL, "context": "fork", "agent": "Explore", "effort": "high", "shell": "bash"},
            True,
            False,
            True,
        ),
        ({**SKILL, "context": "spoon"}, True, False, False),
        ({**SKILL, "user-invocable": "yes"}, True, False, False),
        ({**SKILL, "hooks": {"Stop": [{"hooks": []}]}}, True, False, True),
        ({**SKILL, "anything": None}, True, False, True),
    ],
)
def test_the_three_profiles_of_skills(front: dict[str, Any], portable: bool, upload: bool, claude_code: bool) -> None:
    verdicts = [SchemaEngine(load_schema(f"skill-{p}")).is_valid(front) for p in ("portable", "upload", "claude-code")]
    assert verdicts == [portable, upload, claude_code]


def test_golden_tests_take_expectations_of_any_kind_but_no_unknown_key() -> None:
    engine = SchemaEngine(load_schema("tests"))
    case = {"name": "a", "vars": {"x": [1]}, "placeholders": {"history": [{"role": "user", "content": "x"}]}}
    assert engine.is_valid(
        {"cases": [{**case, "expect": [{"type": "judge", "rubric": "kind", "votes": 3}]}], "expect": []}
    )
    assert (
        engine.errors({"cases": [{**case, "flakey": True}]})[0].message == "unknown key `flakey`, did you mean `flaky`?"
    )
    assert not engine.is_valid({"cases": [{**case, "expect": [{"value": "no type"}]}]})
