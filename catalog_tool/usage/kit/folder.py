"""The folder of a kit: written whole, brought up to date later, and never over what people changed.

``kit.json`` holds the digest of each file as it was written. A file that still has it is ours to replace; any
other was changed by hand, or was there before, and stays until ``--overwrite`` is given.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.model.limits import BUNDLE_BYTES, PARSED_FILE_BYTES
from catalog_tool.source.new_files import NewFile, create, is_free, unwritten
from catalog_tool.usage.kit.files import KitFile

MANIFEST = "kit.json"


class Manifest(NamedTuple):
    """What ``kit.json`` says: the stale window in days, and each file's digest as it was written."""

    stale_days: int
    digests: dict[str, str]


class Written(NamedTuple):
    """Paths by what became of them; ``kept`` ones differ from what would be written, and were changed by hand."""

    created: list[str]
    updated: list[str]
    unchanged: list[str]
    kept: list[str]


def read_manifest(root: Path) -> Manifest | None:
    """The kit in a folder; None where there is none. Raises ``UsageError`` for one that cannot be read."""
    path = root / MANIFEST
    try:
        with path.open("rb") as file:
            document: Any = json.loads(file.read(PARSED_FILE_BYTES))
        if document["format"] != 1:
            raise UsageError(f"{path}: format {document['format']!r} is newer than this version reads")
        digests = {str(name): str(digest) for name, digest in document["files"].items()}
        return Manifest(int(document["stale_days"]), digests)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is no list of a kit's files", hint="move it away and run init again") from error


def write_kit(root: Path, files: Sequence[KitFile], stale_days: int, *, overwrite: bool) -> Written:
    """Write files into the folder. Raises ``UsageError``, before anything is written, where that cannot be."""
    known = read_manifest(root)
    digests = dict(known.digests) if known is not None else {}
    written = Written([], [], [], [])
    fates = [_fate(root, file, digests, written) for file in files]
    if overwrite:
        fates = [written.updated if fate is written.kept else fate for fate in fates]
    create(root, *(NewFile(*file) for file, fate in zip(files, fates, strict=True) if fate is written.created))
    for file, fate in zip(files, fates, strict=True):
        if fate is written.updated:
            _replace(root / file.path, file.text.encode())
        if fate is not written.kept:
            digests[file.path] = _digest(file.text.encode())
        fate.append(file.path)
    _remember(root / MANIFEST, Manifest(stale_days, digests))
    return written


def _fate(root: Path, file: KitFile, digests: Mapping[str, str], written: Written) -> list[str]:
    """The list of ``written`` that a file belongs to."""
    if is_free(root, file.path):
        return written.created
    data = _read(root / file.path)
    if data == file.text.encode():
        return written.unchanged
    is_ours = data is not None and digests.get(file.path) == _digest(data)
    return written.updated if is_ours else written.kept


def _read(path: Path) -> bytes | None:
    """What stands there; None for what cannot be one of our files: a link, or something far too large."""
    try:
        if path.is_symlink() or path.stat().st_size > BUNDLE_BYTES:
            return None
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _remember(path: Path, manifest: Manifest) -> None:
    document = {"format": 1, "stale_days": manifest.stale_days, "files": dict(sorted(manifest.digests.items()))}
    data = (json.dumps(document, indent=2) + "\n").encode()
    if not path.is_file() or path.read_bytes() != data:
        _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    """Put a whole file in the place of another; a link is replaced, not followed."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            staged.write_bytes(data)
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise unwritten(f"{path} cannot be written", error) from error


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
