"""``catalog usage --format csv``: one line a row, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from catalog_tool.report.escape import for_terminal
from catalog_tool.usage.result import UsageResult

COLUMNS = (
    "skill", "telemetry_name", "status", "reason", "owners", "activations", "sessions", "first_seen", "last_seen",
    "typed", "proactive", "nested", "cost_usd", "cost_per_call_usd", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_creation_tokens", "results_reported", "results_failed", "listing_tokens",
    "first_commit_at", "shared_activations", "shared_cost_usd",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def usage_csv(result: UsageResult) -> str:
    """RFC 4180 but for the line ends, which are LF. Empty: not known.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in result.rows:
        writer.writerow([_cell(value) for value in _values(row.to_json(result.window))])
    return out.getvalue()


def _values(row: dict[str, Any]) -> list[Any]:
    triggers, tokens, results = row["triggers"], row["tokens"], row["results"] or {}
    adoption = row["adoption"] or {}
    return [
        row["skill"], row["telemetry_name"], row["status"], row["reason"], " ".join(row["owners"]), row["activations"],
        row["sessions"], row["first_seen"], row["last_seen"], triggers.get("user-slash", 0),
        triggers.get("claude-proactive", 0), triggers.get("nested-skill", 0), row["cost_usd"], row["cost_per_call_usd"],
        tokens.get("input"), tokens.get("output"), tokens.get("cacheRead"), tokens.get("cacheCreation"),
        results.get("reported"), results.get("failed"), row["listing_tokens"], adoption.get("since"),
        row["shared_activations"], row["shared_cost_usd"],
    ]  # fmt: skip


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"'{for_terminal(value)}" if value.startswith(_FORMULA) else for_terminal(value)
