"""JSON Schemas that stand inside a file: what is wrong with them, at their places (design §5)."""

from __future__ import annotations

from typing import Any

from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.positions import Path
from catalog_tool.source.schema_engine import check_schema

_CODES = {"reference": "P121", "pattern": "P122", "dialect": "P125"}


def check_written_schema(document: SourceDocument, path: Path, schema: Any) -> None:
    """Report what is wrong with a JSON Schema that stands at ``path`` of the document."""
    for problem in check_schema(schema):
        where = [*path, *pointer_path(problem.pointer, schema)]
        document.report(_CODES.get(problem.kind, "P120"), problem.message, document.at(where))
