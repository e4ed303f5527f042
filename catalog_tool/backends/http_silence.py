"""What httpx raises where a server does not answer, as an error of ours."""

from __future__ import annotations

import httpx

from catalog_tool.backends.web_client import proxy_for
from catalog_tool.errors import TimedOutError, UnavailableError

_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


def no_answer(
    place: str, error: httpx.TransportError, *, hint: str = "", client: httpx.Client | None = None
) -> UnavailableError:
    """The error to raise for a request that got no answer, in words that follow ``place``.

    It is a ``TimedOutError`` where all the time was spent waiting. ``hint`` says what to look at where no
    connection was made: with one that broke, the address is right. ``client`` is who asked: where it goes by
    a proxy of the environment, a connection that was not made is one to that.
    """
    kind = TimedOutError if isinstance(error, httpx.TimeoutException) else UnavailableError
    said = "it stayed silent too long" if isinstance(error, httpx.ReadTimeout) else str(error) or type(error).__name__
    proxy = _proxy_of(error, client)
    if proxy is not None:
        words = f"{place} cannot be reached by the proxy {proxy}: {said}"
        return kind(words, hint="does that answer? See HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
    return kind(f"{place} does not answer: {said}", hint=hint if isinstance(error, _UNCONNECTED) else "")


def _proxy_of(error: httpx.TransportError, client: httpx.Client | None) -> str | None:
    if client is None or not client.trust_env or not isinstance(error, _UNCONNECTED):
        return None
    try:
        return proxy_for(error.request.url)
    except RuntimeError:  # raised before there was a request
        return None
