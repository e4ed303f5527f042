"""``catalog watch`` on a real Prometheus: splits, two at once, round after round, and on Postgres."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import gated
import prometheus_server
import psycopg
import pytest
from jsonschema import Draft202012Validator
from postgres_server import PostgresServer
from scratch import COMMAND, Answer, Scratch
from traffic import Traffic

from catalog_tool.canonical.jcs import version_id
from catalog_tool.source.schemas import load_schema

pytest_plugins = ["services"]

SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: .catalog/local.db}
  pg: {backend: postgres, url: '${PG_URL}'}
labels:
  production: {protected: true, watch: {rules: {error_rate: {max_increase: 0.05}}}}
"""
LABEL = f"labels/{gated.ID}@production"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """``production`` is a split: v2 for most, v3 for a quarter."""
    gated.start(scratch)
    scratch.write("catalog.yaml", SETTINGS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("v2")
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: {v2: 75, v3: 25}"))
    scratch.commit("a quarter")
    return scratch


class Seen(NamedTuple):
    """A Prometheus, and the clock of whoever asks it: a quarter of an hour after the label moves in a test."""

    url: str
    later: Mapping[str, str]


@pytest.fixture
def prometheus(catalog: Scratch) -> Iterator[Seen]:
    """Of v3's calls a third fails, from now on."""
    if (package := prometheus_server.missing()) is not None:
        pytest.skip(f"NO PROMETHEUS ON THIS MACHINE: install {package}; catalog watch was not tested")
    now = int(time.time())
    ids = {name: version_id(name, gated.digest_of(catalog, name)) for name in ("v2", "v3")}
    traffic = (Traffic(ids["v2"], now, now + 900, 3000), Traffic(ids["v3"], now, now + 900, 1000, error_share=0.33))
    with prometheus_server.running([series for one in traffic for series in one.series()]) as url:
        yield Seen(url, {"SOURCE_DATE_EPOCH": str(now + 900)})


def watch(catalog: Scratch, prometheus: Seen, *more: str, target: str = "local", **env: str) -> Answer:
    return catalog.run(
        "watch", target, "--prometheus", prometheus.url, *more, "--format", "json", env={**prometheus.later, **env}
    )


def document(answer: Answer, code: int) -> dict[str, Any]:
    assert answer.code == code, (answer.out, answer.err)
    found: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("watch-output")).validate(found)
    return found


def live(catalog: Scratch, target: str = "local", **env: str) -> tuple[str, Any]:
    found = catalog.run("drift", target, "--format", "json", env=env).json()["targets"][target]
    states = {one["object"]: (one["state"], one["actual"]) for one in found["objects"]}
    return states.get(LABEL, ("in_sync", None))


def test_a_split_goes_back_to_its_stable_version(catalog: Scratch, prometheus: Seen) -> None:
    assert catalog.run("sync", "local").code == 0
    seen = document(watch(catalog, prometheus), 1)
    assert (seen["status"], live(catalog)) == ("breach", ("in_sync", None))
    (check,) = seen["labels"][0]["checks"]
    assert (check["outcome"], check["limit"]) == ("breach", 0.05)
    assert 0.3 < check["value"] < 0.36
    catalog.git("branch", f"catalog/rollback/{gated.ID}@production")  # somebody's own work: not in the way
    done = document(watch(catalog, prometheus, "--act"), 1)
    assert (done["status"], done["labels"][0]["rollback"]["to"]) == ("rolled_back", "v2")
    assert live(catalog) == ("override", "v2")
    assert "production: v2 " in catalog.git("show", f"{done['labels'][0]['rollback']['branch']}:{gated.REGISTRY}")
    said = catalog.run("watch", "local", "--prometheus", prometheus.url, "--act", env=prometheus.later)
    assert (said.code, "rolled back before, until git catches up" in said.out) == (0, True)


def test_two_at_once_move_it_once(catalog: Scratch, prometheus: Seen) -> None:
    assert catalog.run("sync", "local").code == 0
    command = [*COMMAND, "watch", "local", "--prometheus", prometheus.url, "--act", "--format", "json"]
    env = {**catalog.command.environment, **prometheus.later}
    both = [
        subprocess.Popen(command, cwd=catalog.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [(one.communicate(timeout=100), one.returncode) for one in both]
    codes = sorted(code for _, code in answers)
    assert codes in ([0, 1], [1, 1], [1, 3]), answers  # the other: before, at the same time, or it found it moved
    moves = catalog.git("rev-list", "--count", f"main..catalog/rollback/{gated.ID}@production")
    assert (moves, live(catalog)) == ("1", ("override", "v2"))
    reasons = json.dumps(catalog.run("status", "local", "--format", "json").json()["targets"]["local"]["overrides"])
    assert reasons.count("error_rate") == 1


def test_round_after_round_until_it_is_stopped(catalog: Scratch, prometheus: Seen) -> None:
    assert catalog.run("sync", "local").code == 0
    arguments = ["watch", "local", "--prometheus", prometheus.url, "--act", "--interval", "1s", "--format", "json"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=catalog.root, env={**catalog.command.environment, **prometheus.later},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        statuses = [json.loads(running.stdout.readline())["status"] for _ in range(3)]
        running.send_signal(signal.SIGTERM)
        running.stdout.read()
        assert running.wait(timeout=60) == 130
    assert statuses == ["rolled_back", "override", "override"]


def test_on_postgres_by_the_same_words(catalog: Scratch, prometheus: Seen, postgres_server: PostgresServer) -> None:
    with postgres_server.database() as name:
        env = {"PG_URL": postgres_server.url(name)}
        assert catalog.run("sync", "pg", env=env).code == 0
        done = document(watch(catalog, prometheus, "--act", target="pg", **env), 1)
        assert done["status"] == "rolled_back"
        assert live(catalog, "pg", **env) == ("override", "v2")
        with psycopg.connect(env["PG_URL"], options="-c search_path=catalog") as connection:
            events = connection.execute("SELECT reason FROM label_event WHERE label = 'production' ORDER BY seq")
            assert [row[0].split()[0] for row in events.fetchall()] == ["sync", "watch:"]
        catalog.git("merge", "--quiet", "--ff-only", f"catalog/rollback/{gated.ID}@production")
        assert live(catalog, "pg", **env) == ("converged", "v2")
        assert catalog.run("sync", "pg", env=env).code == 0
        assert live(catalog, "pg", **env) == ("in_sync", None)
