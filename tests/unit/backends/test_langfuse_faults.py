"""All that a network and a server can do to a request, at every request of a sync: the right outcome, nothing twice."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
from langfuse_server import Fault, LangfuseServer, Seen
from langfuse_store import BROKEN, Answer, Prompt, error
from soak import SOAK

from catalog_tool.backends import langfuse_api
from catalog_tool.errors import BackendError, RefusedError, UnavailableError
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.samples import FIRST, SECOND
from catalog_tool.sync.drift import UNKNOWN, look_for_drift

from .langfuse_work import OPTIONS, desired, opened, session

STRIDE = 1 if SOAK else 9
"""A quick run puts each fault at every ninth request, beginning at another one each."""
CONFLICT = error(400, "Failed to create prompt 'x' due to unique constraint failure. Please add a delay.")
FAULTS = {
    "429": Fault(Answer(429, {"message": "Rate limit exceeded"}, {"retry-after": "1"})),
    "500 before": Fault(BROKEN),
    "500 after": Fault(BROKEN, effect=True),
    "503 of a proxy": Fault(Answer(503, "<html>down</html>")),
    "502 after": Fault(Answer(502, "<html>bad gateway</html>"), effect=True),
    "cut before": Fault(),
    "cut after": Fault(effect=True),
    "a 200 that is no JSON": Fault(Answer(200, "<html>hello</html>"), effect=True),
}


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


def at(number: int, fault: Fault) -> Callable[[Seen], Fault | None]:
    """The fault at one request, counted from the last ``forget``."""
    return lambda seen: fault if seen.number == number else None


def holds_second_once(server: LangfuseServer) -> None:
    """The second sample is there, and no version of it twice."""
    for name, versions in (("support/greet", ["v1", "v2", "v3"]), ("review", ["v1"])):
        found = server.project.prompts[name].versions.values()
        assert sorted(one.config["catalog_entry"]["version"] for one in found) == versions
    with closing(opened(server)) as fresh:
        assert plan_target(session(fresh), desired(SECOND), OPTIONS).status == "unchanged"


def first_synced(server: LangfuseServer) -> None:
    with closing(opened(server)) as backend:
        assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "done"


@pytest.fixture(scope="module")
def first() -> dict[str, Prompt]:
    """A project in which the first sample is synced."""
    with LangfuseServer() as server:
        first_synced(server)
        return server.project.prompts


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_at_every_request_of_a_sync(first: dict[str, Prompt], name: str) -> None:
    number = 1 + sorted(FAULTS).index(name) % STRIDE
    while True:
        with LangfuseServer() as server:
            server.project.prompts = copy.deepcopy(first)
            server.fault = at(number, FAULTS[name])
            with closing(opened(server)) as backend:
                result = sync_target(session(backend), desired(SECOND), OPTIONS)
            reached = len(server.seen) >= number
            server.fault = lambda _: None
            assert result.status == "done", (name, number)
            holds_second_once(server)
        if not reached:
            break
        number += STRIDE
    assert number > 20


def test_a_conflict_at_every_post(server: LangfuseServer) -> None:
    """Somebody else was first with a number: nothing was written, and it is asked again."""
    refused: Counter[str] = Counter()

    def fault(seen: Seen) -> Fault | None:
        if seen.method == "POST" and refused[json.dumps(seen.body["name"])] < 2:
            refused[json.dumps(seen.body["name"])] += 1
            return Fault(CONFLICT)
        return None

    server.fault = fault
    with closing(opened(server)) as backend:
        assert sync_target(session(backend), desired(SECOND), OPTIONS).status == "done"
    assert refused
    holds_second_once(server)


def test_an_answer_that_never_comes_is_read_back(server: LangfuseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first POST of a version hangs until after the client has given up, and is made then."""
    monkeypatch.setattr(langfuse_api, "_TIMEOUT", httpx.Timeout(0.4, connect=5.0))
    never, hung = threading.Event(), []

    def fault(seen: Seen) -> Fault | None:
        if seen.method == "POST" and seen.body["name"] == "review" and not hung:
            hung.append(seen)
            return Fault(BROKEN, effect=True, until=never)
        return None

    first_synced_faulty = opened(server)
    server.fault = fault
    started = time.monotonic()
    with closing(first_synced_faulty) as backend:
        result = sync_target(session(backend), desired(FIRST), OPTIONS)
    assert time.monotonic() - started < 20
    never.set()
    assert (result.status, len(hung)) == ("done", 1)
    late = time.monotonic() + 5
    while len(server.project.prompts["review"].versions) < 2 and time.monotonic() < late:
        threading.Event().wait(0.02)
    server.fault = lambda _: None
    assert len(server.project.prompts["review"].versions) == 2
    with closing(opened(server)) as backend:  # the second is nobody's, and goes with the next step on that prompt
        assert plan_target(session(backend), desired(FIRST), OPTIONS).status == "unchanged"
        assert sync_target(session(backend), desired(SECOND), OPTIONS).status == "done"
    holds_second_once(server)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(429, {"message": "slow down"}, {"retry-after": "7"}), UnavailableError),
        (Answer(401, {"message": "Invalid credentials."}), RefusedError),
        (Answer(403, {"message": "no"}), RefusedError),
        (Answer(404, "<html>"), BackendError),
        (Answer(404, {"message": "Prompt not found"}), BackendError),
        (Answer(308, "x", {"location": "https://elsewhere"}), BackendError),
        (Answer(200, {"data": [{"name": 1}], "meta": {}}), BackendError),
        (Answer(200, {"data": []}), BackendError),
        (Answer(200, "[]"), UnavailableError),
    ],
)
def test_what_is_no_list_is_never_an_empty_project(
    server: LangfuseServer, answer: Answer, kind: type[BackendError]
) -> None:
    first_synced(server)
    server.fault = lambda _: Fault(answer)
    with closing(opened(server)) as backend:
        with pytest.raises(kind) as raised:
            backend.load()
        assert look_for_drift(session(backend), desired(FIRST), None, 10**9).status == UNKNOWN  # type: ignore[arg-type]
    assert getattr(raised.value, "retry_after", None) == (7 if answer.status == 429 else None)


def test_a_list_that_moves_while_it_is_read_is_read_again(server: LangfuseServer) -> None:
    """A prompt made between two pages moves the others by one: none may be missed or doubled."""
    for number in range(250):
        server.project.create({"name": f"p{number:03}", "type": "text", "prompt": "x"})
    made: list[int] = []

    def fault(seen: Seen) -> None:
        if seen.query.get("page") == "2" and len(made) < 2:
            made.append(server.project.create({"name": f"a{len(made)}", "type": "text", "prompt": "x"}).status)

    server.fault = fault
    with closing(opened(server)) as backend:
        found = [item.address for item in backend.scan()]
    assert made == [201, 201]
    assert len(found) == len(set(found)) == 252


def test_a_project_that_never_stands_still_is_not_guessed_at(server: LangfuseServer) -> None:
    for number in range(150):
        server.project.create({"name": f"p{number:03}", "type": "text", "prompt": "x"})

    def fault(seen: Seen) -> None:
        if seen.query.get("page") == "2":
            server.project.create({"name": f"a{seen.number}", "type": "text", "prompt": "x"})

    server.fault = fault
    with closing(opened(server)) as backend, pytest.raises(UnavailableError, match="faster"):
        list(backend.scan())
