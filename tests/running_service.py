"""A config service of the test's own: ``catalog serve`` as a process on loopback, gone at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from scratch import COMMAND, isolated_environment

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service that answers. ``log`` is what it wrote to stderr."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **asked: object) -> httpx.Response:
        """One GET on a connection of its own."""
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=10, **asked)  # type: ignore[arg-type]

    def said(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def catalog_of(folder: Path, target: str, *, edits: str = "report") -> Path:
    """A folder with settings for one target, ``only``; ``target`` are its other settings, in flow style."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompts").mkdir(exist_ok=True)
    text = f"format: 1\ncatalog: acme\ntargets:\n  only: {{{target}, edits: {edits}}}\n"
    (folder / "catalog.yaml").write_text(text, "utf-8")
    return folder


@contextmanager
def running(
    folder: Path, *arguments: str, env: dict[str, str] | None = None, wait_for: str = "/readyz"
) -> Iterator[Running]:
    """``catalog serve`` in ``folder`` until the block ends; ready when it begins. ``wait_for`` answers 200 then."""
    port = free_port()
    log = folder / f"service-{port}.log"
    options: Sequence[str] = ("serve", "--port", str(port), "--drain", "0", *arguments)
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*COMMAND, *options],
            cwd=folder,
            env={**isolated_environment(folder / "home"), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        found = Running(url=f"http://127.0.0.1:{port}", port=port, process=process, log=log)
        _wait(found, wait_for)
        yield found
    finally:
        end(process)


def _wait(service: Running, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise AssertionError(f"the service ended: {service.said()}")
        with suppress(httpx.HTTPError):
            if service.get(path).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"the service never answered: {service.said()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for one that does not mind it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_there(pid: int) -> bool:
    """Whether a process is alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
