"""Front matter: where it ends, and the unquoted colons that are recovered (design §2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import digest, places, read

from catalog_tool.source.front_matter import read_front_matter, split_front_matter


@pytest.mark.parametrize(
    ("text", "yaml", "body", "line"),
    [
        ("---\na: 1\n---\nbody\n", "a: 1\n", "body\n", 4),
        ("---\na: 1\n---", "a: 1\n", "", 4),
        ("---\na: 1\n---\n", "a: 1\n", "", 4),
        ("---\n---\nbody", "", "body", 3),
        ("---\n---", "", "", 3),
        ("---\n\n---\nbody", "\n", "body", 4),
        ("---\na: '--- x'\nb: x ---\n --- \n---\n\nx", "a: '--- x'\nb: x ---\n --- \n", "\nx", 6),
        ("---\na: |\n  ---\n---\n---\n", "a: |\n  ---\n", "---\n", 5),
        ("---\n---x\n----\n---\ny", "---x\n----\n", "y", 5),
    ],
)
def test_it_ends_at_a_line_that_is_exactly_three_dashes(text: str, yaml: str, body: str, line: int) -> None:
    halves = split_front_matter(text)
    assert halves == (yaml, body, line, None)
    assert "".join(part + "\n" for part in text.split("\n")[: line - 1]).startswith(f"---\n{yaml}---")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no front matter"),
        ("# Title\n---\na: 1\n---\n", "no front matter"),
        (" ---\na: 1\n---\n", "no front matter"),
        ("--- \na: 1\n---\n", "no front matter"),
        ("---\na: 1\n", "not closed"),
        ("---\na: 1\n --- \n", "not closed"),
        ("---", "no front matter"),
        ("---\n", "not closed"),
    ],
)
def test_missing_or_not_closed(text: str, why: str) -> None:
    halves = split_front_matter(text)
    assert halves.yaml is None
    assert halves.body == text
    assert halves.flaw is not None
    assert (halves.flaw.code, halves.flaw.line, halves.flaw.column) == ("Y020", 1, 1)
    assert why in halves.flaw.message


@given(st.text("-\na: ", max_size=20), st.text("-\nx", max_size=10))
def test_nothing_is_lost(yaml: str, body: str) -> None:
    text = f"---\n{yaml}\n---\n{body}"
    halves = split_front_matter(text)
    assert halves.yaml is not None
    assert f"---\n{halves.yaml}---\n{halves.body}" == text
    assert "---" not in halves.yaml.split("\n")


def test_unquoted_colons_are_recovered() -> None:
    document = read_front_matter("name: pdf\ndescription:   Use when: it's a PDF\nurl: http://x\nat: 1\n")
    assert document.value == {
        "name": "pdf",
        "description": "Use when: it's a PDF",
        "url": "http://x",
        "at": 1,
    }
    assert not document.refused
    assert [(flaw.code, flaw.line, flaw.column) for flaw in document.flaws] == [("Y021", 3, 16)]


def test_only_the_lines_that_are_wrong_are_quoted() -> None:
    yaml = "a: x #b: c\nb: [1]\nc: one: two\nd: 012\n"
    assert read_front_matter(yaml).value == {"a": "x", "b": [1], "c": "one: two", "d": 12}


@pytest.mark.parametrize(
    "yaml",
    [
        "a: b: c\nd: [1\n",
        "a:\n  b: c: d\n",
        "a: 'b': c\n",
        "a: b: c\n  more\n",
        "a: b: c\na: d: e\n",
        "a: {b: c: d}\n",
        "a: [\n",
    ],
)
def test_what_cannot_be_recovered_is_refused_as_it_stands(yaml: str) -> None:
    document = read_front_matter(yaml)
    assert document.refused
    assert not any(flaw.code == "Y021" for flaw in document.flaws)


def test_strict_reading_comes_first() -> None:
    assert read_front_matter("a: no\n").flaws[0].code == "Y013"
    assert read_front_matter("").value is None
    assert read_front_matter("a: &x 1\n").refused


BODY = "\n\nFirst {{a}}.\n  Second {{ b c }}.\n"


def test_places_in_a_version_with_recovered_front_matter() -> None:
    found = read(f"---\ndescription: Use when: x\nid: other\n---{BODY}", "support_agent/v3.md")
    assert places(found) == [("Y021", 2, 14), ("P105", 3, 5), ("P110", 7, 10)]


def test_a_body_is_the_system_prompt() -> None:
    """Leading empty lines go, a line of blanks stays, and so does the end."""
    same = digest('system_prompt: "First {{a}}.\\n \\n"\nmodel: m\n')
    assert digest("---\nmodel: m\n---\n\n\nFirst {{a}}.\n \n", "support_agent/v1.md") == same
    assert digest("---\r\nmodel: m\r\n---\r\nFirst {{a}}.\r\n \r\n", "support_agent/v1.md") == same
    assert digest("---\nmodel: m\n---\nFirst {{a}}.\n \n\n", "support_agent/v1.md") != same
    assert digest("---\nmodel: m\n---\n \nFirst {{a}}.\n \n", "support_agent/v1.md") != same


def test_no_front_matter_but_its_lines() -> None:
    assert digest("---\n---\nx", "support_agent/v1.md") == digest("system_prompt: x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nsystem_prompt: x\n---\nbody\n", [("P101", 2, 1)]),
        ("---\nmessages: [{role: user, content: x}]\n---\nbody\n", "P101"),
        ("---\nmodel: m\n---\n", "P101"),
        ("body\n", [("Y020", 1, 1)]),
        ("---\n[1]\n---\nbody\n", [("Y017", 1, 1)]),
        ("---\na: &x\n---\nbody\n", [("Y009", 2, 4)]),
    ],
)
def test_bad_versions(text: str, expected: object) -> None:
    found = read(text, "support_agent/v1.md")
    assert found.version is None
    codes = {code for code, *_ in places(found)}
    assert places(found) == expected or codes == {expected}


def test_messages_in_the_front_matter_need_no_body() -> None:
    text = "messages:\n  - {role: user, content: x}\n"
    assert digest(f"---\n{text}---\n\n", "support_agent/v1.md") == digest(text)
