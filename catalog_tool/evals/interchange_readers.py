"""Readers of other tools' results: JUnit XML, DeepEval, Inspect, and plain JSON lines.

What they hold is foreign and may be hostile: read with bounds, never executed, no entity or reference followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.parsers import expat

from catalog_tool.evals.interchange import (
    IMPORT_BYTES,
    Imported,
    Observation,
    member,
    number,
    objects,
    outcome_named,
    parsed_json,
    text,
)
from catalog_tool.gate.evidence import ERROR, FAIL, HIGHER, LOWER, PASS, SKIPPED, UNKNOWN, Metric
from catalog_tool.gate.fields import MalformedError

NO_DIGESTS = "which content was asked, which cases and which judge: no digest of them is in it"
NO_REPETITIONS = "a case that is there twice counts as repeated"
XML_DEPTH = 64


# Plain JSON lines ---------------------------------------------------------------------------------


def read_json_lines(data: bytes, threshold: float) -> Imported:
    """``{"case", "metric", "score"}`` a line; also ``pass`` or ``outcome``, ``better``, ``unit``, ``critical``,
    ``flaky``, ``repetition``, ``message``.

    Lines of one case and repetition belong together. A case passes where its ``pass`` or ``outcome`` says so;
    without any, where every score that is better when higher is at least ``threshold``.
    """
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    metrics: dict[str, Metric] = {}
    for place, line in _lines(data):
        case = line.get("case")
        if not isinstance(case, str) or not case:
            raise MalformedError(f"line {place}: `case` names the case")
        metric = line.get("metric")
        if isinstance(metric, str) and metric:
            better = line.get("better", HIGHER)
            if better not in (HIGHER, LOWER):
                raise MalformedError(f"line {place}: `better` is {HIGHER} or {LOWER}")
            metrics[metric] = Metric(better=better, unit=text(line.get("unit")) or None)
        elif "score" in line:
            raise MalformedError(f"line {place}: a score needs its `metric`")
        lines.setdefault((case, str(line.get("repetition", 1))), []).append(line)
    found = tuple(_from_lines(case, group, metrics, threshold) for (case, _), group in lines.items())
    judged = any(not _verdicts(group) for group in lines.values())
    lost = [NO_DIGESTS, "the model, the times and what it took"]
    if judged:
        lost.append(f"verdicts: a case without one passes where every score is at least {threshold:g}")
    return Imported(form="json-lines", observations=found, metrics=metrics, lost=tuple(lost))


def _lines(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    if len(data) > IMPORT_BYTES:
        raise MalformedError(f"the file is larger than {IMPORT_BYTES // 2**20} MiB")
    for place, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise MalformedError(f"line {place}: not JSON") from error
        if not isinstance(value, dict):
            raise MalformedError(f"line {place}: an object is expected")
        yield place, value


def _verdicts(group: list[dict[str, Any]]) -> list[str]:
    found = []
    for line in group:
        if isinstance(line.get("pass"), bool):
            found.append(PASS if line["pass"] else FAIL)
        elif "outcome" in line:
            found.append(outcome_named(text(line["outcome"])) or ERROR)
    return found


def _from_lines(case: str, group: list[dict[str, Any]], metrics: dict[str, Metric], threshold: float) -> Observation:
    scores = {line["metric"]: number(line.get("score")) for line in group if text(line.get("metric"))}
    verdicts = _verdicts(group)
    deciding = [score for metric, score in scores.items() if metrics[metric].better == HIGHER]
    return Observation(
        case=case,
        outcome=_worst(verdicts) if verdicts else _by_threshold(deciding, threshold),
        scores=scores,
        message=next((line["message"] for line in group if text(line.get("message"))), None),
        critical=any(line.get("critical") is True for line in group),
        flaky=any(line.get("flaky") is True for line in group),
    )


def _by_threshold(scores: list[float | None], threshold: float) -> str:
    known = [score for score in scores if score is not None]
    if any(score < threshold for score in known):
        return FAIL
    return PASS if known and len(known) == len(scores) else ERROR


def _worst(outcomes: list[str]) -> str:
    return next(outcome for outcome in (FAIL, ERROR, UNKNOWN, SKIPPED, PASS) if outcome in outcomes)


# JUnit XML ----------------------------------------------------------------------------------------


def read_junit(data: bytes, threshold: float) -> Imported:  # noqa: ARG001 - every reader has this form
    """Every ``testcase``: ``failure``, ``error`` and ``skipped`` inside it, else it passed."""
    if len(data) > IMPORT_BYTES:
        raise MalformedError(f"the file is larger than {IMPORT_BYTES // 2**20} MiB")
    cases = _JUnit()
    parser = expat.ParserCreate()
    parser.StartElementHandler = cases.start
    parser.EndElementHandler = cases.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedError(f"not XML: {expat.ErrorString(error.code)}, line {error.lineno}") from error
    lost = (NO_DIGESTS, "scores, the model, and what it took", "properties and output of the tests", NO_REPETITIONS)
    return Imported(form="junit", observations=tuple(cases.found), lost=lost)


def _refuse_doctype(*_: object) -> None:
    raise MalformedError("XML with a document type is refused: it may declare entities")


class _JUnit:
    """The elements of a report as they come."""

    def __init__(self) -> None:
        self.found: list[Observation] = []
        self._depth = 0
        self._name: str | None = None
        self._outcome, self._message = PASS, ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._depth += 1
        if self._depth > XML_DEPTH:
            raise MalformedError(f"XML nested more than {XML_DEPTH} deep")
        local = tag.rpartition(":")[2]
        if local == "testcase":
            name, group = attributes.get("name", ""), attributes.get("classname", "")
            self._name = f"{group}: {name}" if group and group != name else name or "unnamed"
            self._outcome, self._message = PASS, ""
        elif self._name is not None and local in ("failure", "error", "skipped"):
            self._outcome = {"failure": FAIL, "error": ERROR, "skipped": SKIPPED}[local]
            self._message = attributes.get("message", "")

    def end(self, tag: str) -> None:
        """An element ends."""
        self._depth -= 1
        if tag.rpartition(":")[2] == "testcase" and self._name is not None:
            self.found.append(Observation(case=self._name, outcome=self._outcome, message=self._message or None))
            self._name = None


# DeepEval -----------------------------------------------------------------------------------------


def read_deepeval(data: bytes, threshold: float) -> Imported:  # noqa: ARG001 - every reader has this form
    """A test run as DeepEval stores it: ``testCases`` with ``metricsData``; a metric's error is no verdict."""
    document = parsed_json(data)
    run = member(document, "testRunData") or document
    listed = [case for key in ("testCases", "conversationalTestCases") for case in objects(member(run, key))]
    if not listed:
        raise MalformedError("this is no test run of DeepEval: it has no `testCases`")
    judges = {text(metric.get("evaluationModel")) for case in listed for metric in objects(case.get("metricsData"))}
    lost = (NO_DIGESTS, "the model that was asked", "inputs, answers, contexts and tools", NO_REPETITIONS)
    found = tuple(_deepeval_case(case) for case in listed)
    return Imported(form="deepeval", observations=found, judges=tuple(sorted(judges - {""})), lost=lost)


