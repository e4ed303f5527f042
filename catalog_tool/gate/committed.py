"""A label's move as git made it: what ``plan`` and ``apply`` fall back on where a target is late.

A target that was built anew, or not synced for a week, takes what git decided long ago. Judged by today's
clock that decision would look wrong: evidence has aged since, and ``staging`` has moved on. So the move is
judged a second time as it was committed: from the value before it, at its committer time, with the history
and the evidence that there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from catalog_tool.gate.label_history import Held, LabelHistory
from catalog_tool.gate.moves import Move
from catalog_tool.gate.rules_evidence import CLOCK_SECONDS
from catalog_tool.gate.shelf import Sources, Stored
from catalog_tool.model.labels import LabelValue


class Committed(NamedTuple):
    """A move and when it was committed, in seconds since the epoch."""

    move: Move
    at: int


def committed_move(prompt: str, label: str, wanted: LabelValue, history: LabelHistory | None) -> Committed | None:
    """How git came to say ``wanted``; None where it says something else, or is cut off before that.

    A label that was taken away in between comes from the value that it had: nobody gets rid of a baseline so.
    """
    held = history.labels.get(label, ()) if history is not None else ()
    if history is None or not held or held[-1].value is None or held[-1].value.to_json() != wanted.to_json():
        return None
    before = next((earlier.value for earlier in reversed(held[:-1]) if earlier.value is not None), None)
    if before is None and not history.whole:
        return None
    return Committed(Move(prompt, label, before, wanted), held[-1].since)


class SourcesThen:
    """What ``sources`` knew just before ``at``: no later label and no later evidence."""

    def __init__(self, sources: Sources, at: int) -> None:
        self._sources = sources
        self._at = at

    def digest(self, prompt: str, version: str) -> str | None:
        """As it is now: versions are immutable."""
        return self._sources.digest(prompt, version)

    def stored(self, prompt: str) -> Sequence[Stored]:
        """Evidence that was recorded by then."""
        latest = self._at + CLOCK_SECONDS
        return [
            item
            for item in self._sources.stored(prompt)
            if item.evidence is None or item.evidence.finished_at <= latest
        ]

    def history(self, prompt: str) -> LabelHistory | None:
        """Labels as they were before."""
        history = self._sources.history(prompt)
        if history is None:
            return None
        labels = {name: [held for held in found if held.since < self._at] for name, found in history.labels.items()}
        return history._replace(labels=labels)

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        """As it is now: what was committed stays so."""
        return self._sources.had(prompt, label, version, held)

    def dataset(self, prompt: str) -> str | None:  # noqa: ARG002 - the protocol's
        """Nobody knows any more what the golden tests were."""
        return None
