"""What earlier runs found out about a catalog, in the user's cache folder.

Everything in it can be computed again: it may be deleted at any time, and where it cannot be read or
written the work is simply done anew. Nothing is ever written into the repository. Keys hold the
content, the schemas and this tool's own code, so a change of any of them is a miss.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

KEPT = 8
"""Answers that are kept for one catalog."""
_NAME_CHARACTERS = 180


def cache_folder() -> str:
    """``CATALOG_CACHE_DIR``, else this system's folder for caches."""
    chosen = os.environ.get("CATALOG_CACHE_DIR")
    if chosen:
        return os.path.abspath(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "catalog-tool")


def code_fingerprint() -> str:
    """Changes whenever a file of this package, or a schema beside it, does: names, sizes, times."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    seen = [f"{sys.version_info[:2]}", *_stamps(package)]
    beside = os.path.join(os.path.dirname(package), "schemas")
    if not os.path.isdir(os.path.join(package, "schemas")) and os.path.isdir(beside):
        seen.extend(_stamps(beside))
    return checksum("\n".join(seen))


def _stamps(folder: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        if item.name == "__pycache__":
            continue
        if item.is_dir():
            yield from _stamps(item.path)
        else:
            known = item.stat()
            yield f"{item.name} {known.st_size} {known.st_mtime_ns}"


def checksum(text: str) -> str:
    """16 hex digits that change when the text does: enough to notice a change, not to resist an enemy."""
    data = text.encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


class Memory:
    """The cache folder of the catalog whose root is the absolute path ``root``."""

    def __init__(self, root: str) -> None:
        name = root.strip(os.sep).replace(os.sep, "%").replace(":", "%")
        if len(name) > _NAME_CHARACTERS:
            name = f"{name[:_NAME_CHARACTERS]}-{checksum(root)}"
        self.folder = os.path.join(cache_folder(), "catalogs", name or "%")
        self.root = root

    def answers(self) -> dict[str, Any]:
        """Every answer that is kept, by its key, oldest first; empty where there is none."""
        try:
            with _regular(os.path.join(self.folder, "answers.json")) as file:
                found = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict) or found.get("root") != self.root:
            return {}
        answers = found.get("answers")
        return answers if isinstance(answers, dict) else {}

    def snapshot(self, key: str) -> dict[str, Any] | None:
        """The snapshot that was taken under exactly this key."""
        try:
            with _regular(os.path.join(self.folder, "snapshot.json")) as file:
                if file.readline().rstrip("\n") != json.dumps([self.root, key]):
                    return None
                found = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def keep_snapshot(self, key: str, snapshot: dict[str, Any]) -> None:
        """Keep one snapshot in place of the last."""
        text = json.dumps([self.root, key]) + "\n" + json.dumps(snapshot, separators=(",", ":"))
        write_atomically(self.folder, "snapshot.json", text)

    def folders(self, top: str) -> dict[str, int]:
        """Folders below ``top`` and when each was last changed (ns), as they were when they were kept."""
        try:
            with _regular(os.path.join(self.folder, "folders.json")) as file:
                found = json.load(file)
            return dict(found["folders"]) if (found["root"], found["top"]) == (self.root, top) else {}
        except (OSError, ValueError, RecursionError, TypeError, KeyError):
            return {}

    def keep_folders(self, top: str, times: Mapping[str, int | None]) -> None:
        """Keep them in place of the last."""
        document = {"root": self.root, "top": top, "folders": times}
        write_atomically(self.folder, "folders.json", json.dumps(document, separators=(",", ":")))

    def keep(self, key: str, answer: Any) -> None:
        """Keep an answer, and with it the newest others."""
        answers = self.answers()
        answers.pop(key, None)
        answers[key] = answer
        newest = dict(list(answers.items())[-KEPT:])
        write_atomically(self.folder, "answers.json", json.dumps({"root": self.root, "answers": newest}))


def _regular(path: str) -> TextIO:
    """The file opened for reading; ``OSError`` where it is anything but a file."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is no file")
    return open(path, encoding="utf-8")


def write_atomically(folder: str, name: str, text: str) -> None:
    """Write a file of the cache whole, or not at all; failing to is no error."""
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(temporary, os.path.join(folder, name))
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            return
