"""The golden cases of a prompt, read strictly: what an evaluation is about (design §12).

Unlike a review, which makes the best of what it finds, an evaluation refuses files that it cannot
read whole: a case left out would look like a case passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.checks.expectations import Expectation
from catalog_tool.errors import UsageError
from catalog_tool.gate.evidence import Dataset
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.decoding import decode
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.resolve import OpenCatalog
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.strict_json import read_json
from catalog_tool.source.tree import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    """One input, and all that is expected of the answer, what the file expects of every case included."""

    name: str
    path: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    placeholders: Mapping[str, Any] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    critical: bool = False
    flaky: bool = False
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What the dataset's digest is computed from: everything that decides, and nothing else."""
        return {
            "name": self.name,
            "vars": dict(self.variables),
            "placeholders": dict(self.placeholders),
            "expect": [dict(item) for item in self.expect],
            "critical": self.critical,
            "flaky": self.flaky,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSet:
    """The cases of one prompt in the order of files and lines; ``shared`` is what files expect of every case."""

    cases: tuple[GoldenCase, ...]
    files: tuple[str, ...]
    shared: tuple[Expectation, ...] = ()

    def scored(self) -> GoldenSet:
        """Only the cases that expect something: the others are renderings to look at, and no model is asked."""
        return GoldenSet(cases=tuple(case for case in self.cases if case.expect), files=self.files, shared=self.shared)

    def named(self, names: Iterable[str]) -> GoldenSet:
        """Only the cases with these names. Raises ``UsageError`` for one that there is not."""
        wanted = list(names)
        known = {case.name for case in self.cases}
        missing = [name for name in wanted if name not in known]
        if missing:
            raise UsageError(
                f"there is no case {missing[0]!r}", hint=f"the cases: {', '.join(sorted(known)) or 'none'}"
            )
        chosen = tuple(case for case in self.cases if case.name in wanted)
        return GoldenSet(cases=chosen, files=self.files, shared=self.shared)

    def dataset(self) -> Dataset:
        """The digest of all cases, as evidence names it. Where the cases stand does not enter."""
        document = {"hv": 1, "kind": "dataset", "cases": [case.to_json() for case in self.cases]}
        return Dataset(digest=digest_of(document), cases=len(self.cases), files=self.files)


def read_golden(catalog: OpenCatalog, prompt: str) -> GoldenSet:
    """The cases below ``tests/`` of a prompt, YAML and JSON lines.

    Raises ``UsageError`` with file and line for the first mistake: a form that the schema refuses, or a
    name that two cases share.
    """
    files = catalog.files
    paths = sorted(files.layout.tests.get(prompt, ()))
    engine = SchemaEngine(load_schema("tests"))
    contents = catalog.tree.read({path: files.entries[path] for path in paths}, PARSED_FILE_BYTES) if paths else ()
    cases: list[GoldenCase] = []
    shared: list[Expectation] = []
    for content in contents:
        found, common = _file(content, engine)
        cases.extend(found)
        shared.extend(item for item in common if item not in shared)
    _refuse_doubles(cases)
    return GoldenSet(cases=tuple(cases), files=tuple(paths), shared=tuple(shared))


def case_from(value: Mapping[str, Any], path: str, common: Iterable[Expectation] = ()) -> GoldenCase:
    """A case from its written form, which the schema has accepted."""
    return GoldenCase(
        name=value["name"],
        path=path,
        variables=value.get("vars", {}),
        placeholders=value.get("placeholders", {}),
        expect=(*common, *value.get("expect", ())),
        critical=value.get("critical", False),
        flaky=value.get("flaky", False),
        tags=tuple(value.get("tags", ())),
    )


def _file(content: Content, engine: SchemaEngine) -> tuple[list[GoldenCase], tuple[Expectation, ...]]:
    if content.data is None:
        raise UsageError(f"{content.path}: {content.flaw.message if content.flaw else 'cannot be read'}")
    if content.path.endswith(".jsonl"):
        return list(_lines(content.path, content.data, engine)), ()
    document = SourceDocument(content.path, content.data)
    if document.value is None or not document.clean:
        first = next(found for found in document.findings if found.severity == "error")
        raise _refusal(content.path, first.line, first.message)
    for problem in engine.errors(document.value):
        spot = document.at(pointer_path(problem.pointer, document.value))
        raise _refusal(content.path, spot.line, problem.message)
    common = tuple(document.value.get("expect", ()))
    return [case_from(case, content.path, common) for case in document.value["cases"]], common


def _lines(path: str, data: bytes, engine: SchemaEngine) -> Iterator[GoldenCase]:
    decoded = decode(data)
    if decoded.text is None:
        raise _refusal(path, decoded.flaws[0].line, decoded.flaws[0].message)
    for number, line in enumerate(decoded.text.split("\n"), 1):
        if not line.strip():
            continue
        read = read_json(line)
        if read.refused:
            raise _refusal(path, number, read.flaws[0].message)
        for problem in engine.errors({"cases": [read.value]}):
            raise _refusal(path, number, problem.message)
        yield case_from(read.value, path)


def _refusal(path: str, line: int | None, message: str) -> UsageError:
    place = path if line is None else f"{path}:{line}"
    return UsageError(f"{place}: {message}", hint="see `catalog validate`, and `catalog schema tests`")


def _refuse_doubles(cases: Iterable[GoldenCase]) -> None:
    first: dict[str, str] = {}
    for case in cases:
        if case.name in first:
            where = f"{first[case.name]} and {case.path}" if first[case.name] != case.path else case.path
            raise UsageError(f"{where}: two cases are named {case.name!r}", hint="results are matched by name")
        first[case.name] = case.path
