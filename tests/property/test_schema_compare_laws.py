"""Laws of the schema comparison, held against an independent validator.

Soundness: where nothing major is reported, no generated value passes the one schema and fails the
other in the direction that matters. Coverage: whatever is written differently is named.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from catalog_tool.diff.rules import CONTRACT_LEVELS, RULE
from catalog_tool.diff.schema import SIDES, SchemaChange, compare_schemas

PAIRS = 5_000 if os.environ.get("CATALOG_SOAK") else 500
NAMES = ("a", "b", "c", "d")
WORDS = ("", "a", "b", "ab", "abc", "bb", "2024-01-31", "x@example.org")
NUMBERS = (-3, -1, 0, 0.5, 1, 1.5, 2, 3, 4, 6, 7)
PATTERNS = ("^a", "b$", "^[ab]+$")
BOUNDS = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("minProperties", "maxProperties"), "object"),
}
RARER = (
    *("patternProperties", "propertyNames", "dependentRequired", "minProperties", "maxProperties"),
    *("dependentSchemas", "unevaluatedProperties"),
)
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")

seeds = st.integers(0, 2**48)
SHAPES = max(PAIRS // 5, 150)
few = settings(max_examples=SHAPES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
trial = settings(max_examples=PAIRS, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


# --- schemas -----------------------------------------------------------------------------------------


class Writer:
    """Writes random schemas and changes them at random."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.defines = False

    def document(self) -> Any:
        self.defines = self.rng.random() < 0.5
        depth = self.rng.choice([1, 2, 2, 3])
        root = self.objects(depth) if self.rng.random() < 0.8 else self.schema(depth)
        if self.defines and isinstance(root, dict):
            root["$defs"] = {"X": self.schema(2), "Y": self.objects(2)}
        return root

    def schema(self, depth: int) -> Any:
        rng = self.rng
        makers = [self.strings, self.numbers, self.values, self.flags]
        if depth > 0:
            makers += [self.lists, self.objects, self.objects, self.unions, self.combined]
            makers += [self.references] if self.defines else []
        if rng.random() < 0.05:
            return rng.choice([True, False, {}])
        made = rng.choice(makers)(depth)
        if rng.random() < 0.1:
            made["description"] = rng.choice(WORDS)
        return made

    def flags(self, _: int) -> dict[str, Any]:
        return {"type": self.rng.choice(["boolean", "null", ["boolean", "null"], ["string", "integer"]])}

    def values(self, _: int) -> dict[str, Any]:
        rng = self.rng
        pool = [*WORDS[:4], *NUMBERS[:6], None, True, 1.0, [1], {"a": 1}]
        if rng.random() < 0.3:
            return {"const": rng.choice(pool)}
        made: dict[str, Any] = {"enum": rng.sample(pool, rng.randint(1, 4))}
        if rng.random() < 0.3:
            made["type"] = rng.choice(["string", "number", "integer", "null"])
        return made

    def strings(self, _: int) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"type": rng.choice(["string", ["string", "null"]])}
        if rng.random() < 0.1:
            del made["type"]
        if rng.random() < 0.3:
            made["minLength"] = rng.randint(0, 3)
        if rng.random() < 0.3:
            made["maxLength"] = rng.randint(0, 4)
        if rng.random() < 0.2:
            made["pattern"] = rng.choice(PATTERNS)
        if rng.random() < 0.1:
            made["format"] = rng.choice(["date", "email"])
        return made

    def numbers(self, _: int) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"type": rng.choice(["number", "integer", ["integer", "null"]])}
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if rng.random() < 0.2:
                made[keyword] = rng.choice(NUMBERS)
        if rng.random() < 0.2:
            made["multipleOf"] = rng.choice([1, 2, 3, 4, 0.5])
        return made

    def lists(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"type": "array"}
        if rng.random() < 0.8:
            made["items"] = self.schema(depth - 1)
        if rng.random() < 0.2:
            made["prefixItems"] = [self.schema(depth - 1) for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.2:
            made["minItems"] = rng.randint(0, 2)
        if rng.random() < 0.2:
            made["maxItems"] = rng.randint(0, 3)
        if rng.random() < 0.15:
            made["uniqueItems"] = rng.random() < 0.8
        if rng.random() < 0.1:
            made |= {"contains": self.schema(depth - 1), "minContains": rng.randint(0, 2)}
        return made

    def objects(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        names = rng.sample(NAMES, rng.randint(0, 3))
        made: dict[str, Any] = {"type": "object", "properties": {n: self.schema(depth - 1) for n in names}}
        if rng.random() < 0.1:
            del made["type"]
        if rng.random() < 0.6:
            made["required"] = [name for name in NAMES if name in names and rng.random() < 0.5]
        if rng.random() < 0.1:
            made["required"] = [rng.choice(NAMES)]
        if rng.random() < 0.5:
            made["additionalProperties"] = rng.choice([False, False, True, self.schema(depth - 1)])
        if rng.random() < 0.25:
            self._rarer(made, depth)
        return made

    def _rarer(self, made: dict[str, Any], depth: int) -> None:
        rng = self.rng
        keyword = rng.choice(RARER)
        made[keyword] = {
            "patternProperties": {rng.choice(["^a", "^[ab]$"]): self.schema(depth - 1)},
            "propertyNames": {"enum": rng.sample(NAMES, 2)},
            "dependentRequired": {rng.choice(NAMES): [rng.choice(NAMES)]},
            "minProperties": rng.randint(0, 2),
            "maxProperties": rng.randint(0, 3),
            "dependentSchemas": {rng.choice(NAMES): self.schema(depth - 1)},
            "unevaluatedProperties": rng.choice([False, self.schema(depth - 1)]),
        }[keyword]

    def unions(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        keyword = rng.choice(["anyOf", "oneOf", "anyOf"])
        if rng.random() < 0.4:
            return {keyword: [self.variant(depth, tag) for tag in rng.sample(NAMES, rng.randint(1, 3))]}
        made: dict[str, Any] = {keyword: [self.schema(depth - 1) for _ in range(rng.randint(1, 3))]}
        if rng.random() < 0.2:
            made |= self.objects(depth - 1)
        return made

    def variant(self, depth: int, tag: str) -> dict[str, Any]:
        made = self.objects(depth - 1)
        made["properties"] = {"kind": {"const": tag}, **made["properties"]}
        made["required"] = ["kind", *made.get("required", [])]
        return made

    def combined(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        kind = rng.choice(["allOf", "not", "if", "allOf"])
        base = rng.choice([self.objects, self.strings, self.numbers])(depth - 1)
        if kind == "allOf":
            return {"allOf": [base, rng.choice([self.objects, self.schema])(depth - 1)]}
        if kind == "not":
            return {**base, "not": self.schema(depth - 1)}
        return {**base, "if": self.schema(depth - 1), "then": self.schema(depth - 1)}

    def references(self, _: int) -> dict[str, Any]:
        made: dict[str, Any] = {"$ref": self.rng.choice(["#/$defs/X", "#/$defs/Y", "#"])}
        return made if self.rng.random() < 0.8 else {**made, "description": "see there"}

    def changed(self, document: Any) -> Any:
        """A copy with one to three changes somewhere."""
        made = copy.deepcopy(document)
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            places = [place for place in schemas_in(made) if isinstance(place, dict)]
            bounded = [place for place in places if not BOUNDS.keys().isdisjoint(place)]
            if bounded and self.rng.random() < 0.3:
                self._bound(self.rng.choice(bounded))
            elif places:
                self._change(self.rng.choice(places))
        return made

    def _change(self, schema: dict[str, Any]) -> None:
        change = self.rng.choice(
            [
                *(self._replace, self._drop, self._bound, self._member, self._member, self._member),
                *(self._require, self._require, self._nullable, self._wrap, self._values),
                *(self._close, self._union),
            ]
        )
        change(schema)

    def _replace(self, schema: dict[str, Any]) -> None:
        definitions = schema.get("$defs")
        other = self.schema(1)
        schema.clear()
        schema.update(other if isinstance(other, dict) else {})
        if definitions is not None:
            schema["$defs"] = definitions

    def _drop(self, schema: dict[str, Any]) -> None:
        keywords = [keyword for keyword in schema if keyword != "$defs"]
        if keywords:
            del schema[self.rng.choice(keywords)]

    def _bound(self, schema: dict[str, Any]) -> None:
        """Changes a constraint that is there, else adds one that fits the type."""
        there = [keyword for keyword in BOUNDS if keyword in schema]
        kind = schema.get("type")
        fitting = [keyword for keyword, wanted in BOUNDS.items() if wanted == kind]
        keyword = self.rng.choice(there or fitting or ["minimum"])
        choices: dict[str, tuple[Any, ...]] = {
            "pattern": PATTERNS,
            "format": ("date", "email"),
            "multipleOf": (1, 2, 3, 4, 6, 0.5),
            "uniqueItems": (True, False),
        }
        numbers = NUMBERS if BOUNDS[keyword] == "number" else (0, 1, 2, 3, 4)
        schema[keyword] = self.rng.choice(choices.get(keyword, numbers))

    def _member(self, schema: dict[str, Any]) -> None:
        if schema.get("type") != "object":
            return self._bound(schema)
        members = schema.setdefault("properties", {})
        name = self.rng.choice(NAMES)
        if name in members and self.rng.random() < 0.5:
            del members[name]
        else:
            members[name] = self.schema(1)
        return None

    def _require(self, schema: dict[str, Any]) -> None:
        if schema.get("type") != "object":
            return self._bound(schema)
        name = self.rng.choice(NAMES)
        required = schema.get("required", [])
        schema["required"] = [n for n in required if n != name] if name in required else [*required, name]
        return None

    def _nullable(self, schema: dict[str, Any]) -> None:
        kind = schema.get("type")
        if isinstance(kind, str):
            schema["type"] = self.rng.choice([[kind, "null"], [kind], "number" if kind == "integer" else kind])

    def _wrap(self, schema: dict[str, Any]) -> None:
        definitions = schema.pop("$defs", None)
        inner = dict(schema)
        schema.clear()
        keyword = self.rng.choice(["anyOf", "allOf", "oneOf", "anyOf"])
        more = [{"type": "null"}] if keyword != "allOf" and self.rng.random() < 0.5 else []
        schema[keyword] = [*more, inner]
        if definitions is not None:
            schema["$defs"] = definitions

    def _values(self, schema: dict[str, Any]) -> None:
        if "enum" in schema:
            schema["enum"] = [value for value in schema["enum"] if self.rng.random() < 0.8] + [self.rng.choice(WORDS)]
        else:
            schema.update(self.values(0))

    def _close(self, schema: dict[str, Any]) -> None:
        schema["additionalProperties"] = self.rng.choice([True, False, self.schema(1)])

    def _union(self, schema: dict[str, Any]) -> None:
        for keyword in IN_PLACE_LISTS:
            options = schema.get(keyword)
            if options and self.rng.random() < 0.5 and len(options) > 1:
                options.remove(self.rng.choice(options))
            elif options:
                options.insert(self.rng.randint(0, len(options)), self.schema(1))


def parts(schema: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(keyword, key, subschema) of a schema object."""
    found = []
    for keyword, value in schema.items():
        if keyword in ("properties", "patternProperties", "$defs", "dependentSchemas"):
            found += [(keyword, name, child) for name, child in value.items()]
        elif keyword in (*IN_PLACE_LISTS, "prefixItems"):
            found += [(keyword, index, child) for index, child in enumerate(value)]
        elif keyword in ("items", "contains", "not", "if", "then", "additionalProperties") or (
            keyword in ("propertyNames", "unevaluatedProperties")
        ):
            found.append((keyword, None, value))
    return found


def schemas_in(schema: Any) -> list[Any]:
    found = [schema]
    if isinstance(schema, dict):
        for _, _, child in parts(schema):
            found += schemas_in(child)
    return found


# --- values ------------------------------------------------------------------------------------------


class Filler:
    """Writes values that a schema probably accepts, and their near relatives."""

    def __init__(self, root: Any, rng: random.Random) -> None:
        self.root = root
        self.rng = rng

    def value(self, schema: Any, depth: int = 5) -> Any:
        rng = self.rng
        if not isinstance(schema, dict) or depth <= 0:
            return rng.choice([None, "a", 1, True, {}, [], "ab", 0.5])
        flat = self.flat(schema, 4)
        if "const" in flat:
            return copy.deepcopy(flat["const"])
        if flat.get("enum"):
            return copy.deepcopy(rng.choice(flat["enum"]))
        kinds = flat.get("type") or ["object", "string", "number", "array", "null"]
        kind = rng.choice(kinds if isinstance(kinds, list) else [kinds])
        if kind == "object":
            return self.object(flat, depth)
        if kind == "array":
            return self.list(flat, depth)
        pools: dict[str, tuple[Any, ...]] = {"string": WORDS, "number": NUMBERS, "boolean": (True, False)}
        pools["integer"] = (-1, 0, 1, 2, 3, 4, 6, 12)
        return rng.choice(pools.get(kind, (None,)))

    def flat(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with what holds in place poured into it."""
        made = {key: value for key, value in schema.items() if key not in (*IN_PLACE_LISTS, "$ref")}
        inner: list[Any] = list(schema.get("allOf", []))
        inner += [self.rng.choice(schema[keyword]) for keyword in ("anyOf", "oneOf") if schema.get(keyword)]
        if "$ref" in schema:
            inner.append(self.look_up(schema["$ref"]))
        if "then" in schema and self.rng.random() < 0.5:
            inner.append(schema["then"])
        for other in inner:
            if isinstance(other, dict) and depth > 0:
                self.pour(made, self.flat(other, depth - 1))
        return made

    def pour(self, made: dict[str, Any], other: dict[str, Any]) -> None:
        for key, value in other.items():
            if key == "properties":
                made[key] = {**made.get(key, {}), **value}
            elif key == "required":
                made[key] = [*made.get(key, []), *value]
            else:
                made[key] = value

    def look_up(self, reference: str) -> Any:
        target = self.root
        for token in reference.split("/")[1:]:
            target = target.get(token, True) if isinstance(target, dict) else True
        return target

    def object(self, flat: dict[str, Any], depth: int) -> dict[str, Any]:
        members = flat.get("properties", {})
        names = [name for name in members if name in flat.get("required", []) or self.rng.random() < 0.5]
        names += [name for name in flat.get("required", []) if name not in names]
        made = {name: self.value(members.get(name, True), depth - 1) for name in names}
        if self.rng.random() < 0.15:
            rest = flat.get("additionalProperties", True)
            made.setdefault(self.rng.choice([*NAMES, "other"]), self.value(rest, depth - 1))
        return made

    def list(self, flat: dict[str, Any], depth: int) -> list[Any]:
        prefix = flat.get("prefixItems", [])
        length = self.rng.choice([0, 1, 2, 3, len(prefix), flat.get("minItems", 1)])
        rest = flat.get("items", True)
        return [self.value(prefix[index] if index < len(prefix) else rest, depth - 1) for index in range(int(length))]

    def near(self, value: Any) -> Any:
        """The value with one small thing changed somewhere."""
        rng = self.rng
        if isinstance(value, dict) and value and rng.random() < 0.8:
            name = rng.choice(sorted(value))
            changed = dict(value)
            if rng.random() < 0.3:
                del changed[name]
            else:
                changed[name] = self.near(value[name])
            return changed
        if isinstance(value, list) and value and rng.random() < 0.8:
            index = rng.randrange(len(value))
            return [*value[:index], self.near(value[index]), *value[index + 1 :]]
        return rng.choice([*WORDS, *NUMBERS, None, True, [], {}, [1, 1]])


def values_for(old: Any, new: Any, rng: random.Random, count: int) -> list[Any]:
    made: list[Any] = []
    for schema in (old, new):
        filler = Filler(schema, rng)
        for _ in range(count):
            value = filler.value(schema)
            made += [value, filler.near(value)]
    return [*made, *WORDS[:3], *NUMBERS[:5], None, True, [], {}]


# --- the oracle --------------------------------------------------------------------------------------


def is_open(schema: Any) -> bool:
    return schema is True or (isinstance(schema, dict) and not set(schema) - {"description", "$defs"})


def written_to(schema: Any, *, of_a_value: bool = True) -> Any:
    """The schema that accepts what is *written to* a schema (the law in the package's docstring)."""
    if not isinstance(schema, dict):
        return schema if schema is False or not of_a_value else {"unevaluatedProperties": False}
    made: dict[str, Any] = copy.deepcopy(schema)
    if is_open(made.get("additionalProperties")):
        del made["additionalProperties"]
        made.pop("unevaluatedProperties", None)
    if is_open(made.get("unevaluatedProperties")):
        del made["unevaluatedProperties"]
    for keyword, key, child in parts(made):
        inside = keyword in ("properties", "patternProperties", "items", "prefixItems", "contains")
        inside = inside or keyword in ("additionalProperties", "unevaluatedProperties")
        if keyword in ("not", "if", "propertyNames"):
            continue
        changed = written_to(child, of_a_value=inside)
        if key is None:
            made[keyword] = changed
        else:
            made[keyword][key] = changed
    if of_a_value:
        made.setdefault("unevaluatedProperties", False)
    return made


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None


def refers_to_itself_in_place(schema: Any, root: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether a value would have to be checked against a schema in order to be checked against it."""
    if not isinstance(schema, dict):
        return False
    if id(schema) in above:
        return True
    inner = [child for keyword, _, child in parts(schema) if keyword in (*IN_PLACE_LISTS, "not", "if", "then")]
    inner += [child for keyword, _, child in parts(schema) if keyword == "dependentSchemas"]
    if "$ref" in schema:
        inner.append(Filler(root, random.Random(0)).look_up(schema["$ref"]))
    return any(refers_to_itself_in_place(child, root, (*above, id(schema))) for child in inner)


def usable(schema: Any) -> bool:
    return not any(refers_to_itself_in_place(part, schema) for part in schemas_in(schema))


def pair_from(number: int) -> tuple[Any, Any, random.Random]:
    rng = random.Random(number)
    writer = Writer(rng)
    old = writer.document()
    new = writer.changed(old) if rng.random() < 0.95 else writer.document()
    return (new, old, rng) if rng.random() < 0.5 else (old, new, rng)


def is_major(changes: tuple[SchemaChange, ...]) -> bool:
    return any(change.contract == "major" for change in changes)


class Trial:
    """Counts what the law was held against."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def check(self, old: Any, new: Any, rng: random.Random) -> None:
        quiet = [side for side in SIDES if not is_major(compare_schemas(old, new, side=side))]
        self.counted["pairs"] += 1
        self.counted["sides without a major change"] += len(quiet)
        before, after, strictly = validator(old), validator(new), validator(written_to(old))
        if not quiet or before is None or after is None or strictly is None:
            return
        if not (usable(old) and usable(new)):
            return
        for value in values_for(old, new, rng, 20):
            self.counted["values"] += 1
            for side in quiet:
                if side in ("variables", "tool-arguments") and not isinstance(value, dict):
                    continue
                if side in ("variables", "tool-returns"):
                    lost = strictly.is_valid(value) and before.is_valid(value) and not after.is_valid(value)
                else:
                    lost = after.is_valid(value) and not before.is_valid(value)
                assert not lost, f"{side}: {json.dumps(value)}\nold {json.dumps(old)}\nnew {json.dumps(new)}"


def test_no_value_is_lost_where_nothing_major_is_reported() -> None:
    run = Trial()

    @seed(20)
    @trial
    @given(seeds)
    def law(number: int) -> None:
        run.check(*pair_from(number))

    law()
    print(dict(run.counted))
    # the law must not hold merely because everything is called major
    assert run.counted["sides without a major change"] > run.counted["pairs"]
    assert run.counted["values"] > run.counted["pairs"] * 20


@seed(21)
@trial
@given(seeds)
def test_another_prover_finds_no_counterexample(number: int) -> None:
    """Output side is plain inclusion: if it is claimed, the values of new minus old must be none."""
    old, new, _ = pair_from(number)
    if not (usable(old) and usable(new)) or is_major(compare_schemas(old, new, side="output")):
        return
    try:
        before, after = (jsonschema_rs.canonicalize(schema, draft=jsonschema_rs.Draft202012) for schema in (old, new))
        left_over = after.subtract(before)
        witness = left_over.satisfiability()
    except (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.canonical.CanonicalizationError):
        return
    assert witness != jsonschema_rs.canonical.Satisfiability.YES, f"old {json.dumps(old)}\nnew {json.dumps(new)}"


@seed(22)
@few
@given(seeds)
def test_every_difference_of_writing_is_named(number: int) -> None:
    old, new, _ = pair_from(number)
    for side in SIDES:
        changes = compare_schemas(old, new, side=side, base_pointer="/base")
        assert all(change.path.startswith("/base") for change in changes)
        named = [pointer for change in changes for pointer in (change.path, *change.also)]
        for path in differing(old, new, "/base"):
            assert any(path == name or path.startswith(name + "/") or name.startswith(path + "/") for name in named), (
                f"{side} {path} not in {named}\nold {json.dumps(old)}\nnew {json.dumps(new)}"
            )


@seed(23)
@few
@given(seeds)
def test_a_schema_against_itself_is_empty_and_every_change_is_well_formed(number: int) -> None:
    old, new, _ = pair_from(number)
    for side in SIDES:
        assert compare_schemas(old, copy.deepcopy(old), side=side) == ()
        for change in compare_schemas(old, new, side=side):
            rule = RULE[change.rule]
            assert change.op in ("added", "removed", "changed")
            assert change.behaviour == rule.behaviour
            assert change.contract in CONTRACT_LEVELS
            assert change.contract == "major" or change.rule != "undecided"
            assert change.message
            json.dumps(change)


def differing(old: Any, new: Any, pointer: str) -> list[str]:
    """The pointers at which two JSON values differ, order of keys aside."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in old.keys() | new.keys():
            path = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            found += differing(old[key], new[key], path) if key in old and key in new else [path]
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            path
            for index, (one, other) in enumerate(zip(old, new, strict=True))
            for path in differing(one, other, f"{pointer}/{index}")
        ]
    same = old == new and isinstance(old, bool) == isinstance(new, bool)
    return [] if same else [pointer]
