"""Level 0 of whole prompts: what ``catalog eval --level0`` looks at and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.evals.comparison import COULD_NOT, FAILED, PASSED
from catalog_tool.evals.golden import read_golden
from catalog_tool.evals.level_zero import Rendering, look_at, look_at_examples
from catalog_tool.evals.snapshots import read_snapshots
from catalog_tool.gate.evidence import ERROR, FAIL, PASS, Check
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.resolve import OpenCatalog, read_version, versions_of
from catalog_tool.template.messages import compile_prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLook:
    """Level 0 of one version: its cases, and what was found about the prompt itself."""

    version: PromptVersion
    cases: tuple[Rendering, ...]
    checks: tuple[Check, ...] = ()
    is_recorded: bool = False

    @property
    def status(self) -> str:
        """``error``, ``fail`` or ``pass``; flaky cases count too, because nothing here can be flaky."""
        outcomes = {case.outcome for case in self.cases} | {check.outcome for check in self.checks}
        return ERROR if ERROR in outcomes else FAIL if FAIL in outcomes else PASS


def look_at_prompt(catalog: OpenCatalog, version: PromptVersion) -> PromptLook:
    """Level 0 of a version over its golden cases.

    Raises ``UsageError`` for golden tests or recorded renderings that cannot be read, or a template that cannot.
    """
    golden = read_golden(catalog, version.id)
    snapshots = read_snapshots(catalog, version)
    parts: Mapping[str, Any] = version.decoded()
    try:
        prompt = compile_prompt(parts)
    except CatalogError as problem:
        raise UsageError(f"{version.id}@{version.version}: {problem.message}", hint=problem.hint) from problem
    return PromptLook(
        version=version,
        cases=tuple(look_at(prompt, parts, case, snapshots) for case in golden.cases),
        checks=tuple(look_at_examples(parts)),
        is_recorded=snapshots is not None,
    )


def newest_versions(catalog: OpenCatalog) -> list[PromptVersion]:
    """The highest version of every prompt, by id: older ones were looked at when they were the highest."""
    names = sorted({file.id for file in catalog.files.layout.versions})
    return [read_version(catalog, versions_of(catalog.files, name)[-1]) for name in names]


def status_of_all(looks: Iterable[PromptLook]) -> str:
    """The worst of all, in the words of a whole evaluation."""
    found = {look.status for look in looks}
    return COULD_NOT if ERROR in found else FAILED if FAIL in found else PASSED


def rendering_digest(rendering: Rendering) -> str | None:
    """A digest of the messages, to compare runs by; None where there are none."""
    return None if rendering.messages is None else digest_of(rendering.messages)
