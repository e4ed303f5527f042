"""What can happen to a whole artifact, judged like the rules of the table.

The table judges what changes inside an artifact. That one came, went, has another name, or changed
although it was released (design §2.3) is judged here; the ids share the rules' namespace.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from catalog_tool.diff.rules import RULE, Rule

OCCASIONS: tuple[Rule, ...] = (
    Rule(
        "artifact-added", "artifact", "a prompt or skill came", "minor", "none",
        "nobody depends on it yet", "behaviour high for a skill, which may be chosen from now on",
    ),
    Rule(
        "artifact-removed", "artifact", "a prompt, a version or a skill went", "major", "high",
        "whoever asks for it gets nothing",
    ),
    Rule(
        "artifact-renamed", "artifact", "a prompt has another id", "major", "none",
        "callers ask for the old one",
    ),
    Rule(
        "released-changed", "artifact", "a version that was released has other content", "major", "high",
        "whoever pinned it gets something else: versions are immutable",
    ),
)  # fmt: skip
"""Rules about whole artifacts."""

KNOWN: Mapping[str, Rule] = MappingProxyType({**RULE, **{rule.id: rule for rule in OCCASIONS}})
"""Every rule by id: the table's and these."""
