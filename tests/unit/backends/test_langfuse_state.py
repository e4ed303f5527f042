"""The state in a Langfuse project: one of several writers counts, readers agree, and damage is never emptiness."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing

import pytest
from langfuse_server import PUBLIC, SECRET, Fault, LangfuseServer, Seen
from langfuse_store import BROKEN

from catalog_tool.backends.langfuse_api import LangfuseApi
from catalog_tool.backends.langfuse_memory import Census, Memory, Proven, unpacked
from catalog_tool.backends.langfuse_state import Head, StateStore
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.target import Applied, Lease

NAME = ".catalog-state"


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def api(server: LangfuseServer) -> Iterator[LangfuseApi]:
    with closing(LangfuseApi(server.url, PUBLIC, SECRET)) as api:
        yield api


def put(store: StateStore, control: str) -> Head:
    return store.update(lambda head: head._replace(control=control))


def forged(server: LangfuseServer, after: int, control: str, **more: object) -> int:
    """A version of the state from somebody who read an older one."""
    text = json.dumps({"store_id": "s", "lease": None, "control": control, "parts": []})
    state = {"format": 1, "after": after, "nonce": control, "text": text, **more}
    body = {"name": NAME, "type": "text", "prompt": "x", "config": {"catalog_state": state}}
    return int(server.project.create(body).body["version"])


def test_what_is_written_is_read(api: LangfuseApi) -> None:
    store = StateStore(api, "")
    assert store.head() == Head(0)
    first = put(store, "one")
    assert (first.number, first.control, len(first.store_id)) == (1, "one", 32)
    second = put(StateStore(api, ""), "two")
    assert (second.number, second.store_id) == (2, first.store_id)
    assert StateStore(api, "").head() == second
    assert store.update(lambda _: None) == second


def test_of_two_from_the_same_version_the_first_counts(server: LangfuseServer, api: LangfuseApi) -> None:
    store = StateStore(api, "")
    put(store, "one")
    forged(server, 1, "first")
    forged(server, 1, "second")
    assert store.head().control == "first"
    forged(server, 2, "third")
    assert store.head().control == "third"
    made = put(store, "mine")
    assert store.head() == made
    assert len(server.project.prompts[NAME].versions) == 2


def test_whoever_comes_second_sees_it_and_starts_again(server: LangfuseServer, api: LangfuseApi) -> None:
    store = StateStore(api, "")
    put(store, "one")

    def intrude(seen: Seen) -> None:
        if seen.method == "POST":
            server.fault = lambda _: None
            forged(server, 1, "other")

    server.fault = intrude
    seen: list[object] = []

    def change(head: Head) -> Head:
        seen.append(head.control)
        return head._replace(control=f"{head.control}, then mine")

    assert store.update(change).control == "other, then mine"
    assert seen == ["one", "other"]


def test_a_lost_answer_is_looked_for(server: LangfuseServer, api: LangfuseApi) -> None:
    store = StateStore(api, "")

    def lose(seen: Seen) -> Fault | None:
        if seen.method != "POST":
            return None
        server.fault = lambda _: None
        return Fault(BROKEN, effect=True)

    server.fault = lose
    made = put(store, "one")
    assert store.head() == made
    assert len(server.project.prompts[NAME].versions) == 1


def test_damage_is_never_emptiness(server: LangfuseServer, api: LangfuseApi) -> None:
    store = StateStore(api, "")
    made = put(store, "one")
    version = server.project.prompts[NAME].versions[made.number]
    good = version.config
    for config in ({}, {"catalog_state": 1}, {"catalog_state": {**good["catalog_state"], "text": "{"}}, "text", None):
        version.config = config
        with pytest.raises(BackendError, match=r"by hand|none of ours|cannot be read"):
            store.head()
    version.config = {"catalog_state": {**good["catalog_state"], "format": 2}}
    with pytest.raises(BackendError, match="newer catalog-tool"):
        store.head()


def large(count: int) -> Memory:
    """A memory of digests, which no packing makes small."""
    dice = random.Random(7)
    memory = Memory(census=Census("2026-01-01T00:00:00.000Z"), others={"x": (1, 7)})
    for number in range(count):
        digest = f"sha256:{dice.randbytes(32).hex()}"
        memory.inventory[f"prompts/p{number}@v1"] = Applied(digest, digest[:12])
        memory.rows[f"p{number}"] = Proven("2026-01-01T00:00:00.000Z", {1: ("v1", dice.randbytes(32).hex())}, {"a": 1})
        memory.numbers[f"p{number}"] = {"v1": 1}
    return memory


def test_a_memory_of_several_prompts_comes_back(server: LangfuseServer, api: LangfuseApi) -> None:
    store, memory = StateStore(api, "x/"), large(9000)
    assert unpacked(memory.packed()) == memory
    noted = store.save(store.head(), memory)
    store.update(lambda head: head._replace(parts=noted.parts))
    assert len(noted.parts) > 1
    fresh = StateStore(api, "x/")
    assert fresh.memory(fresh.head()) == memory
    assert all(name.startswith("x/.catalog-") for name in server.project.prompts)
    small = store.save(store.head(), Memory())
    store.update(lambda head: head._replace(parts=small.parts))
    assert fresh.memory(fresh.head()) == Memory()
    with pytest.raises(UnavailableError):  # a reader of the head before it looks again
        StateStore(api, "x/").memory(noted._replace(parts=((99, "0"),)))


def test_a_lease_is_kept_whole(api: LangfuseApi) -> None:
    lease = Lease("t", "Ada 😀 \ud83d <a@b>", "h\0st", 1, 2, 1_760_000_000.123)
    store = StateStore(api, "")
    store.update(lambda head: head._replace(lease=lease))
    assert StateStore(api, "").head().lease == lease
