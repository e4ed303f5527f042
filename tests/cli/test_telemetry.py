"""``catalog telemetry`` as its users run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

SKILL = "---\nname: {name}\ndescription: {name} does what its name says.\n---\n# {name}\n"
DASHBOARD = "kit/grafana/dashboards/skill-catalog-management.json"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write("catalog.yaml", "format: 1\n")
    for name in ("pdf", "zip"):
        scratch.write(f"skills/{name}/SKILL.md", SKILL.format(name=name))
    return scratch


def test_init_writes_a_stack_and_says_what_next(catalog: Scratch) -> None:
    before = {path for path in catalog.root.rglob("*") if ".git" not in path.parts}
    got = catalog.run("telemetry", "init", "kit")
    assert (got.code, got.err) == (0, "")
    assert "docker compose up -d" in got.out
    written = {path for path in catalog.root.rglob("*") if ".git" not in path.parts} - before
    assert all(path.is_relative_to(catalog.root / "kit") for path in written)
    assert "pdf" in (catalog.root / DASHBOARD).read_text(encoding="utf-8")
    again = catalog.run("telemetry", "init", "kit")
    assert (again.code, again.out) == (0, "kit has everything already.\n")


def test_dashboard_brings_the_list_up_to_date(catalog: Scratch) -> None:
    catalog.run("telemetry", "init", "kit", "--stale-after", "7d")
    catalog.write("skills/tar/SKILL.md", SKILL.format(name="tar"))
    got = catalog.run("telemetry", "dashboard", "kit", "--format", "json")
    document = got.json()
    assert (got.code, document["status"], len(document["updated"])) == (0, "ok", 2)
    assert SchemaEngine(load_schema("telemetry-output")).errors(document) == []
    text = (catalog.root / DASHBOARD).read_text(encoding="utf-8")
    assert "tar,tar" in text
    variables = json.loads(text)["templating"]["list"]
    assert next(item for item in variables if item["name"] == "stale_after")["current"]["value"] == "7d"


def test_names_are_those_of_usage_also_of_a_built_catalog(catalog: Scratch) -> None:
    market = {"name": "ours", "plugins": [{"name": "toolbox", "source": "./"}]}
    catalog.write(".claude-plugin/marketplace.json", json.dumps(market))
    catalog.run("telemetry", "init", "kit")
    rules = (catalog.root / "kit/prometheus/rules/catalog.yml").read_text(encoding="utf-8")
    assert "skill_name: toolbox:pdf\n          skill: pdf\n" in rules
    assert catalog.run("build", "--out", "dist").code == 0
    got = catalog.run("telemetry", "dashboard", "kit", "--catalog", "dist/skills-catalog.json")
    assert (got.code, got.out) == (0, "kit has everything already.\n")


def test_what_was_changed_by_hand_is_left_alone(catalog: Scratch) -> None:
    catalog.run("telemetry", "init", "kit")
    catalog.write(DASHBOARD, "{}\n")
    got = catalog.run("telemetry", "dashboard", "kit")
    assert got.code == 1
    assert "left alone" in got.out
    assert (catalog.root / DASHBOARD).read_text(encoding="utf-8") == "{}\n"
    document = catalog.run("telemetry", "init", "kit", "--format", "json").json()
    assert (document["status"], document["kept"]) == ("kept", [DASHBOARD.removeprefix("kit/")])
    assert SchemaEngine(load_schema("telemetry-output")).errors(document) == []
    assert catalog.run("telemetry", "dashboard", "kit", "--overwrite").code == 0
    assert "pdf" in (catalog.root / DASHBOARD).read_text(encoding="utf-8")


def test_the_dashboard_alone_goes_to_stdout_and_from_a_built_catalog(catalog: Scratch) -> None:
    catalog.commit("Skills")
    assert catalog.run("build").code == 0
    got = catalog.run("telemetry", "dashboard")
    assert json.loads(got.out)["title"] == "Skill Catalog Management"
    assert catalog.run("telemetry", "dashboard", "--catalog", "dist/skills-catalog.json").out == got.out
    assert not (catalog.root / "grafana").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ("dashboard", "nothing"), ("init", "kit", "--stale-after", "12h"), ("init", "kit", "--stale-after", "90d"),
        ("init", "kit", "--stale-after", "soon"), ("init", "catalog.yaml"), ("init", "kit", "--catalog", "missing"), (),
        ("destroy",), ("init",),
    ],
)  # fmt: skip
def test_wrong_usage(catalog: Scratch, asked: tuple[str, ...]) -> None:
    got = catalog.run("telemetry", *asked)
    assert got.code == 2
    assert "Traceback" not in got.err
    assert not (catalog.root / "kit").exists()


def test_hostile_text_does_nothing(catalog: Scratch) -> None:
    evil = "\x1b]52;c;AAAA\x07\n::error::x ##[group]\u202e"
    catalog.write(
        "skills/zip/SKILL.md",
        SKILL.format(name="zip").replace("---\n#", f"metadata:\n  owner: {json.dumps(evil)}\n---\n#"),
    )
    for output in ("text", "json"):
        got = catalog.run("telemetry", "init", f"kit {evil}", "--format", output, env={"GITHUB_ACTIONS": "true"})
        assert got.code == 0
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", got.out)
        assert not re.search(r"^\s*::|##\[", got.out, re.MULTILINE)
    made = catalog.root / f"kit {evil}"
    for path in ("grafana/dashboards/skill-catalog-management.json", "prometheus/rules/catalog.yml"):
        assert (made / path).read_text(encoding="utf-8").isascii()


def test_help_has_examples(catalog: Scratch) -> None:
    for asked in (("telemetry",), ("telemetry", "init"), ("telemetry", "dashboard")):
        got = catalog.run(*asked, "--help")
        assert (got.code, "Examples:" in got.out) == (0, True)
        assert Path("kit").name not in got.err
