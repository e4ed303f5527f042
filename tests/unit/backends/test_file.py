"""The file backend: the kit, every store's promises, and what only a folder has."""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from memory_folder import memory_folder
from opened import opened

from catalog_tool.backends.audit import verify
from catalog_tool.backends.file import FileBackend
from catalog_tool.backends.file import connect as connect_file
from catalog_tool.backends.file_folder import Folder
from catalog_tool.errors import BackendError, UnavailableError, UsageError
from catalog_tool.model.target import CHANGED, Live, Write
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.engine import assert_no_lease_lasts
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, OTHER, RUN, done, held, live

from .store_promises import StorePromises, assert_looking_makes_nothing


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as parent:
        yield parent / "target"


@pytest.fixture
def connect(folder: Path) -> Iterator[Connect]:
    with opened(lambda prefix="": connect_file({"path": str(folder), "prefix": prefix})) as connect:
        yield connect


def object_file(folder: Path, content: bytes) -> Path:
    """Where the folder keeps these bytes."""
    name = sha256(content).hexdigest()
    return folder / "objects" / name[:2] / name[2:]


def objects_in(folder: Path) -> set[Path]:
    return {path for path in (folder / "objects").rglob("*") if path.is_file()}


class TestFile(StorePromises):
    pass


class TestMaking:
    def test_looking_makes_nothing(self, connect: Connect, folder: Path) -> None:
        assert_looking_makes_nothing(connect())
        assert list(folder.parent.iterdir()) == []

    def test_an_empty_folder_becomes_a_target(self, connect: Connect, folder: Path) -> None:
        folder.mkdir()
        assert connect().load().store_id == ""
        done(held(connect), put_version())
        assert set(live(connect())) == {put_version().address}

    def test_a_folder_of_something_else_is_left_alone(self, connect: Connect, folder: Path) -> None:
        folder.mkdir()
        (folder / "bundle.json").write_text("{}", "utf-8")
        for call in (lambda b: b.load(), lambda b: list(b.scan()), lambda b: b.take_lease(LEASE)):
            with pytest.raises(BackendError, match=r"holds bundle\.json"):
                call(connect())
        assert [path.name for path in folder.iterdir()] == ["bundle.json"]

    def test_a_process_that_may_hold_few_files_open(self, connect: Connect, folder: Path) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        open_now = sum(1 for _ in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * open_now + 40, before[1]))
        try:
            done(held(connect), *(put_version(f"p{number}", text=str(number)) for number in range(200)))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert len(live(connect())) == 200
        assert len(objects_in(folder)) > 200

    def test_places_that_cannot_be_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="needs `path`"):
            connect_file({})
        with pytest.raises(BackendError, match="no folder"):
            connect_file({"path": str(tmp_path / "no/no")}).take_lease(LEASE)
        (tmp_path / "plain").write_text("x", "utf-8")
        with pytest.raises(BackendError, match="Not a directory"):
            connect_file({"path": str(tmp_path / "plain")}).load()

    def test_a_target_that_lost_its_pointer_is_not_taken_for_an_empty_one(self, connect: Connect, folder: Path) -> None:
        done(held(connect), put_version())
        (folder / "current.json").unlink()
        for call in (lambda b: b.load(), lambda b: list(b.scan()), lambda b: b.take_lease(LEASE)):
            with pytest.raises(BackendError, match=r"objects and no current\.json"):
                call(connect())


