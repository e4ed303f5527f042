"""From a name that telemetry shows to the catalog's skill: a table, made once from the catalog.

A project's skill reports its folder's name, a plugin's ``plugin:name``. Some forms follow from where a
skill lies: one nested below a folder of a monorepo is ``folder:name``, one that was synced from an account
has that account's prefix, and one that the repository's marketplace hands out has its plugin's there. A name
that the catalog states itself wins over one that is only derived.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from catalog_tool.usage.agent_telemetry import REDACTED, SYNC_PREFIXES
from catalog_tool.usage.listed import ListedSkill
from catalog_tool.usage.marketplaces import PluginId
from catalog_tool.usage.plugin_hash import HASH_MARK, plugin_id_hash

_AGENT_FOLDER = ".claude/skills"


def derived_names(skill: ListedSkill) -> Iterator[str]:
    """Forms under which a skill may be shown beside its telemetry names: nested, synced, of a plugin."""
    folder = skill.path.rpartition("/")[2] or skill.key
    above = skill.path.removesuffix(f"/{folder}")
    if above.endswith(f"/{_AGENT_FOLDER}"):
        nest = above.removesuffix(f"/{_AGENT_FOLDER}")
        yield f"{nest}:{folder}"
    if ":" not in skill.key:
        yield from (f"{prefix}:{skill.key}" for prefix in SYNC_PREFIXES)
    yield from dict.fromkeys(f"{found.plugin}:{folder}" for found in skill.plugins)


class Resolver:
    """Finds the skills of a name: none, one, or several that cannot be told apart."""

    def __init__(self, skills: Iterable[ListedSkill], marketplaces: Mapping[str, Iterable[str]]) -> None:
        stated: dict[str, list[ListedSkill]] = {}
        derived: dict[str, list[ListedSkill]] = {}
        self._hashes: dict[str, list[ListedSkill]] = {}
        for skill in skills:
            for name in dict.fromkeys(skill.telemetry_names):
                stated.setdefault(name, []).append(skill)
            for name in dict.fromkeys(derived_names(skill)):
                derived.setdefault(name, []).append(skill)
            for digest in _plugin_hashes(skill, marketplaces):
                self._hashes.setdefault(digest, []).append(skill)
        self._names = {**derived, **stated}

    @property
    def names(self) -> Mapping[str, Sequence[ListedSkill]]:
        """Every name of the catalog, stated or derived, with the skills that it may stand for."""
        return self._names

    def find(self, name: str) -> list[ListedSkill]:
        """The skills that may have reported under ``name``; a hidden name is opened by its plugin's hash."""
        hidden, mark, digest = name.partition(HASH_MARK)
        if mark and hidden in REDACTED:
            return self._hashes.get(digest, [])
        return self._names.get(name, [])

    def skill_of(self, name: str) -> Hashable:
        """The identity of the one skill that ``name`` can stand for, else the name itself."""
        found = self.find(name)
        return found[0].identity if len(found) == 1 else name


def _plugin_hashes(skill: ListedSkill, marketplaces: Mapping[str, Iterable[str]]) -> set[str]:
    """Every hash that a skill's plugin may be told by: by the repository's marketplaces, and by those heard of."""
    plugin, mark, _ = skill.key.partition(":")
    known = {PluginId(plugin, market) for market in ("", *marketplaces.get(plugin, ()))} if mark else set()
    return {plugin_id_hash(*found) for found in known | set(skill.plugins)}


def is_hidden(name: str) -> bool:
    """Whether a name stands in for one that the agent does not tell."""
    return name.partition(HASH_MARK)[0] in REDACTED
