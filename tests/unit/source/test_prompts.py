"""Prompt files: every form, and every finding at its place (design §2.1, §4)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from reading import SHORT, digest, places, read

from catalog_tool.model.finding import ERROR
from catalog_tool.source.schema_engine import PROBLEMS

ASK = "messages:\n  - {role: user, content: '{{question}}'}\n"
DEFS = "{a/b: {$ref: '#/$defs/c'}, c: {type: object}}"


def parts(text: str, file: str = "support_agent/v1.yaml") -> dict[str, Any]:
    version = read(text, file).version
    assert version is not None, read(text, file).document.findings
    return version.decoded()


def test_the_short_and_the_full_form_of_one_meaning() -> None:
    full = """\
model: {name: gpt-4o}
params: {temperature: 0.30}
template: mustache
variables: {type: object, required: [product_name], properties: {product_name: {type: string}}}
messages:
  - role: system
    content: |
      You are a support agent for {{product_name}}.
      Always check the knowledge base before answering.
tools: [{name: search_kb}, {name: create_ticket, strict: false}]
output_schema: {}
"""
    markdown = """\
---
model: gpt-4o
temperature: 3e-1
tools: [search_kb, create_ticket]
---

You are a support agent for {{product_name}}.
Always check the knowledge base before answering.
"""
    json_text = (
        '{"model": "gpt-4o", "params": {"temperature": 0.3}, "tools": ["search_kb", "create_ticket"],'
        ' "system_prompt": "You are a support agent for {{product_name}}.\\n'
        'Always check the knowledge base before answering.\\n"}'
    )
    expected = digest(SHORT, "support_agent/v2.yaml")
    assert digest(full) == expected
    assert digest(markdown, "support_agent/v1.md") == expected
    assert digest(json_text, "support_agent/v1.json") == expected


def test_id_and_version_may_be_left_to_the_path() -> None:
    assert read("system_prompt: x\n", "billing/refund/v7.yaml").document.findings == []
    version = read("id: billing/refund\nversion: v7\nsystem_prompt: x\n", "billing/refund/v7.yaml").version
    assert version is not None
    assert (version.id, version.version) == ("billing/refund", "v7")


def test_what_is_left_out_is_empty() -> None:
    assert parts("system_prompt: x\n") == {
        "messages": [{"role": "system", "content": "x"}],
        "model": {},
        "output_schema": {},
        "params": {},
        "template": "mustache",
        "tools": [],
        "variables": {},
    }


def test_messages_are_kept_as_written() -> None:
    written = """\
messages:
  - {role: developer, content: " x ", name: n}
  - {placeholder: history}
  - {placeholder: more, required: false}
  - {role: assistant, tool_calls: [{id: c1, name: t, arguments: {"{{a}}": 1}}]}
  - {role: tool, tool_call_id: c1, content: ''}
  - {role: assistant, content: y, tool_calls: [{id: c2, name: t, arguments: '{}'}]}
