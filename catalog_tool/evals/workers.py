"""Work on several threads that nobody has to wait for once it is interrupted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

Job = TypeVar("Job")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""


def work_through(
    jobs: Sequence[Job], work: Callable[[Job], Result], *, threads: int, progress: Progress | None = None
) -> list[Result]:
    """``work`` of every job, in the order of the jobs, by at most ``threads`` at once.

    The threads are daemons: a program that ends, after Ctrl-C, does not wait for a slow server. What ``work``
    raises is raised here, and jobs that have not begun are left.
    """
    pending: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(jobs)):
        pending.put(number)
    done: queue.SimpleQueue[tuple[int, Result | None, BaseException | None]] = queue.SimpleQueue()
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                number = pending.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, work(jobs[number]), None))
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
                done.put((number, None, error))

    for _ in range(min(threads, len(jobs))):
        threading.Thread(target=serve, daemon=True, name="catalog-eval").start()
    try:
        return _collected(done, len(jobs), progress)
    finally:
        over.set()


def _collected(
    done: queue.SimpleQueue[tuple[int, Result | None, BaseException | None]], count: int, progress: Progress | None
) -> list[Result]:
    results: dict[int, Result] = {}
    while len(results) < count:
        number, result, error = done.get()
        if error is not None:
            raise error
        results[number] = cast(Result, result)
        if progress is not None:
            progress(len(results), count)
    return [results[number] for number in range(count)]
