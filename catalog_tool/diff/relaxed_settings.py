"""``catalog.yaml`` before and after: by what a change is no longer judged, beside gates and what belongs to a label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.diff.changes import MODIFIED, TEST, Change, Detail, detail
from catalog_tool.diff.messages import text_detail
from catalog_tool.diff.relaxed_rules import relaxed_rules
from catalog_tool.diff.schema import compare_schemas
from catalog_tool.diff.sides import TreeSide
from catalog_tool.model.settings import SETTINGS_FILE

_PROFILES = ("upload", "portable", "claude-code")
"""From the strictest: unknown fields are errors; they only warn; the agent's own are known, and errors warn."""
_EDITS = ("block", "pull", "report")
_PLACES = 3
"""Places of a schema that a sentence names."""
_PATHS = ("/rules/", "/schemas/", "/targets/", "/skill_profile")
"""How the path of each such detail begins."""


def relaxed_settings(base: TreeSide, head: TreeSide, today: str) -> Iterator[Change]:
    """One change with a detail for each setting that asks for less now; none where none does.

    ``today`` (``YYYY-MM-DD``) decides which rules hold.
    """
    found = (
        *relaxed_rules(base.settings.rules, head.settings.rules, today),
        *_profile(base.settings.skill_profile, head.settings.skill_profile),
        *_schemas(base, head),
        *_targets(base.settings.targets, head.settings.targets),
    )
    if found:
        yield Change("rules", TEST, MODIFIED, None, None, found, file=SETTINGS_FILE)


def is_about_settings(change: Change) -> bool:
    """Whether it is what ``relaxed_settings`` found."""
    return change.kind == TEST and any(item.path.startswith(_PATHS) for item in change.details)


def _profile(old: str, new: str) -> Iterator[Detail]:
    if _is_looser(_PROFILES, old, new):
        message = f"skills are read as `{new}` now, which refuses less than `{old}`"
        yield detail("test-weakened", "/skill_profile", old, new, message)


def _is_looser(order: tuple[str, ...], old: str, new: str) -> bool:
    return old in order and new in order and order.index(new) > order.index(old)


def _schemas(base: TreeSide, head: TreeSide) -> Iterator[Detail]:
    """Schemas of the team's own that went or accept more, by what they say, whatever file they stand in."""
    for kind, old in sorted(base.files.team_schemas.items()):
        path, new = f"/schemas/{kind}", head.files.team_schemas.get(kind)
        if kind not in head.settings.schemas:
            yield detail(
                "test-weakened", path, old, None, f"the team's schema for a {kind} went: nothing is held to it"
            )
        elif new is None:
            yield detail("test-weakened", path, old, None, f"the team's schema for a {kind} cannot be used now")
        elif wider := _wider(old, new):
            where = ", ".join(f"`{place}`" for place in wider[:_PLACES]) + ", …" * (len(wider) > _PLACES)
            message = f"the team's schema for a {kind} accepts more now, or nobody can tell: {where}"
            text = text_detail(path, _laid_out(old), _laid_out(new), "").text
            yield detail("test-weakened", path, old, new, message, text=text)


def _wider(old: Any, new: Any) -> list[str]:
    """Where values may be accepted that were not, as pointers: what widens an output breaks who reads it."""
    changes = compare_schemas(old, new, side="output")
    return list(dict.fromkeys(change.path or "/" for change in changes if change.contract == "major"))


def _laid_out(schema: Any) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _targets(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[Detail]:
    for name, before in sorted(old.items()):
        after = new.get(name)
        if after is None:
            message = f"the target `{name}` went: nobody is told of edits there"
            yield detail("test-weakened", f"/targets/{name}", None, None, message, op="removed")
        elif _is_looser(_EDITS, str(before["edits"]), str(after["edits"])):
            was, now = before["edits"], after["edits"]
            message = f"edits on the target `{name}` are under `{now}` now, they were under `{was}`"
            yield detail("test-weakened", f"/targets/{name}/edits", was, now, message)
