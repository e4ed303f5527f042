"""Which catalog this is, also while its settings cannot be read.

What a catalog said on a pull request or in an issue is found again by its id. A mistake in the settings may not
make another catalog of it, or nobody ever finds what was said before.
"""

from __future__ import annotations

import re
from pathlib import Path

from catalog_tool.errors import GitError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.git import Git
from catalog_tool.source.root import SETTINGS_FILE, Place
from catalog_tool.source.settings import read_settings

_LINE = re.compile(rb"^(catalog:[ \t]+([\"']?)[a-z0-9][a-z0-9-]{0,62}\2)(?:[ \t]+#[^\r\n]*|[ \t]*)\r?$", re.MULTILINE)
_COMMITS = 50
"""How many of the commits that touch the settings are asked."""


def known_id(place: Place) -> str:
    """The id in the settings; else the one that their only line `catalog: ID` names; else git's last. Or empty.

    The line counts where the value that it gives is an id by itself: ``catalog: 5`` is a mistake in it, not a new id.
    """
    try:
        data = Path(place.root, SETTINGS_FILE).read_bytes()
    except OSError:
        data = b""
    return _read(data) or _written(data) or (_earlier(place.git, place.prefix) if place.git is not None else "")


def _read(data: bytes) -> str:
    return read_settings(data)[0].catalog or ""


def _written(data: bytes) -> str:
    """What a line says, where there is one only: a file with the marks of a conflict may have two."""
    lines = _LINE.findall(data)
    return _read(lines[0][0]) if len(lines) == 1 else ""


def _earlier(git: Git, prefix: str) -> str:
    """The id that the settings in git had last; empty where git cannot say."""
    path = f"{prefix}{SETTINGS_FILE}"
    try:
        commits = git.run("rev-list", f"--max-count={_COMMITS}", git.resolve("HEAD"), "--", path).decode().split()
        blobs = git.look_up([f"{commit}:{path}" for commit in commits]) if commits else []
        for blob in git.cat_blobs(filter(None, blobs), PARSED_FILE_BYTES):
            found = _read(blob.data or b"")
            if found:
                return found
    except GitError:
        return ""
    return ""
