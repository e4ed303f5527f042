"""From a name that telemetry shows to the catalog's skill: a table, made once from the catalog.

A project's skill reports its folder's name, a plugin's ``plugin:name``. Some forms follow from where a
skill lies: one nested below a folder of a monorepo is ``folder:name``, one that was synced from an account
has that account's prefix. A name that the catalog states itself wins over one that is only derived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from catalog_tool.usage.agent_telemetry import REDACTED, SYNC_PREFIXES
from catalog_tool.usage.listed import ListedSkill
from catalog_tool.usage.plugin_hash import HASH_MARK, plugin_id_hash

_AGENT_FOLDER = ".claude/skills"


def derived_names(skill: ListedSkill) -> Iterator[str]:
    """Forms under which a skill may be shown beside its telemetry names: nested and synced."""
    folder = skill.path.rpartition("/")[2] or skill.key
    above = skill.path.removesuffix(f"/{folder}")
    if above.endswith(f"/{_AGENT_FOLDER}"):
        nest = above.removesuffix(f"/{_AGENT_FOLDER}")
        yield f"{nest}:{folder}"
    if ":" not in skill.key:
        yield from (f"{prefix}:{skill.key}" for prefix in SYNC_PREFIXES)


class Resolver:
    """Finds the skills of a name: none, one, or several that cannot be told apart."""

    def __init__(self, skills: Iterable[ListedSkill], marketplaces: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[str, list[ListedSkill]] = {}
        self._plugins: dict[str, list[ListedSkill]] = {}
        known = list(skills)
        for skill in known:
            for name in dict.fromkeys(skill.telemetry_names):
                self._names.setdefault(name, []).append(skill)
            if ":" in skill.key:
                self._plugins.setdefault(skill.key.partition(":")[0], []).append(skill)
        derived: dict[str, list[ListedSkill]] = {}
        for skill in known:
            for name in derived_names(skill):
                derived.setdefault(name, []).append(skill)
        self._names = {**derived, **self._names}
        self._hashes = {
            plugin_id_hash(plugin, marketplace): plugin
            for plugin in self._plugins
            for marketplace in ("", *marketplaces.get(plugin, ()))
        }

    def find(self, name: str) -> list[ListedSkill]:
        """The skills that may have reported under ``name``; a hidden name is opened by its plugin's hash."""
        hidden, mark, digest = name.partition(HASH_MARK)
        if mark and hidden in REDACTED:
            plugin = self._hashes.get(digest)
            return self._plugins[plugin] if plugin is not None else []
        return self._names.get(name, [])


def is_hidden(name: str) -> bool:
    """Whether a name stands in for one that the agent does not tell."""
    return name.partition(HASH_MARK)[0] in REDACTED
