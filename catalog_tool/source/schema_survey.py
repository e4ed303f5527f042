"""What stands where in a JSON Schema (2020-12): found by walking it, before any engine runs it.

A schema comes from a prompt, so it is hostile. The survey visits every place that an engine would
read as a schema, follows every ``$ref`` inside the document itself, and finds

- references that leave the document, or lead nowhere: nothing is ever fetched (design §5);
- references that lead back to themselves without taking a step into the value: endless;
- patterns that are not linear, and everything whose verdict would depend on them;
- how large the schema is with its references written out, and whether it is recursive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin

from catalog_tool.source.linear_pattern import judge

JsonSchema: TypeAlias = dict[str, Any] | bool
"""A schema as it is read: a map, or true or false."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_DEPTH = 128
"""Maps and lists inside one another in a schema."""
WRITTEN_OUT = 20_000
"""Schemas that references may unfold to; beyond that an engine with a budget of steps is used."""

# Keywords whose subschemas look at the same value, and those that look at a part of it.
_SAME_ONE = frozenset({"not", "if", "then", "else"})
_SAME_LIST = frozenset({"allOf", "anyOf", "oneOf"})
_SAME_MAP = frozenset({"dependentSchemas"})
_PART_ONE = frozenset(
    {
        "items",
        "contains",
        "additionalProperties",
        "unevaluatedItems",
        "unevaluatedProperties",
        "propertyNames",
    }
)
_PART_LIST = frozenset({"prefixItems"})
_PART_MAP = frozenset({"properties", "patternProperties"})
# Read as schemas only where a reference points into them, or not at all.
_STORED_ONE = frozenset({"contentSchema"})
_STORED_MAP = frozenset({"$defs", "definitions"})
_ONE = _SAME_ONE | _PART_ONE | _STORED_ONE
_LIST = _SAME_LIST | _PART_LIST
_MAP = _SAME_MAP | _PART_MAP | _STORED_MAP
_SAME = _SAME_ONE | _SAME_LIST | _SAME_MAP
_STORED = _STORED_ONE | _STORED_MAP
_SUBSCHEMAS = _ONE | _LIST | _MAP
_REFERENCES = ("$ref", "$dynamicRef")
# What the fast engine reads differently from the reference: keywords of older drafts that it still
# obeys, and remainders of fractions and of very large numbers.
_EXOTIC = frozenset({"dependencies", "additionalItems", "$recursiveRef", "$recursiveAnchor", "id", "multipleOf"})


class SchemaProblem(NamedTuple):
    """One thing wrong with a document, or with a schema itself.

    ``pointer`` (RFC 6901) is the place in the document: the unknown key itself, else the value.
    ``keyword`` and ``schema_pointer`` say which rule refused it. ``kind``: ``invalid``; for a schema
    that cannot be used as written also ``reference`` (remote, unresolvable or endless ``$ref``),
    ``pattern`` (not evaluated), ``dialect`` (another ``$schema``), ``limit`` (too large to be checked).
    """

    pointer: str
    keyword: str
    message: str
    schema_pointer: str
    kind: str = "invalid"


class Place(NamedTuple):
    """One position that an engine reads as a schema."""

    pointer: str
    schema: dict[str, Any]
    base: str
    root: dict[str, Any]


