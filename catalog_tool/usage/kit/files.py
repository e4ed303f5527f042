"""All files of the telemetry kit: those of ``files/`` as they stand there, and those that are made from the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from catalog_tool.usage.kit.dashboard import UID, dashboard
from catalog_tool.usage.kit.listing import Entry, listing_rules
from catalog_tool.usage.kit.prompt_rules import prompt_rules
from catalog_tool.usage.kit.skill_rules import skill_rules

DASHBOARD = f"grafana/dashboards/{UID}.json"
LISTING_RULES = "prometheus/rules/catalog.yml"
_FOLDER = Path(__file__).resolve().parent / "files"
_WRITTEN = {
    "README.md": "readme.md",
    "compose.yaml": "compose.yaml",
    ".env.example": "env.example",
    "collector/config.yaml": "collector.yaml",
    "loki/config.yaml": "loki.yaml",
    "prometheus/prometheus.yml": "prometheus.yml",
    "prometheus/targets/applications.yml": "targets.yml",
    "grafana/provisioning/datasources/catalog.yaml": "datasources.yaml",
    "grafana/provisioning/dashboards/catalog.yaml": "dashboards.yaml",
    "alertmanager/alertmanager.yml": "alertmanager.yml",
}
"""Where a file goes, and its name here."""


class KitFile(NamedTuple):
    """A file of the kit: its path from the kit's folder, with ``/``, and its text (line ends LF)."""

    path: str
    text: str


def kit_files(entries: Sequence[Entry], stale_days: int) -> list[KitFile]:
    """The whole kit, sorted by path. ``stale_days``: unused for so long is stale."""
    files = [KitFile(path, (_FOLDER / name).read_text(encoding="utf-8")) for path, name in _WRITTEN.items()]
    files.append(KitFile("prometheus/rules/skills.yml", skill_rules(stale_days)))
    files.append(KitFile("prometheus/rules/prompts.yml", prompt_rules()))
    return sorted([*files, *listing_files(entries, stale_days)])


def listing_files(entries: Sequence[Entry], stale_days: int) -> list[KitFile]:
    """The files that hold the catalog's list: the dashboard and one rule file."""
    return [
        KitFile(DASHBOARD, dashboard(entries, stale_days)),
        KitFile(LISTING_RULES, listing_rules(entries)),
    ]
