"""A sqlite target whose file is locked, full, read-only or damaged: one clear error, and readers go on."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from catalog_tool.backends.sql_backend import SqlBackend
from catalog_tool.backends.sqlite import CAPABILITIES, SqliteDatabase, connect
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, live
from catalog_tool.sync.live import fingerprint

PAGE = 4096


def impatient(path: Path) -> SqlBackend:
    """A backend that waits for nobody."""
    return SqlBackend(SqliteDatabase(path, patience=0), CAPABILITIES)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A target with some objects, closed."""
    path = tmp_path / "target.sqlite"
    fill(path)
    return path


def fill(path: Path) -> None:
    with closing(connect({"path": str(path)})) as backend:
        backend.take_lease(LEASE)
        done(backend, *(put_version(f"p{number}", text="x" * 5000) for number in range(30)), put_skill())
        done(backend, *(put_label("v1", name=f"p{number}") for number in range(30)))


def test_a_locked_file_may_be_asked_again_and_readers_go_on(file: Path) -> None:
    with closing(impatient(file)) as backend, closing(sqlite3.connect(file)) as other:
        before = live(backend)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM label")
        for call in (
            lambda: backend.write([put_version()], RUN),
            lambda: backend.take_lease(LEASE),
            lambda: backend.drop_lease(LEASE.token),
            lambda: backend.save_control(backend.load().control, LEASE.token),
        ):
            with pytest.raises(UnavailableError, match="is locked"):
                call()
        assert live(backend) == before
        assert len(backend.load().inventory) == len(before)
        other.rollback()
        done(backend, put_version())


def test_one_who_locks_everything(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with closing(impatient(file)) as backend:
            for call in (backend.load, lambda: list(backend.scan()), lambda: list(backend.events())):
                with pytest.raises(UnavailableError, match="is locked"):
                    call()


class Small(SqliteDatabase):
    """A file that may not grow beyond ``pages``."""

    pages = 100

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = super()._connect(mode)
        connection.execute(f"PRAGMA max_page_count={self.pages}")
        return connection


def test_a_full_device_takes_nothing_of_a_write(file: Path) -> None:
    with closing(SqlBackend(Small(file), CAPABILITIES)) as backend:
        before, inventory = live(backend), backend.load().inventory
        writes = [put_version(f"q{number}", text="y" * 5000) for number in range(200)]
        with pytest.raises(BackendError, match="no room") as told:
            backend.write(writes, RUN)
        assert not isinstance(told.value, UnavailableError)
        assert (live(backend), backend.load().inventory) == (before, inventory)
        done(backend, put_version("small"))
    with closing(connect({"path": str(file)})) as backend:
        done(backend, *writes)


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-readonly-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_file_that_only_others_write(open_folder: Path) -> None:
    file = open_folder / "target.sqlite"
    fill(file)
    file.chmod(0o444)
    open_folder.chmod(0o777)
    with unprivileged(), closing(connect({"path": str(file)})) as backend:
        assert len(live(backend)) == 61
        for call in (lambda: backend.write([put_version()], RUN), lambda: backend.take_lease(LEASE)):
            with pytest.raises(BackendError, match="cannot be written") as told:
                call()
            assert not isinstance(told.value, UnavailableError)
        assert len(live(backend)) == 61


def test_a_folder_that_only_others_write(open_folder: Path) -> None:
    file = open_folder / "target.sqlite"
    fill(file)
    open_folder.chmod(0o555)
    file.chmod(0o444)
    with unprivileged():
        for path in (file, open_folder / "new.sqlite"):
            with closing(connect({"path": str(path)})) as backend:
                with pytest.raises(BackendError, match=r"cannot be (written|opened)") as told:
                    backend.take_lease(LEASE)
                assert told.value.hint


def test_a_damaged_page_is_an_error_or_content_that_hashes_to_something_else(file: Path, tmp_path: Path) -> None:
    sound = file.read_bytes()
    with closing(connect({"path": str(file)})) as backend:
        wanted, events, state = live(backend), list(backend.events()), backend.load()
    told: list[BackendError] = []
    for page in range(len(sound) // PAGE):
        damaged = tmp_path / f"damaged{page}.sqlite"
        damaged.write_bytes(sound[: page * PAGE] + b"\xa5" * PAGE + sound[(page + 1) * PAGE :])
        with closing(connect({"path": str(damaged)})) as backend:
            for read, expected in (
                (lambda b: live(b), wanted),
                (lambda b: list(b.events()), events),
                (lambda b: b.load(), state),
            ):
                try:
                    found = read(backend)
                except BackendError as error:
                    told.append(error)
                else:
                    assert found == expected or lies_in_content(found, expected), page
        damaged.unlink()
    assert len(told) > len(sound) // PAGE / 2
    assert {type(error) for error in told} == {BackendError}
    assert all("damaged" in error.message or "no SQLite database" in error.message for error in told)


def lies_in_content(found: object, expected: object) -> bool:
    """Whether all objects are there and those that differ do not hash to what they claim: SQLite has no checksums."""
    assert isinstance(found, dict)
    assert isinstance(expected, dict)
    changed = [address for address in expected if found[address].entry != expected[address].entry]
    claims = [json.loads(expected[address].entry)["digest"] for address in changed]
    return bool(changed) and all(
        fingerprint(address, found[address].entry).digest != claim
        for address, claim in zip(changed, claims, strict=True)
    )


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_file_cut_short(file: Path, kept: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    with closing(connect({"path": str(file)})) as backend, pytest.raises(BackendError, match="damaged"):
        live(backend)
