"""Label moves and new versions by API: compare-and-swap, audited, and told to the next sync as what they are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.backends.audit import verify
from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.model.target import CHANGED, Lease, Run, Write, Written

from .desk import GREET, SPLIT, Desk, desk

LABELS = f"/v1/prompts/{GREET}/labels"
VERSIONS = f"/v1/prompts/{GREET}/versions"
SHORT = {"model": "m", "system_prompt": "Good day {{name}}."}


def move(labels: dict[str, Any], generation: int = 3, reason: str = "canary is good") -> dict[str, Any]:
    """The body of a move."""
    return {"labels": labels, "generation": generation, "reason": reason}


def test_a_move_is_served_at_once_and_in_the_trail(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write")
    found = guarded_desk.put(LABELS, json=move({"production": "v2"}), headers=writer)
    assert (found.status_code, found.json()["generation"], found.json()["labels"]["production"]) == (200, 4, "v2")
    assert guarded_desk.get(f"/v1/prompts/{GREET}", headers=writer).json()["version"] == "v2"
    event = guarded_desk.store.events[-1]
    assert (event.name, event.label, event.before, event.after) == (GREET, "production", "v1", "v2")
    assert event.reason == "canary is good"
    assert event.actor.startswith("t (")
    assert verify(guarded_desk.store.events) is None


def test_only_labels_that_got_another_value_are_counted(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write", "metrics")
    events = len(guarded_desk.store.events)
    asked = [{"production": "v2"}, {"production": "v2"}, {"production": "v2", "staging": None}, {"gone": None}]
    for labels in asked:
        generation = guarded_desk.get(LABELS, headers=writer).json()["generation"]
        assert guarded_desk.put(LABELS, json=move(labels, generation), headers=writer).status_code == 200
    assert len(guarded_desk.store.events) == events + 2
    assert "catalog_label_moves_total 2" in guarded_desk.get("/metrics", headers=writer).text.splitlines()


def test_what_was_written_by_api_carries_no_marker_and_the_inventory_stays(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("write")
    before = dict(MemoryBackend(guarded_desk.store).load().inventory)
    guarded_desk.put(LABELS, json=move({"production": "v2", "staging": None}), headers=writer)
    guarded_desk.post(VERSIONS, json=SHORT, headers=writer)
    after = {live.address: live.marker for live in MemoryBackend(guarded_desk.store).scan()}
    assert after[f"labels/{GREET}@production"] is None
    assert after[f"prompts/{GREET}@v3"] is None
    assert f"labels/{GREET}@staging" not in after
    assert dict(MemoryBackend(guarded_desk.store).load().inventory) == before


def test_who_saw_another_generation_is_told_how_it_is(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write")
    found = guarded_desk.put(LABELS, json=move({"production": "v2"}, generation=2), headers=writer)
    body = found.json()
    assert (found.status_code, body["status"], body["generation"]) == (409, 409, 3)
    assert body["labels"] == {"canary": SPLIT, "production": "v1", "staging": "v2"}
    assert len(guarded_desk.store.events) == 4


def test_of_many_movers_at_once_each_generation_is_one_move(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("write")
    answers: list[int] = []

    def work(number: int) -> None:
        weight = number + 1
        split = [{"version": "v1", "weight": 100 - weight}, {"version": "v2", "weight": weight}]
        answers.append(guarded_desk.put(LABELS, json=move({"canary": split}), headers=writer).status_code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7
    assert guarded_desk.store.generations[GREET] == 4


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"labels": {}, "generation": 3},
        {"labels": {"production": "v2"}},
        {"labels": {"production": "v2"}, "generation": "3"},
        {"labels": {"production": "v2"}, "generation": True},
        {"labels": {"Production": "v2"}, "generation": 3},
        {"labels": {"latest": "v2"}, "generation": 3},
        {"labels": {"production": 2}, "generation": 3},
        {"labels": {"production": [{"version": "v1", "weight": 50}]}, "generation": 3},
        {"labels": {"production": [{"version": "v1", "weight": 50}, {"version": "v2", "weight": 49}]}, "generation": 3},
        {"labels": {"production": "v2"}, "generation": 3, "reason": "two\nlines"},
        {"labels": {"production": "v2"}, "generation": 3, "force": True},
    ],
)
def test_what_is_no_move_changes_nothing(guarded_desk: Desk, body: Any) -> None:
    writer = guarded_desk.bearer("write")
    assert guarded_desk.put(LABELS, json=body, headers=writer).status_code == 400
    assert guarded_desk.store.generations[GREET] == 3


def test_a_label_never_points_nowhere(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("write")
    assert guarded_desk.put(LABELS, json=move({"production": "v9"}), headers=writer).status_code == 409
    assert guarded_desk.put("/v1/prompts/none/labels", json=move({"a": "v1"}, 0), headers=writer).status_code == 404


def test_of_several_moves_all_are_made_or_none(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write", "metrics")
    split = [{"version": "v1", "weight": 50}, {"version": "v8", "weight": 50}]
    for labels in ({"production": "v2", "tenant_acme": "v9"}, {"production": "v2", "canary": split, "staging": None}):
        found = guarded_desk.put(LABELS, json=move(labels), headers=writer)
        assert (found.status_code, found.json()["generation"]) == (409, 3)
        assert "there is no such version" in found.json()["detail"]
    assert len(guarded_desk.store.events) == 4
    assert "catalog_label_moves_total 0" in guarded_desk.get("/metrics", headers=writer).text.splitlines()


class Stubborn(MemoryBackend):
    """A store that somebody without a lease writes to meanwhile: it takes no move of ``staging``."""

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        refused = [write for write in writes if write.address.endswith("@staging")]
        made = super().write([write for write in writes if write not in refused], run)
        return made + [Written(write.address, CHANGED) for write in refused]


def test_what_was_moved_is_logged_and_counted_where_the_rest_was_refused_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path, tokens=True, kind=Stubborn) as found, caplog.at_level("INFO", "catalog_tool.server"):
        writer = found.bearer("read", "write", "metrics")
        answer = found.put(LABELS, json=move({"production": "v2", "staging": "v1"}), headers=writer)
        assert (answer.status_code, answer.json()["generation"]) == (409, 4)
        assert answer.json()["detail"] == f"labels/{GREET}@staging: changed"
        assert found.put(LABELS, json=move({"nobody": None}, 4), headers=writer).status_code == 200
        assert "catalog_label_moves_total 1" in found.get("/metrics", headers=writer).text.splitlines()
    logged = [record.__dict__["fields"]["labels"] for record in caplog.records if record.message == "labels_moved"]
    assert logged == [["production"]]


def test_a_sync_that_writes_is_waited_for_and_not_run_over(guarded_desk: Desk) -> None:
    guarded_desk.service.store.patience = 0.1
    writer = guarded_desk.bearer("write")
    MemoryBackend(guarded_desk.store).take_lease(Lease("sync", "ci", "elsewhere", 1, 1))
    found = guarded_desk.put(LABELS, json=move({"production": "v2"}), headers=writer)
    assert (found.status_code, found.json()["code"]) == (503, "unavailable")
    assert "retry-after" in found.headers
    assert guarded_desk.store.generations[GREET] == 3


def test_a_lease_that_no_sync_can_have_written_keeps_nobody_waiting(guarded_desk: Desk) -> None:
    forged = Lease("forged", "nobody", "elsewhere", 1, 1, expires_at=253_402_300_799.0)
    guarded_desk.store.leases[""] = forged
    writer = guarded_desk.bearer("write")
    assert guarded_desk.put(LABELS, json=move({"production": "v2"}), headers=writer).status_code == 200


def test_a_version_is_published_once(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write")
    first = guarded_desk.post(VERSIONS, json={**SHORT, "description": "Polite."}, headers=writer)
    assert (first.status_code, first.json()["version"]) == (201, "v3")
    assert first.headers["location"] == f"{VERSIONS}/v3"
    again = guarded_desk.post(VERSIONS, json=SHORT, headers=writer)
    assert (again.status_code, again.json()) == (200, first.json())
    named = guarded_desk.post(VERSIONS, json={**SHORT, "id": GREET, "version": "v3"}, headers=writer)
    assert named.status_code == 200
    served = guarded_desk.get(f"{VERSIONS}/v3", headers=writer).json()
    assert (served["digest"], served["system_prompt"]) == (first.json()["digest"], "Good day {{name}}.")


def test_a_version_never_changes(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("write")
    found = guarded_desk.post(VERSIONS, json={**SHORT, "version": "v1"}, headers=writer)
    assert found.status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"system_prompt": "{{#open}}"}, 422, "P110"),
        ({"system_prompt": "{{> safety@v1}}"}, 422, "P111"),
        ({"system_prompt": "x", "id": "another"}, 422, "P105"),
        ({"unknown": 1}, 422, "P101"),
        ({"system_prompt": "x", "version": "latest"}, 422, None),
        ([], 400, None),
    ],
)
def test_a_prompt_that_validate_refuses_is_refused(guarded_desk: Desk, body: Any, status: int, code: str) -> None:
    found = guarded_desk.post(VERSIONS, json=body, headers=guarded_desk.bearer("write"))
    assert found.status_code == status
    assert code is None or code in {item["code"] for item in found.json()["findings"]}
    assert f"prompts/{GREET}@v3" not in guarded_desk.store.objects


def test_under_block_only_the_sync_token_writes(tmp_path: Path) -> None:
    with desk(tmp_path, tokens=True, blocks_edits=True) as found:
        writer, syncer = found.bearer("write"), found.bearer("sync")
        assert found.put(LABELS, json=move({"production": "v2"}), headers=writer).status_code == 403
        assert found.post(VERSIONS, json=SHORT, headers=writer).status_code == 403
        assert found.put(LABELS, json=move({"production": "v2"}), headers=syncer).status_code == 200


def test_where_nobody_needs_a_token_nobody_writes(open_desk: Desk) -> None:
    assert open_desk.put(LABELS, json=move({"production": "v2"})).status_code == 403
    assert open_desk.post(VERSIONS, json=SHORT).status_code == 403
    assert open_desk.post("/v1/sync/state", json={}).status_code == 403
