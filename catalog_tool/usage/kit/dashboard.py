"""The dashboard "Skill Catalog Management", made from the catalog."""

from __future__ import annotations

import json
from collections.abc import Sequence

from catalog_tool import semconv
from catalog_tool.usage.kit.listing import Entry
from catalog_tool.usage.kit.panels import PROMETHEUS, Json, laid_out
from catalog_tool.usage.kit.prompt_panels import prompt_section
from catalog_tool.usage.kit.prompt_rules import NAME, counter
from catalog_tool.usage.kit.series import CALLS
from catalog_tool.usage.kit.skill_panels import skill_sections

TITLE, UID = "Skill Catalog Management", "skill-catalog-management"
SCHEMA_VERSION = 41
"""Of Grafana 12's dashboards; newer ones read it."""
_SOURCES = {
    "prometheus": ("Counters", "prometheus", "catalog-prometheus"),
    "loki": ("Events", "loki", "catalog-loki"),
    "listing": ("Embedded catalog", "grafana-testdata-datasource", "catalog-listing"),
}
"""Variable → its label, the kind of data source, and the one that the kit provisions."""


def dashboard(entries: Sequence[Entry], stale_days: int) -> str:
    """The dashboard as JSON. The same catalog gives the same text."""
    document: Json = {
        "uid": UID,
        "title": TITLE,
        "description": "Which skills of the catalog are used, what they cost, and how prompt versions do.",
        "tags": ["skills", "prompts"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-30d", "to": "now"},
        "refresh": "5m",
        "templating": {"list": _variables(stale_days)},
        "annotations": {"list": []},
        "links": [],
        "panels": laid_out([*skill_sections(entries), prompt_section()]),
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _variables(stale_days: int) -> list[Json]:
    windows = sorted({7, 14, 30, 60, 90, stale_days})
    options: list[Json] = [
        {"text": f"{days}d", "value": f"{days}d", "selected": days == stale_days} for days in windows
    ]
    chosen = {"text": f"{stale_days}d", "value": f"{stale_days}d", "selected": True}
    stale: Json = {
        "name": "stale_after", "label": "Stale after", "type": "custom", "hide": 0, "multi": False,
        "includeAll": False, "query": ",".join(f"{days}d" for days in windows), "current": chosen,
        "options": options,
    }  # fmt: skip
    prompts = counter(semconv.REQUESTS)
    return [
        *(_source(name, *held) for name, held in _SOURCES.items()),
        stale,
        _values("skill", "Skill", f"label_values({CALLS}, skill_name)"),
        _values("prompt", "Prompt", f"label_values({prompts}, {NAME})"),
    ]


def _source(name: str, label: str, kind: str, uid: str) -> Json:
    return {
        "name": name, "label": label, "type": "datasource", "query": kind, "hide": 0, "multi": False,
        "includeAll": False, "regex": "", "options": [], "refresh": 1,
        "current": {"text": uid, "value": uid, "selected": True},
    }  # fmt: skip


def _values(name: str, label: str, query: str) -> Json:
    return {
        "name": name, "label": label, "type": "query", "datasource": PROMETHEUS, "hide": 0,
        "query": {"query": query, "refId": name}, "multi": True, "includeAll": True, "allValue": ".*", "refresh": 2,
        "regex": "", "sort": 1, "options": [], "current": {"text": "All", "value": "$__all", "selected": True},
    }  # fmt: skip
