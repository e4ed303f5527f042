"""Confusable names: pairs that the eye takes for one another, and siblings that it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.checks.confusable_names import find_confusable, skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code-review", "code_review"),
        ("code-review", "code-reviews"),
        ("code-review", "CodeReview"),
        ("codereview", "code-review"),
        ("prompt_1", "prompt_l"),
        ("prompt_0", "prompt_o"),
        ("modern-ui", "modem-ui"),
        ("vvriter", "writer"),
        ("billing/refund", "billing/refunds"),
        ("paypal", "p\u0430yp\u0430l"),
        ("grep", "\uff47rep"),
        ("search", "\U0001d42cearch"),
        ("nexus", "\u03bdexus".replace("\u03bd", "n").replace("u", "\u057d")),
    ],
)
def test_confusable(one: str, other: str) -> None:
    assert find_confusable([one, other]) == [(max(one, other), min(one, other))]
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("prompt_0001", "prompt_0002"),
        ("prompt_1", "prompt_11"),
        ("v1-1", "v11"),
        ("step-10", "step-1"),
        ("class", "clas"),
        ("billing/refund", "billing-refund"),
        ("triage-bug", "triage-issue"),
    ],
)
def test_siblings_are_not_confusable(one: str, other: str) -> None:
    assert find_confusable([one, other]) == []


def test_each_name_is_paired_with_the_first_of_its_group() -> None:
    names = ["code_reviews", "code-review", "other", "code_review", "code-review"]
    assert find_confusable(names) == [("code_review", "code-review"), ("code_reviews", "code-review")]


def test_no_names_no_pairs() -> None:
    assert find_confusable([]) == []
    assert find_confusable([""]) == []


@given(st.lists(st.text(max_size=12), max_size=12))
def test_all_at_once_agrees_with_one_by_one(names: list[str]) -> None:
    ordered = sorted(set(names))
    expected = [(name, next(first for first in ordered if skeleton(first) == skeleton(name))) for name in ordered]
    assert find_confusable(names) == [(name, other) for name, other in expected if name != other]


def test_twenty_thousand_numbered_siblings_are_clean() -> None:
    assert (
        find_confusable(f"{stem}_{i:04d}" for stem in ("greet", "refund", "triage", "plan") for i in range(5000)) == []
    )
