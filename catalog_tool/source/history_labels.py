"""One prompt's labels in many revisions of the registry, without parsing what did not change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from catalog_tool.model.labels import LabelValue
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.git import Git
from catalog_tool.source.git_output import Blob
from catalog_tool.source.registry import read_registry

PromptLabels = dict[str, LabelValue]

# A registry in block style whose first key is a plain one. There a key of the top stands at a line's
# start, and what else could stand there makes the registry one that no command accepts.
_BLOCK_STYLE = re.compile(rb"(?:---[ \t]*\r?\n|[ \t]*(?:#[^\n]*|\r)?\n)*[a-z]")
_COLON = re.compile(rb" *:")
_NEXT_KEY = re.compile(rb"^[a-z\"'-]", re.MULTILINE)


KEPT_BYTES = 32 * 1024 * 1024


class Blobs(Protocol):
    """Where blobs are read: ``Git``, or ``KeptBlobs``."""

    def cat_blobs(self, blobs: Iterable[str], limit: int) -> Iterator[Blob]:
        """Each blob once. Raises ``GitError``."""


class KeptBlobs:
    """Reads each blob once, for many prompts of one registry; beyond ``room`` bytes again each time."""

    def __init__(self, git: Git, room: int = KEPT_BYTES) -> None:
        self._git = git
        self._kept: dict[str, Blob] = {}
        self._room = room

    def cat_blobs(self, blobs: Iterable[str], limit: int) -> Iterator[Blob]:
        """As ``Git.cat_blobs``; ``limit`` is the same at each call."""
        wanted = list(dict.fromkeys(blobs))
        yield from (self._kept[blob] for blob in wanted if blob in self._kept)
        for blob in self._git.cat_blobs([blob for blob in wanted if blob not in self._kept], limit):
            size = len(blob.data or b"")
            if size <= self._room:
                self._room -= size
                self._kept[blob.id] = blob
            yield blob


class RegistryHistory:
    """The labels of one prompt by the registry's blob id.

    ``path`` is the registry's, for its format; a registry that is read as text keeps only the lines
    about this prompt, so a thousand large ones are not a thousand parses.
    """

    def __init__(self, git: Blobs, path: str, prompt_id: str) -> None:
        self._git = git
        self._path = path
        self._id = prompt_id
        self._by_blob: dict[str, PromptLabels | None] = {}
        self._by_text: dict[bytes, PromptLabels | None] = {}
        self._flaws: dict[str, bytes] = {}

    def load(self, blobs: Iterable[str | None]) -> None:
        """Read those of ``blobs`` that are not known yet, in one process. Raises ``GitError``."""
        wanted = {blob: None for blob in blobs if blob is not None and blob not in self._by_blob}
        for blob in self._git.cat_blobs(wanted, PARSED_FILE_BYTES):
            found = None if blob.data is None else self._labels(blob.data)
            self._by_blob[blob.id] = found
            if found is None:
                self._flaws[blob.id] = section(blob.data or b"", self._id) or blob.id.encode()

    def labels(self, blob: str | None) -> PromptLabels | None:
        """The labels in a loaded blob, empty without a registry; None where they cannot be read."""
        return {} if blob is None else self._by_blob[blob]

    def flaw(self, blob: str | None) -> bytes | None:
        """What of a loaded blob cannot be read: the lines about this prompt, or the blob's id; None: nothing."""
        return None if blob is None else self._flaws.get(blob)

    def _labels(self, data: bytes) -> PromptLabels | None:
        text = section(data, self._id)
        if text is None:
            return labels_of(self._path, data, self._id)
        if text not in self._by_text:
            self._by_text[text] = labels_of(self._path, text, self._id) if text else {}
        return self._by_text[text]


def section(data: bytes, prompt_id: str) -> bytes | None:
    """The lines about one prompt in a registry of plain block style, empty where it has none.

    None where lines alone do not say where they are: another style, a quoted key, a prompt named twice.
    """
    if _BLOCK_STYLE.match(data) is None:
        return None
    key = prompt_id.encode()
    starts = [at for at in _line_starts(data, key) if _COLON.match(data, at + len(key))]
    if len(starts) == 1:
        following = _NEXT_KEY.search(data, starts[0] + 1)
        return data[starts[0] : following.start() if following else len(data)]
    spelled_otherwise = b"\\" in data or re.search(rb"(?<![\w/-])%b(?![\w/-])" % re.escape(key), data)
    return None if starts or spelled_otherwise else b""


def _line_starts(data: bytes, text: bytes) -> Iterator[int]:
    """Where a line starts with ``text``."""
    if data.startswith(text):
        yield 0
    at = data.find(b"\n" + text)
    while at >= 0:
        yield at + 1
        at = data.find(b"\n" + text, at + 1)


def labels_of(path: str, data: bytes, prompt_id: str) -> PromptLabels | None:
    """The labels of one prompt in the bytes of a registry; None where they, or the file, cannot be read."""
    labels, document, findings = read_registry(path, data)
    if document.value is None:
        return None if findings else {}
    written = document.value.get(prompt_id, {})
    found = labels.get(prompt_id, {})
    return found if isinstance(written, dict) and set(written) == set(found) else None
