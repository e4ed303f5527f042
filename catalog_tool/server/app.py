"""The service as an ASGI application: a short path for what is asked most, Starlette for the rest.

An answer that was computed once lies ready under path and query until the next picture of the store. Such a
request is guarded, compared with ``If-None-Match``, counted and sent here; it never reaches the router.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router

from catalog_tool.server.access import Grant, Need, Refusal
from catalog_tool.server.logs import log_failure
from catalog_tool.server.pages_shell import bearer_of, error_page
from catalog_tool.server.problems import ProblemError, problem
from catalog_tool.server.read_api import Answer
from catalog_tool.server.requests import holds_etag
from catalog_tool.server.routes import OTHER, ROUTES, Route
from catalog_tool.server.service import Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_HOT = "prompt"
"""The route whose answers are kept ready."""
_BELOW_PAGES = "/ui/"


class App:
    """The application of one worker; ``service`` is what it serves."""

    def __init__(self, service: Service, on_start: Callable[[], None] | None = None) -> None:
        self.service = service
        self._on_start = on_start
        self._router = Router(_routes(service), redirect_slashes=False, default=_Nowhere(service))
        self._clock = time.perf_counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the worker's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            started = self._clock()
            if scope["method"] == "GET":
                answer = self.service.keeper.current.answers.get((scope["path"], scope["query_string"]))
                if answer is not None:
                    await self._hot(answer, scope, send, started)
                    return
            await self._routed(scope, receive, send, started)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._on_start is not None:
            self._on_start()
        await self.service.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.service.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _hot(self, answer: Answer, scope: Scope, send: Send, started: float) -> None:
        authorization = host = known = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"if-none-match":
                known = value
            elif name == b"host":
                host = value
        grant = self.service.guard.decide(Need.READ, authorization, host)
        if isinstance(grant, Refusal) or not (grant.sees_all_labels or all(map(grant.label, answer.labels))):
            refused = problem(grant.status if isinstance(grant, Refusal) else 403)
            await refused(scope, _no_body, send)
            status = refused.status_code
        elif known is not None and (known == answer.tag or holds_etag(known, answer.etag)):
            status = 304
            await send({"type": "http.response.start", "status": 304, "headers": answer.short})
            await send({"type": "http.response.body"})
        else:
            status = 200
            await send({"type": "http.response.start", "status": 200, "headers": answer.whole})
            await send({"type": "http.response.body", "body": answer.body})
        self.service.board.count(_HOT, status, self._clock() - started)

    async def _routed(self, scope: Scope, receive: Receive, send: Send, started: float) -> None:
        status = 500

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._router(scope, receive, noted)
        finally:
            endpoint = scope.get("endpoint")
            name = endpoint.name(scope["method"]) if isinstance(endpoint, _Endpoint) else OTHER
            self.service.board.count(name, status, self._clock() - started)


class _Endpoint:
    """One path behind the guard: its methods' handlers. Every method comes here, so that refusals look alike."""

    def __init__(self, service: Service, routes: dict[str, Route]) -> None:
        self._service = service
        self._routes = routes
        self._is_page = any(route.is_page for route in routes.values())
        self._told = error_page if self._is_page else ProblemError.response

    def name(self, method: str) -> str:
        """The metrics' name of a request."""
        route = self._routes.get(_read_as(method))
        return route.name if route is not None else OTHER

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        route = self._routes.get(_read_as(request.method))
        need = route.need if route is not None else Need.ANY
        grant = _decided(self._service, request, need, is_page=self._is_page)
        if isinstance(grant, Refusal):
            return self._told(ProblemError(grant.status, grant.detail))
        if route is None:
            return self._told(ProblemError(405, headers={"Allow": ", ".join(sorted(self._routes))}))
        try:
            return await route.handler(self._service, request, grant)
        except ProblemError as error:
            return self._told(error)
        except Exception as error:  # noqa: BLE001 - the boundary of one request: a bug is a 500 that tells nothing
            log_failure(error, route=route.name)
            return self._told(ProblemError(500))


class _Nowhere:
    """What has no path: told only to who may ask at all, and below the pages by a page."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = f"{scope['path']}/".startswith(_BELOW_PAGES)
        grant = _decided(self._service, Request(scope, receive), Need.ANY, is_page=is_page)
        told = ProblemError(grant.status if isinstance(grant, Refusal) else 404)
        answer = error_page(told) if is_page else told.response()
        await answer(scope, receive, send)


def _read_as(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _decided(service: Service, request: Request, need: Need, *, is_page: bool = False) -> Grant | Refusal:
    given = dict(request.headers.raw)  # of several the last, as on the short path
    authorization = given.get(b"authorization")
    return service.guard.decide(need, bearer_of(authorization) if is_page else authorization, given.get(b"host"))


async def _no_body() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


def _routes(service: Service) -> list[StarletteRoute]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    return [StarletteRoute(path, _Endpoint(service, methods)) for path, methods in by_path.items()]
