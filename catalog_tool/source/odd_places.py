"""What stands on disk where a version's file would, and is none: a FIFO, a socket, a folder.

git holds no FIFO and no empty folder, so it never names them; outside git an empty folder has no file to be
found by. Only folders are read here, and of what they hold only the kind that the system tells with the name.
"""

from __future__ import annotations

import os
import posixpath
from typing import NamedTuple

from catalog_tool.model.names import is_prompt_id, is_version

FORMATS = (".yaml", ".json", ".md")


def is_version_place(inner: str) -> bool:
    """Whether a path, relative to the prompts folder, is where a version's file stands."""
    folder, name = posixpath.split(inner)
    stem, suffix = posixpath.splitext(name)
    return suffix in FORMATS and is_version(stem) and is_prompt_id(folder)


class Survey(NamedTuple):
    """The odd places, each with whether a folder stands there, and the folders opened; all are paths from ``root``."""

    odd: list[tuple[str, bool]]
    folders: list[str]


def survey(root: str, folder: str) -> Survey:
    """Look for odd places below the prompts folder.

    Links are not followed. What cannot be read is passed over: who lists the files has to say so.
    """
    found = Survey([], [])
    is_linked = os.path.realpath(f"{root}/{folder}") != f"{os.path.realpath(root)}/{folder}"
    pending = [] if is_linked else [""]
    while pending:
        inner = pending.pop()
        found.folders.append(f"{folder}/{inner}")
        for name, is_folder in _no_files(f"{root}/{folder}/{inner}"):
            path = inner + name
            if name.endswith(FORMATS) and is_version_place(path):
                found.odd.append((f"{folder}/{path}", is_folder))
            elif is_folder and is_prompt_id(path):
                pending.append(f"{path}/")
    return found


def _no_files(folder: str) -> list[tuple[str, bool]]:
    """What a folder holds beside files and links, by name, and whether it is a folder."""
    try:
        with os.scandir(folder) as found:
            return [
                (item.name, item.is_dir(follow_symlinks=False))
                for item in found
                if not item.is_file(follow_symlinks=False) and not item.is_symlink()
            ]
    except OSError:
        return []
