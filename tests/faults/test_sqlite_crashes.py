"""A sqlite target under SIGKILL, and what it has on disk when it acknowledges."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kills import PUBLISHER, kill_publishers
from soak import SOAK

from catalog_tool.backends.sqlite import connect

STEPS = 20


def test_a_killed_publisher_leaves_a_whole_file(tmp_path: Path) -> None:
    options = {"path": str(tmp_path / "target.sqlite")}
    with closing(connect(options)) as backend:
        kill_publishers(backend, "sqlite", options, 1000 if SOAK else 50)
    assert [path.name for path in tmp_path.iterdir()] == ["target.sqlite"]
    with closing(sqlite3.connect(options["path"])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_is_acknowledged_was_synced_and_its_folder_too(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("STRACE IS NOT INSTALLED (apt-get install strace): nobody counted the syncs of the sqlite target")
    log, file = tmp_path / "calls", tmp_path / "store" / "target.sqlite"
    file.parent.mkdir()
    traced = [strace, "-f", "-y", "-o", str(log), "-e", "trace=write,fsync,fdatasync", "-e", "signal=none"]
    publisher = [sys.executable, str(PUBLISHER), "sqlite", json.dumps({"path": str(file)}), str(STEPS)]
    done = subprocess.run([*traced, *publisher], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0 and "ptrace" in done.stderr.lower():
        pytest.skip(f"STRACE MAY NOT TRACE HERE: nobody counted the syncs of the sqlite target ({done.stderr.strip()})")
    assert done.returncode == 0, done.stderr
    calls = log.read_text("utf-8", "replace")
    before_lease, *between = re.split(r'write\(1<[^>]*>, "(?:begun|ack v\d+)\\n"', calls)
    assert len(between) == STEPS + 1
    wal = re.compile(rf"f(?:data)?sync\(\d+<{re.escape(str(file))}-wal>\) += 0")
    for number, step in enumerate(between[:STEPS], 1):
        assert wal.search(step), f"step {number} was acknowledged without a sync"
    folder = re.compile(rf"f(?:data)?sync\(\d+<{re.escape(str(file.parent))}>\) += 0")
    assert folder.search(before_lease), "the folder of the new file was never synced"
