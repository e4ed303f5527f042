"""From differences to changes: whose side a schema is on decides what breaks (design §7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from catalog_tool.diff.rules import RULE
from catalog_tool.diff.schema.delta import Delta
from catalog_tool.diff.schema.wording import sentence, thing, value
from catalog_tool.diff.schema.written import Written


class SchemaChange(NamedTuple):
    """One change of a schema.

    ``path`` is an RFC 6901 pointer into the schema (the new one, or the old one for what went), with
    the caller's base in front; ``op`` is ``added``, ``removed`` or ``changed``; ``before`` and
    ``after`` are JSON values, None for absent. ``rule`` is an id of ``catalog_tool.diff.rules``,
    ``contract`` and ``behaviour`` are its levels here. ``message`` is one sentence; names in it are
    as written. ``also`` are other pointers that this change accounts for.
    """

    path: str
    op: str
    before: Any
    after: Any
    rule: str
    contract: str
    behaviour: str
    message: str
    also: tuple[str, ...] = ()


Judgement = tuple[str, bool]
"""A rule's id, and whether code on the other side can fail."""


def _as_variables(delta: Delta) -> Judgement:
    breaks = delta.refuses
    if delta.kind == "required-on" or (delta.kind == "member-added" and not delta.optional):
        return "var-required-added", True
    if delta.kind == "member-added":
        return ("var-narrowed" if breaks else "var-optional-added"), breaks
    if delta.kind == "member-removed":
        return "var-removed", breaks
    if delta.kind == "member-renamed":
        return "var-renamed", True
    return ("var-narrowed" if breaks else "var-widened"), breaks


def _as_returns(delta: Delta) -> Judgement:
    return "tool-returns", _as_variables(delta)[1]


def _as_arguments(delta: Delta) -> Judgement:
    if delta.kind == "member-added":
        return "tool-arg-added", delta.accepts
    if delta.kind in ("member-removed", "member-renamed", "required-off"):
        return "tool-arg-dropped", True
    return ("tool-arg-widened" if delta.accepts else "tool-arg-narrowed"), delta.accepts


def _as_output(delta: Delta) -> Judgement:
    if delta.kind == "member-added" and delta.optional:
        return "output-optional-added", delta.accepts
    if delta.kind in ("member-removed", "member-renamed", "required-off"):
        return "output-loosened", True
    return ("output-loosened" if delta.accepts else "output-tightened"), delta.accepts


_SIDES: Mapping[str, Callable[[Delta], Judgement]] = {
    "variables": _as_variables,
    "tool-returns": _as_returns,
    "tool-arguments": _as_arguments,
    "output": _as_output,
}

_TEXT = {
    "variables": "var-text",
    "tool-returns": "var-text",
    "tool-arguments": "tool-text",
    "output": "output-text",
}


def judged(delta: Delta, side: str) -> SchemaChange:
    """The change that a difference of meaning is for one side."""
    rule, breaks = ("undecided", True) if delta.relation.unknown else _SIDES[side](delta)
    return SchemaChange(
        delta.path,
        _op(delta.before, delta.after) if delta.kind != "member-renamed" else "changed",
        delta.before,
        delta.after,
        rule,
        "major" if breaks else "minor",
        RULE[rule].behaviour,
        sentence(delta, side, breaks=breaks),
        delta.also,
    )


def annotated(difference: Written, side: str) -> SchemaChange:
    """The change that a text, a default or the order of properties is for one side."""
    about = thing(side, difference.path)
    keyword = difference.path.rpartition("/")[2]
    if difference.what == "order":
        rule = "schema-order"
        message = f"{about}: fields are written in another order: {', '.join(difference.after)}"
    elif difference.what == "default" and side == "variables":
        rule = "var-default"
        message = f"{about}: {_default(difference)}: callers that leave it out get another text"
    else:
        rule = _TEXT[side]
        read = "nothing renders it" if rule == "var-text" else "the model reads it"
        message = f"{about}: `{keyword}` {_verb(difference)}: {read}"
    return _change(difference.path, difference.before, difference.after, rule, message)


def respelled(path: str, before: Any, after: Any, side: str) -> SchemaChange:
    """The change that another spelling of the same set of values is."""
    message = f"{thing(side, path)}: written another way, the same values are accepted"
    return _change(path, before, after, "schema-respelled", message)


def _change(path: str, before: Any, after: Any, rule: str, message: str) -> SchemaChange:
    known = RULE[rule]
    return SchemaChange(path, _op(before, after), before, after, rule, known.contract, known.behaviour, message)


def _default(difference: Written) -> str:
    if difference.before is None:
        return f"default {value(difference.after)} came"
    if difference.after is None:
        return f"default {value(difference.before)} went"
    return f"default changed from {value(difference.before)} to {value(difference.after)}"


def _verb(difference: Written) -> str:
    return {"added": "came", "removed": "went", "changed": "changed"}[_op(difference.before, difference.after)]


def _op(before: Any, after: Any) -> str:
    if before is None and after is not None:
        return "added"
    return "removed" if after is None and before is not None else "changed"
