"""Keys, tokens and passwords in a text, by about seventy shapes (faults row 47).

Two stages, because nearly every text is clean. The first asks of the whole text the few things
that every key has in common: a digit within a run of letters and digits, or thirty letters after
an underscore, or a password's ``@``. Only around such places the shapes of
``model.secret_shapes`` are tried. What is found is a place and a kind, never the value.

Limits: a key cut over several lines, encoded once more or shorter than its service issues is not
found, and a password without a telling shape only where it is assigned to a telling name and looks
random. Illustrations (``sk-xxxx``, ``AKIA…EXAMPLE``, ``${TOKEN}``) are no keys.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from catalog_tool.model.secret_shapes import (
    ADDRESS_LOGIN,
    ASSIGNED,
    PLACEHOLDER_WORDS,
    PREFIXED,
    PRIVATE_KEY,
    Shape,
)

_BACK = 400  # bytes before a suspicious place in which its word may begin
_NAME = 60  # bytes before a word in which the name that it is assigned to may stand
_SHORTEST = 16  # bytes of a word that may be, or hold, a key
_WORD_BYTES = 16_384  # the longest run without white space that is looked at in one piece
_WHOLE_KEY = 200  # bytes of a private key that are judged
_KEY_BODY = 400  # bytes after a private key's head in which the key must begin
_JUDGED = 20  # the last characters of a key: enough to tell random from made up

_FOLD = bytes.maketrans(b"123456789", b"0" * 9)
# One literal first byte lets ``re`` skip ahead; the rest asks for letters and digits around it.
_MIXED = re.compile(rb"0(?:[A-Za-z0](?:[A-Za-z0]{6}|[A-Za-z0]{3}(?<=[A-Za-z0]{8}))|(?<=[A-Za-z0]{8}))")
_LETTERS = re.compile(rb"_[A-Za-z]{30}")
_WORD = re.compile(rb"\S{0,%d}" % _WORD_BYTES)


def _body(shape: Shape) -> str:
    return f"{shape.pattern}(?![A-Za-z0-9])" if shape.whole else shape.pattern


# Compiling takes milliseconds, so it waits for the first suspicious text. The engine skips an option
# by its first character as long as no group opens before it: the alternation only finds, and of what
# is found each shape is asked by itself.
@cache
def _any_prefixed() -> re.Pattern[bytes]:
    options = "|".join(_body(shape) for shape in PREFIXED)
    return re.compile(rf"(?<![A-Za-z0-9])(?=[^\s\"'`<>,;(){{}}]{{20}})(?:{options})".encode())


@cache
def _prefixed_shape(place: int) -> re.Pattern[bytes]:
    return re.compile(_body(PREFIXED[place]).encode())


@cache
def _assigned_shapes() -> tuple[tuple[str, re.Pattern[bytes]], ...]:
    return tuple((shape.kind, re.compile(f"(?<![A-Za-z0-9]){_body(shape)}".encode())) for shape in ASSIGNED)


@cache
def _illustrations() -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(word.encode()) for word in PLACEHOLDER_WORDS), re.IGNORECASE)


_compiled = cache(re.compile)
_TELLING = b"pass|secret|token|key|cred|cloudflare|cf_api|heroku"
_PRIVATE_KEY = PRIVATE_KEY.encode()
_KEY_TEXT = rb"[A-Za-z0-9+/]{40,}"
_ADDRESS_LOGIN = ADDRESS_LOGIN.encode()
_SAMPLE_CLAIMS = rb"(?i:john ?doe|jane ?doe|example|foo|1234567890)"
_REPEATED = rb"(?s:(.)\1{5})"
_RANDOM_RUN = rb"[A-Za-z0-9+/]{16,}"
_CHANGES = rb"[a-z]+|[A-Z]+|[0-9]+"
_WEAK_PASSWORD = rb"(?i:[a-z_.-]*(?:pass|pw|secret|admin|user|test|demo|guest|root|token)[a-z_.-]*\W*\d*\W*)"


class SecretHit(NamedTuple):
    """Where a secret stands, in code points from 0, ``end`` exclusive. The value is not kept."""

    kind: str
    start: int
    end: int


def find_secrets(text: str, *, raw: bytes | None = None) -> list[SecretHit]:
    """Every secret in ``text``, in order of place, none overlapping another.

    ``raw`` is the same text in UTF-8, for callers that have it already. Takes about 2 ns a byte
    on clean text; never raises.
    """
    data = text.encode("utf-8", "surrogatepass") if raw is None else raw
    spots = [match.start() for match in _MIXED.finditer(data.translate(_FOLD))]
    if _LETTERS.search(data):
        spots = sorted(spots + [match.start() for match in _LETTERS.finditer(data)])
    if not spots and b"@" not in data:
        return []
    hits: list[SecretHit] = []
    if spots:
        hits += _private_keys(data)
        hits += _keys(data, spots)
    if b"@" in data:
        hits += _url_passwords(data)
    hits = _keep_first(hits)
    if len(data) == len(text):
        return hits
    return [SecretHit(h.kind, _characters(data, h.start), _characters(data, h.end)) for h in hits]


def _characters(data: bytes, offset: int) -> int:
    return len(data[:offset].decode("utf-8", "surrogatepass"))


def _keep_first(hits: list[SecretHit]) -> list[SecretHit]:
    """Hits by place; of two that overlap the one found by the earlier rule."""
    kept: list[SecretHit] = []
    for hit in hits:
        if not any(hit.start < other.end and other.start < hit.end for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda hit: hit.start)


def _keys(data: bytes, spots: list[int]) -> Iterator[SecretHit]:
    for low, high in _words(data, spots):
        if high - low < _SHORTEST:
            continue
        for match in _any_prefixed().finditer(data, low, high):
            if not _is_illustration(match[0]) and not _is_sample_jwt(match[0]):
                yield SecretHit(_kind(data, match.start()), *match.span())
        context = max(0, low - _NAME)
        if _compiled(_TELLING).search(data[context:high].lower()):
            yield from _assigned(data, context, high)


def _kind(data: bytes, start: int) -> str:
    """The kind of the key that begins at ``start``, where one of the shapes is known to fit."""
    fits = (place for place in range(len(PREFIXED)) if _prefixed_shape(place).match(data, start))
    return PREFIXED[next(fits)].kind


def _private_keys(data: bytes) -> Iterator[SecretHit]:
    for head in _compiled(_PRIVATE_KEY).finditer(data):
        body = _compiled(_KEY_TEXT).search(data, head.end(), head.end() + _KEY_BODY)
        if body and not _is_illustration(body[0][:_WHOLE_KEY]):
            yield SecretHit("private-key", head.start(), body.end())


def _words(data: bytes, spots: list[int]) -> Iterator[tuple[int, int]]:
    """The runs without white space that hold a suspicious place, each once."""
    done = 0
    for spot in spots:
        if spot >= done:
            floor = max(0, spot - _BACK)
            low = max(data.rfind(b" ", floor, spot), data.rfind(b"\n", floor, spot), floor - 1) + 1
            word = _WORD.match(data, spot)
            done = word.end() if word else spot
            yield low, done


def _assigned(data: bytes, low: int, high: int) -> Iterator[SecretHit]:
    for kind, pattern in _assigned_shapes():
        for match in pattern.finditer(data, low, high):
            value = match[1]
            if _is_illustration(value) or (kind == "assigned-secret" and not _looks_random(value)):
                continue
            yield SecretHit(kind, *match.span(1))


def _url_passwords(data: bytes) -> Iterator[SecretHit]:
    """``scheme://user:password@host``; a search begins only where an ``@`` stands."""
    at = data.find(b"@")
    done = 0
    while at >= 0:
        scheme = data.rfind(b"://", max(done, at - 320), at)
        if scheme >= 0:
            match = _compiled(_ADDRESS_LOGIN).search(data, max(done, scheme - 21), at + 2)
            if match and _is_password(match[1]):
                yield SecretHit("url-password", *match.span(1))
                done = match.end()
        at = data.find(b"@", at + 1)


