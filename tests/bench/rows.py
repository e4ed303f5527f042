"""The result of the bench: one row a number, each a ratio to the floor that stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """``measured`` and ``floor`` are in ``unit`` (s, ms, MiB, KiB); the ratio may be ``target`` at most."""

    what: str
    measured: float
    floor_name: str
    floor: float
    unit: str
    target: float

    @property
    def ratio(self) -> float:
        """How many floors were measured."""
        return self.measured / self.floor if self.floor else float("inf")

    @property
    def passed(self) -> bool:
        """Whether the ratio is within its target."""
        return self.ratio <= self.target

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return self._asdict() | {"ratio": self.ratio, "passed": self.passed}


_HEAD = ("what", "measured", "floor", "ratio", "target", "", "the floor is")


def table(rows: Sequence[Row]) -> str:
    """All rows as text, in columns."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = []
    for line in cells:
        numbers = (text.rjust(width) for text, width in zip(line[1:5], widths[1:5], strict=True))
        lines.append("  ".join((line[0].ljust(widths[0]), *numbers, line[5].ljust(widths[5]), line[6])).rstrip())
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    digits = 3 if row.target < 1 else 2
    return (
        row.what,
        f"{row.measured:.{3 if row.unit == 's' else 1}f} {row.unit}",
        f"{row.floor:.{3 if row.unit == 's' else 1}f} {row.unit}",
        f"{row.ratio:.{digits}f}",
        f"{row.target:.{digits}f}",
        "PASS" if row.passed else "miss",
        row.floor_name,
    )
