"""Partials and tool files: what a reference means, exactly (design §2.1)."""

from __future__ import annotations

import pytest
from reading import SHARED_FILES, places, read, shared_files

from catalog_tool.canonical.jcs import digest_of_bytes

VERSIONED = {"partials/safety/v1.md": "Be safe.\n", "tools/search_kb/v1.yaml": "name: search_kb\ndescription: One.\n"}
BOTH = {
    **VERSIONED,
    "partials/safety/v2.md": "Be safer.\n",
    "partials/safety.md": "Safe?",
    "tools/search_kb.yaml": "name: search_kb\ndescription: Now.\n",
}


def prompt(text: str = "x", tools: str = "[]") -> str:
    return f"system_prompt: |-\n  {text}\ntools: {tools}\n"


def content(text: str, shared: dict[str, str]) -> str:
    version = read(prompt(text), shared=shared).version
    assert version is not None
    return str(version.decoded()["messages"][0]["content"])


def tools(written: str, shared: dict[str, str]) -> object:
    found = read(prompt(tools=written), shared=shared)
    assert found.version is not None, found.document.findings
    return found.version.decoded()["tools"]


def test_a_partial_is_what_is_written_and_never_the_highest_version() -> None:
    assert content("a {{> safety@v1}}", BOTH) == "a Be safe.\n"
    assert content("a {{>safety@v2}}", BOTH) == "a Be safer.\n"
    assert content("a {{> safety}}", BOTH) == "a Safe?"
    found = read(prompt("a {{> safety}}"), shared=VERSIONED)
    assert places(found) == [("P111", 2, 5)]
    assert found.version is None
    assert places(read(prompt("{{> safety@v9}}"), shared=BOTH)) == [("P111", 2, 3)]


def test_a_tool_is_what_is_written_and_never_the_highest_version() -> None:
    assert tools("[search_kb]", VERSIONED) == [{"name": "search_kb"}]
    assert tools("[search_kb@v1]", VERSIONED) == [{"name": "search_kb", "description": "One."}]
    assert tools("[search_kb]", BOTH) == [{"name": "search_kb", "description": "Now."}]
    assert tools("[{name: search_kb}]", BOTH) == [{"name": "search_kb"}]
    found = read(prompt(tools="[search_kb@v9]"), shared=BOTH)
    assert places(found) == [("P130", 3, 9)]
    assert "v9.yaml" in str(found.document.findings[0].hint)


def test_what_was_looked_for_is_kept_also_where_it_is_not_there() -> None:
    found = read(prompt("{{> safety@v1}} {{> no}}", "[search_kb, other]"), shared=VERSIONED)
    assert found.uses == {
        "partials/safety@v1": digest_of_bytes(b"Be safe.\n"),
        "partials/no": "-",
        "tools/search_kb": "-",
        "tools/other": "-",
    }


def test_a_digest_of_a_partial_is_of_its_bytes_after_lf() -> None:
    lf = shared_files({"partials/a.md": "x\ny\n"})[0].digests
    assert shared_files({"partials/a.md": "x\r\ny\r\n"})[0].digests == lf
    assert shared_files({"partials/a.md": "x\ny"})[0].digests != lf


def tool_digest(text: str) -> str:
    shared, findings = shared_files({"tools/t.yaml": text})
    assert findings == []
    return shared.digests["tools/t"]


def test_a_digest_of_a_tool_is_of_what_counts() -> None:
    plain = tool_digest("name: t\ndescription: d\n")
    assert tool_digest("# c\ndescription: d\nname: 't'\nowners: [a]\nx-a: 1\nstrict: false\n") == plain
    assert tool_digest("name: t\ndescription: e\n") != plain


def test_the_order_of_fields_is_part_of_a_tool() -> None:
    """Else a prompt whose digest has changed with it would be taken for unchanged."""
    text = "name: t\nparameters: {type: object, properties: {%s: {type: string}, %s: {type: string}}}\n"
    first, second = text % ("a", "b"), text % ("b", "a")
    assert tool_digest(first) != tool_digest(second)
    versions = [read(prompt(tools="[t]"), shared={"tools/t.yaml": each}).version for each in (first, second)]
    assert len({version.digest for version in versions if version is not None}) == 2


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("partials/a.md", b"\xff", ("Y003", 1, 1)),
        ("partials/a.md", b"a\rb", ("Y005", 1, 2)),
        ("partials/a.md", "e\u0301", ("Y026", 1, 1)),
        ("partials/a.md", b"\xef\xbb\xbfx", ("Y006", 1, 1)),
        ("tools/a.yaml", "name: a\nnmae: b\n", ("P106", 2, 1)),
        ("tools/a.yaml", "description: x\n", ("P106", 1, 1)),
        ("tools/a.yaml", "name: b\n", ("P106", 1, 7)),
        ("tools/team/a/v1.yaml", "name: b\n", ("P106", 1, 7)),
        ("tools/a.yaml", "name: a\nparameters: {type: strin}\n", ("P120", 2, 20)),
        ("tools/a.yaml", "name: a\nparameters: {$ref: 'http://x/y'}\n", ("P121", 2, 20)),
        ("tools/a.yaml", "name: a\nreturns: {pattern: '(a+)+$'}\n", ("P122", 2, 20)),
        ("tools/a.yaml", "name: a\nname: a\n", ("Y008", 2, 1)),
        ("tools/a.yaml", "[a]", ("Y017", 1, 1)),
        ("tools/a.json", '{"name": "a", "x": 1}', ("P106", 1, 15)),
    ],
)
def test_what_is_wrong_is_told_at_the_part_itself(path: str, text: str | bytes, expected: tuple[str, int, int]) -> None:
    findings = shared_files({path: text})[1]
    assert [(found.code, found.line, found.column) for found in findings] == [expected]
    assert findings[0].path == f"prompts/_shared/{path}"


