"""``file://``: a ``bundle.json``, or a folder that holds one."""

from __future__ import annotations

import threading
from pathlib import Path

from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, SourceUnavailableError
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.address import file_path
from catalog_tool.client.sources.base import Answer, Hear, answer_from_rows
from catalog_tool.client.sources.bundle import Bundle, decoded
from catalog_tool.client.wanted import Wanted
from catalog_tool.model.limits import BUNDLE_BYTES

NAME = "bundle.json"


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
        with self._lock:
            path = self._path / NAME if self._path.is_dir() else self._path
            stamp = _stamp(path)
            if self._bundle is None or self._bundle[0] != stamp:
                self._bundle = (stamp, Bundle(decoded(_content(path), str(path)), str(path), self._digest))
            bundle = self._bundle[1]
        if stamp == validator:
            return None
        return answer_from_rows(bundle, wanted)._replace(validator=stamp)

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
