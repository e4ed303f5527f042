"""The configured targets that cannot hold everything, without connecting to any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from catalog_tool.backends.fitness import declared, problems
from catalog_tool.model.addresses import parse_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.settings import TARGET_DEFAULTS, Settings
from catalog_tool.source.globs import globs_matcher


class Limited(NamedTuple):
    """A configured target that cannot hold everything, with its settings and what its kind declares."""

    name: str
    settings: Mapping[str, Any]
    capabilities: Capabilities

    @property
    def prefix(self) -> str:
        """What stands before every name there; of one from the environment nothing is known."""
        text = str(self.settings.get("prefix") or "")
        return "" if text.startswith("${") else text

    def __str__(self) -> str:
        return f"the target `{self.name}` ({self.capabilities.backend})"

    def problems(self, address: str, entry: bytes) -> Iterator[str]:
        """Everything that keeps an object from being stored there."""
        return problems(self.capabilities, address, entry, self.prefix)


def limited_targets(settings: Settings) -> list[Limited]:
    """The targets that need a look at what the catalog holds."""
    found = []
    for name, target in sorted(settings.targets.items()):
        capabilities = declared(str(target.get("backend")))
        if capabilities is not None:
            if target.get("prefix") and not capabilities.skills_below_prefix:
                capabilities = replace(capabilities, skills=False)
            found.append(Limited(name, {**TARGET_DEFAULTS, **target}, capabilities))
    return found


def unfit_versions(settings: Settings, versions: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """Address and a sentence for each version (address, entry) that a configured target gets and cannot hold."""
    targets = [(target, globs_matcher(target.settings["include"])) for target in limited_targets(settings)]
    for address, entry in versions if targets else ():
        for target, is_included in targets:
            if is_included(parse_address(address).name):
                yield from ((address, f"{target} {why}") for why in target.problems(address, entry))
