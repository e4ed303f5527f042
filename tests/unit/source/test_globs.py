"""Globs against a slow matcher that obviously does the right thing, and against patterns meant to hang."""

from __future__ import annotations

import re
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.source.globs import glob_source

STEPS = st.sampled_from(["**", "*", "?", "a", "ab", "*a", "a*", "*a*b", "a**b", "a?b", "a.b", "[a"])
PATHS = st.lists(st.text("ab.[", min_size=1, max_size=4), min_size=1, max_size=6).map("/".join)


def matches(glob: str, path: str) -> bool:
    """Whether a path fits, step by step and character by character."""

    @cache
    def step(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return step(pattern[1:], name) or (bool(name) and step(pattern, name[1:]))
        return bool(name) and pattern[0] in ("?", name[0]) and step(pattern[1:], name[1:])

    @cache
    def whole(globs: tuple[str, ...], names: tuple[str, ...]) -> bool:
        if not globs:
            return not names
        if globs[0] == "**":
            return whole(globs[1:], names) or (bool(names) and whole(globs, names[1:]))
        return bool(names) and step(globs[0], names[0]) and whole(globs[1:], names[1:])

    return whole(tuple(glob.split("/")), tuple(path.split("/")))


@given(st.lists(STEPS, min_size=1, max_size=5).map("/".join), PATHS)
def test_every_glob_means_what_the_slow_matcher_says(glob: str, path: str) -> None:
    assert (re.fullmatch(glob_source(glob), path) is not None) == matches(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*a" * 100 + "b", "a" * 4000), ("**/a/" * 100 + "*b", "a/" * 2000 + "c"),
        ("**/*a*a/" * 50 + "*b", ("a" * 50 + "/") * 60 + "c"), ("*" * 1000 + "b", "a" * 4000),
        ("**/" * 500 + "b", "a/" * 2000 + "c"), ("?*" * 200 + "b", "a" * 4000),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_globs_are_quick(glob: str, path: str) -> None:
    began = time.process_time()
    assert re.fullmatch(glob_source(glob), path) is None
    assert time.process_time() - began < 1
