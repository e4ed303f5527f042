"""The settings of an MLflow target: its address, and which credentials go there.

``url`` (else ``MLFLOW_REGISTRY_URI``, where prompts are if it is set, else ``MLFLOW_TRACKING_URI``),
``prefix``, ``token`` (else ``MLFLOW_TRACKING_TOKEN``, or ``MLFLOW_TRACKING_USERNAME`` and
``MLFLOW_TRACKING_PASSWORD``), ``timeout`` in seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from catalog_tool.backends.mlflow_api import CONNECT_SECONDS, READ_SECONDS
from catalog_tool.backends.patience import timeout_of
from catalog_tool.backends.web_address import is_web_address
from catalog_tool.backends.web_client import web_client
from catalog_tool.errors import UsageError

_PREFIX = re.compile(r"[A-Za-z0-9_./-]*", re.ASCII)


class Connection(NamedTuple):
    """An HTTP client for one server, the server's address without credentials, and the prefix as it was set."""

    client: httpx.Client
    place: str
    prefix: str


def connection(options: Mapping[str, Any]) -> Connection:
    """What the settings say. Raises ``UsageError`` for an address that is no server's and for an impossible prefix."""
    own = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI", "")
    url = str(options.get("url") or own)
    if not is_web_address(url):
        known = "this is none" if url else "give `url`, or set MLFLOW_TRACKING_URI"
        hint = "url: https://mlflow.example; a local store has no address, `mlflow server` gives it one"
        raise UsageError(f"the backend mlflow needs the address of a server: {known}", hint=hint)
    parts = urlsplit(url)
    prefix = str(options.get("prefix") or "")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(f"MLflow's names cannot begin with {prefix!r}", hint="letters, digits, - _ . and / are taken")
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    token, silence = options.get("token"), timeout_of(options, READ_SECONDS)
    timeout = httpx.Timeout(silence, connect=min(silence, CONNECT_SECONDS))
    client = web_client(
        base, base_url=f"{base}/", timeout=timeout, follow_redirects=False,
        headers=_bearer(str(token)) if token else {}, auth=_login(parts.username, parts.password),
    )  # fmt: skip
    if not token and not parts.username and _is_for(base, own):
        _authenticate(client)
    return Connection(client, base, prefix)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _login(user: str | None, password: str | None) -> tuple[str, str] | None:
    return (unquote(user), unquote(password or "")) if user else None


def _is_for(base: str, own: str) -> bool:
    """Whether the environment's credentials may go to a server: where it names one, to that one only."""
    return (
        not own or urlsplit(own)[:2] == urlsplit(base)[:2] or urlsplit(own).netloc.endswith(f"@{urlsplit(base).netloc}")
    )


def _authenticate(client: httpx.Client) -> None:
    """MLflow's own variables: a token, else a user and a password."""
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    if user:
        client.auth = httpx.BasicAuth(user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    elif token:
        client.headers.update(_bearer(token))
