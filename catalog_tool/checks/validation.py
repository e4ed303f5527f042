"""``catalog validate``: every check there is, over one tree."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.checks import immutability
from catalog_tool.checks.golden_tests import golden_findings
from catalog_tool.checks.inspection import Inspection, Options, inspect, settle
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import Settings
from catalog_tool.model.validation import Validation
from catalog_tool.source.memory import Memory
from catalog_tool.source.root import Place
from catalog_tool.source.tree import RevisionTree, WorkTree, tree_of

_PACKAGE = "catalog_tool"


class Request(NamedTuple):
    """What to validate: ``revision`` (None: the work tree), ``since`` (None: the merge base).

    ``beside`` adds evidence about some prompts to what the gates judge by (``gate.shelf.Sources``), None adds nothing.
    """

    revision: str | None = None
    since: str | None = None
    profile: str | None = None
    jobs: int = 1
    progress: Callable[[int, int], None] | None = None
    beside: Callable[..., Any] | None = None


def validate(place: Place, request: Request) -> tuple[Validation, Inspection, WorkTree | RevisionTree]:
    """Find everything that is wrong; also what was found on the way.

    Raises ``GitError`` for a revision that cannot be resolved.
    """
    tree = tree_of(place, request.revision)
    memory = Memory(place.root)
    options = Options(
        profile=request.profile, jobs=request.jobs, memory=memory, progress=request.progress, entries=_has_limits
    )  # fmt: skip
    inspection = inspect(tree, options)
    released = immutability.findings(tree, inspection, request.since, request.beside)
    found = [
        *inspection.findings,
        *settle(released, inspection.files.settings.rules),
        *settle(golden_findings(tree, inspection), inspection.files.settings.rules),
        *settle(_of_targets(inspection), inspection.files.settings.rules),
    ]
    return Validation(settle(found, {}), counts(inspection)), inspection, tree


def _has_limits(settings: Settings) -> bool:
    """Whether a configured target cannot hold everything; the machinery for it is not loaded where none is."""
    return bool(settings.targets) and bool(import_module(f"{_PACKAGE}.backends.limited").limited_targets(settings))


def _of_targets(inspection: Inspection) -> list[Finding]:
    files = inspection.files
    if not _has_limits(files.settings):
        return []
    rules = import_module(f"{_PACKAGE}.checks.target_rules")
    return list(rules.findings(files, inspection.versions, inspection.skills))


def counts(inspection: Inspection) -> dict[str, int]:
    """How much was read."""
    return {
        "prompts": len({record.id for record in inspection.versions}),
        "versions": len(inspection.versions),
        "skills": len(inspection.skills),
    }
