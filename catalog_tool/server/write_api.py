"""Writing: versions are published, labels are moved. Through the backend protocol, so audited like any sync.

What is written here carries no marker, and the inventory stays as it was: versions are ``unmanaged``, labels
``drifted`` until ``catalog pull`` brings them to git (design §9).
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from catalog_tool.backends.base import Backend
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.clock import now
from catalog_tool.errors import UnavailableError
from catalog_tool.model.addresses import label_address, parse_address, version_address
from catalog_tool.model.names import is_label, is_version, version_number
from catalog_tool.model.target import DONE, FAILED, Applied, Lease, Run, Write, Written
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldPrompt, read_split
from catalog_tool.server.judging import Judge
from catalog_tool.server.logs import log
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import JSON, as_json, labels_document
from catalog_tool.server.requests import VERSION_BODY_BYTES, prompt_id, read_body, read_object
from catalog_tool.server.service import Service, Store
from catalog_tool.sync.lease import is_left_behind

REASON_CHARACTERS = 500
LABELS_AT_ONCE = 50
FINDINGS_TOLD = 20
_POLL_SECONDS = 0.02
_MEMBERS = frozenset({"labels", "generation", "reason"})


class Moves(NamedTuple):
    """What ``PUT …/labels`` asks for: label → value (None: remove), the generation that it saw, and why."""

    labels: Mapping[str, Any]
    generation: int
    reason: str


class _Made(NamedTuple):
    """The labels that have another value by it, and why the others have not."""

    moved: tuple[str, ...] = ()
    refusal: str | None = None


class _Context(NamedTuple):
    """The store under a lease, and on whose behalf."""

    backend: Backend
    run: Run
    inventory: Mapping[str, Applied]


def _may_write(service: Service, grant: Grant) -> None:
    if service.blocks_edits and not grant.syncs:
        raise ProblemError(403, "edits beside git are blocked here: change it in git, and sync")


async def put_labels(service: Service, request: Request, grant: Grant) -> Response:
    """``PUT …/labels``: move labels if nobody moved any since ``generation``; else 409 with how it is.

    All of them or none: what is known to be refused is found before the first is moved.
    """
    _may_write(service, grant)
    name = prompt_id(request)
    moves = _read_moves(await read_object(request))
    if not all(grant.label(label) for label in moves.labels):
        raise ProblemError(403)
    if name not in service.holdings.prompts:
        await service.caught_up()
    if name not in service.holdings.prompts:
        raise ProblemError(404, "there is no such prompt")
    made = await service.with_store(lambda store: _move(store, name, moves, grant.actor))
    await service.caught_up(*(label_address(name, label) for label in moves.labels))
    held = service.holdings
    if name not in held.prompts:
        raise ProblemError(404, "the prompt is gone")
    state = labels_document(held, held.prompts[name], grant)
    if made.moved:
        service.board.add("label_moves", len(made.moved))
        log("labels_moved", prompt=name, labels=sorted(made.moved), by=grant.actor, generation=state["generation"])
    if made.refusal is not None:
        raise ProblemError(409, made.refusal, more=state)
    return Response(as_json(state), 200, {"Cache-Control": "no-store"}, media_type=JSON)


def _read_moves(document: Mapping[str, Any]) -> Moves:
    labels, generation = document.get("labels"), document.get("generation")
    reason = document.get("reason", "")
    if document.keys() - _MEMBERS:
        raise ProblemError(400, "labels, generation and reason, and nothing else")
    if not isinstance(labels, dict) or not 0 < len(labels) <= LABELS_AT_ONCE:
        raise ProblemError(400, f"labels is an object of 1 to {LABELS_AT_ONCE} labels")
    if type(generation) is not int or not 0 <= generation < 2**53:
        raise ProblemError(400, "generation is the number that GET …/labels told")
    if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS or not (reason.isprintable()):
        raise ProblemError(400, f"reason is one line of at most {REASON_CHARACTERS} characters")
    for label, value in labels.items():
        if not is_label(label) or (value is not None and read_split(value) is None):
            raise ProblemError(400, 'a label gets "v2", [{"version","weight"}…] that sum to 100, or null')
    return Moves(labels, generation, reason)


def _move(store: Store, name: str, moves: Moves, actor: str) -> _Made:
    """Make the moves, where all versions that they name are there: stores without transactions undo nothing."""
    with store.writing, store.lent() as backend, _holding(store, backend, actor, moves.reason or "by API") as context:
        if backend.generations().get(name, 0) != moves.generation:
            return _Made(refusal="labels of this prompt were moved meanwhile")
        addresses = {label_address(name, label): value for label, value in moves.labels.items()}
        versions = {version_address(name, version) for version in _versions(moves)}
        seen = {live.address: live.entry for live in backend.scan({*addresses, *versions})}
        if missing := sorted(versions - seen.keys()):
            return _Made(refusal=f"{', '.join(missing)}: there is no such version, and nothing was moved")
        writes = [
            Write(
                address,
                seen.get(address),
                None if value is None else canonical_bytes(value),
                applied=context.inventory.get(address),
            )
            for address, value in addresses.items()
            if value is not None or address in seen
        ]
        made = backend.write(writes, context.run)
        moved = (write.address for write, done in zip(writes, made, strict=True) if _is_move(write, done))
        refused = [done for done in made if done.outcome != DONE]
        return _Made(tuple(parse_address(address).part for address in moved), _why(refused))


def _versions(moves: Moves) -> set[str]:
    return {version for value in moves.labels.values() for version, _ in read_split(value) or ()}


def _is_move(write: Write, done: Written) -> bool:
    return done.outcome == DONE and write.entry != write.seen


def _why(refused: list[Written]) -> str | None:
    return "; ".join(f"{done.address}: {done.message or done.outcome}" for done in refused) or None


@contextmanager
def _holding(store: Store, backend: Backend, actor: str, reason: str) -> Iterator[_Context]:
    """The store's lease for one write. Raises ``UnavailableError`` where a sync keeps it.

    One that nobody stands behind is taken over.
    """
    lease = Lease(uuid.uuid4().hex, actor, f"service {os.uname().nodename}", os.getpid(), now())
    end = time.monotonic() + store.patience
    left_behind = None
    while (held := backend.take_lease(lease, instead_of=left_behind)).token != lease.token:
        if time.monotonic() > end:
            raise UnavailableError(f"{held.holder} is writing to the store", hint="try again", retry_after=5)
        left_behind = held.token if is_left_behind(held, time.time()) else None
        if left_behind is None:
            time.sleep(_POLL_SECONDS * (1 + random.random()))  # noqa: S311 - jitter
    try:
        yield _Context(backend, Run(lease.token, actor, reason, int(time.time())), backend.load().inventory)
    finally:
        backend.drop_lease(lease.token)


async def post_version(service: Service, request: Request, grant: Grant) -> Response:
    """``POST …/versions``: publish one. The body is a prompt file in JSON; without ``version`` the next number.

    201, or 200 with the version that holds this content already; 409 where the version is another content.
    """
    _may_write(service, grant)
    name = prompt_id(request)
    document = await read_object_bytes(request)
    wanted = document[1].get("version")
    if wanted is not None and (not isinstance(wanted, str) or not is_version(wanted) or len(wanted) > 16):
        raise ProblemError(422, "versions are v1, v2, …")
    await service.caught_up()
    known = service.holdings.prompts.get(name)
    version = wanted or _next(known)
    found = await run_in_threadpool(_judged, service.judge, name, version, document[0])
    same = _same(known, found, wanted)
    if same is not None:
        return _published(200, name, same, found.digest)
    refusal = await service.with_store(lambda store: _publish(store, found, grant.actor))
    if refusal is not None and refusal.outcome == FAILED:
        raise ProblemError(422, refusal.message or "the store does not take it")
    await service.caught_up()
    if refusal is not None:
        raise ProblemError(409, f"{version} is there with another content: versions never change")
    log("version_published", prompt=name, version=version, digest=found.digest, by=grant.actor)
    return _published(201, name, version, found.digest)


async def read_object_bytes(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The body of a version, as bytes (the file's) and as an object."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind != JSON:
        raise ProblemError(415, "send application/json: a prompt file")
    data = await read_body(request, VERSION_BODY_BYTES)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ProblemError(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise ProblemError(400, "the body is no JSON object")
    return data, found


def _next(known: HeldPrompt | None) -> str:
    taken = [version_number(v) for v in (*known.versions, *known.damaged) if is_version(v)] if known else []
    return f"v{max(taken, default=0) + 1}"


def _same(known: HeldPrompt | None, found: PromptRecord, wanted: str | None) -> str | None:
    """The version that holds this content already."""
    if known is None:
        return None
    held = known.versions.get(wanted or "")
    if held is not None:
        return wanted if held.digest == found.digest else None
    if wanted is not None:
        return None
    return next((held.version for held in known.versions.values() if held.digest == found.digest), None)


def _judged(judge: Judge, name: str, version: str, data: bytes) -> PromptRecord:
    """The version as ``validate`` records one. Raises ``ProblemError`` with the findings."""
    record, errors = judge.judge(name, version, data)
    if errors or not record.digest:
        listed = [
            {"code": found.code, "message": found.message, "line": found.line, "column": found.column}
            for found in errors[:FINDINGS_TOLD]
        ]
        raise ProblemError(422, "the prompt cannot be published as it is", more={"findings": listed})
    return record


def _publish(store: Store, found: PromptRecord, actor: str) -> Written | None:
    """Write it; what was refused, or None."""
    address = version_address(found.id, found.version)
    with store.writing, store.lent() as backend, _holding(store, backend, actor, "published by API") as context:
        write = Write(address, None, found.entry, applied=context.inventory.get(address))
        [done] = backend.write([write], context.run)
        return None if done.outcome == DONE else done


def _published(status: int, name: str, version: str, digest: str) -> Response:
    document = {"id": name, "version": version, "version_id": f"{version}-{digest[7:19]}", "digest": digest}
    headers = {"Cache-Control": "no-store", "Location": f"/v1/prompts/{name}/versions/{version}"}
    return Response(as_json(document), status, headers, media_type=JSON)
