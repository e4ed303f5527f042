"""Prompt files read as the catalog reads them, from texts: the shared parts they name are files too."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from catalog_tool.model.finding import Finding
from catalog_tool.source.layout import VersionFile, lay_out_prompts
from catalog_tool.source.prompts import PromptSchemas, ReadPrompt, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import SharedParts, read_shared
from catalog_tool.source.tree import FILE, Entry

SHORT = """\
id: support_agent
version: v2
model: gpt-4o
temperature: 0.3
system_prompt: |
  You are a support agent for {{product_name}}.
  Always check the knowledge base before answering.
tools:
  - search_kb
  - create_ticket
"""
FULL = """\
id: support_agent
version: v3
description: Answers customers.
owners: [team-support]
tags: [support, tier1]
model: {provider: openai, name: gpt-4o}
params: {temperature: 0.3, max_tokens: 800, top_p: 1, stop: []}
template: mustache
variables:
  type: object
  required: [product_name, question]
  properties:
    product_name: {type: string, maxLength: 80}
    question: {type: string}
    tone: {enum: [formal, warm], default: warm}
messages:
  - {role: system, content: "You are a support agent for {{product_name}}. {{> safety@v1}}"}
  - {examples: [{user: "Where is my order?", assistant: "Let me look that up."}]}
  - {placeholder: history, required: false}
  - {role: user, content: "{{question}}"}
tools:
  - search_kb@v1
  - name: create_ticket
    description: Open a ticket.
    parameters: {type: object, required: [title], properties: {title: {type: string}}}
output_schema: {type: object, required: [answer], properties: {answer: {type: string}}}
"""
"""The two examples of design §2.1, whose digests design §4 gives."""
SHARED_FILES = {
    "partials/safety/v1.md": "Never share secrets.\n",
    "tools/search_kb/v1.yaml": """\
name: search_kb
description: Search the knowledge base.
parameters: {type: object, required: [query], properties: {query: {type: string}}}
""",
}
"""The shared parts that the full form uses, below ``prompts/_shared``."""


@cache
def schemas() -> PromptSchemas:
    """Our own schema alone."""
    return PromptSchemas(SchemaEngine(load_schema("prompt")))


def shared_files(files: Mapping[str, str | bytes]) -> tuple[SharedParts, list[Finding]]:
    """The shared parts in files named from ``prompts/_shared``, and what is wrong with them."""
    contents = {
        f"prompts/_shared/{path}": text if isinstance(text, bytes) else text.encode() for path, text in files.items()
    }
    layout = lay_out_prompts(dict.fromkeys(contents, Entry(FILE, None)), "prompts")
    shared, findings = read_shared(layout, contents, SchemaEngine(load_schema("tool")))
    return shared, [*layout.findings, *findings]


@cache
def usual_shared() -> SharedParts:
    """The shared parts of design §4's vectors."""
    return shared_files(SHARED_FILES)[0]


def read(
    text: str | bytes, file: str = "support_agent/v1.yaml", *, shared: Mapping[str, str] | None = None
) -> ReadPrompt:
    """A version's file by its path below ``prompts/``."""
    folder, _, name = file.rpartition("/")
    parts = usual_shared() if shared is None else shared_files(shared)[0]
    data = text if isinstance(text, bytes) else text.encode()
    version = VersionFile(folder, name.partition(".")[0], f"prompts/{file}")
    return read_prompt(version, data, parts, schemas())


def digest(text: str | bytes, file: str = "support_agent/v1.yaml") -> str:
    """The digest of a file that must be usable."""
    found = read(text, file)
    assert found.version is not None, found.document.findings
    return found.version.digest


def places(found: ReadPrompt) -> list[tuple[str, int | None, int | None]]:
    """What was found: code, line and column, sorted as reports are."""
    return [(each.code, each.line, each.column) for each in sorted(found.document.findings, key=Finding.order)]
