"""A plan in a pull request."""

from __future__ import annotations

from catalog_tool.report.plan_markdown import plan_markdown

LEFT = {"action": "noop", "state": "drifted", "outcome": "skipped", "reason": "edited on the target"}
KEPT = {"action": "noop", "state": "prune", "outcome": "skipped", "reason": "git no longer has it"}


def test_what_a_plan_leaves_alone_is_named_and_not_called_done() -> None:
    actions = [{"object": "labels/greet@production", **LEFT}, {"object": "prompts/greet@v1", **KEPT}]
    document = {
        "format": 1, "status": "partial", "target": "prod", "bundle": None, "plan_digest": None,
        "summary": {"noop": 2}, "actions": actions, "blocked": [],
    }  # fmt: skip
    text = plan_markdown(document)
    assert "**Target** `prod`: nothing to write; something is left alone\n" in text
    assert "| leave | `labels/greet@production` | drifted, skipped | edited on the target |" in text
    assert "greet@v1" not in text
