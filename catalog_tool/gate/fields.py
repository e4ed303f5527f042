"""Typed reading of a JSON object, so that a reader is a list of its fields.

Every getter knows only its own key and prefixes where it stands, so that an error names the whole
path: ``cases[3].outcome: one of pass, fail, …``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from catalog_tool.errors import UsageError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class MalformedError(UsageError):
    """A document that is not of its form; the message names the place."""


class Fields:
    """One object of a document; ``at`` is its place, empty at the top."""

    def __init__(self, value: object, at: str = "") -> None:
        if not isinstance(value, dict):
            raise MalformedError(f"{at or 'the document'}: an object is expected")
        self._value: dict[str, Any] = value
        self._at = at

    def refuse(self, key: str, expected: str) -> MalformedError:
        """The error for a key, to be raised by the caller."""
        return MalformedError(f"{self._place(key)}: {expected}")

    def only(self, *known: str) -> None:
        """Refuse keys that are not known: a misspelled one would be passed over."""
        for key in self._value:
            if key not in known:
                raise self.refuse(str(key)[:100], "not a key that is known here")

    def text(self, key: str, *, most: int = 1000, default: str | None = None) -> str:
        """A string of at most ``most`` code points; required unless there is a default."""
        value = self._value.get(key, default)
        if not isinstance(value, str) or len(value) > most:
            raise self.refuse(key, f"text of at most {most} characters is expected")
        return value

    def maybe_text(self, key: str, *, most: int = 1000) -> str | None:
        """A string, or None where it is null or missing."""
        return None if self._value.get(key) is None else self.text(key, most=most)

    def choice(self, key: str, known: Collection[str]) -> str:
        """One of a few words."""
        value = self._value.get(key)
        if not isinstance(value, str) or value not in known:
            raise self.refuse(key, f"one of {', '.join(known)} is expected")
        return value

    def digest(self, key: str) -> str:
        """``sha256:`` and 64 hex digits."""
        value = self._value.get(key)
        if not isinstance(value, str) or _DIGEST.fullmatch(value) is None:
            raise self.refuse(key, "a digest (sha256: and 64 hex digits) is expected")
        return value

    def maybe_digest(self, key: str) -> str | None:
        """A digest, or None where it is null or missing."""
        return None if self._value.get(key) is None else self.digest(key)

    def integer(self, key: str, *, least: int = 0) -> int:
        """A whole number of at least ``least``."""
        value = self._value.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.refuse(key, f"a whole number of at least {least} is expected")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(key, "a number is expected")
        return value

    def maybe_number(self, key: str) -> float | None:
        """A finite number, or None where it is null or missing."""
        return None if self._value.get(key) is None else self.number(key)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._value.get(key)
        if not isinstance(value, bool):
            raise self.refuse(key, "true or false is expected")
        return value

    def inner(self, key: str) -> Fields:
        """The object under a key."""
        return Fields(self._value.get(key), self._place(key))

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._value.get(key) is not None

    def items(self, key: str) -> Iterator[Fields]:
        """The objects of a list; none where the key is missing."""
        for index, item in enumerate(self._list(key)):
            yield Fields(item, f"{self._place(key)}[{index}]")

    def texts(self, key: str, *, most: int = 1000) -> tuple[str, ...]:
        """The strings of a list; none where the key is missing."""
        found = self._list(key)
        if not all(isinstance(item, str) and len(item) <= most for item in found):
            raise self.refuse(key, "a list of text is expected")
        return tuple(found)

    def choices(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of words, each one of a few."""
        found = self._list(key)
        if not all(isinstance(item, str) and item in known for item in found):
            raise self.refuse(key, f"a list of {', '.join(known)} is expected")
        return tuple(found)

    def members(self, key: str) -> Iterator[tuple[str, Fields]]:
        """The objects of a map by name; none where the key is missing."""
        holder = self._map(key)
        for name, item in holder.items():
            yield name, Fields(item, f"{self._place(key)}.{name[:100]}")

    def numbers(self, key: str) -> dict[str, float | None]:
        """A map of finite numbers, null included."""
        inner = Fields(self._map(key), self._place(key))
        return {name: inner.maybe_number(name) for name in inner._value}

    def _list(self, key: str) -> list[Any]:
        value = self._value.get(key, [])
        if not isinstance(value, list):
            raise self.refuse(key, "a list is expected")
        return value

    def _map(self, key: str) -> Mapping[str, Any]:
        value = self._value.get(key, {})
        if not isinstance(value, dict):
            raise self.refuse(key, "an object is expected")
        return value

    def _place(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key
