"""A skill's front matter against one of the three profiles (design §3)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from catalog_tool.model.codes import CODES, finding
from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.source.document import pointer_path
from catalog_tool.source.positions import Path
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schema_survey import SchemaProblem
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.skills import CLAUDE_CODE, ReadSkill

SPECIFIED = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
"""The six fields of agentskills.io."""
_CODE_BY_FIELD = {"name": "S202", "description": "S204"}


class ProfileCheck:
    """Checks front matters under one profile; ``team`` is a stricter schema of the team's own."""

    def __init__(self, profile: str, team: SchemaEngine | None = None) -> None:
        self.profile = profile
        self._schema = load_schema(f"skill-{profile}")
        self._engine = SchemaEngine(self._schema)
        self._team = team

    def findings(self, skill: ReadSkill) -> list[Finding]:
        """Everything the profile says about one skill's fields."""
        front = skill.front
        if front is None:
            return []
        found: list[Finding] = []
        if not self._engine.is_valid(front):
            first: dict[tuple[str, str], Finding] = {}
            for problem in self._engine.errors(front):
                code, path = _judge(front, problem)
                said = self._finding(skill, code, path, problem.message)
                first.setdefault((code, problem.pointer or problem.message), said)
            found.extend(first.values())
        found += self._unknown_fields(skill, front)
        found += self._name(skill, front)
        if self._team is not None and not self._team.is_valid(front):
            found += [
                self._finding(skill, "S209", pointer_path(problem.pointer, front), problem.message)
                for problem in self._team.errors(front)
            ]
        return found

    def _finding(self, skill: ReadSkill, code: str, where: Path, message: str) -> Finding:
        severity = CODES[code][0]
        if code == "S206":
            severity = {"upload": ERROR}.get(self.profile, WARNING)
        elif self.profile == CLAUDE_CODE and severity == ERROR and code != "S209":
            severity = WARNING
        spot = skill.locator.key(where) if where and skill.locator is not None else skill.spot()
        return finding(
            code, message, f"{skill.folder.path}/{skill.folder.skill_file}",
            severity=severity, line=spot.line, column=spot.column, artifact=skill.folder.key,
        )  # fmt: skip

    def _unknown_fields(self, skill: ReadSkill, front: dict[str, Any]) -> list[Finding]:
        if self.profile == "upload":
            return []
        known = tuple(self._schema["properties"]) if self.profile == CLAUDE_CODE else SPECIFIED
        found = []
        for field in front:
            if field in known:
                continue
            near = difflib.get_close_matches(field, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            what = "no field that the agent knows" if self.profile == CLAUDE_CODE else "no field of agentskills.io"
            found.append(self._finding(skill, "S206", [field], f"`{field}` is {what}{hint}"))
        return found

    def _name(self, skill: ReadSkill, front: dict[str, Any]) -> list[Finding]:
        name = front.get("name")
        if not isinstance(name, str) or name == skill.folder.name:
            return []
        message = f"the name is {name!r}; the folder says {skill.folder.name!r}"
        return [self._finding(skill, "S203", ["name"], message)]


def _judge(front: Mapping[str, Any], problem: SchemaProblem) -> tuple[str, Path]:
    """The code for what a profile's schema refuses, and the path to show: empty where a field is missing."""
    path, keyword = pointer_path(problem.pointer, front), problem.keyword
    field = str(path[0]) if path else ""
    if keyword == "required":
        return _CODE_BY_FIELD["name" if "`name`" in problem.message else "description"], []
    if keyword == "maxLength":
        return "S205", path
    if keyword == "additionalProperties":
        return "S206", path
    if keyword == "not" and field in _CODE_BY_FIELD:
        return "S208", path
    if keyword == "type" and field == "description" and front[field] is not None:
        return "S207", path
    return _CODE_BY_FIELD.get(field, "S207"), path
