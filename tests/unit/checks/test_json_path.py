"""JSON paths: what is understood, what is found, what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from catalog_tool.checks.json_path import BadPathError, find, parse_path

SHOP = {"items": [{"id": 1, "a b": "x"}, {"id": 2, "deep": {"id": 3}}], "total.sum": 5, "none": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [SHOP]), ("$.none", [None]), ("$.items[0].id", [1]), ("$.items[-1].id", [2]), ("$.items[*].id", [1, 2]),
        ("$.items.*.id", [1, 2]), ("$..id", [1, 2, 3]), ("$.items[0]['a b']", ["x"]), ('$["total.sum"]', [5]),
        ("$..deep..id", [3]), ("$.items[2]", []), ("$.items[-3]", []), ("$.nope.id", []), ("$.total", []),
        ("$.items['0']", []), ("$.none[0]", []), ("$..[0].id", [1]), ("$.*[1].deep.id", [3]),
    ],
)  # fmt: skip
def test_found(path: str, found: list[Any]) -> None:
    assert find(path, SHOP) == found


def test_escapes_in_quotes() -> None:
    assert find(r"$['it\'s']", {"it's": 1}) == [1]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "id",
        "$id",
        "$.",
        "$.a[",
        "$.a[1",
        "$[1:2]",
        "$[0,1]",
        "$[?@.id]",
        "$...a",
        "$.a b",
        "$" + ".a" * 40,
        "$['a]",
    ],
)
def test_refused(path: str) -> None:
    with pytest.raises(BadPathError):
        parse_path(path)


def test_a_path_that_multiplies_is_stopped() -> None:
    wide: Any = {"a": [[{"x": list(range(30))} for _ in range(30)] for _ in range(30)]}
    started = time.perf_counter()
    with pytest.raises(BadPathError, match="finds more than"):
        find("$..*..*..*..*", wide)
    assert time.perf_counter() - started < 2
