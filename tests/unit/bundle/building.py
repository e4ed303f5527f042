"""A catalog worth building, and what a build of it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scratch import Scratch

from catalog_tool.checks.build import BuildRequest, BuildResult, build
from catalog_tool.source.root import find_root

PDF = (
    "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n{more}---\n# PDF\n\nFill it.\n"
)
MORE = "license: MIT\nmetadata: {owner: team-docs, tags: 'forms office'}\nallowed-tools: Read Bash(git add *)\n"
FILES: dict[str, str | bytes] = {
    "catalog.yaml": "format: 1\ncatalog: acme\n",
    "prompts/registry.yaml": "support_agent:\n  production: v2\n  canary: {v2: 95, v10: 5}\n",
    "prompts/support_agent/v2.yaml": (
        "id: support_agent\nversion: v2\nmodel: gpt-4o\ntemperature: 0.3\nowners: [team-support]\n"
        "system_prompt: |\n  Help with {{product_name}}. {{> safety@v1}}\ntools: [search_kb]\n"
    ),
    "prompts/support_agent/v10.yaml": (
        "id: support_agent\nversion: v10\nsystem_prompt: Hilf bei {{product_name}}. ü 😀\noutput_schema:\n"
        "  type: object\n  properties: {z: {type: string}, a: {type: string}}\n"
    ),
    "prompts/billing/refund/v1.md": "---\nid: billing/refund\nversion: v1\ndescription: Refunds.\n---\nRefund it.\n",
    "prompts/_shared/partials/safety/v1.md": "Never share secrets.\n",
    "skills/pdf/SKILL.md": PDF.format(more=MORE),
    "skills/pdf/scripts/run.sh": "#!/bin/sh\necho hi\n",
    "skills/pdf/data/ü.bin": bytes(range(256)),
    "skills/alone/SKILL.md": PDF.format(more="").replace("pdf", "alone"),
}


def fill(scratch: Scratch) -> Scratch:
    """Write the catalog above and commit it."""
    scratch.write_all(FILES)
    (scratch.root / "skills/pdf/scripts/run.sh").chmod(0o755)
    scratch.commit(when="2026-02-01T10:00:00+02:00")
    return scratch


def build_at(root: Path, out: Path, **asked: Any) -> BuildResult:
    """Build the catalog at ``root``."""
    return build(find_root(str(root)), BuildRequest(out, **asked))


def document(out: Path, name: str) -> Any:
    """One of the JSON files of a build."""
    return json.loads((out / name).read_bytes())


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a build by name."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
