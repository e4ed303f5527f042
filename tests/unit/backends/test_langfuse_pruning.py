"""What git dropped goes from a platform that removes a label only with the version it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from langfuse_server import LangfuseServer

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.backends.wire import write_from_json, write_to_json
from catalog_tool.model.target import CHANGED, Write
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, bury
from catalog_tool.sync.conformance.faults import Crash, FaultyBackend, at_call
from catalog_tool.sync.conformance.samples import Sample, put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, live
from catalog_tool.sync.plan import PlanOptions
from catalog_tool.sync.result import Result
from catalog_tool.sync.unfit import unfit

from .langfuse_work import Ui, desired, opened, session

PRUNE = PlanOptions(prune=True, allow=OPTIONS.allow)
OTHER = {("other", "v1"): "Be kind.\n"}
ALL = Sample(
    {("greet", "v1"): "One.\n", ("greet", "v2"): "Two.\n", **OTHER},
    {("greet", "production"): "v2", ("greet", "staging"): "v1", ("other", "production"): "v1"}, {},
)  # fmt: skip
REST = Sample(OTHER, {("other", "production"): "v1"}, {})
GONE = {"prompts/greet@v1", "prompts/greet@v2", "labels/greet@production", "labels/greet@staging"}


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def backend(server: LangfuseServer) -> Iterator[LangfuseBackend]:
    with closing(opened(server)) as backend:
        assert sync_target(session(backend), desired(ALL), OPTIONS).status == "done"
        yield backend


def outcomes(result: Result) -> dict[str, tuple[str, str]]:
    return {action.object: (action.action, action.outcome) for action in result.actions}


def test_a_prompt_that_git_dropped_goes_with_its_labels(server: LangfuseServer, backend: LangfuseBackend) -> None:
    shown = plan_target(session(backend), desired(REST), PRUNE)
    assert outcomes(shown) == dict.fromkeys(GONE, ("delete", "planned"))
    assert shown.plan.limits == {"deletes": 4}
    result = sync_target(session(backend), desired(REST), PRUNE)
    assert (result.status, outcomes(result)) == ("done", dict.fromkeys(GONE, ("delete", "done")))
    assert "greet" not in server.project.prompts
    assert_holds(backend, REST)
    assert sync_target(session(backend), desired(REST), PRUNE).status == "unchanged"


def test_without_prune_it_stays_and_a_limit_holds(server: LangfuseServer, backend: LangfuseBackend) -> None:
    assert sync_target(session(backend), desired(REST), OPTIONS).status == "unchanged"
    assert sync_target(session(backend), desired(REST), PlanOptions(prune=True)).status == "blocked"
    assert "greet" in server.project.prompts


def test_a_version_that_somebodys_label_stands_on_stays_with_all_of_them(
    server: LangfuseServer, backend: LangfuseBackend
) -> None:
    held = server.project.prompts["greet"].versions
    held[2].labels.append("exp")
    result = sync_target(session(backend), desired(REST), PRUNE)
    assert result.status == "partial"
    reasons = {action.object: action.reason for action in result.actions if action.outcome == "skipped"}
    assert reasons == {
        "prompts/greet@v2": "labels/greet@production points to it",
        "labels/greet@production": "kit cannot remove a label, only move it: it goes with the version it stands on",
    }
    assert [*held] == [2]
    assert sorted(held[2].labels) == ["exp", "latest", "production"]


def test_a_label_that_cannot_go_fails_no_run(backend: LangfuseBackend) -> None:
    less = ALL._replace(labels={key: value for key, value in ALL.labels.items() if key != ("greet", "staging")})
    result = sync_target(session(backend), desired(less), PRUNE)
    assert result.status == "unchanged"
    assert outcomes(result) == {"labels/greet@staging": ("noop", "skipped")}


def test_a_crash_at_every_call_leaves_what_the_next_run_completes(server: LangfuseServer) -> None:
    for number in range(1, 40):
        with closing(opened(server, f"c{number}/")) as backend:
            sync_target(session(backend), desired(ALL), OPTIONS)
            try:
                sync_target(session(FaultyBackend(backend, after=at_call(number, Crash))), desired(REST), PRUNE)
            except Crash:
                bury(backend)
                assert sync_target(session(backend), desired(REST), PRUNE).status in ("done", "unchanged"), number
                assert_holds(backend, REST)
            else:
                assert number > 5
                return


def test_drift_tells_a_label_that_goes_with_its_version_from_one_that_stays(backend: LangfuseBackend) -> None:
    less = ALL._replace(labels={key: value for key, value in ALL.labels.items() if key != ("greet", "staging")})
    stays = "cannot remove a label, only move it: it goes with the version it stands on"
    for sample, reasons in ((REST, {}), (less, {"labels/greet@staging": stays})):
        found = compare(desired(sample), backend.load(), backend.scan()).observed
        assert unfit(session(backend).destination, desired(sample), found) == reasons


def test_only_the_labels_that_are_named_go_with_a_version(server: LangfuseServer) -> None:
    with closing(opened(server)) as backend:
        backend.take_lease(LEASE)
        version = put_version()
        done(backend, version, put_label("v1"))
        name = put_label("v1").address.removeprefix("labels/").partition("@")[0]
        Ui(server).project.prompts[name].versions[1].labels.append("exp")
        leaving = Write(version.address, version.entry, labels=frozenset({"production"}))
        [refused] = backend.write([leaving], RUN)
        assert (refused.outcome, refused.message) == (CHANGED, "exp points to it")
        done(backend, leaving._replace(labels=frozenset({"production", "exp"})))
        assert not live(backend)


def test_the_wire_carries_them() -> None:
    write = Write("prompts/greet@v1", b"{}", labels=frozenset({"production", "exp"}))
    assert write_from_json(write_to_json(write)) == write
    assert "labels" not in write_to_json(write._replace(labels=frozenset()))
    with pytest.raises(ValueError, match="a list is missing"):
        write_from_json({**write_to_json(write), "labels": "exp"})
