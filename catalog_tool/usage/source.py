"""What every source of activity is: one short protocol.

A source reads what it has for a window and tells a ``Recorder``; it counts nothing itself, decides
nothing, and knows nothing of the catalog. Where it cannot look it raises ``BackendError``; where it
looked and something is missing it says so in its ``SourceReport``. Neither is ever silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from catalog_tool.usage.activity import EventBook
from catalog_tool.usage.agent_telemetry import REDACTED, reports_typed_calls
from catalog_tool.usage.meters import Meter, Spendings
from catalog_tool.usage.plugin_hash import HASH_MARK
from catalog_tool.usage.windows import DATED, Window

OK, EMPTY, PARTIAL, FAILED = "ok", "empty", "partial", "failed"
"""``empty``: it answered, and has nothing at all where we were told to look. ``partial``: data are missing."""

Progress = Callable[[int, int], None]
"""Called with how much is read and how much there is; of a stream nobody knows, and both are the same."""


class SourceReport(NamedTuple):
    """How reading a source went. ``start`` and ``end``: oldest and newest record in it (ns), or None.

    ``unfinished``: all that is there was read, and something was just being added to it.
    """

    kind: str
    status: str
    start: int | None = None
    end: int | None = None
    message: str | None = None
    unfinished: bool = False


class Source(Protocol):
    """Where activity comes from. ``kind`` is loki, prometheus, otlp or hooks; ``name`` what a report calls it."""

    kind: str
    name: str

    def read(self, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:
        """Tell ``recorder`` all activity in the window. Raises ``BackendError`` where it cannot be read."""


class Recorder:
    """Takes what sources tell, from all of them.

    ``clients`` are agents' versions that report no typed calls, with when each was last heard;
    ``origins`` where a skill came from, as agents say (``bundled``, ``plugin``…); ``marketplaces`` the
    plugins that were named with their marketplace. ``tells_calls``: some source reported activations;
    ``tells_typed``: also those that people type.
    """

    def __init__(self, window: Window, skills: EventBook, prompts: EventBook) -> None:
        self.window = window
        self.skills = skills
        self.prompts = prompts
        self.meter = Meter(window)
        self.prompt_meter = Meter(window)
        self.totals: Spendings = {}
        self.clients: dict[str, int] = {}
        self.origins: dict[str, str] = {}
        self.marketplaces: dict[str, set[str]] = {}
        self.tells_calls = False
        self.tells_typed = False
        self.heard: int | None = None
        self._modern: set[str] = set()

    def hear(self, time: int) -> None:
        """Any record at all, skill or not: somebody is there. What has no time or lies in the future shows nothing."""
        if DATED <= time <= self.window.end and (self.heard is None or time > self.heard):
            self.heard = time

    def client(self, version: str, time: int) -> None:
        """An agent of this version sent something."""
        if version in self._modern:
            return
        if reports_typed_calls(version):
            self._modern.add(version)
        elif self.window.has(time) and len(self.clients) < 1000:
            self.clients[version] = max(time, self.clients.get(version, 0))

    def origin(self, name: str, source: str, plugin: str, marketplace: str) -> None:
        """Where a skill came from."""
        if source and len(self.origins) < 100_000:
            self.origins[name] = source
        if plugin and marketplace and len(self.marketplaces) < 10_000:
            self.marketplaces.setdefault(plugin, set()).add(marketplace)


def told_name(name: str, plugin_hash: str) -> str:
    """The name to record: with its plugin's hash where the agent hides the name but tells that."""
    return f"{name}{HASH_MARK}{plugin_hash}" if plugin_hash and name in REDACTED else name
