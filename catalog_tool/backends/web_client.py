"""HTTP clients of servers that are reached as the environment says: by its proxies, trusting its certificates."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from catalog_tool.errors import UsageError

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def web_client(place: str, **settings: Any) -> httpx.Client:
    """``httpx.Client`` with these settings, for a server that messages call ``place``.

    Raises ``UsageError`` where the environment names certificates or a proxy that cannot be used; the proxy's
    address is not shown, for it may hold a password; and where a header cannot be sent.
    """
    try:
        return httpx.Client(**settings)
    except OSError as error:
        names = " and ".join(name for name in _CERTIFICATES if os.environ.get(name)) or "the system"
        words = f"{place} cannot be asked: the certificates that {names} gives cannot be read"
        raise UsageError(words, hint="name a file of certificates in PEM, or unset it") from error
    except UnicodeEncodeError as error:
        raise UsageError(f"the credentials for {place} cannot be sent", hint="plain ASCII, one line") from error
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        words = f"{place} cannot be asked: the environment's proxy is none that can be used"
        raise UsageError(words, hint="HTTP_PROXY, HTTPS_PROXY and ALL_PROXY: http://host[:port], or unset") from error


def proxy_for(url: httpx.URL) -> str | None:
    """Host and port of the environment's proxy for an address, without credentials; None where there is none."""
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or proxy_bypass(url.host):
        return None
    return urlsplit(found if "://" in found else f"//{found}").netloc.rpartition("@")[2]
