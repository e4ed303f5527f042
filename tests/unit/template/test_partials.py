"""Partials at text level: the mustache rules, the limits, and where things were written."""

from __future__ import annotations

import time

import pytest

from catalog_tool.model import limits
from catalog_tool.template import Place, expand, load_text

PARTIALS = {
    "safety@v1": "Never share secrets.\n",
    "lines": "one\n\ntwo\n",
    "outer": "<\n  {{> lines}}\n>\n",
    "end": "no newline",
    "both": "{{> end}}\n{{> end}}\n",
    "empty": "",
    "self": "{{> self}}",
    "a": "{{> b}}",
    "b": "x{{> a}}",
    "open": "x {{name",
    "half": "{{#s}}",
    "delims": "{{=| |=}}",
    "brace": "{",
    "names": "1{{good}}\n2 {{bad name}}{{dot.ted}}",
    "row": "- {{.}}\n",
    "team/tone@v12": "Be kind.",
}


def kinds(text: str) -> list[str]:
    return [problem.kind for problem in expand(text, PARTIALS.get).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("For {{a}}. {{> safety@v1}}", "For {{a}}. Never share secrets.\n"),
        ("{{> safety@v1}}\nx", "Never share secrets.\nx"),
        ("  {{> lines}}\nx", "  one\n  \n  two\nx"),
        ("\t{{> outer}}", "\t<\n\t  one\n\t  \n\t  two\n\t>\n"),
        ("a {{> lines}} b", "a one\n\ntwo\n b"),
        ("{{> end}}\nx", "no newlinex"),
        (" {{> both}}\n", " no newline no newline"),
        (" {{> empty}}\nx", "x"),
        ("{{>team/tone@v12}}", "Be kind."),
        ("{{#i}}{{> row}}{{/i}}", "{{#i}}- {{.}}\n{{/i}}"),
        ("no tag", "no tag"),
        ("{{a}} only", "{{a}} only"),
        ("{{! {{> lines}}", "{{! {{> lines}}"),
    ],
)
def test_insertion(text: str, expected: str) -> None:
    expanded = expand(text, PARTIALS.get)
    assert (expanded.text, expanded.problems) == (expected, ())


def test_used_partials_are_listed_once_in_order() -> None:
    text = "{{> outer}}{{> end}}{{> lines}}{{> end}}"
    assert expand(text, PARTIALS.get).partials_used == ("outer", "lines", "end")


def test_each_partial_is_loaded_once() -> None:
    asked: list[str] = []

    def load(reference: str) -> str | None:
        asked.append(reference)
        return PARTIALS.get(reference)

    expand("{{> both}}{{> end}}{{> nope}}{{> nope}}", load)
    assert asked == ["both", "end", "nope"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{> nope}}", ["unknown-partial"]),
        ("{{> safety}}", ["unknown-partial"]),
        ("{{> nope}} {{> gone}}", ["unknown-partial", "unknown-partial"]),
        ("{{> ../../etc/passwd}}", ["bad-partial-name"]),
        ("{{> a@latest}}", ["bad-partial-name"]),
        ("{{>}}", ["bad-partial-name"]),
        ("{{>*name}}", ["unsupported-tag"]),
        ("{{> self}}", ["partial-cycle"]),
        ("{{> a}}", ["partial-cycle"]),
        ("{{> open}}", ["unclosed-tag"]),
        ("{{> half}}x{{/s}}", ["unclosed-section"]),
        ("{{> delims}}", ["partial-delimiters"]),
        ("{{=| |=}}|> end|", ["partial-delimiters"]),
        ("{{> brace}}{x}}", ["partial-seam"]),
        ("{{> brace}}{{> empty}}{{> brace}}", ["partial-seam"]),
        ("{{> brace}} {x}", []),
    ],
)
def test_refusals(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_set_delimiters_without_a_partial_are_fine() -> None:
    text = "{{=<% %>=}}<%x%> {{> literal }}"
    assert expand(text, PARTIALS.get) == (text, (), (), ())


def test_depth() -> None:
    chain = {f"p{number}": f"{{{{> p{number + 1}}}}}" for number in range(1, limits.PARTIAL_DEPTH)}
    chain[f"p{limits.PARTIAL_DEPTH}"] = "deep"
    assert expand("{{> p1}}", chain.get)[:2] == ("deep", ())
    (problem,) = expand("ab{{> p0}}", {**chain, "p0": "{{> p1}}"}.get).problems
    assert (problem.kind, problem.offset, problem.partial) == ("partial-depth", 2, "p7")


def test_a_problem_inside_a_partial_says_where_it_was_written() -> None:
    (problem,) = load_text("é  {{> names}}", PARTIALS.get).problems
    assert problem.kind == "bad-name"
    assert (problem.offset, problem.partial, problem.partial_offset) == (3, "names", 12)


def test_places_survive_indentation_and_nesting() -> None:
    partials = {"in": "x\n\n{{y}}\n", "out": "..\n  {{> in}}\n{{z}}"}
    expanded = expand("ab\n    {{> out}}\n{{w}}", partials.get)
    assert expanded.text == "ab\n    ..\n      x\n      \n      {{y}}\n    {{z}}{{w}}"
    assert expanded.place(expanded.text.index("{{y}}")) == Place(7, "in", partials["in"].index("{{y}}"))
    assert expanded.place(expanded.text.index("{{z}}")) == Place(7, "out", partials["out"].index("{{z}}"))
    assert expanded.place(expanded.text.index("{{w}}")) == Place(17)
    assert expanded.place(0) == Place(0)


def test_the_same_problem_is_not_told_twice() -> None:
    found = load_text("{{> end}} {{name", PARTIALS.get).problems
    assert [(problem.kind, problem.offset) for problem in found] == [("unclosed-tag", 10)]


def test_a_bomb_of_partials_is_stopped() -> None:
    bomb = {f"p{n}": f"{{{{> p{n + 1}}}}}" * 100 for n in range(1, 8)} | {"p8": ""}
    wide = {f"p{n}": f"{{{{> p{n + 1}}}}}" * 20 for n in range(1, 8)} | {"p8": "x" * 1000}
    for partials in (bomb, wide):
        begin = time.process_time()
        expanded = expand("{{> p1}}", partials.get)
        assert time.process_time() - begin < 5
        assert [problem.kind for problem in expanded.problems] == ["expanded-size"]
        assert len(expanded.text) <= limits.RENDERED_CHARACTERS
