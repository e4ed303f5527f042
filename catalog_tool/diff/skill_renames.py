"""Which skill that came is one that went, under another name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial

from catalog_tool.diff.pairing import Pairing, Told, last_part
from catalog_tool.diff.skill_files import Skill

Skills = Mapping[str, Skill]


def skill_renames(gone: Skills, come: Skills) -> Pairing:
    """Skills that went with the name that they have now, both sides by key.

    The same bytes are the surest, then the same body, then the most words in common.
    """
    found = Pairing(gone, come)
    for stamps in _SAME:
        found.by_stamps(partial(_of, stamps, gone), partial(_of, stamps, come))
    found.by_words(partial(_told, gone), partial(_told, come))
    return found


def _of(stamps: Callable[[Skill], list[Hashable]], skills: Skills, key: str) -> list[Hashable]:
    return stamps(skills[key])


def _said(skill: Skill) -> str:
    return str((skill.front or {}).get("description"))


_SAME: tuple[Callable[[Skill], list[Hashable]], ...] = (
    lambda skill: [(skill.digest, last_part(skill.key))],
    lambda skill: [skill.digest],
    lambda skill: [(skill.body, _said(skill))] if skill.body else [],
    lambda skill: [skill.body] if skill.body else [],
)
"""What only skills that are one have in common, the surest first."""


def _told(skills: Skills, key: str) -> Told:
    return Told(skills[key].body, _said(skills[key]))
