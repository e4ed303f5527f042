"""The manual's page on telemetry says what the kit does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import catalog_tool
from catalog_tool.usage.kit.files import kit_files
from catalog_tool.usage.kit.listing import LISTED
from catalog_tool.usage.kit.panels import NOT_REPORTED
from catalog_tool.usage.kit.prompt_rules import ERRORS, FEW, SLOW, SPIKE, TOOLS, WORSE
from catalog_tool.usage.kit.series import FOLDED, LAST_CALL
from catalog_tool.usage.kit.skill_rules import FAILING, FAILING_RESULTS, SPIKE_DOLLARS
from catalog_tool.usage.kit.skill_rules import SPIKE as SKILL_SPIKE

from .promtool import ENTRIES

PAGE = (Path(catalog_tool.__file__).parent / "docs/telemetry.md").read_text(encoding="utf-8")
FILES = {file.path: file.text for file in kit_files(ENTRIES, 30)}
GROUPS = [group for path, text in FILES.items() if "/rules/" in path for group in yaml.safe_load(text)["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"]]


def rows(heading: str) -> dict[str, str]:
    """The table below a heading: the first column's code to the second column."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def test_every_file_is_listed_and_what_it_is_made_from() -> None:
    listed = rows("Files")
    assert sorted(listed) == sorted(FILES)
    other = {file.path: file.text for file in kit_files(ENTRIES[:1], 7)}
    changed = {path for path in FILES if FILES[path] != other[path]}
    assert {path for path, made in listed.items() if made != "as it stands"} == changed


def test_every_series_is_named() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    named = set(re.findall(r"`((?:skill|tool|prompt|prompt_version):[a-z0-9_:]+|catalog_skill_listed)`", PAGE))
    assert named == recorded
    told = {name: tuple(re.findall(r"`([a-z_]+)`", labels)) for name, labels in rows("Totals").items()}
    assert told == {name: tuple(labels.split(", ")) for name, (_, labels) in FOLDED.items()} | {
        LAST_CALL: ("skill_name",)
    }
    assert LISTED in PAGE


def test_every_alert_is_named_with_its_threshold() -> None:
    alerts = rows("Alerts")
    assert sorted(alerts) == sorted(rule["alert"] for rule in RULES if "alert" in rule)
    numbers = {
        "PromptErrors": (percent(ERRORS), str(FEW)),
        "PromptToolsFail": (percent(TOOLS),),
        "PromptScoreDrop": (percent(WORSE), f"{FEW} in the hour"),
        "PromptFeedbackDrop": (percent(WORSE), f"{FEW} in the hour"),
        "SkillCostSpike": (f"{SPIKE_DOLLARS} dollars",),
    }
    for name, texts in numbers.items():
        assert all(text in alerts[name] for text in texts), name
    assert (SLOW, SPIKE, SKILL_SPIKE, FAILING, FAILING_RESULTS) == (2, 3, 3, 0.5, 4)  # twice, three times, half, four


def test_ports_are_those_of_the_stack() -> None:
    services = yaml.safe_load(FILES["compose.yaml"])["services"].values()
    open_here = {port.split(":")[-2] for service in services for port in service["ports"]}
    assert set(re.findall(r"^\| ([0-9]+)(?:, ([0-9]+))? \|", PAGE, re.MULTILINE)) == {
        ("3001", ""), ("9090", ""), ("3100", ""), ("4317", "4318"), ("9093", ""),
    }  # fmt: skip
    assert open_here == {"3001", "9090", "3100", "4317", "4318", "9093"}


def test_words_of_the_dashboard() -> None:
    assert f"`{NOT_REPORTED}`" in PAGE
    assert "Skill Catalog Management" in PAGE
