"""The picture of the store: what is taken over, what is told, and a store that goes and comes back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from served_prompts import entry, until, write_bundle

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.target import Live, Write
from catalog_tool.server.holdings import EMPTY, hold, read_split
from catalog_tool.server.keeper import Change, Keeper, changes
from catalog_tool.server.logs import JsonLines
from catalog_tool.server.origin import BundleOrigin, DataVersion, StoreOrigin
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, held

from .desk import GREET, filled


class Fragile(MemoryBackend):
    """A store that fails while it is told to, in the middle of a scan too."""

    is_lost = False

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        for number, live in enumerate(super().scan(only)):
            if self.is_lost and number:
                raise UnavailableError("gone")
            yield live

    def generations(self) -> dict[str, int]:
        if self.is_lost:
            raise UnavailableError("gone")
        return dict(super().generations())


@pytest.fixture
def heard() -> list[Change]:
    return []


def write(store: MemoryStore, *writes: object) -> None:
    backend = MemoryBackend(store)
    backend.take_lease(LEASE)
    backend.write(writes, RUN)  # type: ignore[arg-type]
    backend.drop_lease(LEASE.token)


def test_what_did_not_change_is_taken_over_as_it_is() -> None:
    store = filled()
    read = lambda before: hold("s", MemoryBackend(store).scan(), store.generations, before)  # noqa: E731 - twice below
    first = read(EMPTY)
    write(store, put_label("v2", seen="v1"))
    second = read(first)
    assert second.prompts[GREET].versions["v1"] is first.prompts[GREET].versions["v1"]
    assert second.prompts[GREET].labels["production"] is not first.prompts[GREET].labels["production"]
    assert changes(first, second) == [Change(GREET, 4)]
    assert changes(second, second) == []


class Watched(MemoryBackend):
    """A store that notes which addresses were asked for; None: all."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.asked: list[frozenset[str] | None] = []

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        self.asked.append(None if only is None else frozenset(only))
        return super().scan(only)


def test_of_a_moved_label_only_its_prompt_is_read_and_then_everything() -> None:
    store = filled()
    backend = Watched(store)
    origin = StoreOrigin(backend)
    first = origin.read(EMPTY, lambda: None)
    assert (backend.asked, origin.has_news()) == ([None], False)
    write(store, put_label("v2", seen="v1"), put_label("v1", "tenant_new"), put_version(version="v3", text="c"))
    write(store, put_label("v3", "staging", seen="v2"))
    assert origin.has_news()
    second = origin.read(first, lambda: None, {f"labels/{GREET}@tenant_new"})
    values = {"canary": first.prompts[GREET].labels["canary"].value, "production": "v2", "staging": "v3"}
    assert second.prompts[GREET].label_values() == {**values, "tenant_new": "v1"}
    assert set(second.prompts[GREET].versions) == {"v1", "v2", "v3"}
    assert second.prompts["review"] is first.prompts["review"]
    assert second.skills == first.skills
    assert all(asked is not None and not any("review" in address for address in asked) for asked in backend.asked[1:])
    write(store, put_version("unseen", text="d"))
    assert origin.has_news()
    third = origin.read(second, lambda: None)
    assert backend.asked[-1] is None
    assert third == hold(store.store_id, MemoryBackend(store).scan(), store.generations)
    assert not origin.has_news()


def test_a_label_of_a_new_name_is_there_as_soon_as_its_generation_is() -> None:
    """A client that has the generation asks no more: it would miss the label until its next refresh."""
    store = filled()
    origin = StoreOrigin(MemoryBackend(store))
    held_now = origin.read(EMPTY, lambda: None)
    for steps in ((put_label("v2", seen="v1"), put_label("v1", "tenant_new")), (put_label("v1", "tenant_other"),)):
        write(store, *steps)
        held_now = origin.read(held_now, lambda: None)
        assert held_now == hold(store.store_id, MemoryBackend(store).scan(), store.generations)


def test_a_part_and_the_whole_say_the_same_after_any_moves() -> None:
    store = filled()
    origin = StoreOrigin(MemoryBackend(store))
    held_now = origin.read(EMPTY, lambda: None)
    gone = put_label("v2", "staging")
    steps = [
        (put_label("v2", seen="v1"),),
        (Write(gone.address, gone.entry),),
        (put_label("v1", "staging"), put_label("v2", "production", seen="v2")),
    ]
    for step in steps:
        write(store, *step)
        part = origin.read(held_now, lambda: None, {one.address for one in step})
        assert part == hold(store.store_id, MemoryBackend(store).scan(), store.generations)
        held_now = origin.read(part, lambda: None)
    store.objects[f"labels/{GREET}@production"].entry = b"7"
    write(store, put_label("v2", "staging", seen="v1"))
    part = origin.read(held_now, lambda: None)
    assert part.damaged == {f"labels/{GREET}@production"}
    assert part.prompts[GREET].damaged == {"production"}


