"""A label is no better than what it stands on: a version of git's name on the target that is not git's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.report.drift_text import drift_text
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import Observed, compare
from catalog_tool.sync.conformance.engine import OPTIONS, edit, session
from catalog_tool.sync.conformance.samples import FIRST, Sample, desired_of, put_label, put_version
from catalog_tool.sync.drift import look_for_drift
from catalog_tool.sync.live import fingerprint

NAME = "support/greet"
V3, PRODUCTION, STAGING = f"prompts/{NAME}@v3", f"labels/{NAME}@production", f"labels/{NAME}@staging"
NEXT = Sample({**FIRST.versions, (NAME, "v3"): "Be very brief."}, {**FIRST.labels, (NAME, "production"): "v3"})


@pytest.fixture
def backend() -> MemoryBackend:
    """Somebody put an experiment on the target under git's next number, and production on it."""
    backend = MemoryBackend(MemoryStore())
    first = Sample(FIRST.versions, FIRST.labels)
    assert sync_target(session(backend), desired_of(first), OPTIONS).status == "done"
    edit(backend, put_version(NAME, "v3", "EXPERIMENT")._replace(marker=None))
    edit(backend, put_label("v3", seen="v1"))
    return backend


class _Never:
    def is_older(self, *_: object) -> bool:
        return False


def observed(backend: MemoryBackend, sample: Sample) -> dict[str, Observed]:
    return {item.address: item for item in compare(desired_of(sample), backend.load(), backend.scan()).observed}


def status(backend: MemoryBackend, sample: Sample) -> str:
    return look_for_drift(session(backend), desired_of(sample), _Never(), 60).status  # type: ignore[arg-type]


def test_a_label_on_somebody_elses_version_of_gits_name_is_drift_and_never_taken_for_ours(
    backend: MemoryBackend,
) -> None:
    assert status(backend, FIRST._replace(skills={})) == "drift"
    found = observed(backend, NEXT)
    assert {address: item.state.value for address, item in found.items()} == {V3: "collision", PRODUCTION: "conflict"}
    assert (found[PRODUCTION].beneath, found[PRODUCTION].live) == (V3, '"v3"')
    assert status(backend, NEXT) == "drift", "it does not end because git has moved to the same name"
    result = sync_target(session(backend), desired_of(NEXT), OPTIONS)
    assert {a.object: (a.outcome, a.reason) for a in result.actions}[PRODUCTION] == (
        "skipped", f"{V3} is not what git says",
    )  # fmt: skip
    assert backend.load().inventory[PRODUCTION].digest == '"v1"', "nobody notes it as ours"
    assert status(backend, NEXT) == "drift"


def test_what_was_noted_as_ours_before_is_drift_too(backend: MemoryBackend) -> None:
    sync_target(session(backend), desired_of(NEXT), replace(OPTIONS, overwrite={PRODUCTION: "v3"}))
    assert backend.load().inventory[PRODUCTION].digest == '"v3"'
    found = observed(backend, NEXT)
    assert (found[PRODUCTION].state.value, found[PRODUCTION].beneath) == ("conflict", V3)
    counts = compare(desired_of(NEXT), backend.load(), backend.scan()).counts
    assert sum(counts.values()) == len(NEXT.versions) + len(NEXT.labels)
    assert status(backend, NEXT) == "drift"


def test_a_label_that_was_never_ours_is_not_adopted_on_it(backend: MemoryBackend) -> None:
    edit(backend, put_label("v3", "canary")._replace(marker=None))
    sample = NEXT._replace(labels={**NEXT.labels, (NAME, "canary"): "v3"})
    assert observed(backend, sample)[f"labels/{NAME}@canary"].state.value == "collision"


def test_the_label_comes_to_rest_with_its_version(backend: MemoryBackend) -> None:
    seen = fingerprint(V3, put_version(NAME, "v3", "EXPERIMENT").entry or b"").digest
    options = replace(OPTIONS, overwrite={V3: seen})
    result = sync_target(session(backend), desired_of(NEXT), options)
    assert result.status == "done"
    assert {a.object: (a.action, a.outcome) for a in result.actions}[PRODUCTION] == ("adopt", "done")
    assert plan_target(session(backend), desired_of(NEXT), OPTIONS).status == "unchanged"
    assert status(backend, NEXT) == "in_sync"


def test_only_does_not_move_a_label_onto_what_it_leaves_out(backend: MemoryBackend) -> None:
    sample = NEXT._replace(labels={**FIRST.labels, (NAME, "staging"): "v3"})
    result = sync_target(session(backend), desired_of(sample), replace(OPTIONS, only=(STAGING,)))
    assert [(a.object, a.outcome, a.reason) for a in result.actions] == [
        (STAGING, "skipped", f"{V3} is not what git says")
    ]


def test_what_is_said_of_it_and_what_to_run(backend: MemoryBackend) -> None:
    found = look_for_drift(session(backend), desired_of(NEXT), _Never(), 60).to_json()  # type: ignore[arg-type]
    text = drift_text({"targets": {"kit": found}}, {}, color=False)
    assert f"{PRODUCTION}  conflict: says what git says, but {V3} there is not git's" in text
    lines = [line.strip() for line in text.splitlines() if "--overwrite" in line]
    assert len(lines) == 1, "the version's line is enough for both"
    assert lines[0].startswith(f"catalog sync kit --overwrite {V3}=")
    assert "in place of a version that somebody made there, and that git does not have" in text
    assert "catalog pull kit" in text
