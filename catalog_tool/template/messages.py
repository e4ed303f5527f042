"""A prompt version's canonical parts to the messages that a model gets (design §4, §9).

The number and the roles of the messages come from the parts and from placeholders alone: whatever a
variable holds, it stays inside the text it was put into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from catalog_tool.template.binding import bind, unknown_names
from catalog_tool.template.engines import MUSTACHE, Engine, engine_named
from catalog_tool.template.errors import (
    BadPlaceholderError,
    MissingVariableError,
    RenderError,
    TemplateError,
    UnknownVariableError,
)
from catalog_tool.template.nodes import Problem, Template
from catalog_tool.template.placeholders import copied, given_messages
from catalog_tool.template.render import Allowance
from catalog_tool.template.shapes import variables_shape


class _Text(NamedTuple):
    """A text part, or a whole content, that is templated."""

    template: Template


class _Fixed(NamedTuple):
    """Anything that is passed on as it is: images, tool calls, names."""

    value: Any


class _Message(NamedTuple):
    """A message's keys in written order; ``content`` is text, or a list of parts."""

    fields: tuple[tuple[str, _Text | _Fixed | tuple[_Part, ...]], ...]


class _Part(NamedTuple):
    fields: tuple[tuple[str, _Text | _Fixed], ...]


class _Placeholder(NamedTuple):
    name: str
    required: bool


_Item: TypeAlias = _Message | _Placeholder


class CompiledPrompt:
    """A prompt that is parsed once and rendered often; immutable, safe to share between threads."""

    __slots__ = ("_engine", "_items", "_placeholders", "_variables")

    def __init__(self, engine: Engine, items: tuple[_Item, ...], variables: Mapping[str, Any]) -> None:
        self._engine = engine
        self._items = items
        self._variables = variables
        self._placeholders = {item.name: item.required for item in items if isinstance(item, _Placeholder)}

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the prompt's placeholders, in order."""
        return tuple(self._placeholders)

    def split(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """``render(**arguments)``'s names, which share one namespace, into variables and placeholders."""
        placeholders = {name: value for name, value in arguments.items() if name in self._placeholders}
        variables = {name: value for name, value in arguments.items() if name not in self._placeholders}
        return variables, placeholders

    def render(
        self,
        variables: Mapping[str, Any],
        placeholders: Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
    ) -> list[dict[str, Any]]:
        """Fresh messages. ``strict`` refuses variables that the schema does not list.

        Raises MissingVariableError with every missing name, UnknownVariableError, BadValueError,
        BadPlaceholderError, RenderLimitError.
        """
        given = {name: value for name, value in (placeholders or {}).items() if value is not None}
        self._check_names(variables, given, strict=strict)
        bound = bind(variables, self._variables)
        absent = [name for name, required in self._placeholders.items() if required and name not in given]
        if bound.missing or absent:
            raise MissingVariableError((*bound.missing, *absent))
        run = _Run(self._engine, bound.values, self._variables)
        messages: list[dict[str, Any]] = []
        for item in self._items:
            if isinstance(item, _Placeholder):
                messages.extend(given_messages(item.name, given.get(item.name, ())))
            else:
                messages.append({key: run.field(field) for key, field in item.fields})
        if run.missing:
            raise MissingVariableError(run.missing)
        return messages

    def _check_names(self, variables: Mapping[str, Any], given: Mapping[str, Any], *, strict: bool) -> None:
        for name in variables:
            if name in self._placeholders:
                raise BadPlaceholderError(name, "is a placeholder, not a variable")
        unknown = unknown_names(variables, self._variables, strict=strict)
        unknown += [name for name in given if name not in self._placeholders]
        if unknown:
            known = (*variables_shape(self._variables).properties(), *self._placeholders)
            raise UnknownVariableError(unknown, known=known)


class _Run:
    """One rendering: its values, what it may still write, and the names without a value so far."""

    def __init__(self, engine: Engine, values: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self._engine = engine
        self._values = values
        self._variables = variables
        self._allowance = Allowance()
        self.missing: list[str] = []

    def field(self, field: _Text | _Fixed | tuple[_Part, ...]) -> Any:
        """The value of one key of a message."""
        if isinstance(field, _Text):
            return self._text(field.template)
        if isinstance(field, _Fixed):
            return copied("message", field.value)
        return [{key: self.field(value) for key, value in part.fields} for part in field]

    def _text(self, template: Template) -> str:
        try:
            return self._engine.render(template, self._values, self._variables, self._allowance)
        except MissingVariableError as error:
            self.missing.extend(error.names)
            return ""


def compile_prompt(parts: Mapping[str, Any]) -> CompiledPrompt:
    """Parse the templates of canonical ``parts`` (``messages``, ``template``, ``variables``).

    Partials are expanded already, as in ``bundle.json`` and over HTTP. Raises TemplateError with the
    problems of all texts, MissingExtraError, RenderError where the parts are not what design §4 says.
    """
    variables = parts.get("variables", {})
    messages = parts.get("messages")
    if not isinstance(messages, list | tuple) or not isinstance(variables, Mapping):
        raise RenderError("the prompt's parts cannot be read: 'messages' is a list, 'variables' an object")
    engine = engine_named(parts.get("template", MUSTACHE))
    reader = _Reader(engine.parse)
    items = tuple(item for message in messages for item in reader.items(message))
    if reader.problems:
        raise TemplateError(reader.problems)
    return CompiledPrompt(engine, items, variables)


def render_messages(
    parts: Mapping[str, Any],
    variables: Mapping[str, Any],
    placeholders: Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
) -> list[dict[str, Any]]:
    """``compile_prompt`` and one ``CompiledPrompt.render``."""
    return compile_prompt(parts).render(variables, placeholders, strict=strict)


class _Reader:
    """Turns the ``messages`` part into items, collecting the problems of its texts."""

    def __init__(self, parse: Callable[[str], Template]) -> None:
        self._parse = parse
        self.problems: list[Problem] = []

    def items(self, message: Any) -> Iterator[_Item]:
        if isinstance(message, Mapping) and isinstance(message.get("placeholder"), str):
            yield _Placeholder(message["placeholder"], message.get("required") is not False)
        elif isinstance(message, Mapping) and isinstance(message.get("examples"), list | tuple):
            for example in message["examples"]:
                yield self._example(example, "user")
                yield self._example(example, "assistant")
        elif isinstance(message, Mapping) and "role" in message:
            yield _Message(tuple((key, self._field(key, value)) for key, value in message.items()))
        else:
            raise RenderError("the prompt's parts cannot be read: an element of 'messages' is no message")

    def _example(self, example: Any, role: str) -> _Message:
        text = example.get(role) if isinstance(example, Mapping) else None
        if not isinstance(text, str):
            raise RenderError(f"the prompt's parts cannot be read: an example has no {role} text")
        return _Message((("role", _Fixed(role)), ("content", self._text(text))))

    def _field(self, key: str, value: Any) -> _Text | _Fixed | tuple[_Part, ...]:
        if key != "content":
            return _Fixed(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list | tuple) and all(isinstance(part, Mapping) for part in value):
            return tuple(self._part(part) for part in value)
        raise RenderError("the prompt's parts cannot be read: 'content' is text or a list of parts")

    def _part(self, part: Mapping[str, Any]) -> _Part:
        templated = part.get("type") == "text" and isinstance(part.get("text"), str)
        return _Part(
            tuple(
                (key, self._text(value) if templated and key == "text" else _Fixed(value))
                for key, value in part.items()
            )
        )

    def _text(self, text: str) -> _Text:
        template = self._parse(text)
        self.problems.extend(template.problems)
        return _Text(template)
