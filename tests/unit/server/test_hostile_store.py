"""A store that somebody else writes to: what cannot be served is damaged, and takes nothing else down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import version_id
from catalog_tool.model.target import Live
from catalog_tool.server.holdings import Holdings, hold

from .desk import GREET, filled

VERSION, SKILL = f"prompts/{GREET}@v1", "skills/pdf"


def poisoned(address: str, **members: Any) -> Holdings:
    """What is held after a hand changed members that no digest covers, or wrote the digest that fits."""
    lives = {live.address: live for live in MemoryBackend(filled()).scan()}
    document = {**json.loads(lives[address].entry), **members}
    if address == VERSION:
        digest = prompt_identity(document).digest
        document |= {"digest": digest, "version_id": version_id("v1", digest)}
    lives[address] = Live(address, json.dumps(document).encode())
    return hold("store", lives.values(), {})


@pytest.mark.parametrize(
    "members",
    [
        {"meta": "x"},
        {"meta": [[]]},
        {"meta": {"description": "\ud800"}},
        {"meta": {"description": float("nan")}},
        {"meta": {"description": 10**30}},
        {"order": {"/tools/7/parameters/properties": ["a"]}},
        {"order": {"/nowhere": ["a"]}},
    ],
)
def test_a_version_whose_rest_is_none_is_damaged(members: dict[str, Any]) -> None:
    held = poisoned(VERSION, **members)
    assert held.damaged == {VERSION}
    assert json.loads(held.bundle())["prompts"][GREET].keys() == {"v2"}


@pytest.mark.parametrize(
    "members", [{"description": "\ud800"}, {"owners": [float("nan")]}, {"tags": [10**30]}, {"x-note": "\udfff"}]
)
def test_a_skill_whose_rest_is_none_is_damaged(members: dict[str, Any]) -> None:
    held = poisoned(SKILL, **members)
    assert held.damaged == {SKILL}
    assert not held.skills
    assert json.loads(held.bundle())["skills"] == {}


def test_what_is_as_it_should_be_is_not() -> None:
    assert poisoned(VERSION, meta={"description": "Grüße", "x-note": [1]}).damaged == frozenset()
    assert poisoned(SKILL, owners=["team-support"]).damaged == frozenset()
