"""The sentence that a reviewer reads for one difference between two schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from catalog_tool.diff.schema.delta import Delta
from catalog_tool.diff.schema.documents import fingerprint, split
from catalog_tool.diff.schema.facets import KINDS

SHOWN_CHARACTERS = 60
"""Of a value inside a sentence; the rest is cut and marked."""

NOUNS: Mapping[str, tuple[str, str]] = {
    "variables": ("variable", "the variables"),
    "tool-arguments": ("argument", "the arguments"),
    "tool-returns": ("result field", "the result"),
    "output": ("output field", "the output"),
}
"""For each side: what one member is called, and the whole."""

_INTO: Mapping[str, str] = {"items": "[]", "unevaluatedItems": "[]", "contains": "[]"}
_MEMBERS: Mapping[str, str] = {"additionalProperties": ".*", "unevaluatedProperties": ".*"}
_SKIPPED = {"anyOf": 2, "oneOf": 2, "allOf": 2, "dependentSchemas": 2}
_SKIPPED |= {"not": 1, "if": 1, "then": 1, "else": 1, "propertyNames": 1}


def label(pointer: str) -> str:
    """The dotted name of what a pointer into a schema is about: ``filters.tags[]``; empty for the whole."""
    parts = split(pointer)
    name = ""
    while parts:
        part = parts[0]
        step = 1
        if part in ("properties", "patternProperties") and len(parts) > 1:
            name, step = f"{name}.{parts[1]}", 2
        elif part in ("$defs", "definitions") and len(parts) > 1:
            name, step = f".{parts[1]}", 2
        elif part == "prefixItems" and len(parts) > 1:
            name, step = f"{name}[{parts[1]}]", 2
        elif part in _INTO or part in _MEMBERS:
            name += _INTO.get(part) or _MEMBERS[part]
        elif part in _SKIPPED:
            step = _SKIPPED[part]
        else:
            break
        parts = parts[step:]
    return name.removeprefix(".")


def thing(side: str, pointer: str) -> str:
    """What a pointer is about, in words: ``argument `priority```."""
    noun, whole = NOUNS[side]
    if any(part in ("$defs", "definitions") for part in split(pointer)):
        noun = "definition"
    name = label(pointer)
    return f"{noun} `{name}`" if name else whole


def value(shown: Any) -> str:
    """A JSON value inside a sentence."""
    text = json.dumps(shown, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def sentence(delta: Delta, side: str, *, breaks: bool) -> str:
    """One sentence: what changed, and what that means for the code on the other side."""
    if delta.relation.unknown:
        reason = delta.reason or f"`{delta.name or delta.kind}` changed"
        return f"{thing(side, delta.path)}: {reason}: not decided, so it counts as breaking"
    said = _KINDS[delta.kind](delta, side)
    return f"{said}: {_consequence(delta, side, breaks=breaks)}"


def _member(delta: Delta, side: str, name: str) -> str:
    """The member that a ``required`` list names, beside the object that the list stands in."""
    noun, _ = NOUNS[side]
    owner = label(delta.path.rpartition("/")[0])
    return f"{noun} `{owner}.{name}`" if owner else f"{noun} `{name}`"


def _added(delta: Delta, side: str) -> str:
    return f"{thing(side, delta.path)} came, {'optional' if delta.optional else 'required'}"


def _removed(delta: Delta, side: str) -> str:
    return f"{thing(side, delta.path)} went"


def _renamed(delta: Delta, side: str) -> str:
    noun, _ = NOUNS[side]
    owner, _, _ = label(delta.path).rpartition(".")
    before = f"{owner}.{delta.before}" if owner else delta.before
    return f"{noun} `{before}` is now called `{delta.after}`"


def _required_on(delta: Delta, side: str) -> str:
    return f"{_member(delta, side, delta.name)} became required"


def _required_off(delta: Delta, side: str) -> str:
    return f"{_member(delta, side, delta.name)} became optional"


def _closed(delta: Delta, side: str) -> str:
    return f"{thing(side, _object(delta.path))} may no longer have undeclared members"


def _opened(delta: Delta, side: str) -> str:
    return f"{thing(side, _object(delta.path))} may now have undeclared members"


def _object(path: str) -> str:
    parent, _, last = path.rpartition("/")
    return parent if last in _MEMBERS else path


def _constraint(delta: Delta, side: str) -> str:
    about = thing(side, delta.path)
    if delta.name == "type":
        return f"{about} has type {_types(delta.after)} instead of {_types(delta.before)}"
    if delta.name == "enum":
        return f"{about} {_listed(delta)}"
    if delta.name == "alternative":
        return f"{about} {'has one more alternative' if delta.before is None else 'lost an alternative'}"
    keyword = delta.name or "a constraint"
    if delta.before is None and delta.after is None:
        return f"{about}: `{keyword}` {'came' if delta.relation.narrows else 'went'}"
    if delta.before is None:
        return f"{about}: `{keyword}` {value(delta.after)} came"
    if delta.after is None:
        return f"{about}: `{keyword}` {value(delta.before)} went"
    return f"{about}: `{keyword}` changed from {value(delta.before)} to {value(delta.after)}"


def _types(names: Any) -> str:
    listed = [names] if isinstance(names, str) else names
    return "any" if len(listed) == len(KINDS) else " or ".join(listed) or "none"


def _listed(delta: Delta) -> str:
    if delta.before is None:
        return f"is limited to {value(delta.after)}"
    if delta.after is None:
        return f"is no longer limited to {value(delta.before)}"
    before = {fingerprint(item): item for item in delta.before}
    after = {fingerprint(item): item for item in delta.after}
    came = [item for key, item in after.items() if key not in before]
    went = [item for key, item in before.items() if key not in after]
    parts = [f"gained {value(came)}"] * bool(came) + [f"lost {value(went)}"] * bool(went)
    return "among its listed values " + " and ".join(parts)


_KINDS: Mapping[str, Callable[[Delta, str], str]] = {
    "member-added": _added,
    "member-removed": _removed,
    "member-renamed": _renamed,
    "required-on": _required_on,
    "required-off": _required_off,
    "closed": _closed,
    "opened": _opened,
    "constraint": _constraint,
}

_READERS = {"tool-arguments": "the handler", "output": "whoever parses it"}
_WRITERS = {"variables": "callers", "tool-returns": "tools"}


def _consequence(delta: Delta, side: str, *, breaks: bool) -> str:
    if side in _WRITERS:
        return _for_writers(delta, _WRITERS[side], breaks=breaks)
    return _for_readers(delta, _READERS[side], breaks=breaks)


def _for_writers(delta: Delta, who: str, *, breaks: bool) -> str:
    if delta.kind == "member-renamed":
        return f"{who} must use the new name"
    if delta.kind == "member-removed" and not breaks:
        return f"what {who} still pass for it has no effect"
    if delta.kind in ("member-added", "required-on") and breaks and not delta.lax:
        return (
            f"{who} that leave it out are refused"
            if not delta.optional or delta.kind == "required-on"
            else (f"values that {who} passed may be refused")
        )
    return f"values that worked for {who} are refused" if breaks else f"{who} that worked still work"


def _for_readers(delta: Delta, who: str, *, breaks: bool) -> str:
    if delta.kind == "member-renamed":
        return f"{who} no longer finds the old name"
    if delta.kind in ("member-removed", "required-off"):
        return f"{who} may miss what it needs"
    if delta.kind == "member-added":
        return f"{who} refused undeclared members so far" if breaks else f"{who} need not look at it"
    return f"{who} may see values it never saw" if breaks else f"{who} sees a part of what it saw"
