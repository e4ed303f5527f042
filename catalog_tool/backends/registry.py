"""Every kind of store: its module here, the extra that installs its driver, and what may be set.

Another package adds one by the entry-point group ``catalog_tool.backends``: the name is what
``backend:`` says in ``catalog.yaml``, the object a function like ``memory.connect``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NamedTuple, cast

from catalog_tool.backends.base import Backend
from catalog_tool.errors import UsageError

GROUP = "catalog_tool.backends"
Connect = Callable[[Mapping[str, Any]], Backend]
"""Opens a target. Takes its settings with ``${ENV}`` replaced, ``prefix`` among them."""


class Kind(NamedTuple):
    """A kind of store: the module below ``catalog_tool.backends`` and the extra it needs, if any."""

    module: str
    extra: str | None = None


BACKENDS: dict[str, Kind] = {
    "memory": Kind("memory"),
    "file": Kind("file"),
    "sqlite": Kind("sqlite"),
    "postgres": Kind("postgres", "postgres"),
    "redis": Kind("redis", "redis"),
    "s3": Kind("s3", "s3"),
    "dynamodb": Kind("dynamodb", "dynamodb"),
    "http": Kind("http"),
    "langfuse": Kind("langfuse"),
    "mlflow": Kind("mlflow"),
}


def connect(backend: str, options: Mapping[str, Any]) -> Backend:
    """Open a target of this kind. Raises ``UsageError`` for an unknown kind, a missing extra or bad settings."""
    kind = BACKENDS.get(backend)
    if kind is None:
        return _from_entry_point(backend)(options)
    try:
        module = import_module(f"catalog_tool.backends.{kind.module}")
    except ModuleNotFoundError as error:
        if kind.extra is None or (error.name or "").startswith("catalog_tool"):
            raise
        raise UsageError(
            f"the backend {backend} needs {error.name}, which is not installed",
            hint=f"pip install 'catalog-tool[{kind.extra}]'",
        ) from error
    return cast(Connect, module.connect)(options)


def _from_entry_point(backend: str) -> Connect:
    for found in entry_points(group=GROUP, name=backend):
        try:
            return cast(Connect, found.load())
        except ImportError as error:
            raise UsageError(f"the backend {backend} of {found.value} cannot be imported: {error}") from error
    known = ", ".join(BACKENDS)
    raise UsageError(f"there is no backend {backend!r}", hint=f"known: {known}; others come with a package of theirs")
