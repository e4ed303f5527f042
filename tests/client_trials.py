"""What the trials of the client share: a clock of their own, how many trials, ports that answer nobody."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catalog_tool.client import PromptClient, Tuning

SOAK = os.environ.get("CATALOG_SOAK") == "1"


def trials(full: int) -> int:
    """The full number under ``CATALOG_SOAK=1``, else a tenth of it."""
    return full if SOAK else max(1, full // 10)


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def still_client(source: Any, clock: Clock, **settings: Any) -> PromptClient:
    """A client without threads on a clock of the test's: it fetches in the caller, and refreshes in ``tick``."""
    more = settings.pop("tuning", Tuning())
    tuning = more._replace(threads=False, clock=clock)
    return PromptClient(source, tuning=tuning, **{"cache_dir": False, **settings})


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path; those that go while one looks are not there."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


@contextmanager
def closed_port() -> Iterator[str]:
    """The address of a port at which nobody listens, and nobody else will meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
