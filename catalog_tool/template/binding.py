"""Given variables against declared ones: defaults put in, required ones and strangers found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.model import limits
from catalog_tool.template.shapes import Shape, variables_shape


class Bound(NamedTuple):
    """Variables ready for rendering; ``missing`` lists required names without a value, dotted."""

    values: dict[str, Any]
    missing: tuple[str, ...]


def bind(variables: Mapping[str, Any], schema: Mapping[str, Any]) -> Bound:
    """``variables`` with the defaults of ``schema``, in nested objects and lists of objects too.

    The given values are never changed: an object that gains a default is a new one. A default is not
    made up for an absent object whose own properties have defaults. What alternatives (``anyOf``,
    ``then``, …) require or default is for full validation. Values deeper than ``limits.NESTING`` are
    taken as they are.
    """
    binder = _Binder()
    values = binder.complete(variables, variables_shape(schema, certain=True), "", 0)
    return Bound(values, tuple(binder.missing))


def unknown_names(variables: Mapping[str, Any], schema: Mapping[str, Any], *, strict: bool) -> list[str]:
    """The given names that may not be given, in given order.

    Only where the schema says ``additionalProperties: false`` or the caller asks for ``strict``. A
    schema with ``patternProperties`` is left to full validation: patterns are not run here.
    """
    shape = variables_shape(schema)
    if any("patternProperties" in part for part in shape.schemas):
        return []
    closed = any(part.get("additionalProperties") is False for part in shape.schemas)
    if not (closed or strict):
        return []
    known = shape.properties()
    return [name for name in variables if name not in known]


class _Binder:
    """Walks values and their shapes together, collecting what is missing."""

    __slots__ = ("missing",)

    def __init__(self) -> None:
        self.missing: list[str] = []

    def complete(self, value: Mapping[str, Any], shape: Shape, path: str, depth: int) -> dict[str, Any]:
        """``value`` with its defaults, a new dictionary; ``path`` is empty or ends with a dot."""
        result = dict(value)
        for name in shape.properties():
            child = shape.child(name)
            if child is None:
                continue
            if name not in result:
                default = _default(child.shape)
                if default is _NONE:
                    continue
                result[name] = default
            result[name] = self._inside(result[name], child.shape, f"{path}{name}", depth + 1)
        self.missing.extend(f"{path}{name}" for name in shape.required() if name not in result)
        return result

    def _inside(self, value: Any, shape: Shape, path: str, depth: int) -> Any:
        if depth > limits.NESTING:
            return value
        if isinstance(value, dict):
            return self.complete(value, shape, f"{path}.", depth)
        if not isinstance(value, list | tuple) or not value:
            return value
        items = shape.elements()
        if not items.schemas:
            return value
        return [self._inside(item, items, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]


_NONE = object()


def _default(shape: Shape) -> Any:
    """The default of a value, ``_NONE`` where no schema gives one."""
    for schema in shape.schemas:
        if "default" in schema:
            return schema["default"]
    return _NONE
