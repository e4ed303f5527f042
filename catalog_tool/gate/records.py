"""Reading and writing evidence: one JSON document a run, tamper-evident by its own digest.

The digest is of the canonical bytes (RFC 8785) of the document without its ``digest``. It shows that a
record was changed, not who made it: for that export the in-toto statement and sign it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from catalog_tool.canonical.jcs import digest_of, short, version_id
from catalog_tool.clock import iso
from catalog_tool.gate.evidence import (
    HIGHER,
    LOWER,
    ORIGINS,
    OUTCOMES,
    CaseResult,
    Check,
    Dataset,
    Distribution,
    Evidence,
    Judge,
    Metric,
    Model,
    Subject,
    Usage,
    settled,
)
from catalog_tool.gate.fields import Fields, MalformedError
from catalog_tool.model.names import is_prompt_id, is_version

FORMAT, KIND = 1, "evidence"
EVIDENCE_BYTES = 16 * 1024 * 1024
"""The largest record that is read: about 50,000 cases."""
CASE_NAME_CHARACTERS = 400
MESSAGE_CHARACTERS = 2000
METRIC_CHARACTERS = 120

_FILE = re.compile(r"v[1-9][0-9]*-([0-9a-f]{12})\.[0-9a-f]{12}\.json", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_TOP = (
    "format", "kind", "digest", "tool", "origin", "source_format", "prompt", "dataset", "judge", "policy", "model",
    "endpoint", "repetitions", "started_at", "finished_at", "stopped", "counts", "metrics", "performance", "usage",
    "cases",
)  # fmt: skip


def sealed(evidence: Evidence) -> Evidence:
    """The same record with the digest of its document."""
    return replace(evidence, digest=digest_of(_document(evidence)))


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """The record as the JSON value of ``schemas/evidence.schema.json``, its digest computed anew."""
    document = _document(evidence)
    return {"format": FORMAT, "kind": KIND, "digest": digest_of(document), **document}


def evidence_bytes(evidence: Evidence) -> bytes:
    """The file: one line a key and one line a case, so that a reviewer's diff is short."""
    document = evidence_document(evidence)
    cases = document.pop("cases")
    lines = [f"  {_json(key)}: {_json(value)}" for key, value in document.items()]
    listed = ",\n".join(f"    {_json(case)}" for case in cases)
    lines.append(f'  "cases": [\n{listed}\n  ]' if cases else '  "cases": []')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def evidence_path(prompts: str, evidence: Evidence) -> str:
    """Where a record stands in git: ``prompts/ID/evidence/<version id>.<12 hex of its own digest>.json``.

    ``prompts`` is the prompts folder of the settings. Two runs never share a path.
    """
    own = short(digest_of(_document(evidence)))
    subject = evidence.prompt
    return f"{prompts}/{subject.id}/evidence/{version_id(subject.version, subject.digest)}.{own}.json"


def named_subject(path: str, data: bytes) -> str | None:
    """What a record that cannot be used is about by the name that ``evidence_path`` gave it: the start of a digest.

    None where it has no such name, or its text names another content: then it may be about anything.
    """
    name = _FILE.fullmatch(path.rpartition("/")[2])
    if name is None:
        return None
    subject = f"sha256:{name[1]}"
    try:
        prompt = _parsed(data).get("prompt")
    except MalformedError:
        return subject
    written = prompt.get("digest") if isinstance(prompt, dict) else None
    return subject if written is None or str(written).startswith(subject) else None


