"""No catalog inside another: what is looked for before one is started (design §2)."""

from __future__ import annotations

import os
from pathlib import Path

from catalog_tool.errors import UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.git import find_repository
from catalog_tool.source.root import FOLDERS
from catalog_tool.source.settings import read_settings

_FOLDERS_BELOW, _LEVELS_BELOW = 2000, 3
"""How far catalogs are looked for below a new one: folders in all, and levels."""
_NO_CATALOG_IN = frozenset({"node_modules", "dist"})


def refuse_nesting(root: Path) -> None:
    """Raise ``UsageError`` where a catalog would lie in another; one that stands already is added to."""
    if (root / SETTINGS_FILE).is_file():
        return
    outer = _outer_catalog(root)
    if outer is not None:
        raise UsageError(
            f"{root} lies in the catalog {outer}, and a catalog cannot hold another",
            hint="choose a folder beside it, or add to it with `catalog new`",
        )
    inner = _inner_catalog(root)
    if inner is not None:
        raise UsageError(
            f"{root} holds the catalog {inner.relative_to(root).as_posix()}, and a catalog cannot hold another",
            hint="choose a folder beside it: a repository may hold several catalogs side by side",
        )


def _outer_catalog(root: Path) -> Path | None:
    """The catalog that ``root`` lies in, within its repository."""
    top = find_repository(str(root))
    for folder in root.parents if top is None or Path(top) != root else ():
        if (folder / SETTINGS_FILE).is_file():
            return folder
        if top is not None and folder == Path(top):
            break
    return None


def _inner_catalog(root: Path) -> Path | None:
    """The nearest catalog below ``root``, as far as is looked; links, hidden folders and other repositories are not."""
    folders, looked = [root], 0
    for _ in range(_LEVELS_BELOW):
        below = [path for folder in folders for path in _folders_in(folder)][: _FOLDERS_BELOW - looked]
        found = next((path for path in below if _is_catalog(path)), None)
        if found is not None:
            return found
        folders, looked = below, looked + len(below)
    return None


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if item.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    kept = sorted(name for name in names if not name.startswith(".") and name not in _NO_CATALOG_IN)
    return [folder / name for name in kept if not (folder / name / ".git").exists()]


def _is_catalog(folder: Path) -> bool:
    """Whether settings of ours are there: other tools call a file of theirs `catalog.yaml`, too."""
    path = folder / SETTINGS_FILE
    try:
        if not path.is_file() or path.stat().st_size > PARSED_FILE_BYTES:
            return False
        return any((folder / name).is_dir() for name in FOLDERS) or not read_settings(path.read_bytes())[1]
    except OSError:
        return False