def test_a_lost_store_is_told_and_what_is_held_stays(heard: list[Change]) -> None:
    store = filled()
    backend = Fragile(store)
    keeper = Keeper(StoreOrigin(backend), heard.extend)
    keeper.start()
    try:
        assert until(lambda: keeper.is_ready)
        held_before = keeper.current
        heard.clear()
        backend.is_lost = True
        assert until(lambda: not keeper.is_ready, 1.0)
        write(store, put_label("v2", seen="v1"))
        with pytest.raises(BackendError):
            keeper.refresh()
        assert keeper.current is held_before
        backend.is_lost = False
        assert until(lambda: keeper.is_ready, 1.0)
        assert keeper.current.holdings.prompts[GREET].labels["production"].value == "v2"
        assert heard == [Change(GREET, 4)]
    finally:
        keeper.close()


WIPES = {"forgotten": "", "begun anew": "another", "emptied": None}
"""How a store loses everything → the id that it has afterwards; None: the one it had."""


def wiped(store: MemoryStore, how: str) -> None:
    """Empty it, as ``FLUSHALL``, a folder that is not mounted or a hand does."""
    for held_there in (store.objects, store.generations, store.inventories, store.leases):
        held_there.clear()
    store.store_id = store.store_id if WIPES[how] is None else WIPES[how] or ""


@pytest.mark.parametrize("how", WIPES)
def test_a_store_that_was_wiped_is_a_lost_one(heard: list[Change], caplog: pytest.LogCaptureFixture, how: str) -> None:
    store, copy = filled(), filled()
    keeper = Keeper(StoreOrigin(MemoryBackend(store)), heard.extend)
    with caplog.at_level("INFO", "catalog_tool.server"):
        keeper.start()
        try:
            assert until(lambda: keeper.is_ready)
            held_before = keeper.current
            heard.clear()
            wiped(store, how)
            assert until(lambda: not keeper.is_ready, 1.0)
            with pytest.raises(UnavailableError, match="memory holds nothing"):
                keeper.refresh()
            assert keeper.current is held_before
            assert heard == []
            store.store_id = copy.store_id
            store.objects.update(copy.objects)
            store.generations.update({**copy.generations, GREET: 1})
            assert until(lambda: keeper.is_ready, 1.0)
            assert keeper.current.holdings.store_id == copy.store_id, "numbers that fell are another store's"
        finally:
            keeper.close()
    assert [record.message for record in caplog.records] == ["store_read", "store_lost", "store_read"]


def test_at_the_start_an_empty_store_is_waited_for() -> None:
    emptied, never = filled(), MemoryStore()
    emptied.objects.clear()
    never.store_id = ""
    for store in (emptied, never, MemoryStore()):
        with pytest.raises(UnavailableError, match="holds nothing"):
            StoreOrigin(MemoryBackend(store)).read(EMPTY, lambda: None)


def test_prompts_that_people_made_in_a_store_without_an_id_are_served() -> None:
    store = filled()
    store.store_id = ""
    origin = StoreOrigin(MemoryBackend(store))
    assert GREET in origin.read(EMPTY, lambda: None).prompts
    with pytest.raises(UnavailableError, match="holds nothing"):
        origin.read(hold("known", [], {}), lambda: None)


class Faulty(MemoryBackend):
    """A store whose driver has a fault: what it raises is no error of a backend."""

    fault: Exception | None = None

    def generations(self) -> dict[str, int]:
        if self.fault is not None:
            raise self.fault
        return dict(super().generations())


def test_an_error_that_nobody_foresaw_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = filled()
    backend = Faulty(store)
    keeper = Keeper(StoreOrigin(backend), lambda _: None)

    def told() -> list[str]:
        return [record.message for record in caplog.records if record.levelname == "ERROR"]

    with caplog.at_level("INFO", "catalog_tool.server"):
        keeper.start()
        try:
            assert until(lambda: keeper.is_ready)
            backend.fault = UnavailableError("gone")
            assert until(lambda: keeper.failures > 0)
            backend.fault = KeyError("secret text")
            assert until(lambda: told() == ["failed"]), "a store that was lost before hides no fault"
            with pytest.raises(BackendError, match="the service failed"):
                keeper.refresh()
            assert not keeper.is_ready
            assert told() == ["failed"], "once, not at every look"
            write(store, put_label("v2", seen="v1"))
            backend.fault = None
            assert until(lambda: keeper.is_ready, 1.0)
            assert keeper.current.holdings.prompts[GREET].labels["production"].value == "v2"
        finally:
            keeper.close()
    (line,) = [JsonLines().format(record) for record in caplog.records if record.levelname == "ERROR"]
    said = json.loads(line)
    assert said["error"] == "KeyError"
    assert said["where"][-1].startswith("test_keeping.py:")
    assert "secret" not in line


class Deafening:
    """A listener with a fault."""

    is_closed = False

    def wait(self, seconds: float) -> bool:
        raise RuntimeError(seconds)

    def close(self) -> None:
        self.is_closed = True


