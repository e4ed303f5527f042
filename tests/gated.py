"""A catalog with a gate, and evidence about its versions, for tests of everything that moves labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from scratch import Scratch

from catalog_tool.gate.evidence import FAIL, PASS, CaseResult, Dataset, Evidence, Judge, Model, Subject
from catalog_tool.gate.records import evidence_bytes, evidence_path

ID = "support_agent"
REGISTRY = "prompts/registry.yaml"
SETTINGS = "catalog: acme\nlabels:\n  production:\n    protected: true\n    gate: {gate}\n"
LABELS = "# who gets what\nsupport_agent:   # the big one\n  staging: v3\n  production: v2   # live\n"
FIRST = int(datetime(2026, 1, 5, 9, 0, tzinfo=UTC).timestamp())
"""The hour before a scratch repository's first commit; commit n follows n hours later."""


def at_hour(hour: float) -> dict[str, str]:
    """The environment of a command that runs so many hours after ``FIRST``."""
    return {"SOURCE_DATE_EPOCH": str(round(FIRST + hour * 3600))}


def start(scratch: Scratch, gate: str = "{}", versions: Sequence[int] = (1, 2, 3)) -> None:
    """A committed catalog (hour 1): ``production`` is v2 and gated, ``staging`` is v3."""
    scratch.write("catalog.yaml", SETTINGS.format(gate=gate))
    for number in versions:
        scratch.write(f"prompts/{ID}/v{number}.yaml", f"id: {ID}\nversion: v{number}\nsystem_prompt: Text {number}.\n")
    scratch.write(REGISTRY, LABELS)
    scratch.commit("Start")


def digest_of(scratch: Scratch, version: str) -> str:
    """The digest of a version's content, as the command names it."""
    return str(scratch.run("show", f"{ID}@{version}", "--format", "json").json()["digest"])


def cases(passed: int = 40, failed: Iterable[str] = ()) -> tuple[CaseResult, ...]:
    """So many cases ``case n``, of which the named ones failed."""
    lost = set(failed)
    names = [f"case {number}" for number in range(passed)]
    return tuple(CaseResult(name=name, outcome=FAIL if name in lost else PASS) for name in names)


def evidence(scratch: Scratch, version: str, found: tuple[CaseResult, ...], *, hour: float = 1) -> Evidence:
    """A run over ``found`` that ended at an hour."""
    return Evidence(
        prompt=Subject(id=ID, version=version, digest=digest_of(scratch, version)),
        dataset=Dataset(digest="sha256:" + "d" * 64, cases=len(found)),
        judge=Judge(),
        model=Model(name="gpt-4o"),
        cases=found,
        started_at=round(FIRST + hour * 3600) - 60,
        finished_at=round(FIRST + hour * 3600),
        tool="test",
    )


def record(scratch: Scratch, made: Evidence) -> str:
    """Write evidence where the gate looks for it; its path."""
    path = evidence_path("prompts", made)
    scratch.write(path, evidence_bytes(made))
    return path


def record_both(scratch: Scratch, lost: Iterable[str] = (), *, hour: float = 1) -> None:
    """Evidence of v2, which passes everything, and of v3, which loses the named cases."""
    record(scratch, evidence(scratch, "v2", cases(), hour=hour))
    record(scratch, evidence(scratch, "v3", cases(failed=lost), hour=hour))


def on_another_model(made: Evidence) -> Evidence:
    """The same run, said to be of another model."""
    return replace(made, model=Model(name="gpt-5"))
