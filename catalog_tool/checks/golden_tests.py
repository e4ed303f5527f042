"""Golden tests beside prompts: their form, and what hides in them (design §12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from catalog_tool.checks.golden_cases import Parts, PromptParts, wrong_cases
from catalog_tool.checks.inspection import Inspection
from catalog_tool.checks.text import hide_secrets, text_findings
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.decoding import decode
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.positions import NOWHERE, Spot
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
    prompts = {path: prompt for prompt, found in files.layout.tests.items() for path in found}
    parts = PromptParts(tree, files, dict.fromkeys(prompts.values()))
    named: dict[tuple[str, str], str] = {}
    for content in tree.read({path: files.entries[path] for path in sorted(paths)}, PARSED_FILE_BYTES):
        if content.data is None:
            flaw = content.flaw
            yield finding(flaw.code if flaw else "Y001", flaw.message if flaw else "cannot be read", content.path)
            continue
        look = _lines if content.path.endswith(".jsonl") else _document
        text = content.data.decode(errors="replace")
        prompt = prompts[content.path]
        eye = _Eye(engine, partial(parts.of, prompt), [])
        found = [*look(content.path, content.data, eye), *text_findings(text, content.path)]
        found += _doubles(prompt, content.path, eye.names, named)
        yield from hide_secrets(found, text)


class _Named(NamedTuple):
    """A case's name, and what finds its place in the file: that takes time, and few are asked for."""

    name: str
    spot: Callable[[], Spot]


class _Eye(NamedTuple):
    """What one file is looked at with: the schema, the versions of its prompt, and where its cases' names go."""

    engine: SchemaEngine
    versions: Callable[[], Iterator[Parts]]
    names: list[_Named]


def _doubles(prompt: str, path: str, names: Iterable[_Named], named: dict[tuple[str, str], str]) -> Iterator[Finding]:
    """Names of cases that the prompt has already; ``named`` has the file of each so far."""
    for name, spot in names:
        if (prompt, name) in named:
            where = "in this file" if named[prompt, name] == path else f"in {named[prompt, name]}"
            message = f"the case `{name}` has the name of another one {where}: results are matched by name"
            yield finding("P160", message, path, line=spot().line, column=spot().column)
        named.setdefault((prompt, name), path)


def _document(path: str, data: bytes, eye: _Eye) -> Iterator[Finding]:
    document = SourceDocument(path, data)
    if document.value is not None:
        cases = document.value.get("cases")
        for index, case in enumerate(cases if isinstance(cases, list) else ()):
            if isinstance(case, dict) and isinstance(case.get("name"), str):
                eye.names.append(_Named(case["name"], partial(document.at, ["cases", index, "name"])))
        for problem in eye.engine.errors(document.value):
            document.report("P160", problem.message, document.at(pointer_path(problem.pointer, document.value)))
        for wrong in wrong_cases(_fitting(document.value, eye.engine), eye.versions):
            spot = document.key(wrong.path) if wrong.is_key else document.at(wrong.path)
            document.report("P160", wrong.message, spot, severity=wrong.severity)
    yield from document.findings


def _lines(path: str, data: bytes, eye: _Eye) -> Iterator[Finding]:
    """JSON lines: one case a line, of the same form as in a YAML file."""
    decoded = decode(data)
    read: list[tuple[int, Any]] = []
    for flaw in decoded.flaws:
        yield finding(flaw.code, flaw.message, path, line=flaw.line, column=flaw.column)
    for number, line in enumerate((decoded.text or "").split("\n"), 1):
        if not line.strip():
            continue
        case = read_json(line)
        for flaw in case.flaws:
            yield finding(flaw.code, flaw.message, path, line=number, column=flaw.column)
        if isinstance(case.value, dict) and isinstance(case.value.get("name"), str):
            eye.names.append(_Named(case.value["name"], partial(Spot, number, 1)))
        for problem in [] if case.refused else eye.engine.errors({"cases": [case.value]}):
            yield finding("P160", problem.message, path, line=number, column=1)
        if not case.refused:
            read.append((number, case.value))
    for wrong in wrong_cases(_fitting({"cases": [value for _, value in read]}, eye.engine), eye.versions):
        spot = Spot(read[int(wrong.path[1])][0], 1) if wrong.path else NOWHERE
        yield finding("P160", wrong.message, path, severity=wrong.severity, line=spot.line, column=spot.column)


def _fitting(value: dict[str, Any], engine: SchemaEngine) -> dict[str, Any]:
    """A file's cases at their places, and what it expects of each; empty where that does not fit the schema."""
    written, shared = value.get("cases"), value.get("expect", [])
    cases = written if isinstance(written, list) else []
    if not engine.is_valid({"cases": cases}):
        cases = [case if engine.is_valid({"cases": [case]}) else {} for case in cases]
    return {"cases": cases, "expect": shared if engine.is_valid({"cases": [{"name": "-"}], "expect": shared}) else []}
