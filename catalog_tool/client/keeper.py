"""The client's core: what is held, one fetch at a time for each prompt, and what comes next.

No thread is started here but through ``spawn``, and no time is read but through ``clock``, so that a
thousand clients can be tried in a second on a clock of the test's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from catalog_tool.client import deferred
from catalog_tool.client.alarm import alarm
from catalog_tool.client.budget import Budget
from catalog_tool.client.cell import NEVER, Cell
from catalog_tool.client.errors import (
    AccessRefusedError,
    BadAnswerError,
    ClientError,
    ClosedClientError,
    OlderAnswerError,
    PromptNotFoundError,
    RequestRefusedError,
    SourceUnavailableError,
)
from catalog_tool.client.flight import Flight
from catalog_tool.client.generations import Generations
from catalog_tool.client.status import Counters, Status, worst

if TYPE_CHECKING:
    from catalog_tool.client.cadence import Cadence
    from catalog_tool.client.last_good import LastGood
    from catalog_tool.client.prompt import Surroundings
    from catalog_tool.client.sources.base import Source
    from catalog_tool.client.tuning import Tuning
    from catalog_tool.client.verify import Held
    from catalog_tool.client.wanted import Wanted

ATTEMPTS = 3
"""Of one cold start."""
COLD = 256
"""Prompts that were asked for and never there, whose last error is remembered; the oldest go first."""
REFRESHES = 8
"""Fetches in the background at a time: one that hangs keeps nobody else waiting."""
_BUSY_SECONDS = 0.05
_CHASES = 4
"""How often a source that told of a change and then showed the old state is asked again soon."""
_IDLE_SECONDS = 3600.0
_COUNTED: dict[type[ClientError], str] = {
    PromptNotFoundError: "not_found",
    AccessRefusedError: "access_refused",
    OlderAnswerError: "older_answers",
    BadAnswerError: "bad_answers",
}
"""Which counter an error adds to; every other one is a failure."""


class Setting(NamedTuple):
    """What a keeper works with."""

    source: Source
    disk: LastGood | None
    cadence: Cadence
    timeout: float
    tuning: Tuning
    around: Surroundings
    counters: Counters


class Keeper:
    """Every prompt that one client keeps."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.cells: dict[Wanted, Cell] = {}
        self._cold: dict[Wanted, Cell] = {}
        self.pushing = False
        self.closed = False
        self.wake: Callable[[], None] = lambda: None
        self._agenda: list[tuple[float, int, Cell]] = []
        self._turn = 0
        self._refreshing = 0
        self._generations = Generations()
        self._lock = threading.Lock()
        self._written = threading.Condition()
        self._writing = 0

    # What get() does when it does not know.

    def cell(self, wanted: Wanted) -> Cell:
        """The state of what is wanted, made where it is new."""
        with self._lock:
            found = self.cells.get(wanted) or self._cold.get(wanted)
            if found is None:
                while len(self._cold) >= COLD:
                    del self._cold[next(iter(self._cold))]
                found = self._cold[wanted] = Cell(wanted)
            return found

    def _keep(self, cell: Cell) -> None:
        """It holds something now: what was never there can no longer push it out."""
        self._cold.pop(cell.wanted, None)
        if self.closed or self.cells.get(cell.wanted) is cell:
            return
        while len(self.cells) >= self.setting.tuning.prompts:
            self.cells.pop(next(iter(self.cells))).due = NEVER
        self.cells[cell.wanted] = cell

    def cold(self, cell: Cell) -> Flight:
        """The fetch under way for a prompt that is not held, begun where there is none.

        Raises the error of the last one while it is too early for another.
        """
        with self._lock:
            if self.closed:
                raise ClosedClientError("the client is closed")
            if cell.flight is not None:
                return cell.flight
            now = self.setting.tuning.clock()
            if cell.held is not None:  # it landed after the caller looked: a second fetch would be one too many
                flight = Flight(now)
                flight.finish(None)
                return flight
            if cell.trouble is not None and now < cell.due:
                raise cell.trouble.again()
            flight = cell.flight = Flight(now)
        self._spawn(cell, flight, ATTEMPTS)
        return flight

    def adopt(self, cell: Cell, held: Held, age: float) -> None:
        """Serve the last good one from disk until the source answers; said where it has answered, with an error."""
        news = ""
        with self._lock:
            if cell.held is not None:
                return
            try:
                self._generations.see(cell.wanted.name, held.store_id, held.generation)
            except OlderAnswerError:
                self.setting.counters.add("last_good_refused")
                return
            cell.take(held, "last_good", self.setting.tuning.clock() - age)
            self._keep(cell)
            if cell.trouble is not None:
                news = cell.news_of(cell.trouble)
            if cell.flight is None:
                self._plan(cell, self.setting.cadence.after_failure(1, None, held=True))
        self.setting.counters.add("last_good_served")
        if news:
            alarm(news)

    # Fetching.

    def _spawn(self, cell: Cell, flight: Flight, attempts: int) -> None:
        def work() -> None:
            self._fly(cell, flight, attempts)

        if not self.setting.tuning.threads:
            work()
            return
        try:
            self.setting.tuning.spawn(work, "catalog-fetch")
        except RuntimeError as error:  # no thread to be had: too many, or the interpreter is ending
            self._land(cell, flight, SourceUnavailableError(f"no thread for the fetch: {error}"))

    def _fly(self, cell: Cell, flight: Flight, attempts: int) -> None:
        error: ClientError | None = SourceUnavailableError("the fetch ended without an answer")
        held: Held | None = None
        try:
            held = self._fetch(cell, attempts)
            self._writes(1)
            error = None
        except ClientError as found:
            error = found
        finally:
            self._land(cell, flight, error, held)
        if error is None:
            self._write(cell, is_new=held is not None)

    def _write(self, cell: Cell, *, is_new: bool) -> None:
        """Onto the disk, for which nobody waits but ``settle``."""
        try:
            if cell.trouble is None and self.setting.disk is not None and cell.held is not None:
                keep = self.setting.disk.write if is_new else self.setting.disk.confirm
                keep(cell.wanted, cell.held.document, self.setting.tuning.wall())
        finally:
            self._writes(-1)

    def _writes(self, number: int) -> None:
        with self._written:
            self._writing += number
            self._written.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait, no longer than ``seconds``, for what was fetched to be on disk."""
        with self._written:
            self._written.wait_for(lambda: self._writing == 0, seconds)

    def _fetch(self, cell: Cell, attempts: int) -> Held | None:
        """What the source has, verified; None where it is as before."""
        setting = self.setting
        budget = Budget(setting.tuning.clock, setting.timeout, attempts)
        while True:
            setting.counters.add("fetches")
            validator = cell.held.validator if cell.held is not None and cell.source == "live" else None
            try:
                answer = setting.source.read(cell.wanted, validator, budget)
                return None if answer is None else deferred.verified(answer, cell.wanted, setting.around)
            except (RequestRefusedError, PromptNotFoundError, AccessRefusedError):
                raise
            except (SourceUnavailableError, BadAnswerError) as error:
                budget.attempts -= 1
                pause = setting.cadence.retry(attempts - budget.attempts)
                if isinstance(error, SourceUnavailableError):
                    pause = max(pause, error.retry_after or 0)
                if budget.attempts <= 0 or pause >= budget.left():
                    raise
                setting.counters.add("retries")
                Flight(0).wait(pause)

    def _land(self, cell: Cell, flight: Flight, error: ClientError | None, held: Held | None = None) -> None:
        news = ""
        with self._lock:
            if error is None:
                try:
                    news = self._accept(cell, flight, held)
                except OlderAnswerError as older:
                    error = older
            if error is not None:
                news = self._reject(cell, error)
            self._after(cell, flight)
            cell.flight = None
        flight.finish(error)
        if news:
            alarm(news)

    def _accept(self, cell: Cell, flight: Flight, held: Held | None) -> str:
        if held is not None:
            self._generations.see(cell.wanted.name, held.store_id, held.generation)
            cell.take(held, "live", flight.started)
            self._keep(cell)
        self.setting.counters.add("unchanged" if held is None else "updates")
        news = f"{cell.wanted} is there again" if cell.is_missing else ""
        is_first = cell.due == 0
        cell.confirm(flight.started)
        if cell.is_pinned:
            cell.due = NEVER
            return news
        cadence = self.setting.cadence
        pause = cadence.first(pushing=self.pushing) if is_first else cadence.later(pushing=self.pushing)
        self._plan(cell, pause)
        return news

    def _reject(self, cell: Cell, error: ClientError) -> str:
        self.setting.counters.add(_COUNTED.get(type(error), "failures"))
        news = cell.news_of(error) if type(error) is not type(cell.trouble) else ""
        cell.fail(error)
        after = error.retry_after if isinstance(error, SourceUnavailableError) else None
        held = cell.held is not None
        pause = self.setting.cadence.after_failure(cell.failures, after, held=held)
        if held:
            self._plan(cell, pause)
        else:
            cell.due = self.setting.tuning.clock() + pause
        return news

    def _after(self, cell: Cell, flight: Flight) -> None:
        """News that came during the fetch, or that the answer does not show yet, is asked for soon."""
        held = cell.held
        if held is None or cell.is_pinned:
            return
        behind = held.generation is not None and held.generation < cell.expected and cell.chases < _CHASES
        if flight.heard or behind:
            cell.chases = 0 if flight.heard else cell.chases + 1
            self._plan(cell, self.setting.cadence.news() * 2**cell.chases)

    # Refreshing.

    def _plan(self, cell: Cell, pause: float) -> None:
        cell.due = self.setting.tuning.clock() + pause
        if pause < NEVER:
            self._turn += 1
            heappush(self._agenda, (cell.due, self._turn, cell))
            if self._agenda[0][2] is cell:
                self.wake()

    def tick(self) -> float:
        """Begin every refresh that is due; the seconds until the next one is."""
        begun = []
        with self._lock:
            now = self.setting.tuning.clock()
            while self._agenda and self._agenda[0][0] <= now and self._refreshing < REFRESHES:
                due, _, cell = heappop(self._agenda)
                if due != cell.due or cell.flight is not None or self.closed:
                    continue  # planned anew since, dropped, or asked for at this moment
                cell.flight = Flight(now)
                self._refreshing += 1
                cell.flight.on_done(self._landed)
                begun.append((cell, cell.flight))
        for cell, flight in begun:
            self._spawn(cell, flight, 1)
        with self._lock:
            pause = self._agenda[0][0] - now if self._agenda else _IDLE_SECONDS
        return min(_IDLE_SECONDS, pause if pause > 0 else _BUSY_SECONDS)

    def _landed(self) -> None:
        with self._lock:
            self._refreshing -= 1
        self.wake()

    def heard(self, name: str | None, generation: int | None) -> None:
        """The source told of a change of ``name``; ``(None, None)``: the line is open, all may have changed."""
        if name is not None:
            self.setting.counters.add("push_news")
        with self._lock:
            self.pushing = True
            for cell in self.cells.values():
                if name in (None, cell.wanted.name) and not cell.is_pinned and cell.held is not None:
                    self._expect(cell, generation)

    def _expect(self, cell: Cell, generation: int | None) -> None:
        held = cell.held.generation if cell.held is not None else None
        if generation is not None and (held is None or generation > held):
            cell.expected, cell.chases = max(cell.expected, generation), 0
        # One that is no higher may be another store's, or that of a bundle, which counts none: asking is cheap.
        if cell.flight is not None:
            cell.flight.heard = True
        else:
            self._plan(cell, self.setting.cadence.news())

    def cut(self) -> None:
        """The line is cut: every prompt is polled again."""
        self.setting.counters.add("push_cuts")
        with self._lock:
            self.pushing = False
            for cell in self.cells.values():
                if cell.due == NEVER and not cell.is_pinned and cell.held is not None:
                    self._plan(cell, self.setting.cadence.later(pushing=False))

    # The rest of its life.

    def window(self) -> float:
        """The longest that a change takes to arrive while the source answers."""
        return self.setting.cadence.window(self.setting.timeout, pushing=self.pushing)

    def status(self) -> Status:
        """Everything, now."""
        with self._lock:
            cells = [*self.cells.values(), *self._cold.values()]
        now, window = self.setting.tuning.clock(), self.window()
        is_told = self.setting.cadence.polling(pushing=self.pushing) == NEVER
        prompts = tuple(cell.status(now, window, is_told=is_told) for cell in cells)
        kind, age = worst(prompts)
        return Status(
            place=self.setting.source.place,
            source=kind,
            age_seconds=age,
            window_seconds=window,
            pushing=self.pushing,
            stale=any(prompt.stale for prompt in prompts),
            prompts=prompts,
            counters=self.setting.counters.snapshot(),
        )

    def forked(self) -> None:
        """In a child process: no thread of the parent is here, and its locks may be held for ever."""
        self._lock = threading.Lock()
        self._written = threading.Condition()
        self._writing = 0
        self.setting.counters.forked()
        self.setting.counters.add("forks")
        self._refreshing = 0
        self.pushing = False
        self._agenda = []
        self._cold.clear()
        for cell in self.cells.values():
            cell.flight = None
            cell.until = 0.0
            if cell.held is not None and not cell.is_pinned:
                self._plan(cell, self.setting.cadence.first(pushing=False))
        self.setting.source.forked()

    def close(self) -> None:
        """No fetch begins any more, and nothing is held."""
        with self._lock:
            self.closed = True
            self._agenda = []
            self.cells.clear()
            self._cold.clear()
        self.setting.source.close()
        self.wake()
