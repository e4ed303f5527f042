"""Errors as ``application/problem+json`` (RFC 9457). Nothing in one repeats what was sent, but a name of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError

PROBLEM = "application/problem+json"
_TITLES = {
    400: "The request cannot be understood",
    401: "A token is needed",
    403: "This may not be done",
    404: "There is no such thing",
    405: "This route has no such method",
    408: "The request came too slowly",
    409: "It is not what the request expects",
    413: "The request is too large",
    415: "The request's form is not taken",
    421: "This is not the host that was meant",
    422: "The content cannot be stored",
    500: "The service failed",
    502: "The store failed",
    503: "The service cannot answer now",
}


class ProblemError(Exception):
    """Ends a request with a problem. ``more`` are members of the document, ``headers`` of the answer."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, self.more, self.headers)


def problem(
    status: int, detail: str = "", more: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem document: ``type``, ``title``, ``status``, and where there is more to say ``detail``."""
    document = {"type": "about:blank", "title": _TITLES[status], "status": status}
    document |= {"detail": detail} if detail else {}
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    data = json.dumps({**document, **(more or {})}).encode()
    return Response(data, status, {**extra, **(headers or {}), "Cache-Control": "no-store"}, media_type=PROBLEM)


CODES: dict[type[BackendError], tuple[int, str]] = {
    LeaseLostError: (409, "lease_lost"),
    UnavailableError: (503, "unavailable"),
    RefusedError: (422, "refused"),
    BackendError: (502, "backend"),
}
"""How a store's error is told: the status, and ``code`` in the document, by which the ``http`` backend knows it."""


def backend_problem(error: BackendError) -> ProblemError:
    """A store's error as a problem. Its message names no secret (``backends.base``)."""
    status, code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    headers = {"Retry-After": "1"} if status == 503 else {}
    return ProblemError(status, error.message, more={"code": code, "hint": error.hint}, headers=headers)
