"""OFREP 0.3 (OpenFeature Remote Evaluation Protocol): which version does a user get?

A flag is a label of a prompt: its key is ``ID@LABEL``, ``ID`` alone means ``production``. The versions of a
weighted label are the flag's variants, ``targetingKey`` is what the client calls ``key``, and the choice is
the one that every client of this package makes (design §2.2). The value is the version (``v2``), for
``PromptClient.get(version=…)``; the metadata has the version id, the digest and the generation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from catalog_tool.model.names import is_label, is_prompt_id
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldLabel, HeldPrompt, Holdings, etag_of
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import JSON, as_json
from catalog_tool.server.requests import holds_etag, read_object
from catalog_tool.server.service import Service

_PRODUCTION = "production"
_NO_STORE = {"Cache-Control": "no-store"}
KEY_CHARACTERS = 1000


class _FlagError(Exception):
    """Ends an evaluation; the codes are OpenFeature's."""

    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.document = {"errorCode": code, "errorDetails": details}


async def evaluate(service: Service, request: Request, grant: Grant) -> Response:
    """``POST /ofrep/v1/evaluate/flags/{key}``."""
    flag = str(request.path_params["key"])
    try:
        key = _targeting_key(await _context(request))
        prompt, label = _flag(service, flag)
        if not grant.label(label):
            raise ProblemError(403)
        held = prompt.labels.get(label)
        if held is None:
            raise _not_found(prompt, label)
        return _answer(200, _evaluated(prompt, label, held, key) | {"key": flag})
    except _FlagError as error:
        return _answer(error.status, {"key": flag, **error.document})


async def evaluate_all(service: Service, request: Request, grant: Grant) -> Response:
    """``POST /ofrep/v1/evaluate/flags``: every label of every prompt that the bearer may see.

    One that cannot be served is there as an error, as OFREP has it: left out it would be no flag at all.
    """
    try:
        key = _targeting_key(await _context(request))
    except _FlagError as error:
        return _answer(error.status, error.document)
    body, etag = await run_in_threadpool(_all, service.holdings, grant, key)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if holds_etag(request.headers.get("if-none-match"), etag):
        return Response(b"", 304, headers)
    return Response(body, 200, headers, media_type=JSON)


def _all(held: Holdings, grant: Grant, key: str | None) -> tuple[bytes, str]:
    """Every flag, and the ETag of the answer."""
    flags = [
        flag
        for prompt in held.prompts.values()
        for flag in (*_evaluated_all(prompt, grant, key), *_damaged(prompt, grant))
    ]
    body = as_json({"flags": flags, "metadata": {"store_id": held.store_id}})
    return body, etag_of(body)


def _evaluated_all(prompt: HeldPrompt, grant: Grant, key: str | None) -> Iterator[dict[str, Any]]:
    return (_evaluated(prompt, label, found, key) for label, found in prompt.labels.items() if grant.label(label))


def _damaged(prompt: HeldPrompt, grant: Grant) -> Iterator[dict[str, Any]]:
    for label in filter(grant.label, prompt.damaged_labels()):
        yield {"key": f"{prompt.id}@{label}", **_not_found(prompt, label).document}


async def _context(request: Request) -> Mapping[str, Any]:
    try:
        document = await read_object(request)
    except ProblemError as problem:
        if problem.status != 400:
            raise
        raise _FlagError(400, "PARSE_ERROR", problem.detail) from None
    context = document.get("context")
    if not isinstance(context, dict):
        raise _FlagError(400, "INVALID_CONTEXT", "context is an object, with targetingKey")
    return context


def _targeting_key(context: Mapping[str, Any]) -> str | None:
    found = context.get("targetingKey")
    if found is None or (isinstance(found, str) and len(found) <= KEY_CHARACTERS):
        return found
    raise _FlagError(400, "INVALID_CONTEXT", f"targetingKey is a text of at most {KEY_CHARACTERS} characters")


def _flag(service: Service, flag: str) -> tuple[HeldPrompt, str]:
    name, _, label = flag.partition("@")
    prompt = service.holdings.prompts.get(name) if is_prompt_id(name) else None
    label = label or _PRODUCTION
    if prompt is None or not is_label(label):
        raise _FlagError(404, "FLAG_NOT_FOUND", "there is no such prompt: a flag is ID@LABEL")
    return prompt, label


def _not_found(prompt: HeldPrompt, label: str) -> _FlagError:
    if label in prompt.damaged:
        return _FlagError(500, "GENERAL", "the label is stored and cannot be served")
    return _FlagError(404, "FLAG_NOT_FOUND", "the prompt has no such label")


def _evaluated(prompt: HeldPrompt, label: str, held: HeldLabel, key: str | None) -> dict[str, Any]:
    """One evaluation. Without a key a weighted label gives its stable version, for the reason UNKNOWN.

    OpenFeature would call it DEFAULT, which OFREP 0.3 does not have among its reasons; STATIC is not true of it, and
    invites to keep the answer for those who do give a key.
    """
    is_split = len(held.split) > 1
    version = held.router.version(key) if key is not None else held.router.stable
    chosen = prompt.versions[version]
    metadata = {
        "prompt": prompt.id,
        "label": label,
        "version_id": chosen.version_id,
        "digest": chosen.digest,
        "generation": prompt.generation,
    }
    reason = "STATIC" if not is_split else "SPLIT" if key is not None else "UNKNOWN"
    return {
        "key": f"{prompt.id}@{label}",
        "value": version,
        "variant": version,
        "reason": reason,
        "metadata": metadata,
    }


def _answer(status: int, document: Mapping[str, Any]) -> Response:
    return Response(as_json(document), status, _NO_STORE, media_type=JSON)
