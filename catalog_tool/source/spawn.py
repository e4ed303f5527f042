"""A program as a process, for those who run one or two and end: nothing is imported to start it.

``subprocess`` costs as much to import as ``git rev-parse`` costs to run. On Linux the system's own
``posix_spawnp`` does the same with three files: what is given, what is said, and what is complained
about. The last is a file in memory rather than a pipe, so that whoever reads the second never waits
for somebody to empty the third. Elsewhere ``subprocess`` does it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

_SIGKILL = 9


class Done(NamedTuple):
    """What a process left: its exit code, its output, its errors."""

    code: int
    out: bytes
    err: bytes


class Running(Protocol):
    """A process that was started. One of the two must be called, once."""

    def finish(self) -> Done:
        """Wait for its end."""

    def stop(self) -> None:
        """End it: its answer is not wanted any more."""


def spawn(command: Sequence[str], environment: Mapping[str, str], given: bytes = b"") -> Running:
    """Start a program that is looked up on the PATH, with ``given`` as its input.

    Raises ``FileNotFoundError`` where there is none.
    """
    if sys.platform == "linux":
        return _Spawned(command, environment, given)
    return Opened(command, environment, given)


class Opened:
    """A process as ``subprocess`` starts it, on every system."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], given: bytes) -> None:
        from subprocess import PIPE, Popen

        self._given = given
        self._process: Any = Popen(list(command), env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE)  # noqa: S603

    def finish(self) -> Done:
        """Wait for its end."""
        out, err = self._process.communicate(self._given)
        return Done(self._process.returncode, out, err)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


if sys.platform == "linux":

    class _Spawned:
        def __init__(self, command: Sequence[str], environment: Mapping[str, str], given: bytes) -> None:
            self._errors, source = os.memfd_create("errors"), os.memfd_create("given")
            self._reader, writer = os.pipe()
            actions = [(os.POSIX_SPAWN_DUP2, mine, its) for mine, its in ((source, 0), (writer, 1), (self._errors, 2))]
            try:
                os.write(source, given)
                os.lseek(source, 0, os.SEEK_SET)
                self._pid = os.posix_spawnp(command[0], list(command), dict(environment), file_actions=actions)
            except OSError:
                self._close()
                raise
            finally:
                os.close(writer)
                os.close(source)

        def finish(self) -> Done:
            try:
                out = self._output()
                code = self._reap()
                os.lseek(self._errors, 0, os.SEEK_SET)
                return Done(code, out, _rest_of(self._errors))
            finally:
                self._close()

        def _output(self) -> bytes:
            try:
                return _rest_of(self._reader)
            except KeyboardInterrupt:
                os.kill(self._pid, _SIGKILL)
                self._reap()
                raise

        def stop(self) -> None:
            os.kill(self._pid, _SIGKILL)
            self._reap()
            self._close()

        def _reap(self) -> int:
            return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

        def _close(self) -> None:
            os.close(self._reader)
            os.close(self._errors)


def _rest_of(descriptor: int) -> bytes:
    with open(descriptor, "rb", buffering=0, closefd=False) as stream:
        return stream.readall()
