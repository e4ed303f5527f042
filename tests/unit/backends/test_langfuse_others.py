"""What else a project holds: names, configs, numbers and labels that no catalog has, and prompts made anew whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from langfuse_server import LangfuseServer

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.backends.stored import content_digest
from catalog_tool.errors import UnavailableError
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.samples import FIRST, SECOND, put_version
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.wanted import WantedObject

from .langfuse_work import OPTIONS, Ui, desired, opened, session, states

GREET = "support/greet"
NAMES = [
    "a b", "ü/é", "e\u0301", "a@b", "a@v1", "name@production", "100%", "a%2Fb", "a?b#c", "emoji😀", "x" * 255, "A/B",
    "a.b", "a\\b", "{{x}}", "a&b=c", "prompts/support/greet", "labels", "..a", "a/../b", "a/./b", "../x", "a\tb",
    "\u202ex", "\u200bz", "v1", "0", "--help", "$(x)", "'", '"', "support/greet@v1", ".catalog", "catalog-state",
]  # fmt: skip
CONFIGS: list[Any] = [
    None, [1, 2], "x", 5, True, {"catalog": 5}, {"catalog": []}, {"catalog_entry": {}}, {"catalog_state": {}},
    {"catalog_entry": {"rest": "[]"}}, {"catalog_entry": {"rest": "{}", "version": 1}}, {"tools": 5}, {"model": None},
    {"output_schema": []}, {"provider": 3, "data": "x"},
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        with closing(opened(server)) as backend:
            assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "done"
        yield server


@pytest.fixture
def backend(server: LangfuseServer) -> Iterator[LangfuseBackend]:
    with closing(opened(server)) as backend:
        yield backend


def plainly(backend: LangfuseBackend) -> dict[str, str]:
    """As somebody sees it who knows nothing of git, and so reads everything."""
    found = compare(desired(FIRST), backend.load(), backend.scan())
    return {item.address: item.state.value for item in found.observed}


def test_whatever_a_prompt_is_called_it_is_somebodys(server: LangfuseServer, backend: LangfuseBackend) -> None:
    for name in NAMES:
        Ui(server).create(name, "hi {{x}}", "production", "a.b", kind="text")
    wanted = {f"prompts/{name}@v1": "unmanaged" for name in NAMES}
    wanted |= {f"labels/{name}@{label}": "unmanaged" for name in NAMES for label in ("production", "a.b")}
    assert states(backend, FIRST) == wanted
    assert plainly(backend) == wanted
    assert plan_target(session(backend), desired(FIRST), OPTIONS).status == "unchanged"


def test_whatever_a_config_holds_it_can_be_read(server: LangfuseServer, backend: LangfuseBackend) -> None:
    chat = [{"role": "x", "content": "{{#a}}"}, {"type": "placeholder", "name": "h"}]
    for at, config in enumerate(CONFIGS):
        Ui(server).create(f"odd{at}", chat)
        server.project.prompts[f"odd{at}"].versions[1].config = config
    wanted = {f"prompts/odd{at}@v1": "unmanaged" for at in range(len(CONFIGS))}
    assert states(backend, FIRST) == wanted
    assert plainly(backend) == wanted


def test_a_number_of_five_digits(server: LangfuseServer, backend: LangfuseBackend) -> None:
    prompt = server.project.prompts[GREET]
    late = copy.deepcopy(prompt.versions[2])
    late.number, late.created_by, late.labels = 12345, "user-1", ["latest"]
    prompt.versions[2].labels.remove("latest")
    prompt.versions[12345] = late
    late.updated_at = server.project.now()
    assert states(backend, FIRST) == {f"prompts/{GREET}@v12345": "unmanaged"}
    assert sync_target(session(backend), desired(SECOND), OPTIONS).status == "done"
    assert sorted(prompt.versions) == [1, 2, 12345, 12346]
    assert plan_target(session(backend), desired(SECOND), OPTIONS).status == "unchanged"


def test_a_copy_that_a_program_made_later_is_somebodys(server: LangfuseServer, backend: LangfuseBackend) -> None:
    """Whole and by the API, as only a request of ours that was carried out late would be: but an hour later."""
    prompt = server.project.prompts[GREET]
    body = {"type": "chat", "name": GREET, "prompt": prompt.versions[1].prompt, "config": prompt.versions[1].config}
    assert server.project.create(body).status == 201
    assert states(backend, FIRST) == {}, "soon after it cannot be told from our own"
    prompt.versions[3].at = prompt.versions[3].at.replace(prompt.versions[3].at[:4], "2099")
    prompt.versions[3].updated_at = server.project.now()
    with closing(opened(server)) as fresh:
        assert states(fresh, FIRST) == {f"prompts/{GREET}@v3": "unmanaged"}
        assert sync_target(session(fresh), desired(SECOND), OPTIONS).status == "done", "git's own v3 is the next number"
        assert states(fresh, SECOND) == {f"prompts/{GREET}@langfuse-3": "unmanaged"}
    assert sorted(prompt.versions) == [1, 2, 3, 4], "and it stays"


@pytest.mark.parametrize("total", [0, 1, 99, 100, 101, 200, 201])
def test_the_edges_of_pages(total: int) -> None:
    """With our own two beside them, and without."""
    with LangfuseServer() as server, closing(opened(server)) as backend:
        for number in range(total):
            Ui(server).create(f"p{number:03}", "x", kind="text")
        assert [item.address for item in backend.scan()] == [f"prompts/p{number:03}@v1" for number in range(total)]
        assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "done"
        assert len(list(backend.scan())) == total + 6


def test_a_prompt_made_anew_as_a_text_is_named_and_what_to_do(server: LangfuseServer, backend: LangfuseBackend) -> None:
    """A type changes only where somebody deletes the whole prompt: its numbers are given again."""
    assert server.project.delete(GREET, {}).status == 204
    Ui(server).create(GREET, "now a text", "production", kind="text")
    assert states(backend, FIRST) == {
        f"prompts/{GREET}@v1": "drifted", f"prompts/{GREET}@v2": "missing", f"labels/{GREET}@staging": "missing",
    }  # fmt: skip
    assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "partial"
    assert states(backend, FIRST) == {f"prompts/{GREET}@v1": "drifted"}, "a system message alone fits into a text"
    assert server.project.delete(GREET, {}).status == 204
    assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "done"
    assert states(backend, FIRST) == {}


def test_a_label_on_two_versions_is_never_guessed(server: LangfuseServer, backend: LangfuseBackend) -> None:
    versions = server.project.prompts[GREET].versions
    versions[2].labels.append("production")
    versions[2].updated_at = server.project.now()
    with pytest.raises(UnavailableError, match="changes faster") as raised:
        states(backend, FIRST)
    assert "on two versions" in raised.value.hint
    Ui(server).move(GREET, 1, "production")
    assert states(backend, FIRST) == {}


def test_our_tag_taken_away_only_costs_requests(server: LangfuseServer) -> None:
    for name in (".catalog-state", ".catalog-inventory-0"):
        server.project.prompts[name].tags = []
    with closing(opened(server)) as backend:
        assert states(backend, FIRST) == {}
        assert sync_target(session(backend), desired(SECOND), OPTIONS).status == "done"
    with closing(opened(server)) as backend:
        server.forget()
        backend.load()
        assert len(server.seen) == 1, "the next sync puts it back"


def test_a_version_saved_in_the_ui_neither_takes_gits_next_name_nor_is_taken_for_it(
    server: LangfuseServer, backend: LangfuseBackend
) -> None:
    """Its number is git's next: it may stand in production, and no sync believes or destroys it."""
    experiment = Ui(server).edit(GREET, 1, [{"role": "system", "content": "EXPERIMENT"}], "production", "exp")
    assert states(backend, FIRST)[f"labels/{GREET}@production"] == "drifted"
    git = FIRST._replace(
        versions={**FIRST.versions, (GREET, "v3"): "Be very brief."},
        labels={**FIRST.labels, (GREET, "production"): "v3"},
    )  # fmt: skip
    assert states(backend, git)[f"labels/{GREET}@production"] == "conflict"
    assert sync_target(session(backend), desired(git), OPTIONS).status == "partial"
    assert Ui(server).at(GREET, "production") == experiment == 3, "where somebody put it, until a hand says otherwise"
    assert Ui(server).texts(GREET)[4] == [{"role": "system", "content": "Be very brief."}], "git's v3 is beside it"
    with closing(opened(server)) as fresh:
        found = states(fresh, git)
        assert found[f"prompts/{GREET}@langfuse-3"] == "unmanaged"
        assert found[f"labels/{GREET}@production"] == "conflict"
        theirs = replace(OPTIONS, overwrite={f"labels/{GREET}@production": "langfuse-3"})
        assert sync_target(session(fresh), desired(git), theirs).status == "done"
    assert (Ui(server).at(GREET, "production"), Ui(server).at(GREET, "exp")) == (4, 3)
    assert Ui(server).texts(GREET)[3] == [{"role": "system", "content": "EXPERIMENT"}]


