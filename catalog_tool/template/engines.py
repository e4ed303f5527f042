"""The template engines, by the name that ``template:`` gives (design §2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.template.errors import MissingExtraError
from catalog_tool.template.nodes import Template, literal
from catalog_tool.template.parse import parse
from catalog_tool.template.render import Allowance, render_text

MUSTACHE = "mustache"
NONE = "none"
JINJA = "jinja"


class Engine(NamedTuple):
    """How a text becomes a template, and a template with values a text.

    ``partials``: whether ``{{> name}}`` means anything. ``parse`` never raises for what a text holds.
    ``render`` takes template, values, the variables' schema and the allowance, and raises what
    ``render_text`` raises.
    """

    name: str
    partials: bool
    parse: Callable[[str], Template]
    render: Callable[[Template, Mapping[str, Any], Mapping[str, Any], Allowance], str]


def engine_named(name: Any) -> Engine:
    """The engine of that name; raises UsageError for an unknown one, MissingExtraError for jinja
    without its extra."""
    if name == JINJA:
        return _jinja()
    engine = _BUILT_IN.get(name) if isinstance(name, str) else None
    if engine is None:
        raise UsageError(f"there is no template engine '{name}'", hint=f"one of: {', '.join(ENGINE_NAMES)}")
    return engine


def _plain(template: Template, values: Mapping[str, Any], variables: Mapping[str, Any], allowance: Allowance) -> str:
    return render_text(template, values, variables=variables, allowance=allowance)


def _jinja() -> Engine:
    """jinja2 is an optional extra and slow to import: it and its module wait for a prompt that uses it."""
    try:
        module = import_module("catalog_tool.template.jinja")
    except ModuleNotFoundError as error:
        if error.name not in {"jinja2", "markupsafe"}:
            raise
        raise MissingExtraError(JINJA) from error
    return Engine(JINJA, partials=False, parse=module.parse, render=module.render)


_BUILT_IN = {
    MUSTACHE: Engine(MUSTACHE, partials=True, parse=parse, render=_plain),
    NONE: Engine(NONE, partials=False, parse=literal, render=_plain),
}
ENGINE_NAMES = (*_BUILT_IN, JINJA)
