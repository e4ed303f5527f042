"""What a Langfuse project remembers of us, beside the prompts themselves.

``Memory`` is the large part: inventory, markers that no ``config`` could take, which server number
each version has, metadata that changed since a version was written (a version is immutable there), and
``rows``: what each prompt's row in the list looked like when all of it was last read, with the hashes of
what was read. A row that still looks like that has not been touched: whatever changes a prompt there
raises its ``lastUpdatedAt``, or takes a number out of its list.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog_tool.backends.langfuse_api import Row
from catalog_tool.errors import BackendError
from catalog_tool.model.target import Applied

LATEST = "latest"
PART_CHARACTERS = 700_000
"""How much of a memory's text goes into one prompt."""
_UNPACKED_BYTES = 256 * 1024 * 1024


class Proven(NamedTuple):
    """A row as it was when everything behind it was read.

    ``versions`` gives for each number the version's id and the sha256 of its entry, empty where it was not
    read; ``labels`` the number that each label stood on, 0 where that was not read.
    """

    updated_at: str
    versions: Mapping[int, tuple[str, str]]
    labels: Mapping[str, int]

    def fits(self, row: Row) -> bool:
        """Whether nothing about the prompt changed since."""
        return (
            self.updated_at == row.updated_at
            and set(self.versions) == set(row.versions)
            and set(self.labels) == set(row.labels) - {LATEST}
        )


class Census(NamedTuple):
    """The whole project at the time of the last change in it: what of it was ours to read is in ``rows``."""

    at: str


@dataclass(slots=True)
class Memory:
    """What is remembered; ``numbers`` is by prompt id and version, ``skills`` by name, most by address.

    ``others`` are the version numbers of the prompts that this target has nothing to do with, by their name there.
    """

    inventory: dict[str, Applied] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    metas: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, Proven] = field(default_factory=dict)
    others: dict[str, tuple[int, ...]] = field(default_factory=dict)
    census: Census | None = None
    skills: dict[str, Any] = field(default_factory=dict)

    def copy(self) -> Memory:
        """Another one that may be changed."""
        numbers = {name: dict(found) for name, found in self.numbers.items()}
        return Memory(
            dict(self.inventory), dict(self.markers), dict(self.metas), numbers, dict(self.rows), dict(self.others),
            self.census, dict(self.skills),
        )  # fmt: skip

    def packed(self) -> list[str]:
        """The memory as texts, each small enough for one prompt."""
        document = {
            "inventory": {address: list(found) for address, found in self.inventory.items()},
            "markers": self.markers,
            "metas": self.metas,
            "numbers": self.numbers,
            "rows": {name: list(row) for name, row in self.rows.items()},
            "others": {name: list(versions) for name, versions in self.others.items()},
            "census": list(self.census) if self.census else None,
            "skills": self.skills,
        }
        text = base64.b64encode(zlib.compress(json.dumps(document, sort_keys=True).encode(), 6)).decode()
        return [text[at : at + PART_CHARACTERS] for at in range(0, len(text), PART_CHARACTERS)]


def unpacked(parts: list[str]) -> Memory:
    """The memory from its texts. Raises ``BackendError`` where they are not what was written."""
    if not parts:
        return Memory()
    try:
        unzip = zlib.decompressobj()
        data = unzip.decompress(base64.b64decode("".join(parts), validate=True), _UNPACKED_BYTES)
        document = json.loads(data)
        census = document["census"]
        return Memory(
            {address: Applied(*found) for address, found in document["inventory"].items()},
            document["markers"],
            document["metas"],
            document["numbers"],
            {name: _proven(found) for name, found in document["rows"].items()},
            {name: tuple(map(int, versions)) for name, versions in document["others"].items()},
            Census(str(census[0])) if census else None,
            document["skills"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise BackendError(f"the inventory on the target cannot be read: {error}", hint="was it edited?") from error


def _proven(found: Any) -> Proven:
    return Proven(found[0], {number: (one[0], one[1]) for number, one in _by_number(found[1]).items()}, found[2])


def _by_number(found: Mapping[str, Any]) -> dict[int, Any]:
    return {int(number): value for number, value in found.items()}
