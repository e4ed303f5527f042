"""One value written in many ways: YAML in every style, JSON, other numbers, other line ends.

The choices come from a ``random.Random`` that the test is given, so that a failure shrinks and repeats.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?: [A-Za-z0-9]+)*", re.ASCII)
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_BARE = re.compile(r"[\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
"""What YAML can hold without an escape."""
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\xa0": "\\_"}


def number(value: float, random: Random, *, is_yaml: bool) -> str:
    """A number in one of its spellings, in at most as many digits as a double keeps."""
    spellings = [json.dumps(value)]
    if isinstance(value, int):
        spellings += [f"{value}.0", f"{value}.00", f"{value}e0", f"{value}E+0"]
        spellings += [f"{value}0e-1"] if value else []
        spellings += [f"+{value}", f"{value}."] if is_yaml and value >= 0 else []
    else:
        spellings += [f"{value}0"] if re.fullmatch(r"-?[0-9]+\.[0-9]+", repr(value)) else []
        spellings += [f"{value!r}e0"] if "e" not in repr(value) else []
    return random.choice(spellings)


class Writer:
    """Writes one value; every method takes its choices from ``random``."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def json(self, value: Any, path: Path = ()) -> str:
        """A JSON text, which is also what YAML's flow style looks like."""
        space = self.random.choice(["", " ", "\n  "])
        if isinstance(value, dict):
            items = (
                f"{self._json_text(key)}:{space}{self.json(item, (*path, key))}"
                for key, item in self.members(value, path)
            )
            return "{" + f",{space}".join(items) + space + "}"
        if isinstance(value, list):
            return "[" + f",{space}".join(self.json(item, (*path, 0)) for item in value) + space + "]"
        if isinstance(value, str):
            return self._json_text(value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return number(value, self.random, is_yaml=False) if is_number else json.dumps(value)

    def _json_text(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.random.random() < 0.3)

    def members(self, value: dict[str, Any], path: Path) -> list[tuple[str, Any]]:
        """The members in another order, unless the order is meaning."""
        items = list(value.items())
        if not (path and path[-1] == "properties" and {"output_schema", "parameters"} & set(path)):
            self.random.shuffle(items)
        return items

    def yaml(self, value: dict[str, Any]) -> str:
        """A YAML document: a block mapping at the top, anything below."""
        head = self.random.choice(["", "", "---\n", "# a comment\n"])
        return head + self._block_map(value, (), 0)

    def _block_map(self, value: dict[str, Any], path: Path, indent: int) -> str:
        return "".join(
            " " * indent + self._key(key) + ":" + self._block(item, (*path, key), indent)
            for key, item in self.members(value, path)
        )

    def _block(self, value: Any, path: Path, indent: int) -> str:
        """What follows ``key:``, with the line's end."""
        if isinstance(value, dict) and value and self.random.random() < 0.6:
            deeper = indent + self.random.choice([1, 2, 4])
            return self._end() + self._block_map(value, path, deeper)
        if isinstance(value, list) and value and self.random.random() < 0.6:
            deeper = indent + self.random.choice([0, 2, 3])
            return self._end() + "".join(self._item(item, (*path, 0), deeper) for item in value)
        if isinstance(value, str) and self.random.random() < 0.5:
            literal = self._literal(value, indent)
            if literal is not None:
                return literal
        if value is None and self.random.random() < 0.3:
            return self._end()
        return " " * self.random.choice([1, 1, 3]) + self._flow(value, path) + self._end()

    def _item(self, value: Any, path: Path, indent: int) -> str:
        if isinstance(value, dict) and value and self.random.random() < 0.5:
            lines = self._block_map(value, path, indent + 2)
            return " " * indent + "- " + lines[indent + 2 :]
        return " " * indent + "- " + self._flow(value, path) + self._end()

    def _end(self) -> str:
        return self.random.choice(["\n", "\n", "\n", " # why\n", "  \n", "\n\n"])

    def _literal(self, text: str, indent: int) -> str | None:
        """A literal block scalar, None where the text cannot be one."""
        if not text.strip("\n") or "\r" in text or _BARE.fullmatch(text) is None:
            return None
        body = text.rstrip("\n")
        ends = len(text) - len(body)
        chomp = ("-", "", "+")[min(ends, 2)]
        lines = text[: -1 if ends else None].split("\n")
        inner = " " * (indent + 2)
        return f" |2{chomp}\n" + "".join(f"{inner}{line}\n" if line else "\n" for line in lines)

    def _key(self, key: str) -> str:
        return self._text(key)

    def _flow(self, value: Any, path: Path) -> str:
        if isinstance(value, dict):
            items = (f"{self._text(key)}: {self._flow(item, (*path, key))}" for key, item in self.members(value, path))
            return "{" + ", ".join(items) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(item, (*path, 0)) for item in value) + "]"
        if isinstance(value, str):
            return self._text(value)
        if value is None:
            return self.random.choice(["null", "~", "Null", "NULL"])
        if isinstance(value, bool):
            return self.random.choice(["true", "True", "TRUE"] if value else ["false", "False", "FALSE"])
        return number(value, self.random, is_yaml=True)

    def _text(self, text: str) -> str:
        styles = [self._double]
        if "\n" not in text and "\t" not in text and _BARE.fullmatch(text):
            styles.append(lambda text: "'" + text.replace("'", "''") + "'")
        if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
            styles.append(str)
        return self.random.choice(styles)(text)

    def _double(self, text: str) -> str:
        return '"' + "".join(self._escaped(character) for character in text) + '"'

    def _escaped(self, character: str) -> str:
        code = ord(character)
        if character in _ESCAPES:
            return _ESCAPES[character]
        if _BARE.fullmatch(character) and self.random.random() < 0.95:
            return character
        return f"\\x{code:02X}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08X}"

    def bytes(self, text: str) -> bytes:
        """A text as a file: LF or CRLF, with or without a byte order mark."""
        data = text.replace("\n", "\r\n").encode() if self.random.random() < 0.3 else text.encode()
        return b"\xef\xbb\xbf" + data if self.random.random() < 0.2 else data
