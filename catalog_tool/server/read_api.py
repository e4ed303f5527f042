"""Reading: prompts, versions, labels, skills, the bundle, events and the service's own state."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from catalog_tool.server.access import Grant, Need, Refusal
from catalog_tool.server.holdings import HeldLabel, HeldPrompt, HeldVersion, Holdings, etag_of
from catalog_tool.server.keeper import Current
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.requests import asked_key, asked_labels, holds_etag, prompt_id, version
from catalog_tool.server.service import Service
from catalog_tool.server.stream import Stream

JSON = "application/json"
_CACHE = "private, no-cache"
"""May be kept, and must be asked for again: that is what the ETag is for."""
_KEPT_ANSWERS = 50_000
_COMMENT_SECONDS = 15.0
_LOOK_SECONDS = 0.5
"""How often an open stream of events looks whether it may go on."""


class Answer(NamedTuple):
    """One answer, ready to be sent. ``labels`` are those that were asked for.

    ``tag`` is the ETag in bytes; ``whole`` and ``short`` are the headers of 200 and of 304, as ASGI wants them.
    """

    body: bytes
    etag: str
    tag: bytes
    labels: tuple[str, ...]
    whole: list[tuple[bytes, bytes]]
    short: list[tuple[bytes, bytes]]


def answer_of(body: bytes, etag: str, labels: tuple[str, ...]) -> Answer:
    """An answer with its headers."""
    short = [(b"etag", etag.encode()), (b"cache-control", _CACHE.encode())]
    size = str(len(body)).encode()
    whole = [(b"content-type", JSON.encode()), (b"content-length", size), *short]
    return Answer(body, etag, etag.encode(), labels, whole, short)


def tagged(request: Request, body: bytes, etag: str, media_type: str = JSON) -> Response:
    """200 with an ETag, or 304 where ``If-None-Match`` names it."""
    headers = {"ETag": etag, "Cache-Control": _CACHE}
    if holds_etag(request.headers.get("if-none-match"), etag):
        return Response(b"", 304, headers)
    return Response(body, 200, headers, media_type=media_type)


def as_json(document: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def of_json(request: Request, document: Any) -> Response:
    """A document with an ETag by content."""
    body = as_json(document)
    return tagged(request, body, etag_of(body))


def held_prompt(held: Holdings, request: Request) -> HeldPrompt:
    """The prompt in the path. Raises ``ProblemError``.

    One request takes one picture and stays with it: the keeper's thread may put another in its place at any time.
    """
    found = held.prompts.get(prompt_id(request))
    if found is None:
        raise ProblemError(404, "there is no such prompt")
    return found


def granted_labels(request: Request, grant: Grant) -> list[str]:
    """The labels that are asked for. Raises ``ProblemError`` where one of them is not this bearer's to read."""
    labels = asked_labels(request)
    if not all(grant.label(label) for label in labels):
        raise ProblemError(403)
    return labels


def label_of(prompt: HeldPrompt, labels: list[str]) -> tuple[str, HeldLabel]:
    """The first of ``labels`` that the prompt has. A label that cannot be served ends the search: 503."""
    for label in labels:
        if label in prompt.labels:
            return label, prompt.labels[label]
        if label in prompt.damaged:
            raise ProblemError(503, f"the label {label} is stored and cannot be served: the store was edited by hand")
    raise ProblemError(404, "the prompt has none of these labels")


