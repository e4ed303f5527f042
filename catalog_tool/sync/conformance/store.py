"""What every store owes the engine (``backends.base``), without the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.renewing import Renewable
from catalog_tool.errors import BackendError, LeaseLostError
from catalog_tool.model.target import CHANGED, DONE, Control, Journal, LastSync, Lease, Live, Run, Write
from catalog_tool.sync.conformance.samples import ODD_TEXT, SKILL_FILES, put_label, put_skill, put_version

Connect = Callable[..., Backend]
LEASE = Lease("token-1", "ci", "host", 1, 1)
OTHER = Lease("token-2", "ci", "other", 2, 2)
RUN = Run("token-1", "ci <ci@example.org>", "sync of abc", 1_760_000_000)


def held(connect: Connect, prefix: str = "") -> Backend:
    """An open backend that holds the lease."""
    backend = connect(prefix=prefix)
    assert backend.take_lease(LEASE).token == LEASE.token
    return backend


def done(backend: Backend, *writes: Write) -> None:
    """Make the steps; every one has to succeed."""
    outcomes = backend.write(writes, RUN)
    assert [(found.address, found.outcome) for found in outcomes] == [(write.address, DONE) for write in writes]


def live(backend: Backend) -> dict[str, Live]:
    """Everything that is there."""
    return {found.address: found for found in backend.scan()}


class StoreConformance:
    """What every store owes the engine (``backends.base``), without the engine.

    ``writers`` move one label at the same time, ``moves`` times each.
    """

    writers = 8
    moves = 10

    def test_an_empty_store_is_empty(self, connect: Connect) -> None:
        backend = connect()
        assert live(backend) == {}
        state = backend.load()
        assert (state.control.catalog, dict(state.inventory), state.lease) == (None, {}, None)

    def test_what_is_written_is_read_back_byte_for_byte(self, connect: Connect) -> None:
        backend = held(connect)
        version, skill, label = put_version(description=ODD_TEXT), put_skill(), put_label("v1")
        writes = [version, label, *([skill] if backend.capabilities.skills else [])]
        done(backend, *writes)
        found = live(connect())
        assert {address: (item.entry, item.marker) for address, item in found.items()} == {
            write.address: (write.entry, write.marker) for write in writes
        }
        if backend.capabilities.skills:
            files = dict(backend.contents(skill.address))
            assert {path: data for path, (_, data) in files.items()} == SKILL_FILES
            assert files["scripts/run.sh"][0] == "100755"

    def test_only_some_objects_are_read_on_request(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"))
        wanted = put_version().address
        assert [found.address for found in backend.scan({wanted, "prompts/none@v1"})] == [wanted]

    def test_inventory_and_control_are_remembered(self, connect: Connect) -> None:
        backend = held(connect)
        write = put_version()
        done(backend, write)
        control = Control(
            catalog="acme",
            last=LastSync("c" * 40, "sha256:" + "0" * 64, 7),
            journal=Journal(None, "sha256:" + "1" * 64, "sha256:" + "2" * 64, 8, {"deletes": 7}),
            overrides={},
            restores={},
        )
        backend.save_control(control, LEASE.token)
        state = connect().load()
        assert state.control == control
        assert dict(state.inventory) == {write.address: write.applied}
        assert state.store_id
        assert state.store_id == backend.load().store_id

    def test_writing_the_same_again_changes_nothing(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        before, generations = live(backend), dict(backend.generations())
        done(backend, put_version(), put_label("v1"))
        assert live(backend) == before
        assert dict(backend.generations()) == generations

    def test_a_step_on_what_the_plan_did_not_see_is_refused(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        refused = [put_version(text="other"), put_label("v2"), put_label("v2", seen="v9")]
        good = put_version(version="v3", text="c")
        outcomes = [found.outcome for found in backend.write([*refused, good], RUN)]
        assert outcomes == [CHANGED, CHANGED, CHANGED, DONE]
        found = live(backend)
        assert found[put_version().address].entry == put_version().entry
        assert found[put_label("v1").address].entry == b'"v1"'

    def test_labels_move_and_go(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        if backend.capabilities.weighted_labels:
            split = [{"version": "v1", "weight": 95}, {"version": "v2", "weight": 5}]
            done(backend, put_label(split, seen="v1"), put_label("v2", seen=split))
        else:
            done(backend, put_label("v2", seen="v1"))
        assert live(backend)[put_label("v2").address].entry == b'"v2"'
        if backend.capabilities.label_delete:
            done(backend, Write(put_label("v2").address, b'"v2"'))
            assert put_label("v2").address not in live(backend)
            assert put_label("v2").address not in backend.load().inventory

    def test_no_label_ever_points_nowhere(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        version = put_version()
        [deleted] = backend.write([Write(version.address, version.entry)], RUN)
        assert deleted.outcome == CHANGED
        [moved] = backend.write([put_label("v7", "staging")], RUN)
        assert moved.outcome == CHANGED
        assert set(live(backend)) == {version.address, put_label("v1").address}

    def test_a_version_goes_once_nothing_points_to_it(self, connect: Connect) -> None:
        backend = held(connect)
        version = put_version()
        done(backend, version, put_version(version="v2", text="b"))
        if backend.capabilities.version_delete:
            done(backend, Write(version.address, version.entry))
            assert set(live(backend)) == {put_version(version="v2").address}
            done(backend, Write(version.address, version.entry))

    def test_another_id_changes_nothing_else(self, connect: Connect) -> None:
        backend = held(connect)
        if not isinstance(backend, Renewable):
            return
        done(backend, put_version(), put_label("v1"))
        before, objects, counted = backend.load(), live(backend), backend.generations()
        backend.renew_store(LEASE.token)
        after = backend.load()
        assert after.store_id not in ("", before.store_id)
        assert (after.control, after.inventory, live(backend)) == (before.control, before.inventory, objects)
        assert backend.generations() == counted
        try:
            backend.renew_store("nobody")
        except LeaseLostError:
            assert backend.load().store_id == after.store_id
        else:
            raise AssertionError("a stranger gave the store another id")

    def test_marker_and_inventory_change_without_the_object(self, connect: Connect) -> None:
        backend = held(connect)
        version = put_version()
        done(backend, version)
        done(backend, Write(version.address, version.entry, marker='{"m":9}', applied=version.applied))
        assert live(backend)[version.address].marker == '{"m":9}'
        done(backend, Write("prompts/lost@v1", None, applied=None))
        assert set(backend.load().inventory) == {version.address}

    def test_a_skill_is_replaced_whole(self, connect: Connect) -> None:
        backend = held(connect)
        if not backend.capabilities.skills:
            return
        first = put_skill()
        second = put_skill(files={"SKILL.md": b"new\n"}, seen=first.entry)
        done(backend, first, second)
        assert {path: data for path, (_, data) in backend.contents(first.address).items()} == {"SKILL.md": b"new\n"}
        assert live(backend)[first.address].entry == second.entry
        done(backend, Write(second.address, second.entry))
        assert live(backend) == {}

    def test_prefixes_do_not_mix(self, connect: Connect) -> None:
        plain, staging = held(connect, "a/"), held(connect, "ab/")
        done(plain, put_version(), put_label("v1"))
        done(staging, put_version(text="staging"), put_label("v1"))
        assert live(plain)[put_version().address].entry == put_version().entry
        assert live(staging)[put_version().address].entry == put_version(text="staging").entry
        assert set(plain.load().inventory) == set(staging.load().inventory)
        assert set(live(connect(prefix="b/"))) == set()

    def test_one_holder_of_the_lease(self, connect: Connect) -> None:
        first, second = held(connect), connect()
        assert second.take_lease(OTHER).token == LEASE.token
        assert first.take_lease(LEASE).token == LEASE.token
        assert second.take_lease(OTHER, instead_of=LEASE.token).token == OTHER.token
        for step in (
            lambda: first.write([put_version()], RUN),
            lambda: first.save_control(Control.from_json(None), LEASE.token),
        ):
            try:
                step()
            except LeaseLostError:
                continue
            raise AssertionError("a holder that lost its lease could write")
        assert live(second) == {}
        first.drop_lease(LEASE.token)
        assert (second.load().lease or LEASE).token == OTHER.token
        second.drop_lease(OTHER.token)
        assert second.load().lease is None
        assert first.take_lease(LEASE).token == LEASE.token

    def test_every_move_is_in_the_trail(self, connect: Connect) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"))
        done(backend, put_label("v1"))
        done(backend, put_label("v1", "staging"), put_label("v2", seen="v1"))
        events = list(backend.events())
        if not events:
            assert dict(backend.generations()) == {}
            return
        assert [(e.label, e.before, e.after, e.generation) for e in events] == [
            ("production", None, "v1", 1), ("staging", None, "v1", 2), ("production", "v1", "v2", 3),
        ]  # fmt: skip
        assert {(e.actor, e.reason, e.at) for e in events} == {(RUN.actor, RUN.reason, RUN.at)}
        assert dict(backend.generations()) == {"support/greet": 3}
        assert verify(events) is None
        assert verify([events[0], events[2]]) is not None
        assert verify([events[0]._replace(after="v2"), *events[1:]]) is not None

    def test_moves_at_once_lose_nothing(self, connect: Connect) -> None:
        """Every move sets a value of its own, so that each one done is one event; none may be lost."""
        backend = held(connect)
        if not (backend.capabilities.compare_and_swap and backend.capabilities.weighted_labels):
            return
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        total = _move_at_once(connect, self.writers, self.moves)
        events = list(backend.events())
        if events:
            assert verify(events) is None
            assert [event.generation for event in events] == list(range(1, total + 2))
            assert [event.before for event in events[1:]] == [event.after for event in events[:-1]]
        assert set(backend.generations().values()) <= {total + 1}

    def test_a_large_batch(self, connect: Connect) -> None:
        backend = held(connect)
        count = 60
        writes = [put_version(f"p{number}", text=f"text {number}") for number in range(count)]
        for start in range(0, count, backend.capabilities.batch):
            done(backend, *writes[start : start + backend.capabilities.batch])
        assert len(live(backend)) == count

    def test_closing_twice(self, connect: Connect) -> None:
        backend = held(connect)
        backend.close()
        backend.close()

    def test_the_place_shows_no_secret(self, connect: Connect) -> None:
        place = connect().place()
        assert place
        assert "password" not in place
        assert "secret" not in place


def _move_at_once(connect: Connect, writers: int, moves: int) -> int:
    """Several writers move one label as fast as they can, each until all of its moves are done; how many that are."""
    failures: list[Exception] = []

    def work(writer: int) -> None:
        backend = connect()
        try:
            for number in range(moves):
                backend.take_lease(LEASE)  # the same token: on a slow machine the trial outlasts one lease
                _move(backend, (writer * moves + number + 1) / 100)
        except (BackendError, AssertionError) as error:
            failures.append(error)
        finally:
            backend.close()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return writers * moves


def _move(backend: Backend, weight: float) -> None:
    """Set the label to a split of its own, as often as it takes."""
    wanted = [{"version": "v1", "weight": 100 - weight}, {"version": "v2", "weight": weight}]
    for _ in range(10_000):
        [now] = backend.scan({put_label("v1").address})
        [found] = backend.write([put_label(wanted)._replace(seen=now.entry)], RUN)
        if found.outcome == DONE:
            return
        assert found.outcome == CHANGED
    raise AssertionError("the label was never free")
