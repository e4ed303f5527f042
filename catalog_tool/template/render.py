"""Values into a parsed template, in one pass: what is written is never read again.

Values are plain JSON. Only keys of dictionaries and items of lists are ever looked at, so no value can
run code, reach an attribute, or become a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from catalog_tool.model import limits
from catalog_tool.template.errors import BadValueError, MissingVariableError, RenderLimitError, TemplateError
from catalog_tool.template.names import declared_offsets
from catalog_tool.template.nodes import Node, Section, Template, Variable
from catalog_tool.template.numbers import canonical_number

_NODE_COST = 16
"""What visiting a tag costs of the size limit besides its text: endless empty loops end too."""
_MISSING: Any = object()


class Allowance:
    """What one prompt may still render to, in code points; shared by all of its texts."""

    __slots__ = ("left",)

    def __init__(self, characters: int = limits.RENDERED_CHARACTERS) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        """Take ``characters``; raises RenderLimitError where they are not there."""
        self.left -= characters
        if self.left < 0:
            limit = limits.RENDERED_CHARACTERS
            raise RenderLimitError(f"the rendering passes {limit} characters and was stopped")


def render_text(
    template: Template,
    values: Mapping[str, Any],
    *,
    variables: Mapping[str, Any] | None = None,
    allowance: Allowance | None = None,
) -> str:
    """The text of ``template`` with ``values`` put in (mustache and literal templates).

    ``variables`` is the schema that says which names may be absent: a tag whose name it declares is
    then empty, any other absent name is an error. Required names and defaults are settled before
    (``binding.bind``). In a section, a value is falsy if it is absent, null, false, 0, an empty string
    or an empty list.

    Raises TemplateError, MissingVariableError (all names at once), BadValueError, RenderLimitError.
    """
    if template.problems:
        raise TemplateError(template.problems)
    if template.program is not None:
        raise TypeError("a compiled template is rendered by its own engine")
    allowance = Allowance() if allowance is None else allowance
    if len(template.nodes) == 1 and isinstance(template.nodes[0], str):
        allowance.spend(len(template.nodes[0]))
        return template.nodes[0]

    def may_be_absent() -> frozenset[int]:
        return frozenset() if variables is None else declared_offsets(template, variables)

    writer = _Writer(allowance, may_be_absent)
    writer.write(template.nodes, [dict(values)])
    if writer.missing:
        raise MissingVariableError(writer.missing)
    return "".join(writer.out)


def text_of(value: Any, name: str) -> str:
    """A plain JSON scalar as text (design §2.1); raises BadValueError for everything else."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            return canonical_number(value)
        except ValueError as error:
            raise BadValueError(name, str(error)) from error
    if isinstance(value, dict | list | tuple):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise BadValueError(name, f"{kind} cannot be written as text: use a section, or pass a string")
    raise BadValueError(name, f"{type(value).__name__} is no JSON value")


class _Writer:
    """The output of one text, and the names that had no value."""

    __slots__ = ("_allowance", "_declared", "_may_be_absent", "missing", "out")

    def __init__(self, allowance: Allowance, may_be_absent: Callable[[], frozenset[int]]) -> None:
        self._allowance = allowance
        self._may_be_absent = may_be_absent
        self._declared: frozenset[int] | None = None
        self.out: list[str] = []
        self.missing: list[str] = []

    def write(self, nodes: Sequence[Node], stack: list[Any]) -> None:
        """Append ``nodes``; sections nest no deeper than ``limits.NESTING``, so recursion is bounded."""
        spend, out = self._allowance.spend, self.out
        for node in nodes:
            if isinstance(node, str):
                spend(len(node))
                out.append(node)
                continue
            value = _look_up(node.parts, stack)
            if isinstance(node, Section):
                spend(_NODE_COST)
                self._section(node, value, stack)
                continue
            text = self._absent(node) if value is _MISSING else text_of(value, node.name)
            spend(len(text) + _NODE_COST)
            out.append(text)

    def _section(self, node: Section, value: Any, stack: list[Any]) -> None:
        shown = _is_truthy(value, node.name)
        if node.inverted:
            if not shown:
                self.write(node.nodes, stack)
        elif shown:
            for item in value if isinstance(value, list | tuple) else (value,):
                self._allowance.spend(_NODE_COST)
                self.write(node.nodes, [*stack, item])

    def _absent(self, node: Variable) -> str:
        """The text of a tag without a value: the schema is only asked when that happens."""
        if self._declared is None:
            self._declared = self._may_be_absent()
        if node.offset not in self._declared:
            self.missing.append(node.name)
        return ""


def _is_truthy(value: Any, name: str) -> bool:
    if value is _MISSING:
        return False
    if isinstance(value, dict):
        return True
    if value is None or isinstance(value, str | int | float | list | tuple):
        return bool(value)
    raise BadValueError(name, f"{type(value).__name__} is no JSON value")


def _look_up(parts: tuple[str, ...], stack: list[Any]) -> Any:
    """The value a name stands for: the innermost object that has the first part decides."""
    if not parts:
        return stack[-1]
    first = parts[0]
    for context in reversed(stack):
        if isinstance(context, dict) and first in context:
            value = context[first]
            for part in parts[1:]:
                if not isinstance(value, dict) or part not in value:
                    return _MISSING
                value = value[part]
            return value
    return _MISSING
