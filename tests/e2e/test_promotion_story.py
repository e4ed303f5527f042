"""A promotion from beginning to end: denied, then by steps, then rolled back by what Prometheus saw, then git again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import gated
import prometheus_server
import pytest
from jsonschema import Draft202012Validator
from prometheus_server import Series
from scratch import Scratch
from traffic import STEP, Traffic

from catalog_tool.canonical.jcs import version_id
from catalog_tool.source.schemas import load_schema

HOUR = 3600
SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: .catalog/local.db}
labels:
  production:
    protected: true
    gate:
      after: {label: staging, for: 30m}
      rollout:
        - {weight: 5, for: 1h}
        - {weight: 25, for: 1h, fresh: true}
        - {weight: 100}
    watch:
      window: 10m
      min_samples: 100
      rules:
        error_rate: {max_increase: 0.05}
        latency: {max_ratio: 2}
"""
BRANCH = f"catalog/rollback/{gated.ID}@production"
LABEL = f"labels/{gated.ID}@production"
WORSE = tuple(f"case {number}" for number in range(5))


class Story:
    """The catalog, and a clock that the story sets: it begins five hours ago.

    The target's own clock is the machine's: its labels move ``now``, and what Prometheus saw of that lies after it.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.now = int(time.time())
        self.errors_began = self.now + 600
        self.at = self.now - 5 * HOUR
        scratch.write("catalog.yaml", SETTINGS)
        scratch.write(".gitignore", ".catalog/\n")
        for number in (1, 2, 3, 4):
            text = f"id: {gated.ID}\nversion: v{number}\nmodel: gpt-4o\nsystem_prompt: Text {number}.\n"
            scratch.write(f"prompts/{gated.ID}/v{number}.yaml", text)
        self.registry("v2", staging="v3")
        self.record("v2")
        self.commit("Start")

    def run(self, *arguments: str, code: int = 0, prometheus: str | None = None) -> dict[str, Any]:
        env = {"SOURCE_DATE_EPOCH": str(self.at), **({"CATALOG_PROMETHEUS_URL": prometheus} if prometheus else {})}
        answer = self.scratch.run(*arguments, "--format", "json", env=env)
        assert answer.code == code, (arguments, answer.out, answer.err)
        found: dict[str, Any] = answer.json()
        return found

    def registry(self, production: str, staging: str) -> None:
        self.scratch.write(gated.REGISTRY, f"{gated.ID}:\n  staging: {staging}\n  production: {production}   # live\n")

    def commit(self, message: str) -> None:
        self.scratch.commit(message, when=datetime.fromtimestamp(self.at, UTC).isoformat())

    def record(self, version: str, lost: tuple[str, ...] = ()) -> None:
        made = gated.evidence(self.scratch, version, gated.cases(failed=lost))
        gated.record(self.scratch, replace(made, started_at=self.at - 60, finished_at=self.at))

    def promote(self, version: str, code: int = 0) -> dict[str, Any]:
        return self.run("promote", gated.ID, version, "--label", "production", code=code)

    def live(self) -> Any:
        with closing(sqlite3.connect(self.scratch.root / ".catalog/local.db")) as connection:
            return connection.execute("SELECT value FROM label WHERE label = 'production'").fetchone()[0]

    def moves(self) -> int:
        with closing(sqlite3.connect(self.scratch.root / ".catalog/local.db")) as connection:
            query = "SELECT count(*) FROM label_event WHERE label = 'production'"
            return int(connection.execute(query).fetchone()[0])

    def state(self) -> tuple[str, str]:
        found = self.run("drift", "local")["targets"]["local"]
        states = {item["object"]: item["state"] for item in found["objects"]}
        return found["status"], states.get(LABEL, "in_sync")

    def watch(self, prometheus: str, *more: str, code: int = 0) -> dict[str, Any]:
        found = self.run("watch", "local", *more, code=code, prometheus=prometheus)
        Draft202012Validator(load_schema("watch-output")).validate(found)
        return found

    def version_id(self, version: str) -> str:
        return version_id(version, gated.digest_of(self.scratch, version))


@pytest.fixture
def story(scratch: Scratch) -> Story:
    return Story(scratch)


@pytest.fixture
def prometheus(story: Story) -> Iterator[str]:
    """v2 does well until now; v4 does well for ten minutes, then a fifth of its calls fail."""
    if (package := prometheus_server.missing()) is not None:
        pytest.skip(f"NO PROMETHEUS ON THIS MACHINE: install {package}; the story of a rollback was not told")
    now = story.now
    old = Traffic(story.version_id("v2"), now - HOUR, now + 60, 3660, error_share=0.01)
    new = Traffic(story.version_id("v4"), now, now + 1800, 3600)
    series = [*old.series(), *new.series()]
    requests = next(one for one in series if one.labels["prompt_version_id"] == new.version_id)
    failing = [(at, (at - story.errors_began) * 0.5) for at in range(story.errors_began, now + 1800, STEP)]
    series.append(Series(requests.metric, {**requests.labels, "status": "error"}, failing))
    with prometheus_server.running(series) as url:
        yield url


def test_the_story(story: Story, prometheus: str) -> None:
    assert story.run("sync", "local")["status"] == "done"
    # v3 is worse: the gate denies and names the cases, by the command and by the back door
    story.at += HOUR
    story.record("v3", lost=WORSE)
    denied = story.promote("v3", code=1)
    assert denied["status"] == "deny"
    said = " ".join(reason["message"] for reason in denied["decisions"][0]["reasons"])
    assert all(case in said for case in WORSE)
    story.registry("v3", staging="v3")
    story.commit("Merged by somebody who may")
    blocked = story.run("sync", "local", code=1)
    assert (blocked["status"], story.live()) == ("partial", '"v2"')
    assert "denies support_agent@v3: regressions" in blocked["blocked"][0]["reason"]
    # v4 is better: promoted step by step, each step after its time and with evidence of its own
    story.registry("v2", staging="v4")
    story.record("v4")
    story.commit("v4 on trial")
    assert story.promote("v4", code=1)["status"] == "deny"  # not long enough under staging
    for weight, live in ((5, '[{"version":"v2","weight":95},'), (25, '[{"version":"v2","weight":75},'), (100, '"v4"')):
        story.at += HOUR
        story.record("v4")
        promoted = story.promote("v4")
        assert promoted["status"] == "done", promoted
        story.commit(f"production: v4 at {weight} %")
        assert story.run("sync", "local")["status"] == "done"
        assert story.live().startswith(live)
        if weight < 100:
            assert story.promote("v4", code=1)["status"] == "deny"  # too soon for the next
    moves = story.moves()
    # all is well: the first ten minutes
    story.at = story.errors_began
    assert story.watch(prometheus, "--act")["status"] == "healthy"
    # the error rate rises: seen in the next round, first without acting
    story.at = story.errors_began + 300
    seen = story.watch(prometheus, code=1)
    assert (seen["status"], story.live()) == ("breach", '"v4"')
    done = story.watch(prometheus, "--act", code=1)
    (label,) = done["labels"]
    assert (label["status"], label["stable"], label["rollback"]["to"]) == ("rolled_back", story.version_id("v2"), "v2")
    (check,) = [check for check in label["checks"] if check["outcome"] == "breach"]
    assert (check["rule"], check["version_id"]) == ("error_rate", story.version_id("v4"))
    assert (story.live(), story.moves()) == ('"v2"', moves + 1)
    # once only: the next rounds, and a sync, leave it alone
    for _ in range(2):
        assert story.watch(prometheus, "--act")["status"] == "override"
    assert story.run("sync", "local")["status"] == "unchanged"
    assert (story.state(), story.moves()) == (("in_sync", "override"), moves + 1)
    # the commit brings git along
    message = story.scratch.git("log", "-1", "--format=%B", BRANCH)
    assert "error_rate" in message
    story.scratch.git("merge", "--quiet", "--ff-only", BRANCH)
    assert story.state() == ("in_sync", "converged")
    assert story.run("sync", "local")["status"] == "done"
    assert (story.state(), story.live(), story.moves()) == (("in_sync", "in_sync"), '"v2"', moves + 1)
    # forward again is a promotion like any other: from the first step
    story.at += HOUR
    story.record("v4")
    assert story.promote("v4")["to"] == [{"version": "v2", "weight": 95}, {"version": "v4", "weight": 5}]
