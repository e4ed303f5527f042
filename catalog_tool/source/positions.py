"""Where in a file a value stands: found only when a finding needs it.

Clean files never pay for positions. The text has been read by ``strict_yaml`` before, so it is
bounded and holds no aliases, and PyYAML's own node graph is safe to build.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml


class Spot(NamedTuple):
    """A place in a file, from 1, in code points."""

    line: int | None
    column: int | None


NOWHERE = Spot(None, None)

Path = Sequence[str | int]
"""Keys and indexes from the document's root."""


class Locator:
    """Finds places in one YAML (or JSON) text; ``first_line`` is the line of the file it starts on."""

    def __init__(self, text: str, *, first_line: int = 1) -> None:
        self._text = text
        self._shift = first_line - 1
        self._root: Any = None
        self._composed = False
        self._lines: list[str] | None = None
        self._maps: dict[int, dict[str, tuple[Any, Any]]] = {}

    def key(self, path: Path) -> Spot:
        """The place of the last key of ``path``; its holder's where the key is not there."""
        parents, last = path[:-1], path[-1] if path else None
        holder = self._walk(parents)
        if isinstance(holder, yaml.MappingNode) and last in self._entries(holder):
            return self._spot(self._entries(holder)[str(last)][0])
        return self.value(path)

    def value(self, path: Path) -> Spot:
        """The place of the value at ``path``, or of the nearest holder that exists."""
        for length in range(len(path), -1, -1):
            node = self._walk(path[:length])
            if node is not None:
                return self._spot(node)
        return NOWHERE

    def inside(self, path: Path, offset: int) -> Spot:
        """The place of the code point ``offset`` of the string at ``path``.

        Exact in a literal block; in every other scalar the scalar's first character (design §2.4).
        """
        node = self._walk(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.value(path)
        if node.style != "|":
            return self._spot(node)
        before = node.value[:offset]
        start = before.rfind("\n") + 1
        line = node.start_mark.line + 1 + before.count("\n")
        written = self._line(line)
        content = node.value[start : (node.value + "\n").index("\n", start)]
        indent = len(written) - len(content)
        return Spot(line + 1 + self._shift, indent + len(before) - start + 1)

    def _line(self, number: int) -> str:
        if self._lines is None:
            self._lines = self._text.split("\n")
        return self._lines[number] if number < len(self._lines) else ""

    def _walk(self, path: Path) -> Any:
        if not self._composed:
            self._composed = True
            try:
                self._root = yaml.compose(self._text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            except (yaml.YAMLError, RecursionError):
                self._root = None
        node = self._root
        for step in path:
            node = self._child(node, step)
            if node is None:
                return None
        return node

    def _child(self, node: Any, step: str | int) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._entries(node).get(str(step), (None, None))[1]
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step]
        return None

    def _entries(self, node: Any) -> dict[str, tuple[Any, Any]]:
        """Keys and values of a map by key, so that a thousand findings in it do not each look through it."""
        known = self._maps.get(id(node))
        if known is None:
            pairs = ((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))
            known = self._maps[id(node)] = {key.value: (key, value) for key, value in pairs}
        return known

    def _spot(self, node: Any) -> Spot:
        return Spot(node.start_mark.line + 1 + self._shift, node.start_mark.column + 1)
