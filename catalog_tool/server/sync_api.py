"""The sync protocol over HTTP: what ``backends.http`` speaks. Scope ``sync``, for nobody else.

Each route is one method of ``backends.base.Backend``; objects and events go as one JSON value a line, ended by
``{"end": count}``, so that a stream that was cut is told from a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from catalog_tool.backends import wire
from catalog_tool.backends.base import Backend
from catalog_tool.errors import BackendError
from catalog_tool.server.access import Grant
from catalog_tool.server.logs import log
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import JSON, as_json
from catalog_tool.server.requests import SMALL_BODY_BYTES, parse_object, read_body
from catalog_tool.server.service import Service, Store

WRITE_BODY_BYTES = 64 * 1024 * 1024
"""One batch of writes, skills' files included."""
ADDRESSES_BODY_BYTES = 8 * 1024 * 1024
STEPS = 200
"""How many steps one request may make."""
LINES = "application/x-ndjson"
_PREFIX_CHARACTERS = 200
_Given = TypeVar("_Given")


def _prefix(document: Mapping[str, Any]) -> str:
    found = document.get("prefix", "")
    if not isinstance(found, str) or len(found) > _PREFIX_CHARACTERS or "\0" in found or not found.isascii():
        raise ProblemError(400, "prefix is a short ASCII text")
    return found


def _understood(read: Callable[[], _Given]) -> _Given:
    try:
        return read()
    except (ValueError, KeyError, TypeError) as error:
        raise ProblemError(400, f"the body is not of the sync protocol: {error}"[:300]) from None


async def _asked(request: Request, largest: int = SMALL_BODY_BYTES) -> dict[str, Any]:
    return parse_object(await read_body(request, largest))


async def _call(service: Service, prefix: str, work: Callable[[Backend], _Given]) -> _Given:
    def lent(store: Store) -> _Given:
        with store.lent(prefix) as backend:
            return work(backend)

    return await service.with_store(lent)


def _answer(document: Any) -> Response:
    return Response(as_json(document), 200, {"Cache-Control": "no-store"}, media_type=JSON)


async def get_sync(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /v1/sync``: what the store can do. Edits beside git are refused here only under ``edits: block``."""
    found = await _call(service, "", lambda backend: wire.capabilities_to_json(backend.capabilities))
    blocks = (
        "" if service.blocks_edits else "the service takes writes of other tokens: set `edits: block` on its target"
    )
    batch = min(found["batch"], STEPS)
    return _answer({"protocol": 1, "capabilities": {**found, "blocks_edits": blocks, "batch": batch}})


async def post_state(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``load``."""
    prefix = _prefix(await _asked(request))
    return _answer(await _call(service, prefix, lambda backend: wire.state_to_json(backend.load())))


async def post_scan(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``scan``: one object a line."""
    document = await _asked(request, ADDRESSES_BODY_BYTES)
    prefix, only = _prefix(document), document.get("only")
    wanted = None if only is None else _understood(lambda: {wire.address_from_json(address) for address in only})
    return _lines(service.store, prefix, lambda backend: map(wire.live_to_json, backend.scan(wanted)))


async def post_events(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``events``: one event of the audit trail a line."""
    prefix = _prefix(await _asked(request))
    return _lines(service.store, prefix, lambda backend: (event._asdict() for event in backend.events()))


def _lines(store: Store, prefix: str, read: Callable[[Backend], Iterable[Any]]) -> Response:
    return StreamingResponse(_encoded(store, prefix, read), 200, {"Cache-Control": "no-store"}, media_type=LINES)


def _encoded(store: Store, prefix: str, read: Callable[[Backend], Iterable[Any]]) -> Iterator[bytes]:
    """Chunks of about 64 KiB; a store that fails on the way ends the stream with its error instead of the count."""
    chunk, count = bytearray(), 0
    try:
        with store.lent(prefix) as backend:
            for value in read(backend):
                count += 1
                chunk += json.dumps(value).encode() + b"\n"
                if len(chunk) > 65_536:
                    yield bytes(chunk)
                    chunk.clear()
        chunk += as_json({"end": count}) + b"\n"
    except BackendError as error:
        chunk += as_json({"error": error.message, "hint": error.hint}) + b"\n"
    yield bytes(chunk)


async def post_contents(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``contents``."""
    document = await _asked(request)
    address = _understood(lambda: wire.address_from_json(document.get("address")))
    found = await _call(service, _prefix(document), lambda backend: backend.contents(address))
    return _answer({"files": wire.contents_to_json(found)})


async def post_lease(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``take_lease``. Another's token is told too: who takes over a dead holder has to name it."""
    document = await _asked(request)
    lease = _understood(lambda: wire.lease_from_json(document.get("lease")))
    instead = document.get("instead_of")
    if instead is not None and not isinstance(instead, str):
        raise ProblemError(400, "instead_of is the token of another lease")
    held = await _call(service, _prefix(document), lambda backend: backend.take_lease(lease, instead_of=instead))
    return _answer({"lease": held._asdict()})


async def post_drop(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``drop_lease``."""
    document = await _asked(request)
    token = _token(document)
    await _call(service, _prefix(document), lambda backend: backend.drop_lease(token))
    return _answer({})


def _token(document: Mapping[str, Any]) -> str:
    token = document.get("token")
    if not isinstance(token, str):
        raise ProblemError(400, "token is the lease's")
    return token


async def put_control(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``save_control``."""
    document = await _asked(request, ADDRESSES_BODY_BYTES)
    control = _understood(lambda: wire.control_from_json(document.get("control")))
    token = _token(document)
    await _call(service, _prefix(document), lambda backend: backend.save_control(control, token))
    return _answer({})


async def post_write(service: Service, request: Request, grant: Grant) -> Response:
    """``write``. The audit trail names whom the sync names; the log has the token."""
    document = await _asked(request, WRITE_BODY_BYTES)
    given = document.get("writes")
    if not isinstance(given, list) or len(given) > STEPS:
        raise ProblemError(400, f"writes is a list of at most {STEPS} steps")
    writes = _understood(lambda: [wire.write_from_json(item) for item in given])
    run = _understood(lambda: wire.run_from_json(document.get("run")))
    done = await _call(service, _prefix(document), lambda backend: backend.write(writes, run))
    log("synced", steps=len(writes), by=grant.actor)
    service.keeper.poke()
    return _answer({"written": [found._asdict() for found in done]})


async def post_generations(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``generations``."""
    prefix = _prefix(await _asked(request))
    found = await _call(service, prefix, lambda backend: dict(backend.generations()))
    return _answer({"generations": found})
