"""A plan in a pull request."""

from __future__ import annotations

from catalog_tool.report.plan_markdown import plan_markdown

LEFT = {"action": "noop", "state": "drifted", "outcome": "skipped", "reason": "edited on the target"}
KEPT = {"action": "noop", "state": "prune", "outcome": "skipped", "reason": "git no longer has it"}
FOREIGN = {"action": "noop", "state": "foreign", "outcome": "skipped", "reason": "it belongs to the catalog other"}
HELD = {"action": "noop", "state": "pending", "outcome": "skipped", "reason": "prompts/b@v1 is not what git says"}
MOVED = {"action": "noop", "state": "override", "outcome": "skipped", "reason": "moved by a rollback"}


def test_what_a_plan_leaves_alone_is_named_and_not_called_done() -> None:
    actions = [
        {"object": "labels/greet@production", **LEFT}, {"object": "prompts/greet@v1", **KEPT},
        {"object": "prompts/b@v1", **FOREIGN}, {"object": "labels/b@production", **HELD},
        {"object": "labels/c@production", **MOVED},
    ]  # fmt: skip
    document = {
        "format": 1, "status": "partial", "target": "prod", "bundle": None, "plan_digest": None,
        "summary": {"noop": 5}, "actions": actions, "blocked": [],
    }  # fmt: skip
    text = plan_markdown(document)
    assert "**Target** `prod`: nothing to write; something is left alone\n" in text
    assert "| leave | `labels/greet@production` | drifted, skipped | edited on the target |" in text
    assert "| leave | `prompts/b@v1` | foreign, skipped | it belongs to the catalog other |" in text
    assert "| leave | `labels/b@production` | pending, skipped | `prompts/b@v1` is not what git says |" in text
    assert "greet@v1" not in text
    assert "c@production" not in text
