"""Where an alert can go besides an issue: a chat's incoming webhook, and Prometheus' Alertmanager.

The webhook takes Slack's ``{"text": …}``, which Mattermost, Rocket.Chat and Discord's ``/slack`` address take
too. Alertmanager's API is ``POST /api/v2/alerts`` of its OpenAPI description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import BackendError, RefusedError, TimedOutError, UnavailableError, UsageError

_TIMEOUT = httpx.Timeout(20.0, connect=10.0)
_LATER = frozenset({408, 429, 500, 502, 503, 504})


def send_webhook(url: str, text: str) -> None:
    """Post a text; ``<``, ``>`` and ``&`` in it are for the caller to escape. Raises ``BackendError``.

    The address is a secret: only its host is named in an error.
    """
    _post("the webhook", url, {"text": text})


def send_alerts(url: str, alerts: list[Mapping[str, Any]]) -> None:
    """Post alerts to the Alertmanager at ``url``. Raises ``BackendError``."""
    _post("Alertmanager", f"{url.rstrip('/')}/api/v2/alerts", alerts)


def _post(what: str, url: str, content: object) -> None:
    if not is_web_address(url):
        raise UsageError(f"the address of {what} is none of a server", hint="https://host[:port]/path")
    parts = urlsplit(url)
    try:
        # The status says all; what a server answers besides is not read, however much it is.
        with httpx.stream("POST", url, json=content, timeout=_TIMEOUT, follow_redirects=False) as answer:
            pass
    except httpx.TransportError as error:
        kind = TimedOutError if isinstance(error, httpx.TimeoutException) else UnavailableError
        raise kind(f"{what} at {parts.hostname}: {type(error).__name__}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise BackendError(f"{what} at {parts.hostname} could not be asked: {type(error).__name__}") from error
    if answer.is_success:
        return
    message = f"{what} at {parts.hostname} answered {answer.status_code}"
    if answer.status_code in _LATER:
        asked = answer.headers.get("retry-after", "")
        raise UnavailableError(message, retry_after=float(asked[:6]) if asked.isascii() and asked.isdigit() else None)
    raise RefusedError(message)