def told(partials: dict[str, str]) -> list[tuple[str, str, int | None, int | None]]:
    findings = shared_files({f"partials/{name}.md": text for name, text in partials.items()})[1]
    cut = len("prompts/_shared/partials/")
    return sorted((str(each.path)[cut:-3], each.code, each.line, each.column) for each in findings)


def test_everything_wrong_in_a_partial_is_told_at_its_own_place_whether_or_not_it_is_used() -> None:
    assert told({"a": "x\n{{#a}} {{x y}} {{b..c}}\n  {{> gone@v3}} {{> no partial}} {{<x}}"}) == [
        ("a", "P110", 2, 1),
        ("a", "P110", 2, 8),
        ("a", "P110", 2, 16),
        ("a", "P110", 3, 34),
        ("a", "P111", 3, 3),
        ("a", "P112", 3, 17),
    ]
    assert told({"a": "x {{=<% %>=}} <% x %>"}) == [("a", "P112", 1, 3)]
    assert told({"a": "{{> b}} {{=<% %>=}}", "b": ""}) == [("a", "P112", 1, 9)]
    assert told({"a": "{{x"}) == [("a", "P110", 1, 1)]


def test_a_mistake_in_a_partial_is_told_once_and_not_at_those_that_include_it() -> None:
    assert told({"a": "{{> b}} {{> b}}", "b": "- {{x y}} {{> gone}}"}) == [("b", "P110", 1, 3), ("b", "P111", 1, 11)]


@pytest.mark.parametrize(
    "partials",
    [
        {"a": "{{.}}", "b": "{{#list}}{{> a}}{{/list}}", "c": "{{^no}}{{.}}{{/no}}"},
        {"a": "{{x.y}} {{#s}}{{z}}{{/s}}{{! what }}{{{raw}}}"},
        {"a": "{ {{> b}} }", "b": "x {"},
        {"a": "  {{> b}}\n{{> b}}\n", "b": "y"},
        {f"d{number}": f"{{{{> d{number + 1}}}}}" for number in range(7)} | {"d7": "end"},
    ],
)
def test_what_an_includer_decides_is_no_mistake_of_a_partial(partials: dict[str, str]) -> None:
    assert told(partials) == []


def test_partials_that_are_wrong_only_together() -> None:
    chain = {f"d{number}": f"{{{{> d{number + 1}}}}}" for number in range(10)} | {"d10": "end"}
    assert told(chain) == [("d2", "P112", 1, 1)]
    assert told({"a": "\n{{> b}}", "b": "{{> a}}", "c": "{{> a}}"}) == [("a", "P112", 2, 1), ("b", "P112", 1, 1)]
    assert told({"a": "x {{{> b}}", "b": "x"})[0][:2] == ("a", "P110")
    assert told({"a": "x{{> b}}", "b": "{{> c}}{n}", "c": "{"}) == [("b", "P112", 1, 8)]
    deep = "{{#s}}" * 20 + "%s" + "{{/s}}" * 20
    assert told({"a": deep % "{{> b}}", "b": deep % "", "c": "{{> a}}"}) == [("a", "P110", 1, 121)]
    large = {"a": "{{> b}}" * 9, "b": "x" * 1_000_000, "c": "{{> a}}"}
    assert told(large) == [("a", "P112", 1, 29)]


def test_a_partial_full_of_mistakes_is_told_up_to_a_bound() -> None:
    found = told({"a": "{{x y}}\n" * 3000})
    assert (len(found), found[-1]) == (1000, ("a", "P110", 999, 1))


def test_a_partial_that_cannot_be_read_is_not_missing_for_another() -> None:
    findings = shared_files({"partials/a.md": "x\ry", "partials/b.md": "{{> a}}"})[1]
    assert [each.code for each in findings] == ["Y005"]


def test_a_part_that_cannot_be_used_is_not_missing() -> None:
    broken = {"partials/a.md": "x\ry", "tools/t.yaml": "name: u\n"}
    assert places(read(prompt("{{> a}}"), shared=broken)) == []
    assert places(read(prompt(tools="[t]"), shared=broken)) == [("P106", 3, 9)]


def test_partials_of_other_engines_are_text() -> None:
    text = "template: none\nsystem_prompt: '{{> gone}} {{a}}'\n"
    version = read(text, shared={}).version
    assert version is not None
    assert version.decoded()["messages"][0]["content"] == "{{> gone}} {{a}}"
    assert version.uses == ()


def test_partials_stand_in_texts_parts_and_examples() -> None:
    text = """\
messages:
  - {role: user, content: [{type: text, text: "{{> safety@v1}}"}, {type: image, url: "{{> safety@v1}}"}]}
  - {examples: [{user: "{{> safety@v1}}", assistant: "{{> safety@v1}}"}]}
"""
    version = read(text).version
    assert version is not None
    said = SHARED_FILES["partials/safety/v1.md"]
    assert version.decoded()["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": said}, {"type": "image", "url": "{{> safety@v1}}"}]},
        {"examples": [{"user": said, "assistant": said}]},
    ]
    assert [name for name, _ in version.uses] == ["partials/safety@v1"]
