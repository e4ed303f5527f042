"""How many requests a look at a large project takes, and that none of it is taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langfuse_server import LangfuseServer
from soak import SOAK

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.backends.langfuse_census import cheapest
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.samples import Sample
from catalog_tool.sync.drift import look_for_drift
from catalog_tool.sync.plan import PlanOptions

from .langfuse_work import OPTIONS, Ui, desired, opened, session, states

NAMES = [f"team/p{number:04}" for number in range(1000)]


def versions_of(at: int) -> int:
    """How many versions the prompts have: most one, some a few, two of them very many."""
    return 25 if at in (7, 8) else 3 if at % 100 == 0 else 2 + at % 5 if at % 20 == 1 else 1


def sample(versions: Callable[[int], int]) -> Sample:
    """A thousand prompts with so many versions each, and a label each."""
    texts = {
        (name, f"v{number}"): f"Prompt {name} {number} {{{{x}}}}"
        for at, name in enumerate(NAMES)
        for number in range(1, versions(at) + 1)
    }
    return Sample(texts, {(name, "production"): "v1" for name in NAMES})


LARGE = sample(versions_of)


@pytest.fixture(scope="module")
def large() -> Iterator[LangfuseServer]:
    """A project with 1,000 prompts, a label each, some with three versions, synced."""
    with LangfuseServer() as server:
        backend = opened(server)
        assert sync_target(session(backend), desired(LARGE), OPTIONS).status == "done"
        backend.close()
        yield server


@pytest.fixture
def backend(large: LangfuseServer) -> Iterator[LangfuseBackend]:
    with closing(opened(large)) as backend:
        large.forget()
        yield backend


def test_a_plan_with_no_change_takes_ten_requests_at_most(large: LangfuseServer, backend: LangfuseBackend) -> None:
    assert plan_target(session(backend), desired(LARGE), OPTIONS).status == "unchanged"
    assert len(large.seen) <= 10, [(one.method, one.path, one.query) for one in large.seen]
    assert {one.method for one in large.seen} == {"GET"}


def test_another_targets_sync_beside_it_costs_what_it_changed(large: LangfuseServer, backend: LangfuseBackend) -> None:
    """Two environments in one project: the other's prompts, and its state, are accounts of their own."""
    other = Sample({("a", "v1"): "x", ("a", "v2"): "y"}, {("a", "production"): "v2"})
    with closing(opened(large, "staging/")) as beside:
        assert sync_target(session(beside), desired(other), OPTIONS).status == "done"
    large.forget()
    assert plan_target(session(backend), desired(LARGE), OPTIONS).status == "unchanged"
    assert len(large.seen) <= 10 + 3, [(one.method, one.path, one.query) for one in large.seen]
    for name in [name for name in large.project.prompts if name.startswith("staging/")]:
        del large.project.prompts[name]


@pytest.mark.skipif(not SOAK, reason="eight thousand versions take minutes to write")
def test_eight_versions_of_every_prompt_take_ten_requests() -> None:
    with LangfuseServer() as server, closing(opened(server)) as backend:
        all_eight = sample(lambda _: 8)
        assert sync_target(session(backend), desired(all_eight), OPTIONS).status == "done"
        backend.close()
        with closing(opened(server)) as fresh:
            server.forget()
            assert plan_target(session(fresh), desired(all_eight), OPTIONS).status == "unchanged"
        assert len(server.seen) <= 10, [(one.method, one.path, one.query) for one in server.seen]


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.sets(st.integers(1, 9), min_size=1)))
def test_no_deletion_is_overlooked_and_nothing_is_asked_in_vain(prompts: dict[str, set[int]]) -> None:
    """Every version is counted or read, for no more than a count of every number, or a reading of every prompt."""
    having = {
        number: [name for name in prompts if number in prompts[name]] for number in set().union(*prompts.values())
    }
    found = cheapest(having)
    for name, numbers in prompts.items():
        assert name in found.names or numbers <= {*found.numbers}
    assert found.cost <= min(len(having), len(prompts))
    assert cheapest(having, prompts.keys()).cost == 0


def test_every_change_is_seen_with_few_requests(large: LangfuseServer) -> None:
    """A change shows by its time; what was deleted shows because a version number is on one prompt less."""
    ui, thrice = Ui(large), NAMES[100]
    with closing(opened(large)) as one:
        large.forget()
        ui.delete(thrice, 2)
        assert states(one, LARGE) == {f"prompts/{thrice}@v2": "missing"}
        assert len(large.seen) <= 24, "a deletion costs the whole list, and the bodies of one prompt"
        sync_target(session(one), desired(LARGE), PlanOptions(overwrite={f"prompts/{thrice}@v2": "absent"}))
        assert states(one, LARGE) == {}
    large.forget()
    for number, (name, edit, found) in enumerate(_edits(ui)):
        edit()
        with closing(opened(large)) as another:
            large.forget()
            shown = states(another, LARGE)
            assert {address: shown.get(address) for address in found} == found, name
            assert len(large.seen) <= 12 + 4 * number, (name, len(large.seen))
    with closing(opened(large)) as last:
        assert look_for_drift(session(last), desired(LARGE), None, 10**9).status == "drift"  # type: ignore[arg-type]


def _edits(ui: Ui) -> list[tuple[str, Callable[[], object], dict[str, str]]]:
    a, b, c, d = NAMES[200], NAMES[302], NAMES[402], NAMES[503]
    return [
        ("a label moved", lambda: ui.move(a, 3, "production"), {f"labels/{a}@production": "drifted"}),
        ("a text edited", lambda: ui.edit(b, 1, [{"role": "user", "content": "x"}]), {f"prompts/{b}@v2": "unmanaged"}),
        ("a new prompt", lambda: ui.create("new/one", "hi", kind="text"), {"prompts/new/one@v1": "unmanaged"}),
        ("a label of somebody", lambda: ui.move(c, 1, "mine"), {f"labels/{c}@mine": "unmanaged"}),
        (
            "a prompt deleted",
            lambda: ui.delete(d, 1),
            {f"prompts/{d}@v1": "missing", f"labels/{d}@production": "missing"},
        ),
    ]  # fmt: skip
