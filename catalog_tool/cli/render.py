"""``catalog render``: what a model would really receive."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
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
_MESSAGES = {"type": "array"}
"""What a placeholder takes."""
_MESSAGES_HINT = """a placeholder takes a list: '[{"role": "user", "content": "text"}]', or give it with --vars FILE"""


@click.command("render", epilog=EPILOG)
@click.argument("reference", metavar="REF", shell_complete=references)
@click.option("--var", "pairs", multiple=True, metavar="NAME=VALUE", help="A variable; repeatable.")
@click.option("--vars", "file", metavar="FILE", help="Variables and placeholders from a YAML or JSON file.")
@rev_option
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, reference: str, pairs: tuple[str, ...], output: str, **asked: str | None) -> None:
    """Render a prompt version with variables."""
    wanted = parse_reference(reference)
    catalog = open_catalog(place_of(ctx), wanted.revision or asked["revision"])
    version = resolve_prompt(catalog, wanted).version
    parts = version.decoded()
    names = {message["placeholder"] for message in parts["messages"] if "placeholder" in message}
    typed = _from_pairs(pairs, dict.fromkeys(names, _MESSAGES) | parts["variables"].get("properties", {}))
    _check_names(typed, parts["variables"], names)
    given = _from_file(asked["file"]) | typed
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


def _from_file(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
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


def _from_pairs(pairs: tuple[str, ...], properties: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed; ``properties`` are the schemas by name, of placeholders too."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {pair}: write NAME=VALUE")
        if name in found:
            raise UsageError(f"--var {name} is given twice", hint="give each variable once")
        schema = properties.get(name)
        kind = schema.get("type") if isinstance(schema, dict) else None
        found[name] = text if kind == "string" or schema is None else _json_value(name, text, schema)
    return found


def _check_names(typed: Mapping[str, Any], variables: Mapping[str, Any], placeholders: Collection[str]) -> None:
    """A name typed by hand that the prompt does not know is a slip; a file may serve several prompts."""
    if variables.get("additionalProperties", False) is not False:
        return
    names = unknown_names({name: typed[name] for name in typed if name not in placeholders}, variables, strict=True)
    if names:
        raise UnknownVariableError(names, known=[*variables.get("properties", ()), *placeholders])


def _json_value(name: str, text: str, schema: Any) -> Any:
    """The value as JSON; a string as it stands where its schema takes it so (an enum of words)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if SchemaEngine(schema).is_valid(text):
            return text
        hint = _MESSAGES_HINT if schema is _MESSAGES else "quote a string as '\"text\"'"
        raise UsageError(f"--var {name}: {text!r} is not JSON: {error}", hint=hint) from error


def _check_values(values: Mapping[str, Any], variables: dict[str, Any]) -> None:
    problems = SchemaEngine(variables).errors(dict(values)) if variables else []
    if problems:
        said = "; ".join(f"{problem.pointer[1:] or 'the variables'}: {problem.message}" for problem in problems[:5])
        raise UsageError(f"the values do not fit the prompt's variables: {said}")
