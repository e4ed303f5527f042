"""``PromptClient``: the right, verified prompt at the moment of use, whatever happens behind it (design §9)."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from catalog_tool.client import deferred
from catalog_tool.client.alarm import alarm
from catalog_tool.client.cadence import Cadence
from catalog_tool.client.cell import Cell
from catalog_tool.client.errors import (
    BadAnswerError,
    ClientError,
    ClosedClientError,
    SourceUnavailableError,
    StalePromptError,
)
from catalog_tool.client.flight import Steps, run_steps
from catalog_tool.client.keeper import Keeper, Setting
from catalog_tool.client.prompt import Prompt, Surroundings
from catalog_tool.client.refresher import Refresher
from catalog_tool.client.sources import Options, open_source
from catalog_tool.client.status import Counters, Status
from catalog_tool.client.tuning import Tuning
from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.last_good import LastGood
    from catalog_tool.client.samples import Samples
    from catalog_tool.client.sources.base import Source

LOOK_SECONDS = 1.0
"""How long ``get`` goes without looking whether the refreshing thread lives and nothing grew too old."""
_JOIN_SECONDS = 1.0
_SETTLE_SECONDS = 0.5
_EXIT_SECONDS = 2.0
"""For the samples of all clients that wait to be written when the interpreter ends."""

_clients: weakref.WeakSet[PromptClient] = weakref.WeakSet()
# These live as long as a fetch or a line to write, even of a client forgotten.
_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()
_samples: weakref.WeakSet[Samples] = weakref.WeakSet()
_NO_TUNING = Tuning()


class PromptClient:
    """Gives prompts from ``source``, an address or a ``Source``.

    ``refresh_seconds``: how often each prompt is looked after in the background; 0 leaves it to the
    source's push alone, but for what ``max_stale_seconds`` asks. ``timeout_seconds``: the whole deadline of
    a cold start, and of each refresh. ``cache_dir``: where the last known good prompts are kept;
    ``CATALOG_CACHE_DIR`` or the user's cache folder where it is None, nowhere where it is False.
    ``max_stale_seconds``: what the source has not confirmed for longer is not served. ``bundle_digest``:
    nothing but this very bundle is served.

    Making a client contacts nobody. It may be shared by threads, and by processes through ``fork``.
    Raises ``UsageError`` for settings that cannot be used.
    """

    def __init__(  # noqa: PLR0913 - the contract's signature (design §9)
        self,
        source: str | Source,
        *,
        token: str | None = None,
        cache_dir: str | os.PathLike[str] | Literal[False] | None = None,
        refresh_seconds: float = 30,
        timeout_seconds: float = 2,
        max_stale_seconds: float | None = None,
        bundle_digest: str | None = None,
        tuning: Tuning = _NO_TUNING,
    ) -> None:
        _check_settings(refresh_seconds, timeout_seconds, max_stale_seconds, tuning)
        opened = _opened(source, Options(token, bundle_digest))
        counters = Counters()
        self._max_stale = max_stale_seconds
        self._tuning = tuning
        self._disk = _disk(cache_dir, (opened.place, bundle_digest or ""), counters)
        self._samples = deferred.samples(tuning.samples, counters) if tuning.samples is not None else None
        self._around = Surroundings(tuning.recorder, self._samples)
        confirm = float("inf") if max_stale_seconds is None else max_stale_seconds / 2
        cadence = Cadence(float(refresh_seconds), tuning.jitter, tuning.uniform, confirm)
        self._keeper = Keeper(
            Setting(opened, self._disk, cadence, float(timeout_seconds), tuning, self._around, counters)
        )
        self._refresher = Refresher(self._keeper) if tuning.threads else None
        self._now = tuning.clock
        self._cells: dict[tuple[Any, ...], Cell] = {}
        self._plain: dict[str, dict[str, Cell]] = {}
        _clients.add(self)
        _keepers.add(self._keeper)
        if self._samples is not None:
            _samples.add(self._samples)

    def get(
        self,
        name: str,
        label: str | Sequence[str] = "production",
        version: str | None = None,
        key: str | None = None,
        fallback: Any = None,
    ) -> Prompt:
        """The prompt ``name`` under ``label``, or the first label of a list that it has, or instead at ``version``.

        ``key`` (a user, tenant or session) chooses within a weighted label; without it the stable
        version is meant. ``fallback`` (a text, a list of messages, parts, or a prompt) is returned where
        an error would be raised. Waits only where nothing is held, and never beyond the deadline.

        Raises a ``ClientError`` (see ``errors``), and ``UsageError`` for wrong arguments.
        """
        if key is version is None:
            # Nearly every call is this one, and it costs little more than the two lookups and the clock.
            try:
                cell = self._plain[name][label]  # type: ignore[index]  # a list is no key: the slower way takes it
                if self._now() < cell.until:
                    return cell.prompt  # type: ignore[return-value]  # a cell with time left holds one
            except (KeyError, TypeError):
                pass
        found = self.held(name, label, version, key)
        return found if found is not None else run_steps(self.steps(name, label, version, key, fallback))

    def held(self, name: str, label: str | Sequence[str], version: str | None, key: str | None) -> Prompt | None:
        """What ``get`` would return without a second look; None where it would take one."""
        try:
            cell = self._cells.get((name, label if isinstance(label, str) else tuple(label), version, key is None))
        except TypeError:  # what can be no key can be no name or label either: the slower way says so
            return None
        if cell is None or cell.held is None or self._now() >= cell.until:
            return None
        return cell.held.prompt(key)

    def steps(self, name: Any, label: Any, version: Any, key: str | None, fallback: Any) -> Steps[Prompt]:
        """``get`` where it has to look twice, as steps that a thread or an event loop drives."""
        asked = deferred.wanted(name, label, version, keyed=key is not None)
        spare: Prompt | None = None
        try:
            cell = self._keeper.cell(asked)
            if cell.held is None:
                if fallback is not None:  # one that cannot be used is told now, not in the outage that it is for
                    spare = deferred.fallback_prompt(asked.name, fallback, self._around)
                yield from self._first(cell)
            return self._served(cell, (name, label if isinstance(label, str) else tuple(label), version), key)
        except ClientError:
            if fallback is None:
                raise
        self._keeper.setting.counters.add("fallbacks")
        return spare or deferred.fallback_prompt(asked.name, fallback, self._around)

    def _first(self, cell: Cell) -> Steps[None]:
        """Something to serve: what the source answers in time, else the last good one from disk."""
        flight = None
        trouble: ClientError | None = None
        try:
            flight = self._keeper.cold(cell)
        except ClosedClientError:
            raise
        except ClientError as error:
            trouble = error
        found = self._last_good(cell) if self._disk is not None and cell.held is None else None
        if flight is not None:
            patience = flight.started + self._tuning.last_good_patience_seconds - self._now()
            yield flight, self._keeper.setting.timeout if found is None else max(0.0, patience)
            trouble = flight.error
        if cell.held is None and found is not None:
            self._keeper.adopt(cell, *found)
        if cell.held is None:
            late = SourceUnavailableError(f"no answer within {self._keeper.setting.timeout:g} s")
            raise trouble.again() if trouble is not None else late

    def _last_good(self, cell: Cell) -> tuple[Any, float] | None:
        if self._disk is None:
            return None
        read = self._disk.read(cell.wanted)
        if read is None:
            return None
        answer, at = read
        age = max(0.0, self._tuning.wall() - at)
        try:
            held = deferred.verified(answer, cell.wanted, self._around)
        except BadAnswerError:
            self._keeper.setting.counters.add("last_good_refused")
            return None
        too_old = self._max_stale is not None and age > self._max_stale and self._tuning.on_stale == "raise"
        return None if too_old and not cell.is_pinned else (held, age)

    def _served(self, cell: Cell, asked: tuple[Any, ...], key: str | None) -> Prompt:
        """What is held, if it may be: the second look that ``get`` takes once a second."""
        if self._refresher is not None:
            self._refresher.ensure()
        held, trouble = cell.held, cell.trouble
        if held is None:
            raise ClosedClientError("the client is closed")
        if cell.is_missing and self._tuning.on_missing == "raise" and trouble is not None:
            raise trouble.again()
        now = self._now()
        until = now + LOOK_SECONDS
        if self._max_stale is not None and not cell.is_pinned:
            if cell.age(now) > self._max_stale:
                self._too_old(cell, now)
            else:
                until = min(until, cell.confirmed + self._max_stale)
        prompt = held.prompt(key)
        cell.until = until
        self._remember(cell, asked, key)
        return prompt

    def _remember(self, cell: Cell, asked: tuple[Any, ...], key: str | None) -> None:
        if len(self._cells) >= 2 * self._tuning.prompts:
            self._forget()
        self._cells[(*asked, key is None)] = cell
        name, label, version = asked
        if key is version is None and isinstance(label, str):
            self._plain.setdefault(name, {})[label] = cell

    def _forget(self) -> None:
        self._cells.clear()
        self._plain.clear()

    def _too_old(self, cell: Cell, now: float) -> None:
        words = f"{cell.wanted}: the source has not confirmed it for {cell.age(now):.0f} s"
        if self._tuning.on_stale == "raise":
            self._keeper.setting.counters.add("stale_refused")
            raise StalePromptError(words, hint=f"max_stale_seconds is {self._max_stale:g}")
        self._keeper.setting.counters.add("stale_served")
        alarm(words)

    def status(self) -> Status:
        """What is held, from where, how old, the worst propagation window, and every counter."""
        return self._keeper.status()

    def counters(self) -> Mapping[str, int]:
        """How often what happened since the client was made (``status.COUNTERS``)."""
        return self._keeper.setting.counters.snapshot()

    def tick(self) -> float:
        """Refresh what is due, where ``Tuning(threads=False)``; the seconds until something is."""
        return self._keeper.tick()

    def feedback(self, sample_id: str | None, score: float, comment: str | None = "") -> None:
        """Join a person's or a judge's verdict with a recorded sample (``Tuning(samples=…)``).

        ``sample_id`` is what ``call.sample`` returned: of most calls None, for which there is nothing to do.
        Nothing is raised where the queue is full: it is counted. Raises ``UsageError`` for a score that is no
        number, and for a sample's id where no samples are recorded.
        """
        if self._samples is None:
            if sample_id is None:
                return
            raise UsageError("this client records no samples", hint="pass tuning=Tuning(samples=SampleSettings(path))")
        self._samples.feedback(sample_id, score, comment)

    def close(self) -> None:
        """End the threads and let go of connections and of what is held. May be called twice."""
        self.settle()
        self._keeper.close()
        self._forget()
        if self._refresher is not None:
            self._refresher.stop(_JOIN_SECONDS)
        if self._samples is not None:
            self._samples.close()

    def settle(self) -> None:
        """Wait a moment for what was fetched to be on disk; ``close`` and the interpreter's end do it too."""
        self._keeper.settle(_SETTLE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forked(self) -> None:
        """In a child process; called by the interpreter after ``os.fork``."""
        self._keeper.forked()
        if self._disk is not None:
            self._disk.forked()
        if self._refresher is not None:
            self._refresher.forked()


def _disk(
    folder: str | os.PathLike[str] | Literal[False] | None, place: tuple[str, ...], counters: Counters
) -> LastGood | None:
    if isinstance(folder, bool):
        if folder:
            raise UsageError("cache_dir is True", hint="name a folder; None is the usual one, False none")
        return None
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise UsageError(f"cache_dir is {folder!r}", hint="name a folder; None is the usual one, False none")
    return deferred.last_good(folder, place, counters)


def _check_settings(refresh: Any, timeout: Any, max_stale: Any, tuning: Any) -> None:
    endless = float("inf")
    if not _holds(lambda: 0 <= refresh < endless):
        raise UsageError(f"refresh_seconds is {refresh!r}", hint="0 (push only) or more seconds")
    if not _holds(lambda: 0 < timeout < endless):
        raise UsageError(f"timeout_seconds is {timeout!r}", hint="more than 0 seconds")
    if max_stale is not None and not _holds(lambda: max_stale > 0):
        raise UsageError(f"max_stale_seconds is {max_stale!r}", hint="more than 0 seconds, or None")
    if not isinstance(tuning, Tuning):
        raise UsageError(f"tuning is {tuning!r}", hint="write tuning=Tuning(…)")
    if not _holds(lambda: 0 <= tuning.jitter <= 1):
        raise UsageError(f"jitter is {tuning.jitter!r}", hint="a share from 0 to 1")


def _holds(comparison: Callable[[], bool]) -> bool:
    """Whether a number is as it must be; what cannot be compared with one is none."""
    try:
        return comparison()
    except TypeError:
        return False


def _opened(source: Any, options: Options) -> Source:
    """``source``, or what is at that address. Raises ``UsageError``, which never shows what was given: secrets."""
    for name, value in options._asdict().items():
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{name} is of type {type(value).__name__}", hint="give a text, or None")
    if isinstance(source, str):
        return open_source(source, options)
    if not hasattr(source, "read"):
        hint = "give an address such as file:///srv/dist/bundle.json"
        raise UsageError(f"a source of type {type(source).__name__} is none", hint=hint)
    opened: Source = source
    return opened


def _after_fork() -> None:
    for client in list(_clients):
        client.forked()
    for samples in list(_samples):
        samples.forked()


def _before_exit() -> None:
    """A process that ends at once still leaves the last good one and its samples, if it is a matter of moments."""
    for keeper in list(_keepers):
        keeper.settle(_SETTLE_SECONDS)
    end = time.monotonic() + _EXIT_SECONDS
    for samples in list(_samples):
        samples.close(end - time.monotonic())


atexit.register(_before_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
