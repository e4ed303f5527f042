"""Bucketing: the contract's vectors, and the laws that make a roll-out safe."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.rollout import SLOTS, Router, slot

VECTORS = {"user-0": 3688, "user-1": 4742, "user-2": 5303, "café": 9365, "": 2730}
KEYS = st.text(max_size=40)


@pytest.mark.parametrize(("key", "expected"), VECTORS.items())
def test_the_vectors_of_the_contract(key: str, expected: int) -> None:
    assert slot("support/greet", key) == expected


@given(salt=KEYS, key=KEYS)
def test_a_slot_is_what_the_formula_says(salt: str, key: str) -> None:
    digest = hashlib.sha256(f"catalog-bucket-v1\0{salt}\0{key}".encode()).digest()
    assert slot(salt, key) == (int.from_bytes(digest[0:4], "big") * 10000) >> 32


@pytest.mark.parametrize(("key", "at"), VECTORS.items())
def test_candidates_own_the_lowest_slots_and_the_bound_is_exact(key: str, at: int) -> None:
    inside = Router("support/greet", [("v1", 100 - (at + 1) / 100), ("v2", (at + 1) / 100)])
    outside = Router("support/greet", [("v1", 100 - at / 100), ("v2", at / 100)])
    assert inside.version(key) == "v2"
    assert outside.version(key) == "v1"


def test_candidates_follow_one_another_in_listed_order() -> None:
    router = Router("support/greet", [("v1", 10), ("v2", 40), ("v3", 50)])
    assert [router.version(key) for key in VECTORS] == ["v2", "v3", "v3", "v1", "v2"]


@pytest.mark.parametrize("key", ["", "user-0", "café", "x" * 40])
def test_candidates_may_own_every_slot(key: str) -> None:
    assert Router("support/greet", [("v1", 0), ("v2", 100)]).version(key) == "v2"


@given(key=KEYS, first=st.integers(1, 4000), second=st.integers(1, 3000), more=st.integers(0, 3000))
def test_raising_the_last_candidate_moves_nobody_out_of_a_candidate(
    key: str, first: int, second: int, more: int
) -> None:
    def version(last: int) -> str:
        split = [("v1", (SLOTS - first - last) / 100), ("v2", first / 100), ("v3", last / 100)]
        return Router("p", split).version(key)

    before, after = version(second), version(second + more)
    assert after == before or (before, after) == ("v1", "v3")


def test_a_split_of_one_needs_no_key() -> None:
    router = Router("p", [("v7", 100)])
    assert (router.stable, router.version("anyone")) == ("v7", "v7")


def test_shares_are_what_the_weights_say() -> None:
    router = Router("support/greet", [("v1", 95), ("v2", 5)])
    share = sum(router.version(f"user-{number}") == "v2" for number in range(20_000)) / 20_000
    assert 0.045 < share < 0.055