def _deepeval_case(case: dict[str, Any]) -> Observation:
    metrics = objects(case.get("metricsData"))
    errors = [text(metric.get("error")) for metric in metrics if metric.get("error") and not metric.get("flaky")]
    success = case.get("success")
    outcome = (PASS if success else FAIL) if isinstance(success, bool) else UNKNOWN
    reasons = [text(metric.get("reason")) for metric in metrics if metric.get("success") is False]
    return Observation(
        case=text(case.get("name")) or "unnamed",
        outcome=ERROR if errors else outcome,
        scores={text(metric.get("name")) or "metric": number(metric.get("score")) for metric in metrics},
        message=next(iter([*errors, *reasons]), None),
        flaky=case.get("flaky") is True,
    )


# Inspect ------------------------------------------------------------------------------------------


def read_inspect(data: bytes, threshold: float) -> Imported:
    """A log of Inspect as JSON (``inspect log dump``): samples with scores, each epoch a repetition.

    Grades count as Inspect counts them: C is 1, P a half, I and N are 0. A sample passes where every score
    is at least ``threshold``.
    """
    log = parsed_json(data)
    samples = objects(member(log, "samples"))
    if not isinstance(member(log, "eval"), dict):
        raise MalformedError("this is no log of Inspect: it has no `eval`", hint="convert it: inspect log dump")
    status = text(member(log, "status"))
    lost = (
        NO_DIGESTS,
        "messages, answers, tools and metadata",
        f"verdicts: a sample passes where every score is at least {threshold:g}",
    )
    return Imported(
        form="inspect",
        observations=tuple(_inspect_sample(sample, threshold) for sample in samples),
        model=text(member(log, "eval", "model")),
        stopped=None if status == "success" else f"inspect: {status or 'unknown'}"[:200],
        started_at=_seconds(member(log, "stats", "started_at")),
        finished_at=_seconds(member(log, "stats", "completed_at")),
        lost=lost,
    )


def _inspect_sample(sample: dict[str, Any], threshold: float) -> Observation:
    written = member(sample, "scores")
    scores = {
        name: _grade(member(score, "value")) for name, score in (written if isinstance(written, dict) else {}).items()
    }
    error, limit = member(sample, "error", "message"), member(sample, "limit", "type")
    outcome = _by_threshold(list(scores.values()), threshold)
    if sample.get("error") is not None or (limit is not None and not scores):
        outcome = ERROR
    said = text(error) or next((text(member(score, "explanation")) for score in objects([*_values(written)])), "")
    return Observation(
        case=str(sample.get("id", "unnamed")), outcome=outcome, scores=scores,
        message=said if outcome != PASS and said else None,
    )  # fmt: skip


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _grade(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}.get(value)
    return number(value)


def _seconds(value: Any) -> int | None:
    """An ISO 8601 time with its offset, else None."""
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo is not None else None
