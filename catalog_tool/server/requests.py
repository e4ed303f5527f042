"""Reading requests within limits: bodies by size, time and form, names by their own rules."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from catalog_tool.model.limits import NESTING, PARSED_FILE_BYTES
from catalog_tool.model.names import is_label, is_prompt_id, is_version
from catalog_tool.server.problems import ProblemError

BODY_SECONDS = 10.0
"""How long a whole body may take to come."""
SMALL_BODY_BYTES = 64 * 1024
VERSION_BODY_BYTES = PARSED_FILE_BYTES
LABELS_ASKED = 16
"""How many labels one request may list."""


async def read_body(request: Request, largest: int) -> bytes:
    """The whole body. Raises ``ProblemError`` for one that is too large, too slow, compressed or cut off."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "send the body uncompressed")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > largest):
        raise ProblemError(413, f"the largest body here is {largest} bytes")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _collect(request, largest)
    except TimeoutError:
        raise ProblemError(408, f"a body has {BODY_SECONDS:g} seconds") from None
    except ClientDisconnect:
        raise ProblemError(400, "the body ended too early") from None


async def _collect(request: Request, largest: int) -> bytes:
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > largest:
            raise ProblemError(413, f"the largest body here is {largest} bytes")
    return bytes(found)


async def read_object(request: Request, largest: int = SMALL_BODY_BYTES) -> dict[str, Any]:
    """The body as a JSON object. Raises ``ProblemError``."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "send application/json")
    return parse_object(await read_body(request, largest))


def parse_object(data: bytes) -> dict[str, Any]:
    """JSON in UTF-8, one object, no key twice, no NaN, no surrogate alone, not too deep. Raises ``ProblemError``."""
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ProblemError(400, "the body is no JSON, or not one every reader would read alike") from None
    if not isinstance(found, dict):
        raise ProblemError(400, "the body is no JSON object")
    if _depth(found) > NESTING:
        raise ProblemError(400, f"the body is nested deeper than {NESTING}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_: str) -> Any:
    raise ValueError("no JSON number")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [child for items in inner for child in items]
    return depth


def prompt_id(request: Request) -> str:
    """The id in the path. Raises ``ProblemError``: what is no id is no prompt."""
    found = str(request.path_params["id"])
    if len(found) > 500 or not is_prompt_id(found):
        raise ProblemError(404, "no prompt has such an id")
    return found


def version(request: Request) -> str:
    """The version in the path. Raises ``ProblemError``."""
    found = str(request.path_params["version"])
    if len(found) > 20 or not is_version(found):
        raise ProblemError(404, "versions are v1, v2, …")
    return found


def asked_labels(request: Request) -> list[str]:
    """``?label=a,b``, first one wins; ``production`` where none is named. Raises ``ProblemError``."""
    given = request.query_params.getlist("label")
    if not given:
        return ["production"]
    labels = given[0].split(",")
    if len(given) > 1 or len(labels) > LABELS_ASKED or not all(is_label(label) for label in labels):
        raise ProblemError(400, f"label is a label, or up to {LABELS_ASKED} with commas between")
    return labels


def asked_key(request: Request) -> str | None:
    """``?key=…``, what the caller routes by. Raises ``ProblemError``."""
    given = request.query_params.getlist("key")
    if len(given) > 1 or (given and len(given[0]) > 1000):
        raise ProblemError(400, "key is given once, with at most 1,000 characters")
    return given[0] if given else None


def holds_etag(header: str | bytes | None, etag: str) -> bool:
    """Whether ``If-None-Match`` names this ETag (RFC 9110 §13.1.2: a list, weak or not, or ``*``)."""
    if not header:
        return False
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    if text == etag:
        return True
    names = [name.strip().removeprefix("W/") for name in text[:8000].split(",")]
    return "*" in names or etag in names
