"""Publishes versions and moves a label to each, one write a step, until somebody kills it; says what was acknowledged.

``python publisher.py BACKEND OPTIONS`` answers each line on stdin, a trial's number, with a forked
process that publishes prompt ``trialN``; ``python publisher.py BACKEND OPTIONS COUNT`` publishes so
many steps itself. Lines on stdout: ``pid``, ``begun``, ``ack vN``, ``dead``.
"""

from __future__ import annotations

import json
import os
import sys

from catalog_tool.backends.base import Backend
from catalog_tool.backends.registry import connect
from catalog_tool.model.target import DONE, Lease, Run
from catalog_tool.sync.conformance.samples import put_label, put_version

STEPS = 10_000


def say(line: str) -> None:
    """One whole line, at once."""
    os.write(1, f"{line}\n".encode())


def publish(backend: Backend, trial: int, steps: int) -> None:
    """Publish v1, v2, … of the trial's prompt; each with its label in one write."""
    name, token = f"trial{trial}", f"token{trial}"
    held = backend.load().lease
    taken = backend.take_lease(Lease(token, "publisher", "host", os.getpid(), 1), instead_of=held and held.token)
    assert taken.token == token
    run = Run(token, "publisher", f"trial {trial}", 1_760_000_000)
    say("begun")
    for number in range(1, steps + 1):
        version, before = f"v{number}", f"v{number - 1}" if number > 1 else None
        steps_done = backend.write(
            [put_version(name, version, version), put_label(version, name=name, seen=before)], run
        )
        assert [found.outcome for found in steps_done] == [DONE, DONE]
        say(f"ack {version}")


def main(kind: str, options: str, *count: str) -> None:
    settings = json.loads(options)
    if count:
        publish(connect(kind, settings), 0, int(count[0]))
        return
    connect(kind, settings).close()  # imports the driver once, before the forks
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            say(f"pid {os.getpid()}")  # by the child: on a busy machine its first steps may be done before we run on
            publish(connect(kind, settings), int(line), STEPS)
            os._exit(0)
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main(*sys.argv[1:])
