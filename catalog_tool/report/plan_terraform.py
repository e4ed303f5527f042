"""Plans as GitLab's merge-request widget for Terraform reads them: three counts ("Terraform reports")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog_tool.report.json_document import json_document

_UPDATES = ("update", "label", "adopt")


def plan_terraform(plans: Iterable[Mapping[str, Any]]) -> str:
    """The sum over the documents of ``plan``; one that is an error counts nothing."""
    counts = {"create": 0, "update": 0, "delete": 0}
    for plan in plans:
        summary = plan.get("summary", {})
        counts["create"] += summary.get("create", 0)
        counts["delete"] += summary.get("delete", 0)
        counts["update"] += sum(summary.get(kind, 0) for kind in _UPDATES)
    return json_document(counts)
