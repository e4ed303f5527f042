"""Ctrl-C before a command has begun: exit code 130 and one word, never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import pytest
from scratch import SECONDS, CatalogCommand

INTERRUPTED_AT = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
from catalog_tool.cli.main import run
run(["list"])
"""

HEARD = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""What runs the tests may ignore the signal, and a process inherits that."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize(
    "module", ["typing", "click", "click.types", "catalog_tool.errors", "catalog_tool.cli.context"]
)
def test_an_interrupt_while_loading(catalog_command: CatalogCommand, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", INTERRUPTED_AT.format(module=module)],
        env=dict(catalog_command.environment),
        preexec_fn=HEARD,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")


def test_the_usual_handler_is_back_once_loaded(catalog_command: CatalogCommand) -> None:
    code = "import signal, catalog_tool.cli.main; print(signal.getsignal(2) is signal.default_int_handler)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=dict(catalog_command.environment), preexec_fn=HEARD,
        capture_output=True, text=True, check=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.stdout == "True\n"
    assert signal.SIGINT == 2
