"""A Redis server of the tests' own: from the machine's packages, on loopback and a socket, gone at the end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import redis

PACKAGE = "redis-server (Debian, Ubuntu: apt-get install redis-server)"
DATABASES = 10_000
PASSWORD = "kennwort-der-tests"
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class RunningRedis:
    """A running server; ``port`` is on 127.0.0.1. Every test takes a database of its own."""

    folder: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def socket_path(self) -> str:
        """Where its socket is."""
        return str(self.folder / "redis.sock")

    def new_database(self) -> int:
        """The number of a database that nobody used yet."""
        return next(self._numbers)

    def url(self, database: int, user: str = "", port: int | None = None) -> str:
        """An address over TCP, on another port through a proxy, as a user who has ``PASSWORD``."""
        who = f"{user}:{PASSWORD}@" if user else ""
        return f"redis://{who}127.0.0.1:{port or self.port}/{database}"

    def run(self, database: int, *words: Any) -> Any:
        """One command, as somebody with a terminal would."""
        with closing(redis.Redis(port=self.port, db=database)) as hand:
            return hand.execute_command(*words)


def binary() -> str | None:
    """The server's program on this machine, or None."""
    return shutil.which("redis-server")


@contextmanager
def running(program: str, tls: Mapping[str, Any] | None = None) -> Iterator[RunningRedis]:
    """A server with its data in a folder of its own; it keeps nothing on disk. ``tls``: settings beside these."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-redis-"))
    port = _free_port()
    settings = {"port": port, "bind": "127.0.0.1", "unixsocket": folder / "redis.sock", "dir": folder, "save": ""}
    settings |= {"databases": DATABASES, "appendonly": "no", "daemonize": "no", "logfile": folder / "log"}
    settings |= tls or {}
    command = [program, *(str(word) for name, value in settings.items() for word in (f"--{name}", value))]
    try:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
            try:
                _wait_for(port, server)
                yield RunningRedis(folder, port)
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path] | None:
    """A certificate for 127.0.0.1, signed by itself, and its key; None where there is no openssl."""
    program = shutil.which("openssl")
    if program is None:
        return None
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [
        program,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        *names,
        "-keyout",
        key,
        "-out",
        cert,
    ]
    subprocess.run([str(word) for word in made], check=True, capture_output=True, timeout=60)
    return cert, key


def tls_settings(cert: Path, key: Path) -> dict[str, Any]:
    """What ``running`` is given for a port that speaks TLS beside the plain one."""
    files = {"tls-cert-file": cert, "tls-key-file": key, "tls-ca-cert-file": cert}
    return {"tls-port": _free_port(), "tls-auth-clients": "no", **files}


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            with closing(redis.Redis(port=port)) as hand:
                hand.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"redis-server did not start (exit code {server.returncode})")
