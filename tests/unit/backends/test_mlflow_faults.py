"""What goes wrong between us and an MLflow server, at every request: named rightly, bounded, nothing twice."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import httpx
import pytest
from mlflow_server import MlflowServer
from soak import SOAK

from catalog_tool.backends.mlflow import MlflowBackend
from catalog_tool.backends.mlflow import connect as connect_mlflow
from catalog_tool.backends.mlflow_api import MissingError, MlflowApi, NoRouteError
from catalog_tool.backends.mlflow_skills import organization_of
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, bury, session, wanted
from catalog_tool.sync.conformance.samples import FIRST, Sample
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import Timing

pytest_plugins = ["services"]

SAMPLE = Sample({("greet", "v1"): "Be brief.\n"}, {("greet", "production"): "v1"}, FIRST.skills)
PAUSE = 7
LONGEST = 90
"""In how many seconds a sync has to end, its pauses counted as slept, whatever happens at one request."""
SILENCE = 3.0
"""How long these trials wait for a server that hangs, in seconds."""
Trouble = Callable[[httpx.Request, httpx.BaseTransport], httpx.Response]


def _answers(status: int, headers: Mapping[str, str], body: bytes) -> Trouble:
    return lambda request, _: httpx.Response(status, headers=dict(headers), content=body, request=request)


def _answers_afterwards(status: int, body: bytes) -> Trouble:
    def answer(request: httpx.Request, inner: httpx.BaseTransport) -> httpx.Response:
        with closing(inner.handle_request(request)) as response:
            response.read()
        return httpx.Response(status, content=body, request=request)

    return answer


def _hangs(request: httpx.Request, inner: httpx.BaseTransport) -> httpx.Response:
    """Ask somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        elsewhere = request.url.copy_with(port=silent.getsockname()[1])
        asked = httpx.Request(request.method, elsewhere, extensions=request.extensions)
        return inner.handle_request(asked)


def _hangs_afterwards(request: httpx.Request, inner: httpx.BaseTransport) -> httpx.Response:
    with closing(inner.handle_request(request)) as response:
        response.read()
    return _hangs(request, inner)


def _hangs_up(request: httpx.Request, _: httpx.BaseTransport) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)


def _is_cut(request: httpx.Request, inner: httpx.BaseTransport) -> httpx.Response:
    with closing(inner.handle_request(request)) as response:
        return httpx.Response(response.status_code, content=response.read()[:1], request=request)


OOPS = b'{"error_code": "INTERNAL_ERROR", "message": "oops"}'
NO_NAME = (
    "Model Version creation error (name=a). Error: Registered Model with name=a not found. Giving up after 3 attempts."
)
"""What a server on a file store says where one on a database says RESOURCE_DOES_NOT_EXIST."""
CONFLICT = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}'
TROUBLES: Mapping[str, Trouble] = {
    "429": _answers(429, {"retry-after": str(PAUSE)}, b"slow down"),
    "500": _answers(500, {}, OOPS),
    "500 after the effect": _answers_afterwards(500, OOPS),
    "hang": _hangs,
    "hang after the effect": _hangs_afterwards,
    "cut before the effect": _hangs_up,
    "cut answer": _is_cut,
    "400": _answers(400, {}, CONFLICT),
}
PASSING = tuple(name for name in TROUBLES if name != "400")


class Troubled(httpx.BaseTransport):
    """A transport that makes trouble at one request, counted from 1."""

    def __init__(self, at: int = 0, trouble: Trouble | None = None) -> None:
        self._inner = httpx.HTTPTransport()
        self._at = at
        self._trouble = trouble
        self.count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.count == self._at and self._trouble is not None:
            return self._trouble(request, self._inner)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class Leaving(Troubled):
    """A transport to a server that is gone from one request on; with ``effect`` it still did what that one asked."""

    def __init__(self, at: int, *, effect: bool) -> None:
        super().__init__(at, TROUBLES["500 after the effect" if effect else "500"])

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.count >= self._at:
            self.count += 1
            return httpx.Response(503, request=request)
        return super().handle_request(request)


