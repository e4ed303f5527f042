"""What a version's counters grew in a window, by a real promtool: gaps, restarts, and series that are new in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from catalog_tool.usage import promql

STEP, END, WINDOW = 15, 10_800, 600
"""Seconds: between scrapes, of the last one, and of the window that ends with it."""
GROWTH = 10
"""Calls between two scrapes of the process that runs all the time."""
SCOPE = promql.scope_of(("support_agent", "v3-bbbbbbbbbbbb", "production"), WINDOW)

Shape = Callable[[int], float | str]
"""A counter by time: ``_`` where it was not scraped, ``stale`` where Prometheus marked its end."""


def series(instance: str, status: str, shape: Shape) -> dict[str, str]:
    """One series, scraped from 0 to ``END``."""
    labels = {
        "instance": instance, "status": status, "gen_ai_prompt_name": "support_agent",
        "prompt_version_id": "v3-bbbbbbbbbbbb", "catalog_prompt_label": "production",
    }  # fmt: skip
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    values = " ".join(str(shape(at)) for at in range(0, END + 1, STEP))
    return {"series": f"catalog_prompt_requests_total{{{inside}}}", "values": values}


def steady(at: int) -> float:
    return at / STEP * GROWTH


def seen(shape: Shape, *spans: tuple[int, int]) -> Shape:
    """A series that was scraped only within these spans of time, last ones included."""
    return lambda at: shape(at) if any(first <= at <= last for first, last in spans) else "_"


def check(folder: Path, input_series: Iterable[dict[str, str]], asked: dict[str, Iterable[int]]) -> None:
    """Every condition holds at every one of its times."""
    if (found := shutil.which("promtool")) is None:
        pytest.skip("NO PROMTOOL ON THIS MACHINE: install prometheus; what counters grew was not tested")
    tests = [
        {"expr": expr, "eval_time": f"{at}s", "exp_samples": [{"labels": "{}", "value": 1}]}
        for expr, times in asked.items()
        for at in times
    ]
    test = {"interval": f"{STEP}s", "input_series": list(input_series), "promql_expr_test": tests}
    (folder / "test.yml").write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))
    command = [found, "test", "rules", folder / "test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


def about(query: str, value: float, off: float = 0.0) -> str:
    """1 where it is that, 0 where not; nothing counts as 0."""
    return f"abs(({query} or vector(0)) - {value}) <= bool {off + 1e-6}"


RUNNING = series("a", "ok", steady)
CALLS = WINDOW / STEP * GROWTH
DOWN, UP = END - 960, END - 240
"""A Prometheus that was down when the window began."""
CASES: dict[str, tuple[list[dict[str, str]], float, float, float]] = {
    # what was scraped, calls, how far off they may be (`increase` extrapolates to the window's ends), failures
    "nothing failed": ([RUNNING], CALLS, 0, 0),
    "the first errors of a running process": ([RUNNING, series("a", "error", seen(lambda _: 12, (END - 60, END)))],
        CALLS + 12, 0, 12),
    "scraped once": ([RUNNING, series("b", "error", seen(lambda _: 12, (END, END)))], CALLS + 12, 0, 12),
    "a process that began and crashed in the window": (
        [RUNNING, series("b", "error",
            lambda at: "stale" if at == END - 405 else 100 + (at - END + 540) / STEP * 10
            if END - 540 <= at < END - 405 else "_")],
        CALLS + 180, 0, 180),
    "prometheus was down when the window began": (
        [series("a", "ok", seen(steady, (0, DOWN), (UP, END))),
         series("a", "error", seen(lambda at: min(at, 900), (0, DOWN), (UP, END)))],
        (END - UP) / STEP * GROWTH, 10, 0),
    "one scrape failed just then": (
        [series("a", "ok", lambda at: "stale" if at == END - WINDOW else steady(at)),
         series("a", "error", lambda at: "stale" if at == END - WINDOW else 500)],
        CALLS, 20, 0),
    "a process restarted": ([RUNNING, series("b", "error", lambda at: 700 if at < END - 300 else 3)], CALLS + 3, 0, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_counters_grew(tmp_path: Path, name: str) -> None:
    scraped, calls, off, failures = CASES[name]
    asked = {about(promql.requests(SCOPE), calls, off): [END], about(promql.failures(SCOPE), failures): [END]}
    check(tmp_path, scraped, asked)


def test_a_new_process_that_crashes_again_and_again_counts_by_all_its_lives(tmp_path: Path) -> None:
    lives = series("b", "error", seen(lambda at: 50 + (END - at) // STEP % 10, (END - 450, END)))
    truth = 31 * 50  # each scrape finds one call less than the last: a restart, and more than 50 calls since
    check(tmp_path, [RUNNING, lives], {f"{promql.failures(SCOPE)} > bool {truth * 0.8}": [END]})


@pytest.mark.parametrize("hours", [0, 0.2, 0.5, 0.95, 1, 1.05, 2])
def test_after_a_gap_nothing_old_counts_however_long_it_was(tmp_path: Path, hours: float) -> None:
    """Asked at every scrape. Two processes, of which one is scraped a little later than the other."""
    down, up = 2000, 2000 + int(hours * 3600)
    early = seen(lambda at: min(at, 900), (0, down), (up, END))
    late = seen(lambda at: min(at, 900), (0, down - STEP), (up + 4 * STEP, END))
    scraped = [series("a", "ok", early), series("a", "error", early), series("b", "error", late)]
    check(tmp_path, scraped, {about(promql.failures(SCOPE), 0): range(1800, END, STEP)})


def test_a_prometheus_that_begins_empty_takes_nothing_for_new(tmp_path: Path) -> None:
    scraped = [
        series("a", "ok", seen(lambda at: 9000 + at, (1800, END))),
        series("a", "error", seen(lambda _: 900, (1800, END))),
        series("b", "error", seen(lambda _: 900, (1800 + 8 * STEP, END))),
    ]
    check(tmp_path, scraped, {about(promql.failures(SCOPE), 0): range(1800, END, STEP)})


def test_one_process_that_was_not_reached_for_most_of_an_hour_is_not_new(tmp_path: Path) -> None:
    unreached = seen(lambda _: 900, (0, 2000), (2000 + 3500, END))
    check(
        tmp_path, [RUNNING, series("b", "error", unreached)], {about(promql.failures(SCOPE), 0): range(1800, END, 15)}
    )


def test_another_prompt_makes_nothing_new(tmp_path: Path) -> None:
    """The prompt itself has to have been seen before: else its first windows count what grew in them only."""
    other = {**RUNNING, "series": RUNNING["series"].replace("support_agent", "billing")}
    first = series("b", "error", seen(lambda _: 12, (END - 60, END)))
    check(tmp_path, [other, first], {about(promql.failures(SCOPE), 0): [END]})
