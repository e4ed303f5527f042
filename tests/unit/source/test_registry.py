"""registry.yaml to labels (design §2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.source.registry import read_registry

PATH = "prompts/registry.yaml"


def labels(text: str) -> dict[str, dict[str, Any]]:
    """The labels in canonical form; nothing may be wrong."""
    found, _, findings = read_registry(PATH, text.encode())
    assert findings == []
    return {name: {label: value.to_json() for label, value in values.items()} for name, values in found.items()}


def wrong(text: str | bytes) -> list[tuple[str, int | None, int | None]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(found.code, found.line, found.column) for found in read_registry(PATH, data)[2]]


def test_the_example_of_the_contract() -> None:
    text = "support_agent:\n  production: v2\n  staging: v3\n  canary: {v2: 95, v3: 5}      # per cent\n"
    assert labels(text) == {
        "support_agent": {
            "production": "v2",
            "staging": "v3",
            "canary": [{"version": "v2", "weight": 95}, {"version": "v3", "weight": 5}],
        }
    }
    value = read_registry(PATH, text.encode())[0]["support_agent"]["canary"]
    assert (value.stable, value.versions) == ("v2", ("v2", "v3"))


def test_the_written_order_is_kept() -> None:
    text = "a: {x: {v10: 50, v2: 25.25, v1: 24.75}}"
    assert [item["version"] for item in labels(text)["a"]["x"]] == ["v10", "v2", "v1"]


def test_one_version_at_a_hundred_is_the_string() -> None:
    assert labels("a: {x: {v2: 100}, y: {v3: 100.0}}") == {"a": {"x": "v2", "y": "v3"}}


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "  \n# a: b\n", "format: 1\n", "{}", "a: {}", "format: {x: v1}"]
)
def test_little_or_nothing_is_fine(text: str) -> None:
    assert all(name in ("a", "format") for name in labels(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  x: {v1: 60, v2: 30}\n", ("C312", 2, 6)),
        ("a:\n  x: {v1: 100, v2: 0}\n", ("C312", 2, 20)),
        ("a:\n  x: {v1: 110, v2: 5}\n", ("C312", 2, 11)),
        ("a:\n  x: {v1: 99.999, v2: 1}\n", ("C312", 2, 11)),
        ("a:\n  x: {v1: 33.33, v2: 33.33, v3: 33.33}\n", ("C312", 2, 6)),
        ("a:\n  x: {v1: true, v2: 99}\n", ("C312", 2, 11)),
        ("a:\n  x: {v1: '50', v2: 50}\n", ("C312", 2, 11)),
        ("a:\n  x: {v1: 99}\n", ("C312", 2, 6)),
        ("a:\n  x: {v1: 50, v1: 50}\n", ("Y008", 2, 15)),
        ("a:\n  x: {v1: 50, latest: 50}\n", ("C310", 2, 15)),
        ("a:\n  x: {}\n", ("C310", 2, 6)),
        ("a:\n  x: [v1]\n", ("C310", 2, 6)),
        ("a:\n  x: latest\n", ("C310", 2, 6)),
        ("a:\n  x: 2\n", ("C310", 2, 6)),
        ("a:\n  x:\n", ("C310", 2, 5)),
        ("a:\n  latest: v1\n", ("C313", 2, 3)),
        ("a:\n  v3: v1\n", ("C313", 2, 3)),
        ("a:\n  Production: v1\n", ("C313", 2, 3)),
        ("A: {x: v1}\n", ("C310", 1, 1)),
        ("a/tests: {x: v1}\n", ("C310", 1, 1)),
        ("a: v1\n", ("C310", 1, 4)),
        ("a:\n", ("C310", 1, 3)),
        ("format: 2\n", ("Y023", 1, 9)),
        ("format: true\n", ("Y023", 1, 9)),
        ("format: '1'\n", ("Y023", 1, 9)),
        ("- a\n", ("Y017", 1, 1)),
        ("a: {x: v1\n", ("Y007", 2, 1)),
        (b"a: \xff", ("Y003", 1, 4)),
    ],
)
def test_what_is_wrong(text: str | bytes, expected: tuple[str, int, int]) -> None:
    assert wrong(text) == [expected]


def test_one_mistake_does_not_hide_the_rest() -> None:
    text = "a:\n  x: v1\n  latest: v2\n  y: {v1: 1}\nB: {x: v1}\nc: {z: v3}\n"
    found, _, findings = read_registry(PATH, text.encode())
    assert {name: set(values) for name, values in found.items()} == {"a": {"x"}, "c": {"z"}}
    assert [each.code for each in findings] == ["C313", "C312", "C310"]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6))
def test_weights_are_summed_in_hundredths(parts: list[int]) -> None:
    """Tenths and hundredths of a per cent that no binary fraction holds still sum to 100."""
    rest = 10_000 - sum(parts)
    weights = [*parts, rest] if rest > 0 else parts
    written = ", ".join(f"v{number}: {weight / 100}" for number, weight in enumerate(weights, 1))
    assert (wrong(f"a: {{x: {{{written}}}}}") == []) == (sum(weights) == 10_000)


def test_ten_thousand_mistakes_take_no_longer_than_ten_thousand_lines() -> None:
    assert len(wrong("".join(f"A{number}: {{}}\n" for number in range(10_000)))) == 10_000
