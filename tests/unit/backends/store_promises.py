"""What every store of our own promises beyond the kit, whatever it is made of.

A subclass gives ``connect``. ``scanned`` is how many objects a scan is among, ``examples`` how many hostile values
are tried in a long trial and else: less where a server is slow.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.stored import unstorable
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import LeaseLostError
from catalog_tool.model.addresses import skill_address, version_address
from catalog_tool.model.target import CHANGED, DONE, FAILED, Applied, Lease, Write
from catalog_tool.sync.conformance import BackendConformance, Connect
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, held, live

PRODUCTION = put_label("v1").address


def assert_looking_makes_nothing(backend: Backend) -> None:
    """A store that is not there yet reads as empty, and takes no step; whoever calls looks whether it is there now."""
    assert (list(backend.scan()), list(backend.events()), dict(backend.generations())) == ([], [], {})
    assert dict(backend.contents("skills/pdf")) == {}
    assert backend.load().store_id == ""
    backend.drop_lease("nobody")
    with pytest.raises(LeaseLostError):
        backend.write([put_version()], RUN)


class StorePromises(BackendConformance):
    """The kit, and what stands here."""

    moves = 250 if SOAK else 25
    scanned = 300
    examples: ClassVar = (10_000, 80)

    def test_several_make_it_at_once(self, connect: Connect) -> None:
        barrier = threading.Barrier(6)
        seen: list[str] = []

        def work() -> None:
            backend = connect()
            barrier.wait()
            backend.take_lease(LEASE)
            seen.append(backend.load().store_id)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 6
        assert len(set(seen)) == 1

    def test_steps_on_one_object_follow_each_other(self, connect: Connect) -> None:
        backend = held(connect)
        first, second = put_version(), put_version(version="v2", text="b")
        done(
            backend, first, second, put_label("v1"), put_label("v2", seen="v1"),
            first._replace(seen=first.entry, entry=None, marker="mine"),
            Write(PRODUCTION, b'"v2"'), Write(second.address, second.entry),
        )  # fmt: skip
        assert {address: item.marker for address, item in live(backend).items()} == {first.address: "mine"}
        assert [(event.before, event.after) for event in backend.events()] == [(None, "v1"), ("v1", "v2"), ("v2", None)]
        assert set(backend.load().inventory) == {first.address}

    def test_a_version_goes_only_after_the_label_in_the_same_batch(self, connect: Connect) -> None:
        backend = held(connect)
        version = put_version()
        done(backend, version, put_label("v1"))
        removal = Write(version.address, version.entry)
        outcomes = backend.write([removal, Write(PRODUCTION, b'"v1"'), removal], RUN)
        assert [found.outcome for found in outcomes] == [CHANGED, DONE, DONE]
        assert live(backend) == {}

    def test_a_scan_goes_on_while_others_write(self, connect: Connect) -> None:
        backend = held(connect)
        versions = [put_version(f"p{number:03}") for number in range(self.scanned)]
        done(backend, *versions)
        scan = backend.scan()
        first = next(scan)
        done(backend, put_version("late"), Write(versions[-1].address, versions[-1].entry))
        seen = {first.address, *(found.address for found in scan)}
        assert seen == {version.address for version in versions}
        assert "prompts/late@v1" in live(backend)

    def test_what_a_writer_calls_itself_may_be_anything(self, connect: Connect) -> None:
        backend = connect()
        odd = Lease("token-1", "a\0b\ud800", "h\0", 1, 1)
        assert backend.take_lease(odd).token == "token-1"
        done(backend, put_version())
        [outcome] = backend.write([put_label("v1")], RUN._replace(actor="\0\ud800", reason="\0"))
        assert outcome.outcome == DONE
        assert verify(backend.events()) is None
        assert connect().load().lease is not None

    def test_values_come_back_byte_for_byte_or_are_refused(self, connect: Connect) -> None:
        backend = held(connect)
        texts = st.text(st.characters(codec=None) | st.sampled_from("\0\ud800\udfff\u2028{}%$'\"\\"), max_size=30)
        bodies = st.binary(max_size=60) | texts.map(lambda text: json.dumps(text).encode())
        numbers = iter(range(10**9))

        @settings(max_examples=self.examples[not SOAK], suppress_health_check=list(HealthCheck), deadline=None)
        @given(
            part=texts.map(lambda text: text.replace("@", "")),  # what ends in one is no address
            entry=bodies,
            marker=st.none() | texts,
            files=st.dictionaries(texts, st.binary(max_size=60), max_size=3),
        )
        def check(part: str, entry: bytes, marker: str | None, files: Mapping[str, bytes]) -> None:
            number = next(numbers)
            backend.take_lease(LEASE)  # a long trial outlasts one
            applied = Applied("sha256:0", "")
            version = Write(version_address(f"p{number}", f"v1{part}"), None, entry, marker=marker, applied=applied)
            modes = dict.fromkeys(files, "100644")
            skill = Write(skill_address(f"s{number}{part}"), None, entry, files, modes, marker, applied)
            for write, outcome in zip((version, skill), backend.write([version, skill], RUN), strict=True):
                found = list(backend.scan({write.address}))
                if unstorable(write, write.address) is not None:
                    assert (outcome.outcome, found) == (FAILED, [])
                    continue
                seen = [(item.address, item.marker) for item in found]
                assert (outcome.outcome, seen) == (DONE, [(write.address, marker)])
                if write is version:
                    assert found[0].entry == entry
                else:
                    stored = {path: ("100644", data) for path, data in files.items()}
                    assert dict(backend.contents(skill.address)) == stored

        check()

    @pytest.mark.parametrize("key", ["__proto__", "lc", "constructor", "$ref"])
    def test_keys_that_mean_something_elsewhere_and_a_mebibyte(self, connect: Connect, key: str) -> None:
        backend = held(connect)
        entry = canonical_bytes({key: {"lc": 1, "__proto__": None}, "messages": "x\u0000é" * 200_000})
        skill = put_skill("large", {"SKILL.md": b"", "large.bin": bytes(range(256)) * 4096 + b"end"})
        done(backend, Write("prompts/large@v1", None, entry, applied=Applied("d")), skill)
        found = live(backend)
        assert found["prompts/large@v1"].entry == entry
        assert found[skill.address].entry == skill.entry

    def test_names_that_no_key_can_hold_are_refused_and_the_rest_is_written(self, connect: Connect) -> None:
        backend = held(connect)
        long = put_version("n" * 1990)
        assert [found.outcome for found in backend.write([long, put_version()], RUN)] == [FAILED, DONE]
        wide = put_skill(files={"SKILL.md": b"", "é" * 1001: b""})
        assert [found.outcome for found in backend.write([wide, put_skill("good")], RUN)] == [FAILED, DONE]
        done(backend, put_version("n" * 1985))