def test_each_object_is_given_once_where_only_some_of_a_prompt_has_to_be_read(backend: LangfuseBackend) -> None:
    entry = put_version(GREET, "v2", FIRST.versions[GREET, "v2"], owners=["team-b"]).entry or b""
    git = desired(FIRST)
    address = f"prompts/{GREET}@v2"
    other = replace(git, objects={**git.objects, address: git.objects[address]._replace(entry=entry)})
    found = compare(other, backend.load(), scan_knowing(backend, other))
    assert [(item.address, item.state.value) for item in found.observed] == [(address, "pending")]
    assert sum(found.counts.values()) == len(git.objects)


def test_a_version_that_holds_what_git_has_under_its_number_is_adopted(
    server: LangfuseServer, backend: LangfuseBackend
) -> None:
    again = Ui(server).edit(GREET, 2)
    entry = next(item.entry for item in backend.scan() if item.address == f"prompts/{GREET}@v2")
    git = desired(FIRST)
    address = f"prompts/{GREET}@v{again}"
    same = replace(git, objects={**git.objects, address: WantedObject(address, content_digest(entry) or "", entry)})
    found = compare(same, backend.load(), scan_knowing(backend, same))
    assert [(item.address, item.state.value) for item in found.observed] == [(address, "adopt")]
