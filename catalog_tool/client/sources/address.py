"""Addresses of sources on this machine."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from catalog_tool.errors import UsageError


def file_path(address: str) -> Path:
    """``file:///srv/bundle.json`` (absolute) or ``file://dist/bundle.json`` (from the working directory)."""
    return _path(address, unquote(address.partition("://")[2]))


def database_path(address: str) -> Path:
    """``sqlite:////srv/x.db`` (four slashes: absolute) or ``sqlite:///x.db`` (from the working directory)."""
    rest = unquote(address.partition("://")[2])
    if not rest.startswith("/"):
        raise UsageError(f"{address} is no address", hint="sqlite:////absolute.db or sqlite:///relative.db")
    return _path(address, rest[1:])


def _path(address: str, text: str) -> Path:
    if not text or "\0" in text:
        raise UsageError(f"{address!r} names no file")
    # Where the process goes later says nothing about what was meant when the client was made.
    return Path(text).absolute()
