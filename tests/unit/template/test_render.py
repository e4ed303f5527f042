"""Values into texts: spelled as JSON, never read again, never too much."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from catalog_tool.errors import CatalogError
from catalog_tool.model import limits
from catalog_tool.template import (
    BadValueError,
    MissingVariableError,
    RenderLimitError,
    TemplateError,
    parse,
    render_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<b> & {{x}} {{> p}}", "<b> & {{x}} {{> p}}"),
        (256.0, "256"),
        (0.1, "0.1"),
        (1e21, "1e+21"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ("", ""),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert render_text(parse("[{{x}}|{{{x}}}|{{& x}}]"), {"x": value}) == f"[{text}|{text}|{text}]"


class Loud:
    """Something that is no JSON: nothing of it may ever be asked."""

    secret = "s"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)

    def __str__(self) -> str:
        raise AssertionError

    def __bool__(self) -> bool:
        raise AssertionError


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1,), pytest.param(Loud(), id="object"), math.nan, 2**53, b"x", {1}])
def test_what_cannot_be_written(value: Any) -> None:
    with pytest.raises(BadValueError, match=r"^x: ") as caught:
        render_text(parse("{{x}}"), {"x": value})
    assert caught.value.name == "x"
    assert (caught.value.kind, caught.value.exit_code) == ("usage", 2)
    assert isinstance(caught.value, CatalogError)


def test_only_keys_are_looked_up() -> None:
    for text in ("{{x.secret}}", "{{x.__class__}}", "{{x.upper}}", "{{__class__}}"):
        with pytest.raises(MissingVariableError):
            render_text(parse(text), {"x": Loud() if "secret" in text else "str"})
    with pytest.raises(BadValueError):
        render_text(parse("{{#x}}a{{/x}}"), {"x": Loud()})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "no"),
        (False, "no"),
        (0, "no"),
        ("", "no"),
        ([], "no"),
        ({}, "yes"),
        ("0", "yes"),
        (1, "yes"),
        ([0], "yes"),
        ([1, 2], "yesyes"),
    ],
)
def test_truth_in_sections(value: Any, text: str) -> None:
    assert render_text(parse("{{#x}}yes{{/x}}{{^x}}no{{/x}}"), {"x": value}) == text


def test_all_missing_names_in_one_error() -> None:
    with pytest.raises(MissingVariableError) as caught:
        render_text(parse("{{a}}{{b.c}}{{a}}{{#d}}x{{/d}}"), {"b": {}})
    assert caught.value.names == ("a", "b.c")


def test_a_declared_name_may_be_absent() -> None:
    item = {"type": "object", "properties": {"name": {}}}
    schema = {"properties": {"a": {}, "items": {"type": "array", "items": item}}}
    template = parse("[{{a}}]{{#items}}<{{name}}>{{/items}}")
    assert render_text(template, {"items": [{}, {"name": "n"}]}, variables=schema) == "[]<><n>"


def test_a_template_with_problems_is_not_rendered() -> None:
    with pytest.raises(TemplateError) as caught:
        render_text(parse("{{x y}}{{z"), {})
    assert [problem.kind for problem in caught.value.problems] == ["bad-name", "unclosed-tag"]


@pytest.mark.parametrize("text", ["{{x}}{{x}}{{x}}", "{{#l}}{{x}}{{/l}}", f"{{{{#l}}}}{'y' * 500_000}{{{{/l}}}}"])
def test_the_output_is_capped(text: str) -> None:
    values = {"x": "x" * (limits.RENDERED_CHARACTERS // 2), "l": [1] * 10}
    with pytest.raises(RenderLimitError):
        render_text(parse(text), values)


@pytest.mark.parametrize(
    "text",
    [
        "{{#l}}" * limits.NESTING + "{{/l}}" * limits.NESTING,
        "{{#l}}" + "{{#f}}{{/f}}" * 5000 + "{{/l}}",
        "{{#l}}" + "{{n}}" * 5000 + "{{/l}}",
    ],
)
def test_loops_that_write_nothing_end_too(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(RenderLimitError):
        render_text(parse(text), {"l": [1] * 10_000, "f": False, "n": None})
    assert time.process_time() - begin < 5


def test_a_literal_text_is_capped_too() -> None:
    with pytest.raises(RenderLimitError):
        render_text(parse("x" * (limits.RENDERED_CHARACTERS + 1)), {})