class Place(NamedTuple):
    """A part of the server's registry of one trial's own."""

    url: str
    prefix: str
    skills: bool

    def open(self, transport: Troubled) -> MlflowBackend:
        client = httpx.Client(base_url=f"{self.url}/", transport=transport, timeout=SILENCE)
        return MlflowBackend(client, self.url, self.prefix, skills=self.skills)

    def numbers(self) -> dict[str, list[int]]:
        """What is there, in MLflow's own words: the numbers of each prompt's versions."""
        found: dict[str, list[int]] = {}
        with closing(MlflowApi(httpx.Client(base_url=f"{self.url}/"), self.url)) as api:
            for version in api.versions(f"name LIKE '{self.prefix.replace('/', '.')}%'"):
                if "catalog.kind" not in version.tags:
                    found.setdefault(version.name, []).append(version.number)
            if self.skills:
                path = f"api/3.0/mlflow/skills/@{organization_of(self.prefix)}/pdf/versions"
                found["pdf"] = [item["version"] for item in api.call("GET", path)["skill_versions"]]
        return found


@pytest.fixture
def new_place(mlflow_server: MlflowServer) -> Callable[[], Place]:
    return lambda: Place(mlflow_server.url, mlflow_server.new_prefix(), mlflow_server.has_skills)


def _requests_of_a_sync(place: Place) -> int:
    transport = Troubled()
    with closing(place.open(transport)) as backend:
        assert sync_target(session(backend), wanted(backend, SAMPLE), OPTIONS).status == "done"
    return transport.count


def _trials(requests: int) -> Iterator[tuple[int, str]]:
    for at in range(1, requests + 1):
        for number, name in enumerate(TROUBLES):
            if SOAK or (at % 3 == 0 and (at // 3 + number) % len(TROUBLES) == 0):
                yield at, name


def test_trouble_at_every_request(new_place: Callable[[], Place]) -> None:
    requests = _requests_of_a_sync(new_place())
    for at, name in _trials(requests):
        place, slept = new_place(), []
        timing = Timing(sleep=slept.append, jitter=lambda: 1.0)
        transport, started = Troubled(at, TROUBLES[name]), time.monotonic()
        with closing(place.open(transport)) as backend:
            told = session(backend)
            outcome = _outcome(replace(told, timing=timing))
            if name in PASSING:
                assert outcome == "done", (at, name, outcome)
            else:
                assert outcome in ("done", "partial", "RefusedError"), (at, name, outcome)
            if name == "429":  # verification, at the end, has a rhythm of its own
                assert max(slept, default=0) >= PAUSE or at > requests // 2, (at, slept)
            assert sum(slept) + time.monotonic() - started < LONGEST, (at, name)
            assert transport.count < 3 * requests
            bury(backend)
            assert sync_target(told, wanted(backend, SAMPLE), OPTIONS).status in ("done", "unchanged"), (at, name)
            assert_holds(backend, SAMPLE)
        skills = {"pdf": [1]} if place.skills else {}
        assert place.numbers() == {f"{place.prefix.replace('/', '.')}greet": [1], **skills}, (at, name)


@pytest.mark.parametrize("effect", [False, True])
def test_a_server_that_goes_away_at_every_request(new_place: Callable[[], Place], effect: bool) -> None:  # noqa: FBT001
    """It comes back later: the next sync completes the rest, and makes nothing twice."""
    requests = _requests_of_a_sync(new_place())
    for at in range(2 + effect, requests + 1, 1 if SOAK else 9):
        place = new_place()
        with closing(place.open(Leaving(at, effect=effect))) as backend, contextlib.suppress(UnavailableError):
            sync_target(session(backend), wanted(backend, SAMPLE), OPTIONS)
        with closing(place.open(Troubled())) as backend:
            bury(backend)
            result = sync_target(session(backend), wanted(backend, SAMPLE), OPTIONS)
            assert result.status in ("done", "unchanged"), (at, result)
            assert_holds(backend, SAMPLE)
        skills = {"pdf": [1]} if place.skills else {}
        assert place.numbers() == {f"{place.prefix.replace('/', '.')}greet": [1], **skills}, at


def _outcome(told: Session) -> str:
    try:
        return sync_target(told, wanted(told.backend, SAMPLE), OPTIONS).status
    except BackendError as error:
        return type(error).__name__


def test_a_server_that_stays_down_ends_in_bounded_time() -> None:
    class Down(httpx.BaseTransport):
        count = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            Down.count += 1
            return httpx.Response(503, headers={"retry-after": "999999999"}, request=request)

    slept: list[float] = []
    client = httpx.Client(base_url="http://mlflow.example/", transport=Down())
    with closing(MlflowBackend(client, "http://mlflow.example")) as backend:
        troubled = replace(session(backend), timing=Timing(sleep=slept.append))
        with pytest.raises(UnavailableError, match="503"):
            sync_target(troubled, wanted(backend, SAMPLE), OPTIONS)
    assert Down.count == 5
    assert max(slept) < 321


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (httpx.Response(200, html="<h1>Log in</h1>"), UnavailableError, "no JSON"),
        (httpx.Response(200, json=[]), UnavailableError, "no JSON object"),
        (httpx.Response(401, json={"error_code": "UNAUTHENTICATED", "message": "who?"}), RefusedError, "credentials"),
        (httpx.Response(302, headers={"location": "http://elsewhere.example/"}), BackendError, "redirects"),
        (httpx.Response(404, html="<h1>nginx</h1>"), NoRouteError, "404"),
        (httpx.Response(400, json={"error_code": "X", "message": "m" * 9000}), RefusedError, "mmm…"),
        (httpx.Response(503, headers={"retry-after": "soon"}), UnavailableError, "503"),
        (httpx.Response(500, json={"error_code": "INTERNAL_ERROR", "message": NO_NAME}), MissingError, "Giving up"),
        (httpx.Response(500, json={"error_code": "INTERNAL_ERROR", "message": "not found"}), UnavailableError, "500"),
    ],
)
def test_each_answer_is_of_its_class(response: httpx.Response, error: type[BackendError], words: str) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return response

    client = httpx.Client(base_url="http://mlflow.example/", transport=httpx.MockTransport(answer))
    with closing(MlflowBackend(client, "http://mlflow.example")) as backend, pytest.raises(error, match=words) as told:
        backend.load()
    assert type(told.value) is error
    assert len(told.value.message) < 600
    assert {request.url.host for request in sent} == {"mlflow.example"}


