"""Taking out of samples what looks like a person or a secret.

A net with holes: names and addresses of streets pass. Whoever must be sure gives a ``redact`` of
their own. All patterns are linear: bounded repeats, no nesting that can be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from catalog_tool.model.secret_shapes import ASSIGNED, PREFIXED

_PEM_HEAD = r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_PEM_WHOLE = r"(?:(?!-----)[\s\S]){0,16384}-----END [A-Z0-9 ]{1,60}-----"
_PEM_SPACE = r"(?:[\s\"'+,>|]|\\[rn]){1,8}"
_PEM_CUT = (
    rf"(?:{_PEM_SPACE}(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID):[^\r\n\\]{{0,200}}){{0,8}}"
    rf"(?:{_PEM_SPACE}[A-Za-z0-9+/]{{16,16384}}={{0,2}}){{0,1000}}"
    rf"(?:{_PEM_SPACE}[A-Za-z0-9+/]{{1,15}}={{1,2}})?"
)
_SERVICES = "|".join(f"{shape.pattern}(?![A-Za-z0-9])" if shape.whole else shape.pattern for shape in PREFIXED)
_CREDENTIAL = r"(?=[a-z._~+/-]{0,64}[A-Z0-9=])[A-Za-z0-9._~+/=-]{8,4096}"
"""What follows ``Basic``; a plain word (``basic understanding``) is none."""
_BEARER = rf"(?:{_CREDENTIAL}|[A-Za-z0-9._~+/=-]{{20,4096}})"
"""What follows ``Bearer``; letters alone are a word where they are few (``bearer authentication``)."""
_HEADER = r"(?i:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?((?i:bearer|basic) [A-Za-z0-9._~+/=-]{8,4096})"
_IBAN = (
    r"[A-Z]{2}\d{2}(?=(?:[A-Z ]{0,12}\d){8})(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
    r"|[A-Za-z]{2}\d{13,32}"
)
_DEPTH = 32
_NAME_CHARACTERS = 100
"""How much of a key is looked at, from its end: what it names stands there."""


class _Rule(NamedTuple):
    """``group`` of what ``pattern`` finds becomes ``marker``; 0 is all of it."""

    marker: str
    pattern: str
    group: int = 0


_NAMED = (
    *(_Rule("[token]", f"(?<![A-Za-z0-9]){shape.pattern}", group=1) for shape in ASSIGNED),
    _Rule("[token]", _HEADER, group=1),
)
"""Secrets that only the name before them tells."""
_RULES = (
    _Rule("[key]", f"{_PEM_HEAD}(?:{_PEM_WHOLE}|{_PEM_CUT})"),
    _Rule("[login]", r"(?<=://)[^\s/?#\"'`<>]{0,512}(?=@)"),
    _Rule("[token]", f"(?<![A-Za-z0-9])(?:{_SERVICES})"),
    *_NAMED,
    _Rule("[token]", rf"\b(?:[Bb]earer {_BEARER}|[Bb]asic {_CREDENTIAL})"),
    _Rule("[token]", r"\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,4096}"),
    _Rule("[token]", r"\b(?:(?:[sr]k|pk|hf|gh[pousr]|glpat|xox[a-z])[-_]|AKIA|ASIA|AIza)[-_A-Za-z0-9]{12,512}"),
    _Rule("[email]", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"),
    _Rule("[number]", rf"(?<![A-Za-z0-9.])(?:{_IBAN}|\+?\d(?:[ ().-]{{0,2}}\d){{8,400}})(?![A-Za-z0-9])"),
)
"""In this order: what goes by an earlier rule is not there for a later one."""


@cache
def _compiled() -> tuple[tuple[_Rule, re.Pattern[str]], ...]:
    """Compiling takes milliseconds: it waits for the first sample."""
    return tuple((rule, re.compile(rule.pattern, re.ASCII)) for rule in _RULES)


def redacted(text: str) -> str:
    """``text`` without e-mail addresses, long numbers (cards, telephones, accounts), keys, tokens and logins in
    addresses.

    Keys and tokens are those whose shape is known (``model.secret_shapes``), private keys with their body, and
    what is assigned to a name such as ``api_key``.
    """
    for rule, pattern in _compiled():
        text = pattern.sub(partial(_marked, rule), text)
    return text


def _marked(rule: _Rule, found: re.Match[str]) -> str:
    whole, at = found[0], found.start()
    return whole[: found.start(rule.group) - at] + rule.marker + whole[found.end(rule.group) - at :]


def redacted_value(value: Any, redact: Callable[[str], str], depth: int = 0, name: str = "") -> Any:
    """Plain JSON of ``value`` with every text redacted, keys too; other types become their name.

    ``name`` is the key that the value stands under. Our own redaction takes out a text, or each of a list, that
    only its name tells to be a secret, as in a text that says ``name: value``.
    """
    if isinstance(value, str):
        found = redact(value)
        return _named(name, found) if name and redact is redacted else found
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEPTH and isinstance(value, Mapping):
        names = ((redact(str(key)), item) for key, item in value.items())
        return {key: redacted_value(item, redact, depth + 1, key) for key, item in names}
    if depth < _DEPTH and isinstance(value, list | tuple):
        return [redacted_value(item, redact, depth + 1, name) for item in value]
    return f"<{type(value).__name__}>"


def _named(name: str, text: str) -> str:
    head = f"{name[-_NAME_CHARACTERS:]}: "
    line = head + text
    for rule, pattern in _compiled():
        if rule in _NAMED:
            line = pattern.sub(partial(_marked, rule), line)
    return line.removeprefix(head)
