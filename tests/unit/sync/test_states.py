"""The state table is the contract's, row by row, and total."""

from __future__ import annotations

from itertools import product

import pytest

from catalog_tool.sync.states import DRIFT_STATES, LEFT_STATES, Points, State, state_of

S = State
TABLE = [
    # desired, live, applied, mutable's state, version's state
    ("a", "a", "a", S.IN_SYNC, S.IN_SYNC),
    ("b", "a", "a", S.PENDING, S.CONFLICT),
    ("a", None, None, S.CREATE, S.CREATE),
    ("a", "a", None, S.ADOPT, S.ADOPT),
    ("a", "b", None, S.COLLISION, S.COLLISION),
    ("a", "b", "a", S.DRIFTED, S.DRIFTED),
    ("b", "b", "a", S.CONVERGED, S.CONVERGED),
    ("a", "b", "c", S.CONFLICT, S.CONFLICT),
    ("a", None, "a", S.MISSING, S.MISSING),
    ("a", None, "b", S.MISSING, S.CONFLICT),
    (None, "a", "a", S.PRUNE, S.PRUNE),
    (None, "b", "a", S.PRUNE_CONFLICT, S.PRUNE_CONFLICT),
    (None, None, "a", S.GONE, S.GONE),
    (None, "a", None, S.UNMANAGED, S.UNMANAGED),
    (None, None, None, None, None),
]


@pytest.mark.parametrize(("desired", "live", "applied", "mutable", "version"), TABLE)
def test_the_table(desired: str, live: str, applied: str, mutable: State, version: State) -> None:
    assert state_of(Points(desired, live, applied)) is mutable
    assert state_of(Points(desired, live, applied, immutable=True)) is version


def test_every_combination_is_like_exactly_one_row() -> None:
    """Only which of the three are there, and which are equal, decides."""

    def shape(*points: str | None) -> tuple[int | None, ...]:
        names: dict[str, int] = {}
        return tuple(None if point is None else names.setdefault(point, len(names)) for point in points)

    rows = {shape(*row[:3]): row[3:] for row in TABLE}
    assert len(rows) == len(TABLE)
    for points in product((None, "a", "b", "c"), repeat=3):
        mutable, version = rows[shape(*points)]
        assert state_of(Points(*points)) is mutable
        assert state_of(Points(*points, immutable=True)) is version


@pytest.mark.parametrize("points", [row[:3] for row in TABLE if row[1] is not None])
def test_anothers_marker_wins_unless_it_would_hide_an_edit(points: tuple[str, str, str | None]) -> None:
    """Of what we wrote, content that is neither that nor git's was edited, whatever the marker says."""
    desired, live, applied = points
    assert state_of(Points(*points, foreign=True, override=live)) is S.FOREIGN
    hides = applied is not None and live not in (desired, applied)
    for immutable in (False, True):
        plain = state_of(Points(*points, immutable=immutable))
        assert state_of(Points(*points, foreign=True, immutable=immutable)) is (plain if hides else S.FOREIGN)
        assert not hides or plain in DRIFT_STATES


def test_an_override_holds_until_git_catches_up() -> None:
    assert state_of(Points("a", "b", "a", override="b")) is S.OVERRIDE
    assert state_of(Points("a", "c", "a", override="b")) is S.DRIFTED
    assert state_of(Points("b", "b", "a", override="b")) is S.CONVERGED


def test_what_counts_as_drift() -> None:
    assert {S.DRIFTED, S.CONFLICT, S.MISSING, S.PRUNE_CONFLICT} == DRIFT_STATES
    assert {S.DRIFTED, S.CONFLICT, S.COLLISION, S.FOREIGN, S.PRUNE_CONFLICT} == LEFT_STATES
