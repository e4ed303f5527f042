"""All that a network and a server can do to a request, at every request of a sync: the right outcome, nothing twice."""

from __future__ import annotations

import contextlib
import copy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count

import pytest
from langfuse_server import Fault, LangfuseServer, Seen
from langfuse_skill_store import SkillShelf
from langfuse_store import BROKEN, Answer, Prompt, error
from soak import SOAK

from catalog_tool.errors import BackendError, RefusedError, UnavailableError
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.engine import bury
from catalog_tool.sync.conformance.samples import FIRST, SECOND, Sample, desired_of
from catalog_tool.sync.drift import UNKNOWN, look_for_drift

from .langfuse_work import EDITED, FILES, OPTIONS, desired, opened, session

STRIDE = 1 if SOAK else 13
"""A quick run puts each fault at every 13th request, beginning at another one each."""
LONGEST = 30
"""In how many seconds a sync has to end, whatever happens at one request."""
CONFLICT = error(400, "Failed to create prompt 'x' due to unique constraint failure. Please add a delay.")
NEVER = threading.Event()
"""What somebody who hangs waits for."""
SILENCE = 0.5
"""How long these trials wait for a server that hangs, in seconds."""
FAULTS = {
    "429": Fault(Answer(429, {"message": "Rate limit exceeded"}, {"retry-after": "1"})),
    "429 after": Fault(Answer(429, {"message": "Rate limit exceeded"}, {"retry-after": "1"}), effect=True),
    "500 before": Fault(BROKEN),
    "500 after": Fault(BROKEN, effect=True),
    "503 of a proxy": Fault(Answer(503, "<html>down</html>")),
    "502 after": Fault(Answer(502, "<html>bad gateway</html>"), effect=True),
    "hang before": Fault(until=NEVER),
    "hang after": Fault(effect=True, held=NEVER),
    "cut before": Fault(),
    "cut after": Fault(effect=True),
    "400 conflict": Fault(CONFLICT),
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


def listed(**changed: object) -> dict[str, object]:
    """A list with one prompt, as it should not be."""
    row = {"name": "a", "versions": [1], "labels": [], "lastUpdatedAt": "2026-11-20T16:04:07.103Z", "lastConfig": {}}
    return {"data": [row | changed], "meta": {"totalItems": 1}}


@pytest.fixture
def hung() -> Iterator[None]:
    """Whoever hangs is let go at the end."""
    NEVER.clear()
    yield
    NEVER.set()


@pytest.fixture(scope="module")
def first() -> dict[str, Prompt]:
    """A project in which the first sample is synced."""
    with LangfuseServer() as server:
        first_synced(server)
        return server.project.prompts


def numbers(name: str) -> Iterator[int]:
    """The requests at which a fault is tried: all of them, or every 13th from another one each."""
    return count(1 + sorted(FAULTS).index(name) % STRIDE, STRIDE)


def patience(name: str) -> dict[str, float]:
    """A short timeout where somebody hangs, else the usual one, so that a busy machine changes nothing."""
    return {"timeout": SILENCE} if name.startswith("hang") else {}


@pytest.mark.usefixtures("hung")
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_at_every_request_of_a_sync(first: dict[str, Prompt], name: str) -> None:
    for number in numbers(name):
        with LangfuseServer() as server:
            server.project.prompts = copy.deepcopy(first)
            server.fault = at(number, FAULTS[name])
            started = time.monotonic()
            with closing(opened(server, **patience(name))) as backend:
                result = sync_target(session(backend), desired(SECOND), OPTIONS)
            assert time.monotonic() - started < LONGEST, (name, number)
            sent = len(server.seen)
            server.fault = lambda _: None
            assert result.status == "done", (name, number)
            holds_second_once(server)
        if sent < number:
            break
    assert number > 20


SKILLED = Sample({("greet", "v1"): "Be brief."}, {("greet", "production"): "v1"}, {"pdf": FILES})
RESKILLED = Sample(
    {("greet", "v1"): "Be brief.", ("greet", "v2"): "Be warm."}, {("greet", "production"): "v2"}, {"pdf": EDITED}
)


@pytest.fixture(scope="module")
def skilled() -> tuple[dict[str, Prompt], SkillShelf]:
    """A project with one prompt and one skill."""
    with LangfuseServer() as server:
        server.skills = SkillShelf()
        with closing(opened(server)) as backend:
            assert sync_target(session(backend), desired_of(SKILLED), OPTIONS).status == "done"
        return server.project.prompts, server.skills


@pytest.mark.usefixtures("hung")
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_at_every_request_of_a_sync_of_a_skill(
    skilled: tuple[dict[str, Prompt], SkillShelf], name: str
) -> None:
    for number in numbers(name):
        with LangfuseServer() as server:
            server.project.prompts, server.skills = copy.deepcopy(skilled)
            server.fault = at(number, FAULTS[name])
            started = time.monotonic()
            with closing(opened(server, **patience(name))) as backend:
                result = sync_target(session(backend), desired_of(RESKILLED), OPTIONS)
            assert time.monotonic() - started < LONGEST, (name, number)
            sent = len(server.seen)
            server.fault = lambda _: None
            assert result.status == "done", (name, number)
            assert [one["labels"] for one in server.skills.skills["pdf"].values()] == [[], ["production", "latest"]]
            with closing(opened(server)) as fresh:
                assert plan_target(session(fresh), desired_of(RESKILLED), OPTIONS).status == "unchanged", (name, number)
        if sent < number:
            break
    assert number > 15


@pytest.mark.parametrize("effect", [False, True])
def test_a_server_that_goes_away_at_every_request(
    skilled: tuple[dict[str, Prompt], SkillShelf],
    effect: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """It goes before or after what that request asked, and comes back later: the next sync completes the rest."""
    for number in count(1 + effect, 1 if SOAK else 6):
        with LangfuseServer() as server:
            server.project.prompts, server.skills = copy.deepcopy(skilled)
            server.fault = gone_from(number, effect=effect)
            with closing(opened(server)) as backend, contextlib.suppress(UnavailableError):
                sync_target(session(backend), desired_of(RESKILLED), OPTIONS)
            sent = len(server.seen)
            server.fault = lambda _: None
            with closing(opened(server)) as backend:
                bury(backend)
                result = sync_target(session(backend), desired_of(RESKILLED), OPTIONS)
                assert result.status in ("done", "unchanged"), (number, result)
                assert plan_target(session(backend), desired_of(RESKILLED), OPTIONS).status == "unchanged", number
            assert [one["labels"] for one in server.skills.skills["pdf"].values()] == [[], ["production", "latest"]]
            assert sorted(server.project.prompts["greet"].versions) == [1, 2], number
        if sent < number:
            break
    assert number > 30


def gone_from(number: int, *, effect: bool) -> Callable[[Seen], Fault | None]:
    """A server that answers nothing from one request on; with ``effect`` it still does what that one asked."""
    return lambda seen: Fault(BROKEN, effect=effect and seen.number == number) if seen.number >= number else None


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


def test_an_answer_that_never_comes_is_read_back(server: LangfuseServer) -> None:
    """The first POST of a version hangs until after the client has given up, and is made then."""
    never, hung = threading.Event(), []

    def fault(seen: Seen) -> Fault | None:
        if seen.method == "POST" and seen.body["name"] == "review" and not hung:
            hung.append(seen)
            return Fault(BROKEN, effect=True, until=never)
        return None

    server.fault = fault
    started = time.monotonic()
    with closing(opened(server, timeout=SILENCE)) as backend:
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
        (Answer(200, listed(versions=[])), BackendError),
        (Answer(200, listed(versions=[0])), BackendError),
        (Answer(200, listed(versions=["1"])), BackendError),
        (Answer(200, listed(lastUpdatedAt="yesterday")), BackendError),
        (Answer(200, listed(labels=None)), BackendError),
        (Answer(200, listed() | {"meta": {"totalItems": -1}}), BackendError),
        (Answer(200, listed() | {"meta": {"totalItems": 10**9}}), BackendError),
        (Answer(200, listed() | {"meta": {"totalItems": 99_999}}), UnavailableError),
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
