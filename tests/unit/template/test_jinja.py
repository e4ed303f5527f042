"""Engine jinja: plain JSON in, text out, and no way to work for long."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from catalog_tool.template import (
    Allowance,
    BadValueError,
    MissingExtraError,
    MissingVariableError,
    RenderError,
    RenderLimitError,
    TemplateError,
    check_names,
    engine_named,
    infer_variables,
    render_messages,
    render_text,
    used_names,
)

pytest.importorskip("jinja2")
JINJA = engine_named("jinja")
VALUES: dict[str, Any] = {
    "x": 1.50,
    "s": "a{{x}}b",
    "list": [3, 1, {"k": "v"}],
    "d": {"items": 3, "b": [True, None]},
    "big": "z" * 1_000_000,
    "texts": ["y" * 1_000_000] * 50,
    "wide": [0] * 1_000_000,
    "copy": [0] * 1_000_000,
    "keys": {str(number): number for number in range(100_000)},
}


def render(text: str, values: dict[str, Any] | None = None, schema: dict[str, Any] | None = None) -> str:
    template = JINJA.parse(text)
    assert template.problems == ()
    return JINJA.render(template, VALUES if values is None else values, schema or {}, Allowance())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no tags {x}\r\n", "no tags {x}\r\n"),
        ("{{ x }} {{ s }} {{ true }}{{ none }}\n", "1.5 a{{x}}b true\n"),
        ("{{ d.items }} {{ d['b'][0] }} {{ d.get('q', 4) }}", "3 true 4"),
        ("{% for i in list[:2] %}{{ loop.index }}:{{ i }}{{ ',' if not loop.last }}{% endfor %}", "1:3,2:1"),
        (
            "{% macro m(n) %}<{{ n }}{{ caller() }}>{% endmacro %}{% call m(s) %}in{% endcall %}",
            "<a{{x}}bin>",
        ),
        (
            "{% set n = namespace(a=0) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% endfor %}{{ n.a }}",
            "3",
        ),
        ("{% set t %}{{ x }}!{% endset %}{{ t ~ 2.0 ~ true }}", "1.5!2true"),
        ("{{ list|tojson }} {{ {'é\"': [1e21, none]}|tojson }}", '[3,1,{"k":"v"}] {"é\\"":[1e+21,null]}'),
        ("{{ [3, 1]|sort|join('-') }} {{ [1, 2]|sum }} {{ 2.567|round(1) }}", "1-3 3 2.6"),
        ("{{ 'a b'|title|replace('B', 'C')|trim('A') }} {{ ' x '.strip() }}", " C x"),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ ', '.join(['a', 'b']) }} {{ 'a,b'.split(',')|length }}", "a, b 2"),
        ("{{ list|selectattr('k', 'defined')|map(attribute='k')|join }}", ""),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        (
            "{{ 1 in list }} {{ 'z' in s }} {{ 7 // 2 }} {{ 2 ** 10 }} {{ 1 < 2 < 3 }}",
            "true false 3 1024 true",
        ),
        ("{% raw %}{{ x }}{% endraw %}{# no #}", "{{ x }}"),
        ("{% filter upper %}{{ s }}{% endfilter %}", "A{{X}}B"),
        ("{% if nope is defined %}a{% else %}b{% endif %}{{ nope|default('c') }}", "bc"),
    ],
)
def test_rendering(text: str, expected: str) -> None:
    if "selectattr" in text:
        assert render(text, {"list": [{"a": 1}]}) == expected
    else:
        assert render(text) == expected


def test_a_declared_variable_without_a_value_is_empty_and_undefined() -> None:
    schema = {"properties": {"tone": {"type": "string"}}}
    assert render("{{ tone }}|{{ tone|default('w') }}|{{ tone is defined }}", {}, schema) == "|w|false"
    with pytest.raises(MissingVariableError) as caught:
        render("{{ other }}", {}, schema)
    assert caught.value.names == ("other",)


@pytest.mark.parametrize("text", ["{{ list }}", "{{ d }}", "{{ range(2) }}", "{{ 9**9**9 }}", "{{ self }}"])
def test_only_scalars_are_written(text: str) -> None:
    with pytest.raises(BadValueError):
        render(text)


DOUBLING = "".join(
    "{% macro m" + str(n) + "() %}{% set y = m" + str(n + 1) + "() %}{% set y = m" + str(n + 1) + "() %}{% endmacro %}"
    for n in range(60)
)
LIMITED = [
    DOUBLING + "{% macro m60() %}{% endmacro %}{{ m0() }}",
    "{% for i in range(10**9) %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) if false %}{% endfor %}" * 3,
    "{% for i in range(50000) %}" + "x" * 5000 + "{% endfor %}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [0] * 10**9 }}",
    "{{ 7 ** 9999999 ** 99 }}",
    "{{ 2 ** -99999999999 }}",
    "{{ 5|round(-10**9) }}",
    "{{ 'a'|indent(10**9) }}",
    "{{ big|replace('z', big) }}",
    "{{ texts|join(big) }}",
    "{{ big.strip(big) }}",
    "{{ big|trim(big) }}",
    "{{ ('f' * 900000)|int(base=16) % 7 }}",
    "{{ (('f' * 900000)|int(base=16)) is divisibleby(3) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro a(n) %}{% for i in range(9) %}{{ a(n) }}{% endfor %}{% endmacro %}{{ a(1) }}",
    "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(60) }}",
    "{% set n = namespace(s='aa') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "{% set n = namespace(s='aa') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% set n = namespace(s=9) %}{% for i in range(60) %}{% set n.s = n.s * n.s %}{% endfor %}",
    *(
        "{% set n = namespace(s=" + start + ") %}{% for i in range(" + rounds + ") %}" + body
        for start, rounds, body in (
            ("'a'", "60", "{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}"),
            ("[1]", "40", "{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s == n.s }}"),
            ("[1]", "20000", "{% set n.s = [n.s] %}{% endfor %}{{ n.s|tojson }}"),
        )
    ),
    *(
        "{% for i in range(90000) %}{% set y = " + work + " %}{% endfor %}"
        for work in (
            "i in range(99999)",
            "'q' in big",
            "'q' in keys",
            "wide[1:]",
            "'q' in wide",
            "wide == copy",
            "wide is eq(copy)",
            "texts|sort",
            "big|upper",
            "big.upper()",
            "big ~ 'x'",
            "dict(keys)",
            "namespace(keys)",
            "keys.items()",
            "texts|map('lower')",
            "[1]|select('in', texts)",
            "texts == texts",
            "[" + "1," * 500 + "]",
        )
    ),
]


@pytest.mark.parametrize("text", LIMITED, ids=[text[:60] for text in LIMITED])
def test_the_work_limit(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(RenderLimitError):
        render(text)
    assert time.process_time() - begin < 3


@pytest.mark.parametrize(
    "text",
    [
        "{{ s.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ s['__class__'] }}",
        "{{ x.real }}",
        "{{ range.__call__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ dict.fromkeys }}",
        "{{ ''.format }}",
        "{{ '{:>9}'.format(1) }}",
        "{{ '%9d' % 1 }}",
        "{{ 'x'.center(10**9) }}",
        "{{ list.append(1) }}",
        "{{ d.update({}) }}",
        "{{ d.items() }}",
        "{{ lipsum(n=9) }}",
        "{{ cycler }}",
        "{{ 1 / 0 }}",
        "{{ [[1]]|sum(start=[]) }}",
        "{% set s.x = 3 %}",
        "{{ s|map('attr', '__class__')|list }}",
        "{{ [1]|map('catalog:nothing')|list|length }}",
        "{{ loop }}",
        "{{ s.upper }}",
        "{{ s.upper[0]('x') }}",
        "{% for i in [1] %}{{ loop() }}{% endfor %}",
        "{% for i in [1] %}{{ loop.changed(1) }}{% endfor %}",
    ],
)
def test_what_is_out_of_reach(text: str) -> None:
    with pytest.raises(RenderError):
        render(text)


def test_work_cannot_be_given_back() -> None:
    text = "{% for i in range(99999) %}{% set y = [-99999]|map('catalog:spend')|first %}{% endfor %}"
    with pytest.raises(RenderLimitError):
        render(text)


def test_the_line_of_a_failure_is_told_but_no_value() -> None:
    with pytest.raises(RenderError, match="line 3: ValueError") as caught:
        render("a\nb\n{{ s|round }}", {"s": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "offset"),
    [
        ("a\n{% include 'x' %}", "unsupported-tag", 2),
        ("{% import 'x' as x %}", "unsupported-tag", 0),
        ("{% from 'x' import x %}", "unsupported-tag", 0),
        ("{% extends 'x' %}", "unsupported-tag", 0),
        ("{% block a %}{% endblock %}", "unsupported-tag", 0),
        ("{% autoescape true %}{% endautoescape %}", "unsupported-tag", 0),
        ("{% for i in x recursive %}{% endfor %}", "unsupported-tag", 0),
        ("{{ 1e999 }}", "unsupported-tag", 0),
        ("é\n\n{{ x", "jinja-syntax", 3),
        ("{{ x|center(3) }}", "jinja-syntax", 0),
        ("{{ x is sameas(3) }}", "jinja-syntax", 0),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "jinja-syntax", 0),
        ("{{ " + "9" * 100_000 + " }}", "jinja-syntax", 0),
        ("{{ 1" + "+1" * 9000 + " }}", "jinja-syntax", 0),
        ("{% for i in x %}" * 21 + "{% endfor %}" * 21, "jinja-syntax", 0),
        ("{{x}}" * 100_000, "too-large", 0),
        ("{{ x }}\r\n", "carriage-return", 0),
    ],
)
def test_problems(text: str, kind: str, offset: int) -> None:
    begin = time.process_time()
    template = JINJA.parse(text)
    assert time.process_time() - begin < 2
    assert [(problem.kind, problem.offset) for problem in template.problems] == [(kind, offset)]
    assert len(template.problems[0].message) < 300
    with pytest.raises(TemplateError):
        JINJA.render(template, {}, {}, Allowance())


def test_names_are_found_without_rendering() -> None:
    text = "a\n{{ x }}{% set q = 1 %}{{ q }}{% for i in list %}{{ i.z }}{% endfor %}\n{{ range(2) }}{{ w.v }}"
    template = JINJA.parse(text)
    assert used_names(template) == ("list", "x", "w")
    report = check_names([template], {"properties": {"x": {}, "w": {}, "u": {}}})
    assert [(use.name, use.offset) for use in report.undeclared] == [("list", 2)]
    assert report.unused == ("u",)
    assert [problem.kind for _, problem in infer_variables([template]).problems] == ["undeclared-variables"] * 3


def test_a_jinja_template_is_not_taken_for_a_mustache_one() -> None:
    with pytest.raises(TypeError):
        render_text(JINJA.parse("{{ x }}"), {"x": 1})


def test_messages_with_jinja() -> None:
    parts = {
        "template": "jinja",
        "variables": {"properties": {"a": {"default": "{{ b }}"}}},
        "messages": [{"role": "user", "content": "{% if a %}{{ a }}{% endif %} {{> no }}"}],
    }
    with pytest.raises(TemplateError):
        render_messages(parts, {})
    parts["messages"] = [{"role": "user", "content": "{% if a %}{{ a }}{% endif %}"}]
    assert render_messages(parts, {}) == [{"role": "user", "content": "{{ b }}"}]


def test_without_the_extra_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from catalog_tool.template import engine_named, MissingExtraError\n"
        "try: engine_named('jinja')\n"
        "except MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'catalog-tool[jinja]'" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert issubclass(MissingExtraError, RenderError)