async def get_prompt(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /v1/prompts/{id}?label=&key=``: the version that a label points to."""
    labels, key = granted_labels(request, grant), asked_key(request)
    current = service.current
    prompt = held_prompt(current.holdings, request)
    label, held = label_of(prompt, labels)
    chosen = prompt.versions[held.router.version(key) if key is not None else held.router.stable]
    answer = _ready(current, prompt, chosen, label)
    query = request.scope["query_string"]
    if query in (b"", f"label={','.join(labels)}".encode()):
        place, kept = (request.scope["path"], query), answer._replace(labels=tuple(labels))
        if len(labels) > 1:
            current.keep_rare(place, kept)
        elif len(current.answers) < _KEPT_ANSWERS:
            current.answers[place] = kept
    return tagged(request, answer.body, answer.etag)


def _ready(current: Current, prompt: HeldPrompt, chosen: HeldVersion, label: str) -> Answer:
    """The answer for a version under a label, made once: lists of labels and keys share it."""
    place = (prompt.id, label, chosen.version)
    found: Answer | None = current.answers.get(place)
    if found is None:
        more = {"label": label, "generation": prompt.generation, "store_id": current.holdings.store_id}
        etag = f'"{chosen.version}-{chosen.digest[7:]}-{label}-{prompt.generation}"'
        found = current.answers[place] = answer_of(_document(prompt, chosen, more), etag, (label,))
    return found


def _document(prompt: HeldPrompt, held: HeldVersion, more: Mapping[str, Any]) -> bytes:
    head = {
        "id": prompt.id,
        "version": held.version,
        "version_id": held.version_id,
        "digest": held.digest,
        **more,
    }
    return as_json(head)[:-1] + b"," + held.body + b"}"


async def get_version(service: Service, request: Request, grant: Grant) -> Response:
    """``GET …/versions/{version}``: immutable."""
    wanted = version(request)
    picture = service.holdings
    prompt = held_prompt(picture, request)
    if wanted in prompt.damaged:
        raise ProblemError(503, f"{wanted} is stored and cannot be served: it is not what its digest says")
    if wanted not in prompt.versions:
        raise ProblemError(404, "the prompt has no such version")
    if not may_see(grant, prompt, wanted):
        raise ProblemError(403)
    held = prompt.versions[wanted]
    told = {"generation": prompt.generation, "store_id": picture.store_id}
    return tagged(request, _document(prompt, held, told), f'"{held.version}-{held.digest[7:]}"')


def may_see(grant: Grant, prompt: HeldPrompt, wanted: str) -> bool:
    """A token for some labels sees the versions that those point to."""
    if grant.sees_all_labels:
        return True
    return any(grant.label(label) and wanted in dict(held.split) for label, held in prompt.labels.items())


async def get_versions(service: Service, request: Request, grant: Grant) -> Response:
    """``GET …/versions``: every version with its digest, in the order of their numbers."""
    prompt = held_prompt(service.holdings, request)
    listed = [
        {"version": held.version, "version_id": held.version_id, "digest": held.digest}
        for held in prompt.versions.values()
        if may_see(grant, prompt, held.version)
    ]
    return of_json(request, {"id": prompt.id, "versions": listed})


def labels_document(held: Holdings, prompt: HeldPrompt, grant: Grant) -> dict[str, Any]:
    """``{"id","generation","store_id","labels","damaged"}``: the labels that this bearer may see.

    ``damaged`` are those that are stored and cannot be served: who chooses among labels must not take them for absent.
    """
    seen = {label: value for label, value in prompt.label_values().items() if grant.label(label)}
    told = {"id": prompt.id, "generation": prompt.generation, "store_id": held.store_id}
    return {**told, "labels": seen, "damaged": list(filter(grant.label, prompt.damaged_labels()))}


async def get_labels(service: Service, request: Request, grant: Grant) -> Response:
    """``GET …/labels?label=``: with a list of labels it answers as the prompt does where one of them cannot be had.

    So a client that chooses by a key itself falls through to another label no sooner than the service would.
    """
    held = service.holdings
    prompt = held_prompt(held, request)
    if "label" in request.query_params:
        label_of(prompt, granted_labels(request, grant))
    return of_json(request, labels_document(held, prompt, grant))


async def list_prompts(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /v1/prompts``: every prompt with its versions and labels. For those who see all it lies ready."""
    current = service.current
    body: bytes | None = current.answers.get("prompts") if grant.sees_all_labels else None
    if body is None:
        body = await run_in_threadpool(_listed, current.holdings, grant)
        if grant.sees_all_labels:
            current.answers["prompts"] = body
    return tagged(request, body, etag_of(body))


def _listed(held: Holdings, grant: Grant) -> bytes:
    listed = [
        {
            "id": prompt.id,
            "generation": prompt.generation,
            "versions": [one for one in prompt.versions if may_see(grant, prompt, one)],
            "labels": {label: value for label, value in prompt.label_values().items() if grant.label(label)},
        }
        for prompt in held.prompts.values()
    ]
    return as_json({"store_id": held.store_id, "prompts": listed})


async def list_skills(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /v1/skills``: names, digests, descriptions and owners."""
    listed = [
        {
            "name": skill.name,
            "digest": skill.digest,
            "description": skill.entry.get("description"),
            "owners": skill.entry.get("owners") or [],
            "tags": skill.entry.get("tags") or [],
        }
        for skill in service.holdings.skills.values()
    ]
    return of_json(request, {"skills": listed})


async def get_skill(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /v1/skills/{name}``: the entry of ``bundle.json`` with the list of files."""
    name = str(request.path_params["name"])
    found = service.holdings.skills.get(name)
    if found is None:
        raise ProblemError(404, "there is no such skill")
    return tagged(request, as_json({"name": name, **found.entry}), f'"{found.digest[7:]}"')


async def get_skill_file(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /v1/skills/{name}/files/{path}``: one file's bytes. The path is looked up in the list, never opened."""
    name, path = str(request.path_params["name"]), str(request.path_params["path"])
    skill = service.holdings.skills.get(name)
    listed = next((file for file in skill.entry["files"] if file["path"] == path), None) if skill is not None else None
    if skill is None or listed is None:
        raise ProblemError(404, "there is no such skill or file")
    etag = f'"{listed["sha256"]}"'
    if holds_etag(request.headers.get("if-none-match"), etag):
        return Response(b"", 304, {"ETag": etag, "Cache-Control": _CACHE})

    _, data = (await service.contents(name)).get(path, ("", None))
    if data is None:
        raise ProblemError(404, "what is served here holds no contents of skills")
    if etag_of(data) != etag:
        raise ProblemError(503, "the skill changes just now", headers={"Retry-After": "1"})
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
    answer = tagged(request, data, etag, "application/octet-stream")
    answer.headers.update(headers)
    return answer


async def get_bundle(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /v1/bundle``: ``bundle.json`` of all that is held. Needs a token for all labels."""
    if not grant.sees_all_labels:
        raise ProblemError(403)
    current = service.current
    held, answers = current.holdings, current.answers
    if held.damaged:
        raise ProblemError(503, "some of what is stored cannot be served: the store was edited by hand")
    body = answers.get("bundle")
    if body is None:
        body = answers["bundle"] = await run_in_threadpool(held.bundle)
    return tagged(request, body, etag_of(body))


async def get_events(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /v1/events``: changes of labels, as server-sent events, for as long as the token is good."""
    given = dict(request.headers.raw)

    def is_good() -> bool:
        found = service.guard.decide(Need.READ, given.get(b"authorization"), given.get(b"host"))
        return not isinstance(found, Refusal)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = _events(service, service.listen(), is_good)
    return StreamingResponse(events, 200, headers, media_type="text/event-stream")


async def _events(service: Service, stream: Stream, is_good: Callable[[], bool]) -> AsyncIterator[bytes]:
    try:
        yield b": open\n\n"
        silent = 0.0
        while True:
            burst = await stream.next(_LOOK_SECONDS)
            if burst is None or service.board.is_draining or not is_good():
                return
            silent = 0.0 if burst else silent + _LOOK_SECONDS
            if burst:
                yield b"".join(b"id: %d\ndata: %b\n\n" % (one.generation, as_json(one._asdict())) for one in burst)
            elif silent >= _COMMENT_SECONDS:
                silent = 0.0
                yield b": still here\n\n"
    finally:
        service.unlisten(stream)


async def get_health(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /healthz``: this process answers, whatever the store does."""
    return Response(b'{"status":"ok"}', 200, {"Cache-Control": "no-store"}, media_type=JSON)


async def get_ready(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /readyz``: whether requests should be sent here."""
    trouble = _trouble(service)
    body = as_json({"status": trouble or "ok"})
    return Response(body, 503 if trouble else 200, {"Cache-Control": "no-store"}, media_type=JSON)


def _trouble(service: Service) -> str:
    if service.board.is_draining:
        return "draining"
    if not service.guard.is_ready:
        return "tokens unreadable"
    return "" if service.keeper.is_ready else "store unavailable"


async def get_metrics(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /metrics``: Prometheus' text."""
    service.gauges()
    text = "text/plain; version=0.0.4; charset=utf-8"
    return Response(service.board.text(time.time()), 200, {"Cache-Control": "no-store"}, media_type=text)
