"""A whole bundle in memory, as ``bundle.json`` and ``GET /v1/bundle`` hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.canonical.jcs import NotCanonicalError
from catalog_tool.client.errors import BadAnswerError
from catalog_tool.client.sources.base import LabelRow

FORMAT = 1


def decoded(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object from bytes. Raises ``BadAnswerError``."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError(f"{what} is no JSON") from error
    if not isinstance(found, dict):
        raise BadAnswerError(f"{what} is no JSON object")
    return found


def check_format(found: Any, what: str) -> None:
    """Refuse what a newer version wrote. Raises ``BadAnswerError``."""
    if type(found) is int and found > FORMAT:
        raise BadAnswerError(f"{what} has format {found}", hint="a newer catalog-tool wrote it: update this client")
    if found != FORMAT or type(found) is not int:
        raise BadAnswerError(f"{what} is no bundle of ours: its format is {str(found)[:20]!r}")


class Bundle:
    """The rows of one bundle. Its own digest is recomputed from its labels and the digests it names.

    The digests of the versions that are given out are recomputed by the client, so that the chain is
    whole: what is rendered is what the bundle's digest says. Raises ``BadAnswerError``.
    """

    def __init__(self, document: Mapping[str, Any], what: str, wanted_digest: str | None) -> None:
        check_format(document.get("format"), what)
        self._what = what
        self._labels = _objects(document, "labels", what)
        self._prompts = _objects(document, "prompts", what)
        self.digest = document.get("digest")
        if self.digest != self._recomputed(_objects(document, "skills", what)):
            raise BadAnswerError(f"{what} is not what its digest says")
        if wanted_digest is not None and self.digest != wanted_digest:
            raise BadAnswerError(f"{what} is bundle {self.digest}, and {wanted_digest} is wanted")

    def _recomputed(self, skills: Mapping[str, Any]) -> str:
        try:
            versions = {
                name: {version: entry["digest"] for version, entry in found.items()}
                for name, found in self._prompts.items()
            }
            return bundle_digest(self._labels, versions, {name: entry["digest"] for name, entry in skills.items()})
        except (KeyError, TypeError, AttributeError, NotCanonicalError) as error:
            raise BadAnswerError(f"{self._what} is no bundle") from error

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``; a bundle has neither generations nor a store."""
        return LabelRow(self._labels.get(name, {}), bundle=self.digest)

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``."""
        return self._prompts.get(name, {}).get(version)

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``."""
        return [(version, entry["digest"]) for version, entry in self._prompts.get(name, {}).items()]


def _objects(document: Mapping[str, Any], key: str, what: str) -> dict[str, dict[str, Any]]:
    found = document.get(key)
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise BadAnswerError(f"{what} is no bundle: {key!r} is no map of objects")
    return found
