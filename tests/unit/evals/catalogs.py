"""A catalog in a folder, opened, for tests of what evaluates it."""

from __future__ import annotations

from pathlib import Path

from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.resolve import OpenCatalog, open_catalog, parse_reference, resolve_prompt
from catalog_tool.source.root import find_root

PROMPT = """\
id: greet
version: v1
model: {provider: openai, name: gpt-4o-mini-2024-07-18}
params: {max_tokens: 20}
variables:
  type: object
  required: [name]
  properties: {name: {type: string, maxLength: 20}, mood: {enum: [calm, glad], default: calm}}
messages:
  - {role: system, content: "Greet in a {{mood}} way."}
  - {role: user, content: "I am {{name}}."}
"""
TESTS = """\
expect: [{type: not_contains, value: "As an AI"}]
cases:
  - {name: ada, vars: {name: Ada}, expect: [{type: contains, value: Ada}], critical: true}
  - {name: bo, vars: {name: Bo, mood: glad}, expect: [{type: contains, value: Bo}]}
"""


def opened(root: Path, *, prompt: str = PROMPT, tests: str | None = TESTS, **files: str) -> OpenCatalog:
    """A catalog with the prompt ``greet``; ``files`` are more files of ``tests/``, ``_`` before the suffix."""
    folder = root / "prompts/greet"
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    (root / "catalog.yaml").write_text("format: 1\n")
    (folder / "v1.yaml").write_text(prompt)
    if tests is not None:
        (folder / "tests/a.yaml").write_text(tests)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"tests/{stem}.{suffix}").write_text(text)
    return open_catalog(find_root(str(root)), None)


def version_of(catalog: OpenCatalog, reference: str = "greet") -> PromptVersion:
    """A version by its reference."""
    return resolve_prompt(catalog, parse_reference(reference)).version
