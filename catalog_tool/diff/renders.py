"""What the model would really receive, before and after: golden inputs, or a file of values, rendered twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog_tool.errors import CatalogError
from catalog_tool.template.messages import CompiledPrompt, compile_prompt

CASES = 20
"""Inputs that one pair of versions is rendered with."""


class Case(NamedTuple):
    """One input: its name, variables and placeholders in one namespace."""

    name: str
    values: Mapping[str, Any]


class Render(NamedTuple):
    """One input rendered by two versions: the messages as text, or why it cannot be rendered."""

    case: str
    before: str | None
    after: str | None
    before_error: str | None = None
    after_error: str | None = None

    @property
    def same(self) -> bool:
        """Whether the model would get the same."""
        return self.before == self.after and self.before_error == self.after_error

    def to_json(self) -> dict[str, Any]:
        """All fields, and ``same``; the texts only where they differ."""
        found = {**self._asdict(), "same": self.same}
        return {**found, "before": None, "after": None} if self.same else found


def compare_renders(old: Mapping[str, Any], new: Mapping[str, Any], cases: Iterable[Case]) -> tuple[Render, ...]:
    """Each case rendered by both versions' parts, at most ``CASES``."""
    taken = list(cases)[:CASES]
    if not taken:
        return ()
    before, after = _compiled(old), _compiled(new)
    return tuple(_render(before, after, case) for case in taken)


def _compiled(parts: Mapping[str, Any]) -> CompiledPrompt | str:
    try:
        return compile_prompt(parts)
    except CatalogError as error:
        return error.message


def _render(before: CompiledPrompt | str, after: CompiledPrompt | str, case: Case) -> Render:
    old, old_error = _text(before, case)
    new, new_error = _text(after, case)
    return Render(case.name, old, new, old_error, new_error)


def _text(prompt: CompiledPrompt | str, case: Case) -> tuple[str | None, str | None]:
    if isinstance(prompt, str):
        return None, prompt
    try:
        messages = prompt.render(*prompt.split(case.values))
    except CatalogError as error:
        return None, error.message
    return "\n".join(_message(message) for message in messages), None


def _message(message: Mapping[str, Any]) -> str:
    """A role and what is said, laid out for comparing."""
    content = message.get("content")
    rest = {key: value for key, value in message.items() if key not in ("role", "content")}
    said = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
    more = f"\n{json.dumps(rest, ensure_ascii=False)}" if rest else ""
    return f"[{message.get('role')}]\n{'' if content is None else said}{more}\n"
