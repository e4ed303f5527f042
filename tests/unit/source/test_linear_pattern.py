"""Which patterns are linear, and that they mean the same in both engines."""

# ruff: noqa: FBT001 - tables are read a row a line

from __future__ import annotations

import os
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog_tool.source.linear_pattern import judge, search_linear
from catalog_tool.source.pattern_syntax import UnreadablePatternError, parse

TRIALS = 3_000 if os.environ.get("CATALOG_SOAK") else 300

LINEAR = [
    "",
    "^$",
    "abc",
    "^https?://",
    r"^\d{4}-\d{2}-\d{2}$",
    "^#[0-9a-fA-F]{6}$",
    "^v[1-9][0-9]*$",
    "^[a-z0-9]+(-[a-z0-9]+)*$",
    "^[a-z][a-z0-9]*([_-][a-z0-9]+)*(/[a-z][a-z0-9]*([_-][a-z0-9]+)*)*$",
    r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    "^[A-Za-z]+(?: [A-Za-z]+)*$",
    "^.*foo.*$",
    r"^(?<year>\d+)$",
    r"^\p{Lu}\p{Script=Greek}*$",
    r"^[\p{L}\d_-]+$",
    r"\bword\b",
    "^(a|b)*?$",
    r"^[\w.-]+$",
    r"^\u{1F600}|\ud83d\ude00$",
    r"^[^/]+/[^/]+$",
]
NOT_LINEAR = [
    "(a+)+$",
    "(a*)*",
    "(a|a)*",
    "(a|ab)*c",
    "(a|a?)+",
    "([a-zA-Z]+)*",
    "(x+x+)+y",
    "(.*)*",
    r"^(\w+\s?)+$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a{1,10}){1,10}",
    "(a?){50}",
    "(a|b|ab){2,9}",
    "a*a*a*b",
    r"\S+@\S+\.\S+\.\S+",
    ".*a.*b.*c",
    "a?" * 28 + "a" * 28,
    "(a|a)" * 15,
    "a{0,500}a{0,500}a{0,500}b",
    "(?=a)b",
    "(?!a)b",
    "(?<=a)b",
    "(?<!a)b",
    r"(a)\1",
    r"(?<n>a)\k<n>",
    "(?>a+)b",
    "a++",
    "a*+",
    "(?i)a",
    "(?i:a)",
    "(?P<n>a)",
    "(?(1)a|b)",
    r"\Aa\Z",
    r"\Ba",
    r"\pL",
    r"\p{Nosuch}",
    r"\q",
    r"\u12",
    r"\ud800",
    "[z-a]",
    r"[\d-z]",
    "[]",
    "[^]",
    r"[^\s\S]",
    "[a",
    "(a",
    "a)",
    "*a",
    "a{2,1}",
    "a{,3}",
    "a{2000}",
    "^*",
    "a" * 2001,
    "(" * 30 + ")" * 30,
    "(a{1000}){1000}",
]


def for_python(pattern: str) -> re.Pattern[str] | None:
    """``pattern`` as Python's own engine may run it; None where it may not."""
    verdict = judge(pattern)
    return re.compile(verdict.python, re.ASCII) if verdict.plain else None


@pytest.mark.parametrize("pattern", LINEAR)
def test_patterns_whose_next_character_decides_are_linear(pattern: str) -> None:
    assert judge(pattern).reason == ""
    assert search_linear(pattern, "foo") in (True, False)


@pytest.mark.parametrize("pattern", NOT_LINEAR, ids=lambda p: p[:40])
def test_patterns_that_can_explode_or_that_dialects_read_differently_are_not(pattern: str) -> None:
    assert not judge(pattern).plain
    assert search_linear(pattern, "aaaa") is None
    assert judge(pattern).reason


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^([a-z]+)*$", "^(.*)*x$", "^(\\w+\\s?)+$"])
def test_an_attack_is_never_run(pattern: str) -> None:
    start = time.perf_counter()
    assert search_linear(pattern, "a" * 28 + "!") is None
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("pattern", [p for p in LINEAR if p])
def test_a_megabyte_is_searched_at_once(pattern: str) -> None:
    for character in ("a", "-", "@", ".", "0", " "):
        start = time.perf_counter()
        search_linear(pattern, character * 500_000 + "\n!")
        assert time.perf_counter() - start < 1


