"""Results of other tools become evidence: nothing passes that did not, and hostile files are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.evals.golden import GoldenCase, GoldenSet
from catalog_tool.evals.interchange import as_evidence
from catalog_tool.evals.interchange_assertions import assertions_of, literal, untold
from catalog_tool.evals.interchange_formats import READERS, read_results
from catalog_tool.gate.evidence import Evidence, Subject
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.records import evidence_bytes, read_evidence

SUBJECT = Subject(id="support_agent", version="v3", digest="sha256:" + "3" * 64)


def evidence(form: str, data: bytes | str, golden: GoldenSet | None = None, threshold: float = 0.5) -> Evidence:
    raw = data.encode() if isinstance(data, str) else data
    made = as_evidence(read_results(form, raw, threshold), SUBJECT, golden, 1_772_546_400)
    assert read_evidence(evidence_bytes(made)) == made
    assert made.origin == "import"
    return made


def outcomes(made: Evidence) -> dict[str, str]:
    return {case.name: case.outcome for case in made.cases}


def lines(*found: dict[str, Any]) -> str:
    return "\n".join(json.dumps(line) for line in found)


class TestJsonLines:
    def test_scores_and_verdicts(self) -> None:
        made = evidence("jsonl", lines(
            {"case": "good", "metric": "faithfulness", "score": 0.9},
            {"case": "good", "metric": "latency_ms", "score": 4, "better": "lower", "unit": "ms"},
            {"case": "bad", "metric": "faithfulness", "score": 0.4},
            {"case": "told", "metric": "faithfulness", "score": 0.1, "pass": True},
            {"case": "named", "outcome": "failed", "message": "no reason"},
            {"case": "odd", "outcome": "splendid"},
            {"case": "silent", "metric": "faithfulness", "score": None},
        ))  # fmt: skip
        assert outcomes(made) == {
            "good": "pass", "bad": "fail", "told": "pass", "named": "fail", "odd": "error", "silent": "error",
        }  # fmt: skip
        assert made.cases[0].scores == {"faithfulness": 0.9, "latency_ms": 4}
        assert made.metrics["latency_ms"].better == "lower"

    def test_repetitions_of_a_case(self) -> None:
        made = evidence("jsonl", lines(*({"case": "a", "repetition": n, "pass": n != 2} for n in (1, 2, 3))))
        assert (made.cases[0].outcome, made.cases[0].repetitions, made.repetitions) == (
            "pass", ("pass", "fail", "pass"), 3,
        )  # fmt: skip

    def test_the_threshold_is_said_where_it_decides(self) -> None:
        judged = read_results("jsonl", lines({"case": "a", "metric": "m", "score": 0.6}).encode(), 0.7)
        assert judged.observations[0].outcome == "fail"
        assert any("at least 0.7" in sentence for sentence in judged.lost)
        told = read_results("jsonl", lines({"case": "a", "metric": "m", "score": 0.6, "pass": True}).encode(), 0.7)
        assert not any("at least" in sentence for sentence in told.lost)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ("", "no result"),
            ("not json", "line 1: not JSON"),
            ("[]", "line 1: an object"),
            (lines({"case": "a", "pass": True}, {"metric": "m"}), "line 2: `case`"),
            (lines({"case": "a", "score": 1}), "a score needs its `metric`"),
            (lines({"case": "a", "metric": "m", "better": "lowest"}), "`better` is"),
        ],
    )
    def test_what_is_refused(self, data: str, said: str) -> None:
        with pytest.raises(MalformedError, match=said):
            evidence("jsonl", data)


class TestJUnit:
    REPORT = """<?xml version="1.0"?>
    <testsuites><testsuite name="s" tests="5">
      <testcase classname="greet" name="hello" time="0.1"/>
      <testcase name="fails"><failure message="no &quot;x&quot;">trace</failure></testcase>
      <testcase name="breaks"><error message="boom"/></testcase>
      <testcase name="left out"><skipped/></testcase>
    </testsuite></testsuites>"""

    def test_a_report(self) -> None:
        made = evidence("junit", self.REPORT)
        assert outcomes(made) == {"greet: hello": "pass", "fails": "fail", "breaks": "error", "left out": "skipped"}
        assert made.cases[1].message == 'no "x"'

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ("<testsuite><testcase name='a'>", "not XML"),
            ("<testsuite/>", "no result"),
            ('<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>', "document type is refused"),
            ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>', "document type is refused"),
            ("<a>" * 100 + "</a>" * 100, "nested more than"),
        ],
    )
    def test_what_is_refused(self, data: str, said: str) -> None:
        with pytest.raises(MalformedError, match=said):
            evidence("junit", data)

    def test_another_encoding_does_not_hide_a_document_type(self) -> None:
        with pytest.raises(MalformedError, match="document type is refused"):
            evidence("junit", '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><t/>'.encode("utf-16"))


class TestDeepEval:
    def test_a_run(self) -> None:
        metric = {"name": "Faithfulness", "threshold": 0.5, "score": 0.9, "success": True, "evaluationModel": "gpt-4.1"}
        made = evidence("deepeval", json.dumps({
            "testCases": [
                {"name": "a", "success": True, "metricsData": [metric]},
                {"name": "b", "success": False, "metricsData": [{**metric, "success": False, "reason": "made up"}]},
                {"name": "c", "success": True, "metricsData": [{**metric, "error": "judge is down", "score": None}]},
                {"name": "d", "success": None, "metricsData": []},
            ],
            "conversationalTestCases": [{"name": "e", "success": True, "metricsData": []}],
        }))  # fmt: skip
        assert outcomes(made) == {"a": "pass", "b": "fail", "c": "error", "d": "unknown", "e": "pass"}
        assert made.cases[0].scores == {"Faithfulness": 0.9}
        assert made.judge.models == ("gpt-4.1",)
        assert made.judge.digest is not None
        assert made.cases[1].message == "made up"

    def test_another_document_is_refused(self) -> None:
        with pytest.raises(MalformedError, match="no `testCases`"):
            evidence("deepeval", "{}")


class TestInspect:
    def log(self, status: str = "success", *samples: dict[str, Any]) -> str:
        return json.dumps({
            "version": 2, "status": status, "eval": {"model": "openai/gpt-4o", "config": {"epochs": 2}},
            "stats": {"started_at": "2026-03-03T13:00:00+00:00", "completed_at": "2026-03-03T14:00:00+00:00"},
            "samples": list(samples),
        })  # fmt: skip

    def sample(self, name: object, value: object, **more: object) -> dict[str, Any]:
        return {"id": name, "epoch": 1, "scores": {"match": {"value": value, "explanation": "why"}}, **more}

    def test_a_log(self) -> None:
        made = evidence("inspect", self.log(
            "success", self.sample(1, "C"), self.sample(1, "C"), self.sample(2, "I"), self.sample("p", "P"),
            self.sample("n", 0.2), self.sample("t", True), self.sample("e", "C", error={"message": "crashed"}),
            {"id": "none", "epoch": 1},
        ))  # fmt: skip
        assert outcomes(made) == {
            "1": "pass", "2": "fail", "p": "pass", "n": "fail", "t": "pass", "e": "error", "none": "error",
        }  # fmt: skip
        assert made.model.name == "openai/gpt-4o"
        assert made.finished_at - made.started_at == 3600
        assert made.stopped is None

    def test_a_log_that_broke_off_is_not_whole(self) -> None:
        assert evidence("inspect", self.log("cancelled", self.sample(1, "C"))).stopped == "inspect: cancelled"

    def test_another_document_is_refused(self) -> None:
        with pytest.raises(MalformedError, match="no log of Inspect"):
            evidence("inspect", '{"samples": []}')


GOLDEN = GoldenSet(
    cases=(
        GoldenCase(name="one", path="t", expect=({"type": "contains", "value": "x"},), critical=True),
        GoldenCase(name="two", path="t", expect=({"type": "contains", "value": "x"}, {"type": "judge", "rubric": "r"})),
        GoldenCase(name="three", path="t", expect=({"type": "regex", "value": "x"},)),
        GoldenCase(name="to look at", path="t"),
    ),
    files=("t",),
)


class TestPromptfoo:
    def row(self, name: str, **changes: object) -> dict[str, Any]:
        marks = {
            "catalog_case": name,
            "catalog_prompt": SUBJECT.digest,
            "catalog_dataset": GOLDEN.scored().dataset().digest,
        }
        return {
            "success": True, "score": 1, "failureReason": 0, "latencyMs": 12, "cost": 0.001, "namedScores": {},
            "promptIdx": 0, "testIdx": 0, "provider": {"id": "openai:chat:gpt-4o"},
            "testCase": {"description": name, "metadata": marks},
            "gradingResult": {"pass": True, "componentResults": [{"pass": True}]},
            "tokenUsage": {"prompt": 10, "completion": 5}, **changes,
        }  # fmt: skip

    def results(self, *rows: dict[str, Any]) -> str:
        return json.dumps({"results": {"version": 3, "timestamp": "2026-03-03T14:00:00.000Z", "results": list(rows)}})

    def test_results_of_our_export_are_about_the_golden_tests(self) -> None:
        failed = self.row("three", success=False, failureReason=1, gradingResult={"reason": "no x"})
        made = evidence("promptfoo", self.results(self.row("one"), self.row("two"), failed), GOLDEN)
        assert made.dataset == GOLDEN.scored().dataset()
        assert outcomes(made) == {"one": "pass", "two": "unknown", "three": "fail"}
        assert "judge could not be exported" in (made.cases[1].message or "")
        assert made.cases[0].critical
        assert (made.usage.input_tokens, made.model.name) == (30, "gpt-4o")

    def test_a_case_without_a_result_was_skipped(self) -> None:
        assert outcomes(evidence("promptfoo", self.results(self.row("one")), GOLDEN))["three"] == "skipped"

    @pytest.mark.parametrize(
        ("changes", "outcome"),
        [
            ({"success": False, "failureReason": 2, "error": "503"}, "error"),
            ({"success": False, "failureReason": 1}, "fail"),
            ({"success": None}, "error"),
            ({"gradingResult": None}, "error"),
        ],
    )
    def test_what_could_not_be_judged_has_not_passed(self, changes: dict[str, object], outcome: str) -> None:
        assert outcomes(evidence("promptfoo", self.results(self.row("one", **changes)), GOLDEN))["one"] == outcome

    def test_tests_that_changed_since_are_refused(self) -> None:
        changed = GoldenSet(cases=GOLDEN.cases[:2], files=("t",))
        with pytest.raises(MalformedError, match="changed since they were exported"):
            evidence("promptfoo", self.results(self.row("one")), changed)
        with pytest.raises(MalformedError, match="changed since they were exported"):
            evidence("promptfoo", self.results(self.row("one")), None)

    def test_results_of_another_content_are_refused(self) -> None:
        row = self.row("one")
        row["testCase"]["metadata"]["catalog_prompt"] = "sha256:" + "4" * 64
        with pytest.raises(MalformedError, match="another content"):
            evidence("promptfoo", self.results(row), GOLDEN)

    @pytest.mark.parametrize("key", ["promptIdx", "provider", "mixed"])
    def test_several_runs_in_one_file_are_refused(self, key: str) -> None:
        changes: dict[str, object] = {"promptIdx": 1} if key == "promptIdx" else {"provider": {"id": "other"}}
        other = self.row("two", **({} if key == "mixed" else changes))
        if key == "mixed":
            del other["testCase"]["metadata"]["catalog_dataset"]
        with pytest.raises(MalformedError):
            evidence("promptfoo", self.results(self.row("one"), other), GOLDEN)

    def test_results_of_a_foreign_configuration_are_a_dataset_of_their_own(self) -> None:
        row = self.row("one")
        row["testCase"] = {"description": "one"}
        made = evidence("promptfoo", self.results(row), GOLDEN)
        assert made.dataset.digest != GOLDEN.scored().dataset().digest
        assert made.dataset.files == ()


class TestAssertions:
    @pytest.mark.parametrize(
        ("expectation", "assertion"),
        [
            ({"type": "contains", "value": "x"}, {"type": "contains-all", "value": ["x"]}),
            ({"type": "contains", "value": "x", "ignore_case": True}, {"type": "icontains-all", "value": ["x"]}),
            ({"type": "not_contains", "value": ["x", "y"]}, {"type": "not-contains-any", "value": ["x", "y"]}),
            (
                {"type": "not_contains", "value": "x", "ignore_case": True},
                {"type": "not-icontains-any", "value": ["x"]},
            ),
            (
                {"type": "contains_any", "value": ["{{x}}"]},
                {"type": "contains-any", "value": ["{{ '{{' }}x{{ '}}' }}"]},
            ),
            ({"type": "regex", "value": "a+"}, {"type": "regex", "value": "a+"}),
            ({"type": "is_json"}, {"type": "is-json"}),
            ({"type": "json_schema", "value": {"type": "object"}}, {"type": "is-json", "value": {"type": "object"}}),
            ({"type": "max_latency", "value": 500}, {"type": "latency", "threshold": 500}),
            ({"type": "max_cost", "value": 0.1}, {"type": "cost", "threshold": 0.1}),
        ],
    )
    def test_what_has_a_counterpart(self, expectation: dict[str, Any], assertion: dict[str, Any]) -> None:
        case = GoldenCase(name="a", path="t", expect=(expectation,))
        assert assertions_of(case) == [assertion]
        assert untold(case) == []

    @pytest.mark.parametrize("kind", ["equals", "starts_with", "judge", "similarity", "tool_called", "nosuch"])
    def test_what_has_none_is_named(self, kind: str) -> None:
        case = GoldenCase(name="a", path="t", expect=({"type": kind, "value": "x"},))
        assert assertions_of(case) == []
        assert untold(case) == [kind]

    def test_no_text_is_a_template(self) -> None:
        for text in ("{{ env.HOME }}", "{% for x in y %}", "{# c #}", "#} %} }}", "{{{x}}}"):
            bare = literal(text).replace("{{ '", "").replace("' }}", "")
            assert bare == text
        assert literal('{"a": {"b": [1]}}') != ""


def test_every_form_refuses_what_it_does_not_know() -> None:
    for form in READERS:
        for data in (b"", b"\xff\xfe", b"[" * 100_000, b"null", b"<"):
            with pytest.raises(MalformedError):
                evidence(form, data)
    with pytest.raises(UsageError, match="are not read"):
        read_results("nosuch", b"")
