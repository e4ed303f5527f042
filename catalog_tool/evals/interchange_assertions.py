"""Expectations of golden cases as promptfoo's assertions; what has no counterpart is named, never approximated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.golden import GoldenCase

Assertion = dict[str, Any]
_TAG = re.compile(r"\{[{%#]|[%#}]\}")
"""What begins or ends a tag in Nunjucks; the end of a comment by itself is an error there."""


def literal(text: str) -> str:
    """Text that promptfoo's template engine (Nunjucks) leaves as it is: nothing in a catalog is ever rendered there."""
    return _TAG.sub(lambda found: "{{ '" + found[0] + "' }}", text)


def assertions_of(case: GoldenCase) -> list[Assertion]:
    """The assertions of one case, without the expectations that have no counterpart."""
    made = (_assertion(expectation) for expectation in case.expect)
    return [assertion for assertion in made if assertion is not None]


def untold(case: GoldenCase) -> list[str]:
    """The types of a case's expectations that cannot be exported, each once, in their order."""
    return list(dict.fromkeys(str(item.get("type")) for item in case.expect if _assertion(item) is None))


def _assertion(expectation: Expectation) -> Assertion | None:
    make = _MAKERS.get(str(expectation.get("type")))
    return make(expectation) if make is not None else None


def _text(name: str) -> Callable[[Expectation], Assertion | None]:
    """The same comparison of a text, where case counts."""

    def make(expectation: Expectation) -> Assertion | None:
        value = expectation.get("value")
        if not isinstance(value, str) or expectation.get("ignore_case"):
            return None
        return {"type": name, "value": literal(value)}

    return make


def _texts(name: str) -> Callable[[Expectation], Assertion | None]:
    """A comparison with one or more texts, which promptfoo also knows without regard to case."""

    def make(expectation: Expectation) -> Assertion | None:
        value = expectation.get("value")
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            return None
        prefix, bare = ("not-", name[4:]) if name.startswith("not-") else ("", name)
        folded = "i" if expectation.get("ignore_case") else ""
        return {"type": f"{prefix}{folded}{bare}", "value": _literals(listed)}

    return make


def _literals(texts: Iterable[str]) -> list[str]:
    return [literal(text) for text in texts]


def _schema(expectation: Expectation) -> Assertion | None:
    value = expectation.get("value")
    return {"type": "is-json", "value": value} if isinstance(value, dict) else None


def _most(name: str) -> Callable[[Expectation], Assertion | None]:
    """A bound of a measurement, in the same unit."""

    def make(expectation: Expectation) -> Assertion | None:
        value = expectation.get("value")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return {"type": name, "threshold": value} if is_number else None

    return make


_MAKERS: Mapping[str, Callable[[Expectation], Assertion | None]] = {
    "contains": _texts("contains-all"),
    "contains_any": _texts("contains-any"),
    "not_contains": _texts("not-contains-any"),
    "regex": _text("regex"),
    "not_regex": _text("not-regex"),
    "is_json": lambda _: {"type": "is-json"},
    "json_schema": _schema,
    "max_cost": _most("cost"),
    "max_latency": _most("latency"),
}
"""Ours → theirs, where both say the same of every answer.

``equals`` and ``starts_with`` pass over white space here and not there; judges and similarity have other
wordings, scales and models. They are judged by ``catalog eval``.
"""
