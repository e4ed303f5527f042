"""What the first fetch and the first rendering load: hashing, JSON and templates.

An application that imports the client pays for these when it asks for a prompt, not when it starts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from catalog_tool.client.last_good import LastGood
    from catalog_tool.client.prompt import Prompt, Surroundings
    from catalog_tool.client.samples import Samples, SampleSettings
    from catalog_tool.client.sources.base import Answer
    from catalog_tool.client.status import Counters
    from catalog_tool.client.verify import Held
    from catalog_tool.client.wanted import Wanted
    from catalog_tool.template import CompiledPrompt


def wanted(name: object, label: object, version: object, *, keyed: bool) -> Wanted:
    """``arguments.wanted``."""
    found: Wanted = import_module("catalog_tool.client.arguments").wanted(name, label, version, keyed=keyed)
    return found


def verified(answer: Answer, wanted: Wanted, around: Surroundings) -> Held:
    """``verify.verified``."""
    held: Held = import_module("catalog_tool.client.verify").verified(answer, wanted, around)
    return held


def fallback_prompt(name: str, fallback: Any, around: Surroundings) -> Prompt:
    """``verify.fallback_prompt``."""
    prompt: Prompt = import_module("catalog_tool.client.verify").fallback_prompt(name, fallback, around)
    return prompt


def last_good(folder: str | os.PathLike[str] | None, place: tuple[str, ...], counters: Counters) -> LastGood:
    """``last_good.LastGood``."""
    disk: LastGood = import_module("catalog_tool.client.last_good").LastGood(folder, place, counters)
    return disk


def samples(setting: SampleSettings, counters: Counters) -> Samples:
    """``samples.Samples``."""
    made: Samples = import_module("catalog_tool.client.samples").Samples(setting, counters)
    return made


def compiled(parts: Mapping[str, Any]) -> CompiledPrompt:
    """``template.compile_prompt``."""
    found: CompiledPrompt = import_module("catalog_tool.template").compile_prompt(parts)
    return found
