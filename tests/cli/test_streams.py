"""Streams that are closed, full or left: every byte of a result, or exit code 3, and never another answer."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from scratch import COMMAND, Scratch

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="NO /dev/full ON THIS SYSTEM")
BUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
CATALOG = shlex.join(COMMAND)


def shell(scratch: Scratch, line: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """A line of bash in the catalog's folder, ``catalog`` in it being the command."""
    return subprocess.run(
        ["bash", "-c", f"catalog() {{ {CATALOG} \"$@\"; }}; {line}"],
        cwd=scratch.root,
        env={**scratch.command.environment, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """A catalog with one prompt."""
    scratch.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nsystem_prompt: Hi\n")
    scratch.commit("a prompt")
    return scratch


@pytest.mark.parametrize("closing", ["2>&-", "<&- 2>&-"])
def test_closed_stderr_takes_nothing_from_the_result(catalog: Scratch, closing: str) -> None:
    said = shell(catalog, f"catalog list --format json {closing}")
    assert (said.returncode, json.loads(said.stdout)["status"]) == (0, "ok")
    assert shell(catalog, f"catalog list --nope {closing}").returncode == 2


@pytest.mark.parametrize("closing", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("list", 0), ("--help", 0), ("show nope", 2), ("list --rev nope", 3)])
def test_closed_streams_leave_the_exit_code(catalog: Scratch, closing: str, command: str, code: int) -> None:
    assert shell(catalog, f"catalog {command} {closing}").returncode == code


@BUFFERED
@pytest.mark.parametrize(("command", "code"), [("build", 0), ("list --nope", 2), ("list --rev nope", 3)])
def test_a_full_stderr_leaves_the_exit_code(catalog: Scratch, command: str, code: int, unbuffered: str) -> None:
    assert shell(catalog, f"catalog {command} 2>/dev/full", unbuffered).returncode == code


@BUFFERED
@pytest.mark.parametrize("command", ["list", "--version", "--help", "schema prompt", "list --format json"])
def test_a_reader_that_has_left_is_no_failure(catalog: Scratch, command: str, unbuffered: str) -> None:
    line = f"mkfifo left; exec 3<>left; exec 4>left; exec 3<&-; catalog {command} >&4"
    said = shell(catalog, line, unbuffered)
    assert (said.returncode, said.stderr) == (0, "")


@BUFFERED
def test_a_full_disk_under_the_result_is_said(catalog: Scratch, unbuffered: str) -> None:
    said = shell(catalog, "catalog schema prompt >/dev/full", unbuffered)
    assert (said.returncode, said.stderr.strip()) == (
        3, "error: the result could not be written: No space left on device",
    )  # fmt: skip


@BUFFERED
def test_a_result_that_is_taken_in_part_is_said(catalog: Scratch, unbuffered: str, tmp_path: Path) -> None:
    """The system takes the first kibibyte and then no more: without a buffer Python would not notice."""
    out = tmp_path / "schema.json"
    said = shell(catalog, f"ulimit -f 1; catalog schema prompt >{shlex.quote(str(out))}", unbuffered)
    assert (said.returncode, said.stderr.strip()) == (3, "error: the result could not be written: File too large")
    assert out.stat().st_size == 1024


@BUFFERED
def test_all_of_a_long_result_comes_through_a_slow_pipe(catalog: Scratch, unbuffered: str) -> None:
    whole = shell(catalog, "catalog schema prompt").stdout
    code = "import sys\nwhile part := sys.stdin.buffer.read1(512): sys.stdout.buffer.write(part)"
    slow = shell(catalog, f"catalog schema prompt | {shlex.join([sys.executable, '-c', code])}", unbuffered)
    assert len(whole) > 10_000
    assert slow.stdout == whole


def test_no_room_for_a_build_names_its_folder(catalog: Scratch) -> None:
    said = shell(catalog, "ulimit -f 8; catalog build --format json")
    document = json.loads(said.stdout)
    assert (said.returncode, document["status"], document["error"]["kind"]) == (3, "error", "internal")
    assert document["error"]["message"].startswith("--out dist: ")
    assert "report it" not in said.stderr
