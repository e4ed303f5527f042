"""Canonical bytes: RFC 8785, the JSON Canonicalization Scheme.

The standard library's encoder and jsonschema-rs's write the same bytes as RFC 8785 for most documents,
twenty and forty times faster than a Python encoder. They may differ in three places only, and those go
to ``rfc8785``:

* keys sort by code point here and by UTF-16 unit there: they differ only beyond U+D7FF;
* ``float.__repr__`` and ECMAScript agree on every number that is written without an exponent by
  both, so not on whole floats, nor below 1e-4 or from 1e16 on;
* integers beyond 2^53 - 1, NaN, infinities and lone surrogates are refused.
"""

from __future__ import annotations

import hashlib
import sys
from json.encoder import JSONEncoder, c_make_encoder, encode_basestring  # type: ignore[attr-defined]  # C speed
from typing import Any

from catalog_tool.errors import CatalogError
from catalog_tool.model.limits import SAFE_INTEGER

Json = Any
"""A JSON value: None, bool, int, float, str, list of them, dict from str to them."""

_SHORT = 12


class NotCanonicalError(CatalogError):
    """A value that JSON cannot hold: a number out of range, a lone surrogate, a key that is no string."""


def _refuse(value: object) -> Json:
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def _fast_encoder() -> Any:
    if c_make_encoder is None:
        return None
    try:
        from json.encoder import c_encode_basestring as text  # type: ignore[attr-defined]  # absent without _json
    except ImportError:
        text = encode_basestring
    return c_make_encoder(None, _refuse, text, None, ":", ",", True, False, False)


_ENCODE = _fast_encoder()
_STDLIB = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _fast_text(value: Json) -> str:
    """The canonical text of a value that ``agrees`` holds good: jsonschema-rs writes it twice as fast.

    It is used where schemas are checked anyway, and not loaded for this: a client's start would pay for it.
    """
    engine: Any = sys.modules.get("jsonschema_rs")
    if engine is None:
        return _stdlib_text(value)
    try:
        return engine.canonical.json.to_string(value)  # type: ignore[no-any-return]
    except ValueError:  # its bound on nesting is lower than ours
        return _stdlib_text(value)


def _stdlib_text(value: Json) -> str:
    return "".join(_ENCODE(value, 0)) if _ENCODE is not None else _STDLIB.encode(value)


ASTRAL = "\ud800"
"""The first code point from which on UTF-16 units and code points may sort differently."""


def agrees_on_float(number: float) -> bool:
    """Whether ``repr`` and ECMAScript write this float alike."""
    return 1e-4 <= abs(number) < 1e16 and not number.is_integer()


def agrees(value: Json) -> bool:  # noqa: C901 - one branch a type of JSON
    """Whether the standard library provably writes the canonical bytes of ``value``."""
    pending = [value]
    for item in pending:
        kind = type(item)
        if kind is str:
            continue
        if kind is dict:
            for key in item:
                if type(key) is not str or not (key.isascii() or max(key) < ASTRAL):
                    return False
            pending += item.values()
        elif kind is list:
            pending += item
        elif kind is int:
            if not -SAFE_INTEGER <= item <= SAFE_INTEGER:
                return False
        elif kind is float:
            if not agrees_on_float(item):
                return False
        elif item is not None and kind is not bool:
            return False
    return True


def canonical_bytes(value: Json, *, is_plain: bool = False) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    ``is_plain``: the caller made the value of ASCII keys, text, booleans and sizes only. Raises
    ``NotCanonicalError`` where the value has no canonical form (§3.1: I-JSON only).
    """
    try:
        if is_plain or agrees(value):
            return _fast_text(value).encode()
    except (RecursionError, UnicodeEncodeError) as error:
        raise NotCanonicalError(f"no canonical form: {type(error).__name__}") from error
    return _reference_bytes(value)


def canonical_members(value: dict[str, Json], *, is_plain: bool = False) -> dict[str, bytes]:
    """The canonical bytes of each member of an object: one look at all of it, then one encoding each.

    ``is_plain`` says that whoever read the value has looked already (``strict_yaml``).
    """
    try:
        if is_plain or agrees(value):
            return {key: _fast_text(item).encode() for key, item in value.items()}
    except (RecursionError, UnicodeEncodeError) as error:
        raise NotCanonicalError(f"no canonical form: {type(error).__name__}") from error
    return {key: canonical_bytes(item) for key, item in value.items()}


def _reference_bytes(value: Json) -> bytes:
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:
        raise NotCanonicalError(f"no canonical form: {error}") from error


def digest_of_bytes(data: bytes) -> str:
    """``sha256:`` + 64 hex of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: Json, *, is_plain: bool = False) -> str:
    """The digest of a JSON value: sha256 over its canonical bytes (``is_plain`` as there)."""
    return digest_of_bytes(canonical_bytes(value, is_plain=is_plain))


def short(digest: str) -> str:
    """The first 12 hex of a digest."""
    return digest[7 : 7 + _SHORT]


def version_id(version: str, digest: str) -> str:
    """``v2-3f9a1c0b77de``: what traces carry (design §1)."""
    return f"{version}-{short(digest)}"
