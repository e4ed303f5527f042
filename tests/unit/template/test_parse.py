"""Mustache text to templates: names, places, and every problem."""

from __future__ import annotations

import gc
import time

import pytest

from catalog_tool.model import limits
from catalog_tool.template import Use, parse, used_names
from catalog_tool.template.nodes import Section, Variable


def problems(text: str) -> list[tuple[str, int]]:
    return [(problem.kind, problem.offset) for problem in parse(text).problems]


def test_text_without_tags_is_one_node() -> None:
    assert parse("plain } { text").nodes == ("plain } { text",)


def test_nodes() -> None:
    assert parse("a {{ b.c }}{{#d}}x{{/d}}{{^e}}{{/e}}{{{f}}}{{& g }}").nodes == (
        "a ",
        Variable("b.c", ("b", "c"), 2),
        Section("d", ("d",), 11, False, ("x",)),
        Section("e", ("e",), 24, True, ()),
        Variable("f", ("f",), 36),
        Variable("g", ("g",), 43),
    )


def test_names_are_uses_in_written_order() -> None:
    template = parse("{{b}}{{#a}}{{.}}{{c.d}}{{/a}}{{b}}{{! {not} }}")
    assert template.names == (
        Use("b", 0, "variable"),
        Use("a", 5, "section"),
        Use("c.d", 16, "variable"),
        Use("b", 29, "variable"),
    )
    assert used_names(template) == ("b", "a", "c.d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{b", [("unclosed-tag", 2)]),
        ("a {{b {{c}}", [("unclosed-tag", 2)]),
        ("{{{a}} {{b}}", [("unclosed-tag", 0)]),
        ("{{}}", [("bad-name", 0)]),
        ("{{ #a }}", [("bad-name", 0)]),
        ("{{a b}}", [("bad-name", 0)]),
        ("{{a.}}", [("bad-name", 0)]),
        ("{{1a}}", [("bad-name", 0)]),
        ("{{café}}", [("bad-name", 0)]),
        ("{{a\x00}}", [("bad-name", 0)]),
        ("{{__class__}}", []),
        ("{{.}}", [("dot-outside-section", 0)]),
        ("{{#.}}{{/.}}", [("dot-outside-section", 0)]),
        ("{{^a}}{{.}}{{/a}}", [("dot-outside-section", 6)]),
        ("{{#a}}{{^b}}{{.}}{{/b}}{{/a}}", []),
        ("{{#a}}", [("unclosed-section", 0)]),
        ("{{/a}}", [("unopened-section", 0)]),
        ("{{#a}}{{#b}}{{/a}}", [("unclosed-section", 6)]),
        ("{{#a}}{{/b}}{{/a}}", [("unopened-section", 6)]),
        ("{{<a}}", [("unsupported-tag", 0)]),
        ("{{$a}}", [("unsupported-tag", 0)]),
        ("{{> a}}", [("unexpanded-partial", 0)]),
        ("{{=a=}}", [("bad-delimiters", 0)]),
        ("{{=a = b=}}", [("bad-delimiters", 0)]),
    ],
)
def test_every_problem_with_its_place(text: str, expected: list[tuple[str, int]]) -> None:
    assert problems(text) == expected


def test_all_problems_of_a_text_in_order() -> None:
    found = ["bad-name", "dot-outside-section", "unopened-section", "unclosed-tag"]
    assert [kind for kind, _ in problems("{{a b}} {{.}} {{/x}} {{y")] == found


def test_a_bad_section_name_is_reported_once_and_its_inside_still_read() -> None:
    template = parse("{{#if x}}{{y}}{{/if x}}")
    assert [problem.kind for problem in template.problems] == ["bad-name"]
    assert used_names(template) == ("y",)


def test_offsets_count_code_points() -> None:
    assert parse("😀é{{x}}").names == (Use("x", 2, "variable"),)


def test_a_run_of_braces_is_one_problem() -> None:
    assert problems("{" * 1000 + "x}}}") == [("unclosed-tag", 0)]


def test_nesting_is_bounded() -> None:
    deep = limits.NESTING
    assert problems("{{#a}}" * deep + "{{/a}}" * deep) == []
    assert problems("{{#a}}" * (deep + 1) + "{{/a}}" * (deep + 1)) == [("nesting", deep * 6)]


def test_messages_quote_little() -> None:
    (problem,) = parse("{{" + "x y" * 10_000 + "}}").problems
    assert len(problem.message) < 300


@pytest.mark.parametrize(
    "unit",
    ["{{", "{{x}}", "{{{a}} ", "{{#a}}", "{{}}", "{{{{}} ", "{{!}}", " {{!}}\n", "{{/a}}", "{{^a}}{{/a}}",
     "{{a ", "{{= =}}", "{{=a", "}}", "{{" + " " * 50, "{{#a", "{", "{{=| |=}}|x|", "{{! {{", "{{&"],
)  # fmt: skip
@pytest.mark.parametrize("tail", ["", "}}", "}}}"])
def test_time_is_linear(unit: str, tail: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit)) + tail
        begin = time.process_time()
        parse(text)
        return time.process_time() - begin

    gc.disable()  # as commands do; a collection in the one and none in the other is not what is asked about
    try:
        small, large = (min(seconds(size) for _ in range(5)) for size in (2**14, 2**17))
    finally:
        gc.enable()
    assert large < 8 * small * 5 + 0.05  # what is quadratic takes 64 times as long


def test_a_mebibyte_of_braces_is_quick() -> None:
    begin = time.process_time()
    assert len(parse("{{" * 2**19).problems) == 1
    assert time.process_time() - begin < 0.5
