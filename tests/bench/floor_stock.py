"""The stock way to a stored ZIP."""

from __future__ import annotations

import io
import zipfile

from .floor_archive import Member


def zipped(members: list[Member]) -> bytes:
    """The members as ``zipfile`` writes them, stored, dated 1980-01-01."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            info = zipfile.ZipInfo(member.path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = int(member.mode, 8) << 16
            archive.writestr(info, member.data)
    return buffer.getvalue()