class Survey:
    """Everything that is known about a schema before it is compiled; see the module's text.

    ``problems``: references, dialects and limits, in the order of the document. ``skipped``: pointer
    and text of each pattern that is not evaluated, with the reason. ``places``: by ``id`` of the map.
    ``doubtful``: ids of the places whose verdict depends on a skipped pattern. ``is_recursive``,
    ``size``: schemas with references written out, at most WRITTEN_OUT + 1. ``is_exotic``: it uses
    what the fast engine reads differently. ``names_in_python``: it uses ``unevaluatedProperties``.
    """

    def __init__(self, schema: JsonSchema) -> None:
        self.problems: list[SchemaProblem] = []
        self.skipped: list[SchemaProblem] = []
        self.places: dict[int, Place] = {}
        self.doubtful: set[int] = set()
        self.has_patterns = self.has_dialects = self.names_in_python = False
        self.is_exotic = self.is_recursive = False
        self.size = 1
        self._edges: dict[int, list[tuple[int, bool]]] = {}
        self._resources: dict[str, dict[str, Any]] = {}
        self._anchors: dict[tuple[str, str], list[dict[str, Any]]] = {}
        if isinstance(schema, dict):
            self._read(schema)

    @property
    def usable(self) -> bool:
        """Whether an engine may run the schema: a wrong dialect is read as 2020-12."""
        return all(problem.kind == "dialect" for problem in self.problems)

    def _read(self, schema: dict[str, Any]) -> None:
        if _depth(schema) > SCHEMA_DEPTH:
            self._note("", "depth", f"nested more than {SCHEMA_DEPTH} deep", "limit")
            return
        self._resources[""] = schema
        self._walk(Place("", schema, "", schema))
        self._link()
        self._judge()
        self._measure()
        self._doubt()

    def _note(self, pointer: str, keyword: str, message: str, kind: str) -> None:
        self.problems.append(SchemaProblem(pointer, keyword, message, "", kind))

    # Positions.

    def _walk(self, start: Place) -> None:
        """Visits ``start`` and every schema below it."""
        pending = [start]
        while pending:
            place = self._enter(pending.pop())
            if place is None:
                continue
            edges = self._edges[id(place.schema)]
            below = list(_children(place))
            edges += [(id(child), keyword in _SAME) for keyword, _, child in below if keyword not in _STORED]
            pending += [Place(pointer, child, place.base, place.root) for _, pointer, child in reversed(below)]

    def _enter(self, place: Place) -> Place | None:
        schema = place.schema
        if id(schema) in self.places:
            return None
        identity = schema.get("$id")
        if isinstance(identity, str):
            base = _join(place.base, identity)
            place = Place(place.pointer, schema, base, schema)
            self._resources.setdefault(base, schema)
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str):
                self._anchors.setdefault((place.base, name), []).append(schema)
        self.places[id(schema)] = place
        self._edges[id(schema)] = []
        self._inspect(place)
        return place

    def _inspect(self, place: Place) -> None:
        schema = place.schema
        dialect = schema.get("$schema")
        if dialect is not None:
            self.has_dialects = True
            if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
                message = f"`$schema` is {clip(dialect)}: schemas are read as JSON Schema 2020-12"
                self._note(place.pointer + "/$schema", "$schema", message, "dialect")
        if not _EXOTIC.isdisjoint(schema):
            self.is_exotic = True
        if "unevaluatedProperties" in schema:
            self.names_in_python = True

    def _judge(self) -> None:
        """Looks at the patterns when all places are known: ``unevaluatedProperties`` has a say in it."""
        for place in self.places.values():
            pattern = place.schema.get("pattern")
            if isinstance(pattern, str):
                self._weigh(place, pattern, "pattern", "/pattern")
            patterns = place.schema.get("patternProperties")
            for name in patterns if isinstance(patterns, dict) else ():
                self._weigh(place, name, "patternProperties", "/patternProperties/" + escape(name))

    def _weigh(self, place: Place, pattern: str, keyword: str, below: str) -> None:
        self.has_patterns = True
        if not self.may_evaluate(pattern, keyword):
            reason = judge(pattern).reason or "beside `unevaluatedProperties` it may take more than linear time"
            message = f"the pattern {clip(pattern)} is not evaluated: {reason}"
            self.skipped.append(SchemaProblem(place.pointer + below, keyword, message, "", "pattern"))
            self.doubtful.add(id(place.schema))

    def may_evaluate(self, pattern: str, keyword: str) -> bool:
        """Whether the engines may run ``pattern``.

        Beside ``unevaluatedProperties`` names are matched by Python's engine, which needs more.
        """
        verdict = judge(pattern)
        return verdict.plain if self.names_in_python and keyword != "pattern" else not verdict.reason

    # References.

    def _link(self) -> None:
        """Resolves every reference; what it leads to is walked too, where that was no schema yet."""
        done: set[int] = set()
        while len(done) < len(self.places):
            for key, place in list(self.places.items()):
                if key not in done:
                    done.add(key)
                    self._follow(place)

    def _follow(self, place: Place) -> None:
        for keyword in _REFERENCES:
            reference = place.schema.get(keyword)
            if not isinstance(reference, str):
                continue
            targets = self._resolve(place, reference, keyword)
            if targets is None:
                self._unresolved(place, reference, keyword)
                continue
            for target in targets:
                if isinstance(target.schema, dict):
                    self._edges[id(place.schema)].append((id(target.schema), True))
                    self._walk(target)

    def _unresolved(self, place: Place, reference: str, keyword: str) -> None:
        remote = not reference.startswith("#") and _join(place.base, reference) not in self._resources
        why = (
            "is another document: references are never fetched, copy it into `$defs`"
            if remote
            else "leads nowhere in this schema"
        )
        message = f"the reference {clip(reference)} {why}"
        self._note(f"{place.pointer}/{keyword}", keyword, message, "reference")

    def _resolve(self, place: Place, reference: str, keyword: str) -> list[Place] | None:
        address, fragment = urldefrag(reference)
        base = _join(place.base, address) if address else place.base
        root = self._resources.get(base)
        if root is None:
            return None
        fragment = unquote(fragment)
        if not fragment or fragment.startswith("/"):
            return self._at_pointer(root, base, fragment)
        found = self._anchors.get((base, fragment))
        if found and keyword == "$dynamicRef":
            # Any anchor of that name may be meant when it is run.
            found = [s for (_, name), schemas in self._anchors.items() if name == fragment for s in schemas]
        return [self.places[id(schema)] for schema in found] if found else None

    def _at_pointer(self, root: dict[str, Any], base: str, pointer: str) -> list[Place] | None:
        target: Any = root
        path = self.places[id(root)].pointer
        for token in pointer.split("/")[1:]:
            name = token.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and name in target:
                target = target[name]
            elif isinstance(target, list) and name.isascii() and name.isdigit() and int(name) < len(target):
                target = target[int(name)]
            else:
                return None
            path += "/" + escape(name)
        if isinstance(target, bool):
            return []
        if not isinstance(target, dict):
            return None
        known = self.places.get(id(target))
        if known is None and not {"enum", "const"}.isdisjoint(pointer.split("/")):
            return None  # a value, which must stay as it is written
        return [known or Place(path, target, base, root)]

    # Size, loops and doubt.

    def _measure(self) -> None:
        """Sets ``size`` and ``is_recursive``, and reports references that go round in one place."""
        if (loop := self._find_loop()) is not None:
            pointer = self.places[loop].pointer
            self._note(pointer, "$ref", "the reference leads back to itself without end", "reference")
            self.is_recursive = True
            return
        order = _order(self._edges)
        self.is_recursive = order is None
        sizes: dict[int, int] = {}
        for key in order or ():
            size = 1 + sum(sizes[child] for child, _ in self._edges[key])
            sizes[key] = min(size, WRITTEN_OUT + 1)
        self.size = max(sizes.values(), default=1)

    def _find_loop(self) -> int | None:
        same = {key: [edge for edge in edges if edge[1]] for key, edges in self._edges.items()}
        if _order(same) is not None:
            return None
        # What is left when all that is on no loop has been taken away; the first that refers is named.
        for key, place in self.places.items():
            if any(name in place.schema for name in _REFERENCES) and _reaches(same, key, key):
                return key
        return next(iter(same))

    def _doubt(self) -> None:
        if not self.doubtful:
            return
        callers: dict[int, list[int]] = {}
        for key, edges in self._edges.items():
            for child, _ in edges:
                callers.setdefault(child, []).append(key)
        pending = list(self.doubtful)
        while pending:
            for caller in callers.get(pending.pop(), ()):
                if caller not in self.doubtful:
                    self.doubtful.add(caller)
                    pending.append(caller)


