"""Recorded renderings of a version's golden cases: ``prompts/ID/tests/v2.snap``, one JSON document.

They show in a review what a change to a shared part, a case or the engine does to what a model gets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import UsageError
from catalog_tool.evals.level_zero import Rendering, Snapshots
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.resolve import OpenCatalog
from catalog_tool.source.strict_json import read_json
from catalog_tool.source.tree import EXECUTABLE, FILE

SUFFIX = ".snap"


def snapshot_path(prompts: str, version: PromptVersion) -> str:
    """Where the renderings of a version stand, from the catalog's root; ``prompts`` is the folder of the settings."""
    return f"{prompts}/{version.id}/tests/{version.version}{SUFFIX}"


def read_snapshots(catalog: OpenCatalog, version: PromptVersion) -> Snapshots | None:
    """The recorded renderings, None where there are none. Raises ``UsageError`` for a file that is damaged."""
    path = snapshot_path(catalog.files.settings.prompts, version)
    entry = catalog.files.entries.get(path)
    if entry is None or entry.mode not in (FILE, EXECUTABLE):
        return None
    content = next(iter(catalog.tree.read({path: entry}, BUNDLE_BYTES)))
    read = None if content.data is None else read_json(content.data.decode("utf-8", "replace"))
    cases = read.value.get("cases") if read and not read.refused and isinstance(read.value, dict) else None
    if not isinstance(cases, dict):
        raise UsageError(f"{path} holds no recorded renderings", hint="delete it, and record with --update-snapshots")
    return cases


def snapshot_bytes(renderings: Iterable[Rendering]) -> bytes:
    """The file: keys sorted, two spaces, so that a diff shows what changed."""
    cases: dict[str, Any] = {each.case.name: each.messages for each in renderings if each.messages is not None}
    plain = json.loads(canonical_bytes({"format": 1, "cases": cases}))
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()
