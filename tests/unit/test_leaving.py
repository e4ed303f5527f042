"""How a command ends: at once, yet with its exit handlers, its output, and whoever still works for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scratch import CatalogCommand

_RUN = "import sys; sys.argv = ['catalog', {argument!r}]\nfrom catalog_tool.cli.main import run\nrun()\n"
_LAST = "class Last:\n    def __del__(self): print('freed')\nlast = Last()\n"
_HANDLER = "import atexit; atexit.register(print, 'handler')\n"
_WORKER = """
import threading
def work():
    threading.main_thread().join()
    print('worker')
threading.Thread(target=work).start()
"""
_INTERRUPTED = """
import catalog_tool.cli.main as command_line
def version(*_):
    raise KeyboardInterrupt
command_line.cli.params[-1].callback = version
"""
_WATCHED = "import sys; sys.setprofile(slice)\n"  # anything that takes three arguments and holds nothing


def ended(program: str, *options: str, argument: str = "--version") -> tuple[int, list[str]]:
    """Exit code and lines of a Python program that ends as a command."""
    command = [sys.executable, *options, "-c", program + _RUN.format(argument=argument)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_a_command_frees_nothing_that_the_system_frees_anyway() -> None:
    code, lines = ended(_LAST)
    assert (code, lines[0].startswith("catalog, version"), lines[1:]) == (0, True, [])


def test_exit_handlers_run() -> None:
    assert ended(_HANDLER)[1][1:] == ["handler"]


def test_threads_are_waited_for() -> None:
    assert ended(_LAST + _WORKER)[1][1:] == ["worker", "freed"]


def test_threads_are_not_waited_for_after_an_interruption() -> None:
    assert ended(_INTERRUPTED + _WORKER) == (130, [])


@pytest.mark.parametrize(("program", "options"), [(_WATCHED + _LAST, ()), (_LAST, ("-X", "dev"))])
def test_whoever_watches_sees_the_end(program: str, options: tuple[str, ...]) -> None:
    assert ended(program, *options)[1][1:] == ["freed"]


def test_the_exit_code_is_kept() -> None:
    assert ended("", argument="--no-such-option")[0] == 2


def test_a_damaged_installation_is_not_an_interruption(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    """A compiled module that is cut off: click would take it for a person who ends the input."""
    compiled = {"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    assert catalog_command("list", "--help", env=compiled).code == 0
    module = next((tmp_path / "compiled").rglob("list_artifacts.*.pyc"))
    module.write_bytes(module.read_bytes()[:100])
    said = catalog_command("list", "--help", env=compiled)
    assert (said.code, said.err.split("\n")[1]) == (3, "error: EOFError: marshal data too short")
