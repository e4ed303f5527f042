"""What the platforms' own SDKs make of a version: told exactly where it is not what we render, tried with the SDKs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from scratch import Scratch

from catalog_tool.backends.fitness import rendering
from catalog_tool.backends.langfuse_capabilities import CAPABILITIES
from catalog_tool.backends.langfuse_messages import CHAT, shown
from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.backends.mlflow_text import KIND, TEXT, seen_tags
from catalog_tool.backends.sdk_losses import langfuse_losses, mlflow_losses
from catalog_tool.sync.apply import plan_target
from catalog_tool.sync.conformance.engine import OPTIONS, session, wanted
from catalog_tool.sync.conformance.samples import Sample
from catalog_tool.template import compile_prompt

MISSING = "THE PLATFORMS' SDKS ARE NOT INSTALLED: pip install --group platforms"
STRING = {"type": "string"}


class Case(NamedTuple):
    """A version's texts (or messages), the values it is rendered with, and a word of what is told by each platform."""

    texts: tuple[Any, ...]
    values: Mapping[str, Any]
    langfuse: str | None
    mlflow: str | None
    template: str = "mustache"


def message(role: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"role": role, **({} if content is None else {"content": content}), **more}


CALL = {"id": "c1", "name": "search", "arguments": {"q": "x"}}
IMAGE = [{"type": "text", "text": "Look, {{q}}"}, {"type": "image", "url": "https://example.org/x.png"}]
PLAIN_ONLY = "fills in plain {{name}} only, not "
CASES = {
    "a plain name": Case(("Hello {{q}}, {{ q }} and {{\tq }}.",), {"q": "Bob"}, None, None),
    "a hyphen": Case(("{{user-name}}",), {"user-name": "Bob"}, None, None),
    "no tag": Case(("No tag, { {x} } and %} {%.",), {}, None, "renders a text with {% and %} as Jinja"),
    "single braces": Case(("{x} }} {",), {}, None, None),
    "three braces": Case(("A {{{q}}}",), {"q": "Bob"}, PLAIN_ONLY + "{{{q}}}", PLAIN_ONLY + "{{{q}}}"),
    "an ampersand": Case(("A {{&q}} {{q}}",), {"q": "Bob"}, PLAIN_ONLY + "{{&q}}", PLAIN_ONLY + "{{&q}}"),
    "a comment": Case(("A {{! note }}b",), {}, PLAIN_ONLY + "{{! note }}", PLAIN_ONLY + "{{! note }}"),
    "a section": Case(
        ("A {{#q}}x {{/q}}{{^q}}none{{/q}}",), {"q": True}, PLAIN_ONLY + "{{#q}}, {{/q}} and 1 more",
        PLAIN_ONLY + "{{#q}}, {{/q}} and 1 more",
    ),
    "a dotted name": Case(("A {{a.b}}",), {"a": {"b": "Bob"}}, PLAIN_ONLY + "{{a.b}}", PLAIN_ONLY + "{{a.b}}"),
    "a statement in mustache": Case(("{% raw %}{{q}}{% endraw %}",), {"q": "Bob"}, None, "{% and %} as Jinja"),
    "none without a name": Case(("{{ 1 }} {{ x y }} {x}",), {}, None, None, "none"),
    "none with a name": Case(("literal {{q}}",), {}, "fills in {{q}}, which `template: none`", "{{q}}", "none"),
    "jinja's plain names": Case(("Hello {{ q }}",), {"q": "Bob"}, None, None, "jinja"),
    "jinja's statements": Case(
        ("{% if q %}yes {{ q }}{% endif %}",), {"q": "Bob"}, "knows no Jinja: {% if q %}", None, "jinja"
    ),
    "jinja's filters": Case(("{{ q|upper }}",), {"q": "Bob"}, "no Jinja: {{ q|upper }}", "upper }} stays", "jinja"),
    "jinja's comments": Case(("a{# b #}",), {}, "knows no Jinja: {# b #}", "{# b #} stays as it is", "jinja"),
    "two messages": Case((message("system", "Be {{q}}."), message("user", "Hi")), {"q": "kind"}, None, None),
    "examples": Case(({"examples": [{"user": "{{q}}?", "assistant": "Yes."}]},), {"q": "Who"}, None, None),
    "examples with a section": Case(
        ({"examples": [{"user": "{{#q}}a{{/q}}", "assistant": "Yes."}]},), {"q": True}, PLAIN_ONLY, PLAIN_ONLY
    ),
    "tool calls": Case(
        (message("assistant", "I look.", tool_calls=[CALL]),), {}, "without tool_calls", "without tool_calls"
    ),
    "a tool's answer": Case((message("tool", "Found.", tool_call_id="c1"),), {}, "tool_call_id", "tool_call_id"),
    "a name": Case((message("user", "Hi", name="bob"),), {}, "without name", "without name"),
    "an image": Case((message("user", IMAGE),), {"q": "Bob"}, "gives an image as the text", "a list of parts"),
    "no content": Case(
        (message("assistant", tool_calls=[CALL]), message("user", "{{q}}")), {"q": "Bob"},
        "without tool_calls", "without tool_calls",
    ),
    "a placeholder": Case(({"placeholder": "history", "required": False},), {}, None, "shows no placeholder (history)"),
}  # fmt: skip
of_each_case = pytest.mark.parametrize("name", sorted(CASES))


