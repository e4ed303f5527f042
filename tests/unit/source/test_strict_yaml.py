"""Strict YAML, rule by rule (design §2.4): what is read, and code, line and column of what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.model.limits import NESTING, NODES
from catalog_tool.source.decoding import MOST_FLAWS
from catalog_tool.source.strict_yaml import PurePythonParser, read_yaml
from catalog_tool.source.yaml_scalars import RefusedNumberError, resolve_plain

Place = tuple[str, int | None, int | None]


def flaws(text: str, **more: Any) -> list[Place]:
    return [(flaw.code, flaw.line, flaw.column) for flaw in read_yaml(text, **more).flaws]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Keys.
        ("a: 1\nb:\n  c: 1\n  c: 2\n", ("Y008", 4, 3)),
        ('a: 1\n"a": 2\n', ("Y008", 2, 1)),
        ("é: 1\né: 2\n", ("Y008", 2, 1)),
        ("a:\n  __proto__: 1\n", ("Y014", 2, 3)),
        ('"__proto__": 1\n', ("Y014", 1, 1)),
        ("1: x\n", ("Y018", 1, 1)),
        ("true: x\n", ("Y018", 1, 1)),
        ("~: x\n", ("Y018", 1, 1)),
        ("1.5: x\n", ("Y018", 1, 1)),
        ("? [a]\n: b\n", ("Y018", 1, 3)),
        ("? {a: b}\n: c\n", ("Y018", 1, 3)),
        ("e\u0301: 1\n", ("Y025", 1, 1)),
        # Anchors, aliases, merge keys, tags.
        ("a: &x 1\n", ("Y009", 1, 4)),
        ("&k a: 1\n", ("Y009", 1, 1)),
        ("a: *x\n", ("Y009", 1, 4)),
        ("a:\n  <<: {b: 1}\n", ("Y009", 2, 3)),
        ("a: !!str x\n", ("Y010", 1, 4)),
        ("a: ! x\n", ("Y010", 1, 4)),
        ("a: !!python/object:os.system x\n", ("Y010", 1, 4)),
        ("a: !x\n  b: 1\n", ("Y010", 1, 4)),
        ("a: !x [1]\n", ("Y010", 1, 4)),
        ("%TAG ! tag:example.org,2000:\n---\na: 1\n", ("Y010", 1, 1)),
        # Tabs.
        ("a:\n\tb: 1\n", ("Y011", 2, 1)),
        ("a:\n  - x\n \t- y\n", ("Y011", 3, 2)),
        ("a: {b: 1,\n\tc: 2}\n", ("Y011", 2, 1)),
        ("a: 'x\n\ty'\n", ("Y011", 2, 1)),
        # Numbers.
        ("a: 9007199254740992\n", ("Y012", 1, 4)),
        ("a: -9007199254740992\n", ("Y012", 1, 4)),
        ("a: 100000000000000000000000\n", ("Y012", 1, 4)),
        ("a: 0o17\n", ("Y012", 1, 4)),
        ("a: 0x1F\n", ("Y012", 1, 4)),
        ("a: -0x1f\n", ("Y012", 1, 4)),
        ("a: .inf\n", ("Y012", 1, 4)),
        ("a: -.INF\n", ("Y012", 1, 4)),
        ("a: .NaN\n", ("Y012", 1, 4)),
        ("a: 1e400\n", ("Y012", 1, 4)),
        ("a: 1e16\n", ("Y012", 1, 4)),
        ("a: 9007199254740993.0\n", ("Y012", 1, 4)),
        # Characters.
        ('a: "\\0"\n', ("Y004", 1, 4)),
        ("a: x\x07y\n", ("Y004", 1, 5)),
        ("a: x\x9fy\n", ("Y004", 1, 5)),
        ("a: x\x85y\n", ("Y016", 1, 5)),
        ("é:\n  b: x\u2028y\n", ("Y016", 2, 7)),
        ("a: |\n  x\u2029y\n", ("Y016", 2, 4)),
        ("a: 1\n\ufeff# b\n", ("Y016", 2, 1)),
        ('a: "\\ud800"\n', ("Y007", 1, 7)),
        ('a: "\\ud83d\\ude00"\n', ("Y007", 1, 7)),
        # Syntax.
        ("a: b: c\n", ("Y007", 1, 5)),
        ("a: @x\n", ("Y007", 1, 4)),
        ("a: [1\n", ("Y007", 2, 1)),
        ("a: 1\n b: 2\n", ("Y007", 2, 3)),
        ("a: 1\n---\nb: 2\n", ("Y017", 2, 1)),
    ],
)
def test_refusals(text: str, expected: Place) -> None:
    document = read_yaml(text)
    assert document.refused
    assert flaws(text)[0] == expected
    assert flaws(text, first_line=5)[0] == (expected[0], (expected[1] or 0) + 4, expected[2])
    assert read_yaml(text, parser=PurePythonParser).refused


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("no", "no", "Y013"),
        ("On", "On", "Y013"),
        ("YES", "YES", "Y013"),
        ("2024-01-31", "2024-01-31", "Y013"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z", "Y013"),
        ("2024-1-31 10:00:00", "2024-1-31 10:00:00", "Y013"),
        ("1:30", "1:30", "Y013"),
        ("-1:30:59.5", "-1:30:59.5", "Y013"),
        ("1_000", "1_000", "Y013"),
        ("1_0.5_0", "1_0.5_0", "Y013"),
        (".5_0", ".5_0", "Y013"),
        ("0b101", "0b101", "Y013"),
        ("012", 12, "Y019"),
        ("-007", -7, "Y019"),
        ("0" * 5000, 0, "Y019"),
        ("0.1234567890123456", 0.1234567890123456, "Y019"),
        ("1e-400", 0, "Y019"),
    ],
)
def test_warnings(text: str, value: Any, code: str) -> None:
    document = read_yaml(f"key:\n  a: {text}\n")
    assert not document.refused
    assert json.dumps(document.value) == json.dumps({"key": {"a": value}})
    assert [(flaw.code, flaw.line, flaw.column) for flaw in document.flaws] == [(code, 2, 6)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("NULL", None),
        ("Null", None),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("y", "y"),
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("+7", 7),
        ("9007199254740991", 2**53 - 1),
        ("-9007199254740991", -(2**53) + 1),
        ("256.0", 256),
        ("2.56e2", 256),
        ("1e3", 1000),
        ("1E+3", 1000),
        ("1.", 1),
        (".5", 0.5),
        ("0.70", 0.7),
        ("1e300", 1e300),
        ("1e21", 1e21),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("...x", "...x"),
        ("1.2.3", "1.2.3"),
        ("v2", "v2"),
        ("0o9", "0o9"),
        ("1:99", "1:99"),
        ("1e", "1e"),
        ("_1", "_1"),
        ("'no'", "no"),
        ('"012"', "012"),
        ('"<<"', "<<"),
        ('"\\r\\t\\L\\P\\N\\x41\\u00e9\\U0001F600"', "\r\t\u2028\u2029\x85Aé\U0001f600"),
        ("'it''s'", "it's"),
        ("{a: [1, {b: c}]}", {"a": [1, {"b": "c"}]}),
        ("x # comment", "x"),
        ("x#y", "x#y"),
        ("a\ufeffb", "a\ufeffb"),
    ],
)
def test_values(text: str, value: Any) -> None:
    if text in ("-",):
        assert resolve_plain(text).value == value
        return
    document = read_yaml(f"a: {text}\n")
    assert document.flaws == []
    assert json.dumps(document.value) == json.dumps({"a": value})


def test_tabs_inside_a_block_scalar_are_data() -> None:
    document = read_yaml("a: |\n  x\n  \ty\n\nb: >-\n  z\tz\n")
    assert document.flaws == []
    assert document.value["a"].startswith("x\n\ty\n")


def test_an_empty_file_has_no_value() -> None:
    for text in ("", "\n", "# only a comment\n", "---\n"):
        assert read_yaml(text) == read_yaml("")
        assert read_yaml(text).value is None


def test_text_is_verbatim() -> None:
    text = "a: |+\n  x \n\n\nb: |-\n  y\nc: >\n  one\n  two\n\n  three\n"
    assert read_yaml(text).value == {"a": "x \n\n\n", "b": "y", "c": "one two\nthree\n"}


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_depth_is_bounded_to_the_level() -> None:
    assert not read_yaml(nested(NESTING)).refused
    assert flaws(nested(NESTING + 1)) == [("Y015", 1, NESTING + 1)]
    assert flaws("- " * (NESTING + 1) + "x") == [("Y015", 1, 2 * NESTING + 1)]


def test_size_is_bounded_to_the_node() -> None:
    assert not read_yaml("[" + "0," * (NODES - 1) + "]").refused
    assert [code for code, *_ in flaws("[" + "0," * NODES + "]")] == ["Y015"]
    assert [code for code, *_ in flaws("a: 1\nb: {" + "".join(f"k{n}: 0," for n in range(NODES // 2)) + "}")] == [
        "Y015"
    ]


def test_reading_stops_where_too_much_is_wrong() -> None:
    for text in ("a: no\n" * 500, "- &a x\n" * 500, "- 0x1\n" * 500, "a: [\n" + "\tx,\n" * 500 + "]\n"):
        assert len(read_yaml(text).flaws) <= MOST_FLAWS + 1
        assert read_yaml(text).refused


def test_everything_wrong_is_found_in_one_reading() -> None:
    text = "a: &x 1\na: no\nb: !t 0x10\n"
    assert flaws(text) == [
        ("Y009", 1, 4),
        ("Y008", 2, 1),
        ("Y013", 2, 4),
        ("Y012", 3, 4),
        ("Y010", 3, 4),
    ]


@given(st.text("0123456789_+-.eExobinfaN:T ", max_size=12))
def test_a_plain_scalar_means_what_it_says_or_is_refused(text: str) -> None:
    """A number is the number that Python reads; everything else is its own text."""
    try:
        value = resolve_plain(text).value
    except RefusedNumberError:
        return
    if isinstance(value, str):
        assert value == text
    elif isinstance(value, int | float) and not isinstance(value, bool):
        assert value == float(text.lstrip("+"))


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    if not any("\ud800" <= character <= "\udfff" for character in text):
        document = read_yaml(text)
        assert document.refused == any(flaw.code not in ("Y013", "Y019") for flaw in document.flaws)
        if document.refused:
            assert all(flaw.line is not None and flaw.column is not None for flaw in document.flaws)
