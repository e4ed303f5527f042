"""Strict JSON: RFC 8259 with the refusals of our YAML (design §2.4)."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from catalog_tool.model.limits import NESTING, NODES
from catalog_tool.source.decoding import MOST_FLAWS, Flaw, place
from catalog_tool.source.strict_yaml import Document
from catalog_tool.source.yaml_scalars import RefusedNumberError, resolve_plain

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str) -> Document:
    """The value of a JSON text, with everything that is wrong in it; never raises for bad input."""
    flaws: list[Flaw] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, item in items:
            flaws.extend(_key_flaws(key, value))
            value[key] = item
        return value

    def number(spelled: str) -> Any:
        try:
            scalar = resolve_plain(spelled)
        except RefusedNumberError as error:
            flaws.append(Flaw("Y012", str(error)))
            return 0
        if scalar.code is not None:
            flaws.append(Flaw(scalar.code, scalar.message))
        return scalar.value

    def constant(spelled: str) -> Any:
        flaws.append(Flaw("Y012", f"`{spelled}` is not a number JSON can hold"))
        return 0

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        return Document(None, [Flaw("Y022", f"not JSON: {error.msg}", *place(text, error.pos))], refused=True)
    except RecursionError:
        return Document(None, [Flaw("Y015", f"nested more than {NESTING} deep")], refused=True)
    flaws.extend(_bounds(value))
    return Document(value, flaws[:MOST_FLAWS], refused=any(flaw.code != "Y019" for flaw in flaws))


def _key_flaws(key: str, before: dict[str, Any]) -> list[Flaw]:
    flaws = []
    if key in before:
        flaws.append(Flaw("Y008", f"the key `{key[:60]}` is given twice"))
    if key == "__proto__":
        flaws.append(Flaw("Y014", "the key `__proto__` is refused: JavaScript readers drop it"))
    if not key.isascii():
        if _SURROGATE.search(key):
            flaws.append(Flaw("Y016", "a lone surrogate in a key"))
        elif not unicodedata.is_normalized("NFC", key):
            flaws.append(Flaw("Y025", f"the key `{key[:60]}` is not in Unicode normal form C"))
    return flaws


def _bounds(value: Any) -> list[Flaw]:
    flaws: list[Flaw] = []
    level, depth, count = [value], 0, 0
    while level:
        count += len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                flaws.extend(_text_flaws(item))
            elif isinstance(item, dict):
                count += len(item)  # keys are values too, as in YAML
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        depth += any(isinstance(item, dict | list) for item in level)
        if depth > NESTING or count > NODES:
            what = f"nested more than {NESTING} deep" if depth > NESTING else f"more than {NODES} values"
            return [*flaws, Flaw("Y015", what)]
        level = below
    return flaws


def _text_flaws(text: str) -> list[Flaw]:
    if "\0" in text:
        return [Flaw("Y004", "an escaped NUL character")]
    if not text.isascii() and _SURROGATE.search(text):
        return [Flaw("Y016", "a lone surrogate: write the character itself")]
    return []
