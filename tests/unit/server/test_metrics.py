"""Counters of several workers, and a text that Prometheus reads."""

from __future__ import annotations

import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from catalog_tool.server.metrics import ROWS, Board

from .desk import GREET, Desk

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def values(text: str) -> Values:
    """Every sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_of_one_worker_tells_of_all(tmp_path: Path) -> None:
    boards = [Board(tmp_path / "board", ["a", "b"]) for _ in range(3)]
    for board in boards:
        board.claim()
        board.count("a", 200, 0.002)
        board.gauge("prompts", 7)
        board.gauge("ready", 1)
    boards[1].count("b", 503, 5.0)
    found = values(boards[2].text(time.time()))
    assert found["catalog_requests_total", (("route", "a"), ("status", "2xx"))] == 3
    assert found["catalog_requests_total", (("route", "b"), ("status", "5xx"))] == 1
    assert found["catalog_request_seconds_bucket", (("le", "0.001"), ("route", "a"))] == 0
    assert found["catalog_request_seconds_bucket", (("le", "0.0025"), ("route", "a"))] == 3
    assert found["catalog_request_seconds_bucket", (("le", "1.0"), ("route", "b"))] == 0
    assert found["catalog_request_seconds_count", (("route", "b"),)] == 1
    assert found["catalog_prompts", ()] == 7
    assert found["catalog_ready_workers", ()] == 3


def test_a_worker_that_died_is_not_counted_as_ready_and_what_it_counted_stays(tmp_path: Path) -> None:
    dead, living = Board(tmp_path / "board", ["a"]), Board(tmp_path / "board", ["a"])
    for board in (dead, living):
        board.claim()
        board.gauge("ready", 1)
        board.gauge("label_moves", 2)
        board.count("a", 200, 0.1)
    living.seen(time.time() + 60)
    found = values(living.text(time.time() + 60))
    assert found["catalog_ready_workers", ()] == 1
    assert found["catalog_label_moves_total", ()] == 4
    assert found["catalog_requests_total", (("route", "a"), ("status", "2xx"))] == 2


def test_one_worker_that_drains_drains_all(tmp_path: Path) -> None:
    first, second = Board(tmp_path / "board", ["a"]), Board(tmp_path / "board", ["a"])
    assert not second.is_draining
    first.drain()
    assert second.is_draining


def test_more_workers_than_rows_still_count(tmp_path: Path) -> None:
    boards = [Board(tmp_path / "board", ["a"]) for _ in range(ROWS + 3)]
    for board in boards:
        board.claim()
    boards[-1].count("a", 200, 0.1)
    assert values(boards[0].text(time.time()))["catalog_requests_total", (("route", "a"), ("status", "2xx"))] == 1


def test_nothing_of_a_request_becomes_a_label(open_desk: Desk) -> None:
    for number in range(60):
        open_desk.get(f"/v1/prompts/p{number}")
        open_desk.get(f"/odd/{number}")
        open_desk.client.request(f"M{number}", f"/v1/prompts/{GREET}?label=x{number}&key={number}")
    before = values(open_desk.get("/metrics").text)
    open_desk.get(f"/v1/prompts/{GREET}/versions/v77")
    labels = {value for _, pairs in before for _, value in pairs}
    assert not any(
        character.isdigit() for value in labels for character in value if "xx" not in value and "." not in value
    )
    assert len(before) < 120


def test_gauges_of_the_store(open_desk: Desk) -> None:
    found = values(open_desk.get("/metrics").text)
    assert found["catalog_prompts", ()] == 2
    assert found["catalog_skills", ()] == 1
    assert found["catalog_ready_workers", ()] == 1
    assert found["catalog_damaged_objects", ()] == 0
