"""``catalog render``: what a model would really receive."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.complete import references
from catalog_tool.cli.context import answer, format_option, place_of, rev_option, wants_color
from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.report.artifact import messages_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.resolve import open_catalog, parse_reference, resolve_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.template.binding import unknown_names
from catalog_tool.template.errors import UnknownVariableError
from catalog_tool.template.messages import render_messages

EPILOG = """\b
Examples:
  catalog render support_agent@production --var product_name=Acme --var question='Where is it?'
  catalog render support_agent@v3 --vars case.yaml --format json
  catalog render support_agent@v3 --vars case.yaml --var 'history=[{"role": "user", "content": "Hello"}]'

A value is read as JSON where the variable is not declared as a string. A placeholder is a
variable whose value is a list of messages: as JSON, or better in the file. Where both name a
variable, --var wins over the file.
"""
_OTHERS: tuple[Any, ...] = (0, True, None, [], {})
"""A value of every kind that is no text."""
_MESSAGES_HINT = """a placeholder takes a list: '[{"role": "user", "content": "text"}]', or give it with --vars FILE"""


@click.command("render", epilog=EPILOG)
@click.argument("reference", metavar="REF", shell_complete=references)
@click.option("--var", "pairs", multiple=True, metavar="NAME=VALUE", help="A variable; repeatable.")
@click.option(
    "--vars", "files", multiple=True, metavar="FILE",
    help="Variables and placeholders from a YAML or JSON file; repeatable, a later file wins.",
)  # fmt: skip
@rev_option
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    reference: str,
    pairs: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    revision: str | None,
) -> None:
    """Render a prompt version with variables."""
    wanted = parse_reference(reference)
    catalog = open_catalog(place_of(ctx), wanted.revision or revision)
    version = resolve_prompt(catalog, wanted).version
    parts = version.decoded()
    names = {message["placeholder"] for message in parts["messages"] if "placeholder" in message}
    typed = _from_pairs(pairs, parts["variables"], names)
    _check_names(typed, parts["variables"], names)
    given = {name: value for file in files for name, value in _from_file(file).items()} | typed
    placeholders = {name: value for name, value in given.items() if name in names}
    values = {name: value for name, value in given.items() if name not in names}
    messages = render_messages(parts, values, placeholders)
    _check_values(values, parts["variables"])
    document = {
        "format": 1,
        "status": "ok",
        "id": version.id,
        "version": version.version,
        "version_id": version.version_id,
        "digest": version.digest,
        "messages": messages,
    }
    answer(json_document(document) if output == "json" else messages_text(messages, color=wants_color(ctx)))


def _from_file(file: str) -> dict[str, Any]:
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(PARSED_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--vars {file}: {error.strerror}") from error
    if len(data) > PARSED_FILE_BYTES:
        raise UsageError(f"--vars {file}: at most {PARSED_FILE_BYTES} bytes are read")
    document = SourceDocument(file, data)
    if document.value is None or not document.clean:
        first = min(document.findings, key=lambda found: (found.severity != ERROR, Finding.order(found)))
        raise UsageError(f"--vars {file}:{first.line or 1}:{first.column or 1}: {first.message}")
    return document.value


def _from_pairs(pairs: tuple[str, ...], variables: dict[str, Any], placeholders: Collection[str]) -> dict[str, Any]:
    """What was typed, as the schema of ``variables`` takes it; a placeholder is a list."""
    properties = variables.get("properties", {})
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {pair}: write NAME=VALUE")
        if name in found:
            raise UsageError(f"--var {name} is given twice", hint="give each variable once")
        if name not in properties:
            found[name] = _json_value(name, text, _takes_any) if name in placeholders else text
        else:
            found[name] = _json_value(name, text, partial(_takes, SchemaEngine(variables), name))
    return found


def _takes(engine: SchemaEngine, name: str, value: Any) -> bool:
    """Whether the variables take a value under this name, whatever else they ask for."""
    pointer = f"/{name.replace('~', '~0').replace('/', '~1')}"
    return not any(f"{problem.pointer}/".startswith(f"{pointer}/") for problem in engine.errors({name: value}))


def _takes_any(value: Any) -> bool:
    return not isinstance(value, str)


def _check_names(typed: Mapping[str, Any], variables: Mapping[str, Any], placeholders: Collection[str]) -> None:
    """A name typed by hand that the prompt does not know is a slip; a file may serve several prompts."""
    if variables.get("additionalProperties", False) is not False:
        return
    names = unknown_names({name: typed[name] for name in typed if name not in placeholders}, variables, strict=True)
    if names:
        raise UnknownVariableError(names, known=[*variables.get("properties", ()), *placeholders])


def _json_value(name: str, text: str, takes: Callable[[Any], bool]) -> Any:
    """The value as JSON, or the text as it stands where only that is taken (a string, an enum of words)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if takes(text):
            return text
        hint = _MESSAGES_HINT if takes is _takes_any else "quote a string as '\"text\"'"
        raise UsageError(f"--var {name}: {text!r} is not JSON: {error}", hint=hint) from error
    if isinstance(value, str):  # text in quotes, which are its own where nothing but a text is taken
        return text if takes(text) and not any(map(takes, _OTHERS)) else value
    return text if not takes(value) and takes(text) else value


def _check_values(values: Mapping[str, Any], variables: dict[str, Any]) -> None:
    problems = SchemaEngine(variables).errors(dict(values)) if variables else []
    if problems:
        said = "; ".join(f"{problem.pointer[1:] or 'the variables'}: {problem.message}" for problem in problems[:5])
        raise UsageError(f"the values do not fit the prompt's variables: {said}")
