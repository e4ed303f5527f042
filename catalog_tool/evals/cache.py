"""Answers kept by what was asked: a replay needs no key, makes no request and costs nothing.

A folder that can be committed or kept as an artifact of a build. The key is the digest of the request,
the model and the repetition, so a changed prompt, case or parameter is another key. Where the answer
came from does not enter: a replay knows no address.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.errors import UsageError
from catalog_tool.evals.publish import write_whole
from catalog_tool.source.strict_json import read_json

ENTRY_BYTES = 8 * 1024 * 1024
"""An answer that is kept; a longer one is not an answer."""


class DamagedEntryError(Exception):
    """An entry that is there, and cannot be what was put there."""


def cache_key(kind: str, request: Any, repetition: int) -> str:
    """64 hex digits for a request's body as it would be sent, and the number of its repetition, from 0."""
    return digest_of({"hv": 1, "kind": kind, "request": request, "repetition": repetition})[7:]


class ResponseCache:
    """``FOLDER/ab/abcdef….json``, one file an answer; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--cache {folder} is no folder")

    def get(self, key: str) -> Any:
        """What was put under ``key``, None where nothing was. Raises ``DamagedEntryError``."""
        data = _read(self._path(key))
        if data is None:
            return None
        read = read_json(data.decode("utf-8", "replace"))
        entry = None if read.refused else read.value
        if not isinstance(entry, dict) or entry.get("format") != 1 or entry.get("key") != key:
            raise DamagedEntryError("the file is no entry of that key")
        if entry.get("digest") != digest_of(entry.get("answer")):
            raise DamagedEntryError("the answer in it is not the one that was written")
        return entry["answer"]

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer: whole under its name, or not at all. Raises ``OSError``."""
        document = {"format": 1, "key": key, "digest": digest_of(answer), "answer": answer}
        text = json.dumps(json.loads(canonical_bytes(document)), indent=1)
        write_whole(self._path(key), text.encode() + b"\n")

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _read(path: Path) -> bytes | None:
    """The bytes of a regular file: a committed folder may hold links and pipes, and neither is followed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        what = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise DamagedEntryError(str(what)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DamagedEntryError("it is no regular file")
    with os.fdopen(handle, "rb") as file:
        data = file.read(ENTRY_BYTES + 1)
    if len(data) > ENTRY_BYTES:
        raise DamagedEntryError("it is too large")
    return data
