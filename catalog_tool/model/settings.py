"""The settings of a catalog: ``catalog.yaml`` with its defaults (design §2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SETTINGS_FILE = "catalog.yaml"
PROFILES = ("portable", "upload", "claude-code")


class Rule(NamedTuple):
    """What ``rules:`` says of one code: another severity (or ``ignore``), and why.

    Of a change's rule ``severity`` is a contract level; ``until`` is the last day (``YYYY-MM-DD``) on
    which that holds, or None. A finding's rule has no last day: a commit is checked alike on every day.
    """

    severity: str
    reason: str = ""
    until: str | None = None


class Settings(NamedTuple):
    """Everything ``catalog.yaml`` may set. ``targets`` and ``labels`` are as written, with defaults."""

    catalog: str | None = None
    requires: str | None = None
    prompts: str = "prompts"
    skills: tuple[str, ...] = ("skills", ".claude/skills")
    skill_profile: str = "portable"
    targets: Mapping[str, Mapping[str, Any]] = {}
    labels: Mapping[str, Mapping[str, Any]] = {}
    rules: Mapping[str, Rule] = {}
    schemas: Mapping[str, str] = {}


TARGET_DEFAULTS: Mapping[str, Any] = {"edits": "report", "include": ["**"], "labels": ["*"], "skills": True}
