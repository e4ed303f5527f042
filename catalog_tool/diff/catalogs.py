"""``catalog diff``: two catalogs, or two versions, compared and judged (design §7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.backends.limited import unfit_versions
from catalog_tool.diff.changes import MODIFIED, PROMPT, RENAMED, Change, DiffResult, by_risk, detail
from catalog_tool.diff.evidence import lost_evidence
from catalog_tool.diff.gates import weakened_gates
from catalog_tool.diff.golden import GoldenTests, weakened_tests
from catalog_tool.diff.labels import label_changes
from catalog_tool.diff.overrides import with_overrides
from catalog_tool.diff.prompts import Scope, compare_loaded, prompt_changes
from catalog_tool.diff.relaxed_settings import relaxed_settings
from catalog_tool.diff.renders import Case
from catalog_tool.diff.shared import affected_versions, shared_changes, shared_rows
from catalog_tool.diff.sides import BundleSide, Loaded, Side, TreeSide
from catalog_tool.diff.skill_files import bundled_skills, changed_skills, read_skills
from catalog_tool.diff.skills import ListingEntry, listing_change, listing_entry, skill_changes
from catalog_tool.model.addresses import version_address
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.prompt import PromptVersion

CatalogSide = TreeSide | BundleSide


class Options(NamedTuple):
    """``today`` (``YYYY-MM-DD``) decides which waivers hold; ``values`` are rendered instead of golden inputs."""

    today: str = ""
    values: Mapping[str, Any] | None = None
    values_name: str = "values"


_DEFAULTS = Options()


class Names(NamedTuple):
    """What the two sides are called in the answer; None is the work tree."""

    base: str | None
    head: str | None


def compare_catalogs(base: CatalogSide, head: CatalogSide, names: Names, options: Options = _DEFAULTS) -> DiffResult:
    """Everything that differs between two catalogs. Raises ``GitError`` where objects cannot be read."""
    if isinstance(base, TreeSide) and isinstance(head, TreeSide):
        return _compare_trees(base, head, names, options)
    scope = Scope(comparable=type(base) is type(head), inputs=_Inputs(None, None, options))
    prompts = list(prompt_changes(base, head, scope))
    changes = [
        *prompts,
        *skill_changes(bundled_skills(base), bundled_skills(head)),
        *label_changes(base, head, _renamed(prompts)),
    ]
    return _result(changes, names, head, options)


def _compare_trees(base: TreeSide, head: TreeSide, names: Names, options: Options) -> DiffResult:
    shared = shared_changes(base, head)
    old_tests, new_tests = GoldenTests(base), GoldenTests(head)
    scope = Scope(affected_versions(shared), _Inputs(old_tests, new_tests, options))
    changed = changed_skills(base, head)
    prompts = list(prompt_changes(base, head, scope))
    renamed = _renamed(prompts)
    kept = {name: name for name in head.versions()} | renamed
    changes = [
        *prompts,
        *shared_rows(base, head, shared),
        *skill_changes(read_skills(base, changed), read_skills(head, changed)),
        *label_changes(base, head, renamed),
        *weakened_tests(old_tests, new_tests, kept),
        *lost_evidence(base, head, {former: name for former, name in kept.items() if former in base.versions()}),
        *weakened_gates(base.settings.labels, head.settings.labels),
        *relaxed_settings(base, head, options.today),
    ]
    result = _result(changes, names, head, options)
    listing = _listing(base, head) if changed else None
    return result._replace(listing=listing, shared=tuple(part.to_json() for part in shared))


def _renamed(changes: Sequence[Change]) -> dict[str, str]:
    """Old id → new id of the prompts that have another one."""
    return {change.before: change.after for change in changes if change.op == RENAMED}


def _result(changes: Sequence[Change], names: Names, head: CatalogSide, options: Options) -> DiffResult:
    judged = with_overrides(changes, head.settings.rules, options.today)
    unfit = unfit_versions(head.settings, _changed_versions(changes, head))
    return DiffResult(names.base, names.head, tuple(by_risk(judged)), unfit=tuple(unfit))


def _changed_versions(changes: Sequence[Change], head: CatalogSide) -> Iterator[tuple[str, bytes]]:
    """Address and entry of each version that is new or another at the head, once."""
    known = head.versions()
    keys = {(change.artifact, change.after) for change in changes if change.kind == PROMPT and change.op != RENAMED}
    for name, version in sorted(key for key in keys if key[1] in known.get(key[0], ())):
        found = head.version((name, version)).version
        if found is not None:
            yield version_address(name, version), found.entry()


class _Inputs:
    """The inputs of a prompt: the values that were given, else its golden cases, the head's first."""

    def __init__(self, old: GoldenTests | None, new: GoldenTests | None, options: Options) -> None:
        self._tests = [tests for tests in (new, old) if tests is not None]
        self._given = [Case(options.values_name, options.values)] if options.values is not None else None

    def __call__(self, name: str) -> Sequence[Case]:
        if self._given is not None:
            return self._given
        for tests in self._tests:
            found = [case.inputs() for case in tests.cases(name).values()]
            if found:
                return found
        return ()


def _listing(base: TreeSide, head: TreeSide) -> dict[str, Any]:
    limits = [ListingLimits(side.files.agent_settings) for side in (base, head)]
    budgets = [(found.entry_chars, found.budget_chars) for found in limits]
    entries = [list(_entries(side)) for side in (base, head)]
    return listing_change(entries[0], entries[1], (budgets[0], budgets[1]))


def _entries(side: TreeSide) -> Iterator[ListingEntry]:
    keys = [folder.key for folder in side.files.skills]
    return map(listing_entry, read_skills(side, keys, whole=False).values())


def compare_references(
    old: PromptVersion,
    new: PromptVersion,
    names: Names,
    options: Options = _DEFAULTS,
    side: Side | None = None,
) -> DiffResult:
    """Two prompt versions, wherever they come from; ``side`` is the new one's, for its settings and places."""
    values = [Case(options.values_name, options.values)] if options.values is not None else []
    inputs = values or _golden_inputs(side, new.id)
    compared = compare_loaded(Loaded(old), Loaded(new), inputs)
    if not compared.details:
        return DiffResult(names.base, names.head, ())
    details, op, before, after = compared.details, MODIFIED, old.version, new.version
    if old.id != new.id:
        first = detail(
            "artifact-renamed", "", old.id, new.id, f"two prompts are compared: {old.id} and {new.id}", contract="none"
        )
        details, op, before, after = (first, *details), RENAMED, old.id, new.id
    change = Change(
        new.id, PROMPT, op, before, after, details,
        file=new.path or None, tokens=compared.tokens, renders=compared.renders,
    )  # fmt: skip
    rules = side.settings.rules if side is not None else {}
    return DiffResult(names.base, names.head, tuple(by_risk(with_overrides([change], rules, options.today))))


def _golden_inputs(side: Side | None, name: str) -> Sequence[Case]:
    if not isinstance(side, TreeSide):
        return ()
    return [case.inputs() for case in GoldenTests(side).cases(name).values()]
