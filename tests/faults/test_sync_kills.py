"""``catalog sync`` killed or cancelled at any moment: the target stays whole, and the next run completes it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from client_trials import trials
from scratch import COMMAND, SECONDS, Answer, Scratch

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.registry import connect
from catalog_tool.sync.conformance.engine import assert_labels_resolve

PROMPTS = 150
BACKENDS = ("sqlite", "file")
SETTINGS = """\
catalog: acme
targets:
  live: {{backend: {backend}, path: live}}
"""
PROMPT = "id: p{number}\nversion: v{version}\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Answer {number} {text}.\n"


@pytest.fixture(params=BACKENDS)
def moving(request: pytest.FixtureRequest, scratch: Scratch) -> Scratch:
    """A catalog with two states: the second has a version more of each prompt, and all labels moved to it."""
    scratch.write_all({"catalog.yaml": SETTINGS.format(backend=request.param), ".gitignore": "live*\n"})
    for version in (1, 2):
        scratch.write_all(
            {
                f"prompts/p{number}/v{version}.yaml": PROMPT.format(number=number, version=version, text="x" * 500)
                for number in range(PROMPTS)
            }
        )
        labels = "".join(f"p{number}: {{production: v{version}}}\n" for number in range(PROMPTS))
        scratch.write("prompts/registry.yaml", labels)
        scratch.commit()
        scratch.git("tag", f"state{version}")
    return scratch


def started(catalog: Scratch, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "sync", "live", "--format", "json", *arguments],
        cwd=catalog.root,
        env=dict(catalog.command.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def syncing(catalog: Scratch, revision: str) -> dict[str, Any]:
    answer: Answer = catalog.run(
        "sync", "live", "--rev", revision, "--prune", "--allow", f"deletes={PROMPTS}", "--allow", "older",
        "--allow", f"updates={PROMPTS}", "--format", "json",
    )  # fmt: skip
    assert answer.code == 0, answer
    found: dict[str, Any] = answer.json()
    return found


def opened(catalog: Scratch) -> Backend:
    kind = json.dumps((catalog.root / "catalog.yaml").read_text()).partition("backend: ")[2].partition(",")[0]
    return connect(kind, {"path": str(catalog.root / "live")})


def assert_whole(backend: Backend) -> None:
    assert_labels_resolve(backend)
    assert verify(backend.events()) is None


def spans(catalog: Scratch) -> float:
    """How long one whole sync takes here, seconds."""
    begun = time.monotonic()
    syncing(catalog, "state1")
    return time.monotonic() - begun


def test_killed_at_any_moment(moving: Scratch) -> None:
    chooser = random.Random(18)
    span = spans(moving)
    backend = opened(moving)
    wanted = {revision: syncing(moving, revision)["bundle"] for revision in ("state1", "state2")}
    assert wanted["state1"] != wanted["state2"]
    cut = 0
    for trial in range(trials(300) // len(BACKENDS)):
        revision = ("state1", "state2")[trial % 2]
        process = started(
            moving, "--rev", revision, "--prune", "--allow", f"deletes={PROMPTS}", "--allow", "older",
            "--allow", f"updates={PROMPTS}",
        )  # fmt: skip
        time.sleep(chooser.uniform(span * 0.3, span))  # the moment of the kill is what is on trial
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SECONDS)
        cut += process.returncode == -signal.SIGKILL
        assert_whole(backend)
    assert cut > 0
    assert syncing(moving, "state2")["status"] in ("done", "unchanged")
    assert syncing(moving, "state2")["status"] == "unchanged"
    assert len(list(backend.scan())) == 3 * PROMPTS
    left = [path.name for path in Path(moving.root).iterdir() if "tmp" in path.name]
    assert left == []


def test_cancelled_as_a_job_is(moving: Scratch) -> None:
    chooser = random.Random(27)
    span = spans(moving)
    backend = opened(moving)
    syncing(moving, "state1")
    for trial in range(trials(200) // len(BACKENDS)):
        revision = ("state2", "state1")[trial % 2]
        process = started(
            moving, "--rev", revision, "--prune", "--allow", f"deletes={PROMPTS}", "--allow", "older",
            "--allow", f"updates={PROMPTS}",
        )  # fmt: skip
        time.sleep(chooser.uniform(span * 0.2, span))  # the moment of the signal is what is on trial
        os.kill(process.pid, signal.SIGTERM)
        out, said = process.communicate(timeout=10)
        assert process.returncode in (0, 130, -signal.SIGTERM), process.returncode
        if process.returncode == 130:  # between two steps, or while it only looked
            assert (json.loads(out)["status"] == "partial") if out else said.endswith(b"interrupted\n")
        held = backend.load().lease
        assert held is None or process.returncode == -signal.SIGTERM
        assert_whole(backend)
    assert syncing(moving, "state2")["status"] in ("done", "unchanged")
