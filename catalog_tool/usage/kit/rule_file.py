"""Rule files of Prometheus: what a rule is, and how a file of them is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_:]*")


class Recording(NamedTuple):
    """A series to keep: its name, the expression that makes it, labels to add."""

    name: str
    expr: str
    labels: Mapping[str, str] = {}


class Alert(NamedTuple):
    """An alert: what must hold, for how long, and what is said; ``{{ $labels.x }}`` may stand in it."""

    name: str
    expr: str
    lasting: str
    severity: str
    summary: str
    description: str


class Group(NamedTuple):
    """Rules that are evaluated one after the other, every ``interval``."""

    name: str
    interval: str
    rules: Sequence[Recording | Alert]


def rule_file(said: str, groups: Sequence[Group]) -> str:
    """The file as YAML, below a comment; ``said`` is one line. Any text may stand in labels and annotations."""
    lines = [f"# {said}", "groups:" if groups else "groups: []"]
    for group in groups:
        lines += [f"  - name: {group.name}", f"    interval: {group.interval}"]
        lines.append("    rules:" if group.rules else "    rules: []")
        for rule in group.rules:
            lines += _recording(rule) if isinstance(rule, Recording) else _alert(rule)
    return "\n".join(lines) + "\n"


def _recording(rule: Recording) -> Iterator[str]:
    yield f"      - record: {rule.name}"
    yield from _expression(rule.expr)
    yield from _texts("labels", rule.labels)


def _alert(rule: Alert) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield from _expression(rule.expr)
    yield f"        for: {rule.lasting}"
    yield from _texts("labels", {"severity": rule.severity})
    yield from _texts("annotations", {"summary": rule.summary, "description": rule.description})


def _expression(expr: str) -> Iterator[str]:
    if "\n" not in expr:
        yield f"        expr: {quoted(expr)}"
        return
    yield "        expr: |-"
    yield from (f"          {line}" for line in expr.split("\n"))


def _texts(key: str, texts: Mapping[str, str]) -> Iterator[str]:
    if texts:
        yield f"        {key}:"
        yield from (f"          {name}: {_scalar(text)}" for name, text in texts.items())


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else quoted(text)


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def quoted(text: str) -> str:
    """A text as a scalar in double quotes, in ASCII: no character of it can end the scalar or start anything."""
    return _NOT_ASCII.sub(lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False))
