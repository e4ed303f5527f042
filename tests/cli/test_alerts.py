"""``catalog alerts``: two files, where they are asked for, and no secret where it can be read."""

from __future__ import annotations

import stat
from typing import Any

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import load_schema

WATCH = (
    "labels:\n  production: {protected: true, watch: {min_samples: 77}}\n  staging: {}\n  canary: {protected: true}\n"
)
SECRET = "https://hooks.slack.example/T0/B0/s3cret"
SLACK = {"CATALOG_ALERTS_SLACK_URL": SECRET}


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    gated.start(scratch)
    scratch.write("catalog.yaml", WATCH)
    return scratch


def document(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, (answer.out, answer.err)
    found: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("alerts-output")).validate(found)
    return found


def test_the_rules_are_printed_and_nothing_is_written(catalog: Scratch) -> None:
    before = sorted(path.name for path in catalog.root.iterdir())
    answer = catalog.run("alerts", env=SLACK)
    assert answer.code == 0
    assert "catalog-production" in answer.out
    assert ">= 77" in answer.out
    assert SECRET not in answer.out + answer.err
    found = document(catalog.run("alerts", "--format", "json", env=SLACK))
    assert {alert["label"] for alert in found["alerts"]} == {"production", "canary"}
    assert sorted(path.name for path in catalog.root.iterdir()) == before


def test_both_files_and_the_one_with_a_secret_is_for_nobody_else(catalog: Scratch) -> None:
    found = document(catalog.run("alerts", "--out", "monitoring", "--format", "json", env=SLACK))
    assert found["files"] == ["monitoring/catalog-alerts.rules.yml", "monitoring/alertmanager.yml"]
    assert found["receivers"] == ["slack"]
    config = catalog.root / "monitoring/alertmanager.yml"
    assert SECRET in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert catalog.run("alerts", "--out", "monitoring").code == 0  # ours are written again
    assert sorted(path.name for path in config.parent.iterdir()) == ["alertmanager.yml", "catalog-alerts.rules.yml"]


def test_a_file_of_somebody_else_stays(catalog: Scratch) -> None:
    theirs = catalog.write("monitoring/alertmanager.yml", "route: {}\n")
    answer = catalog.run("alerts", "--out", "monitoring")
    assert (answer.code, "not ours to overwrite" in answer.err) == (2, True)
    assert theirs.read_text() == "route: {}\n"
    assert not (theirs.parent / "catalog-alerts.rules.yml").exists()


def test_nothing_to_alert_on(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", "")
    answer = catalog.run("alerts")
    assert (answer.code, "no label is protected or watched" in answer.err) == (2, True)
