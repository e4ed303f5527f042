"""From ``catalog.yaml`` to an open target: settings, environment, and where credentials may go."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.backends.base import Backend
from catalog_tool.backends.fitness import fitness, rendering
from catalog_tool.backends.registry import connect
from catalog_tool.errors import UsageError
from catalog_tool.model.settings import TARGET_DEFAULTS, Settings
from catalog_tool.source.root import SETTINGS_FILE, Place
from catalog_tool.sync.known_places import check_place
from catalog_tool.sync.plan import Destination, LabelRules

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_OURS = frozenset({*TARGET_DEFAULTS, "backend"})


class OpenTarget(NamedTuple):
    """A configured target, connected. ``settings`` are its own with ``${ENV}`` replaced."""

    name: str
    settings: Mapping[str, Any]
    backend: Backend
    destination: Destination


def target_names(settings: Settings) -> list[str]:
    """Every configured target. Raises ``UsageError`` where there is none."""
    if not settings.targets:
        raise UsageError("no target is configured", hint=f"add one under `targets:` in {SETTINGS_FILE}")
    return sorted(settings.targets)


def open_target(place: Place, settings: Settings, name: str, *, moved: bool = False) -> OpenTarget:
    """Connect to a target. Raises ``UsageError`` as ``expanded_settings`` does, and for a missing extra."""
    expanded = expanded_settings(settings, name, moved=moved)
    options = {key: value for key, value in expanded.items() if key not in _OURS}
    if isinstance(options.get("path"), str):
        options["path"] = str(Path(place.root, options["path"]))
    backend = connect(str(expanded["backend"]), options)
    holds = fitness(backend.capabilities, str(expanded.get("prefix") or ""))
    rules = LabelRules.of(settings.labels)
    known = backend.capabilities
    destination = Destination(
        name, backend.place(), rules, holds, known.labels_go_with_version, rendering(known)
    )  # fmt: skip
    return OpenTarget(name, expanded, backend, destination)


def expanded_settings(settings: Settings, name: str, *, moved: bool = False) -> dict[str, Any]:
    """A target's settings with ``${ENV}`` replaced; its credentials may go where they say, and are known there now.

    ``moved``: its server has a new address, and the credentials may be used there (``known_places``). Raises
    ``UsageError`` for a target that is none, a variable that is not set, credentials that are another server's.
    """
    if name not in settings.targets:
        known = target_names(settings)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"configured: {', '.join(known)}"
        raise UsageError(f"there is no target {name!r}", hint=hint)
    if settings.catalog is None:
        hint = f"write for example `catalog: acme-prompts` in {SETTINGS_FILE}, and never change it again"
        raise UsageError("a catalog needs an id before anything is synced", hint=hint)
    expanded = {key: _expanded(name, key, value) for key, value in settings.targets[name].items()}
    check_place(settings.catalog, name, expanded, moved=moved)
    return expanded


def _expanded(target: str, key: str, value: Any) -> Any:
    """A value that is ``${NAME}`` as a whole, from the environment; a backend is named in errors, and never is."""
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) and key != "backend" else None
    if found is None:
        return value
    text = os.environ.get(found[1])
    if not text:
        raise UsageError(f"{key} of the target {target} is ${{{found[1]}}}, which is not set in the environment")
    return text
