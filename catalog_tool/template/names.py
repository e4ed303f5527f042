"""Which variables a prompt's templates use, exactly, and how that fits what it declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.template.nodes import DOT, SECTION, Node, Problem, Section, Template, Variable, used_names
from catalog_tool.template.shapes import Child, Shape, variables_shape


class Inferred(NamedTuple):
    """The variables of a prompt that declares none. A problem stands beside its template's index."""

    variables: dict[str, Any]
    problems: tuple[tuple[int, Problem], ...] = ()


class Undeclared(NamedTuple):
    """A use of a name that no schema declares: in which template, and where in its expanded text."""

    template: int
    name: str
    offset: int


class NameReport(NamedTuple):
    """What does not fit: uses without a declaration (errors), declarations without a use (warnings)."""

    undeclared: tuple[Undeclared, ...] = ()
    unused: tuple[str, ...] = ()


def infer_variables(templates: Sequence[Template]) -> Inferred:
    """The ``variables`` part of a prompt without a written one (design §4).

    Every simple name is a required string; ``{}`` where none is named. A dotted name, a section or
    any name in jinja says that a name is more than a string: a problem, variables must be declared.
    """
    names: set[str] = set()
    problems: list[tuple[int, Problem]] = []
    for index, template in enumerate(templates):
        names.update(used_names(template))
        for use in template.names:
            reason = _needs_declaration(use.name, use.kind, template)
            if reason:
                message = f"{reason} '{use.name}' needs 'variables' that declare it"
                problems.append((index, Problem("undeclared-variables", message, use.offset)))
    if not names:
        return Inferred({})
    ordered = sorted(name for name in names if DOT not in name)
    properties = {name: {"type": "string"} for name in ordered}
    return Inferred({"type": "object", "properties": properties, "required": ordered}, tuple(problems))


def _needs_declaration(name: str, kind: str, template: Template) -> str:
    if template.program is not None:
        return "the jinja name"
    if kind == SECTION:
        return "the section"
    return "the dotted name" if DOT in name else ""


def check_names(templates: Sequence[Template], variables_schema: Mapping[str, Any]) -> NameReport:
    """Compare the names in ``templates`` with the declared variables.

    A name is looked up as rendering does: in the innermost section's value first, then outward.
    The variables themselves are read strictly: ``properties`` lists them, or
    ``additionalProperties``/``patternProperties`` says outright that there are others. A nested object
    about whose names nothing is said, and whatever a schema leaves open, accepts any name. Only
    top-level names count as unused.
    """
    top = variables_shape(variables_schema)
    undeclared: list[Undeclared] = []
    used: set[str] = set()
    for index, template in enumerate(templates):
        for use in _resolve(template, top):
            used.add(use.top)
            if use.child is None:
                undeclared.append(Undeclared(index, use.name, use.offset))
    return NameReport(tuple(undeclared), tuple(name for name in top.properties() if name not in used))


def declared_offsets(template: Template, variables_schema: Mapping[str, Any]) -> frozenset[int]:
    """Where ``template`` uses names that are declared for certain: these may be absent and empty."""
    uses = _resolve(template, variables_shape(variables_schema))
    return frozenset(use.offset for use in uses if use.child is not None and use.child.declared)


class _Resolved(NamedTuple):
    """One use and what it means; ``top`` is the variable it reads, or may read, empty if none."""

    name: str
    offset: int
    child: Child | None
    top: str


def _resolve(template: Template, top: Shape) -> Iterator[_Resolved]:
    if template.program is None:
        yield from _walk(template.nodes, [top])
        return
    for use in template.names:
        yield _Resolved(use.name, use.offset, top.child(use.name), use.name)


def _walk(nodes: Sequence[Node], frames: list[Shape]) -> Iterator[_Resolved]:
    """The uses in ``nodes``; sections nest no deeper than ``limits.NESTING``, so recursion is bounded."""
    for node in nodes:
        if isinstance(node, str):
            continue
        use = _look_up(node, frames)
        if node.parts:
            yield use
        if not isinstance(node, Section):
            continue
        if node.inverted:
            yield from _walk(node.nodes, frames)
        else:
            inside = use.child.shape.elements() if use.child is not None else Shape((), frames[0].root, unknown=True)
            yield from _walk(node.nodes, [*frames, inside])


def _look_up(node: Variable | Section, frames: list[Shape]) -> _Resolved:
    """Walk the context stack from the inside out, as rendering will.

    The first value that declares the name's first part decides. Values passed on the way that are
    open, or declare it without requiring it, may or may not have it at run time: then the variable
    outside may be read as well.
    """
    if not node.parts:
        return _Resolved(node.name, node.offset, Child(frames[-1], declared=True), "")
    first, rest = node.parts[0], node.parts[1:]
    possible: Child | None = None
    for frame in reversed(frames):
        found = frame.child(first)
        if found is None:
            continue
        whole = _follow(found, rest)
        if found.declared:
            shadowed = possible is None and frame is not frames[0] and first in frame.required()
            return _Resolved(node.name, node.offset, whole or possible, "" if shadowed else first)
        possible = possible or whole
    return _Resolved(node.name, node.offset, possible, first)


def _follow(child: Child, parts: Sequence[str]) -> Child | None:
    """The value at a dotted name's later parts, None where the schema has no room for one of them."""
    for part in parts:
        inner = child.shape.child(part)
        if inner is None:
            return None
        child = Child(inner.shape, declared=child.declared and inner.declared)
    return child
