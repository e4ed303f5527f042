"""How many requests a look at a large project takes, and that none of it is taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from langfuse_server import LangfuseServer

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.samples import Sample
from catalog_tool.sync.drift import look_for_drift
from catalog_tool.sync.plan import PlanOptions

from .langfuse_work import OPTIONS, Ui, desired, opened, session, states

NAMES = [f"team/p{number:04}" for number in range(1000)]
LARGE = Sample(
    {
        (name, version): f"Prompt {name} {version} {{{{x}}}}"
        for at, name in enumerate(NAMES)
        for version in (("v1", "v2", "v3") if at % 100 == 0 else ("v1",))
    },
    {(name, "production"): "v1" for name in NAMES},
)


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
    a, b, c, d = NAMES[200], NAMES[301], NAMES[402], NAMES[503]
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
