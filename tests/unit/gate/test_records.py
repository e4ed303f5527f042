"""Evidence survives writing and reading, and nothing in it changes unnoticed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from catalog_tool.gate.evidence import (
    ERROR,
    FAIL,
    OUTCOMES,
    PASS,
    SKIPPED,
    UNKNOWN,
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
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.records import (
    evidence_bytes,
    evidence_document,
    evidence_path,
    kept_text,
    named_subject,
    read_evidence,
    sealed,
)
from catalog_tool.source.schemas import load_schema

DIGEST = "sha256:" + "3f9a1c0b77de" + "0" * 52
FULL = Evidence(
    prompt=Subject(id="billing/refund", version="v3", digest=DIGEST),
    dataset=Dataset(digest="sha256:" + "d" * 64, cases=2, files=("prompts/billing/refund/tests/a.yaml",)),
    judge=Judge(digest="sha256:" + "a" * 64, models=("judge-1",)),
    policy="sha256:" + "b" * 64,
    model=Model(name="gpt-4o", provider="openai", declared="gpt-4o", answered_as=("gpt-4o-2024-08-06",)),
    endpoint="openai-chat",
    repetitions=3,
    started_at=1_772_546_400,
    finished_at=1_772_546_460,
    metrics={"faithfulness": Metric(), "latency_ms": Metric(better="lower", unit="ms")},
    performance={"latency_ms": Distribution(samples=6, mean=101.5, median=100, p90=120, p99=130)},
    usage=Usage(requests=6, input_tokens=600, output_tokens=60, cost_usd=0.01),
    tool="catalog-tool 0.1.0",
    cases=(
        CaseResult(
            name="Rückgabe", outcome=PASS, critical=True, repetitions=(PASS,) * 3, scores={"faithfulness": 0.9}
        ),
        CaseResult(
            name="asks for a human", outcome=FAIL, repetitions=(FAIL, PASS, FAIL), scores={"faithfulness": None},
            checks=(Check(type="contains", outcome=FAIL, message="`human` is missing"),), message="no `human`",
        ),
    ),
)  # fmt: skip


def test_what_is_written_is_read_again() -> None:
    assert read_evidence(evidence_bytes(FULL)) == sealed(FULL)


def test_the_document_fits_its_schema() -> None:
    Draft202012Validator(load_schema("evidence")).validate(evidence_document(FULL))


def test_a_case_is_one_line() -> None:
    lines = evidence_bytes(FULL).decode().split("\n")
    assert sum('"name": "Rückgabe"' in line and '"outcome": "pass"' in line for line in lines) == 1


def test_the_path_names_the_version_and_the_run() -> None:
    found = evidence_path("prompts", FULL)
    assert found.startswith("prompts/billing/refund/evidence/v3-3f9a1c0b77de.")
    assert found != evidence_path("prompts", replace(FULL, finished_at=FULL.finished_at + 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"outcome": "fail", "critical"', '"outcome": "pass", "critical"'),
        ('"declared": "gpt-4o"', '"declared": "gpt-4"'),
        ("2026-03-03T14:00:00Z", "2026-03-03T13:00:00Z"),
        ('"score": null', '"score": 1'),
    ],
)
def test_a_change_is_found_out(old: str, new: str) -> None:
    text = evidence_bytes(FULL).decode()
    assert old in text
    with pytest.raises(MalformedError):
        read_evidence(text.replace(old, new, 1).encode())


def _resealed(**changes: object) -> bytes:
    """A record whose digest is right although its content is not: what a forger can make."""
    from catalog_tool.canonical.jcs import digest_of

    document = {**evidence_document(FULL), **changes}
    body = {key: value for key, value in document.items() if key not in ("format", "kind", "digest")}
    return json.dumps({**document, "digest": digest_of(body)}).encode()


CASE = evidence_document(FULL)["cases"][0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"counts": {**FULL.counts(), "pass": 2, "fail": 0}}, "counts"),
        ({"cases": [CASE, CASE]}, "there twice|counts"),
        ({"cases": [{**CASE, "outcome": "perfect"}]}, r"cases\[0\].outcome: one of pass"),
        ({"cases": [{**CASE, "repetitions": ["pass", "fail"]}]}, "does not follow|counts"),
        ({"cases": [{**CASE, "passed": True}]}, r"cases\[0\].passed: not a key"),
        ({"cases": [{**CASE, "critical": "no"}]}, r"cases\[0\].critical: true or false"),
        ({"finished_at": "2026-03-03T13:00:00Z"}, "cannot end before"),
        ({"finished_at": "2026-02-30T13:00:00Z"}, "a time such as"),
        ({"prompt": {**evidence_document(FULL)["prompt"], "id": "../x"}}, "prompt.id"),
        ({"prompt": {**evidence_document(FULL)["prompt"], "version": "v03"}}, "prompt.version"),
        ({"usage": {**evidence_document(FULL)["usage"], "requests": -1}}, "usage.requests"),
        ({"judge": {"digest": "sha256:1", "models": []}}, "judge.digest"),
        ({"origin": "invented"}, "origin: one of"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        read_evidence(_resealed(**changes))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a JSON document"),
        (b"[]", "an object is expected"),
        (b'{"format": 2, "kind": "evidence"}', "newer than this tool"),
        (b'{"format": 1, "kind": "bundle"}', "kind"),
        (b'{"format": true, "kind": "evidence"}', "kind"),
        (b'{"format": 1, "format": 1}', "given twice"),
        (b'{"format": NaN}', "NaN"),
        (b"[" * 200_000, "not a JSON document"),
        (b"\xff", "not a JSON document"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        read_evidence(data)


def test_text_of_any_kind_can_be_kept() -> None:
    assert kept_text("a\ud800b\0c") == "a?b\N{REPLACEMENT CHARACTER}c"
    assert len(kept_text("x" * 5000)) == 2000


@pytest.mark.parametrize(
    ("repetitions", "usual", "critical"),
    [
        ((), SKIPPED, SKIPPED),
        ((SKIPPED, PASS), PASS, PASS),
        ((PASS, PASS, FAIL), PASS, FAIL),
        ((PASS, FAIL), FAIL, FAIL),
        ((PASS, PASS, ERROR), PASS, ERROR),
        ((PASS, ERROR), ERROR, ERROR),
        ((PASS, UNKNOWN), UNKNOWN, UNKNOWN),
        ((PASS, UNKNOWN, ERROR), ERROR, ERROR),
        ((FAIL, FAIL, UNKNOWN), FAIL, FAIL),
    ],
)
def test_the_outcome_of_a_case(repetitions: tuple[str, ...], usual: str, critical: str) -> None:
    assert settled(repetitions) == usual
    assert settled(repetitions, critical=True) == critical


@settings(max_examples=50)
@given(st.lists(st.sampled_from(OUTCOMES), max_size=7), st.booleans())
def test_one_more_pass_never_makes_it_worse(repetitions: list[str], critical: bool) -> None:  # noqa: FBT001 - drawn
    order = [FAIL, ERROR, UNKNOWN, SKIPPED, PASS]
    before = settled(repetitions, critical=critical)
    after = settled([*repetitions, PASS], critical=critical)
    assert order.index(after) >= order.index(before)


NAMED = "prompts/billing/refund/evidence/v3-3f9a1c0b77de.0123456789ab.json"


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        (NAMED, b"", "sha256:3f9a1c0b77de"),
        (NAMED, b'{"prompt": {"digest": "' + DIGEST.encode() + b'"}}', "sha256:3f9a1c0b77de"),
        (NAMED, b'{"prompt": 1, "kind": "evidence"}', "sha256:3f9a1c0b77de"),
        (NAMED, b'{"prompt": {"digest": "sha256:' + b"0" * 64 + b'"}}', None),
        (NAMED, b'{"prompt": {"digest": 7}}', None),
        (NAMED.replace("v3-", "v0-"), b"", None),
        (NAMED.replace(".json", "x.json"), b"", None),
        (NAMED.upper(), b"", None),
        ("prompts/greet/evidence/run.json", b'{"prompt": {"digest": "' + DIGEST.encode() + b'"}}', None),
    ],
)
def test_what_a_record_that_cannot_be_used_is_about(path: str, data: bytes, expected: str | None) -> None:
    assert named_subject(path, data) == expected


def test_the_name_of_a_file_says_what_it_is_about() -> None:
    assert named_subject(evidence_path("prompts", FULL), evidence_bytes(FULL)) == "sha256:3f9a1c0b77de"
