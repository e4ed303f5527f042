"""Our own JSON Schemas: one file for each kind of file and each document that a command prints.

They stand in ``schemas/`` at the top of the repository and in ``catalog_tool/schemas`` of an installed
package. An editable install has only the former, so the package is looked at first, then the folder
beside it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog_tool.errors import CatalogError, UsageError

SUFFIX = ".schema.json"
_PACKAGE = Path(__file__).resolve().parent.parent


class OwnSchema(dict[str, Any]):
    """One of our own schemas: known to be safe, so that an engine need not look at it first."""


def schema_names() -> list[str]:
    """The names of all schemas, sorted: ``prompt``, ``registry``, ``validate-output``, …"""
    return sorted(path.name.removesuffix(SUFFIX) for path in _folder().glob(f"*{SUFFIX}"))


def schema_text(name: str) -> str:
    """The schema as it is written, for ``catalog schema`` and ``catalog init``.

    UsageError: there is no schema of that name.
    """
    if name not in schema_names():
        raise UsageError(f"there is no schema {name!r}", hint=f"one of {', '.join(schema_names())}")
    return _read(name)


@lru_cache(maxsize=64)
def load_schema(name: str) -> dict[str, Any]:
    """The schema ``name`` as a value that all callers share: not to be changed.

    CatalogError: the package is broken, its schemas are missing.
    """
    return OwnSchema(json.loads(_read(name)))


def _read(name: str) -> str:
    try:
        return (_folder() / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"the schema {name} is missing from this installation", hint="reinstall it") from error


@lru_cache(maxsize=1)
def _folder() -> Path:
    for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas"):
        if (folder / f"prompt{SUFFIX}").is_file():
            return folder
    raise CatalogError("this installation of catalog-tool lacks its schemas", hint="reinstall catalog-tool")
