"""Addresses of what a target holds: ``prompts/ID@vN``, ``labels/ID@LABEL``, ``skills/NAME`` (design §8)."""

from __future__ import annotations

from typing import NamedTuple

VERSION = "prompts"
LABEL = "labels"
SKILL = "skills"
KINDS = (VERSION, LABEL, SKILL)


class Address(NamedTuple):
    """An address taken apart: ``part`` is the version or the label, empty for a skill."""

    kind: str
    name: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}@{self.part}" if self.part else f"{self.kind}/{self.name}"


def version_address(name: str, version: str) -> str:
    """The address of a prompt version."""
    return f"{VERSION}/{name}@{version}"


def label_address(name: str, label: str) -> str:
    """The address of a prompt's label."""
    return f"{LABEL}/{name}@{label}"


def skill_address(key: str) -> str:
    """The address of a skill, by its key."""
    return f"{SKILL}/{key}"


def parse_address(text: str) -> Address:
    """Take an address apart. Raises ``ValueError`` for anything that is none."""
    kind, _, rest = text.partition("/")
    if kind == SKILL and rest:
        return Address(SKILL, rest)
    name, at, part = rest.rpartition("@")
    if kind not in (VERSION, LABEL) or not at or not name or not part:
        raise ValueError(f"{text!r} is no address: write prompts/ID@v2, labels/ID@production or skills/NAME")
    return Address(kind, name, part)
