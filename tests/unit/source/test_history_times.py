"""ISO 8601 as ``--at`` takes it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.clock import iso
from catalog_tool.errors import UsageError
from catalog_tool.source.history_times import parse_time

AT_TWO = 1_772_546_400
"""2026-03-03T14:00:00Z."""


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-03T14:00", "2026-03-03 14:00", "2026-03-03t14:00:00z", "2026-03-03T14:00:00.999Z",
        "2026-03-03T14:00:00,5", "2026-03-03T15:00+01:00", "2026-03-03T15:00+01", "2026-03-03T08:30-0530",
        " 2026-03-03 14:00 Z ", "2026-03-03T14:00:00+00:00",
    ],
)  # fmt: skip
def test_the_same_moment_in_every_spelling(text: str) -> None:
    assert parse_time(text) == AT_TWO


def test_a_date_is_its_midnight() -> None:
    assert parse_time("2026-03-03") == AT_TWO - 14 * 3600
    assert parse_time("1969-12-31T23:59:59.5") == -1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("0001-01-01T14:00+14:00", "0001-01-01T00:00:00Z"),
        ("0999-12-31T23:59:59", "0999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_the_first_and_last_years_are_told_as_they_were_read(text: str, told: str) -> None:
    assert iso(parse_time(text)) == told


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59-00:01"]
)
def test_what_utc_has_no_year_for_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="outside the years") as caught:
        parse_time(text)
    assert "0001-01-01T00:00:00Z" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-3-3", "2026-02-30", "2026-03-03T25:00", "2026-03-03T24:00", "2026-03-03T14",
        "2026-03-03x14:00", "2026-03-03T14:00+24:00", "2026-03-03T14:00+01:60", "2026-03-03Z", "1772546400",
        "２０２６-03-03", "2026-03-03T14:00\n--output=x", "--output=x", "2026-03-03T14:00:60", "0000-01-01",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_time(text)
    assert "2026-03-03T14:00" in caught.value.hint


@given(
    st.integers(min_value=-5_000_000_000, max_value=200_000_000_000),
    st.integers(min_value=0, max_value=999_999),
    st.integers(min_value=-23 * 60, max_value=23 * 60),
)
def test_reads_what_python_writes(seconds: int, fraction: int, minutes: int) -> None:
    moment = datetime.fromtimestamp(seconds, tz=timezone(timedelta(minutes=minutes)))
    assert parse_time(moment.replace(microsecond=fraction).isoformat()) == seconds
