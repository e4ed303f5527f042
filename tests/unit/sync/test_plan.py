"""Planning: what is written, in which order, what is left alone, and what stops everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.model.target import Control, Journal, LastSync, Override, Write
from catalog_tool.sync.apply import apply_plan, plan_target, sync_target
from catalog_tool.sync.conformance.engine import EDITOR, contents, edit, session
from catalog_tool.sync.conformance.samples import FIRST, SECOND, Sample, desired_of, put_label, put_version
from catalog_tool.sync.markers import marker_text
from catalog_tool.sync.plan import LabelRules, PlanOptions
from catalog_tool.sync.plan_file import SavedPlan
from catalog_tool.sync.result import Result
from catalog_tool.sync.timing import Timing

PRODUCTION = "labels/support/greet@production"


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend(MemoryStore())


def many(count: int, labels: int = 0) -> Sample:
    versions = {(f"p{number}", "v1"): f"text {number}" for number in range(count)}
    return Sample(versions, {(f"p{number}", "production"): "v1" for number in range(labels)})


def sync(backend: MemoryBackend, sample: Sample, **options: object) -> Result:
    return sync_target(session(backend), desired_of(sample), PlanOptions(**options))  # type: ignore[arg-type]


def save(backend: MemoryBackend, **changes: object) -> None:
    control = backend.load().control
    assert backend.take_lease(EDITOR).token == EDITOR.token
    backend.save_control(replace(control, **changes), EDITOR.token)  # type: ignore[arg-type]
    backend.drop_lease(EDITOR.token)


def test_versions_come_before_labels_and_what_goes_goes_last(backend: MemoryBackend) -> None:
    sync(backend, SECOND)
    fewer = SECOND._replace(
        versions={("support/greet", "v4"): "new", ("review", "v1"): "Review: {{diff}}"},
        labels={("support/greet", "production"): "v4"}, skills={},
    )  # fmt: skip
    plan = plan_target(session(backend), desired_of(fewer), PlanOptions(prune=True)).plan
    kinds = [(action.object.split("/")[0], action.action) for action in plan.writes]
    first_delete = next(index for index, (_, action) in enumerate(kinds) if action == "delete")
    assert kinds[:first_delete] == [("prompts", "create"), ("labels", "label")]
    deleted = [kind for kind, _ in kinds[first_delete:]]
    assert deleted == sorted(deleted, key=["labels", "skills", "prompts"].index)


@pytest.mark.parametrize("items", [1, 9, 10, 100])
@pytest.mark.parametrize("share", [0.0, 0.09, 0.11, 0.31, 1.0])
def test_a_mass_delete_is_blocked_with_what_to_type_and_writes_nothing(
    backend: MemoryBackend, items: int, share: float
) -> None:
    sync(backend, many(items))
    gone = round(items * share)
    left = Sample(dict(list(many(items).versions.items())[gone:]))
    before = contents(backend)
    result = sync(backend, left, prune=True)
    if not left.versions:
        assert (result.status, [found.allow for found in result.blocked]) == ("blocked", [None])
        assert sync(backend, left, prune=True, allow={"deletes": gone}).status == "blocked"
        assert contents(backend) == before
        return
    if gone <= max(1, items // 10):
        assert result.status in ("done", "unchanged")
        return
    assert (result.status, [found.allow for found in result.blocked]) == ("blocked", [f"--allow deletes={gone}"])
    assert contents(backend) == before
    assert sync(backend, left, prune=True, allow={"deletes": gone}).status == "done"


def test_nothing_is_deleted_unless_told(backend: MemoryBackend) -> None:
    sync(backend, many(3))
    result = sync(backend, many(2))
    assert (result.status, [(a.object, a.outcome) for a in result.actions]) == (
        "unchanged", [("prompts/p2@v1", "skipped")],
    )  # fmt: skip
    assert len(contents(backend)) == 3


def test_moves_of_protected_labels_are_counted(backend: MemoryBackend) -> None:
    sample = many(10, labels=10)
    sync(backend, sample)
    newer = {(f"p{number}", "v2"): f"newer {number}" for number in range(10)}
    moved = sample._replace(
        versions={**sample.versions, **newer}, labels={(f"p{number}", "production"): "v2" for number in range(10)}
    )
    result = sync(backend, moved)
    assert [found.allow for found in result.blocked] == ["--allow labels=10"]
    assert sync(backend, moved, allow={"labels": 10}).status == "done"


def test_another_catalogs_target_is_refused_whatever_is_allowed(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    other = desired_of(FIRST, catalog="other")
    result = sync_target(session(backend), other, PlanOptions(allow={"deletes": 99}, older=True))
    assert (result.status, [found.allow for found in result.blocked]) == ("blocked", [None])
    assert {(action.state.value, action.reason) for action in result.actions} == {
        ("foreign", "it belongs to the catalog 'acme'")
    }, "none of it was ever ours"


def test_only_the_marker_is_anothers_and_git_marks_it_as_ours_again(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    applied = backend.load().inventory[PRODUCTION]
    edit(backend, put_label("v1", seen="v1")._replace(marker=marker_text("zzz", PRODUCTION, applied, None)))
    left = sync(backend, FIRST)
    (action,) = left.actions
    assert (left.status, action.state.value) == ("partial", "foreign")
    assert "was marked as the catalog 'zzz'" in str(action.reason)
    done = sync(backend, FIRST, overwrite={PRODUCTION: "v1"})
    assert (done.status, [(a.action, a.outcome) for a in done.actions]) == ("done", [("adopt", "done")])
    assert sync(backend, FIRST).status == "unchanged"


def test_what_git_moved_waits_where_the_marker_is_anothers_until_told(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    applied = backend.load().inventory[PRODUCTION]
    edit(backend, put_label("v1", seen="v1")._replace(marker=marker_text("zzz", PRODUCTION, applied, None)))
    moved = FIRST._replace(labels={**FIRST.labels, ("support/greet", "production"): "v2"})
    assert [(a.object, a.state.value) for a in sync(backend, moved).actions] == [(PRODUCTION, "foreign")]
    assert sync(backend, moved, overwrite={PRODUCTION: "v1"}).status == "done"
    assert contents(backend)[PRODUCTION] == b'"v2"'


def test_what_never_was_ours_is_not_overwritten_with_any_token(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    theirs = "labels/support/greet@canary"
    marker = marker_text("zzz", theirs, put_label("v2").applied, None)  # type: ignore[arg-type]
    edit(backend, put_label("v2", "canary")._replace(marker=marker))
    wanted = FIRST._replace(labels={**FIRST.labels, ("support/greet", "canary"): "v1"})
    left = sync(backend, wanted, overwrite={theirs: "v2"}, prune=True)
    assert (left.status, [(a.object, a.state.value, a.reason) for a in left.actions]) == (
        "partial", [(theirs, "foreign", "it belongs to the catalog 'zzz'")],
    )  # fmt: skip
    assert contents(backend)[theirs] == b'"v2"'


def test_what_depends_on_an_edited_version_waits(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    version = put_version("support/greet", "v2", "Be brief.\n")
    edit(backend, put_version("support/greet", "v2", "edited by hand")._replace(seen=version.entry))
    result = sync(backend, FIRST._replace(labels={**FIRST.labels, ("support/greet", "production"): "v2"}))
    assert result.status == "partial"
    assert {action.object: action.outcome for action in result.actions} == {
        "prompts/support/greet@v2": "skipped", PRODUCTION: "skipped",
    }  # fmt: skip
    assert contents(backend)[PRODUCTION] == b'"v1"'


def test_a_sync_that_was_cut_off_keeps_what_it_was_allowed(backend: MemoryBackend) -> None:
    sync(backend, many(10))
    left = Sample(dict(list(many(10).versions.items())[5:]))
    desired = desired_of(left)
    save(backend, journal=Journal(None, desired.bundle, "sha256:" + "0" * 64, 1, {"deletes": 5}))
    assert sync(backend, left, prune=True).status == "done"
    assert backend.load().control.journal is None


def test_a_plan_is_applied_only_as_it_was_reviewed(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    options = PlanOptions()
    plan = plan_target(session(backend), desired_of(SECOND), options).plan
    saved = SavedPlan("kit", plan.desired.bundle, plan.digest, options)
    edit(backend, put_label("v2", seen="v1"))
    before = contents(backend)
    stale = apply_plan(session(backend), desired_of(SECOND), saved)
    assert stale.status == "stale"
    assert contents(backend) == before
    edit(backend, put_label("v1", seen="v2"))
    assert apply_plan(session(backend), desired_of(SECOND), saved).status == "done"
    assert apply_plan(session(backend), desired_of(FIRST), saved).status == "stale"


def test_the_digest_of_a_plan_counts_neither_time_nor_commit(backend: MemoryBackend) -> None:
    plans = [
        plan_target(session(backend), desired_of(FIRST, commit=commit), PlanOptions(now=now)).plan.digest
        for commit, now in ((None, 1), ("a" * 40, 2))
    ]
    assert plans[0] == plans[1]
    assert plan_target(session(backend), desired_of(SECOND), PlanOptions()).plan.digest != plans[0]


def test_a_label_is_put_back_five_times_with_growing_pauses(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    base = session(backend)
    rules = base.destination.rules._replace(on_drift={"production": "restore"})
    now = 1_000_000
    outcomes = []
    for _ in range(12):
        edit(backend, Write(PRODUCTION, contents(backend)[PRODUCTION], b'"v2"'))
        timing = Timing(now=lambda at=now: at, sleep=lambda _: None)
        restoring = replace(base, destination=base.destination._replace(rules=rules), timing=timing)
        outcomes.append(sync_target(restoring, desired_of(FIRST), PlanOptions(now=now)).status)
        now += 20_000
    assert outcomes == ["done"] * 5 + ["partial"] * 7
    assert backend.load().control.restores[PRODUCTION].times == 5


def test_a_restore_waits_after_the_last(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    base = session(backend)
    rules = LabelRules(frozenset(), {"production": "restore"})
    statuses = []
    for now in (1000, 1030, 1061, 1100, 1200):
        if contents(backend)[PRODUCTION] == b'"v1"':
            edit(backend, put_label("v2", seen="v1"))
        timing = Timing(now=lambda at=now: at, sleep=lambda _: None)
        restoring = replace(base, destination=base.destination._replace(rules=rules), timing=timing)
        statuses.append(sync_target(restoring, desired_of(FIRST), PlanOptions(now=now)).status)
    assert statuses == ["done", "partial", "done", "partial", "done"]


def test_an_override_is_no_drift_until_git_moves(backend: MemoryBackend) -> None:
    sync(backend, FIRST)
    edit(backend, put_label("v2", seen="v1"))
    save(backend, overrides={PRODUCTION: Override('"v2"', '"v1"', "me", "errors rose", 5)})
    result = sync(backend, FIRST)
    assert (result.status, [action.state.value for action in result.actions]) == ("unchanged", ["override"])
    caught_up = FIRST._replace(labels={**FIRST.labels, ("support/greet", "production"): "v2"})
    assert sync(backend, caught_up).status == "done"
    assert dict(backend.load().control.overrides) == {}


def test_a_stopped_sync_says_what_is_left_and_the_next_one_finishes(backend: MemoryBackend) -> None:
    asked = iter([False, True, True, True, True])
    stopping = replace(session(backend), stopped=lambda: next(asked))
    result = sync_target(stopping, desired_of(FIRST), PlanOptions())
    assert result.status == "partial"
    outcomes = {action.outcome for action in result.actions}
    assert outcomes == {"done", "dropped"}
    assert backend.load().lease is None
    assert backend.load().control.journal is not None
    assert sync(backend, FIRST).status == "done"


def test_only_what_was_chosen_is_written(backend: MemoryBackend) -> None:
    sync(backend, SECOND, only=("review",))
    assert set(contents(backend)) == {
        "prompts/review@v1", "labels/review@production", "labels/review@staging",
    }  # fmt: skip
    sync(backend, SECOND, only=("prompts/support/*",))
    assert len(contents(backend)) == 6


def test_the_target_hears_of_a_newer_commit_though_nothing_changed(backend: MemoryBackend) -> None:
    sync_target(session(backend), desired_of(FIRST, commit="a" * 40), PlanOptions())
    result = sync_target(session(backend), desired_of(FIRST, commit="b" * 40), PlanOptions())
    assert result.status == "unchanged"
    last = backend.load().control.last
    assert isinstance(last, LastSync)
    assert last.commit == "b" * 40


def test_control_documents_round_trip() -> None:
    control = Control(
        catalog="acme", last=LastSync("c", "d", 1), journal=Journal(None, "b", "p", 2, {"labels": 3}),
        overrides={"labels/a@b": Override('"v2"', None, "me", "why", 3)}, restores={},
    )  # fmt: skip
    assert Control.from_json(control.to_json()) == control
    with pytest.raises(ValueError, match="newer"):
        Control.from_json({**control.to_json(), "format": 2})
    with pytest.raises(ValueError, match="cannot be read"):
        Control.from_json({"format": 1})
