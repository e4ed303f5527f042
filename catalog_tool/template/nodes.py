"""What a parsed template is made of: plain immutable values, safe to share between threads."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias


class Problem(NamedTuple):
    """One thing wrong with a template.

    ``kind`` is a short stable slug, ``message`` is for people. ``offset`` counts code points in the
    text as it was written, before partials. Where the fault is inside a partial, ``offset`` is that of
    the outermost partial tag, ``partial`` the partial's reference and ``partial_offset`` the place
    in the partial's own text.
    """

    kind: str
    message: str
    offset: int
    partial: str | None = None
    partial_offset: int | None = None


class Use(NamedTuple):
    """One naming of a variable: ``name`` as written (dotted or not), ``kind`` variable or section."""

    name: str
    offset: int
    kind: str


VARIABLE = "variable"
SECTION = "section"
DOT = "."


class Variable(NamedTuple):
    """``{{name}}``. ``parts`` is empty for ``{{.}}``."""

    name: str
    parts: tuple[str, ...]
    offset: int


class Section(NamedTuple):
    """``{{#name}}…{{/name}}``, or ``{{^name}}…{{/name}}`` where ``inverted``."""

    name: str
    parts: tuple[str, ...]
    offset: int
    inverted: bool
    nodes: tuple[Node, ...]


Node: TypeAlias = "str | Variable | Section"


class Template(NamedTuple):
    """One parsed text. Only a template without problems may be rendered.

    ``names`` are the uses in written order, ``{{.}}`` left out. ``program`` is what an optional engine
    compiled, None for mustache and literal text.
    """

    nodes: tuple[Node, ...]
    names: tuple[Use, ...] = ()
    problems: tuple[Problem, ...] = ()
    program: Any = None


def literal(text: str) -> Template:
    """``text`` as it is: no tag means anything (engine ``none``)."""
    return Template((text,))


def used_names(template: Template) -> tuple[str, ...]:
    """The names in a template's tags, dotted ones as written, each once, in order of first use."""
    return tuple(dict.fromkeys(use.name for use in template.names))
