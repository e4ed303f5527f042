"""How much of what people write can be decided: public schemas and our own, edited as people do."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from catalog_tool.diff.schema import compare_schemas

OWN = Path(__file__).parents[3] / "prompts"
ALLOWED = 0.10
EDITS_A_SCHEMA = 40

NEW_MEMBERS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "integer", "minimum": 0},
    {"enum": ["low", "high"]},
    {"type": "array", "items": {"type": "string"}},
    {"type": ["string", "null"]},
)


def documents(folder: Path) -> Iterator[Any]:
    """Whatever parses as YAML or JSON: whole files, front matter, and JSON inside text."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".json", ".yml", ".yaml", ".prompt", ".prompty") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        front = re.search(r"^---[ ]*$(.*?)^---[ ]*$", text, re.DOTALL | re.MULTILINE)
        is_front = path.suffix.startswith(".prompt") and front is not None
        try:
            yield from yaml.safe_load_all(front.group(1) if is_front and front else text)
        except yaml.YAMLError:
            continue


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Every object schema in a document, also where a string holds it as JSON."""
    if isinstance(value, str) and '"properties"' in value:
        try:
            yield from schemas(json.loads(value))
        except ValueError:
            return
    elif isinstance(value, dict):
        if value.get("type") == "object" and isinstance(value.get("properties"), dict):
            yield value
        for child in value.values():
            yield from schemas(child)
    elif isinstance(value, list):
        for child in value:
            yield from schemas(child)


def distinct(folder: Path) -> list[dict[str, Any]]:
    found = {
        json.dumps(schema, sort_keys=True, default=str): schema
        for document in documents(folder)
        for schema in schemas(document)
        if jsonschema_rs.meta.is_valid(schema)
    }
    return list(found.values())


def places(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for child in [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", [])]:
            yield from places(child)


def edited(schema: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The schema after one typical edit."""
    made = copy.deepcopy(schema)
    place = rng.choice(list(places(made)))
    kind = place.get("type")
    edits = [_describe, _list_values, _retype, _nullable, _wrap, _format, _pattern, _define, _choose, _fix]
    edits += [_add, _remove, _require, _close] * 2 + [_depend] if kind == "object" else [_bound, _bound]
    chosen = rng.choice(edits)
    chosen(made if chosen is _define else place, rng)
    return made


def _describe(place: dict[str, Any], _: random.Random) -> None:
    place["description"] = "In other words."


def _list_values(place: dict[str, Any], _: random.Random) -> None:
    if "enum" in place:
        place["enum"] = [*place["enum"][1:], "another"]
    elif place.get("type") == "string":
        place["enum"] = ["one", "two"]


def _retype(place: dict[str, Any], rng: random.Random) -> None:
    if isinstance(place.get("type"), str) and place["type"] != "object":
        place["type"] = rng.choice(["string", "integer", "number", "boolean"])


def _nullable(place: dict[str, Any], _: random.Random) -> None:
    if isinstance(place.get("type"), str):
        place["type"] = [place["type"], "null"]


def _wrap(place: dict[str, Any], _: random.Random) -> None:
    inner = dict(place)
    place.clear()
    place["anyOf"] = [inner, {"type": "null"}]


def _format(place: dict[str, Any], rng: random.Random) -> None:
    if place.get("type") == "string":
        place["format"] = rng.choice(["date", "date-time", "uri"])


def _pattern(place: dict[str, Any], rng: random.Random) -> None:
    if place.get("type") == "string":
        place["pattern"] = rng.choice(["^[a-z]+$", "^[0-9]+$"])


def _add(place: dict[str, Any], rng: random.Random) -> None:
    place.setdefault("properties", {})["another"] = rng.choice(NEW_MEMBERS)


def _remove(place: dict[str, Any], rng: random.Random) -> None:
    if place.get("properties"):
        name = rng.choice(sorted(place["properties"]))
        del place["properties"][name]
        place["required"] = [other for other in place.get("required", []) if other != name]


def _require(place: dict[str, Any], rng: random.Random) -> None:
    if place.get("properties"):
        name = rng.choice(sorted(place["properties"]))
        required = place.get("required", [])
        place["required"] = [n for n in required if n != name] if name in required else [*required, name]


def _close(place: dict[str, Any], _: random.Random) -> None:
    place["additionalProperties"] = place.get("additionalProperties") is False


