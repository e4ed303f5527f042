"""The state of one prompt that a client keeps, and what an outcome makes of it. No I/O, no threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog_tool.client.errors import ClientError, PromptNotFoundError
from catalog_tool.client.status import PromptStatus, SourceKind

if TYPE_CHECKING:
    from catalog_tool.client.flight import Flight
    from catalog_tool.client.prompt import Prompt
    from catalog_tool.client.verify import Held
    from catalog_tool.client.wanted import Wanted

NEVER = float("inf")


class Cell:
    """Changed under the keeper's lock only; ``until``, ``prompt`` and ``held`` are read without it.

    Times are monotonic seconds. ``until``: how long ``get`` may return ``prompt`` without a second
    look. ``confirmed``: when the fetch began that last confirmed what is held. ``due``: when it is
    asked for again.
    """

    __slots__ = (
        "chases",
        "confirmed",
        "due",
        "expected",
        "failures",
        "flight",
        "held",
        "prompt",
        "source",
        "trouble",
        "until",
        "wanted",
    )

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.until = 0.0
        self.prompt: Prompt | None = None
        self.held: Held | None = None
        self.source: SourceKind = "none"
        self.confirmed = 0.0
        self.due = 0.0
        self.failures = 0
        self.trouble: ClientError | None = None
        self.flight: Flight | None = None
        self.expected = 0
        self.chases = 0

    @property
    def is_pinned(self) -> bool:
        """A version never changes, so it never grows old."""
        return self.wanted.version is not None

    @property
    def is_missing(self) -> bool:
        """The source says it is gone, and something is held."""
        return self.held is not None and isinstance(self.trouble, PromptNotFoundError)

    def take(self, held: Held, source: SourceKind, confirmed: float) -> None:
        """Hold something new. Another store counts its generations from its own start."""
        if self.held is not None and self.held.store_id != held.store_id:
            self.expected = 0
        self.held = held
        self.prompt = held.prompt(None)
        self.source = source
        self.confirmed = confirmed

    def confirm(self, started: float) -> None:
        """The source answered, at a fetch that began at ``started``: what is held is as it should be."""
        self.source = "live"
        self.confirmed = started
        self.failures = 0
        self.trouble = None

    def fail(self, error: ClientError) -> None:
        """The source did not answer, or not usefully."""
        self.failures += 1
        self.trouble = error
        self.until = 0.0

    def news_of(self, error: ClientError) -> str:
        """What the log says where ``error`` keeps nobody from what is held; empty where nothing is."""
        if self.prompt is None:
            return ""
        said = error.message if str(self.wanted) in error.message else f"{self.wanted}: {error.message}"
        return f"{said}; the last good one, {self.prompt.version_id}, is served"

    def age(self, now: float) -> float:
        """Seconds since the source last confirmed what is held."""
        return max(0.0, now - self.confirmed)

    def status(self, now: float, window: float, *, is_told: bool) -> PromptStatus:
        """What ``status`` says of it. ``is_told``: an open line alone tells of changes, so silence is no age."""
        held = self.held is not None
        age = self.age(now) if held else None
        is_quiet = is_told and self.source == "live" and self.failures == 0
        return PromptStatus(
            wanted=self.wanted,
            version_id=self.prompt.version_id if self.prompt is not None else None,
            source=self.source,
            age_seconds=age,
            stale=age is not None and age > window and not self.is_pinned and not is_quiet,
            missing=self.is_missing,
            failures=self.failures,
            trouble=self.trouble.message if self.trouble is not None else None,
        )
