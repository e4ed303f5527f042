"""Runs commands one by one, each in a child of its own, on a terminal or on pipes, and tells what came out.

Run as a program in the folder of a catalog: ``python command_runner.py pty|pipe``. Arguments come in as one
JSON list a line; one JSON document a line goes out: the exit code (a negative number: a signal) and the output.
The command line is imported once, so that a thousand commands take seconds.
"""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import sys
import termios

from catalog_tool.cli.main import COMMANDS, cli, run

SECONDS = 60


def _child(arguments: list[str], out: int) -> None:
    """Become the command: its output goes to ``out``."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.alarm(SECONDS)
    try:
        run(arguments)
    except SystemExit as stop:
        os._exit(stop.code if isinstance(stop.code, int) else 1)
    except BaseException as error:  # noqa: BLE001 - whatever gets here is the bug that is looked for
        os.write(2, f"Traceback: {type(error).__name__}: {error}".encode("utf-8", "backslashreplace"))
        os._exit(70)


def output_of(arguments: list[str], *, terminal: bool) -> tuple[int, bytes]:
    """Run one command; its exit code and all that it wrote."""
    reading, writing = pty.openpty() if terminal else os.pipe()
    if terminal:
        modes = termios.tcgetattr(writing)
        modes[1] &= ~termios.OPOST  # what the command writes is what is read
        termios.tcsetattr(writing, termios.TCSANOW, modes)
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(arguments, writing)
    os.close(writing)
    chunks = []
    while select.select([reading], [], [], SECONDS)[0]:
        try:
            chunk = os.read(reading, 65536)
        except OSError:  # how a terminal says that nobody writes any more
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), b"".join(chunks)


def main() -> None:
    """Answer every line."""
    for name in COMMANDS:  # import what the commands need before, not in, each child
        cli.get_command(cli.make_context("catalog", [name, "--help"], resilient_parsing=True), name)
    for line in sys.stdin:
        code, out = output_of(json.loads(line), terminal=sys.argv[1] == "pty")
        sys.stdout.write(json.dumps([code, out.decode("utf-8", "surrogateescape")]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
