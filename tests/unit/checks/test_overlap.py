"""Overlap of descriptions: what counts as alike, and that the index misses nothing that matters."""

from __future__ import annotations

import json
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.checks.overlap import THRESHOLD, find_overlaps, signature

REVIEW = "Reviews pull requests for bugs, style and security problems before they are merged."


def pairs(**descriptions: str) -> list[tuple[str, str]]:
    found = find_overlaps({name: signature(text) for name, text in descriptions.items()})
    return [(overlap.name, overlap.other) for overlap in found]


def test_equal_descriptions_overlap_fully() -> None:
    signatures = {"a": signature(REVIEW), "b": signature(REVIEW)}
    assert [tuple(overlap) for overlap in find_overlaps(signatures)] == [("b", "a", 1.0)]


@pytest.mark.parametrize(
    "other",
    [
        "Reviewing a pull request for bugs, style, and security problems before merging.",
        "Use this skill when the user asks to review pull requests for bugs, style and security problems.",
        "Before pull requests are merged, reviews them for security problems, style and bugs.",
    ],
)
def test_the_same_said_otherwise_overlaps(other: str) -> None:
    assert pairs(a=REVIEW, b=other) == [("b", "a")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (REVIEW, "Writes release notes from merged pull requests and their labels."),
        ("Deploys a service to AWS with Terraform.", "Deploys a service to Azure with Terraform."),
        ("Converts PDF files to Markdown for analysis.", "Converts DOCX files to Markdown for analysis."),
        ("Use this skill when the user asks for help.", "Use this skill when the user needs help."),
    ],
)
def test_what_an_agent_can_tell_apart_does_not_overlap(one: str, other: str) -> None:
    assert pairs(a=one, b=other) == []


def test_a_name_on_one_side_only_leaves_doubt() -> None:
    plain = "Best practices for developing applications with Spring Boot."
    assert pairs(a=plain, b="Best practices for developing applications with Spring Boot and Kotlin.") == [("b", "a")]


def test_the_first_word_of_a_sentence_is_no_name() -> None:
    assert pairs(a="Checks links in the docs folder.", b="Validates links in the docs folder.") == [("b", "a")]


def test_signatures_are_small_stable_and_json() -> None:
    made = signature(REVIEW)
    assert json.loads(json.dumps(made)) == list(made)
    assert list(made) == sorted(set(made))
    assert signature("Fills PDF forms.") == (250665868, 1384709455, 4114845364, 4545633164)
    assert signature("") == signature("Use it when the user asks.") == ()


WORDS = [f"{a}{b}" for a in ("parse", "merge", "chart", "audit", "query", "cache") for b in ("able", "form", "line")]


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=4, max_size=8).map(" ".join), max_size=8))
def test_every_pair_of_a_few_skills_is_found(texts: list[str]) -> None:
    signatures = {f"s{i}": signature(text) for i, text in enumerate(texts)}
    expected = [
        (max(a, b), min(a, b))
        for a, b in combinations(signatures, 2)
        if min(len(signatures[a]), len(signatures[b])) >= 3 and _share(signatures[a], signatures[b]) >= THRESHOLD
    ]
    assert [(overlap.name, overlap.other) for overlap in find_overlaps(signatures)] == sorted(expected)


def _share(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return len({*one} & {*other}) / len({*one} | {*other})


def test_the_index_finds_planted_copies_in_a_crowd() -> None:
    rng = random.Random(7)
    vocabulary = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("ocko", "ivern", "alun", "estra", "umbo", "yx", "ork")]
    texts = {f"n{i:04d}": " ".join(rng.sample(vocabulary, 16)) for i in range(1000)}
    for i in range(100):
        words = texts[f"n{i:04d}"].split()
        words[rng.randrange(16)] = rng.choice(vocabulary)
        texts[f"copy{i:04d}"] = " ".join(words)
    found = {(o.other, o.name) for o in find_overlaps({n: signature(t) for n, t in texts.items()})}
    planted = {(f"copy{i:04d}", f"n{i:04d}") for i in range(100)}
    assert len(planted & found) >= 97


def test_a_crowd_of_copies_costs_linear_work() -> None:
    signatures = {f"s{i:04d}": signature(REVIEW) for i in range(500)}
    assert 499 <= len(find_overlaps(signatures)) <= 500 * 8
