"""Evidence on a target: what was written counts, and whatever else stands there is named and never used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog_tool.backends.evidence import KeepsEvidence
from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.backends.registry import BACKENDS
from catalog_tool.gate.evidence import FAIL, PASS, CaseResult, Dataset, Evidence, Model, Subject
from catalog_tool.gate.judge import judge
from catalog_tool.gate.moves import Move
from catalog_tool.gate.policy import read_policy
from catalog_tool.gate.records import evidence_bytes, sealed
from catalog_tool.gate.shelf import Stored, record_of, stored_from
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.labels import LabelValue

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def run(outcome: str = PASS, digest: str = DIGEST, at: int = 1_700_000_000) -> Evidence:
    return sealed(
        Evidence(
            prompt=Subject(id="greet", version="v2", digest=digest),
            dataset=Dataset(digest="sha256:" + "d" * 64, cases=1),
            model=Model(name="m"),
            cases=(CaseResult(name="one", outcome=outcome),),
            started_at=at,
            finished_at=at,
            tool="test",
        )
    )


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def shelf(backend: MemoryBackend) -> TargetEvidence:
    return TargetEvidence("prod", backend)


def change(backend: MemoryBackend, made: Evidence, data: bytes) -> None:
    """As somebody with a hand on the store would."""
    key = (made.prompt.id, made.prompt.digest, made.digest or "")
    assert key in backend.store.evidence
    backend.store.evidence[key] = data


def test_what_is_kept_counts_once(shelf: TargetEvidence) -> None:
    first, second = run(), run(FAIL, at=1_700_000_060)
    places = [shelf.keep(made) for made in (first, second, first)]
    assert places[0] == places[2] == f"prod:greet/evidence/aaaaaaaaaaaa.{(first.digest or '')[7:19]}"
    found = shelf.stored(["greet"])["greet"]
    assert sorted((item.path, item.evidence) for item in found) == sorted(zip(places[:2], (first, second), strict=True))
    assert record_of(found, DIGEST).evidence == second
    assert shelf.stored(["other"]) == {"other": []}


def test_of_two_runs_of_one_second_the_one_counts_that_makes_it_harder(shelf: TargetEvidence) -> None:
    good, bad = run(), run(FAIL)
    for made in (good, bad):
        shelf.keep(made)
    found = shelf.stored(["greet"])["greet"]
    for stored in (found, found[::-1]):
        assert record_of(stored, DIGEST).evidence == bad, "of a candidate"
        assert record_of(stored, DIGEST, like=good).evidence == good, "of a baseline"


@pytest.mark.parametrize("at", [0, 1, 20, -2, -1])
def test_a_changed_byte_is_named_and_never_used(backend: MemoryBackend, shelf: TargetEvidence, at: int) -> None:
    older, made = run(), run(FAIL, at=1_700_000_060)
    shelf.keep(older)
    place = shelf.keep(made)
    data = bytearray(evidence_bytes(made))
    data[at] = ord("\t") if data[at : at + 1] in (b" ", b"\n") else data[at] ^ 1
    change(backend, made, bytes(data))
    record = record_of(shelf.stored(["greet"])["greet"], DIGEST)
    assert record.evidence == older
    assert len(record.changed) == 1
    assert record.changed[0].startswith(f"{place}: it was changed on the target after it was written")
    assert record_of(shelf.stored(["greet"])["greet"], OTHER).changed == (), "it says nothing of other content"


def test_a_whole_record_under_another_ones_digest_is_changed_too(backend: MemoryBackend, shelf: TargetEvidence) -> None:
    made = run(FAIL)
    shelf.keep(made)
    for forged in (run(PASS), replace(run(PASS, digest=OTHER), digest=None)):
        change(backend, made, evidence_bytes(forged))
        (found,) = shelf.stored(["greet"])["greet"]
        assert (found.evidence, found.about) == (None, DIGEST)


def test_what_git_has_too_counts_once(shelf: TargetEvidence) -> None:
    made, more = run(), run(FAIL, at=1_700_000_060)
    shelf.keep(made)
    shelf.keep(more)

    class Git:
        """The sources of a catalog that holds the first record."""

        def stored(self, _: str) -> list[object]:
            return [stored_from("prompts/greet/evidence/v2.json", evidence_bytes(made))]

    both = shelf.beside(Git())  # type: ignore[arg-type]
    assert [item.path.partition(":")[0] for item in both.stored("greet")] == ["prompts/greet/evidence/v2.json", "prod"]
    assert record_of(both.stored("greet"), DIGEST).runs == 2
    at_once = shelf.beside(Git(), ["greet", "other"])  # type: ignore[arg-type]
    assert at_once.stored("greet") == both.stored("greet")


def test_our_own_stores_keep_evidence_and_the_others_say_that_they_do_not() -> None:
    from importlib import import_module

    from catalog_tool.backends.document_backend import DocumentBackend
    from catalog_tool.backends.file import FileBackend
    from catalog_tool.backends.sql_backend import SqlBackend

    for kind in (MemoryBackend, FileBackend, SqlBackend):
        assert isinstance(kind.__new__(kind), KeepsEvidence)
    assert not isinstance(DocumentBackend.__new__(DocumentBackend), KeepsEvidence)
    assert {"memory", "file", "sqlite", "postgres"} <= set(BACKENDS)
    for name, kind in (("redis", "RedisBackend"), ("http", "HttpBackend"), ("langfuse", "LangfuseBackend")):
        found = getattr(import_module(f"catalog_tool.backends.{name}"), kind)
        assert not isinstance(found.__new__(found), KeepsEvidence)


class Known:
    """Sources that know two versions: v1 is live, v2 wants to be; no history, and evidence as given."""

    def __init__(self, stored: list[Stored]) -> None:
        self._stored = stored

    def digest(self, _: str, version: str) -> str:
        return {"v1": OTHER, "v2": DIGEST}[version]

    def stored(self, _: str) -> list[Stored]:
        return self._stored

    def history(self, _: str) -> None:
        return None

    def had(self, *_: object) -> None:
        return None

    def dataset(self, _: str) -> None:
        return None


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        (None, "allow", "all 1 critical cases passed"),
        (DIGEST, "indeterminate", "evidence: a record cannot be used: prod:greet/evidence/"),
        (OTHER, "indeterminate", "baseline: a record of what production has now cannot be used: prod:greet/evidence/"),
    ],
)
def test_a_changed_record_of_either_version_leaves_the_gate_undecided(
    backend: MemoryBackend, shelf: TargetEvidence, changed: str | None, status: str, said: str
) -> None:
    for digest in (DIGEST, OTHER):
        made = sealed(replace(run(digest=digest), cases=(CaseResult(name="one", outcome=PASS, critical=True),)))
        shelf.keep(made)
        if changed == digest:
            change(backend, made, evidence_bytes(made) + b"\n")
            shelf.keep(sealed(replace(made, finished_at=made.finished_at + 60)))
    move = Move("greet", "production", LabelValue((("v1", 100),)), LabelValue((("v2", 100),)))
    sources = shelf.beside(Known([]))
    (judged,) = judge(move, read_policy({}), sources, now=1_700_000_100)
    told = [f"{reason.rule}: {reason.message}" for reason in judged.decision.reasons]
    assert judged.decision.status == status, told
    assert any(said in line for line in told), told
