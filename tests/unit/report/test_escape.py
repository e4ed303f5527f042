"""Each place a text is shown in, and what must not come alive there."""

from __future__ import annotations

import json
import re
import timeit
import unicodedata
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from catalog_tool.report.escape import (
    fence,
    for_actions_log,
    for_json,
    for_markdown,
    for_terminal,
    for_workflow_data,
    for_workflow_property,
    for_xml,
    inline_code,
    lines_for_terminal,
)

ANY_TEXT = st.text(st.characters(), max_size=60)
# Signs of Arabic, Syriac and Kaithi that are called format characters but have a glyph.
WITH_A_GLYPH = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
ALIVE_IN_MARKDOWN = "`*_[]<>&~!#@$|\\:-+=.)0123456789abcdefxyz /\n"


class TestForTerminal:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain text, nothing else", "plain text, nothing else"),
            ("Grüße, 日本語, עברית", "Grüße, 日本語, עברית"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
            ("user\u202etxt.exe", "user\\u202etxt.exe"),
            ("a\u200bb\ufeffc\u2028d\xade", "a\\u200bb\\ufeffc\\u2028d\\xade"),
            ("\U000e0041\U000e0042", "\\U000e0041\\U000e0042"),
            ("\U000e0100x\ufe01", "\\U000e0100x\\ufe01"),
            ("bad \ud800 half", "bad \\ud800 half"),
            ("[bold]not markup[/] :smile:", "[bold]not markup[/] :smile:"),
        ],
    )
    def test_shows_what_would_act_or_hide(self, text: str, shown: str) -> None:
        assert for_terminal(text) == shown

    def test_every_character_of_a_hidden_category_is_shown(self) -> None:
        hidden = [
            chr(point)
            for point in range(0x110000)
            if unicodedata.category(chr(point)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and point not in WITH_A_GLYPH
        ]
        assert len(hidden) > 2000
        for char in hidden:
            shown = for_terminal(f"a{char}b")
            assert char not in shown
            assert shown.startswith("a\\")

    @pytest.mark.parametrize("emoji", ["\u26a0\ufe0f", "\u2714\ufe0f", "\U0001f469\u200d\U0001f4bb"])
    def test_emoji_stay_whole(self, emoji: str) -> None:
        assert for_terminal(f"x {emoji} y") == f"x {emoji} y"

    def test_joiners_outside_emoji_are_shown(self) -> None:
        assert for_terminal("a\u200db\ufe0f") == "a\\u200db\\ufe0f"
        assert for_terminal("\u26a0\ufe0f\ufe0f") == "\u26a0\ufe0f\\ufe0f"

    @settings(max_examples=200)
    @given(ANY_TEXT)
    def test_is_done_after_once(self, text: str) -> None:
        once = for_terminal(text)
        assert for_terminal(once) == once
        once.encode()  # valid UTF-8

    def test_line_feeds_stay_only_where_asked(self) -> None:
        assert lines_for_terminal("a\n\x1bb\r\n\tc") == "a\n\\x1bb\\r\n\\tc"

    def test_a_clean_text_costs_next_to_nothing(self) -> None:
        text = "prompts/support/agent/v3.yaml: the variable is not declared"
        assert min(timeit.repeat(lambda: for_terminal(text), number=2000, repeat=9)) / 2000 < 0.5e-6


class TestWorkflowCommands:
    def test_escapes_what_the_runner_reads_back(self) -> None:
        assert for_workflow_data("50%\r\n,:") == "50%25%0D%0A,:"
        assert for_workflow_property("a:b,c%\n") == "a%3Ab%2Cc%25%0A"
        assert for_workflow_data("%0A") == "%250A"

    @pytest.mark.parametrize(
        ("line", "shown"),
        [
            ("::error::x", "\\::error::x"),
            (" \t ::add-mask::x", " \t \\::add-mask::x"),
            ("a ##[group]x", "a ##\\[group]x"),
            ("###[error]x", "###\\[error]x"),
            ("a\r::error::x", "a\r\\::error::x"),
            ("a\n\n\u2003::error::x", "a\n\n\u2003\\::error::x"),
            ("std::string stays", "std::string stays"),
        ],
    )
    def test_breaks_commands_where_eyes_see_it(self, line: str, shown: str) -> None:
        assert for_actions_log(line) == shown


def parsed(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


class TestMarkdown:
    @pytest.mark.parametrize(
        ("text", "markdown"),
        [
            ("plain words", "plain words"),
            ("ask @octocat about #12", "ask `@octocat` about `#12`"),
            ("see https://evil.example/x now", "see `https://evil.example/x` now"),
            ("WWW.evil.example and gH-12", "`WWW.evil.example` and `gH-12`"),
            ("<img src=x> & co", "&lt;img src=x&gt; &amp; co"),
            ("1. no list", "1\\. no list"),
            ("a|b", "a&#124;b"),
            ("*bold* [x](y)", "\\*bold\\* \\[x\\](y)"),
            ("at 0123abc :tada:", "at `0123abc` `:tada:`"),
            ("\u202eabc", "\\\\u202eabc"),
            ("", ""),
        ],
    )
    def test_a_phrase_shows_as_written(self, text: str, markdown: str) -> None:
        assert for_markdown(text) == markdown

    @settings(max_examples=400)
    @given(st.text(st.sampled_from(ALIVE_IN_MARKDOWN) | st.characters(), max_size=50))
    def test_a_phrase_is_inert_and_complete(self, text: str) -> None:
        tokens = parsed(for_markdown(text))
        assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
        children = [child for token in tokens for child in token.children or []]
        assert {child.type for child in children} <= {"text", "code_inline"}
        assert "".join(child.content for child in children).strip() == for_terminal(text).strip()
        loose = "".join(child.content for child in children if child.type == "text")
        assert re.search(r"[@#$]|://|www\.|gh-[0-9]", loose, re.IGNORECASE) is None

    @settings(max_examples=200)
    @given(st.text(st.sampled_from(ALIVE_IN_MARKDOWN), max_size=40))
    def test_a_phrase_keeps_its_table_cell(self, text: str) -> None:
        tokens = parsed(f"| a | b |\n|---|---|\n| {for_markdown(text)} | end |\n")
        assert [token.type for token in tokens].count("td_open") == 2
        cells = [token for token in tokens if token.type == "inline"]
        assert cells[-1].content == "end"

    @settings(max_examples=200)
    @given(st.text(st.sampled_from("` a@#\n") | st.characters(), max_size=30))
    def test_inline_code_holds_anything(self, text: str) -> None:
        (_, inline, _) = parsed(f"x{inline_code(text)}y")
        children = [child for child in inline.children or [] if child.type != "text"]
        assert [child.type for child in children] == ["code_inline"]
        assert children[0].content == (for_terminal(text) if text.strip(" ") else " ")

    @settings(max_examples=200)
    @given(st.text(st.sampled_from("`~ a\n") | st.characters(), max_size=60))
    def test_nothing_closes_a_fence_from_inside(self, text: str) -> None:
        tokens = parsed(f"before\n\n{fence(text, 'text')}\nafter\n")
        assert [token.type for token in tokens if token.level == 0][2] == "fence"
        block = next(token for token in tokens if token.type == "fence")
        assert block.info == "text"
        assert tokens[-2].content == "after"
        assert block.content.replace("\t", "\\t").rstrip("\n") == lines_for_terminal(text).rstrip("\n")

    def test_a_fence_takes_the_shorter_bar(self) -> None:
        assert fence("```", "yaml").startswith("~~~yaml\n")
        assert fence("```\n~~~~").startswith("````\n")

    def test_a_language_that_is_none_is_dropped(self) -> None:
        assert fence("x", "a b`\n@me") == "```\nx\n```\n"


class TestXmlAndJson:
    @settings(max_examples=200)
    @given(ANY_TEXT)
    def test_xml_is_well_formed_in_content_and_attributes(self, text: str) -> None:
        written = for_xml(text)
        element = ElementTree.fromstring(f'<a b="{written}">{written}</a>')  # our own text
        assert element.text == element.attrib["b"] or not text
        assert "\n" not in written

    def test_xml_keeps_what_is_allowed(self) -> None:
        assert for_xml("<a & 'b'>\n\t\"") == "&lt;a &amp; &apos;b&apos;&gt;&#10;&#9;&quot;"
        assert for_xml("\x00\x0b\ufffe\ud800]]>") == "\\x00\\x0b\\ufffe\\ud800]]&gt;"
        assert for_xml("##[error]x [ok]") == "##&#91;error]x [ok]"

    @settings(max_examples=200)
    @given(st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
    def test_json_keeps_the_value_and_hides_nothing(self, value: dict[str, str]) -> None:
        document = for_json(json.dumps(value, ensure_ascii=False, indent=2))
        assert json.loads(document) == json.loads(json.dumps(value))
        assert lines_for_terminal(document) == document
        document.encode()

    def test_json_escapes_pairs_and_commands(self) -> None:
        assert for_json('"\U000e0041##[error]x"') == '"\\udb40\\udc41##\\u005berror]x"'


@pytest.mark.parametrize(
    "escape", [for_terminal, lines_for_terminal, for_actions_log, for_markdown, inline_code, fence, for_xml]
)
@pytest.mark.parametrize("unit", ["`", "~", "\n ::", "\n", ":a", "##[", "\u200d", "#", "|", "a" * 7, " "])
def test_a_long_text_of_anything_is_linear(escape: Callable[[str], str], unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert min(timeit.repeat(lambda: escape(text), number=1, repeat=2)) < 2
