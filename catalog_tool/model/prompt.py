"""A prompt version as everything above the reader sees it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class PromptVersion(NamedTuple):
    """One immutable prompt version.

    ``parts`` holds the canonical JSON bytes of each part, so that ten thousand of them stay small;
    ``meta`` the canonical bytes of description, owners, tags and ``x-*``. ``uses`` names the shared
    parts it includes (``partials/safety@v1``, ``tools/search_kb@v1``) with their digests.
    """

    id: str
    version: str
    path: str
    digest: str
    parts: dict[str, bytes]
    meta: bytes
    uses: tuple[tuple[str, str], ...] = ()

    @property
    def version_id(self) -> str:
        """``v2-3f9a1c0b77de``: what traces carry."""
        return f"{self.version}-{self.digest[7:19]}"

    def decoded(self) -> dict[str, Any]:
        """The parts as JSON values."""
        return {name: json.loads(data) for name, data in self.parts.items()}

    def metadata(self) -> dict[str, Any]:
        """The metadata as JSON values."""
        found: dict[str, Any] = json.loads(self.meta)
        return found

    def entry(self) -> bytes:
        """Canonical JSON of this version in ``bundle.json``: digest, version id, parts, meta."""
        fields = {
            **self.parts,
            "digest": b'"%b"' % self.digest.encode(),
            "meta": self.meta,
            "version_id": b'"%b"' % self.version_id.encode(),
        }
        return b"{" + b",".join(b'"%b":%b' % (name.encode(), fields[name]) for name in sorted(fields)) + b"}"
