"""The dashboard's form: against Grafana's published types and grammar, and against what people must find on it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import node_packages
import pytest

from catalog_tool.usage.kit.dashboard import dashboard
from catalog_tool.usage.kit.listing import Entry, entries_of
from catalog_tool.usage.listed import Listed, ListedSkill
from catalog_tool.usage.marketplaces import PluginId
from catalog_tool.usage.resolver import Resolver

from .promtool import ENTRIES
from .test_dashboard_queries import DASHBOARD, PANELS, resolved, targets

FORM = Path(__file__).parent / "npm" / "form"
KINDS = {
    "stat": "StatPanelCfg",
    "table": "TablePanelCfg",
    "timeseries": "TimeSeriesPanelCfg",
    "piechart": "PieChartPanelCfg",
    "bargauge": "BarGaugePanelCfg",
    "statetimeline": "StateTimelinePanelCfg",
    "logs": "LogsPanelCfg",
}
_PLAIN = """
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Some<T> = T extends object ? { [K in keyof T]?: Some<T[K]> } : T;
"""
"""JSON has no enums: a type whose enums are the texts that they stand for. ``Some``: Grafana fills in the rest."""


def test_every_query_of_events_is_logql() -> None:
    folder = node_packages.needed(FORM, "LogQL and the dashboard's types were not checked")
    queries = [resolved(target["expr"]).replace("$__auto", "1h") for _, target in targets("loki")]
    assert len(queries) >= 4
    asked = json.dumps([*queries, "sum(("])
    told = node_packages.run("node", str(FORM / "logql.mjs"), folder=folder, given=asked)
    *found, broken = json.loads(told)
    assert found == [[]] * len(queries)
    assert broken, "the grammar takes anything"


def test_the_dashboard_has_grafanas_types() -> None:
    folder = node_packages.needed(FORM, "LogQL and the dashboard's types were not checked")
    source = folder / f"dashboard-{os.getpid()}.ts"
    wrong = folder / f"wrong-{os.getpid()}.ts"
    try:
        source.write_text(typed(DASHBOARD), encoding="utf-8")
        compiled(source, folder)
        wrong.write_text(typed(DASHBOARD | {"graphTooltip": "shared"}), encoding="utf-8")
        with pytest.raises(AssertionError, match="DashboardCursorSync"):
            compiled(wrong, folder)
    finally:
        source.unlink(missing_ok=True)
        wrong.unlink(missing_ok=True)


def compiled(source: Path, folder: Path) -> None:
    flags = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext")
    program = str(folder / "node_modules/.bin/tsc")
    node_packages.run(program, *flags, "--types", "", str(source), folder=folder)


def typed(document: dict[str, Any]) -> str:
    """A program that only compiles if every part of the dashboard is of its published type."""
    query = "./node_modules/schema11/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen"
    lines = [
        "import type { Dashboard, GraphFieldConfig } from '@grafana/schema';",
        f"import type {{ LokiDataQuery }} from '{query}';",
    ]
    for kind, name in KINDS.items():
        path = f"@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}_types.gen"
        lines.append(f"import type {{ Options as {name} }} from '{path}';")
    lines += [_PLAIN, f"export const dashboard: Plain<Dashboard> = {json.dumps(document)};"]
    for panel in document["panels"]:
        if panel["type"] == "row":
            continue
        name, number = KINDS[panel["type"].replace("-", "")], panel["id"]
        lines.append(f"export const options{number}: Some<Plain<{name}>> = {json.dumps(panel['options'])};")
        if panel["type"] == "timeseries":
            custom = json.dumps(panel["fieldConfig"]["defaults"]["custom"])
            lines.append(f"export const custom{number}: Some<Plain<GraphFieldConfig>> = {custom};")
        for target in panel["targets"]:
            if target["datasource"]["type"] == "loki":
                text = json.dumps(target)
                lines.append(f"export const query{number}{target['refId']}: Some<Plain<LokiDataQuery>> = {text};")
    return "\n".join(lines) + "\n"


def sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "row":
            found[panel["title"]] = []
        else:
            found[list(found)[-1]].append(panel["title"])
    return found


def test_what_people_look_for_is_there() -> None:
    assert DASHBOARD["title"] == "Skill Catalog Management"
    found = sections()
    assert found["Catalog"][:5] == ["Catalog size", "Active", "Unlisted", "Invocations", "Failure rate"]
    assert found["Who is alive"] == ["Leaderboard", "Not used within the stale window", "Used, and in no catalog"]
    assert found["Cost and tokens"][:2] == ["Cost a day", "Tokens a day"]
    assert "Trigger mix" in found["Triggers and results"]
    assert {"Versions of skills", "Drift of targets"} <= set(found["Drift and versions"])
    assert len(found["Prompt versions"]) == 15


def test_panels_stand_beside_each_other_and_never_over_each_other() -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(taken.values()) == 1
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_money_and_tokens_have_scales_of_their_own() -> None:
    units = {title: PANELS[title]["fieldConfig"]["defaults"]["unit"] for title in ("Cost a day", "Tokens a day")}
    assert units == {"Cost a day": "currencyUSD", "Tokens a day": "short"}
    assert not [
        title for title, panel in PANELS.items() if panel["type"] == "timeseries" and panel["fieldConfig"]["overrides"]
    ]


def test_what_is_not_reported_is_not_0() -> None:
    silent = [
        title for title, panel in PANELS.items() if panel["fieldConfig"]["defaults"].get("noValue") in (None, "", "0")
    ]
    assert silent == []
    for title in ("Failure rate", "Failure rate by skill", "Tools that ran"):
        assert PANELS[title]["fieldConfig"]["defaults"]["noValue"] == "not reported"
    columns = {item["matcher"]["options"]: item for item in PANELS["Leaderboard"]["fieldConfig"]["overrides"]}
    shown = [
        item["value"][0]["options"]["result"]["text"]
        for item in columns["failure rate"]["properties"]
        if item["id"] == "mappings"
    ]
    assert shown == ["not reported"]
    assert "exit 1" in PANELS["Tools that ran"]["description"]
    assert "exit 1" in PANELS["Leaderboard"]["description"]


def test_every_data_source_is_a_variable() -> None:
    used = {panel["datasource"]["uid"] for panel in PANELS.values()} | {
        target["datasource"]["uid"] for panel in PANELS.values() for target in panel["targets"]
    }
    variables = {item["name"]: item for item in DASHBOARD["templating"]["list"]}
    sources = {f"${{{name}}}" for name, item in variables.items() if item["type"] == "datasource"}
    assert used == sources | {"-- Mixed --"}
    assert variables["stale_after"]["current"]["value"] == "30d"


def test_the_catalog_is_embedded_and_outer_joined() -> None:
    for title in ("Leaderboard", "Not used within the stale window", "Used, and in no catalog"):
        listing, *activity = PANELS[title]["targets"]
        assert listing["scenarioId"] == "csv_content"
        rows = list(csv.DictReader(io.StringIO(listing["csvContent"])))
        skills = [entry[:3] for entry in ENTRIES if entry.skill_name == entry.skill]
        assert [(row["skill_name"], row["skill"], row["owner"]) for row in rows] == skills
        assert len(activity) > 1, "a column alone is called Value, without its letter"
        assert all(target["format"] == "table" and target["instant"] for target in activity)
        assert PANELS[title]["transformations"][0] == {
            "id": "joinByField",
            "options": {"byField": "skill_name", "mode": "outer"},
        }
    (kept,) = [
        item for item in PANELS["Not used within the stale window"]["transformations"] if item["id"] == "filterByValue"
    ]
    assert [(found["fieldName"], found["config"]["id"]) for found in kept["options"]["filters"]] == [
        ("calls", "isNull"), ("skill", "isNotNull"),
    ]  # fmt: skip
    assert PANELS["Catalog size"]["targets"][0]["csvContent"] == "skills\n3\n"


def test_the_same_catalog_gives_the_same_text() -> None:
    assert dashboard(ENTRIES, 30) == dashboard(list(ENTRIES), 30)
    assert dashboard(ENTRIES, 30).isascii()


def test_a_skill_has_a_series_for_each_of_its_names_and_one_line() -> None:
    skill = ListedSkill(
        "pdf", ("pdf", "acme:pdf", "pdf"), "web/.claude/skills/pdf", ("team\na",), f"sha256:{'ab' * 32}",
        listing_tokens=7, plugins=(PluginId("toolbox", "market"),),
    )  # fmt: skip
    bare = ListedSkill("bare", ("bare",), "skills/bare", plugins=(PluginId("acme", "market"),))
    taken = ListedSkill("acme:bare", ("acme:bare",), "plugins/acme/skills/bare")
    entries = entries_of(Listed((skill, bare, taken), None))
    found = Entry("pdf", "pdf", "team\na", "sha256:abababababab", 7)
    assert entries == [
        Entry("acme:bare", "acme:bare", "", "", None), found._replace(skill_name="acme:pdf"),
        Entry("anthropic-skills:bare", "bare", "", "", None), found._replace(skill_name="anthropic-skills:pdf"),
        Entry("bare", "bare", "", "", None), found, found._replace(skill_name="toolbox:pdf"),
        found._replace(skill_name="web:pdf"),
    ]  # fmt: skip
    assert {entry.skill_name for entry in entries} == set(Resolver((skill, bare, taken), {}).names)
    panels = {panel["title"]: panel for panel in json.loads(dashboard(entries, 30))["panels"]}
    assert panels["Catalog size"]["targets"][0]["csvContent"] == "skills\n3\n"
    assert panels["Leaderboard"]["targets"][0]["csvContent"].splitlines()[1:] == [
        "acme:bare,acme:bare,,,", "pdf,pdf,team a,sha256:abababababab,7", "bare,bare,,,",
    ]  # fmt: skip
