"""One thing wrong, with a code: what ``validate`` returns and every report renders."""

from __future__ import annotations

from typing import NamedTuple

ERROR = "error"
WARNING = "warning"
INFO = "info"


class Finding(NamedTuple):
    """One thing wrong.

    ``path`` is relative to the catalog's root with ``/``, or None where no file is meant; ``line``
    and ``column`` count from 1 in code points, or None where there is none (design §5).
    """

    code: str
    severity: str
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    artifact: str | None = None
    hint: str | None = None

    def order(self) -> tuple[tuple[bool, str | int], ...]:
        """The sort key of every list of findings: path, line, column, code, nulls first."""
        return (
            (self.path is not None, self.path or ""),
            (self.line is not None, self.line or 0),
            (self.column is not None, self.column or 0),
            (True, self.code),
            (True, self.message),
        )
