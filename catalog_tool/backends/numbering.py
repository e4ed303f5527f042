"""Whose a version's name is, on a platform that numbers versions itself.

``v3`` is git's word. The third version that a platform was given is it only where nobody else made one there,
so what a stranger made may go by its number no longer than git has no such version, or has that very content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from catalog_tool.backends.stored import content_digest
from catalog_tool.model.target import Applied

NO_VERSIONS: Mapping[str, str] = {}


class Reserved(NamedTuple):
    """The version addresses that are spoken for: by git, with the digests it has, and by the inventory."""

    versions: Mapping[str, str]
    inventory: Mapping[str, Applied]

    def is_free(self, address: str, entry: Callable[[], bytes]) -> bool:
        """Whether a stranger's version may go by a name: nobody has it, or ``entry`` holds what they have."""
        applied = self.inventory.get(address)
        spoken_for = {self.versions.get(address), applied.digest if applied is not None else None} - {None}
        return not spoken_for or content_digest(entry()) in spoken_for
