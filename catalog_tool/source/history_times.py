"""ISO 8601 to seconds since the epoch: what ``--at`` takes (design §5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from catalog_tool.errors import UsageError

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2})(?::(?P<seconds>[0-9]{2})(?:[.,][0-9]{1,12})?)?"
    r"(?: ?(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> int:
    """Whole seconds since the epoch (negative before 1970) for an ISO 8601 date or date and time.

    A date alone is its midnight; without an offset the time is UTC; a fraction of a second is cut
    off, as commits know whole seconds only. UsageError: anything else, a day that does not exist, or a time
    that in UTC has no year of four digits.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise _refusal(text)
    written = f"{found['date']}T{found['time'] or '00:00'}:{found['seconds'] or '00'}"
    try:
        moment = datetime.fromisoformat(written).replace(tzinfo=_zone(found["zone"]))
        moment = moment.astimezone(UTC)
    except ValueError as error:
        raise _refusal(text) from error
    except OverflowError as error:
        hint = "0001-01-01T00:00:00Z is the first moment, 9999-12-31T23:59:59Z the last"
        raise UsageError(f"{text[:60]!r} lies outside the years that can be told in UTC", hint=hint) from error
    return (moment - _EPOCH) // timedelta(seconds=1)


def _zone(written: str | None) -> timezone:
    """The time zone of an offset. Raises ``ValueError`` where its minutes or hours are none."""
    if written is None or written in "Zz":
        return UTC
    digits = written[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError(written)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if written[0] == "-" else offset)


def _refusal(text: str) -> UsageError:
    return UsageError(
        f"{text[:60]!r} is not a time",
        hint="write ISO 8601, for example 2026-03-03T14:00 (UTC), 2026-03-03T14:00+01:00 or 2026-03-03",
    )
