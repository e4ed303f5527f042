"""What can go wrong when a prompt is rendered.

    RenderError                  the prompt cannot be rendered with what was given     exit 2
    ├── TemplateError            the template itself is wrong; carries its problems
    ├── MissingVariableError     required variables or placeholders are not given
    ├── UnknownVariableError     given, but nothing of that name may be
    ├── BadValueError            a value cannot stand in a text
    ├── BadPlaceholderError      a placeholder's value is no list of messages
    ├── RenderLimitError         the result, or the work for it, passes a limit
    └── MissingExtraError        the engine is an optional extra that is not installed

No message ever repeats a value: values may be secrets.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalog_tool.errors import UsageError
from catalog_tool.template.nodes import Problem


class RenderError(UsageError):
    """The prompt cannot be rendered with what was given."""


class TemplateError(RenderError):
    """The template is wrong: ``problems`` says where. ``catalog validate`` would have found it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0].message if self.problems else "unknown problem"
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"the template cannot be rendered: {first}{more}")


class MissingVariableError(RenderError):
    """Required names without a value; ``names`` lists all of them, dotted where nested."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        super().__init__(f"missing: {', '.join(self.names)}", hint="give every required variable a value")


class UnknownVariableError(RenderError):
    """Names that the prompt does not know; ``names`` lists all of them."""

    def __init__(self, names: Iterable[str], *, known: Iterable[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(names))
        listed = ", ".join(known)
        super().__init__(
            f"unknown: {', '.join(self.names)}",
            hint=f"the prompt knows: {listed}" if listed else "the prompt takes no variables",
        )


class BadValueError(RenderError):
    """The value of ``name`` cannot be written into a text."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"{name}: {reason}")


class BadPlaceholderError(RenderError):
    """The value of the placeholder ``name`` is not a list of messages."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"placeholder {name}: {reason}")


class RenderLimitError(RenderError):
    """The rendering passes a limit on its size or its work and was stopped."""


class MissingExtraError(RenderError):
    """The engine needs a package that is not installed."""

    def __init__(self, engine: str) -> None:
        super().__init__(
            f"template: {engine} needs an optional extra: pip install 'catalog-tool[{engine}]'",
        )
