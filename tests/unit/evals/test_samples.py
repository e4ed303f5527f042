"""Production samples: what is new, what is scored, and that nothing is lost or counted twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.checks.expectations import Expectation
from catalog_tool.errors import UsageError
from catalog_tool.evals.courier import AskError
from catalog_tool.evals.golden import read_golden
from catalog_tool.evals.sample_runs import (
    METRICS_A_VERSION,
    SampleRun,
    Scoring,
    for_samples,
    golden_lines,
    metrics_text,
    score_samples,
)
from catalog_tool.evals.samples import (
    Batch,
    Total,
    Watermark,
    beginning,
    read_new,
    read_watermark,
    start_of,
    write_watermark,
)

from .catalogs import opened, version_of
from .scenes import Bench

CONTAINS: tuple[Expectation, ...] = ({"type": "contains", "value": "Ada"},)
STYLE: tuple[Expectation, ...] = ({"type": "judge", "rubric": "style"},)


def sample(number: int, output: Any = "Hello Ada", *, version: str = "v1-aaaaaaaaaaaa", **more: Any) -> str:
    line = {
        "format": 1, "at": "2026-01-01T00:00:00Z", "kind": "sample", "id": f"s{number}", "prompt": "greet",
        "prompt_version_id": version, "digest": "sha256:" + "a" * 64, "label": "production", "model": "m",
        "input": [{"role": "user", "content": "I am Ada"}], "output": output, "scores": {}, **more,
    }  # fmt: skip
    return json.dumps(line) + "\n"


def feedback(number: int, score: float) -> str:
    return json.dumps({"format": 1, "kind": "feedback", "sample": f"s{number}", "score": score, "comment": ""}) + "\n"


def look(path: Path, mark: Watermark) -> tuple[Batch, Watermark]:
    """What a run does before it scores."""
    start = start_of(path, mark)
    head, size = beginning(path)
    return read_new(path, start, "greet"), replace(mark, head=head, head_bytes=size, offset=start)


def score(path: Path, mark: Watermark, expectations: tuple[Expectation, ...] = CONTAINS, **more: Any) -> SampleRun:
    return score_samples(*look(path, mark), Scoring(expectations=expectations, parts={}, threads=1, **more))


def test_only_what_is_new_is_scored_and_totals_grow(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1) + sample(2, "Hello Bo") + sample(3, version="v2-bbbbbbbbbbbb"))
    first = score(path, Watermark())
    assert (first.new, first.status) == (3, "done")
    assert [each.outcome for each in first.scored] == ["pass", "fail", "pass"]
    assert first.fresh[("v1-aaaaaaaaaaaa", "pass")] == Total(count=2, sum=1)
    assert first.fresh[("v2-bbbbbbbbbbbb", "pass")].mean == 1
    with path.open("a") as file:
        file.write(sample(4, "no"))
    again = score(path, first.mark)
    assert [each.sample.id for each in again.scored] == ["s4"]
    assert again.mark.totals[("v1-aaaaaaaaaaaa", "pass")] == Total(count=3, sum=1)
    assert score(path, again.mark).new == 0


def test_the_watermark_survives_its_file(tmp_path: Path) -> None:
    path, kept = tmp_path / "s.jsonl", tmp_path / "mark.json"
    path.write_text(sample(1))
    mark = score(path, Watermark(prompt="greet")).mark
    write_watermark(kept, mark)
    assert read_watermark(kept, "greet") == mark
    with pytest.raises(UsageError, match="another prompt's, not that of other"):
        read_watermark(kept, "other")
    assert read_watermark(tmp_path / "none.json", "greet") == Watermark(prompt="greet")
    for broken in ("", "[]", '{"format": 2}', '{"format": 1}'):
        kept.write_text(broken)
        with pytest.raises(UsageError, match="no watermark of ours"):
            read_watermark(kept, "greet")


def test_a_file_that_took_the_place_of_another_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1) + sample(2))
    mark = score(path, Watermark()).mark
    path.write_text(sample(9, "Hello Ada, and more than before" * 50))
    assert [each.id for each in look(path, mark)[0].samples] == ["s9"]
    path.write_text("")
    assert look(path, mark)[0].samples == ()


def test_lines_of_others_are_counted_and_a_torn_one_waits(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    strange = [
        "no json\n",
        "[]\n",
        '{"format": 2, "kind": "sample"}\n',
        '{"format": 1, "kind": "sample", "id": 5}\n',
        "\n",
    ]
    whole = sample(2)
    path.write_text(sample(1) + "".join(strange) + whole[:40])
    batch, mark = look(path, Watermark())
    assert ([each.id for each in batch.samples], batch.unreadable) == (["s1"], 4)
    run = score_samples(batch, mark, Scoring(expectations=CONTAINS, parts={}))
    with path.open("a") as file:
        file.write(whole[40:])
    assert [each.id for each in look(path, run.mark)[0].samples] == ["s2"]


def test_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1) + "x" * 3_000_000 + "\n" + sample(2))
    batch = look(path, Watermark())[0]
    assert ([each.id for each in batch.samples], batch.unreadable) == (["s1", "s2"], 1)


def test_samples_of_other_prompts_are_left(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1, prompt="other") + sample(2))
    assert [each.id for each in look(path, Watermark())[0].samples] == ["s2"]


def test_feedback_joins_its_sample_even_one_of_an_earlier_run(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1) + sample(2, version="v2-bbbbbbbbbbbb") + feedback(2, 1) + feedback(99, 1))
    first = score(path, Watermark())
    assert first.fresh[("v2-bbbbbbbbbbbb", "feedback")] == Total(count=1, sum=1)
    assert ("", "feedback") not in first.fresh
    with path.open("a") as file:
        file.write(feedback(1, 0) + sample(3))
    again = score(path, first.mark)
    assert again.fresh[("v1-aaaaaaaaaaaa", "feedback")] == Total(count=1, sum=0)


def test_recorded_scores_count_unless_the_evaluation_gives_one_of_their_name(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    given = {"relevance": 0.25, "style": 0.9, "pass": 0, "feedback": 1, "": 1, "toxic": True, "x" * 300: 1}
    path.write_text(sample(1, scores=given) + sample(2, scores={"relevance": 0.75}) + feedback(1, -1))
    judge = Bench(json.dumps({"score": 5}))
    run = score(path, Watermark(), STYLE, judge=judge)
    version = "v1-aaaaaaaaaaaa"
    assert run.fresh == {
        (version, "style"): Total(count=2, sum=2),
        (version, "pass"): Total(count=2, sum=2),
        (version, "relevance"): Total(count=2, sum=1),
        (version, "x" * 99 + "…"): Total(count=1, sum=1),
        (version, "feedback"): Total(count=1, sum=-1),
    }
    assert 'metric="relevance"} 1.0\n' in metrics_text("greet", run.mark.totals)


def test_recorded_scores_alone_are_added_up_and_judge_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1, scores={"relevance": 0.25}))
    run = score(path, Watermark(), ())
    assert (run.status, run.fresh) == ("done", {("v1-aaaaaaaaaaaa", "relevance"): Total(count=1, sum=0.25)})


def test_names_of_scores_do_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("".join(sample(number, scores={f"user {number}": 1, "common": 1}) for number in range(150)))
    first = score(path, Watermark(), ())
    assert len(first.mark.totals) == METRICS_A_VERSION
    assert first.mark.totals[("v1-aaaaaaaaaaaa", "common")].count == 150
    with path.open("a") as file:
        file.write(sample(200, scores={"user 200": 1, "common": 1}))
    again = score(path, first.mark, ())
    assert again.fresh == {("v1-aaaaaaaaaaaa", "common"): Total(count=1, sum=1)}


def test_what_a_budget_left_is_scored_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("".join(sample(number) for number in range(1, 6)) + feedback(1, 1))
    fine = json.dumps({"score": 5})
    says: list[str | Exception] = [fine, fine, fine, AskError("--max-requests 3 is reached"), AskError("…")]

    class Counting(Bench):
        def votes(self, messages: Any, count: int) -> list[str | Exception]:
            super().votes(messages, count)
            return [says[len(self.asked) - 1]]

    run = score(path, Watermark(), STYLE, judge=Counting(""), spent=lambda: "--max-requests 3 is reached")
    assert ([each.sample.id for each in run.scored], run.status) == (["s1", "s2", "s3"], "indeterminate")
    assert ("v1-aaaaaaaaaaaa", "feedback") not in run.fresh
    rest = score(path, run.mark, STYLE, judge=Bench(fine))
    assert [each.sample.id for each in rest.scored] == ["s4", "s5"]
    assert rest.mark.totals[("v1-aaaaaaaaaaaa", "style")] == Total(count=5, sum=5)
    assert rest.mark.totals[("v1-aaaaaaaaaaaa", "feedback")] == Total(count=1, sum=1)


def test_a_judge_that_is_down_uses_up_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(sample(1) + sample(2))
    run = score(path, Watermark(), STYLE, judge=Bench(AskError("HTTP 500")))
    assert (run.status, run.scored, run.mark.offset, run.fresh) == ("indeterminate", (), 0, {})
    assert "HTTP 500" in (run.stopped or "")


def test_what_samples_can_be_asked(tmp_path: Path) -> None:
    tests = (
        "expect: [{type: max_latency, value: 5}, {type: max_input_tokens, value: 9}, {type: not_contains, value: x}]\n"
        "cases: [{name: a, vars: {name: A}, expect: [{type: is_json}]}]\n"
    )
    golden = read_golden(opened(tmp_path, tests=tests), "greet")
    assert for_samples(golden, ["style"]) == (
        {"type": "not_contains", "value": "x"},
        {"type": "judge", "rubric": "style"},
    )
    assert version_of(opened(tmp_path, tests=tests)).id == "greet"


def test_metrics_are_cumulative_by_version_and_safe() -> None:
    totals = {
        ("v1-aaaaaaaaaaaa", "style"): Total(count=4, sum=3.5),
        ('v2"\n\\', "pass"): Total(count=1, sum=1),
        ("v1-aaaaaaaaaaaa", "feedback"): Total(count=2, sum=-1),
    }
    text = metrics_text("support/greet", totals)
    assert "# TYPE catalog_prompt_score summary\n" in text
    labels = 'gen_ai_prompt_name="support/greet",prompt_version_id="v1-aaaaaaaaaaaa"'
    assert f'catalog_prompt_score_sum{{{labels},metric="style"}} 3.5\n' in text
    assert f'catalog_prompt_score_count{{{labels},metric="style"}} 4\n' in text
    assert f"catalog_prompt_feedback_sum{{{labels}}} -1\n" in text
    assert r'prompt_version_id="v2\"\n\\"' in text
    assert metrics_text("x", {}) == ""


def test_samples_become_cases(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    given = {"vars": {"name": "Ada"}, "messages": [{"role": "user", "content": "I am Ada"}]}
    path.write_text(
        sample(1, "no", input=given)
        + sample(2, "no")
        + sample(3, input=given)
        + sample(4, input=given)
        + feedback(4, 0)
    )
    batch, mark = look(path, Watermark())
    run = score_samples(batch, mark, Scoring(expectations=CONTAINS, parts={}))
    lines, lacking = golden_lines(run, batch)
    assert lacking == 1
    cases = [json.loads(line) for line in lines.splitlines()]
    assert [(case["name"], case["vars"]) for case in cases] == [
        ("sample s1", {"name": "Ada"}), ("sample s4", {"name": "Ada"}),
    ]  # fmt: skip
    catalog = opened(tmp_path, more_jsonl=lines)
    assert len(read_golden(catalog, "greet").cases) == 4
