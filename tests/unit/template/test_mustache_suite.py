"""The core of the public mustache suite, all of it; where we differ, the table says why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from catalog_tool.template import MissingVariableError, load_text, render_text

CORPORA = os.environ.get("CATALOG_CORPORA")
if not CORPORA:
    pytest.skip(
        "CATALOG_CORPORA is not set: the mustache suite is not run (vectors/mustache/specs)",
        allow_module_level=True,
    )
SPECS = Path(CORPORA) / "vectors" / "mustache" / "specs"

ESCAPING = "prompts are no HTML: nothing is escaped"
ABSENT = "an absent variable is an error unless its schema declares it: then it is empty, as in the suite"
DOT_ROOT = "variables are always an object: a dot needs a section around it"
NO_PARTIAL = "a missing partial is an error, never silently empty"
CYCLE = "partials are expanded before rendering, so one that includes itself has no end"
DELIMITERS = "set-delimiter tags are refused where partials are: their meaning would leak across files"


class Deviation(NamedTuple):
    """``text`` is what we render instead, ``problem`` what we report, ``declared`` what makes it pass."""

    reason: str
    text: str | None = None
    problem: str | None = None
    declared: dict[str, Any] | None = None


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_CANNOT = _object(cannot={"type": "string"})
_PLAIN = 'These characters should be HTML escaped: & " < >\n'

DEVIATIONS = {
    ("interpolation", "HTML Escaping"): Deviation(ESCAPING, text=_PLAIN),
    ("sections", "Implicit Iterator - HTML Escaping"): Deviation(ESCAPING, text='"(&)(")(<)(>)"'),
    ("interpolation", "Basic Context Miss Interpolation"): Deviation(ABSENT, declared=_CANNOT),
    ("interpolation", "Triple Mustache Context Miss Interpolation"): Deviation(ABSENT, declared=_CANNOT),
    ("interpolation", "Ampersand Context Miss Interpolation"): Deviation(ABSENT, declared=_CANNOT),
    ("interpolation", "Dotted Names - Broken Chains"): Deviation(ABSENT, declared=_object(a=_object(b=_object(c={})))),
    ("interpolation", "Dotted Names - Broken Chain Resolution"): Deviation(
        ABSENT, declared=_object(a=_object(b=_object(c=_object(name={}))))
    ),
    ("interpolation", "Dotted Names - Context Precedence"): Deviation(
        ABSENT, declared=_object(a=_object(b=_object(c={})))
    ),
    ("interpolation", "Dotted Names are never single keys"): Deviation(ABSENT, declared=_object(a=_object(b={}))),
    ("interpolation", "Implicit Iterators - Basic Interpolation"): Deviation(DOT_ROOT, problem="dot-outside-section"),
    ("interpolation", "Implicit Iterators - HTML Escaping"): Deviation(DOT_ROOT, problem="dot-outside-section"),
    ("interpolation", "Implicit Iterators - Triple Mustache"): Deviation(DOT_ROOT, problem="dot-outside-section"),
    ("interpolation", "Implicit Iterators - Ampersand"): Deviation(DOT_ROOT, problem="dot-outside-section"),
    ("interpolation", "Implicit Iterators - Basic Integer Interpolation"): Deviation(
        DOT_ROOT, problem="dot-outside-section"
    ),
    ("sections", "Implicit Iterator - Root-level"): Deviation(DOT_ROOT, problem="dot-outside-section"),
    ("partials", "Failed Lookup"): Deviation(NO_PARTIAL, problem="unknown-partial"),
    ("partials", "Recursion"): Deviation(CYCLE, problem="partial-cycle"),
    ("delimiters", "Partial Inheritence"): Deviation(DELIMITERS, problem="partial-delimiters"),
    ("delimiters", "Post-Partial Behavior"): Deviation(DELIMITERS, problem="partial-delimiters"),
}

CASES = {
    (path.stem, case["name"]): case
    for path in sorted(SPECS.glob("*.json"))
    if not path.name.startswith("~")
    for case in json.loads(path.read_text(encoding="utf-8"))["tests"]
}


def render(case: dict[str, Any], variables: dict[str, Any] | None = None) -> str:
    loaded = load_text(case["template"], case.get("partials", {}).get)
    assert loaded.problems == ()
    return render_text(loaded.template, case["data"], variables=variables)


def test_the_whole_core_is_there() -> None:
    assert {name for name, _ in CASES} == {
        "comments",
        "delimiters",
        "interpolation",
        "inverted",
        "partials",
        "sections",
    }
    assert len(CASES) == 136
    assert set(DEVIATIONS) <= set(CASES)


@pytest.mark.parametrize("key", [key for key in CASES if key not in DEVIATIONS], ids=" · ".join)
def test_as_the_suite_says(key: tuple[str, str]) -> None:
    assert render(CASES[key]) == CASES[key]["expected"]


@pytest.mark.parametrize("key", DEVIATIONS, ids=" · ".join)
def test_deviation(key: tuple[str, str]) -> None:
    case, deviation = CASES[key], DEVIATIONS[key]
    if deviation.problem is not None:
        loaded = load_text(case["template"], case.get("partials", {}).get)
        assert {problem.kind for problem in loaded.problems} == {deviation.problem}
    elif deviation.declared is not None:
        with pytest.raises(MissingVariableError):
            render(case)
        assert render(case, deviation.declared) == case["expected"]
    else:
        assert render(case) == deviation.text != case["expected"]


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("{{<parent}}{{/parent}}", "unsupported-tag"),
        ("{{$block}}default{{/block}}", "unsupported-tag"),
        ("{{>*dynamic}}", "unsupported-tag"),
    ],
)
def test_what_is_beyond_the_core_is_refused(template: str, kind: str) -> None:
    assert load_text(template, {}.get).problems[0].kind == kind
