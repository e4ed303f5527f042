"""``catalog eval --format json``: the documents of ``schemas/eval-output.schema.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catalog_tool.evals.comparison import Comparison, status_of
from catalog_tool.evals.offline import PromptLook, rendering_digest, status_of_all
from catalog_tool.evals.sample_runs import SampleRun
from catalog_tool.gate.evidence import Check, Evidence
from catalog_tool.gate.records import evidence_document
from catalog_tool.model.prompt import PromptVersion

_FROM_EVIDENCE = (
    "prompt", "dataset", "judge", "model", "endpoint", "origin", "repetitions", "started_at", "finished_at",
    "stopped", "counts", "performance", "usage", "cases",
)  # fmt: skip


def evaluation_document(
    candidate: Evidence, baseline: Evidence | None, comparison: Comparison | None, written: Sequence[str]
) -> dict[str, Any]:
    """A run against a model, and its baseline where one was run; ``written`` are the records' paths."""
    return {
        "format": 1,
        "status": status_of(candidate),
        "mode": "model",
        **_run(candidate),
        "baseline": None if baseline is None else _run(baseline),
        "comparison": None if comparison is None else {key: _plain(value) for key, value in asdict(comparison).items()},
        "evidence": list(written),
    }


def offline_document(looks: Sequence[PromptLook], written: Sequence[str]) -> dict[str, Any]:
    """Level 0 of one prompt or of all."""
    return {
        "format": 1,
        "status": status_of_all(looks),
        "mode": "level0",
        "prompts": [_look(look) for look in looks],
        "snapshots": list(written),
    }


def samples_document(run: SampleRun) -> dict[str, Any]:
    """The scoring of production samples."""
    return {
        "format": 1,
        "status": run.status,
        "mode": "samples",
        "new": run.new,
        "scored": len(run.scored),
        "waiting_for": run.waiting_for,
        "unreadable": run.unreadable,
        "stopped": run.stopped,
        "versions": [
            {"prompt_version_id": version, "metric": metric, "count": total.count, "mean": total.mean}
            for (version, metric), total in sorted(run.fresh.items())
        ],
        "samples": [
            {
                "id": each.sample.id,
                "prompt_version_id": each.sample.version_id,
                "outcome": each.outcome,
                "scores": dict(each.scores),
                "checks": [_check(check) for check in each.checks],
            }
            for each in run.scored
        ],
    }


def _run(evidence: Evidence) -> dict[str, Any]:
    document = evidence_document(evidence)
    found = {key: document[key] for key in _FROM_EVIDENCE}
    found["scores"] = mean_scores(evidence)
    return found


def mean_scores(evidence: Evidence) -> Mapping[str, float | None]:
    """The mean of each metric over the cases that have it; CRAG's mean is (correct - hallucinated) / total."""
    metrics = sorted({metric for case in evidence.cases for metric in case.scores})
    found: dict[str, float | None] = {}
    for metric in metrics:
        values = [score for case in evidence.cases if (score := case.scores.get(metric)) is not None]
        found[metric] = round(sum(values) / len(values), 6) if values else None
    return found


def _look(look: PromptLook) -> dict[str, Any]:
    return {
        "prompt": _subject(look.version),
        "status": look.status,
        "recorded": look.is_recorded,
        "checks": [_check(check) for check in look.checks],
        "cases": [
            {
                "name": case.case.name,
                "outcome": case.outcome,
                "tokens_estimate": case.tokens,
                "rendering": rendering_digest(case),
                "checks": [_check(check) for check in case.checks],
            }
            for case in look.cases
        ],
    }


def _subject(version: PromptVersion) -> dict[str, str]:
    return {"id": version.id, "version": version.version, "digest": version.digest}


def _check(check: Check) -> dict[str, Any]:
    return {"type": check.type, "outcome": check.outcome, "score": check.score, "message": check.message}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
