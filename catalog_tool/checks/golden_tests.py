"""Golden tests beside prompts: their form, and what hides in them (design §12)."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.checks.inspection import Inspection
from catalog_tool.checks.text import hide_secrets, text_findings
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.decoding import decode
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.strict_json import read_json
from catalog_tool.source.tree import Tree


def golden_findings(tree: Tree, inspection: Inspection) -> Iterator[Finding]:
    """What is wrong with the files below ``tests/`` of the prompts."""
    files = inspection.files
    paths = [path for found in files.layout.tests.values() for path in found]
    if not paths:
        return
    engine = SchemaEngine(load_schema("tests"))
    for content in tree.read({path: files.entries[path] for path in sorted(paths)}, PARSED_FILE_BYTES):
        if content.data is None:
            flaw = content.flaw
            yield finding(flaw.code if flaw else "Y001", flaw.message if flaw else "cannot be read", content.path)
            continue
        look = _lines if content.path.endswith(".jsonl") else _document
        text = content.data.decode(errors="replace")
        found = [*look(content.path, content.data, engine), *text_findings(text, content.path)]
        yield from hide_secrets(found, text)


def _document(path: str, data: bytes, engine: SchemaEngine) -> Iterator[Finding]:
    document = SourceDocument(path, data)
    if document.value is not None:
        for problem in engine.errors(document.value):
            document.report("P160", problem.message, document.at(pointer_path(problem.pointer, document.value)))
    yield from document.findings


def _lines(path: str, data: bytes, engine: SchemaEngine) -> Iterator[Finding]:
    """JSON lines: one case a line, of the same form as in a YAML file."""
    decoded = decode(data)
    for flaw in decoded.flaws:
        yield finding(flaw.code, flaw.message, path, line=flaw.line, column=flaw.column)
    for number, line in enumerate((decoded.text or "").split("\n"), 1):
        if not line.strip():
            continue
        case = read_json(line)
        for flaw in case.flaws:
            yield finding(flaw.code, flaw.message, path, line=number, column=flaw.column)
        for problem in [] if case.refused else engine.errors({"cases": [case.value]}):
            yield finding("P160", problem.message, path, line=number, column=1)
