"""Differences of free-form values: each place once, by name where items have one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.diff.structure import LISTED, Difference, differences

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Difference(("a", "b"), 1, 2)]),
        ({"a": 1}, {"a": 1, "b": [2]}, [Difference(("b",), None, [2])]),
        ([1, 2], [1], [Difference(("1",), 2, None)]),
        ({"a": 1}, {"a": "1"}, [Difference(("a",), 1, "1")]),
        ({"a": 1}, {"a": 1.5}, [Difference(("a",), 1, 1.5)]),
        (
            [{"name": "x", "v": 1}, {"name": "y", "v": 2}],
            [{"name": "y", "v": 2}, {"name": "x", "v": 3}],
            [Difference(("x", "v"), 1, 3)],
        ),
        ("a", {"b": 1}, [Difference((), "a", {"b": 1})]),
    ],
)
def test_each_place_once(old: Any, new: Any, expected: list[Difference]) -> None:
    assert differences(old, new) == expected


def test_many_are_one() -> None:
    old, new = {str(n): n for n in range(LISTED + 1)}, {str(n): -1 for n in range(LISTED + 1)}
    assert differences(old, new) == [Difference((), old, new)]


@given(VALUES, VALUES)
def test_what_differs_is_never_the_same(old: Any, new: Any) -> None:
    assert differences(old, new)
