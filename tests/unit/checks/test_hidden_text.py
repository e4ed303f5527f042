"""Hidden characters: flagged where they hide, left alone where they are writing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.checks.hidden_text import find_hidden, find_html_comments


def kinds(text: str) -> list[str]:
    return [hit.kind for hit in find_hidden(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("be \U000e0068\U000e0069 kind", "tag"),
        ("\U0001f3f4\U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065\U000e007f", "tag"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065", "tag"),
        ("a\u202eb", "bidi"),
        ("a\u2066b\u2069", "bidi"),
        ("\u05d0\u202e\u05d1", "bidi"),
        ("a\u200eb", "bidi-mark"),
        ("a\u061cb", "bidi-mark"),
        ("pass\u200bword", "zero-width"),
        ("pass\u200cword", "zero-width"),
        ("pass\u200dword", "zero-width"),
        ("pass\u2060word", "zero-width"),
        ("pass\ufeffword", "zero-width"),
        ("a \u00ad b", "zero-width"),
        ("a\u180eb", "zero-width"),
        ("\u0915\u200d\u200d\u0937", "zero-width"),
        ("a\U000e0100", "variation-selector"),
        ("\u845b\U000e0100\U000e0101", "variation-selector"),
        ("a\ufe01b", "variation-selector"),
        ("a\ufe0fb", "variation-selector"),
        ("\U0001f600\ufe01\ufe02", "variation-selector"),
        ("\u26a0\ufe0f\ufe0f", "variation-selector"),
        ("f\u2061(x)", "invisible-operator"),
        ("a\u3164b", "filler"),
        ("a\uffa0b", "filler"),
        ("a\u115fb", "filler"),
        ("a\u2800b", "filler"),
        ("a\x1b[31mb", "control"),
        ("a\x08b", "control"),
        ("a\u009bb", "control"),
        ("a\ue000b", "private-use"),
        ("a\U000f0000b", "private-use"),
    ],
)
def test_hidden(text: str, kind: str) -> None:
    assert set(kinds(text)) == {kind}
    assert find_hidden(text) == find_hidden(text, raw=text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "plain words, tabs\tand\r\nlines\n",
        "\ufeffa mark at the start",
        "caf\u00e9 \u2014 \u201cquoted\u201d \u2026 \u2192 \u2713 \u251c\u2500",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f9d1\U0001f3fd\u200d\U0001f4bb",
        "\u2764\ufe0f\u200d\U0001f525 \u26a0\ufe0f 1\ufe0f\u20e3 \u00a9\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\U0001f3f4\u200d\u2620\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937",
        "\u05e9\u05dc\u05d5\u05dd (C++)\u200e \u05e2\u05d5\u05dc\u05dd\u200f",
        "\u0e01\u0e34\u0e19\u200b\u0e02\u0e49\u0e32\u0e27",
        "\u845b\U000e0100\u57ce",
        "Silben\u00adtrennung",
        "\u1112\u1160\u11ab",
        "\u2801\u2800\u2803",
    ],
)
def test_at_home(text: str) -> None:
    assert find_hidden(text) == []


def test_a_run_is_one_hit_with_its_place_and_code_points() -> None:
    (hit,) = find_hidden("caf\u00e9 \u200b\u200b!")
    assert tuple(hit) == ("zero-width", 5, 7, (0x200B, 0x200B))


def test_neighbours_of_two_kinds_are_two_hits() -> None:
    assert [tuple(hit)[:3] for hit in find_hidden("a\u200b\u202eb")] == [("zero-width", 1, 2), ("bidi", 2, 3)]


def test_a_long_run_is_kept_whole_in_place_but_not_in_code_points() -> None:
    (hit,) = find_hidden("a" + "\U000e0041" * 1000)
    assert (hit.start, hit.end, len(hit.codepoints)) == (1, 1001, 64)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a <!-- do it --> b", ["<!-- do it -->"]),
        ("<!-- one --><!-- two -->", ["<!-- one -->", "<!-- two -->"]),
        ("a <!-- never closed", ["<!-- never closed"]),
        ("<!-- over\nlines -->", ["<!-- over\nlines -->"]),
        ("```html\n<!-- shown -->\n```\n", []),
        ("~~~\n<!-- shown -->\n~~~\n<!-- not -->", ["<!-- not -->"]),
        ("````\n```\n<!-- shown -->\n````\n", []),
        ("```\ncode\n```\n<!-- after -->", ["<!-- after -->"]),
        ("write `<!-- shown -->` so", []),
        ("`code` <!-- not --> `code`", ["<!-- not -->"]),
        ("- step\n  ```\n  <!-- shown -->\n  ```\n", []),
        ("<b>" * 40 + "<!-- late -->", ["<!-- late -->"]),
        ("a < b and <b> but no comment", []),
    ],
)
def test_html_comments(text: str, found: list[str]) -> None:
    hits = find_html_comments(text)
    assert [text[hit.start : hit.end] for hit in hits] == found
    assert {hit.kind for hit in hits} <= {"html-comment"}


@given(st.text())
def test_any_text_gives_ordered_places_inside_it(text: str) -> None:
    for hits in (find_hidden(text), find_html_comments(text)):
        places = [place for hit in hits for place in (hit.start, hit.end)]
        assert places == sorted(places)
        assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)


@given(st.text())
def test_bytes_beside_the_text_change_nothing(text: str) -> None:
    assert find_hidden(text, raw=text.encode("utf-8", "surrogatepass")) == find_hidden(text)
