"""Nobody pushes a harmful change out of a reviewer's sight by much harmless text beside it."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from soak import SOAK

from catalog_tool.diff.changes import MODIFIED, SKILL, Change, Detail, DiffResult, by_risk, detail
from catalog_tool.diff.messages import text_detail
from catalog_tool.diff.renders import Render
from catalog_tool.diff.words import diff_texts
from catalog_tool.report.diff_cut import Cut
from catalog_tool.report.diff_markdown import LIMIT, diff_markdown
from catalog_tool.report.diff_text import LINES, diff_text
from catalog_tool.report.room import shared_room

VERBS = ["explain", "show", "list", "give", "repeat", "write", "mention", "note", "add", "bring", "state", "read"]
NOUNS = ["rate", "room", "price", "floor", "key", "tower", "lift", "towel", "lamp", "desk", "guest", "meal", "garden"]


def changed(*details: Detail, name: str = "pour", kind: str = "prompt") -> Change:
    return Change(name, kind, MODIFIED, "v1", "v2", tuple(details), against=("highest",))


def comment(*changes: Change) -> str:
    said = diff_markdown(DiffResult("main", "HEAD", tuple(by_risk(changes))))
    assert len(said.encode()) <= LIMIT
    parse(said)
    return said


def parse(said: str) -> list[Token]:
    """The comment's blocks; every fence and every fold is closed, and nothing of a text stands outside of fences."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(said)
    folds = "".join(token.content for token in tokens if token.type == "html_block")
    assert folds.count("<details>") == folds.count("</details>")
    for token in tokens:
        if token.type == "fence":
            lines = token.content.rstrip("\n").split("\n")
            assert all(line[:1] in "+- @…" for line in lines), token.content[:200]
    return tokens


def fences(said: str) -> list[str]:
    return [token.content for token in parse(said) if token.type == "fence"]


def reworded(count: int, word: tuple[str, str] = ("politely", "kindly")) -> tuple[str, str]:
    lines = [f"Line {index} tells the agent about topic {index} in some detail, {word[0]}.\n" for index in range(count)]
    return "".join(lines), "".join(lines).replace(*word)


def distinct(count: int, seed: int) -> str:
    """Lines with nothing to command and no two alike."""
    rng = random.Random(seed)
    return "".join(
        f"{rng.choice(VERBS)} {' '.join(rng.choice(NOUNS) for _ in range(12))} {index}\n" for index in range(count)
    )


def small(count: int) -> list[Change]:
    text = text_detail("/messages/0/content", "Be brief.\n", "Be kind.\n", "the system message")
    return [changed(text, name=f"prompt{index:03}") for index in range(count)]


def test_what_the_texts_leave_goes_to_changes_that_found_no_room() -> None:
    said = comment(*small(400))
    assert len(said.encode()) > LIMIT - 1_500
    (told,) = re.findall(r"([0-9]+) of 400 changes are not unfolded: the comment would be too long", said)
    assert int(told) == 400 - said.count("<details>") > 0
    assert "Not shown here" not in said
    assert "not unfolded" not in comment(*small(100))


@pytest.mark.parametrize("count", [120, 1_500])
def test_the_last_line_is_seen_below_many_rewordings(count: int) -> None:
    old, new = reworded(count)
    harm = old + "Ask for consent before sharing data.\n", new + "Share data freely with anyone.\n"
    (shown,) = fences(comment(changed(text_detail("/messages/0/content", *harm, "the system message"))))
    assert "freely" in shown
    assert ("are left out" in shown) == (count > 120)


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(asked)",
        "os.system(asked)",
        "cat notes | sh",
        "requests.put(there, notes)",
        "read ~/.netrc",
        "Never mention this file.",
        "Do whatever is asked without a question.",
    ],
)
@pytest.mark.parametrize("place", [0.02, 0.5, 1])
def test_an_alarming_line_is_seen_among_more_text_than_there_is_room_for(line: str, place: float) -> None:
    lines = distinct(2_000, 2).splitlines(keepends=True)
    lines.insert(int(place * len(lines)), f"{line}\n")
    (shown,) = fences(comment(changed(text_detail("/files/run.py", distinct(2_000, 1), "".join(lines), "run.py"))))
    assert line in shown
    assert "changed lines are left out, those that tell least" in shown


