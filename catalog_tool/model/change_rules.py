"""The ids of the rules that changes are judged by, for settings that override them by name."""

from __future__ import annotations

CONTRACT_SEVERITIES = ("major", "minor", "patch", "none")
"""What a rule about changes may be overridden with."""

CHANGE_RULES = frozenset(
    {
        *("var-required-added", "var-optional-added", "var-widened", "var-narrowed", "var-removed"),
        *("var-renamed", "var-default", "var-text", "placeholder-required", "placeholder-optional"),
        *("tool-added", "tool-removed", "tool-renamed", "tool-arg-added", "tool-arg-dropped"),
        *("tool-arg-narrowed", "tool-arg-widened", "tool-returns", "tool-text", "tool-strict-off"),
        *("output-form", "output-loosened", "output-optional-added", "output-tightened", "output-text"),
        *("model-snapshot", "model-family", "model-capability", "model-floating"),
        *("params-sampling", "params-cut", "params-raised"),
        *("text-wording", "text-space", "text-structure", "text-example"),
        *("schema-respelled", "schema-order", "undecided"),
        *("skill-routing", "skill-permission", "skill-code", "skill-content"),
        *("template-engine", "shared-part", "meta", "test-weakened", "label-moved"),
        *("artifact-added", "artifact-removed", "artifact-renamed", "released-changed"),
    }
)
"""Ids of ``catalog_tool.diff``'s rules; a test compares them with its tables."""
