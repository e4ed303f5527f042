"""Which targets of one ``catalog.yaml`` are one place: what one of them leaves out there may be another's.

Several targets may share a store and a prefix, each with labels or prompts of its own. They share what is
remembered there too, so none may take for dropped what another wants.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from catalog_tool.model.settings import TARGET_DEFAULTS

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_ACCESS = frozenset({"token", "secret_key", "username", "password", "timeout"})
"""Who asks and how long: the place is the same with another."""


def targets_beside(targets: Mapping[str, Mapping[str, Any]], target: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The targets whose settings name the place and the prefix of ``target``, itself among them.

    ``${ENV}`` is read from the environment; a variable that is not set stands for itself.
    """
    wanted = _place(target)
    return (found for found in targets.values() if _place(found) == wanted)


def _place(target: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings say of where it is, without what it takes and with which credentials."""
    named = {key: value for key, value in target.items() if key not in _ACCESS and key not in TARGET_DEFAULTS}
    return {"prefix": ""} | {key: _normal(key, _expanded(value)) for key, value in named.items()}


def _expanded(value: Any) -> Any:
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else os.environ.get(found[1]) or value


def _normal(key: str, value: Any) -> Any:
    if key == "path" and isinstance(value, str):
        return os.path.normpath(value)
    if key in ("url", "endpoint_url") and isinstance(value, str):
        return _without_credentials(value)
    return value


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/")).geturl()