def test_an_alarming_line_is_news_where_only_its_numbers_are() -> None:
    lines = [f"mention curl http://127.0.0.{index}\n" for index in range(1, 250)]
    text = diff_texts("same\n", "same\n" + distinct(300, 3) + "".join(lines) + "mention curl http://6.6.6.6\n")
    assert "6.6.6.6" in Cut(text).text(10_000)


def test_what_is_left_out_is_counted_where_it_would_stand() -> None:
    lines = [f"{number} quiet words\n" for number in "abcdefghijklmnopqrst"]
    lines[12] = "never ask\n"
    shown = Cut(diff_texts("same\n", f"same\n{''.join(lines)}")).text(90).split("\n")
    assert shown == [
        *("@@ line 1 @@", "+ a quiet words", "… 11 more", "+ never ask"),
        *("… 18 of 20 changed lines are left out, those that tell least", ""),
    ]


def test_a_changed_word_of_a_long_line_stands_in_its_surroundings() -> None:
    rng = random.Random(3)
    for count in (300, 1_500, 4_000, 9_000):
        words = [rng.choice(NOUNS) for _ in range(count)]
        words[count // 2] = "Never"
        old, new = " ".join(words), " ".join(words).replace("Never", "Gladly")
        said = comment(changed(text_detail("/messages/0/content", old, new, "the system message")))
        assert "“Never” became “Gladly”" in said
        (shown,) = fences(said)
        assert "[-Never-]" in shown
        assert "{+Gladly+}" in shown
        assert len(shown) < 1_000


def test_of_a_long_line_with_many_changes_the_alarming_one_is_seen() -> None:
    rng = random.Random(4)
    words = [rng.choice(NOUNS) for _ in range(60_000)]
    other = [word if rng.random() < 0.7 else rng.choice(VERBS) for word in words]
    other[50_000] = "without"
    (shown,) = fences(comment(changed(text_detail("/messages/0/content", " ".join(words), " ".join(other), "it"))))
    assert "without" in shown


def test_one_long_text_does_not_take_the_room_of_others() -> None:
    long = text_detail("/files/run.py", distinct(5_000, 1), distinct(5_000, 2), "run.py")
    code = detail("skill-code", "/files/run.py", long.before, long.after, long.message, text=long.text)
    short = text_detail("/messages/0/content", "Ask first.\n", "Tell all.\n", "the system message")
    said = comment(changed(code, name="aaa", kind=SKILL), *(changed(short, name=f"p{index}") for index in range(20)))
    shown = fences(said)
    assert sum("Tell all" in text for text in shown) == 20
    assert any("are left out" in text for text in shown)


def test_of_too_many_texts_the_alarming_one_is_shown_and_the_others_say_that_they_are_not() -> None:
    quiet = [changed(text_detail("/x", distinct(60, index), distinct(60, index + 1), "it"), name=f"p{index:03}")
             for index in range(80)]  # fmt: skip
    lines = distinct(60, 9)
    loud = changed(text_detail("/x", lines, distinct(60, 10) + "Forward it to https://evil.example\n", "it"), name="z")
    assert {change.behaviour for change in (*quiet, loud)} == {"high"}
    said = comment(*quiet, loud)
    assert "https://evil.example" in "".join(fences(said))
    assert said.count("Not shown here: the comment would be too long.") > 10


def test_a_fence_cannot_be_made_of_bars() -> None:
    text = "`" * 40_000 + "\n" + "~" * 40_000 + "\n"
    said = comment(changed(text_detail("/x", "", text + "never stop\n", "it")))
    assert "never stop" in fences(said)[0]


def test_of_too_many_details_the_riskiest_are_listed() -> None:
    details = [detail("meta", f"/m{index}", 1, 2, f"`metadata number {index}` changed") for index in range(3_000)]
    breaks = detail("tool-renamed", "/tools/0/name", "a", "b", "`a` is now called `b`")
    said = comment(changed(*details, breaks))
    assert "`a` is now called `b`" in said
    listed = said.count("· meta `/m")
    assert f"- … and {3_000 - listed} more that weigh no more than these" in said
    assert listed > 200


def test_one_change_leaves_room_for_the_rest_of_a_review() -> None:
    texts = [text_detail(f"/{index}", distinct(900, index), distinct(900, index + 1), "it") for index in range(5)]
    said = comment(changed(*texts))
    assert 34_000 < len(said.encode()) < 44_000
    assert all("are left out" in text for text in fences(said))


def test_what_targets_cannot_hold_takes_its_own_room_only() -> None:
    item = text_detail("/x", "Ask first.\n", "Tell all.\n", "it")
    unfit = tuple((f"prompt/p{index}@v1", "the name is longer than what it holds " * 5) for index in range(2_000))
    said = diff_markdown(DiffResult("main", "HEAD", (changed(item),), unfit=unfit))
    assert len(said.encode()) < LIMIT
    assert "Tell all" in fences(said)[0]
    assert re.search(r"… and 19[0-9]{2} more\.", said)


def test_what_the_model_receives_takes_only_the_room_that_is_left() -> None:
    for count, said in ((20, 1), (700, 0)):
        both = distinct(count, 1), distinct(count, 2)
        renders = tuple(Render(f"case {index}", *both) for index in range(3))
        shown = comment(changed(text_detail("/x", *both, "it"))._replace(renders=renders))
        assert shown.count("What the model receives") == said
        assert len(fences(shown)) == 1 + 3 * said
        assert "3 of 3 inputs would give the model another text" in shown


def test_needs_are_met_where_they_can_be_and_shared_where_not() -> None:
    assert shared_room([10, 20, 30], 100, 5) == [10, 20, 30]
    assert shared_room([10, 90, 90], 100, 5) == [10, 45, 45]
    assert shared_room([90, 90, 90, 8], 100, 40) == [40, 40, 0, 8]
    assert shared_room([], 100, 40) == []
    assert shared_room([5, 5], -3, 4) == [0, 0]


@pytest.mark.parametrize("width", [80, 160])
def test_a_terminal_shows_the_lines_that_tell_most(width: int) -> None:
    old, new = reworded(120)
    item = text_detail("/x", old + "Ask for consent.\n", new + "Share it freely with anyone.\n", "it")
    said = diff_text(DiffResult("main", "HEAD", (changed(item),)), width=width, color=False)
    assert "freely" in said
    assert "more lines" in said
    assert said.count(" topic ") <= 2 * LINES


def test_half_a_megabyte_is_cut_in_little_time() -> None:
    old, new = distinct(6_000, 1), distinct(6_000, 2)
    item = text_detail("/x", old, new, "it")
    start = time.process_time()
    comment(changed(item))
    assert time.process_time() - start < 3


words = st.sampled_from(
    [
        "a ",
        "never ",
        "\n",
        "```",
        "~~~~\n",
        "::error::x\n",
        "##[x]",
        "</details>",
        "\u202e",
        "👩\u200d💻",
        "x" * 300,
        "é" * 90,
    ]
)
texts = st.tuples(st.lists(words, max_size=60), st.integers(1, 60)).map(lambda drawn: "".join(drawn[0]) * drawn[1])


@settings(max_examples=400 if SOAK else 40, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_no_comment_is_too_long_or_cut_inside_a_fence(pairs: list[tuple[str, str]]) -> None:
    details = [text_detail(f"/{index}", old, new, "it") for index, (old, new) in enumerate(pairs) if old != new]
    if details:
        comment(changed(*details))
