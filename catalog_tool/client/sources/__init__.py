"""Where prompts come from. ``SOURCES`` says which module reads which kind of address."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.sources.base import Source

SOURCES = {
    "file": "file:FileSource",
    "sqlite": "sqlite:SqliteSource",
    "http": "http:HttpSource",
    "https": "http:HttpSource",
    "s3": "s3:S3Source",
    "redis": "redis:RedisSource",
    "rediss": "redis:RedisSource",
    "postgresql": "postgres:PostgresSource",
}
"""Scheme → module below this package and class. Loaded when an address needs it and not before."""


EXTRAS = {"postgresql": "postgres", "s3": "s3"}
"""Scheme → the extra that installs what its module needs."""


class Options(NamedTuple):
    """What a source is opened with besides its address."""

    token: str | None = None
    bundle_digest: str | None = None


def open_source(address: str, options: Options) -> Source:
    """The source at ``address``; nothing is contacted yet. Raises ``UsageError``."""
    scheme, separator, _ = address.partition("://")
    found = SOURCES.get(scheme)
    if not separator or found is None:
        known = ", ".join(f"{name}://" for name in SOURCES)
        # The address may hold a password: only what stands before :// is shown.
        shown = f"{scheme}://" if separator else "an address without a scheme"
        raise UsageError(f"{shown} is no source", hint=f"one of: {known}")
    module, _, name = found.partition(":")
    try:
        loaded = import_module(f"{__name__}.{module}")
    except ModuleNotFoundError as error:
        if scheme not in EXTRAS or (error.name or "").startswith("catalog_tool"):
            raise
        missing = f"{scheme}:// needs {error.name}, which is not installed"
        raise UsageError(missing, hint=f"pip install 'catalog-tool[{EXTRAS[scheme]}]'") from error
    opened: Source = getattr(loaded, name)(address, options)
    return opened