@pytest.mark.parametrize("pattern", [p for p in LINEAR if for_python(p)])
def test_what_is_compiled_for_python_is_linear_there_too(pattern: str) -> None:
    compiled = for_python(pattern)
    assert compiled is not None
    for text in ("a" * 200_000 + "!", "a-" * 100_000 + "!", "aaaa" * 50_000 + "=!", "0." * 100_000):
        start = time.perf_counter()
        compiled.search(text)
        assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[a-z]+$", "abc\n", False),
        ("^abc$", "abc", True),
        (r"^\d$", "٣", False),
        (r"^\D$", "٣", True),
        (r"^\w$", "é", False),
        (r"^\s$", "\ufeff", True),
        (r"^\s$", "\x85", False),
        ("^.$", "\r", False),
        ("^.$", "\u2028", False),
        ("^.$", "😀", True),
        (r"a\b", "aé", True),
        (r"^\x41\u0042\u{43}\cJ\t\0$", "ABC\n\t\0", True),
        (r"^[\b]$", "\x08", True),
        (r"^[&&a]$", "&", True),
        (r"^[a\]\\^-]+$", "]\\^-", True),
        ("^[^a]$", "\n", True),
        (r"^\/\.\-$", "/.-", True),
        ("^a{2,}b{1,2}c{3}$", "aaabbccc", True),
        ("^a{2}$", "aaa", False),
        ("}]", "}]", True),
        ("^(?:ab|cd)e$", "cde", True),
        ("^ab|cd$", "xcd", True),
        ("colou?r", "my color", True),
        (r"^\p{L}+$", "éa", True),
        (r"^[^\p{L}]$", "é", False),
        (r"^\P{L}$", "1", True),
    ],
)
def test_the_meaning_is_that_of_ecma_262(pattern: str, text: str, found: bool) -> None:
    assert search_linear(pattern, text) is found
    compiled = for_python(pattern)
    if compiled is not None:
        assert bool(compiled.search(text)) is found


def test_reasons_name_what_stands_in_the_way() -> None:
    assert judge("(?=a)").reason == "look-ahead"
    assert judge(r"(a)\1").reason == "a back-reference"
    assert "nested quantifiers" in judge("(a+)+").reason
    assert "in a row" in judge("a*a*a*b").reason


# Random patterns over few characters find what examples do not.

_ATOMS = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "^", "$", r"\b", r"\."])


def _longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    )


PATTERNS = st.recursive(_ATOMS, _longer, max_leaves=8)


@settings(max_examples=TRIALS, deadline=None)
@given(PATTERNS, st.text("ab-0 .\né", max_size=12))
@example("^(a|b)*$", "abab")
def test_both_engines_and_the_written_pattern_agree(pattern: str, text: str) -> None:
    verdict = judge(pattern)
    if verdict.reason:
        return
    expected = re.search(verdict.python, text) is not None
    assert search_linear(pattern, text) is expected
    # As Python reads the same text, where the two dialects do not differ.
    if "." not in pattern and "\n" not in text and text.isascii():
        assert bool(re.search(pattern, text, re.ASCII)) is expected


@settings(max_examples=TRIALS, deadline=None)
@given(PATTERNS, st.sampled_from(["a", "b", "ab", "-", "0", "a ", "a-", "b."]))
def test_no_random_linear_pattern_keeps_pythons_engine_busy(pattern: str, turn: str) -> None:
    compiled = for_python(pattern)
    if compiled is None:
        return
    start = time.process_time()
    compiled.search(turn * 4000 + "!")
    assert time.process_time() - start < 0.5


@settings(max_examples=TRIALS, deadline=None)
@given(PATTERNS, st.sampled_from(["a", "b", "ab", "-", "0", "a "]))
def test_no_random_pattern_that_counts_as_linear_explodes(pattern: str, turn: str) -> None:
    verdict = judge(pattern)
    if verdict.reason:
        return
    start = time.process_time()
    re.search(verdict.python, turn * 12 + "!")
    assert time.process_time() - start < 0.5


@settings(max_examples=TRIALS, deadline=None)
@given(st.text(max_size=40) | st.text(r"()[]{}^$|?*+\.-,09abdDsSwWbBpPuxck:=!<>", max_size=30))
def test_any_text_gets_a_verdict(pattern: str) -> None:
    verdict = judge(pattern)
    assert not (verdict.reason and (verdict.rust or verdict.python or verdict.plain))
    if verdict.reason:
        assert search_linear(pattern, "a") is None
    else:
        assert search_linear(pattern, "a") in (True, False)


def test_the_parser_raises_its_own_error_only() -> None:
    with pytest.raises(UnreadablePatternError, match="back-reference"):
        parse(r"(a)\1")
