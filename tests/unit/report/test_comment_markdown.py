"""The comment on a pull request where there is more to say than it holds, and what it says of gates."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import SOAK
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.report.comment_markdown import Documents, Source, comment_markdown
from catalog_tool.report.comment_room import Section, within
from catalog_tool.sync.announce import LIMIT, SHORT

SOURCE = Source("acme", "", "ab" * 20, "https://git.example.com/run")
CHANGED = {"format": 1, "status": "changed", "base": "main", "head": None, "changes": [], "summary": {}}
DIGEST = "sha256:" + "a" * 64
REPORT = "**This breaks callers.** `p1` v1 → v2\n\n" + "".join(f"- `p{n}`: {'much ' * 40}\n\n" for n in range(400))


def gate(number: int, status: str = "deny", policy: str | None = DIGEST, reasons: int = 5) -> dict[str, Any]:
    why = {"rule": "score", "outcome": "fail", "message": "the mean of score is 0.1, the baseline's 0.9"}
    return {
        "format": 1, "status": status, "reasons": [why] * reasons, "prompt": f"p{number}", "label": "production",
        "candidate": {"version": "v2", "digest": DIGEST}, "policy": policy,
    }  # fmt: skip


def evaluation(number: int, status: str = "pass") -> dict[str, Any]:
    return {
        "format": 1, "mode": "model", "status": status, "prompt": {"id": f"p{number}", "version": "v2"},
        "model": {"name": "m"}, "counts": {"total": 2, "pass": 2}, "scores": {f"metric{n}": 0.5 for n in range(20)},
    }  # fmt: skip


def plan(target: str, status: str = "planned") -> dict[str, Any]:
    action = {"action": "create", "state": "create", "outcome": "planned", "reason": None}
    return {
        "format": 1, "status": status, "target": target, "bundle": DIGEST, "plan_digest": DIGEST, "blocked": [],
        "summary": {"create": 99}, "actions": [{"object": f"prompts/p{n}@v2", **action} for n in range(99)],
    }  # fmt: skip


def findings() -> dict[str, Any]:
    entry = {"code": "P101", "message": "wrong " * 80, "path": "prompts/p/v1.yaml", "line": 1, "hint": None}
    found = [{**entry, "severity": kind, "line": n} for kind in ("error", "warning") for n in range(99)]
    return {"format": 1, "status": "invalid", "findings": found}


def comment(limit: int = LIMIT, **documents: Any) -> str:
    text = comment_markdown(SOURCE, Documents(changes=CHANGED, **documents), limit)
    assert len(text.encode()) <= limit
    return text


@pytest.mark.parametrize("limit", [LIMIT, SHORT])
def test_nothing_is_left_out_without_a_word(limit: int) -> None:
    everything = {
        "findings": findings(),
        "gates": [gate(n) for n in range(150)],
        "evaluations": [evaluation(n) for n in range(150)],
        "plans": [plan(f"target-{n}") for n in range(30)],
        "report": REPORT,
    }
    text = comment(limit, **everything)
    for told in ("**This breaks callers.**", "The catalog has 99 errors", "`catalog diff` shows them", "[run]("):
        assert told in text
    for noun, heading, of in (("gates", "**Gate of", 150), ("evaluations", "**Eval", 150), ("plans", "**Target**", 30)):
        (left,) = (line for line in text.split("\n") if f"more {noun}**, the first lines only" in line)
        more = int(left.removeprefix("**").partition(" ")[0])
        assert f"\n{heading}" in text
        assert sum(line.startswith(heading) for line in text.split("\n")) == of - more
        listed = re.search(
            rf"\n\n((?:- {re.escape(heading)}.*\n)*)(?:- … and (\d+) more\n)?\n", text[text.index(left) :]
        )
        assert listed is not None
        assert listed[1].count("\n") + int(listed[2] or 0) == more
    assert text.count("<details>") == text.count("</details>")


def test_what_a_merge_changes_has_a_share_that_gates_cannot_take() -> None:
    text = comment(gates=[gate(n, "allow") for n in range(150)], report=REPORT)
    assert len(text.partition("**This breaks callers.**")[2].encode()) > LIMIT / 3
    assert all(f"`p{n}@v2`" in text for n in range(150))  # by a line at least


def test_a_share_that_is_not_needed_is_the_others() -> None:
    report = "**This breaks callers.**\n\n" + f"{'x' * 98}\n\n" * 700
    assert len(comment(gates=[gate(1)], report=report).encode()) > LIMIT * 0.97
    assert "left out" not in comment(gates=[gate(n) for n in range(60)], report="**Short.**\n")


def test_the_worst_comes_first_and_what_nobody_enforces_last() -> None:
    gates = [gate(1, "allow"), gate(2, "deny", None), gate(3, "indeterminate"), gate(4, "deny")]
    failed = {"format": 1, "status": "error", "error": {"kind": "git", "message": "no history", "hint": None}}
    text = comment(
        gates=[*gates, failed],
        evaluations=[*map(evaluation, range(4), ("pass", "unknown", "fail", "indeterminate"))],
        plans=[plan("dev"), plan("prod", "blocked")],
    )
    order = "no history|`p4@v2`|`p3@v2`|`p1@v2`|`p2@v2`|**failed**|could not be judged|undecided|passed|`prod`|`dev`"
    places = [text.index(each) for each in order.split("|")]
    assert places == sorted(places)


def test_one_part_that_is_too_long_by_itself_is_cut_and_begins_with_its_verdict() -> None:
    text = comment(gates=[gate(1, reasons=2_000), gate(2)])
    assert "**Gate of production:** `p1@v2` **may not have it**" in text
    assert "left out" in text
    assert "- **Gate of production:** `p2@v2` **may not have it**" in text


@pytest.mark.parametrize(
    ("status", "said"),
    [("allow", "may have it"), ("deny", "may not have it"), ("indeterminate", "may not have it yet")],
)
def test_a_label_without_a_gate_is_not_said_to_refuse(status: str, said: str) -> None:
    text = comment(gates=[gate(1, status, None)])
    assert f"**production has no gate:** by the defaults `p1@v2` {said}; nothing enforces that\n" in text
    assert "**Gate of" not in text
    assert "<details><summary>5 reasons</summary>" in text
    assert f"**Gate of production:** `p1@v2` **{said}**" in comment(gates=[gate(1, status)])


def part(name: str, size: int) -> str:
    return f"**{name}**\n\n{'x' * size}\n\n"


@settings(max_examples=2_000 if SOAK else 100)
@given(
    st.lists(st.tuples(st.integers(3, 6), st.lists(st.integers(1, 4_000), max_size=30)), max_size=6),
    st.integers(6_000, 40_000),
)
def test_every_section_is_whole_or_says_what_is_not(shape: list[tuple[int, list[int]]], limit: int) -> None:
    sections = [
        Section(
            f"kind{kind}", weight, "`catalog`", [part(f"{kind}-{number}", size) for number, size in enumerate(sizes)]
        )
        for kind, (weight, sizes) in enumerate(shape)
    ]
    text = within(sections, limit)
    assert len(text.encode()) <= limit
    whole = "".join(part for section in sections for part in section.parts)
    assert (text == whole) == (len(whole.encode()) <= limit)
    for section in sections:
        missing = [part for part in section.parts if part not in text]
        if missing:
            assert f"more {section.noun}**" in text or "left out" in text
        assert not section.parts or section.parts[0].partition("\n")[0] in text
