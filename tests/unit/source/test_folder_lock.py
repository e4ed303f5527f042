"""One writer at a time in a folder, and none that holds it up by having died."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from catalog_tool.errors import CatalogError
from catalog_tool.source.folder_lock import locked

HOLDER = """
import sys
from pathlib import Path
from catalog_tool.source.folder_lock import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_keeps_it_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CatalogError, match="another process is writing in") as caught, locked(tmp_path, 0):
            pytest.fail("two hold it")
        assert caught.value.exit_code == 3
        holder.kill()
    with locked(tmp_path, 0):
        assert list(tmp_path.iterdir()) == []


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    counts = [0]

    def count() -> None:
        for _ in range(20):
            with locked(tmp_path):
                seen = counts[0]
                (tmp_path / "work").write_text(str(seen))
                counts[0] = seen + 1

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [80]


def test_an_error_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), locked(tmp_path, 0):
        raise ValueError("inside")
    with locked(tmp_path, 0):
        pass


def test_what_is_no_folder_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none", 0):
        pytest.fail("it was locked")