"""
    assert parts(written)["messages"] == [
        {"role": "developer", "content": " x ", "name": "n"},
        {"placeholder": "history", "required": True},
        {"placeholder": "more", "required": False},
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "t", "arguments": {"{{a}}": 1}}]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
        {"role": "assistant", "content": "y", "tool_calls": [{"id": "c2", "name": "t", "arguments": "{}"}]},
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x", None),
        ("{{b}} {{a}} {{b}}", ["a", "b"]),
        ("{{{a}}} {{&b}} {{ c-d }}", ["a", "b", "c-d"]),
        ("{{! a}}", None),
        ("{{=<% %>=}}<%a%> {{b}}", ["a"]),
    ],
)
def test_variables_are_inferred_from_the_tags(text: str, names: list[str] | None) -> None:
    written = f"system_prompt: '{text}'\n"
    properties = {name: {"type": "string"} for name in names or ()}
    expected = {"type": "object", "properties": properties, "required": names}
    assert parts(written)["variables"] == (expected if names else {})


def test_no_variables_are_inferred_from_text_or_placeholders() -> None:
    assert parts("template: none\nsystem_prompt: '{{a}}'\n")["variables"] == {}
    assert parts("messages: [{placeholder: a}, {role: user, content: '{{b}}'}]")["variables"]["required"] == ["b"]


def test_written_variables_are_kept_as_they_are() -> None:
    schema = "{properties: {question: {type: string, maxLength: 9}}, x-a: 1}"
    assert parts(f"{ASK}variables: {schema}\n")["variables"] == {
        "properties": {"question": {"type": "string", "maxLength": 9}},
        "x-a": 1,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # P101: the schema.
        ("system_prompt: x\nmodle: gpt\n", [("P101", 2, 1)]),
        ("system_prompt: x\nmessages: [{role: user, content: y}]\n", [("P101", 1, 1)]),
        ("model: x\n", [("P101", 1, 1)]),
        ("system_prompt: x\ntemperature: 0.3\nparams: {temperature: 0.3}\n", [("P101", 3, 23)]),
        ("system_prompt: x\nparams: {top_p: null}\n", [("P101", 2, 17)]),
        ("system_prompt: x\ntemperature:\n", [("P101", 2, 13)]),
        ("system_prompt: x\nextends: y\n", [("P101", 2, 10)]),
        ("system_prompt: x\ntemplate: erb\n", [("P101", 2, 11)]),
        ("system_prompt: 1\n", [("P101", 1, 16)]),
        ("messages: [{role: user}]\n", [("P101", 1, 12)]),
        ("messages: [{role: user, content: null}]\n", [("P101", 1, 34)]),
        ("messages: [{role: user, content: x, cache: y}]\n", [("P101", 1, 37)]),
        ("messages: [{role: user, content: [{type: text, text: x, y: z}]}]\n", [("P101", 1, 57)]),
        ("messages: [{examples: [{user: x, assistant: y, z: 1}]}]\n", [("P101", 1, 48)]),
        ("messages: [{placeholder: x, role: user}]\n", [("P101", 1, 29)]),
        ("messages: [{role: robot, content: x}]\n", [("P101", 1, 19)]),
        # P105: the path.
        ("id: other\nversion: v1\nsystem_prompt: x\n", [("P105", 1, 5)]),
        ("id: support_agent\nversion: v3\nsystem_prompt: x\n", [("P105", 2, 10)]),
        # P110 to P112: templates and partials.
        ("system_prompt: |\n  a {{#b}}\nvariables: {properties: {b: {type: array}}}\n", [("P110", 2, 5)]),
        ("system_prompt: |\n  a {{b c}} {{ }}\n", [("P110", 2, 5), ("P110", 2, 13)]),
        ("system_prompt: |\n  {{.}}\n", [("P110", 2, 3)]),
        ("system_prompt: |\n  {{/b}}\n", [("P110", 2, 3)]),
        ("system_prompt: |\n  {{open\n", [("P110", 2, 3)]),
        ("system_prompt: |\n  x {{> gone}}\n", [("P111", 2, 5)]),
        ("system_prompt: |\n  x {{> a b}}\n", [("P112", 2, 5)]),
        ("system_prompt: |\n  {{=<% %>=}}<%> safety@v1%>\n", [("P112", 2, 3)]),
        # P113 to P117: names.
        (f"{ASK}variables: {{}}\n", [("P113", 2, 27)]),
        (f"{ASK}variables: {{properties: {{q: {{type: string}}}}}}\n", [("P113", 2, 27), ("P114", 3, 26)]),
        (f"{ASK}variables: {{properties: {{question: {{type: string}}}}, required: [q]}}\n", [("P113", 3, 64)]),
        (f"{ASK}variables: {{required: [q], properties: {{question: {{}}}}, additionalProperties: true}}\n", []),
        (f"{ASK}variables: {{type: array, properties: {{question: {{}}}}}}\n", [("P113", 3, 19)]),
        (f"{ASK}variables: {{type: [object, 'null'], properties: {{question: {{}}}}}}\n", []),
        (f"{ASK}variables: {{question: {{type: string}}, x-b: 1}}\n", [("P113", 3, 13)]),
        (f"{ASK}variables: {{required: [q], properties: {{question: {{}}}}, allOf: [{{$ref: '#/$defs/q'}}]}}\n",
         [("P121", 3, 71)]),
        ("system_prompt: |\n  {{a.b}}\n", [("P115", 2, 3)]),
        ("system_prompt: |\n  {{#a}}x{{/a}} {{b}}\n", [("P115", 2, 3)]),
        ("messages:\n  - {placeholder: q}\n  - {role: user, content: '{{q}}'}\n", [("P116", 2, 19)]),
        ("messages:\n  - {placeholder: q}\n  - {placeholder: q}\n", [("P116", 3, 19)]),
        ("template: jinja\nsystem_prompt: '{{ a }}'\n", [("P115", 2, 16)]),
        # P120 to P124: schemas.
        (f"{ASK}variables: {{properties: {{question: {{type: strin}}}}}}\n", [("P120", 3, 43)]),
        ("system_prompt: x\noutput_schema: {required: a}\n", [("P120", 2, 27)]),
        ("system_prompt: x\noutput_schema: {$ref: 'http://example.org/x'}\n", [("P121", 2, 23)]),
        ("system_prompt: x\noutput_schema: {$ref: '#/$defs/a'}\n", [("P121", 2, 23)]),
        ("system_prompt: x\noutput_schema: {pattern: '(a+)+$'}\n", [("P122", 2, 26)]),
        ("system_prompt: x\ntools: [{name: t, parameters: {type: objct}}]\n", [("P120", 2, 38)]),
        (f"{ASK}variables: {{properties: {{question: {{type: string, default: 1}}}}}}\n", [("P123", 3, 60)]),
        (f"{ASK}variables: {{properties: {{question: {{enum: [a], default: b}}}}}}\n", [("P123", 3, 57)]),
        (f"{ASK}variables: {{properties: {{question: {{type: [string, boolean], default: 1}}}}}}\n", [("P123", 3, 71)]),
        ("system_prompt: x\noutput_schema: {properties: {a: {type: string, default: 1}}}\n", [("P123", 2, 57)]),
        ("system_prompt: x\noutput_schema: {type: object, default: 1}\n", [("P123", 2, 40)]),
        ("system_prompt: x\noutput_schema: {items: {maxLength: 1, default: ab}}\n", [("P123", 2, 48)]),
        ("system_prompt: x\ntools: [{name: t, parameters: {items: {enum: [b], default: c}}}]\n", [("P123", 2, 60)]),
        ("system_prompt: x\ntools: [{name: t, returns: {default: 1, type: 'null'}}]\n", [("P123", 2, 38)]),
        ("system_prompt: x\noutput_schema: {type: strin, default: 1}\n", [("P120", 2, 23)]),
        (f"{ASK}variables: {{properties: {{question: {{type: array}}}}}}\n", [("P124", 2, 27)]),
        ("template: jinja\nsystem_prompt: '{% for x in l %}{{ x }}{% endfor %}{{ o.k }}'\n"
         "variables: {properties: {l: {type: array}, o: {type: object}}}\n", []),
        *(
            (f"{ASK}variables: {{properties: {{question: {schema}}}, $defs: {DEFS}}}\n", found)
            for schema, found in [
                ("{$ref: '#/$defs/a~1b'}", [("P124", 2, 27)]), ("{$ref: '#/$defs/a%7E1b'}", [("P124", 2, 27)]),
                ("{type: [array, 'null']}", [("P124", 2, 27)]), ("{enum: [[1], {a: 1}]}", [("P124", 2, 27)]),
                ("{const: [a]}", [("P124", 2, 27)]), ("{enum: [[1], a]}", []), ("{const: a}", []),
                ("{type: ['null']}", []), ("{type: [array, string]}", []), ("{$ref: '#/$defs'}", []),
            ]
        ),
        (f"{ASK}variables: {{properties: x}}\n", [("P113", 2, 27), ("P120", 3, 25)]),
        ("messages:\n  - {placeholder: q}\nvariables: {properties: [{a: 1}]}\n", [("P120", 3, 25)]),
        # P130 to P132: tools.
        ("system_prompt: x\ntools: [gone@v1]\n", [("P130", 2, 9)]),
        ("system_prompt: x\ntools: [a, {name: a}]\n", [("P132", 2, 12)]),
        ("system_prompt: x\ntools: [search_kb, search_kb@v1]\n", [("P132", 2, 20)]),
        ("system_prompt: x\ntools: [{nam: a, name: q}, gone@v1, 3, a, a]\n",
         [("P101", 2, 10), ("P130", 2, 28), ("P101", 2, 37), ("P132", 2, 43)]),
        # Y0xx inside a prompt.
        ("system_prompt: x\nsystem_prompt: y\n", [("Y008", 2, 1)]),
        ("system_prompt: &a x\n", [("Y009", 1, 16)]),
        ("", [("Y017", 1, 1)]),
        ("- x\n", [("Y017", 1, 1)]),
    ],
)  # fmt: skip
def test_findings_and_their_places(text: str, expected: list[tuple[str, int, int]]) -> None:
    found = read(text)
    assert places(found) == expected
    is_wrong = any(each.severity == ERROR for each in found.document.findings)
    assert (found.version is None) == is_wrong
    assert all(each.path == "prompts/support_agent/v1.yaml" for each in found.document.findings)
    assert all(each.artifact == "support_agent@v1" for each in found.document.findings)


def test_all_findings_at_once() -> None:
    text = "id: other\nmodle: x\nsystem_prompt: |\n  {{> gone}} {{a b}}\ntools: [t@v1]\n"
    assert places(read(text)) == [("P105", 1, 5), ("P101", 2, 1), ("P111", 4, 3), ("P110", 4, 14), ("P130", 5, 9)]


@pytest.mark.parametrize(
    "variables",
    [
        "{properties: {a: {type: string}, question: {$ref: '#/properties/a', default: x}}}",
        "{properties: {a: {type: string}, question: {$ref: '#/$defs/t', default: x}}, $defs: {t: {type: string}}}",
        "{properties: {a: {type: string}, question: {type: integer, default: 1}}, required: [a]}",
        "{properties: {a: {type: string}, question: {type: string, default: ''}}, minProperties: 2}",
        "{properties: {a: {properties: {b: {type: array, items: {type: integer, default: 3}}}}, question: {}}}",
    ],
)
def test_defaults_are_held_against_the_schema_in_its_place(variables: str) -> None:
    text = f"system_prompt: '{{{{question}}}}{{{{a}}}}'\nvariables: {variables}\n"
    assert [each.code for each in read(text).document.findings if each.code == "P123"] == []


def test_a_wrong_default_is_found_wherever_it_stands() -> None:
    variables = (
        "{properties: {a/b: {type: object, properties: {c: {type: array, items: {$ref: '#/$defs/t', default: x}}}},"
        " question: {$ref: '#/$defs/t', default: y}}, $defs: {t: {type: integer}}}"
    )
    codes = [code for code, *_ in places(read(f"{ASK}variables: {variables}\n"))]
    assert codes.count("P123") == 2


def test_a_template_with_a_hundred_thousand_mistakes_is_read_in_no_time() -> None:
    for body in ("{{}}" * 100_000, "{{a}}\n" * 100_000):
        text = "system_prompt: |\n" + "".join(f"  {line}\n" for line in body.split("\n")) + "variables: {}\n"
        started = time.process_time()
        found = read(text)
        assert time.process_time() - started < 5
        assert len(found.document.findings) == PROBLEMS


def test_a_thousand_declared_and_unused_names_are_placed_in_no_time() -> None:
    names = "".join(f"    k{number}: {{type: string}}\n" for number in range(15_000))
    started = time.process_time()
    found = read(f"system_prompt: x\nvariables:\n  properties:\n{names}")
    assert time.process_time() - started < 5
    assert {each.code for each in found.document.findings} == {"P114"}


@pytest.mark.parametrize(
    ("text", "file", "place"),
    [
        ("model: m\nsystem_prompt: e\u0301\n", "support_agent/v1.yaml", (2, 16)),
        ('model: m\nsystem_prompt: "ab cde\u0301"\n', "support_agent/v1.yaml", (2, 22)),
        ('model: m\nsystem_prompt: "e\\u0301"\n', "support_agent/v1.yaml", (2, 16)),
        ('model: m\nsystem_prompt: "e\\U00000301"\n', "support_agent/v1.yaml", (2, 16)),
        ('{"model": "m",\n "system_prompt": "e\\u0301"}', "support_agent/v1.json", (2, 19)),
        ("---\nmodel: m\n---\nx\ne\u0301", "support_agent/v1.md", (5, 1)),
    ],
)
def test_text_that_is_not_nfc_warns_and_differs_from_its_twin(text: str, file: str, place: tuple[int, int]) -> None:
    found = read(text, file)
    assert places(found) == [("Y026", *place)]
    twin = text.replace("e\u0301", "é").replace("e\\u0301", "é").replace("e\\U00000301", "é")
    assert places(read(twin, file)) == []
    assert digest(text, file) != digest(twin, file)


@pytest.mark.parametrize(
    ("data", "code", "byte"),
    [
        ("system_prompt: caf\xe9".encode("latin-1"), "Y003", 18),
        ("system_prompt: x".encode("utf-16"), "Y003", 0),
        (b"\xef\xbb\xbfsystem_prompt: x\ry", "Y005", 19),
        (b"system_prompt: x\r\n\0", "Y004", 18),
    ],
)
def test_bytes_that_are_no_text_are_named(data: bytes, code: str, byte: int) -> None:
    found = read(data)
    last = found.document.findings[-1]
    assert found.version is None
    assert last.code == code
    assert f"byte {byte}" in last.message


def test_a_byte_order_mark_is_a_finding_and_no_meaning() -> None:
    text = "system_prompt: |\n  x\n  y\n"
    found = read(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert places(found) == [("Y006", 1, 1)]
    assert found.version is not None
    assert found.version.digest == digest(text)


def test_without_jinja_nothing_is_said_of_the_names_in_its_templates() -> None:
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from reading import read\n"
        "text = \"template: jinja\\nsystem_prompt: '{{ a }}'\\nvariables: {properties: {a: {}, b: {}}}\\n\"\n"
        "print(*(found.code for found in read(text).document.findings))\n"
    )
    tests = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["P117"]
