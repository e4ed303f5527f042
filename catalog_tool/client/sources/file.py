"""``file://``: a ``bundle.json``, a folder that holds one, or a ``file`` target."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, ClientError, SourceUnavailableError
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.address import file_path
from catalog_tool.client.sources.base import Answer, Hear, answer_from_rows
from catalog_tool.client.sources.bundle import Bundle, decoded
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import BackendError
from catalog_tool.model.limits import BUNDLE_BYTES

if TYPE_CHECKING:
    from catalog_tool.client.sources.folder import FolderRows

NAME = "bundle.json"
TARGET = "current.json"
"""What a ``file`` target holds in its place (``backends.file_folder.POINTER``)."""


class FileSource:
    """Reads the file again when its time, size or identity changed."""

    pushes = False

    def __init__(self, address: str, options: Options) -> None:
        self._path = file_path(address)
        self._digest = options.bundle_digest
        self._lock = threading.Lock()
        self._bundle: tuple[str, Bundle] | None = None
        self.place = f"file://{self._path}"

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``; the validator is the file's time, size and identity."""
        budget.spend()
        if (self._path / TARGET).exists():
            return self._from_target(wanted, validator)
        with self._lock:
            path = self._path / NAME if self._path.is_dir() else self._path
            stamp = _stamp(path)
            if self._bundle is None or self._bundle[0] != stamp:
                self._bundle = (stamp, Bundle(decoded(_content(path), str(path)), str(path), self._digest))
            bundle = self._bundle[1]
        if stamp == validator:
            return None
        return answer_from_rows(bundle, wanted)._replace(validator=stamp)

    def _from_target(self, wanted: Wanted, validator: str | None) -> Answer | None:
        """A target's answer; its validator is the hash of all that is known of this prompt."""
        try:
            rows: FolderRows = import_module("catalog_tool.client.sources.folder").FolderRows(self._path)
            if self._digest is not None:
                rows.is_bundle(self._digest)
            stamp = rows.stamp(wanted.name)
            return None if stamp == validator else answer_from_rows(rows, wanted)._replace(validator=stamp)
        except ClientError:
            raise
        except BackendError as error:
            raise BadAnswerError(error.message, hint=error.hint) from error

    def listen(self, hear: Hear) -> None:
        """A file does not push."""

    def forked(self) -> None:
        """The lock may be held by a thread that is not here."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the bundle."""
        self._bundle = None


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        raise SourceUnavailableError(f"{path}: {error.strerror}", hint="build it with `catalog build`") from error
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(BUNDLE_BYTES + 1)
    except OSError as error:
        raise SourceUnavailableError(f"{path}: {error.strerror}") from error
    if len(data) > BUNDLE_BYTES:
        raise BadAnswerError(f"{path} is larger than {BUNDLE_BYTES // 1024**2} MiB")
    return data
