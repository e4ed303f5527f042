"""Texts are compared line by line, then word by word; exactly, readably, and fast."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.diff.sequences import matches
from catalog_tool.diff.words import diff_texts, is_only_space, word_count
from catalog_tool.model.limits import WORD_DIFF_WORDS

WORDS = ("the", "agent", "must", "answer", "every", "customer", "about", "refunds", "never", "keys")


def side(diff, left_out: str) -> str:
    return "".join(segment.text for segment in diff.segments if segment.op != left_out)


def prompt(size: int, rng: random.Random) -> str:
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 16))) + rng.choice([".\n", "\n\n"]))
        length += len(lines[-1])
    return "".join(lines)


def edited(text: str, edits: int, rng: random.Random) -> str:
    words = text.split(" ")
    for index in rng.sample(range(len(words)), edits):
        words[index] = "changed"
    return " ".join(words)


texts = st.lists(st.sampled_from(["a", "b", "never", " ", "  ", "\n", "\t", ".", "é", "\r\n", "x y"]), max_size=40).map(
    "".join
)


@settings(max_examples=300, deadline=None)
@given(texts, texts)
def test_segments_are_both_texts(old: str, new: str) -> None:
    diff = diff_texts(old, new)
    assert side(diff, "insert") == old
    assert side(diff, "delete") == new
    assert all(segment.text for segment in diff.segments)
    assert all(one.op != other.op for one, other in zip(diff.segments, diff.segments[1:], strict=False))
    assert 0 <= diff.share <= 1
    assert (old == new) == (diff.hunks == ())


@settings(max_examples=300, deadline=None)
@given(texts, texts, st.integers(0, 3))
def test_hunks_stand_where_they_say(old: str, new: str, context: int) -> None:
    before, after = old.split("\n"), new.split("\n")
    for hunk in diff_texts(old, new, context=context).hunks:
        for text, lines, start, count, left_out in (
            (old, before, hunk.old_line, hunk.old_lines, "insert"),
            (new, after, hunk.new_line, hunk.new_lines, "delete"),
        ):
            shown = "".join(segment.text for segment in hunk.segments if segment.op != left_out)
            assert shown in text
            assert shown.removesuffix("\n") == "\n".join(lines[start - 1 : start - 1 + count])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=30), st.lists(st.integers(0, 4), max_size=30), st.integers(0, 300))
def test_matches_are_common_and_in_order(old: list[int], new: list[int], steps: int) -> None:
    old_end = new_end = 0
    for match in matches(old, new, steps=steps):
        assert match.old >= old_end
        assert match.new >= new_end
        old_end, new_end = match.old + match.size, match.new + match.size
        assert match.size > 0
        assert old[match.old : old_end] == new[match.new : new_end]


def test_the_shortest_script_is_found() -> None:
    old, new = "abcabba", "cbabac"
    assert sum(match.size for match in matches(old, new)) == 4
    assert sum(match.size for match in matches("a" * 50, "a" * 30)) == 30


def test_a_word_is_shown_in_its_line() -> None:
    diff = diff_texts("Greet.\nYou must never share keys.\nBye.\n", "Greet.\nYou should avoid sharing keys.\nBye.\n")
    assert [tuple(segment) for segment in diff.segments] == [
        ("equal", "Greet.\nYou "),
        ("delete", "must never share"),
        ("insert", "should avoid sharing"),
        ("equal", " keys.\nBye.\n"),
    ]
    assert diff.commands == ("must", "never")
    assert not diff.only_space


def test_lines_with_little_in_common_are_shown_whole() -> None:
    diff = diff_texts("one two three four\n", "alpha beta gamma four\n")
    assert [segment.op for segment in diff.segments] == ["delete", "insert"]
    assert diff.share == pytest.approx(6 / 8)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("You MUST go", ("must",)),
        ("do  not go", ("do not",)),
        ("don't go", ("don't",)),
        ("only if always", ("always", "only")),
        ("mustard, lonely, nevertheless", ()),
    ],
)
def test_commands_on_changed_lines(line: str, found: tuple[str, ...]) -> None:
    assert diff_texts("same\n", f"same\n{line}\n").commands == found
    assert diff_texts(f"{line} here\nsame\n", f"{line} there\nsame\n").commands == found
    assert diff_texts(f"{line}\nold\n", f"{line}\nnew\n").commands == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a\nb\n", "a  \nb", True),
        ("a\r\nb", "a\nb", True),
        ("a\n", "\n\na\n\n", True),
        ("a", "a", False),
        ("a\n\nb", "a\nb", False),
        ("a b", "a  b", False),
        ("- a\n- b", "- a\n  - b", False),
    ],
)
def test_only_space(old: str, new: str, expected: object) -> None:
    assert is_only_space(old, new) is expected
    assert diff_texts(old, new).only_space is expected


def test_hunks_join_only_where_they_are_near() -> None:
    lines = [f"line {number}\n" for number in range(1, 31)]
    changed = list(lines)
    changed[4] = "line five\n"
    changed[8] = "line nine\n"
    changed[25] = "line twenty-six\n"
    found = [
        (h.old_line, h.old_lines, h.new_line, h.new_lines) for h in diff_texts("".join(lines), "".join(changed)).hunks
    ]
    assert found == [(3, 9, 3, 9), (24, 5, 24, 5)]


def test_beyond_the_word_limit_few_changed_words_are_found_and_many_are_not() -> None:
    rng = random.Random(5)
    listed = [rng.choice(WORDS) for _ in range(2 * WORD_DIFF_WORDS)]
    few, many = list(listed), [rng.choice(WORDS) for _ in listed]
    few[10], few[-10] = "Gladly", "freely"
    diff = diff_texts(" ".join(listed), " ".join(few))
    assert [segment.text for segment in diff.segments if segment.op == "insert"] == ["Gladly", "freely"]
    assert diff.share == pytest.approx(2 / len(listed))
    diff = diff_texts(" ".join(listed), " ".join(many))
    assert [segment.op for segment in diff.segments] == ["delete", "insert"]
    assert diff.share < 0.1, "words were not compared in their order: what differs is how often each is said"


def test_many_long_lines_are_compared_in_bounded_work() -> None:
    rng = random.Random(6)
    lines = ["x " + " ".join(rng.choice(WORDS[:2]) for _ in range(5_000)) for _ in range(20)]
    changed = ["y " + " ".join(rng.choice(WORDS[:2]) for _ in range(5_000)) for _ in range(20)]
    mixed = [line for pair in zip(lines, ["same\n"] * 20, strict=True) for line in pair]
    other = [line for pair in zip(changed, ["same\n"] * 20, strict=True) for line in pair]
    start = time.process_time()
    diff_texts("\n".join(mixed), "\n".join(other))
    assert time.process_time() - start < 1.5


def test_word_count_takes_marks_and_leaves_space() -> None:
    assert word_count("Hello,  world!\n") == 4


def test_a_long_prompt_with_many_edits_is_fast() -> None:
    rng = random.Random(7)
    old = prompt(35_000, rng)
    new = edited(old, 200, rng)
    start = time.process_time()
    diff = diff_texts(old, new)
    spent = time.process_time() - start
    assert spent < 0.2
    assert diff.share < 0.1
    assert len(diff.hunks) > 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x\n" * 16_000, "x\n" * 9_000),
        ("x " * 16_000, "x " * 9_000),
        ("a\nb\n" * 8_000, "b\na\n" * 8_000 + "b\n"),
        ("a\nb\nc\n" * 6_000, "c\nb\na\n" * 6_000),
        ("\n".join(map(str, range(20_000))), "\n".join(map(str, range(20_000, 0, -1)))),
    ],
    ids=["same lines", "same words", "shifted", "mirrored", "reversed"],
)
def test_awkward_texts_take_no_quadratic_time(old: str, new: str) -> None:
    start = time.process_time()
    diff = diff_texts(old, new)
    assert time.process_time() - start < 1
    assert side(diff, "insert") == old
    assert side(diff, "delete") == new
