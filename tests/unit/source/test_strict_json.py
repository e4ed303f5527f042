"""Strict JSON: the refusals of our YAML, with their places (design §2.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.model.limits import NESTING, NODES
from catalog_tool.source.decoding import MOST_FLAWS
from catalog_tool.source.strict_json import read_json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "a": 1,\n  "a": 2\n}', [("Y008", 3, 3)]),
        ('{"a": {"b": 1, "\\u0062": 2}}', [("Y008", 1, 16)]),
        ('[{"a": 1}, {"a": 2}, ["a", "a"]]', []),
        ('{"__proto__": 1}', [("Y014", 1, 2)]),
        ('["__proto__"]', []),
        ('{"e\u0301": 1}', [("Y025", 1, 2)]),
        ('{"é": 1}', []),
        ('{"a": 9007199254740992}', [("Y012", 1, 7)]),
        ('{"a": -9007199254740991}', []),
        ('{"a": 1e400}', [("Y012", 1, 7)]),
        ('{"a": 1e16}', [("Y012", 1, 7)]),
        ('{"a": NaN, "b": -Infinity}', [("Y012", 1, 7), ("Y012", 1, 17)]),
        ('{"a": 0.12345678901234567}', [("Y019", 1, 7)]),
        ('{"a": "\\u0000"}', [("Y004", 1, 7)]),
        ('{"a\\u0000": 1}', [("Y004", 1, 2)]),
        ('{"a": ["x", "\\ud800"]}', [("Y016", 1, 13)]),
        ('{"\\udc00": 1}', [("Y016", 1, 2)]),
        ('{"a": "\\ud83d\\ude00"}', []),
        ('{"a": "{\\"a\\": [,:]}", "b": "\\\\"}', []),
        ('{"a": 1,}', [("Y022", 1, 8)]),
        ('{"a": [1, 2 ,\n ]}', [("Y022", 1, 13)]),
        ("[,]", [("Y022", 1, 2)]),
        ('["],"}', [("Y022", 1, 6)]),
        ("[" * 40 + ",", [("Y015", 1, 33)]),
        ("[" * 30 + ",", [("Y022", 1, 31)]),
        ("[" * 5000, [("Y015", 1, 33)]),
        ('["' + "[" * 40 + '\\x"', [("Y022", 1, 43)]),
        ('["' + "[" * 40, [("Y022", 1, 2)]),
        ("{'a': 1}", [("Y022", 1, 2)]),
        ('{"a": 01}', [("Y022", 1, 8)]),
        ('{"a": "\t"}', [("Y022", 1, 8)]),
        ('{"a": 1} x', [("Y022", 1, 10)]),
        ("", [("Y022", 1, 1)]),
        ("// no\n{}", [("Y022", 1, 1)]),
    ],
)
def test_refusals(text: str, expected: list[tuple[str, int, int]]) -> None:
    document = read_json(text)
    assert [(flaw.code, flaw.line, flaw.column) for flaw in document.flaws] == expected
    assert document.refused == any(code != "Y019" for code, *_ in expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": -0.0, "b": 2.50, "c": 1E2}', {"a": 0, "b": 2.5, "c": 100}),
        ('{"a": "\\r\\u2028\u2028\u0085"}', {"a": "\r\u2028\u2028\u0085"}),
        (' [true, false, null, ""] ', [True, False, None, ""]),
    ],
)
def test_values(text: str, value: Any) -> None:
    document = read_json(text)
    assert (document.flaws, document.refused) == ([], False)
    assert json.dumps(document.value) == json.dumps(value)


def test_depth_and_size_are_bounded_as_in_yaml() -> None:
    assert not read_json("[" * NESTING + "]" * NESTING).refused
    deeper = read_json("[" * (NESTING + 1) + "]" * (NESTING + 1))
    assert [(flaw.code, flaw.line, flaw.column) for flaw in deeper.flaws] == [("Y015", 1, NESTING + 1)]
    assert [flaw.code for flaw in read_json("[" * 500_000).flaws] == ["Y015"]
    assert not read_json("[" + ",".join(["0"] * (NODES - 1)) + "]").refused
    assert [flaw.code for flaw in read_json("[" + ",".join(["0"] * NODES) + "]").flaws] == ["Y015"]
    # Keys count, as they do in YAML.
    wide = "[" + ",".join('{"a":1}' for _ in range(NODES // 3 + 1)) + "]"
    assert [flaw.code for flaw in read_json(wide).flaws] == ["Y015"]


def test_a_file_with_much_wrong_is_not_listed_for_ever() -> None:
    assert len(read_json("[" + ",".join(["1e999"] * 5000) + "]").flaws) == MOST_FLAWS


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text('ab{}[],:\\"é\n\u2028', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\:é', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.sampled_from([None, 2]), st.sampled_from([{"ensure_ascii": True}, {"ensure_ascii": False}]))
def test_every_json_value_is_read(value: Any, indent: int | None, how: dict[str, bool]) -> None:
    document = read_json(json.dumps(value, indent=indent, **how))
    assert (document.value, document.flaws, document.refused) == (value, [], False)


@given(VALUES, st.sampled_from(['"a":1,"a":2', '"x":1e999', '"__proto__":0', '"x":"\\u0000"']))
def test_what_is_strange_is_found_wherever_it_stands(value: Any, strange: str) -> None:
    """The first look notices, the second one names: they agree whatever stands around."""
    text = f"[{json.dumps(value)}, {{{strange}}}, {json.dumps(value)}]"
    document = read_json(text)
    assert document.refused
    assert len(document.flaws) == 1
    assert text.find(strange) < (document.flaws[0].column or 0) <= text.find(strange) + len(strange) + 1


@given(st.text('{}[]",:0123456789.eE+-\\u truefalsn\ud800', max_size=30))
def test_no_text_raises(text: str) -> None:
    document = read_json(text)
    assert document.refused == any(flaw.code != "Y019" for flaw in document.flaws)
    assert all(flaw.line is not None for flaw in document.flaws)
