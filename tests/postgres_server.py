"""A Postgres server of the tests' own: made from the machine's packages, on loopback, gone at the end.

One server a test session (and a worker of it), one database a test. As root it runs as an unprivileged user, because
Postgres refuses root.
"""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

PACKAGE = "postgresql (Debian, Ubuntu: apt-get install postgresql)"
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/bin",
    "/usr/bin",
)
_ROOM = 4 * 1024**3
_USERS = ("postgres", "nobody")
PASSWORD = "kennwort-der-tests"


@dataclass(slots=True)
class PostgresServer:
    """A running server; ``socket_folder`` for local connections, ``port`` also on 127.0.0.1."""

    folder: Path
    port: int
    bin: Path
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def socket_folder(self) -> str:
        """Where its socket is."""
        return str(self.folder)

    def url(self, database: str, role: str = "owner", host: str | None = None, port: int | None = None) -> str:
        """A libpq connection string, over the socket unless ``host`` is given."""
        return f"host={host or self.socket_folder} port={port or self.port} user={role} dbname={database}"

    def new_database(self, encoding: str = "UTF8") -> str:
        """The name of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.psql(
            "postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        return name

    @contextmanager
    def database(self) -> Iterator[str]:
        """A new database that is dropped at the end, before its pages ever reach a disk."""
        name = self.new_database()
        try:
            yield name
        finally:
            self.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def psql(self, database: str, sql: str, role: str = "owner", host: str | None = None) -> str:
        """Run statements as somebody with a terminal would; what they print."""
        where = self.url(database, role, host)
        command = [str(self.bin / "psql"), "-XqAtw", "-v", "ON_ERROR_STOP=1", "-d", where, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise PsqlError(done.stderr)
        return done.stdout.strip()

    @contextmanager
    def asking_for_passwords(self, database: str) -> Iterator[None]:
        """A role ``asked_DATABASE`` that needs ``PASSWORD`` over TCP, for as long as this lasts."""
        rules = self.folder / "data" / "pg_hba.conf"
        before = rules.read_text("utf-8")
        self.psql("postgres", f"CREATE ROLE asked_{database} LOGIN PASSWORD '{PASSWORD}'")
        rules.write_text(f"host {database} asked_{database} 127.0.0.1/32 scram-sha-256\n{before}", "utf-8")
        self.psql("postgres", "SELECT pg_reload_conf()")
        self._wait_for_rules(database)
        try:
            yield
        finally:
            rules.write_text(before, "utf-8")
            self.psql("postgres", "SELECT pg_reload_conf()")

    def _wait_for_rules(self, database: str) -> None:
        for _ in range(100):
            try:
                self.psql(database, "SELECT 1", f"asked_{database}", host="127.0.0.1")
            except PsqlError:
                return
        raise AssertionError("the server never read its rules again")


class PsqlError(Exception):
    """psql ended with an error; its message."""


def binaries() -> Path | None:
    """The folder of the newest server on this machine, or None."""
    found = [
        folder for pattern in _PLACES for folder in Path("/").glob(pattern.lstrip("/")) if (folder / "initdb").exists()
    ]
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


@contextmanager
def running(bin_folder: Path) -> Iterator[PostgresServer]:
    """A server with its data in a folder of its own. A pytest worker that is killed leaves neither running for long:
    the postmaster ends once its data folder is gone, and the system's temporary folder is cleaned."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-pg-", dir=_parent()))
    user = _unprivileged()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    port = _free_port()
    data = folder / "data"
    try:
        # No fsync: these tests kill clients, not the machine.
        _as(
            user,
            [bin_folder / "initdb", "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
        )
        quick = "-c fsync=off -c full_page_writes=off"
        options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c max_connections=400 {quick}"
        _as(user, [bin_folder / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "60", "-o", options, "start"])
        try:
            yield PostgresServer(folder, port, bin_folder)
        finally:
            _as(user, [bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parent() -> Path:
    """Memory where there is plenty of it, else the usual place for temporary files."""
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    return shared if roomy else Path(tempfile.gettempdir())


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"{getpass.getuser()} may not run Postgres, and there is none of {', '.join(_USERS)}")


def _as(user: pwd.struct_passwd | None, command: list[Path | str]) -> None:
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()} if user is not None else {}
    done = subprocess.run(
        [str(word) for word in command], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, check=False, timeout=120, **who,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
