"""Records that are named on the command line: our own, or results of other tools."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from catalog_tool.cli.context import tell
from catalog_tool.cli.numbers import Finite
from catalog_tool.clock import now
from catalog_tool.errors import UsageError
from catalog_tool.evals.golden import GoldenSet, read_golden
from catalog_tool.evals.interchange import IMPORT_BYTES, USUAL_THRESHOLD, as_evidence
from catalog_tool.evals.interchange_formats import READERS, read_results
from catalog_tool.gate.decision import Content, Question
from catalog_tool.gate.evidence import Subject
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.records import evidence_bytes, evidence_path
from catalog_tool.gate.shelf import Stored, stored_from
from catalog_tool.report.escape import for_terminal
from catalog_tool.source.new_files import NewFile, create
from catalog_tool.source.resolve import OpenCatalog
from catalog_tool.source.tree import WorkTree

EVIDENCE = "evidence"
RECORD_OPTIONS = ("candidate", "baseline", "form", "threshold", "keep")
_Command = TypeVar("_Command", bound=Callable[..., Any])


class RecordOptions(NamedTuple):
    """What was asked: files of the two versions, their form, and whether an imported one is kept in git."""

    candidate: str | None
    baseline: str | None
    form: str
    threshold: float
    keep: bool


class Given(NamedTuple):
    """The records that were named, None for those that were not."""

    candidate: Stored | None
    baseline: Stored | None


def record_options(command: _Command) -> _Command:
    """``--candidate``, ``--baseline``, ``--from``, ``--threshold`` and ``--keep``."""
    for option in (
        click.option("--keep", is_flag=True, help="Keep what --from read in prompts/ID/evidence."),
        click.option(
            "--threshold", type=Finite(), default=USUAL_THRESHOLD, show_default=True,
            help="From which score a case passes, for forms without verdicts.",
        ),
        click.option(
            "--from", "form", type=click.Choice((EVIDENCE, *READERS)), default=EVIDENCE, show_default=True,
            help="The form of FILE.",
        ),
        click.option("--baseline", metavar="FILE", help="Compare with this record instead of the newest in git."),
        click.option("--candidate", metavar="FILE", help="Judge VERSION by this record instead of the newest in git."),
    ):  # fmt: skip
        command = option(command)
    return command


def records_of(question: Question, catalog: OpenCatalog, asked: RecordOptions) -> Given:
    """The records that were named, as evidence; what is lost of other tools' results is told on stderr.

    UsageError: a file cannot be read, or there is no version that it could be about.
    """
    if asked.keep and (asked.form == EVIDENCE or not isinstance(catalog.tree, WorkTree)):
        raise UsageError("--keep is for results of other tools, in the work tree", hint="name their form: --from")
    return Given(
        _stored(question, catalog, (asked.candidate, question.candidate), asked),
        _stored(question, catalog, (asked.baseline, question.baseline), asked),
    )


def _stored(
    question: Question, catalog: OpenCatalog, named: tuple[str | None, Content | None], asked: RecordOptions
) -> Stored | None:
    path, content = named
    if path is None:
        return None
    data = _bytes(path)
    if asked.form == EVIDENCE:
        return stored_from(path, data)
    if content is None or content.digest is None:
        raise UsageError(f"{path}: there is no version that it could be about", hint="leave --baseline out")
    subject = Subject(id=question.prompt, version=content.version, digest=content.digest)
    try:
        imported = read_results(asked.form, data, asked.threshold)
        evidence = as_evidence(imported, subject, _golden(catalog, question.prompt), now())
    except MalformedError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint or f"is it of the form {asked.form}?") from error
    tell(f"{for_terminal(path)}: not in evidence: {for_terminal('; '.join(imported.lost))}")
    if asked.keep and isinstance(catalog.tree, WorkTree):
        kept = evidence_path(catalog.files.settings.prompts, evidence)
        if not (catalog.tree.root / kept).exists():
            create(catalog.tree.root, NewFile(kept, evidence_bytes(evidence).decode()))
        tell(f"kept as {for_terminal(kept)}")
    return Stored(path, evidence)


def _golden(catalog: OpenCatalog, prompt: str) -> GoldenSet | None:
    return read_golden(catalog, prompt) if catalog.files.layout.tests.get(prompt) else None


def _bytes(path: str) -> bytes:
    try:
        if os.path.getsize(path) > IMPORT_BYTES:  # noqa: PTH202 - the path is the user's, as typed
            raise UsageError(f"{path} is larger than {IMPORT_BYTES // 2**20} MiB")
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="name a file of results") from error
