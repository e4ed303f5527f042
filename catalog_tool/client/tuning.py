"""What an unusual deployment, or a test, sets differently."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from catalog_tool.client.observe import Recorder
    from catalog_tool.client.samples import SampleSettings

Spawn = Callable[[Callable[[], None], str], None]


def thread(work: Callable[[], None], name: str) -> None:
    """Start ``work`` in a thread that never keeps a process from ending."""
    threading.Thread(target=work, name=name, daemon=True).start()


def chance(low: float, high: float) -> float:
    """A number between the two. ``random`` begins anew in a fork's child, so that workers differ."""
    from random import uniform  # not before the first refresh is planned

    return uniform(low, high)  # noqa: S311 - spreads load, guards nothing


class Tuning(NamedTuple):
    """The rest of a client's settings; the defaults are right for nearly everybody.

    ``jitter``
        Share of the interval that is left to chance, 0 to 1.
    ``on_missing``
        ``keep`` serves the last good prompt when the source says it is gone (and says so loudly);
        ``raise`` raises ``PromptNotFoundError``.
    ``on_stale``
        Beyond ``max_stale_seconds``: ``raise`` raises ``StalePromptError``; ``alarm`` logs and serves.
    ``last_good_patience_seconds``
        How long a start waits for the source before it serves what is on disk.
    ``recorder``
        Where ``observe`` records: ``auto`` is OpenTelemetry where its API is installed, else
        ``prometheus_client`` where that is, else nowhere.
    ``samples``
        Where a share of production calls is written; None for nowhere.
    ``threads``
        False: no threads at all; fetches happen in the caller, and ``client.tick()`` refreshes.
    ``prompts``
        How many (name, label, version) are kept; the oldest go first.
    """

    jitter: float = 0.5
    on_missing: Literal["keep", "raise"] = "keep"
    on_stale: Literal["raise", "alarm"] = "raise"
    last_good_patience_seconds: float = 0.025
    recorder: Recorder | Literal["auto"] | None = "auto"
    samples: SampleSettings | None = None
    threads: bool = True
    prompts: int = 4096
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    uniform: Callable[[float, float], float] = chance
    spawn: Spawn = thread
