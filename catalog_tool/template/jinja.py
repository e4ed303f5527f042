"""Engine ``jinja``: jinja2 in a sandbox where every step is paid for (optional extra).

What a template may do is a short list, not jinja2 minus a few things: the filters, tests, methods and
globals below, loops, conditions, macros and ``set``. No loader, so nothing is read from anywhere. Work
is limited by ``limits.JINJA_STEPS``: a loop pays for each round by the size of its body, a macro for each
call, an operation for the size of what it looks at or makes, before it makes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Any, cast

import jinja2
from jinja2 import filters, meta, nodes, tests
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_context
from jinja2.visitor import NodeTransformer

from catalog_tool.template import metering
from catalog_tool.template.errors import MissingVariableError, RenderError, RenderLimitError, TemplateError
from catalog_tool.template.nodes import VARIABLE, Problem, Template, Use
from catalog_tool.template.render import Allowance, text_of
from catalog_tool.template.shapes import variables_shape

_TOKENS = 20_000
"""Tokens in one template: what compiling it may cost."""
_LOOP, _SPEND, _WEIGH, _CONCAT = "catalog:loop", "catalog:spend", "catalog:weigh", "catalog:concat"
"""Filters that only the metering puts in: no template can spell these names in a tag."""

_JINJA_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last"),
    *("length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select"),
    *("selectattr", "sort", "title", "truncate", "unique", "upper", "wordcount"),
)
_CHEAP = frozenset({"count", "d", "default", "first", "last", "length"})
"""Filters that do not look at all of their value."""
_TESTS = (
    *("boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "in"),
    *("integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence"),
    *("string", "true", "undefined", "upper", "==", "!=", "<", "<=", ">", ">="),
)
_LOOP_NAMES = (
    *("cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem"),
    *("revindex", "revindex0"),
)
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.FromImport: "from",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.ScopedEvalContextModifier: "autoescape",
}


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of a value that a template may call, and do nothing else with."""

    function: Callable[..., Any]
    value: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        metering.weighed([self.value, *args, *kwargs.values()])
        return metering.weighed(self.function(self.value, *args, **kwargs))


