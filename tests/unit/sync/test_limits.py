"""How much one sync may change (faults row 24): strictly over the limit is blocked, and says what to type."""

from __future__ import annotations

import pytest

from catalog_tool.sync.limits import LIMITS, limit_of, over_limits


@pytest.mark.parametrize("managed", [1, 9, 10, 11, 1000])
@pytest.mark.parametrize("share", [0.0, 0.09, 0.11, 0.29, 0.31, 0.5, 0.51, 1.0])
@pytest.mark.parametrize("kind", LIMITS)
def test_the_grid(kind: str, share: float, managed: int) -> None:
    count = round(share * managed)
    floor, part = LIMITS[kind]
    allowed = count <= max(floor, int(part * managed))
    blocked = over_limits({kind: count}, managed, {})
    assert bool(blocked) != allowed
    if blocked:
        assert blocked[0].allow == f"--allow {kind}={count}"
        assert over_limits({kind: count}, managed, {kind: count}) == []
        assert over_limits({kind: count}, managed, {kind: count - 1}) != []


@pytest.mark.parametrize(
    ("kind", "managed", "limit"),
    [
        ("deletes", 0, 1), ("deletes", 10, 1), ("deletes", 19, 1), ("deletes", 20, 2), ("deletes", 1000, 100),
        ("labels", 9, 3), ("labels", 10, 3), ("labels", 20, 6), ("creates", 5, 20), ("creates", 21, 21),
        ("updates", 40, 20), ("updates", 100, 50),
    ],
)  # fmt: skip
def test_the_limits_by_hand(kind: str, managed: int, limit: int) -> None:
    assert limit_of(kind, managed) == limit


def test_a_new_target_takes_any_number_of_objects_but_nothing_else_is_free() -> None:
    assert over_limits({"creates": 10_000}, 0, {}, is_new=True) == []
    assert over_limits({"creates": 21}, 0, {}) != []
    assert over_limits({"deletes": 2}, 0, {}, is_new=True) != []
