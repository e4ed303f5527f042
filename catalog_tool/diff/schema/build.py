"""Turns schema objects that hold together into cases: the step from keywords to facets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from catalog_tool.diff.schema.documents import IDENTITY, fingerprint, is_annotation, join
from catalog_tool.diff.schema.facets import KINDS, SCALARS, kind_of
from catalog_tool.diff.schema.forms import ANYTHING, Case, Group, Items, Term
from catalog_tool.diff.schema.keywords import IN_PLACE, SEALED_KIND, TOGETHER, WELL_FORMED, is_known, type_atoms

if TYPE_CHECKING:
    from catalog_tool.diff.schema.normal import Reader

UNREADABLE = " (unknown)"
"""Marks sealed keywords that mean nothing known, or have a value that they may not have."""
_ATOMS = frozenset(KINDS) - {"number"} | {"integer", "fraction"}


class Builder:
    """Collects the facets of schema objects that hold together; the last place is the cases' home."""

    def __init__(self, reader: Reader, places: tuple[str, ...]) -> None:
        self.reader = reader
        self.places = places
        self.at: dict[str, str] = {}
        self._home = places[-1] if places else ""

    def cases(self) -> Iterator[Case]:
        """A case for each JSON type that the schema objects leave."""
        atoms = self._atoms()
        values = self._values()
        nots = self._nots()
        for kind in KINDS:
            if kind not in atoms and not (kind == "number" and "integer" in atoms):
                continue
            facets = self._facets(kind, values)
            if kind == "number" and "fraction" not in atoms:
                facets["integer"] = True
            if nots:
                facets["not"] = nots
            yield Case(kind, self._home, facets, self.at)

    def _each(self, keyword: str) -> Iterable[tuple[str, Any]]:
        """The places that have a well-formed keyword, and its value there."""
        for place in self.places:
            value = self.reader.raw(place, keyword)
            if value is not None:
                self.at.setdefault(keyword, join(place, keyword))
                yield place, value

    def _atoms(self) -> frozenset[str]:
        """The JSON types that are left; ``number`` beside ``fraction`` for the caller's ease."""
        if any(self.reader.document.at(place) is False for place in self.places):
            return frozenset()
        atoms = _ATOMS
        for _, value in self._each("type"):
            atoms &= type_atoms(value) or frozenset()
        for place, _ in self._each("not"):
            atoms -= self._refused_types(join(place, "not")) or frozenset()
        return atoms | {"number"} if "fraction" in atoms else atoms

    def _refused_types(self, place: str) -> frozenset[str] | None:
        """The types that ``not`` refuses where it names nothing else; None where it says more."""
        schema = self.reader.document.at(place)
        if self.reader.is_anything(frozenset({place})):
            return _ATOMS
        if not isinstance(schema, dict) or [key for key in schema if not is_annotation(key)] != ["type"]:
            return None
        atoms = type_atoms(schema["type"])
        # the numbers that are not integers have no name, so that refusal stays a negation
        return None if atoms is None or ("integer" in atoms and "fraction" not in atoms) else atoms

    def _nots(self) -> tuple[Term, ...]:
        places = (join(place, "not") for place, _ in self._each("not"))
        terms = (frozenset({place}) for place in places if self._refused_types(place) is None)
        return tuple(term for term in terms if not self.reader.is_nothing(term))

    def _values(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = None
        for place in self.places:
            schema = self.reader.document.at(place)
            for keyword in ("enum", "const"):
                if not isinstance(schema, dict) or keyword not in schema:
                    continue
                if not is_known(keyword, schema[keyword]):
                    continue
                self.at["enum"] = join(place, keyword)
                listed = schema[keyword] if keyword == "enum" else [schema[keyword]]
                values = {fingerprint(value): value for value in listed}
                found = values if found is None else {key: found[key] for key in found if key in values}
        return found

    def _facets(self, kind: str, values: dict[str, Any] | None) -> dict[str, Any]:
        facets: dict[str, Any] = {}
        if values is not None:
            facets["enum"] = {key: value for key, value in values.items() if kind_of(value) == kind}
        elif kind == "null":
            facets["enum"] = {"null": None}
        elif kind == "boolean":
            facets["enum"] = {"false": False, "true": True}
        self._scalars(kind, facets)
        if kind == "object":
            self._object(facets)
        elif kind == "array":
            facets["items"] = self._items()
        sealed = self._sealed(kind)
        if sealed:
            facets["sealed"] = sealed
        return facets

    def _scalars(self, kind: str, facets: dict[str, Any]) -> None:
        for keyword, scalar in SCALARS.items():
            if scalar.kind != kind:
                continue
            for place, value in self._each(keyword):
                read = scalar.read(value)
                known = facets.get(scalar.facet)
                merged = read if known is None else scalar.merge(known, read)
                if known is None or merged != known:
                    facets[scalar.facet] = merged
                    self.at[scalar.facet] = join(place, keyword)

    def _object(self, facets: dict[str, Any]) -> None:
        groups = [group for group in map(self._group, self.places) if group is not None]
        patterned = tuple(group for group in groups if group.patterns)
        facets["properties"] = _joined([group for group in groups if not group.patterns])
        if patterned:
            facets["patterns"] = patterned
        required = frozenset(name for _, names in self._each("required") for name in names)
        if required:
            facets["required"] = required
        pairs = frozenset(
            (name, other)
            for _, table in self._each("dependentRequired")
            for name, others in table.items()
            for other in others
        )
        if pairs:
            facets["dependentRequired"] = pairs
        names = frozenset(join(place, "propertyNames") for place, _ in self._each("propertyNames"))
        if names:
            facets["propertyNames"] = names

    def _group(self, place: str) -> Group | None:
        raw = self.reader.raw
        for keyword in ("properties", "patternProperties", "additionalProperties"):
            if raw(place, keyword) is not None:
                self.at.setdefault(keyword, join(place, keyword))
        named = raw(place, "properties") or {}
        patterns = raw(place, "patternProperties") or {}
        rest = self._rest(place, "additionalProperties", "unevaluatedProperties")
        if not (named or patterns or rest):
            return None
        return Group(
            {name: frozenset({join(place, "properties", name)}) for name in named},
            {name: frozenset({join(place, "patternProperties", name)}) for name in patterns},
            rest,
        )

    def _rest(self, place: str, keyword: str, unevaluated: str) -> Term:
        """What applies to the members or items that nothing else names."""
        for name in (keyword, unevaluated):
            if self.reader.raw(place, name) is not None and (name == keyword or self._is_simple(place)):
                return frozenset({join(place, name)})
        return ANYTHING

    def _is_simple(self, place: str) -> bool:
        """Whether ``unevaluated…`` at a place means what ``additional…`` would."""
        return not any(keyword in self.reader.document.at(place) for keyword in IN_PLACE)

    def _items(self) -> Items:
        lists = [self._own_items(place) for place in self.places]
        longest = max((len(items.prefix) for items in lists), default=0)
        return Items(
            tuple(_all(items.item(index) for items in lists) for index in range(longest)),
            _all(items.rest for items in lists),
        )

    def _own_items(self, place: str) -> Items:
        prefix = tuple(frozenset({option}) for option in self.reader.options(place, "prefixItems"))
        return Items(prefix, self._rest(place, "items", "unevaluatedItems"))

    def _sealed(self, kind: str) -> dict[tuple[str, str], str]:
        """The sealed keywords with their fingerprints, and where each is written."""
        found: dict[tuple[str, str], str] = {}
        for place in self.places:
            schema = self.reader.document.at(place)
            for keyword in schema if isinstance(schema, dict) else ():
                kept = self._to_seal(place, keyword, kind)
                if kept is not None:
                    known = is_known(keyword, schema[keyword])
                    name = keyword if known else f"{keyword}{UNREADABLE}"
                    found.setdefault((name, self.reader.document.sealed(place, kept)), join(place, keyword))
        return found

    def _to_seal(self, place: str, keyword: str, kind: str) -> tuple[str, ...] | None:
        """The keywords (none: all) that stand for one that is equal or undecided; None for the others."""
        schema = self.reader.document.at(place)
        if is_annotation(keyword) or keyword in IDENTITY:
            return None
        if not is_known(keyword, schema[keyword]):
            return (keyword,)
        if SEALED_KIND.get(keyword, "") not in (None, kind):
            return None
        if keyword == "contains":
            return TOGETHER[keyword]
        if keyword == "if":
            return TOGETHER[keyword] if schema.keys() & {"then", "else"} else None
        if keyword == "oneOf":
            options = self.reader.options(place, keyword)
            return None if len(options) == 1 or self.reader.excludes_all(options) else (keyword,)
        if keyword == "$ref":
            return () if self._is_opaque_reference(schema) else None
        if keyword.startswith("unevaluated"):
            return None if self._is_simple(place) else ()
        return (keyword,)

    def _is_opaque_reference(self, schema: dict[str, Any]) -> bool:
        """A reference that leads nowhere, or whose siblings older drafts would not look at."""
        if self.reader.document.resolve(schema["$ref"]) is None:
            return True
        return self.reader.document.legacy and any(key in WELL_FORMED for key in schema if key != "$ref")


def _all(terms: Iterable[Term]) -> Term:
    return frozenset().union(*terms)


def _joined(groups: list[Group]) -> Group:
    """Several schema objects' members as one: a name that one of them lacks falls under its rest."""
    names = dict.fromkeys(name for group in groups for name in group.named)
    return Group(
        {name: _all(group.member(name) for group in groups) for name in names},
        {},
        _all(group.rest for group in groups),
    )
