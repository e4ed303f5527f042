"""The catalog as a list for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.report.escape import for_terminal

_BOLD, _FAINT, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def list_text(document: Mapping[str, Any], *, color: bool) -> str:
    """Prompts with their labels, then skills; ``document`` is that of ``list --format json``."""
    lines = []
    for prompt in document["prompts"]:
        versions = ", ".join(version["version"] for version in prompt["versions"])
        lines.append(f"{_name(prompt['id'], color=color)}  {versions}")
        lines.extend(f"  {label}: {label_text(value)}" for label, value in prompt["labels"].items())
    if document["skills"] and lines:
        lines.append("")
    for skill in document["skills"]:
        lines.append(f"{_name(skill['name'], color=color)}  {_faint(skill['digest'][7:19], color=color)}")
        lines.append(f"  {for_terminal(_shortened(skill['description'] or ''))}")
    return "\n".join(lines) + "\n" if lines else "The catalog is empty: `catalog new prompt ID` starts a prompt.\n"


def label_text(value: Any) -> str:
    """``v2``, or ``v2 95%, v3 5%``."""
    if isinstance(value, str):
        return value
    return ", ".join(f"{part['version']} {part['weight']:g}%" for part in value)


def _shortened(text: str, width: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _name(text: str, *, color: bool) -> str:
    shown = for_terminal(text)
    return f"{_BOLD}{shown}{_RESET}" if color else shown


def _faint(text: str, *, color: bool) -> str:
    return f"{_FAINT}{text}{_RESET}" if color else text
