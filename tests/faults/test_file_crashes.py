"""A file target under SIGKILL, under a disk that fails, and what it has on disk when it acknowledges."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kills import PUBLISHER, kill_publishers
from memory_folder import memory_folder
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.file import connect
from catalog_tool.errors import BackendError
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done

STEPS = 10
MOST_CALLS = 200
NO_STRACE = "STRACE IS NOT INSTALLED (apt-get install strace): nobody counted the syncs of the file target"
NO_TRACING = "STRACE MAY NOT TRACE HERE: nobody counted the syncs of the file target"


def test_a_killed_publisher_leaves_a_whole_folder() -> None:
    with memory_folder() as parent:  # a process is killed, not the machine: what the disk keeps is not on trial
        options = {"path": str(parent / "target")}
        with closing(connect(options)) as backend:
            kill_publishers(backend, "file", options, 300 if SOAK else 30)
            backend.drop_lease("checker")
        assert list((parent / "target" / "unfinished").iterdir()) == []


def traced(log: Path, folder: Path) -> str:
    """The calls of a publisher of ``STEPS`` steps; a loud skip where strace is not there or may not trace."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip(NO_STRACE)
    calls = "trace=write,fsync,fdatasync,rename,renameat,renameat2"
    tracing = [program, "-f", "-y", "-o", str(log), "-e", calls, "-e", "signal=none"]
    publisher = [sys.executable, str(PUBLISHER), "file", json.dumps({"path": str(folder)}), str(STEPS)]
    done = subprocess.run([*tracing, *publisher], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0 and "ptrace" in done.stderr.lower():
        pytest.skip(f"{NO_TRACING} ({done.stderr.strip()})")
    assert done.returncode == 0, done.stderr
    return _joined(log.read_text("utf-8", "replace"))


def _joined(log: str) -> str:
    """The calls in the order in which they ended: one that another thread's interrupted is written in two lines."""
    begun: dict[str, str] = {}
    lines = []
    for line in log.splitlines():
        thread, _, call = line.partition(" ")
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>").strip()
        elif (resumed := re.match(r"\s*<\.\.\. \w+ resumed>(.*)", call)) is not None:
            lines.append(f"{thread} {begun.pop(thread, '')}{resumed[1]}")
        else:
            lines.append(line)
    return "\n".join(lines)


class TestRow33Syncs:
    def test_what_is_acknowledged_was_synced_and_its_folders_too(self, tmp_path: Path) -> None:
        log, folder = tmp_path / "calls", tmp_path / "store" / "target"
        folder.parent.mkdir()
        before_lease, *between = re.split(r'write\(1<[^>]*>, "(?:begun|ack v\d+)\\n"', traced(log, folder))
        assert len(between) == STEPS + 1
        assert re.search(rf"fsync\(\d+<{re.escape(str(folder.parent))}>\) += 0", before_lease)
        for number, step in enumerate(between[:STEPS], 1):
            _assert_synced(step, folder, number)


def _assert_synced(step: str, folder: Path, number: int) -> None:
    """Each file before it is renamed, each folder of objects before the pointer is, the target's folder at the end."""
    root = re.escape(str(folder))
    events = re.findall(
        rf'(fsync)\(\d+<{root}/?([^>]*)>\) += 0|(rename)\w*\(.*?"[^"]*/unfinished/(\w+)", .*?"{root}/([^"]+)"', step
    )
    synced: set[str] = set()
    pointed = False
    for is_sync, path, _, unfinished, name in events:
        if is_sync:
            synced.add(path)
            continue
        assert f"unfinished/{unfinished}" in synced, f"step {number}: {name} was renamed before it was synced"
        if name == "current.json":
            pointed = True
            assert any(part.startswith("objects/") for part in synced), f"step {number}: no folder of objects synced"
            assert "objects" in synced, f"step {number}: the folder above it was not synced"
            assert "trail.jsonl" in synced, f"step {number}: the trail was not synced before it counted"
            synced.discard("")
    assert pointed, f"step {number} was acknowledged without a new pointer"
    assert "" in synced, f"step {number} was acknowledged before the folder was synced"


class TestRow32Errors:
    """The n-th call fails, for every n: nothing of that step is acknowledged, and what is there is whole."""

    @pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES])
    @pytest.mark.parametrize("call", ["fsync", "rename", "open", "write", "ftruncate"])
    def test_a_call_that_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
        backend = connect({"path": str(tmp_path / "target")})
        backend.take_lease(LEASE)
        done(backend, put_version("p", "v0", "v0"), put_label("v0", name="p"))
        owner, name = (Path, "rename") if call == "rename" else (os, call)
        succeeded = 0
        for number in range(1, MOST_CALLS):
            broken = Broken(getattr(owner, name), number, code)
            before = _state(tmp_path / "target")
            wanted = [put_version("p", f"v{number}", "x"), put_label(f"v{number}", name="p", seen=_label(before))]
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, broken)
                succeeded += _is_acknowledged(backend, wanted, os.strerror(code))
            after = _state(tmp_path / "target")
            whole = {write.address: write.entry for write in wanted} | {
                address: entry for address, entry in before.items() if address != wanted[1].address
            }
            assert after in (before, whole)
            assert after == whole or broken.failed
            if not broken.failed:
                break
            done(backend, *wanted)  # the same again, now that the disk is well, and only once
            assert _state(tmp_path / "target") == whole
        assert succeeded >= 1
        events = list(backend.events())
        assert verify(events) is None
        assert len(events) == number + 1
        assert list((tmp_path / "target" / "unfinished").iterdir()) == []


def _is_acknowledged(backend: Backend, steps: Sequence[Write], trouble: str) -> bool:
    """Whether the steps were; where not, the error says why."""
    try:
        outcomes = backend.write(steps, RUN)
    except BackendError as error:
        told = error.message
    else:
        assert [found.outcome for found in outcomes] == ["done", "done"]
        return True
    assert trouble in told
    return False


class Broken:
    """The system's call, whose n-th use fails."""

    def __init__(self, call: Callable[..., Any], number: int, code: int) -> None:
        self._call, self._left, self._code = call, number, code
        self.failed = False

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        return self if instance is None else partial(self, instance)

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            self.failed = True
            raise OSError(self._code, os.strerror(self._code))
        return self._call(*arguments, **more)


def _state(path: Path) -> dict[str, bytes]:
    with closing(connect({"path": str(path)})) as reader:
        return {item.address: item.entry for item in reader.scan()}


def _label(state: dict[str, bytes]) -> Any:
    return json.loads(state["labels/p@production"])