def parts_of(case: Case) -> dict[str, Any]:
    messages = [one if isinstance(one, dict) else message("system", one) for one in case.texts]
    declared = {"type": "object", "properties": {key: {} for key in case.values}} if case.values else {}
    return {
        "messages": messages, "template": case.template, "variables": declared, "model": {}, "params": {},
        "tools": [], "output_schema": {},
    }  # fmt: skip


def ours(case: Case) -> Any:
    return compile_prompt(parts_of(case)).render(case.values)


def by_langfuse(case: Case) -> Any:
    """What ``compile`` gives; a name that ``template: none`` keeps is one that the application passes."""
    model = pytest.importorskip("langfuse.model", reason=MISSING)
    api = pytest.importorskip("langfuse.api", reason=MISSING)
    prompt = shown(parts_of(case)["messages"], CHAT)
    typed = [{"type": "chatmessage", **one} if "role" in one else one for one in prompt]
    version = api.Prompt_Chat(name="x", version=1, prompt=typed, config={}, labels=[], tags=[], type="chat")
    passed = {**case.values, **({"q": "passed"} if case.template == "none" else {}), "history": []}
    return model.ChatPromptClient(version).compile(**passed)


def by_mlflow(case: Case) -> Any:
    """What ``format`` gives, or the name of the error that it raises."""
    registry = pytest.importorskip("mlflow.entities.model_registry", reason=MISSING)
    tags = seen_tags(parts_of(case))
    text = tags[TEXT] if tags[KIND] == "text" else json.loads(tags[TEXT])
    try:
        found = registry.PromptVersion("x", 1, text).format(**case.values)
    except Exception as error:  # noqa: BLE001 - whatever it raises is no rendering
        return type(error).__name__
    return [{"role": "system", "content": found}] if isinstance(found, str) else found


@of_each_case
def test_what_is_told(name: str) -> None:
    case = CASES[name]
    for told, word in ((langfuse_losses(parts_of(case)), case.langfuse), (mlflow_losses(parts_of(case)), case.mlflow)):
        found = list(told)
        assert bool(found) == (word is not None), found
        assert word is None or any(word in clause for clause in found), found


@of_each_case
def test_it_is_told_exactly_where_langfuse_gives_something_else(name: str) -> None:
    assert (by_langfuse(CASES[name]) != ours(CASES[name])) == (CASES[name].langfuse is not None)


@of_each_case
def test_it_is_told_exactly_where_mlflow_gives_something_else(name: str) -> None:
    if name == "a placeholder":
        return  # both are empty here: what is not shown are the messages that would be put in
    assert (by_mlflow(CASES[name]) != ours(CASES[name])) == (CASES[name].mlflow is not None)


@pytest.mark.parametrize("text", ["{{" * 200_000, "{%" * 200_000, "{{a" * 100_000 + "}}", "{{" + " " * 200_000])
def test_a_text_that_means_harm_takes_no_time(text: str) -> None:
    for template in ("mustache", "jinja", "none"):
        parts = parts_of(Case((text,), {}, None, None, template))
        assert all(len(clause) < 300 for told in (langfuse_losses, mlflow_losses) for clause in told(parts))


def test_a_plan_says_it_beside_the_version() -> None:
    backend = MemoryBackend()
    known = session(backend)
    there = replace(known, destination=known.destination._replace(rendering=rendering(CAPABILITIES)))
    sample = Sample({("greet", "v1"): "Hello.\n", ("greet", "v2"): "Hello {{name}}.\n"}, {}, {})
    reasons = {action.object: action.reason for action in plan_target(there, wanted(backend, sample), OPTIONS).actions}
    assert reasons == {
        "prompts/greet@v1": None,
        "prompts/greet@v2": "kit has an SDK that fills in {{name}}, which `template: none` keeps, "
        "where somebody passes it",
    }


SETTINGS = """\
catalog: acme
targets:
  lf: {backend: langfuse, url: "http://127.0.0.1:1", public_key: "${PK}", secret_key: "${SK}", skills: false}
  lite: {backend: sqlite, path: runtime.db}
"""
VERSION = "id: greet\nversion: {version}\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  {text}\n"


def test_validate_says_it_of_each_version_and_target(scratch: Scratch) -> None:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS,
            "prompts/greet/v1.yaml": VERSION.format(version="v1", text="Hello {{name}}."),
            "prompts/greet/v2.yaml": VERSION.format(version="v2", text="Hello {{! who }}{{name}}."),
        }
    )
    scratch.commit()
    answer = scratch.run("validate", "--format", "json")
    assert answer.code == 0
    told = [(f["path"], f["severity"], f["message"]) for f in answer.json()["findings"] if f["code"] == "C342"]
    why = "the target `lf` (langfuse) has an SDK that fills in plain {{name}} only, not {{! who }}"
    assert told == [("prompts/greet/v2.yaml", "warning", why)]
