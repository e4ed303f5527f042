"""The schemas that the floors check with: ours where they are written, else a stand-in of like weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[2] / "schemas"
_WORD = "[a-z][a-z0-9]*([_-][a-z0-9]+)*"
_TEXT = {"type": "string"}
_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}}
_SCHEMA = {"type": ["object", "boolean"]}
_PART = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": ["text", "image"]}, "text": _TEXT, "url": _TEXT},
    "additionalProperties": False,
}
_EXAMPLE = {
    "type": "object",
    "required": ["user", "assistant"],
    "properties": {"user": _TEXT, "assistant": _TEXT},
    "additionalProperties": False,
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {"anyOf": [_TEXT, {"type": "array", "items": _PART}]},
        "name": _TEXT,
        "tool_calls": {"type": "array"},
        "tool_call_id": _TEXT,
        "examples": {"type": "array", "items": _EXAMPLE},
        "placeholder": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"},
        "required": {"type": "boolean"},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["role"]}, {"required": ["examples"]}, {"required": ["placeholder"]}],
}
_TOOL = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _TEXT, "description": _TEXT, "parameters": _SCHEMA, "returns": _SCHEMA,
        "strict": {"type": "boolean"}, "dispatch": {}, "owners": _NAMES, "tags": _NAMES, "notes": _TEXT,
    },
    "additionalProperties": False,
}  # fmt: skip
_STAND_IN_PROMPT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "version"],
    "properties": {
        "id": {"type": "string", "pattern": f"^{_WORD}(/{_WORD})*$"},
        "version": {"type": "string", "pattern": "^v[1-9][0-9]*$"},
        "description": _TEXT, "owners": _NAMES, "tags": _NAMES, "notes": _TEXT,
        "model": {"anyOf": [_TEXT, {"type": "object", "required": ["name"]}]},
        "params": {"type": "object"},
        "temperature": {"type": "number", "minimum": 0}, "top_p": {"type": "number"},
        "max_tokens": {"type": "integer", "minimum": 1}, "stop": _NAMES, "seed": {"type": "integer"},
        "template": {"enum": ["mustache", "none", "jinja"]},
        "variables": _SCHEMA,
        "system_prompt": _TEXT,
        "messages": {"type": "array", "items": _MESSAGE},
        "tools": {"type": "array", "items": {"anyOf": [_TEXT, _TOOL]}},
        "output_schema": _SCHEMA,
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
}  # fmt: skip
_STAND_IN_SKILL: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "description"],
    "properties": {
        "name": {"type": "string", "maxLength": 64, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "description": {"type": "string", "minLength": 1, "maxLength": 1024},
        "license": _TEXT,
        "compatibility": {"type": "string", "maxLength": 500},
        "metadata": {"type": "object", "additionalProperties": _TEXT},
        "allowed-tools": _TEXT,
    },
}


PROMPT_FILE = "prompt.schema.json"
SKILL_FILE = "skill-portable.schema.json"


def prompt_schema() -> dict[str, Any]:
    """The JSON Schema of a prompt file."""
    return _read(PROMPT_FILE, _STAND_IN_PROMPT)


def skill_schema() -> dict[str, Any]:
    """The JSON Schema of a skill's front matter under profile ``portable``."""
    return _read(SKILL_FILE, _STAND_IN_SKILL)


def stand_ins() -> list[str]:
    """The schemas that are not written yet, so that a floor checks less than it will."""
    return [name for name in (PROMPT_FILE, SKILL_FILE) if not (_FOLDER / name).exists()]


def resources() -> list[tuple[str, dict[str, Any]]]:
    """Every schema of ours that has an ``$id``, for those that refer to another."""
    found = [json.loads(path.read_bytes()) for path in sorted(_FOLDER.glob("*.schema.json"))]
    return [(schema["$id"], schema) for schema in found if "$id" in schema]


def _read(name: str, stand_in: dict[str, Any]) -> dict[str, Any]:
    path = _FOLDER / name
    if not path.exists():
        return stand_in
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found
