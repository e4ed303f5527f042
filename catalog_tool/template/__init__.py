"""The template engine: prompt texts to templates, templates and values to messages (design §2.1, §4).

Standard library only; jinja2 is imported when a prompt asks for it and not before.
"""

from __future__ import annotations

from catalog_tool.template.engines import ENGINE_NAMES, Engine, engine_named
from catalog_tool.template.errors import (
    BadPlaceholderError,
    BadValueError,
    MissingExtraError,
    MissingVariableError,
    RenderError,
    RenderLimitError,
    TemplateError,
    UnknownVariableError,
)
from catalog_tool.template.messages import CompiledPrompt, compile_prompt, render_messages
from catalog_tool.template.names import Inferred, NameReport, Undeclared, check_names, infer_variables
from catalog_tool.template.nodes import Problem, Template, Use, literal, used_names
from catalog_tool.template.numbers import canonical_number
from catalog_tool.template.parse import parse
from catalog_tool.template.partials import Expanded, Load, Loaded, Place, expand, load_text
from catalog_tool.template.render import Allowance, render_text

__all__ = [
    "ENGINE_NAMES",
    "Allowance",
    "BadPlaceholderError",
    "BadValueError",
    "CompiledPrompt",
    "Engine",
    "Expanded",
    "Inferred",
    "Load",
    "Loaded",
    "MissingExtraError",
    "MissingVariableError",
    "NameReport",
    "Place",
    "Problem",
    "RenderError",
    "RenderLimitError",
    "Template",
    "TemplateError",
    "Undeclared",
    "UnknownVariableError",
    "Use",
    "canonical_number",
    "check_names",
    "compile_prompt",
    "engine_named",
    "expand",
    "infer_variables",
    "literal",
    "load_text",
    "parse",
    "render_messages",
    "render_text",
    "used_names",
]
