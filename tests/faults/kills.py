"""SIGKILL while publishing, at a random moment: nothing torn, nothing acknowledged lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.model.target import Lease
from catalog_tool.sync.conformance.samples import put_label, put_version

PUBLISHER = Path(__file__).with_name("publisher.py")
LATEST_SECONDS = 0.06
CHECKER = Lease("checker", "checker", "host", 1, 1)


def kill_publishers(
    backend: Backend, kind: str, options: Mapping[str, Any], trials: int, *, latest: float = LATEST_SECONDS
) -> None:
    """Kill one publisher after the other within ``latest`` seconds, and look at what each one left."""
    chooser = random.Random(31)
    command = [sys.executable, str(PUBLISHER), kind, json.dumps(options)]
    acknowledged = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as publisher:
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        for trial in range(trials):
            publisher.stdin.write(f"{trial}\n")
            publisher.stdin.flush()
            first = {publisher.stdout.readline().strip() for _ in range(2)}
            [pid] = [int(line.split()[1]) for line in first if line.startswith("pid")]
            assert "begun" in first
            time.sleep(chooser.uniform(0, latest))  # the moment of the kill is what is on trial
            os.kill(pid, signal.SIGKILL)
            acks = 0
            while (line := publisher.stdout.readline().strip()) != "dead":
                assert line == f"ack v{acks + 1}"
                acks += 1
            acknowledged += acks
            _assert_whole(backend, trial, acks)
        publisher.stdin.close()
    assert acknowledged > trials / 2
    assert verify(backend.events()) is None
    generations = backend.generations()
    found = {item.address: item.entry for item in backend.scan()}
    assert len(found) == sum(generations.values()) + len(generations)
    assert set(backend.load().inventory) == set(found)


def _assert_whole(backend: Backend, trial: int, acks: int) -> None:
    """What was acknowledged is there, at most one step more, and the label points to the last of it."""
    # The dead writer's transaction ends before ours begins.
    held = backend.load().lease
    assert backend.take_lease(CHECKER, instead_of=held and held.token).token == CHECKER.token
    name = f"trial{trial}"
    steps = backend.generations().get(name, 0)
    assert steps in (acks, acks + 1)
    wanted = [put_version(name, f"v{number}", f"v{number}") for number in range(1, steps + 2)]
    found = {item.address: item.entry for item in backend.scan({write.address for write in wanted})}
    assert found == {write.address: write.entry for write in wanted[:steps]}
    label = put_label(f"v{steps}", name=name)
    assert [item.entry for item in backend.scan({label.address})] == ([label.entry] if steps else [])
