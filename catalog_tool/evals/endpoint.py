"""Where a model is asked, and with which key. Both come from whoever runs the command, never from a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import UsageError

SHORT_NAMES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"}
"""Words that stand for an address."""
KEY_VARIABLE = "CATALOG_EVAL_API_KEY"
_PROVIDERS_KEYS = {"api.openai.com": "OPENAI_API_KEY", "api.anthropic.com": "ANTHROPIC_API_KEY"}
"""A provider's own variable is read for that provider's own host only: a key is never sent to another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address up to and with ``/v1``, and the key for it; the key is never shown."""

    base: str
    key: str | None = field(default=None, repr=False)

    def url(self, path: str) -> str:
        """The address of one of its routes, such as ``/embeddings``."""
        return self.base + path

    def without_key(self, text: str) -> str:
        """``text``, which a server may have made of what it was sent, without the key."""
        return text.replace(self.key, "***") if self.key else text


def key_lacking(endpoint: Endpoint) -> str | None:
    """Why a provider would refuse every request: its key is not set. None where one is, or none may be needed."""
    host = httpx.URL(endpoint.base).host
    variable = _PROVIDERS_KEYS.get(host)
    if variable is None or endpoint.key is not None:
        return None
    return f"{host} needs a key, and the environment variable {variable} is not set"


def endpoint_at(address: str, environment: Mapping[str, str], variable: str | None = None) -> Endpoint:
    """The endpoint of an address or of one of ``SHORT_NAMES``.

    ``variable`` names the environment variable that holds the key. Raises ``UsageError`` for what is no
    http(s) address, holds a password, or names a variable that is not set.
    """
    written = SHORT_NAMES.get(address, address)
    if not is_web_address(written):
        raise UsageError("an endpoint is an http(s) address", hint="such as http://localhost:11434/v1, or openai")
    url = httpx.URL(written)
    if url.userinfo or url.query or url.fragment:
        hint = f"a key comes from the environment: {KEY_VARIABLE}, or the one that --api-key-env names"
        raise UsageError("an endpoint is an address without user, query or fragment", hint=hint)
    path = url.path.rstrip("/")
    base = f"{url.scheme}://{url.netloc.decode('ascii')}{path if path.endswith('/v1') else path + '/v1'}"
    return Endpoint(base=base, key=_key(url.host, environment, variable))


def _key(host: str, environment: Mapping[str, str], variable: str | None) -> str | None:
    if variable is not None and not environment.get(variable):
        raise UsageError(f"the environment variable {variable} is not set", hint="it has to hold the API key")
    names = (variable,) if variable else (KEY_VARIABLE, _PROVIDERS_KEYS.get(host, KEY_VARIABLE))
    key = next((environment[name] for name in names if environment.get(name)), None)
    if key is not None and not (key.isascii() and key.isprintable()):
        raise UsageError("the API key holds characters that no header can carry")
    return key