def test_a_listener_that_fails_is_told_and_polling_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    store, listener = filled(), Deafening()
    keeper = Keeper(StoreOrigin(MemoryBackend(store), listener), lambda _: None)
    with caplog.at_level("INFO", "catalog_tool.server"):
        keeper.start()
        try:
            assert until(lambda: keeper.is_ready)
            write(store, put_label("v2", seen="v1"))
            assert until(lambda: keeper.current.holdings.prompts[GREET].labels["production"].value == "v2", 2.0)
        finally:
            keeper.close()
    failed = [record.__dict__["fields"] for record in caplog.records if record.message == "failed"]
    assert failed == [{"thread": "listener", "place": "memory"}]
    assert listener.is_closed


def test_a_store_that_hangs_is_not_ready() -> None:
    now = [100.0]
    keeper = Keeper(StoreOrigin(MemoryBackend(filled())), lambda _: None, clock=lambda: now[0])
    keeper.start()
    try:
        assert until(lambda: keeper.is_ready)
    finally:
        keeper.close()
    assert keeper.is_ready
    now[0] += 2.0
    assert not keeper.is_ready


def test_names_and_values_that_a_hand_left_are_damaged_and_nothing_else() -> None:
    lives = [
        Live("prompts/Odd Name@v1", b"{}"),
        Live("prompts/a@v1", b"[]"),
        Live("prompts/a@v2", b'{"messages": 1}'),
        Live("prompts/a@latest", json.dumps(entry()).encode()),
        Live("prompts/a@v3", json.dumps(entry(version="v3")).encode()),
        Live("labels/a@production", b'"v3"'),
        Live("labels/a@latest", b'"v3"'),
        Live("labels/a@staging", b"\xff"),
        Live("labels/a@gone", b'"v9"'),
        Live("skills/pdf", b'{"files": [], "digest": "sha256:0"}'),
    ]
    found = hold("s", lives, {})
    assert list(found.prompts) == ["a"]
    assert set(found.prompts["a"].versions) == {"v3"}
    assert found.prompts["a"].label_values() == {"production": "v3"}
    assert found.prompts["a"].damaged == {"v1", "v2", "latest", "staging", "gone"}
    assert found.skills == {}
    assert len(found.damaged) == 7


@pytest.mark.parametrize(
    "value",
    [
        "latest", 1, None, [], ["v1"], [{"version": "v1", "weight": 100}],
        [{"version": "v1", "weight": 50}, {"version": "v1", "weight": 50}],
        [{"version": "v1", "weight": 99.999}, {"version": "v2", "weight": 0.001}],
        [{"version": "v1", "weight": True}, {"version": "v2", "weight": 99}],
        [{"version": "v1", "weight": 50, "x": 1}, {"version": "v2", "weight": 50}],
    ],
)  # fmt: skip
def test_what_is_no_value_of_a_label(value: object) -> None:
    assert read_split(value) is None


def test_a_bundle_that_is_replaced_is_another_store(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    write_bundle(path, {"a": {"production": "v1"}}, {"a": {"v1": entry()}})
    origin = BundleOrigin(path)
    first = origin.read(EMPTY, lambda: None)
    assert not origin.has_news()
    write_bundle(path, {"a": {"production": "v2"}}, {"a": {"v1": entry(), "v2": entry("Hi", version="v2")}})
    assert origin.has_news()
    second = origin.read(first, lambda: None)
    assert first.store_id != second.store_id
    assert second.prompts["a"].labels["production"].value == "v2"
    assert json.loads(second.bundle()) == json.loads(path.read_bytes())


def test_of_another_bundle_only_what_gives_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    origin, pictures = BundleOrigin(path), [EMPTY]
    one, two = entry("One"), entry("Two")
    for texts in ({"a": one, "b": one, "c": one}, {"a": one, "b": two, "d": one}):
        write_bundle(path, {name: {"production": "v1"} for name in texts}, {n: {"v1": t} for n, t in texts.items()})
        pictures.append(origin.read(pictures[-1], lambda: None))
    _, first, second = pictures
    assert [change.id for change in changes(first, second)] == ["b", "d", "c"]
    assert [change.id for change in changes(replace(first, store_id="store"), second)] == ["a", "b", "d", "c"]


@pytest.mark.parametrize("how", ["cut", "text", "digest", "missing", "format"])
def test_a_bundle_that_is_none_is_refused(tmp_path: Path, how: str) -> None:
    path = tmp_path / "bundle.json"
    write_bundle(path, {"a": {"production": "v1"}}, {"a": {"v1": entry()}})
    data = path.read_bytes()
    made = {
        "cut": data[:-10],
        "text": data.replace(b"Hello", b"Howdy"),
        "digest": data.replace(b'"production"', b'"staging"'),
        "format": data.replace(b'"format":1', b'"format":2'),
    }
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(made[how])
    with pytest.raises(BackendError):
        BundleOrigin(path).read(EMPTY, lambda: None)


def test_sqlite_tells_of_any_commit(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    probe = DataVersion(path)
    with pytest.raises(BackendError, match="not there"):
        probe()
    backend = held(lambda prefix="": connect_sqlite({"path": str(path), "prefix": prefix}))
    seen = probe()
    assert probe() == seen
    done(backend, put_version())
    assert probe() != seen
    backend.close()
    probe.close()
