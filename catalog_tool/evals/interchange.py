"""Results of other tools as evidence, and what is lost on the way.

A reader makes an ``Imported`` of a file; ``as_evidence`` binds it to a prompt version. No other tool says which
content it asked, so whoever imports says it, except for promptfoo's results of a configuration that
``promptfoo_config`` wrote: those carry the digests, and are refused where they do not fit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from catalog_tool import __version__
from catalog_tool.canonical.jcs import digest_of
from catalog_tool.evals.golden import GoldenSet
from catalog_tool.evals.interchange_assertions import untold
from catalog_tool.gate.evidence import (
    IMPORT,
    OUTCOMES,
    PASS,
    SKIPPED,
    UNKNOWN,
    CaseResult,
    Dataset,
    Evidence,
    Judge,
    Metric,
    Model,
    Subject,
    Usage,
    settled,
)
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.records import CASE_NAME_CHARACTERS, METRIC_CHARACTERS, kept_text, sealed

IMPORT_BYTES = 64 * 1024 * 1024
"""The largest file of another tool that is read: they hold every answer."""
USUAL_THRESHOLD = 0.5
"""From which score a case passes where a form has scores and no verdicts; what most tools take, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One time that a case was asked: its outcome, its scores, and why it did not pass."""

    case: str
    outcome: str
    scores: Mapping[str, float | None] = field(default_factory=dict)
    message: str | None = None
    critical: bool = False
    flaky: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file of another tool says, in the order of the file.

    ``prompt`` and ``dataset`` are the digests that our own export left in it, None for any other file.
    ``lost`` says in sentences what the form cannot carry, or carries and evidence does not.
    """

    form: str
    observations: tuple[Observation, ...]
    lost: tuple[str, ...] = ()
    model: str = ""
    judges: tuple[str, ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    prompt: str | None = None
    dataset: str | None = None
    stopped: str | None = None
    started_at: int | None = None
    finished_at: int | None = None


Reader = Callable[[bytes, float], Imported]
"""Bytes and the threshold for forms without verdicts → what they say. Raises ``MalformedError``."""


def as_evidence(imported: Imported, subject: Subject, golden: GoldenSet | None, now: int) -> Evidence:
    """The record, sealed.

    ``golden`` are the version's own cases (None: it has none): cases of the same name keep their critical
    and flaky marks. Where the file is of our export the dataset is theirs, cases without a result are
    ``skipped``, and one whose expectations could not all be exported is ``unknown`` rather than passed. Any
    other file is a dataset of its own: its cases' names. Raises ``MalformedError`` where nothing is in it, or
    where it is about another content or other cases.
    """
    if not imported.observations:
        raise MalformedError("there is no result in it", hint="an empty file shows nothing")
    if imported.prompt is not None and imported.prompt != subject.digest:
        raise MalformedError(f"the results are about another content than {subject.id}@{subject.version}")
    results = _results(imported, golden)
    dataset = _dataset(imported, results)
    if imported.dataset is not None:
        results, dataset = _of_golden(imported, results, golden)
    judge = Judge(digest=_judge_digest(imported), models=imported.judges)
    ended = imported.finished_at if imported.finished_at is not None else now
    return sealed(
        Evidence(
            prompt=subject,
            dataset=dataset,
            judge=judge,
            model=Model(name=kept_text(imported.model, 200)),
            cases=tuple(results.values()),
            started_at=min(imported.started_at if imported.started_at is not None else ended, ended),
            finished_at=ended,
            endpoint="import",
            origin=IMPORT,
            source_format=imported.form,
            repetitions=max(1, min((len(result.repetitions) for result in results.values()), default=1)),
            metrics=dict(imported.metrics),
            usage=imported.usage,
            stopped=imported.stopped,
            tool=f"catalog-tool {__version__}",
        )
    )


def _results(imported: Imported, golden: GoldenSet | None) -> dict[str, CaseResult]:
    marks = {case.name: (case.critical, case.flaky) for case in golden.cases} if golden is not None else {}
    grouped: dict[str, list[Observation]] = {}
    for seen in imported.observations:
        grouped.setdefault(kept_text(seen.case, CASE_NAME_CHARACTERS), []).append(seen)
    found = {}
    for name, times in grouped.items():
        critical, flaky = marks.get(name, (any(seen.critical for seen in times), any(seen.flaky for seen in times)))
        outcomes = tuple(seen.outcome for seen in times)
        outcome = settled(outcomes, critical=critical)
        said = next((seen.message for seen in times if seen.outcome == outcome and seen.message), None)
        found[name] = CaseResult(
            name=name,
            outcome=outcome,
            critical=critical,
            flaky=flaky,
            repetitions=outcomes,
            scores=_means(times),
            message=kept_text(said) if said is not None and outcome != PASS else None,
        )
    return found


def _means(times: list[Observation]) -> dict[str, float | None]:
    """Each metric's mean over the repetitions that gave one."""
    given: dict[str, list[float]] = {}
    for seen in times:
        for metric, score in seen.scores.items():
            given.setdefault(kept_text(metric, METRIC_CHARACTERS), []).extend([] if score is None else [score])
    return {metric: sum(values) / len(values) if values else None for metric, values in given.items()}


def _dataset(imported: Imported, results: Mapping[str, CaseResult]) -> Dataset:
    """A dataset of which nothing but the names is known: the same names in any order are the same one."""
    marks = sorted([result.name, result.critical, result.flaky] for result in results.values())
    document = {"hv": 1, "kind": "imported-dataset", "form": imported.form, "cases": marks}
    return Dataset(digest=digest_of(document), cases=len(results))


def _of_golden(
    imported: Imported, results: Mapping[str, CaseResult], golden: GoldenSet | None
) -> tuple[dict[str, CaseResult], Dataset]:
    """The golden cases in their order, as far as the file tells about them."""
    scored = golden.scored() if golden is not None else None
    if scored is None or scored.dataset().digest != imported.dataset:
        raise MalformedError(
            "the golden tests have changed since they were exported", hint="export them again, and run"
        )
    unknown = [name for name in results if name not in {case.name for case in scored.cases}]
    if unknown:
        raise MalformedError(f"there is no golden case {unknown[0][:100]!r}", hint="export them again, and run")
    found = {}
    for case in scored.cases:
        name = kept_text(case.name, CASE_NAME_CHARACTERS)
        result = results.get(name) or CaseResult(
            name=name, outcome=SKIPPED, critical=case.critical, flaky=case.flaky, message="the file does not tell"
        )
        missing = untold(case)
        if missing and result.outcome == PASS:
            message = f"not all of it was compared: {', '.join(missing)} could not be exported"
            result = replace(result, outcome=UNKNOWN, repetitions=(), message=kept_text(message))
        found[name] = result
    return found, scored.dataset()


def _judge_digest(imported: Imported) -> str | None:
    """Other tools name their judges at most; that is all that can be compared."""
    if not imported.judges:
        return None
    return digest_of({"hv": 1, "kind": "imported-judge", "form": imported.form, "models": sorted(imported.judges)})


def parsed_json(data: bytes) -> Any:
    """A JSON value of bounded size; numbers that JSON does not have become null. Raises ``MalformedError``."""
    if len(data) > IMPORT_BYTES:
        raise MalformedError(f"the file is larger than {IMPORT_BYTES // 2**20} MiB")
    try:
        return json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not a JSON document: {error}") from error


def member(value: Any, *steps: str | int) -> Any:
    """What stands at a path of keys and indexes in foreign JSON; None where anything is missing or of another kind."""
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it, or is no list, is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A finite number, else None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e308 else None


def text(value: Any) -> str:
    """A string, else the empty one."""
    return value if isinstance(value, str) else ""


def outcome_named(word: str) -> str | None:
    """One of our outcomes by its own or a usual other name, None for any other word."""
    usual = {"passed": "pass", "ok": "pass", "success": "pass", "failed": "fail", "failure": "fail", "skip": "skipped"}
    plain = word.strip().lower()
    named = usual.get(plain, plain)
    return named if named in OUTCOMES else None
