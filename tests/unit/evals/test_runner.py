"""Runs against a scripted server: outcomes, repetitions, budgets and the evidence that comes of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_server import MODEL, ModelServer, Raw, Said, Seen

from catalog_tool.errors import UsageError
from catalog_tool.evals.budget import Limits
from catalog_tool.evals.comparison import compare, status_of
from catalog_tool.evals.golden import read_golden
from catalog_tool.evals.runner import evaluate
from catalog_tool.evals.session import Options, Session
from catalog_tool.evals.workers import work_through
from catalog_tool.gate.evidence import Evidence
from catalog_tool.gate.records import evidence_bytes, evidence_document, read_evidence
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

from .catalogs import PROMPT, TESTS, opened, version_of


def run(root: Path, script: Callable[[Seen], Said | Raw] | None, *, tests: str = TESTS, **options: Any) -> Evidence:
    """Evaluate ``greet@v1``; ``script`` None: nobody answers but the cache."""
    catalog = opened(root, tests=tests)
    version, golden = version_of(catalog), read_golden(catalog, "greet").scored()
    if script is None:
        with Session(Options(**options), {}) as session:
            return evaluate(version, golden, session.asking(version, golden))
    with (
        ModelServer(script) as server,
        Session(Options(endpoint=server.url, **options), {}, pause=lambda _: False) as session,
    ):
        return evaluate(version, golden, session.asking(version, golden))


def outcomes(evidence: Evidence) -> dict[str, str]:
    return {case.name: case.outcome for case in evidence.cases}


def greets(seen: Seen) -> Said:
    return Said(text="Hello Ada!" if "Ada" in seen.text else "Good day.", tokens=(30, 4))


def test_outcomes_and_evidence(tmp_path: Path) -> None:
    evidence = run(tmp_path, greets)
    assert outcomes(evidence) == {"ada": "pass", "bo": "fail"}
    assert evidence.cases[1].message == "contains: “Bo” does not occur"
    assert [check.outcome for check in evidence.cases[1].checks] == ["pass", "fail"]
    assert (evidence.origin, evidence.endpoint, evidence.stopped) == ("run", "openai-chat", None)
    assert (evidence.model.name, evidence.model.declared) == ("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18")
    assert evidence.model.answered_as == (MODEL,)
    assert (evidence.usage.requests, evidence.usage.input_tokens, evidence.usage.output_tokens) == (2, 60, 8)
    assert evidence.usage.cost_usd == pytest.approx((60 * 0.15 + 8 * 0.6) / 1e6)
    assert evidence.judge.digest is None
    assert status_of(evidence) == "fail"
    document = evidence_document(evidence)
    assert SchemaEngine(load_schema("evidence")).errors(document) == []
    assert replace(read_evidence(evidence_bytes(evidence)), digest=None) == evidence


def test_the_order_is_the_datasets_whoever_answers_first(tmp_path: Path) -> None:
    bo_is_done = threading.Event()

    def script(seen: Seen) -> Said:
        if "Ada" in seen.text:
            bo_is_done.wait(10)
        else:
            bo_is_done.set()
        return greets(seen)

    assert list(outcomes(run(tmp_path, script, threads=2))) == ["ada", "bo"]


def test_a_replay_is_the_same_run_for_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(tmp_path, greets, cache=cache, repetitions=2)
    again = run(tmp_path, None, cache=cache, repetitions=2)
    assert again.origin == "replay"
    assert (again.usage.requests, again.usage.cached, again.usage.cost_usd) == (0, 4, 0)
    assert again.cases == first.cases
    assert again.performance == first.performance
    assert again.dataset == first.dataset
    changed = run(tmp_path, None, cache=cache, tests=TESTS.replace("name: Bo,", "name: Bob,"))
    assert outcomes(changed) == {"ada": "pass", "bo": "error"}
    assert status_of(changed) == "indeterminate"


def test_repetitions_settle_a_case(tmp_path: Path) -> None:
    counts: dict[str, int] = {}

    def script(seen: Seen) -> Said:
        name = "Ada" if "Ada" in seen.text else "Bo"
        counts[name] = counts.get(name, 0) + 1
        return Said(text=f"Hello {name}" if counts[name] != 2 else "Hello")

    evidence = run(tmp_path, script, repetitions=3, threads=1)
    ada, bo = evidence.cases
    assert (ada.repetitions, ada.outcome) == (("pass", "fail", "pass"), "fail"), "critical: one failure is enough"
    assert (bo.repetitions, bo.outcome) == (("pass", "fail", "pass"), "pass")
    assert ada.checks[1].outcome == "fail", "the checks shown are those of the failure"


def test_a_failing_server_is_an_error_and_never_a_pass(tmp_path: Path) -> None:
    evidence = run(tmp_path, lambda seen: Raw(status=500) if "Bo" in seen.text else greets(seen))
    assert outcomes(evidence) == {"ada": "pass", "bo": "error"}
    assert "HTTP 500" in (evidence.cases[1].message or "")
    assert status_of(evidence) == "indeterminate"


def test_a_key_that_is_refused_ends_the_run(tmp_path: Path) -> None:
    tests = "cases:\n" + "".join(
        f"  - {{name: c{i}, vars: {{name: N}}, expect: [{{type: is_json}}]}}\n" for i in range(9)
    )
    with ModelServer(lambda _: Raw(status=401)) as server:
        catalog = opened(tmp_path, tests=tests)
        golden = read_golden(catalog, "greet")
        with Session(Options(endpoint=server.url, threads=1), {}) as session:
            evidence = evaluate(version_of(catalog), golden, session.asking(version_of(catalog), golden))
    assert len(server.seen) == 1
    assert [case.outcome for case in evidence.cases] == ["error"] + ["skipped"] * 8
    assert evidence.stopped == "refused"


@pytest.mark.parametrize(
    ("limits", "asked"), [(Limits(requests=1), 1), (Limits(tokens=150), 1), (Limits(cost_usd=0.00005), 1)]
)
def test_a_budget_is_kept_and_the_rest_is_skipped(tmp_path: Path, limits: Limits, asked: int) -> None:
    evidence = run(tmp_path, lambda _: Said(text="Ada", tokens=(100, 20)), limits=limits, threads=1)
    assert evidence.usage.requests == asked
    assert outcomes(evidence) == {"ada": "pass", "bo": "skipped"}
    assert evidence.stopped == "budget"
    assert status_of(evidence) == "indeterminate"


def test_a_price_that_is_not_known_is_not_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, greets, model="my-own-7b").usage.cost_usd is None
    with pytest.raises(UsageError, match="the price of my-own-7b is unknown"):
        run(tmp_path, greets, model="my-own-7b", limits=Limits(cost_usd=5))
    assert run(tmp_path, lambda _: Said(text="x", tokens=None)).usage.cost_usd is None


@pytest.mark.parametrize(("reply", "cost"), [(Raw(status=200, body=b"<html>"), "unknown"), (Raw(status=400), "known")])
def test_what_an_answer_that_cannot_be_used_cost_is_not_known(tmp_path: Path, reply: Raw, cost: str) -> None:
    usage = run(tmp_path, lambda seen: reply if "Bo" in seen.text else greets(seen)).usage
    assert (usage.requests, "unknown" if usage.cost_usd is None else "known") == (2, cost)


JUDGED = "cases: [{name: ada, vars: {name: Ada}, expect: [{type: judge, rubric: style}]}]\n"


def judging(verdict: Said | Raw) -> Callable[[Seen], Said | Raw]:
    return lambda seen: verdict if seen.body["model"] == "judge-1" else Said(text="Hello Ada")


@pytest.mark.parametrize(
    ("verdict", "outcome", "score"),
    [
        (Said(text='<think>hm</think>{"reason": "kind", "score": 5}'), "pass", 1.0),
        (Said(text='{"reason": "rude", "score": 1}'), "fail", 0.0),
        (Said(text='{"reason": "?", "score": "unknown"}'), "unknown", None),
        (Said(text="Great answer!"), "error", None),
        (Raw(status=500), "error", None),
        (Raw(body=b"<html>"), "error", None),
    ],
)
def test_the_judges_word(tmp_path: Path, verdict: Said | Raw, outcome: str, score: float | None) -> None:
    evidence = run(tmp_path, judging(verdict), tests=JUDGED, judge_model="judge-1")
    assert outcomes(evidence) == {"ada": outcome}
    assert evidence.cases[0].scores == {"style": score}
    assert evidence.judge.models == ("judge-1",)
    assert evidence.model.answered_as == (MODEL,)


def test_another_judge_is_another_digest(tmp_path: Path) -> None:
    fine = judging(Said(text='{"score": 5}'))
    first = run(tmp_path, fine, tests=JUDGED, judge_model="judge-1")
    assert first.judge.digest is not None
    assert run(tmp_path, fine, tests=JUDGED, judge_model="judge-1").judge == first.judge
    others = [
        run(tmp_path, fine, tests=JUDGED, judge_model="judge-2"),
        run(tmp_path, fine, tests=JUDGED, judge_model="judge-1", votes=3),
        run(tmp_path, fine, tests=JUDGED.replace("style", "moderation"), judge_model="judge-1"),
        run(tmp_path, fine, tests=JUDGED.replace("style", "is it kind?"), judge_model="judge-1"),
    ]
    assert len({first.judge.digest, *(other.judge.digest for other in others)}) == 5


def test_a_judge_that_is_needed_and_not_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1 expectations \(judge\) need a judge"):
        run(tmp_path, greets, tests=JUDGED)
    similar = JUDGED.replace("type: judge, rubric: style", "type: similarity, value: Hello")
    with pytest.raises(UsageError, match="need an embedding model"):
        run(tmp_path, greets, tests=similar)


def test_similarity_by_the_embeddings_of_the_endpoint(tmp_path: Path) -> None:
    similar = JUDGED.replace("type: judge, rubric: style", "type: similarity, value: Hi Ada")

    def script(seen: Seen) -> Said:
        return Said(vectors=[[1, 0], [0.6, 0.8]]) if seen.path.endswith("/embeddings") else Said(text="Hello Ada")

    evidence = run(tmp_path, script, tests=similar, embedding_model="text-embedding-3-small")
    assert outcomes(evidence) == {"ada": "fail"}
    assert evidence.cases[0].scores == {"similarity": 0.6}
    assert evidence.usage.requests == 2


def test_a_case_that_does_not_render_fails_without_asking(tmp_path: Path) -> None:
    evidence = run(tmp_path, greets, tests=TESTS.replace("vars: {name: Ada}", "vars: {mood: glad}"))
    assert outcomes(evidence)["ada"] == "fail"
    assert evidence.usage.requests == 1
    broken = run(tmp_path, greets, tests=TESTS.replace("type: contains, value: Ada", "type: contian, value: Ada"))
    assert outcomes(broken)["ada"] == "error"


def test_streaming_is_measured_without_the_warm_up(tmp_path: Path) -> None:
    evidence = run(tmp_path, greets, stream=True, threads=1)
    assert evidence.usage.requests == 3
    assert evidence.performance["latency_ms"].samples == 2
    assert evidence.performance["time_to_first_token_ms"].samples == 2
    assert evidence.performance["input_tokens"].mean == 30


def test_nothing_of_the_run_shows_the_key(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    golden = read_golden(catalog, "greet")
    script = lambda seen: Raw(status=400, body=json.dumps({"error": seen.headers["authorization"]}).encode())  # noqa: E731
    with ModelServer(script) as server:
        options = Options(endpoint=server.url, cache=tmp_path / "cache")
        with Session(options, {"CATALOG_EVAL_API_KEY": "sk-canary-9"}) as session:
            evidence = evaluate(version_of(catalog), golden, session.asking(version_of(catalog), golden))
    assert server.seen[0].headers["authorization"] == "Bearer sk-canary-9"
    assert b"sk-canary" not in evidence_bytes(evidence)
    assert "***" in (evidence.cases[0].message or "")
    assert server.url not in evidence_bytes(evidence).decode()


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    worse = run(tmp_path, lambda _: Said(text="Bo"))
    better = run(tmp_path, greets)
    compared = compare(better, worse)
    assert (compared.fixed, compared.regressed, compared.same, compared.open) == (("ada",), ("bo",), 0, ())
    crashed = run(tmp_path, lambda _: Raw(status=400))
    assert compare(better, crashed).open == ("ada", "bo")


def test_flaky_cases_are_reported_and_do_not_count(tmp_path: Path) -> None:
    evidence = run(tmp_path, greets, tests=TESTS.replace("value: Bo}]", "value: Bo}], flaky: true"))
    assert outcomes(evidence)["bo"] == "fail"
    assert status_of(evidence) == "pass"


def test_a_prompt_without_a_model_needs_one(tmp_path: Path) -> None:
    catalog = opened(tmp_path, prompt=PROMPT.replace("model: {provider: openai, name: gpt-4o-mini-2024-07-18}\n", ""))
    golden = read_golden(catalog, "greet")
    with Session(Options(cache=tmp_path), {}) as session, pytest.raises(UsageError, match="names no model"):
        session.asking(version_of(catalog), golden)
    with Session(Options(), {}) as session, pytest.raises(UsageError, match="there is nobody to ask"):
        session.asking(version_of(catalog), golden)


def test_an_unexpected_exception_in_a_worker_is_raised_by_the_run() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise KeyError("a bug")
        return number

    with pytest.raises(KeyError, match="a bug"):
        work_through(range(100), work, threads=3)
    seen: list[tuple[int, int]] = []
    assert work_through(range(3), lambda n: n * 2, threads=9, progress=lambda a, b: seen.append((a, b))) == [0, 2, 4]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert work_through([], work, threads=2) == []
