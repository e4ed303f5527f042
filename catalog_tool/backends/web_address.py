"""Addresses of web servers: one that nothing could connect to is told before anybody tries."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx


def is_web_address(text: str) -> bool:
    """Whether ``text`` begins with http:// or https:// and names a host, and where there is one a port, that can be."""
    try:
        parts, host = urlsplit(text), httpx.URL(text).host  # each refuses what the other lets through
        usable = parts.scheme in ("http", "https") and parts.port != 0
        return usable and bool(host if ":" in host else host.encode("idna"))
    except (httpx.InvalidURL, ValueError):
        return False
