"""Digests that other systems give to the same skill, so that they can be compared without a download.

git's tree id · MLflow's skill tree digest: sha256 over the files sorted by UTF-8 NFC path, each as
``u64be(len(path)) path u64be(size) content`` · the digest of the archive we serve.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog_tool.errors import UsageError

_DOS_1980 = 0x0021
"""1980-01-01 as a DOS date: the earliest a ZIP can say."""
_UTF8_NAME = 0x0800
_HEADER = struct.Struct("<HHHHHLLLHH")
"""Version needed, flags, method, time, date, CRC-32, both sizes, lengths of name and extra field."""
_UNIX = 3
_MOST_FILES = 0xFFFF
"""Beyond that, and beyond 4 GiB, a ZIP needs the 64-bit form that not every reader knows."""
_MOST_BYTES = 0xFFFFFFFF


def git_tree_id(files: Iterable[tuple[str, str, bytes]]) -> str:
    """git's (SHA-1) tree id of a folder from (path, mode, blob id as 20 bytes) of its files."""
    root: dict[str, Any] = {}
    for path, mode, blob in files:
        *folders, name = path.split("/")
        node = root
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = (mode, blob)
    return _tree_id(root).hex()


def _tree_id(node: Mapping[str, Any]) -> bytes:
    rows = []
    for name, item in node.items():
        raw = name.encode("utf-8", "surrogateescape")
        if isinstance(item, dict):
            rows.append((raw + b"/", b"40000 " + raw + b"\0" + _tree_id(item)))
        else:
            rows.append((raw, item[0].encode() + b" " + raw + b"\0" + item[1]))
    body = b"".join(row for _, row in sorted(rows))
    return hashlib.sha1(b"tree %d\0" % len(body) + body, usedforsecurity=False).digest()


def mlflow_digest(files: Iterable[tuple[str, bytes]]) -> str:
    """MLflow's digest of a skill from (path, content) of its files."""
    named = [
        (unicodedata.normalize("NFC", path).encode("utf-8", "surrogateescape"), content) for path, content in files
    ]
    state = hashlib.sha256()
    for path, content in sorted(named):
        state.update(struct.pack(">Q", len(path)) + path + struct.pack(">Q", len(content)) + content)
    return "sha256:" + state.hexdigest()


def stored_zip(files: Sequence[tuple[str, str, bytes]]) -> bytes:
    """A ZIP of (path, mode, content) in the given order: stored, dated 1980-01-01, Unix modes.

    Byte for byte the same everywhere, and an order of magnitude faster than ``zipfile`` for the
    small files of a skill; ``zipfile`` reads it. Layout: APPNOTE.TXT 6.3, §4.3. Raises ``UsageError``
    for more files or bytes than a plain ZIP can hold.
    """
    if len(files) > _MOST_FILES or sum(len(path) * 8 + 256 + len(data) for path, _, data in files) > _MOST_BYTES:
        raise UsageError(f"{len(files)} files are too much for one archive")
    out: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for path, mode, content in files:
        name = path.encode()
        flags = 0 if path.isascii() else _UTF8_NAME
        size = len(content)
        common = _HEADER.pack(20, flags, 0, 0, _DOS_1980, binascii.crc32(content), size, size, len(name), 0)
        local = b"PK\3\4" + common + name
        attributes = int(mode, 8) << 16
        central.append(
            b"PK\1\2"
            + struct.pack("<BB", 20, _UNIX)
            + common
            + struct.pack("<HHHLL", 0, 0, 0, attributes, offset)
            + name
        )
        out += (local, content)
        offset += len(local) + len(content)
    directory = b"".join(central)
    count = len(central)
    out += (directory, b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), offset, 0))
    return b"".join(out)