class TestHands:
    """Whatever a hand did to the folder is drift of that object or an error, never a traceback or "empty"."""

    def test_edited_bytes_are_drift_of_that_object_and_can_be_put_back(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        version, other = put_version(), put_version(version="v2", text="b")
        done(backend, version, other, put_label("v1"))
        edited = (version.entry or b"").replace(b"temperature", b"temperament")
        object_file(folder, version.entry or b"").write_bytes(edited)
        assert live(backend)[version.address].entry == edited
        assert live(backend)[other.address].entry == other.entry
        [refused] = backend.write([version], RUN)
        assert refused.outcome == CHANGED
        done(backend, version._replace(seen=edited))
        assert live(backend)[version.address].entry == version.entry

    @pytest.mark.parametrize("how", ["removed", "link", "pipe", "folder", "huge"])
    def test_bytes_that_are_gone_are_missing_and_can_be_put_back(
        self, connect: Connect, folder: Path, how: str
    ) -> None:
        backend = held(connect)
        version, other = put_version(), put_version(version="v2", text="b")
        done(backend, version, other)
        file = object_file(folder, version.entry or b"")
        file.unlink()
        if how == "link":
            file.symlink_to("/etc/passwd")
        elif how == "pipe":
            os.mkfifo(file)
        elif how == "folder":
            file.mkdir()
        elif how == "huge":
            with file.open("wb") as huge:
                huge.truncate(10**9)
        assert set(live(backend)) == {other.address}
        [dangling] = backend.write([put_label("v1")], RUN)
        assert (dangling.outcome, dangling.message) == (CHANGED, "v1 is not there")
        if how == "folder":
            with pytest.raises(BackendError, match="directory"):
                backend.write([version], RUN)
            return
        done(backend, version, put_label("v1"))
        assert live(backend)[version.address].entry == version.entry

    def test_a_skills_files_are_read_as_they_are(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        skill = put_skill()
        done(backend, skill)
        object_file(folder, b"#!/bin/sh\necho hi\n").write_bytes(b"#!/bin/sh\nrm -rf /\n")
        [found] = backend.scan()
        assert found.entry != skill.entry
        assert backend.contents(skill.address)["scripts/run.sh"] == ("100755", b"#!/bin/sh\nrm -rf /\n")
        object_file(folder, b"#!/bin/sh\necho hi\n").unlink()
        assert "scripts/run.sh" not in backend.contents(skill.address)
        [found] = backend.scan()
        assert "scripts/run.sh" not in found.entry.decode()
        done(backend, skill._replace(seen=found.entry))
        assert live(backend)[skill.address].entry == skill.entry

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda _: "", "current.json"),
            (lambda text: text[:-1], "current.json"),
            (lambda _: "[]", "not what was written"),
            (lambda _: "[" * 100_000, "not what was written"),
            (lambda text: text.replace('"format":1', '"format":2'), "has format 2"),
            (lambda text: text.replace('"format":1', '"format":true'), "not what was written"),
            (lambda text: text.replace('"kind":"target"', '"kind":"bundle"'), "not a target"),
            (lambda text: text.replace('"expires_at":', '"expires_at":"5","x":'), "not what was written"),
        ],
    )
    def test_a_pointer_that_is_none(
        self, connect: Connect, folder: Path, edit: Callable[[str], str], message: str
    ) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        backend.save_control(backend.load().control, LEASE.token)
        path = folder / "current.json"
        path.write_text(edit(path.read_text("utf-8")), "utf-8")
        with pytest.raises(BackendError, match=message):
            connect().load()
        with pytest.raises(BackendError, match=message):
            connect().take_lease(LEASE)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"root":"', '"root":"../', "is not there"),
            ('"overrides":{}', '"overrides":[]', "was it edited|cannot be read"),
            ('"catalog":null,"format":1', '"catalog":null,"format":7', "newer catalog-tool"),
        ],
    )
    def test_what_a_pointer_leads_to_is_checked(
        self, connect: Connect, folder: Path, old: str, new: str, message: str
    ) -> None:
        backend = held(connect)
        done(backend, put_version())
        backend.save_control(backend.load().control, LEASE.token)
        path = folder / "current.json"
        assert old in path.read_text("utf-8")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        with pytest.raises(BackendError, match=message):
            connect().load()

    def test_a_lease_that_a_hand_made_endless_blocks_nobody(self, connect: Connect, folder: Path) -> None:
        taken = connect().take_lease(OTHER)
        path = folder / "current.json"
        assert json.dumps(taken.expires_at) in path.read_text("utf-8")
        path.write_text(path.read_text("utf-8").replace(json.dumps(taken.expires_at), "253402300799"), "utf-8")
        assert_no_lease_lasts(connect())

    def test_a_pointer_that_is_a_link(self, connect: Connect, folder: Path) -> None:
        done(held(connect), put_version())
        (folder / "current.json").rename(folder / "elsewhere")
        (folder / "current.json").symlink_to("elsewhere")
        with pytest.raises(BackendError, match="no plain file"):
            connect().load()

    @pytest.mark.parametrize("edit", [lambda data: data[:-1], lambda data: data.replace(b"v1", b"v2"), None])
    def test_a_document_of_ours_that_was_touched(
        self, connect: Connect, folder: Path, edit: Callable[[bytes], bytes] | None
    ) -> None:
        backend = held(connect)
        version = put_version()
        done(backend, version, put_label("v1"))
        for path in objects_in(folder) - {object_file(folder, version.entry or b"")}:
            before = path.read_bytes()
            if edit is None:
                path.unlink()
            elif edit(before) == before:
                continue
            else:
                path.write_bytes(edit(before))
            with pytest.raises(BackendError, match="cannot be read"):
                list(connect().scan())
            path.write_bytes(before)
        assert len(live(connect())) == 2

    def test_links_in_place_of_folders_are_not_written_through(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        outside = folder.parent / "outside"
        outside.mkdir()
        shutil.rmtree(folder / "objects")
        (folder / "objects").symlink_to(outside)
        with pytest.raises(BackendError):
            connect().take_lease(LEASE)
        (folder / "objects").unlink()
        (folder / "objects").mkdir()
        version = put_version()
        object_file(folder, version.entry or b"").parent.symlink_to(outside)
        with pytest.raises(BackendError, match="no folder"):
            backend.write([version], RUN)
        assert list(outside.iterdir()) == []

    def test_a_folder_that_cannot_be_written(self, connect: Connect, folder: Path) -> None:
        if os.geteuid() == 0:
            pytest.skip("ROOT MAY WRITE ANYWHERE: run the tests as somebody else to see a folder refuse")
        done(held(connect), put_version())
        (folder / "unfinished").chmod(0o500)
        with pytest.raises(BackendError, match="ermission"):
            connect().take_lease(LEASE)


class TestAudit:
    def test_tampering_is_named(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        for number in range(11):
            now, wanted = ("v1", "v2") if number % 2 == 0 else ("v2", "v1")
            done(backend, put_label(wanted, seen=now))
        clean = list(backend.events())
        head, trail = clean[-1], folder / "trail.jsonl"
        assert verify(clean, head) is None
        lines = trail.read_bytes().splitlines(keepends=True)
        chooser = random.Random(35)
        for _ in range(50):
            number = chooser.randrange(len(lines) - 1)
            tampered, named = chooser.choice(_tampering(lines, number))
            trail.write_bytes(b"".join(tampered))
            try:
                found = verify(backend.events(), head)
            except BackendError as error:
                found = error.message
            assert found is not None
            assert named in found, (number, named, found)
        trail.write_bytes(b"".join(lines))
        assert verify(backend.events(), head) is None

    def test_a_trail_that_was_cut_takes_no_more_moves(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        (folder / "trail.jsonl").write_bytes(b"")
        before = (folder / "current.json").read_bytes()
        with pytest.raises(BackendError, match="was cut"):
            backend.write([put_label("v1", "staging")], RUN)
        assert (folder / "current.json").read_bytes() == before

    def test_what_a_dead_writer_left_at_the_end_does_not_count(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        with (folder / "trail.jsonl").open("ab") as trail:
            trail.write(b'{"torn')
        assert len(list(backend.events())) == 1
        done(backend, put_label("v1", "staging"))
        assert verify(backend.events()) is None
        assert len(list(backend.events())) == 2


def _tampering(lines: list[bytes], number: int) -> list[tuple[list[bytes], str]]:
    """The lines as somebody may have left them, and what has to be named. The length stays, or the cut is named."""
    line = lines[number]
    edited = line.replace(b'"actor":"ci', b'"actor":"cj')
    swapped = [*lines[:number], lines[number + 1], line, *lines[number + 2 :]]
    return [
        ([*lines[:number], edited, *lines[number + 1 :]], f"event {number + 1} "),
        (swapped, f"event {number + 1} "),
        ([*lines[:number], b"{" * (len(line) - 1) + b"\n", *lines[number + 1 :]], f"event {number + 1} "),
        (lines[:-1], "was cut"),
        ([*lines[:number], *lines[number + 1 :], line], f"event {number + 1} "),
    ]


class TestRow30Collection:
    """What a pointer or a reader needs is never removed; what nobody needs is, after a while."""

    def backend(self, folder: Path, grace: float, now: list[float]) -> FileBackend:
        return FileBackend(Folder(folder), clock=lambda: now[0], grace=grace)

    def test_what_nobody_needs_goes_after_the_grace(self, folder: Path) -> None:
        now = [time.time()]
        backend = self.backend(folder, 100.0, now)
        backend.take_lease(LEASE)
        version, other = put_version(), put_version(version="v2", text="b")
        done(backend, version, other)
        done(backend, Write(version.address, version.entry))
        file = object_file(folder, version.entry or b"")
        backend.drop_lease(LEASE.token)
        assert file.exists(), "a reader that began before still needs it"
        now[0] += 200
        backend.take_lease(LEASE)
        backend.drop_lease(LEASE.token)
        assert not file.exists()
        assert set(live(backend)) == {other.address}
        needed = len(objects_in(folder))
        assert needed == 3, "one version, its shelf and the root"

    def test_an_old_object_is_young_again_when_it_is_replaced(self, folder: Path) -> None:
        now = [time.time()]
        backend = self.backend(folder, 100.0, now)
        backend.take_lease(LEASE)
        version = put_version()
        done(backend, version)
        file = object_file(folder, version.entry or b"")
        os.utime(file, (1, 1))
        done(backend, Write(version.address, version.entry))
        backend.drop_lease(LEASE.token)
        assert file.exists()

    def test_a_label_moved_back_before_the_sweep_keeps_its_version(self, folder: Path) -> None:
        now = [time.time()]
        backend = self.backend(folder, 0.0, now)
        backend.take_lease(LEASE)
        version = put_version()
        done(backend, version)
        done(backend, Write(version.address, version.entry))
        done(backend, version, put_label("v1"))
        now[0] += 10
        backend.drop_lease(LEASE.token)
        assert set(live(backend)) == {version.address, put_label("v1").address}
        assert live(backend)[version.address].entry == version.entry

    def test_readers_during_writes_and_sweeps_see_whole_sets(self, folder: Path) -> None:
        """One writer replaces everything again and again and sweeps; readers see one set or the next."""
        with closing(connect_file({"path": str(folder)})) as writer:
            writer.take_lease(LEASE)
            names = [f"p{number}" for number in range(8)]
            texts = [[put_version(name, "v1", f"text {turn}") for name in names] for turn in range(12)]
            done(writer, *texts[0])
            wanted = [{write.address: write.entry for write in turn} for turn in texts]
            seen: list[int] = []
            failures: list[BaseException] = []
            stop = threading.Event()

            def read() -> None:
                reader = connect_file({"path": str(folder)})
                try:
                    while not stop.is_set():
                        found = {item.address: item.entry for item in reader.scan()}
                        seen.append(wanted.index(found))
                except (BackendError, ValueError) as error:
                    failures.append(error)

            readers = [threading.Thread(target=read) for _ in range(3)]
            for thread in readers:
                thread.start()
            for before, after in itertools.pairwise(texts):
                steps = [new._replace(seen=old.entry) for old, new in zip(before, after, strict=True)]
                done(writer, *steps)
                writer.drop_lease(LEASE.token)
                writer.take_lease(LEASE)
            stop.set()
            for thread in readers:
                thread.join()
            assert failures == []
            assert len(set(seen)) > 1

    def test_what_a_dead_writer_left_unfinished_is_removed(self, connect: Connect, folder: Path) -> None:
        backend = held(connect)
        (folder / "unfinished" / "left").write_bytes(b"half")
        done(backend, put_version())
        assert list((folder / "unfinished").iterdir()) == []

    def test_a_damaged_target_is_not_swept(self, folder: Path) -> None:
        backend = self.backend(folder, -100.0, [time.time()])
        backend.take_lease(LEASE)
        done(backend, put_version(), put_version("other"))
        root = json.loads((folder / "current.json").read_bytes())["root"]
        shelf = sorted(json.loads((folder / "objects" / root[:2] / root[2:]).read_bytes())["shelves"].items())[0][1]
        (folder / "objects" / shelf[:2] / shelf[2:]).unlink()
        before = objects_in(folder)
        backend.drop_lease(LEASE.token)
        assert objects_in(folder) == before


def test_a_writer_who_holds_the_lock_is_waited_for_and_not_forever(connect: Connect, folder: Path) -> None:
    backend = held(connect)
    impatient = FileBackend(Folder(folder, patience=0.05))
    with Folder(folder).locked(create=False):
        with pytest.raises(UnavailableError, match="is locked"):
            impatient.write([put_version()], RUN)
        assert live(impatient) == {}
    done(backend, put_version())
    assert live(impatient)[put_version().address] == Live(put_version().address, put_version().entry or b"", '{"m":1}')


def test_a_label_move_writes_as_much_for_many_prompts_as_for_few(connect: Connect, folder: Path) -> None:
    backend = held(connect)
    done(backend, *(put_version(f"p{number}") for number in range(300)), put_label("v1", name="p7"))
    before = objects_in(folder)
    done(backend, put_label("v1", "staging", "p7"))
    assert len(objects_in(folder) - before) == 2, "the prompt's shelf and the root"
