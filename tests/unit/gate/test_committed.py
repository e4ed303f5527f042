"""A move as git made it: where it came from, and what was known then."""

from __future__ import annotations

import pytest

from catalog_tool.gate.committed import SourcesThen, committed_move
from catalog_tool.gate.evidence import Dataset, Evidence, Judge, Model, Subject
from catalog_tool.gate.label_history import Held, LabelHistory
from catalog_tool.gate.rules_evidence import CLOCK_SECONDS
from catalog_tool.gate.shelf import Stored
from catalog_tool.model.labels import LabelValue

V1, V2, V3 = (LabelValue(((version, 100),)) for version in ("v1", "v2", "v3"))


def history(*values: LabelValue | None, whole: bool = True) -> LabelHistory:
    held = [Held(at * 100, value) for at, value in enumerate(values, 1)]
    return LabelHistory({"production": held}, {}, whole=whole)


@pytest.mark.parametrize(
    ("found", "before", "at"),
    [
        (history(V2, V3), V2, 200),
        (history(V1, V2, V3), V2, 300),
        (history(V3), None, 100),
        (history(V2, None, V3), V2, 300),  # taken away and set anew: the baseline stays
        (history(None, V3), None, 200),
        (history(V2, V3, whole=False), V2, 200),
    ],
)
def test_where_it_came_from(found: LabelHistory, before: LabelValue | None, at: int) -> None:
    made = committed_move("greet", "production", V3, found)
    assert made is not None
    assert (made.move.current, made.move.wanted, made.at) == (before, V3, at)


@pytest.mark.parametrize(
    "found",
    [None, history(), history(V3, V2), history(V3, None), history(V3, whole=False), history(None, V3, whole=False)],
)
def test_what_git_does_not_say_was_never_committed(found: LabelHistory | None) -> None:
    assert committed_move("greet", "production", V3, found) is None


def evidence(finished_at: int) -> Stored:
    made = Evidence(
        prompt=Subject(id="greet", version="v3", digest="sha256:" + "3" * 64),
        dataset=Dataset(digest="sha256:" + "d" * 64, cases=0),
        judge=Judge(),
        model=Model(name="m"),
        cases=(),
        started_at=0,
        finished_at=finished_at,
    )
    return Stored(f"{finished_at}.json", made)


class _Sources:
    def digest(self, prompt: str, version: str) -> str | None:
        return f"{prompt}@{version}"

    def stored(self, prompt: str) -> list[Stored]:
        return [
            evidence(150),
            evidence(300 + CLOCK_SECONDS),
            evidence(301 + CLOCK_SECONDS),
            Stored(prompt, None, "torn"),
        ]

    def history(self, prompt: str) -> LabelHistory | None:
        return history(V1, V2, V3) if prompt == "greet" else None

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        return f"{prompt}@{label} {version} {held.since}"

    def dataset(self, prompt: str) -> str | None:
        return prompt


def test_what_was_known_then() -> None:
    then = SourcesThen(_Sources(), 300)
    assert [item.path for item in then.stored("greet")] == ["150.json", f"{300 + CLOCK_SECONDS}.json", "greet"]
    found = then.history("greet")
    assert found is not None
    assert [held.value for held in found.labels["production"]] == [V1, V2]
    assert then.had("greet", "production", "v1", Held(7, V1)) == "greet@production v1 7"
    assert (then.history("other"), then.digest("greet", "v3"), then.dataset("greet")) == (None, "greet@v3", None)