def _is_illustration(value: bytes) -> bool:
    """Whether ``value`` was made up: telling words, few different characters, ``abc``, ``aaa``."""
    tail = value[-_JUDGED:]
    if len(set(tail)) < 8 or _illustrations().search(value) or _compiled(_REPEATED).search(value):
        return True
    steps = sum(b - a == 1 for a, b in pairwise(tail))
    return steps * 3 > len(tail)


def _is_sample_jwt(value: bytes) -> bool:
    """Whether a JWT's claims are those of a manual: John Doe's, foo's, an example's."""
    claims = value.split(b".")[1] if value.startswith(b"eyJ") else b""
    try:
        return (
            _compiled(_SAMPLE_CLAIMS).search(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4))) is not None
        )
    except binascii.Error:
        return False


def _looks_random(value: bytes) -> bool:
    """Whether a value without a known shape has a run that no person would name a thing."""
    for run in _compiled(_RANDOM_RUN).findall(value):
        digits = sum(48 <= byte <= 57 for byte in run)
        if digits >= 2 and len(set(run)) >= 10 and len(_compiled(_CHANGES).findall(run)) >= 8:
            return True
    return False


def _is_password(value: bytes) -> bool:
    """Whether the password of an address is one, not ``user:password`` of a manual."""
    if len(set(value)) < 6 or _illustrations().search(value) or _compiled(_WEAK_PASSWORD).fullmatch(value):
        return False
    return len(value) >= 8 and len(_compiled(_CHANGES).findall(value)) >= 4