def escape(name: str) -> str:
    """``name`` as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def clip(value: object, limit: int = 60) -> str:
    """``value`` for a message: text in quotes, at most ``limit`` characters of it."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return f'"{text}"' if isinstance(value, str) else text


def _children(place: Place) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for keyword, value in place.schema.items():
        if keyword not in _SUBSCHEMAS:
            continue
        pointer = f"{place.pointer}/{escape(keyword)}"
        if keyword in _ONE:
            items: Iterator[tuple[str, Any]] = iter([("", value)])
        elif keyword in _LIST and isinstance(value, list):
            items = ((f"/{index}", item) for index, item in enumerate(value))
        elif keyword in _MAP and isinstance(value, dict):
            items = (("/" + escape(name), item) for name, item in value.items())
        else:
            continue
        for below, item in items:
            if isinstance(item, dict):
                yield keyword, pointer + below, item


def _join(base: str, reference: str) -> str:
    """The absolute address of ``reference``; one that cannot be read stays as it is."""
    try:
        return urldefrag(urljoin(base, reference))[0]
    except ValueError:
        return reference


def _depth(value: object) -> int:
    """How deep ``value`` nests, counted no further than SCHEMA_DEPTH + 1."""
    level, depth = [value], 0
    while level and depth <= SCHEMA_DEPTH:
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += [child for child in item.values() if isinstance(child, dict | list)]
            elif isinstance(item, list):
                below += [child for child in item if isinstance(child, dict | list)]
        level, depth = below, depth + 1
    return depth


def _order(edges: dict[int, list[tuple[int, bool]]]) -> list[int] | None:
    """The keys with everything they lead to before them, or None where there is a circle."""
    waiting = {key: len(children) for key, children in edges.items()}
    callers: dict[int, list[int]] = {}
    for key, children in edges.items():
        for child, _ in children:
            callers.setdefault(child, []).append(key)
    ready = [key for key, count in waiting.items() if count == 0]
    for key in ready:
        for caller in callers.get(key, ()):
            waiting[caller] -= 1
            if waiting[caller] == 0:
                ready.append(caller)
    return ready if len(ready) == len(edges) else None


def _reaches(edges: dict[int, list[tuple[int, bool]]], start: int, goal: int) -> bool:
    seen: set[int] = set()
    pending = [start]
    while pending:
        for child, _ in edges[pending.pop()]:
            if child == goal:
                return True
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return False
