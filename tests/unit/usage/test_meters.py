"""Cost from counters is the same in whatever order their points come, and whoever began again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.usage.listed import Listed
from catalog_tool.usage.meters import COST, Meter
from catalog_tool.usage.windows import DAY

from .made import ago, join, listed, nano, point, skill, window, write

START = window().end - 10 * DAY
Point = tuple[int, int, float]
"""Start and time in seconds after ``START``, and value."""
OLD: list[Point] = [(0, 1, 2.0), (0, 2, 10.0)]
NEW: list[Point] = [(10, 11, 1.0), (10, 12, 3.0)]


def spent(points: Iterable[Point]) -> tuple[float | None, int | None, int]:
    """Cost, when it last grew (seconds after ``START``), and how many counters began again."""
    meter = Meter(window())
    for start, time, value in points:
        meter.cumulative("a", COST, "s", START + start * 10**9, START + time * 10**9, value)
    found = meter.spendings()["a"]
    return found.cost, None if found.last is None else (found.last - START) // 10**9, meter.began_again


@pytest.mark.parametrize("points", list(permutations([*OLD, *NEW])))
def test_a_session_that_was_resumed_in_any_order(points: list[Point]) -> None:
    assert spent(points) == (13.0, 12, 1)


@pytest.mark.parametrize("unknown", [[*OLD, *NEW], [*NEW, *OLD], [*NEW, *OLD, *OLD]])
def test_files_in_any_order_where_no_point_tells_its_start(unknown: list[Point]) -> None:
    assert spent((0, time, value) for _, time, value in unknown) == (13.0, 12, 1)


@given(st.data(), st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=6), min_size=1, max_size=4))
def test_any_order_and_any_number_of_tellings(data: st.DataObject, counters: list[list[int]]) -> None:
    points: list[Point] = []
    for number, steps in enumerate(counters):
        points += [(100 * number, 100 * number + at, float(sum(steps[: at + 1]))) for at in range(len(steps))]
    told = data.draw(st.permutations(points + data.draw(st.lists(st.sampled_from(points)))))
    assert spent(told)[0] == sum(sum(steps) for steps in counters)


def test_points_before_the_window_are_what_later_ones_are_compared_with() -> None:
    meter = Meter(window("1d", "1h"))
    for hours, value in ((30, 5.0), (20, 8.0), (40, 1.0), (10, 9.0)):
        meter.cumulative("a", COST, "s", 0, nano(ago(hours=hours)), value)
    assert meter.spendings()["a"].cost == 4.0


@pytest.mark.parametrize(("session", "cost"), [({}, 4.0), ({"session__id": "s"}, 2.0)])
@pytest.mark.parametrize("temporality", [1, 2])
def test_without_a_session_the_process_tells_counters_apart(
    tmp_path: Path, session: dict[str, str], cost: float, temporality: int
) -> None:
    catalog: Listed = listed(skill("a"))
    made = [
        point("claude_code.cost.usage", ago(hours=1), 2.0, temporality=temporality, skill__name="a", **session)
        for _ in range(2)
    ]
    for line, host in zip(made, ("h1", "h2"), strict=True):
        line["resourceMetrics"][0]["resource"] = {"attributes": [{"key": "host.name", "value": {"stringValue": host}}]}
    assert join(catalog, write(tmp_path / "l", made)).rows[0].spending.cost == cost
