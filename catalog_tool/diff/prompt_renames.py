"""Which prompt that came is one that went, under another id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from catalog_tool.diff.pairing import Pairing, Told, last_part
from catalog_tool.diff.sides import Key, Side, highest, oldest_first

LOADED = 4_000
"""Versions that are read to find one that two prompts have in common; about a millisecond each."""


def prompt_renames(base: Side, head: Side, gone: Sequence[str], come: Sequence[str]) -> Pairing:
    """Prompts that went with the id that they have now.

    The same content of the highest version is the surest, then of any other one, the newer the better; then the
    most words in common of what the highest versions tell the model.
    """
    old, new = _Prompts(base), _Prompts(head)
    found = Pairing(gone, come)
    found.by_stamps(old.named, new.named)
    found.by_stamps(old.content, new.content)
    left = [key for side, names in ((old, found.gone), (new, found.come)) for name in names for key in side.keys(name)]
    if found.gone and found.come and len(left) > LOADED:
        found.give_up()
    elif found.gone and found.come:
        old.load(found.gone)
        new.load(found.come)
        found.by_stamps(old.contents, new.contents)
    found.by_words(old.told, new.told)
    return found


class _Prompts:
    """The prompts of one side, by what they are known again."""

    def __init__(self, side: Side) -> None:
        self._side, self._versions = side, side.versions()

    def keys(self, name: str) -> list[Key]:
        """Its versions, the highest first."""
        return [(name, version) for version in reversed(oldest_first(self._versions[name]))]

    def load(self, names: Iterable[str]) -> None:
        """Read all versions of these."""
        self._side.load([key for name in names for key in self.keys(name)])

    def content(self, name: str) -> list[str]:
        """The digest of its highest version, where that can be read."""
        return self._digests([(name, highest(self._versions[name]))])

    def named(self, name: str) -> list[tuple[str, str]]:
        """The same, with the end of its id."""
        return [(digest, last_part(name)) for digest in self.content(name)]

    def contents(self, name: str) -> list[str]:
        """The digests of all its versions, the highest first."""
        return self._digests(self.keys(name))

    def _digests(self, keys: Iterable[Key]) -> list[str]:
        return [found.digest for key in keys if (found := self._side.version(key).version) is not None]

    def told(self, name: str) -> Told:
        """What its highest version tells the model."""
        found = self._side.version((name, highest(self._versions[name]))).version
        if found is None:
            return Told("")
        return Told("\n".join(_texts(found.decoded()["messages"])), found.parts["tools"])


def _texts(value: Any) -> Iterator[str]:
    """All texts of the messages, without the words of their form."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for key, item in value.items() if key not in ("role", "type") for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))
