"""SIGKILL at any moment of ``rollback --live``: the label is on one version, and the next try does what is left."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from contextlib import closing

import gated
from scratch import COMMAND, Scratch
from soak import SOAK

KILLS = 100 if SOAK else 3
LONGEST_SECONDS = 0.8
BACK = ("rollback", gated.ID, "--label", "production", "--live", "local", "--reason", "killed")
BRANCH = f"catalog/rollback/{gated.ID}@production"
SETTINGS = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: .catalog/local.db}\n"


def live_moves(scratch: Scratch) -> tuple[str, int]:
    with closing(sqlite3.connect(scratch.root / ".catalog/local.db")) as connection:
        (value,) = connection.execute("SELECT value FROM label WHERE label = 'production'").fetchone()
        query = "SELECT count(*) FROM label_event WHERE label = 'production' AND reason = 'killed'"
        return str(value), int(connection.execute(query).fetchone()[0])


def promote(scratch: Scratch, value: str) -> None:
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", f"production: {value}"))
    scratch.commit(f"production: {value}")
    assert scratch.run("sync", "local").code == 0


def test_killed_at_any_moment(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.write("catalog.yaml", SETTINGS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("v2")
    chance = random.Random(7)
    for number in range(1, KILLS + 1):
        promote(scratch, "v3")
        running = subprocess.Popen(
            [*COMMAND, *BACK], cwd=scratch.root, env=scratch.command.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.1, LONGEST_SECONDS))
        running.kill()
        running.wait()
        assert live_moves(scratch) in (('"v3"', number - 1), ('"v2"', number))
        again = scratch.run(*BACK)
        assert again.code == 0, again
        assert live_moves(scratch) == ('"v2"', number)
        scratch.git("merge", "--quiet", "--ff-only", BRANCH)
        scratch.git("branch", "--quiet", "--delete", BRANCH)
        assert scratch.run("sync", "local").code == 0
        assert scratch.run("status", "local", "--format", "json").json()["targets"]["local"]["overrides"] == []
