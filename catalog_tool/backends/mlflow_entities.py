"""MLflow's two things in which prompts are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ModelVersion(NamedTuple):
    """One version of a registered name, by its number there."""

    name: str
    number: int
    tags: Mapping[str, str]


class RegisteredModel(NamedTuple):
    """A registered name: its tags, and its aliases with the numbers they point to."""

    name: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