def kept_text(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    """Any text as a record can hold it: no lone surrogates, no NUL, at most ``most`` code points."""
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def read_evidence(data: bytes) -> Evidence:
    """The record in the bytes of a file.

    Raises ``MalformedError`` where it is not of its form, of a newer one, contradicts itself, or is not
    what its digest was made of.
    """
    document = _parsed(data)
    top = Fields(document)
    _check_kind(top, document)
    top.only(*_TOP)
    evidence = _evidence(top)
    recorded = top.digest("digest")
    content = {key: value for key, value in document.items() if key not in ("format", "kind", "digest")}
    if digest_of(content) != recorded:
        raise MalformedError("digest: the record was changed after it was written", hint="restore it, or run it again")
    _check_consistent(top, evidence)
    return replace(evidence, digest=recorded)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _document(evidence: Evidence) -> dict[str, Any]:
    return {
        "tool": evidence.tool,
        "origin": evidence.origin,
        "source_format": evidence.source_format,
        "prompt": asdict(evidence.prompt),
        "dataset": {**asdict(evidence.dataset), "files": list(evidence.dataset.files)},
        "judge": {"digest": evidence.judge.digest, "models": list(evidence.judge.models)},
        "policy": evidence.policy,
        "model": {**asdict(evidence.model), "answered_as": list(evidence.model.answered_as)},
        "endpoint": evidence.endpoint,
        "repetitions": evidence.repetitions,
        "started_at": iso(evidence.started_at),
        "finished_at": iso(evidence.finished_at),
        "stopped": evidence.stopped,
        "counts": evidence.counts(),
        "metrics": {name: asdict(metric) for name, metric in evidence.metrics.items()},
        "performance": {name: asdict(found) for name, found in evidence.performance.items()},
        "usage": asdict(evidence.usage),
        "cases": [_case_document(case) for case in evidence.cases],
    }


def _case_document(case: CaseResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": case.name,
        "outcome": case.outcome,
        "critical": case.critical,
        "flaky": case.flaky,
        "repetitions": list(case.repetitions),
        "scores": dict(case.scores),
    }
    if case.checks:
        document["checks"] = [asdict(check) for check in case.checks]
    if case.message is not None:
        document["message"] = case.message
    return document


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > EVIDENCE_BYTES:
        raise MalformedError(f"the record is larger than {EVIDENCE_BYTES // 2**20} MiB")
    try:
        value = json.loads(data, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not a JSON document: {error}") from error
    if not isinstance(value, dict):
        raise MalformedError("the document: an object is expected")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number JSON can hold")


def _check_kind(top: Fields, document: dict[str, Any]) -> None:
    number = document.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise MalformedError(f"format: {number} is newer than this tool reads ({FORMAT}): upgrade catalog-tool")
    if number != FORMAT or number is True or document.get("kind") != KIND:
        raise top.refuse("kind", f'a record has "format": {FORMAT} and "kind": "{KIND}"')


def _evidence(top: Fields) -> Evidence:
    return Evidence(
        prompt=_subject(top.inner("prompt")),
        dataset=_dataset(top.inner("dataset")),
        judge=_judge(top.inner("judge")),
        policy=top.maybe_digest("policy"),
        model=_model(top.inner("model")),
        endpoint=top.text("endpoint", most=100),
        origin=top.choice("origin", ORIGINS),
        source_format=top.maybe_text("source_format", most=100),
        repetitions=top.integer("repetitions", least=1),
        started_at=_seconds(top, "started_at"),
        finished_at=_seconds(top, "finished_at"),
        stopped=top.maybe_text("stopped", most=200),
        metrics={_metric_name(top, name): _metric(item) for name, item in top.members("metrics")},
        performance={_metric_name(top, name): _distribution(item) for name, item in top.members("performance")},
        usage=_usage(top.inner("usage")),
        cases=tuple(_case(item) for item in top.items("cases")),
        tool=top.text("tool", most=200),
    )


def _subject(found: Fields) -> Subject:
    found.only("id", "version", "digest")
    subject = Subject(id=found.text("id"), version=found.text("version"), digest=found.digest("digest"))
    if not is_prompt_id(subject.id):
        raise found.refuse("id", "a prompt's id is expected")
    if not is_version(subject.version):
        raise found.refuse("version", "a version is expected")
    return subject


def _dataset(found: Fields) -> Dataset:
    found.only("digest", "cases", "files")
    return Dataset(digest=found.digest("digest"), cases=found.integer("cases"), files=found.texts("files"))


def _judge(found: Fields) -> Judge:
    found.only("digest", "models")
    return Judge(digest=found.maybe_digest("digest"), models=found.texts("models", most=200))


def _model(found: Fields) -> Model:
    found.only("name", "provider", "declared", "answered_as")
    return Model(
        name=found.text("name", most=200),
        provider=found.maybe_text("provider", most=200),
        declared=found.maybe_text("declared", most=200),
        answered_as=found.texts("answered_as", most=200),
    )


def _metric(found: Fields) -> Metric:
    found.only("better", "unit")
    return Metric(better=found.choice("better", (HIGHER, LOWER)), unit=found.maybe_text("unit", most=40))


def _distribution(found: Fields) -> Distribution:
    names = ("mean", "median", "p90", "p99")
    found.only("samples", *names)
    return Distribution(samples=found.integer("samples", least=1), **{name: found.number(name) for name in names})


def _usage(found: Fields) -> Usage:
    names = ("requests", "cached", "input_tokens", "output_tokens")
    found.only(*names, "cost_usd")
    return Usage(**{name: found.integer(name) for name in names}, cost_usd=found.maybe_number("cost_usd"))


def _case(found: Fields) -> CaseResult:
    found.only("name", "outcome", "critical", "flaky", "repetitions", "scores", "checks", "message")
    name = found.text("name", most=CASE_NAME_CHARACTERS)
    if not name:
        raise found.refuse("name", "a case needs a name")
    return CaseResult(
        name=name,
        outcome=found.choice("outcome", OUTCOMES),
        critical=found.flag("critical"),
        flaky=found.flag("flaky"),
        repetitions=found.choices("repetitions", OUTCOMES),
        scores={_metric_name(found, name): score for name, score in found.numbers("scores").items()},
        checks=tuple(_check(item) for item in found.items("checks")),
        message=found.maybe_text("message", most=MESSAGE_CHARACTERS),
    )


def _check(found: Fields) -> Check:
    found.only("type", "outcome", "score", "message")
    return Check(
        type=found.text("type", most=100),
        outcome=found.choice("outcome", OUTCOMES),
        score=found.maybe_number("score"),
        message=found.maybe_text("message", most=MESSAGE_CHARACTERS),
    )


def _metric_name(found: Fields, name: str) -> str:
    if not 0 < len(name) <= METRIC_CHARACTERS:
        raise found.refuse("metrics", f"a metric's name has 1 to {METRIC_CHARACTERS} characters")
    return name


def _seconds(top: Fields, key: str) -> int:
    text = top.text(key, most=40)
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError(text)
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise top.refuse(key, "a time such as 2026-03-03T14:00:00Z is expected") from error


def _check_consistent(top: Fields, evidence: Evidence) -> None:
    """A record may not say one thing in its counts and another in its cases."""
    counts = Fields(evidence.counts())
    recorded = top.inner("counts")
    recorded.only(*OUTCOMES, "total")
    for key in (*OUTCOMES, "total"):
        if recorded.integer(key) != counts.integer(key):
            raise top.refuse("counts", f"`{key}` is not what the cases say ({counts.integer(key)})")
    names: set[str] = set()
    for case in evidence.cases:
        if case.name in names:
            raise top.refuse("cases", f"{case.name[:100]!r} is there twice")
        names.add(case.name)
        if case.repetitions and settled(case.repetitions, critical=case.critical) != case.outcome:
            raise top.refuse("cases", f"the outcome of {case.name[:100]!r} does not follow from its repetitions")
    if evidence.finished_at < evidence.started_at:
        raise top.refuse("finished_at", "a run cannot end before it began")
