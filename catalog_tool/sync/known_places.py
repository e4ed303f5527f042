"""Where a target's credentials were used before: a changed address does not take them along.

Whoever can edit ``catalog.yaml`` could otherwise send a secret from the environment to a server of
their own. What is remembered stands in the user's cache folder: the origin of the address, and a
salted hash of the credentials, never they themselves. Forgetting it means trusting the next address.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog_tool.errors import UsageError
from catalog_tool.source.memory import cache_folder

FILE = "target-places.json"
_ADDRESSES = ("url", "endpoint_url")
_SECRETS: Mapping[str, tuple[str, ...]] = {
    "token": ("CATALOG_TOKEN", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"),
    "secret_key": ("LANGFUSE_SECRET_KEY",),
}
"""Settings that hold a credential, and the variables that stand in for them."""
_BACKENDS = {"token": ("http", "mlflow"), "secret_key": ("langfuse",)}


def check_place(catalog: str, target: str, settings: Mapping[str, Any], *, moved: bool = False) -> None:
    """Refuse credentials that are known from another address; remember those that may be used.

    ``settings`` are the target's with ``${ENV}`` replaced. ``moved``: somebody said that the server has a
    new address. Raises ``UsageError``.
    """
    origin, credentials = _origin(settings), _credentials(settings)
    if origin is None:
        return
    known = _read()
    sent = {*credentials, *(value for value in settings.values() if isinstance(value, str))}
    used_at = sorted({str(found.get("origin")) for found in known.values() if _knows(found, sent)})
    if used_at and origin not in used_at and not moved:
        raise UsageError(
            f"the target {target} is at {origin} now, and its credentials are those of {used_at[0]}: not sent",
            hint="give it credentials of its own; if the same server moved, or this one may have them, say so once:"
            f" catalog status {target} --moved",
        )
    key = f"{catalog}/{target}"
    before = known.get(key)
    is_same = isinstance(before, dict) and before.get("origin") == origin
    if credentials and not (is_same and all(_knows(before, [value]) for value in credentials)):
        salt = secrets.token_hex(16)
        hashes = [_hash(salt, value) for value in credentials]
        _write(known | {key: {"origin": origin, "salt": salt, "credentials": hashes}})


def _origin(settings: Mapping[str, Any]) -> str | None:
    """Scheme, host and port of the address; None where there is none, or it is no address."""
    for name in _ADDRESSES:
        text = settings.get(name)
        if isinstance(text, str) and "://" in text:
            try:
                parts = urlsplit(text)
                port = f":{parts.port}" if parts.port is not None else ""
            except ValueError:
                return None
            return f"{parts.scheme}://{parts.hostname or ''}{port}"
    return None


def _credentials(settings: Mapping[str, Any]) -> list[str]:
    """All secrets that would be sent; an address that holds one is one, too."""
    found = []
    for name, variables in _SECRETS.items():
        given = settings.get(name)
        if given:
            found.append(str(given))
        elif settings.get("backend") in _BACKENDS[name]:
            found += filter(None, map(os.environ.get, variables))
    for name in _ADDRESSES:
        text = settings.get(name)
        if isinstance(text, str) and "@" in text and "://" in text:
            found += [text, text.partition("://")[2].rpartition("@")[0]]
    return found


def _knows(before: Any, sent: Iterable[str]) -> bool:
    """Whether one of these was a credential there, whatever target and whatever setting brings it now."""
    if not isinstance(before, dict) or not isinstance(before.get("credentials"), list):
        return False
    return any(_hash(str(before.get("salt")), value) in before["credentials"] for value in sent)


def _hash(salt: str, credentials: str) -> str:
    return hashlib.sha256(f"{salt}\0{credentials}".encode(errors="surrogateescape")).hexdigest()


def _read() -> dict[str, Any]:
    try:
        document = json.loads(Path(cache_folder(), FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    targets = document.get("targets") if isinstance(document, dict) else None
    return targets if isinstance(targets, dict) else {}


def _write(targets: Mapping[str, Any]) -> None:
    """Replace the file; where that cannot be done nothing is remembered, as on a new machine."""
    folder = Path(cache_folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=FILE, delete=False, encoding="utf-8") as file:
            json.dump({"format": 1, "targets": dict(targets)}, file, sort_keys=True)
        Path(file.name).replace(folder / FILE)
    except OSError:
        return