def _bound(place: dict[str, Any], rng: random.Random) -> None:
    bounds = {
        "string": ["minLength", "maxLength"],
        "array": ["minItems", "maxItems"],
        "integer": ["minimum", "maximum"],
        "number": ["minimum", "maximum"],
    }
    kind = place.get("type")
    if isinstance(kind, str) and kind in bounds:
        place[rng.choice(bounds[kind])] = rng.randint(1, 9)


def _define(place: dict[str, Any], _: random.Random) -> None:
    """Takes the root's first member out into ``$defs``."""
    members = place.get("properties")
    if members:
        name = next(iter(members))
        place["$defs"] = {**place.get("$defs", {}), "moved": members[name]}
        members[name] = {"$ref": "#/$defs/moved"}


def _choose(place: dict[str, Any], _: random.Random) -> None:
    if place.get("type") == "string" and "enum" not in place:
        place["oneOf"] = [{"maxLength": 10}, {"minLength": 20}]


def _fix(place: dict[str, Any], _: random.Random) -> None:
    if place.get("enum"):
        place["const"] = place["enum"][0]


def _depend(place: dict[str, Any], rng: random.Random) -> None:
    names = sorted(place.get("properties", {}))
    if len(names) > 1:
        one, other = rng.sample(names, 2)
        if rng.random() < 0.5:
            place["dependentRequired"] = {one: [other]}
        else:
            place.update({"if": {"required": [one]}, "then": {"required": [other]}})


def self_contained(folder: Path) -> list[dict[str, Any]]:
    """Schemas of published interfaces, each with those that it refers to as ``$defs``."""
    found = []
    for document in documents(folder):
        named = document.get("components", {}).get("schemas", {}) if isinstance(document, dict) else {}
        moved = json.loads(json.dumps(named, default=str).replace("#/components/schemas/", "#/$defs/"))
        for name, schema in moved.items():
            used = _used(moved, name)
            whole = {**schema, "$defs": {other: moved[other] for other in sorted(used)}} if used else schema
            if isinstance(schema.get("properties"), dict) and jsonschema_rs.meta.is_valid(whole):
                found.append(whole)
    return found


def _used(named: dict[str, Any], name: str) -> set[str]:
    """The names that a schema refers to, directly or not."""
    used: set[str] = set()
    pending = [name]
    while pending:
        text = json.dumps(named[pending.pop()])
        new = {other for other in re.findall(r'"#/\$defs/([^"/]+)"', text) if other in named} - used
        used |= new
        pending += sorted(new)
    return used


def undecided_share(found: list[dict[str, Any]], edit: Callable[..., dict[str, Any]], edits: int) -> float:
    rng = random.Random(5)
    pairs = [(schema, edit(schema, rng)) for schema in found for _ in range(edits)]
    undecided = sum(
        any(change.rule == "undecided" for change in compare_schemas(old, new, side=side))
        for old, new in pairs
        for side in ("tool-arguments", "output")
    )
    share = undecided / (2 * len(pairs))
    print(f"{len(found)} schemas, {2 * len(pairs)} comparisons, {undecided} undecided ({share:.2%})")
    return share


def test_public_prompts_are_decided() -> None:
    corpora = os.environ.get("CATALOG_CORPORA")
    if not corpora:
        pytest.skip("CATALOG_CORPORA is not set: no public prompts to look at")
    found = distinct(Path(corpora) / "prompts")
    assert len(found) > 5
    assert undecided_share(found, edited, EDITS_A_SCHEMA) < ALLOWED


def test_public_interfaces_are_decided() -> None:
    """Hundreds of object schemas of two published HTTP interfaces: larger and more entangled than tools' are."""
    corpora = os.environ.get("CATALOG_CORPORA")
    if not corpora:
        pytest.skip("CATALOG_CORPORA is not set: no public interfaces to look at")
    found = self_contained(Path(corpora) / "apis")
    assert len(found) > 100
    assert undecided_share(found, edited, 3) < ALLOWED


def test_our_own_prompts_are_decided() -> None:
    found = distinct(OWN) if OWN.is_dir() else []
    if not found:
        pytest.skip("this checkout has no prompts with schemas")
    assert undecided_share(found, edited, EDITS_A_SCHEMA) < ALLOWED
