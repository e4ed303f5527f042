"""What agents say about skills in their telemetry: names and versions in one dated table, for these move."""

from __future__ import annotations

import re

AS_OF = "2026-11-01"
"""When these figures were last compared with the agents' documentation and release notes."""

ACTIVATED = "skill_activated"
"""``event.name`` of the log record that says a skill was loaded."""
RESULT = "skill_result"
"""``event.name`` of the record that our hook sends: what came of a skill's work."""
BODY_PREFIX = "claude_code."
"""What stands before the event's name in the body of a log record."""

REDACTED = frozenset({"custom_skill", "third-party"})
"""Names that stand in for one that the agent does not tell without ``OTEL_LOG_TOOL_DETAILS=1``."""

FIRST_TYPED = (2, 1, 126)
"""The first release of Claude Code that reports skills which people start by typing ``/name``."""

TYPED, PROACTIVE, NESTED = "user-slash", "claude-proactive", "nested-skill"
TRIGGERS = {TYPED: "typed", PROACTIVE: "proactive", NESTED: "nested"}
"""``invocation_trigger``: who started the skill, and the word that reports use."""

PLUGIN_HASH_SALT = "claude-plugin-telemetry-v1"
"""What is appended to ``plugin@marketplace`` before it is hashed to ``plugin_id_hash``."""
PLUGIN_HASH_DIGITS = 16

SYNC_PREFIXES = ("anthropic-skills",)
"""Plugin names under which skills appear that were uploaded to an account and synced to its machines."""

SKILL_TOOLS = frozenset({"Skill", "skill", "load_skill", "activate_skill", "use_skill", "read_skill"})
"""Tools whose successful call loads a skill, as spans of agent frameworks name them."""

_VERSION = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)


def reports_typed_calls(version: str) -> bool:
    """Whether a client of this version reports typed calls; a version that is no ``x.y.z`` is taken as new."""
    found = _VERSION.match(version)
    return found is None or tuple(map(int, found.groups())) >= FIRST_TYPED
