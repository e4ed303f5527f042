"""Several targets looked at at once: one whose server hangs costs its own time, and not that of the others too."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

from catalog_tool.cli.progress import EVERY, progress
from catalog_tool.cli.stopping import stopping
from catalog_tool.cli.syncing import GitSide, told_beside_others
from catalog_tool.errors import CatalogError
from catalog_tool.sync.targets import expanded_settings

AT_ONCE = 8
"""How many targets are looked at together."""
_Found = TypeVar("_Found")


class _Answer(NamedTuple):
    """What came of one look: a result, or an error that is the whole answer."""

    name: str
    found: object
    error: Exception | None


def look_at_each(
    side: GitSide, names: Sequence[str], look: Callable[[str], _Found], *, moved: bool = False
) -> dict[str, _Found]:
    """What ``look`` finds at each target, in the order of ``names``; what it raises for one of them is raised.

    It runs in threads where there is more than one name. Nobody waits for these once a signal or an error ended the
    look: they may be what hangs. ``moved``: the targets' servers have new addresses.
    """
    if len(names) == 1:
        return {names[0]: look(names[0])}
    _settle_places(side, names, moved=moved)
    waiting: SimpleQueue[str] = SimpleQueue()
    answers: SimpleQueue[_Answer] = SimpleQueue()
    for name in names:
        waiting.put(name)
    workers = [
        threading.Thread(target=_work, args=(waiting, answers, look), daemon=True)
        for _ in range(min(AT_ONCE, len(names)))
    ]
    with stopping(is_looking=True):
        for worker in workers:
            worker.start()
        found: dict[str, _Found] = _collected(answers, len(names))
        for worker in workers:
            worker.join()  # all has been answered: a process that still has threads leaves more slowly
    return {name: found[name] for name in names}


def _settle_places(side: GitSide, names: Sequence[str], *, moved: bool) -> None:
    """Say in their order, before any is opened, where each one's credentials may go: the first that has some decides.

    Raises what ``told_beside_others`` does; what concerns one target only is found again when that is opened.
    """
    for name in names:
        try:
            expanded_settings(side.settings, name, moved=moved)
        except CatalogError as error:
            told_beside_others(side, names, name, error)


def _work(waiting: SimpleQueue[str], answers: SimpleQueue[_Answer], look: Callable[[str], object]) -> None:
    with contextlib.suppress(Empty):
        while True:
            name = waiting.get_nowait()
            try:
                answers.put(_Answer(name, look(name), None))
            except Exception as error:  # noqa: BLE001 - raised where the answers are collected
                answers.put(_Answer(name, None, error))


def _collected(answers: SimpleQueue[_Answer], count: int) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    show = progress("looking at targets")
    while len(found) < count:
        with contextlib.suppress(Empty):
            answer = answers.get(timeout=EVERY if show is not None else None)
            if answer.error is not None:
                raise answer.error
            found[answer.name] = answer.found  # type: ignore[assignment]  # what ``look`` gave
        if show is not None:
            show(len(found), count)
    return found