class _Environment(ImmutableSandboxedEnvironment):
    """Plain JSON has keys and items, no attributes; only what is listed can be called."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            optimized=False,  # nothing is computed while compiling: no meter runs there
            keep_trailing_newline=True,
            finalize=_finalize,
            cache_size=0,
        )
        self.globals.clear()
        self.globals.update(range=metering.bounded_range, dict=metering.new_object, namespace=_namespace)
        self.filters.clear()
        self.filters.update({name: _guarded(filters.FILTERS[name], name) for name in _JINJA_FILTERS})
        self.filters.update({name: _guarded(function, name) for name, function in metering.FILTERS.items()})
        self.filters.update({_LOOP: _loop, _SPEND: _spend, _WEIGH: _weigh, _CONCAT: _concat})
        self.tests.clear()
        known: Mapping[str, Any] = tests.TESTS
        self.tests.update({name: _guarded(known[name], name) for name in _TESTS})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 (inherited)
        return metering.operate(operator, left, right, self.binop_table[operator])

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        method = metering.method(obj, attribute)
        if method is not None:
            return _Method(method, obj)
        known = isinstance(obj, LoopContext) and attribute in _LOOP_NAMES
        if known or isinstance(obj, Namespace | jinja2.Undefined):
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict | list | tuple | str | range):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                return self.undefined(obj=obj, name=argument)
        return self.getattr(obj, argument) if isinstance(argument, str) else self.undefined(obj=obj)

    def is_safe_callable(self, obj: Any) -> bool:
        if isinstance(obj, _Method | Macro | jinja2.Undefined):
            return True
        if obj in (_namespace, metering.new_object, metering.bounded_range):
            return True
        return isinstance(getattr(obj, "__self__", None), LoopContext)


def _namespace(*args: Any, **kwargs: Any) -> Namespace:
    """``namespace(…)``: what ``set`` can change from inside a loop."""
    return Namespace(metering.new_object(*args, **kwargs))


@cache
def _environment() -> _Environment:
    return _Environment()


@pass_context
def _finalize(_context: Any, value: Any) -> str:
    """What ``{{ }}`` writes (design §2.1), paid for from what the prompt may render to."""
    text = str(value) if isinstance(value, jinja2.Undefined) else text_of(value, "a jinja expression")
    metering.meter().allowance.spend(len(text) + 1)
    return text


def _guarded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A filter or test that pays before it looks, and leaves nothing lazy behind."""
    wanted = getattr(getattr(function, "jinja_pass_arg", None), "name", "")
    cheap = name in _CHEAP

    @pass_context
    def guarded(context: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if cheap:
            metering.meter().spend(1)
        elif not isinstance(value, jinja2.Undefined):
            value = metering.weighed(value)
        metering.weighed([*args, *kwargs.values()])
        result = function(*_wanted_of(context, wanted), value, *args, **kwargs)
        return list(metering.meter().each(result)) if isinstance(result, Iterator) else result

    return guarded


def _wanted_of(context: Any, wanted: str) -> tuple[Any, ...]:
    """What jinja2's own functions want as their first argument, by their mark."""
    if wanted == "context":
        return (context,)
    if wanted == "eval_context":
        return (context.eval_ctx,)
    return (context.environment,) if wanted == "environment" else ()


@pass_context
def _loop(_context: Any, values: Any, steps: int) -> Iterator[Any]:
    return metering.meter().each(values, steps)


@pass_context
def _spend(_context: Any, steps: int) -> None:
    metering.meter().spend(steps + 1)


@pass_context
def _weigh(_context: Any, value: Any) -> Any:
    return value if isinstance(value, jinja2.Undefined) else metering.weighed(value)


@pass_context
def _concat(_context: Any, values: list[Any]) -> str:
    return metering.join([str(value) if isinstance(value, jinja2.Undefined) else value for value in values])


class _Metered(NodeTransformer):
    """Rewrites a parsed template, from the leaves up, so that everything in it is paid for."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        self.generic_visit(node, *args, **kwargs)
        metered = _REWRITES.get(type(node))
        return node if metered is None else metered(node)


def _metered_loop(node: nodes.For) -> nodes.Node:
    steps = _size(node.body) + (0 if node.test is None else _size([node.test]))
    node.iter = _filtered(node.iter, _LOOP, nodes.Const(steps, lineno=node.lineno))
    return node


def _metered_body(node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
    steps = nodes.Const(_size(node.body), lineno=node.lineno)
    node.body.insert(0, nodes.ExprStmt(_filtered(steps, _SPEND), lineno=node.lineno))
    return node


def _metered_output(node: nodes.Output) -> nodes.Node:
    """Literal text goes the way of values, through ``_finalize``: loops repeat it."""
    node.nodes = [
        nodes.Const(child.data, lineno=child.lineno) if isinstance(child, nodes.TemplateData) else child
        for child in node.nodes
    ]
    return node


def _metered_concat(node: nodes.Concat) -> nodes.Node:
    return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCAT)


def _metered_compare(node: nodes.Compare) -> nodes.Node:
    node.expr = _filtered(node.expr, _WEIGH)
    for operand in node.ops:
        operand.expr = _filtered(operand.expr, _WEIGH)
    return node


def _metered_slice(node: nodes.Getitem) -> nodes.Node:
    """A slice is a copy, and jinja2 does not ask the sandbox for it."""
    if isinstance(node.arg, nodes.Slice):
        node.node = _filtered(node.node, _WEIGH)
    return node


_REWRITES: dict[type[nodes.Node], Callable[[Any], nodes.Node]] = {
    nodes.For: _metered_loop,
    nodes.Macro: _metered_body,
    nodes.CallBlock: _metered_body,
    nodes.Output: _metered_output,
    nodes.Concat: _metered_concat,
    nodes.Compare: _metered_compare,
    nodes.Getitem: _metered_slice,
}


def _filtered(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    # jinja2 annotates some of its own expressions no better than Node.
    return nodes.Filter(cast(nodes.Expr, node), name, list(args), [], None, None, lineno=node.lineno)


def _size(body: list[Any]) -> int:
    """Nodes in a piece of a template."""
    return sum(1 + sum(1 for _ in node.find_all(nodes.Node)) for node in body)


_UNREADABLE = (
    jinja2.TemplateError,
    SyntaxError,  # the Python code that jinja2 makes nests too deeply
    RecursionError,
    ValueError,  # numbers with thousands of digits
    ArithmeticError,
    MemoryError,
)


_TOO_MUCH = "the template nests too deeply or holds too large a number"


def parse(text: str) -> Template:
    """A jinja text as a template: its names by jinja2's own analysis, at the lines they first stand on."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return Template((text,))
    if "\r" in text:
        # Text is verbatim (design §4), and jinja2 would turn these into line feeds.
        return _failed(text, "carriage-return", "carriage returns cannot be kept in a jinja template", 1)
    environment = _environment()
    try:
        tokens = sum(1 for _ in islice(environment.lexer.tokeniter(text, None), _TOKENS + 1))
        if tokens > _TOKENS:
            return _failed(text, "too-large", f"the template has more than {_TOKENS} tokens", 1)
        tree = environment.parse(text)
        refused = _refusals(text, tree)
        if refused:
            return Template((text,), problems=refused)
        names = _uses(text, tree)
        program = environment.from_string(_Metered().visit(tree))
    except _UNREADABLE as error:
        message = getattr(error, "message", None) or _TOO_MUCH
        return _failed(text, "jinja-syntax", str(message)[:200], getattr(error, "lineno", 1) or 1)
    return Template((), names, (), program)


def _failed(text: str, kind: str, message: str, line: int) -> Template:
    return Template((text,), problems=(Problem(kind, f"jinja: {message}", _offsets(text)(line)),))


def _refusals(text: str, tree: nodes.Template) -> tuple[Problem, ...]:
    found = [
        (node.lineno, f"the tag '{_REFUSED[type(node)]}' is not available: a prompt stands alone")
        for node in tree.find_all(tuple(_REFUSED))
    ]
    found += [(node.lineno, "recursive loops are not available") for node in tree.find_all(nodes.For) if node.recursive]
    found += [
        (node.lineno, "a number is no JSON number")
        for node in tree.find_all(nodes.Const)
        if isinstance(node.value, float) and not math.isfinite(node.value)
    ]
    offset_of = _offsets(text)
    return tuple(Problem("unsupported-tag", f"jinja: {message}", offset_of(line)) for line, message in sorted(found))


def _uses(text: str, tree: nodes.Template) -> tuple[Use, ...]:
    free = meta.find_undeclared_variables(tree)
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in free:
            lines[node.name] = min(node.lineno, lines.get(node.name, node.lineno))
    offset_of = _offsets(text)
    uses = [Use(name, offset_of(line), VARIABLE) for name, line in lines.items()]
    return tuple(sorted(uses, key=lambda use: (use.offset, use.name)))


def _offsets(text: str) -> Callable[[int], int]:
    """From a line's number (from 1) to where it begins, in code points."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return lambda line: starts[min(max(line, 1), len(starts)) - 1]


_FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AssertionError,  # jinja2's own checks of filter arguments
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
_UNDEFINED_NAME = re.compile(r"'(\w+)' is undefined").fullmatch


def render(template: Template, values: Mapping[str, Any], variables: Mapping[str, Any], allowance: Allowance) -> str:
    """One pass of the template over plain values.

    A declared variable without a value is an undefined that writes nothing, so that ``is defined`` and
    ``default`` work; any other absent name is an error where it is used. Raises what ``render_text`` raises.
    """
    if template.problems:
        raise TemplateError(template.problems)
    if template.program is None:
        text = "".join(node for node in template.nodes if isinstance(node, str))
        allowance.spend(len(text))
        return text
    declared = variables_shape(variables).properties()
    absent = {name: jinja2.Undefined(name=name) for name in declared if name not in values}
    given = {**absent, **values}
    return metering.metered(lambda: _run(template.program, given), allowance)


def _run(program: jinja2.Template, values: Mapping[str, Any]) -> str:
    try:
        return program.render(values)
    except RecursionError as error:
        raise RenderLimitError("macros in the template call one another too deeply") from error
    except MemoryError as error:
        raise RenderLimitError("the template needs too much memory") from error
    except jinja2.UndefinedError as error:
        name = _UNDEFINED_NAME(error.message or "")
        if name is not None:
            raise MissingVariableError((name[1],)) from error
        raise RenderError(f"jinja, line {_line(error)}: {error.message}") from error
    except _FAILURES as error:
        raise RenderError(f"jinja, line {_line(error)}: {type(error).__name__}") from error


def _line(error: BaseException) -> int:
    """The template's line that failed: jinja2 puts it into the traceback."""
    line = 1
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