def test_a_list_without_an_end_has_one() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"next_page_token": f"t{len(asked)}"})

    client = httpx.Client(base_url="http://mlflow.example/", transport=httpx.MockTransport(answer))
    with closing(MlflowBackend(client, "x")) as backend:
        with pytest.raises(BackendError, match="again and again"):
            backend.load()
        with pytest.raises(BackendError, match="no end"):
            list(backend.scan({"skills/pdf"}))
    assert len(asked) < 3000


def test_a_date_is_a_time_to_wait_too() -> None:
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90))
    answer = httpx.Response(429, headers={"retry-after": later})
    client = httpx.Client(base_url="http://mlflow.example/", transport=httpx.MockTransport(lambda _: answer))
    with closing(MlflowBackend(client, "x")) as backend, pytest.raises(UnavailableError) as told:
        backend.load()
    assert 60 < (told.value.retry_after or 0) <= 90


@pytest.mark.parametrize("url", ["", "sqlite:///mlflow.db", "databricks", "./mlruns"])
def test_what_is_no_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="address of a server"):
        connect_mlflow({"url": url})


def test_a_prefix_that_names_cannot_begin_with_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot begin with"):
        connect_mlflow({"url": "http://127.0.0.1:1", "prefix": "a:b%"})


TOKEN, ELSEWHERE = "kennwort-der-tests", "http://other.example"


@pytest.mark.parametrize(
    ("options", "environment", "sent"),
    [
        ({"token": TOKEN}, {}, f"Bearer {TOKEN}"),
        ({}, {"MLFLOW_TRACKING_TOKEN": TOKEN}, f"Bearer {TOKEN}"),
        ({}, {"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, "Basic dTpw"),
        ({}, {"MLFLOW_TRACKING_TOKEN": TOKEN, "MLFLOW_TRACKING_URI": ELSEWHERE}, None),
        ({}, {"MLFLOW_TRACKING_TOKEN": TOKEN, "MLFLOW_REGISTRY_URI": ELSEWHERE}, None),
        ({"token": "mine"}, {"MLFLOW_TRACKING_TOKEN": TOKEN}, "Bearer mine"),
        ({}, {}, None),
    ],
)  # fmt: skip
def test_credentials_go_where_they_belong(
    options: Mapping[str, str], environment: Mapping[str, str], sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with closing(connect_mlflow({"url": "http://user.example:5000", **options})) as backend:
        client = backend._api._client
        request = client.build_request("GET", "x")
        if client.auth is not None:
            request = next(client.auth.auth_flow(request))
        assert request.headers.get("authorization") == sent
        assert TOKEN not in backend.place()


def test_where_prompts_are_mlflows_own_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its SDK does: the registry's, else the tracking server's."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    with closing(connect_mlflow({})) as backend:
        assert backend.place() == "http://tracking.example"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://registry.example")
    with closing(connect_mlflow({})) as backend:
        assert backend.place() == "http://registry.example"


def test_a_password_in_the_address_is_never_shown() -> None:
    with closing(connect_mlflow({"url": f"https://me:{TOKEN}@mlflow.example/base/", "prefix": "a/"})) as backend:
        assert backend.place() == "https://mlflow.example/base a.*"
