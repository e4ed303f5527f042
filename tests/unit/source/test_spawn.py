"""Processes started without ``subprocess``: what goes in comes out, and nothing is left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.errors import GitError
from catalog_tool.source.git import Git
from catalog_tool.source.spawn import Done, Opened, Running, spawn

Starter = Callable[[Sequence[str], Mapping[str, str], bytes], Running]
STARTERS = pytest.mark.parametrize("start", [spawn, Opened], ids=["this system", "every system"])
_LOUD = "import sys; sys.stderr.write('e' * 300000); sys.stdout.write('o' * 300000); sys.exit(3)"


def python(start: Starter, code: str, given: bytes = b"") -> Running:
    return start([sys.executable, "-S", "-c", code], dict(os.environ), given)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


@STARTERS
def test_input_output_errors_and_exit_code_arrive_however_much_is_said(start: Starter) -> None:
    echo = "import sys; sys.stdout.write(sys.stdin.read()[::-1])"
    assert python(start, echo, b"abc").finish() == Done(0, b"cba", b"")
    assert python(start, _LOUD).finish() == Done(3, b"o" * 300_000, b"e" * 300_000)


@STARTERS
def test_a_program_that_is_not_there_is_told_and_leaves_no_file_open(start: Starter) -> None:
    before = open_files()
    with pytest.raises(FileNotFoundError):
        start(["no-such-program-here"], dict(os.environ), b"")
    python(start, "pass").finish()
    python(start, "import time; time.sleep(60)").stop()
    assert open_files() == before


def test_many_names_are_looked_up_at_once_and_hostile_ones_are_none(scratch: Scratch) -> None:
    scratch.write("a.txt", "a")
    commit = scratch.commit("one")
    git = Git(str(scratch.root))
    found = git.look_up(["HEAD^{commit}", "refs/heads/none", "0" * 40, "--help", "HEAD x y", commit[:12], "x" * 50])
    assert found == [commit, None, None, None, None, commit, None]
    assert git.look_up([]) == []
    for name in ("", "a\nHEAD", "a\0"):
        with pytest.raises(GitError):
            git.look_up([name])
