"""A skill's interop digests and its stored ZIP, each as lean as the format allows."""

from __future__ import annotations

import struct
from hashlib import sha1, sha256
from typing import NamedTuple
from zlib import crc32


class Member(NamedTuple):
    """One file of a skill: path inside it, octal mode, bytes, sha256 in hex."""

    path: str
    mode: str
    data: bytes
    digest: str


_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DATE_1980 = 0x21


def stored_zip(members: list[Member]) -> bytes:
    """The members as a ZIP without compression, all dated 1980-01-01."""
    chunks: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for path, mode, data, _ in members:
        name = path.encode()
        size, check = len(data), crc32(data)
        chunks += (
            _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, _DATE_1980, check, size, size, len(name), 0), name, data
        )  # fmt: skip
        central += (
            _CENTRAL.pack(
                b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, _DATE_1980, check, size, size,
                len(name), 0, 0, 0, 0, int(mode, 8) << 16, offset,
            ),
            name,
        )  # fmt: skip
        offset += _LOCAL.size + len(name) + size
    listing = b"".join(central)
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(listing), offset, 0)
    return b"".join((*chunks, listing, end))


def git_tree(members: list[Member]) -> str:
    """The id git gives the folder that holds exactly these files."""
    return _tree([(member.path, member) for member in members]).hex()


def _tree(entries: list[tuple[str, Member]]) -> bytes:
    folders: dict[str, list[tuple[str, Member]]] = {}
    rows: list[tuple[str, str, bytes]] = []
    for path, member in entries:
        head, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(head, []).append((rest, member))
        else:
            data = member.data
            rows.append((path, member.mode, sha1(b"blob %d\0%b" % (len(data), data)).digest()))
    rows += [(f"{name}/", "40000", _tree(inner)) for name, inner in folders.items()]
    body = b"".join(b"%b %b\0%b" % (m.encode(), n.rstrip("/").encode(), i) for n, m, i in sorted(rows))
    return sha1(b"tree %d\0%b" % (len(body), body)).digest()


def mlflow_tree(members: list[Member]) -> str:
    """MLflow's digest of a skill: sizes, paths and contents in the order of the paths."""
    whole = sha256()
    for path, _, data, _ in members:
        name = path.encode()
        whole.update(b"%b%b%b" % (len(name).to_bytes(8, "big"), name, len(data).to_bytes(8, "big")))
        whole.update(data)
    return whole.hexdigest()
