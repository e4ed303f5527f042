"""Going back: to the content that a label had, not to its number.

A version's file may go, and another take its name: nothing about that one was ever shown. So a way back is open only
where the version holds now what it held when git gave it to the label.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.gate.label_history import LabelHistory
from catalog_tool.gate.shelf import Sources


class WaysBack(NamedTuple):
    """Where one label may go back to from ``stable``."""

    sources: Sources
    history: LabelHistory
    prompt: str
    label: str
    stable: str

    def all(self) -> list[str]:
        """The versions by number, the latest first, whatever they hold by now."""
        return self.history.ways_back(self.label, self.stable)

    def open(self) -> Iterator[str]:
        """Those that hold what the label had, the latest first. Raises ``GitError``."""
        return (version for version in self.all() if self.is_open(version))

    def is_open(self, version: str) -> bool:
        """Whether a version of ``all`` holds what the label had; what cannot be read does not."""
        had = self.had(version)
        return had is not None and had == self.sources.digest(self.prompt, version)

    def had(self, version: str) -> str | None:
        """The digest of what the label had under this name the last time; None: nobody can know."""
        held = self.history.last_time(self.label, version, self.stable)
        return self.sources.had(self.prompt, self.label, version, held) if held is not None else None
