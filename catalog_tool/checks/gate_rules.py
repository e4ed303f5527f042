"""The gates of labels in ``validate``: a move that its gate does not allow is an error.

What moves is the difference between the labels here and at the base, the commit that released versions
are compared with. A change goes through the gate it finds and the gate it brings: one that loosens or
removes a policy is judged by the old one, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence

from catalog_tool.checks.inspection import Inspection
from catalog_tool.clock import now
from catalog_tool.gate.findings import gate_findings, policy_findings
from catalog_tool.gate.judge import Policies, judge_all, policies_of
from catalog_tool.gate.label_names import meant
from catalog_tool.gate.moves import Move, moves
from catalog_tool.gate.policy import Policy
from catalog_tool.gate.shelf import CatalogShelf, Sources
from catalog_tool.gate.since_base import SinceBase
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.branches import named_branch
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.positions import NOWHERE, Spot
from catalog_tool.source.tree import RevisionTree, WorkTree

BEFORE = "as it was before this change"


def unusable(files: CatalogFiles) -> Iterator[Finding]:
    """Policies that cannot be used: no label may move by them; and those that name a label which nobody has."""
    policies = policies_of(files.settings)
    settings = SourceDocument(SETTINGS_FILE, files.small.get(SETTINGS_FILE, b""))
    yield from policy_findings(policies.refused, lambda label, key: settings.key(["labels", label, "gate", key]))
    used = {name for labels in files.labels.values() for name in labels}
    for label, policy in policies.usable.items() if used else ():
        yield from _never_asked(label, used, settings)
        known = {*used, *files.settings.labels}
        for number, after in enumerate(policy.after):
            if after.label not in known:
                yield _never_stood(label, (number, after.label), known, settings)


def _never_asked(label: str, used: Collection[str], settings: SourceDocument) -> Iterator[Finding]:
    """The gate of a label that no prompt has, and that looks like one that they have."""
    near = meant(label, used) if label not in used else None
    if near is not None:
        spot = settings.key(["labels", label])
        message = f"the gate of {label} is never asked, since no prompt has that label: did you mean {near}?"
        yield finding("C320", message, SETTINGS_FILE, severity=WARNING, line=spot.line, column=spot.column,
                      artifact=label)  # fmt: skip


def _never_stood(label: str, after: tuple[int, str], known: Collection[str], settings: SourceDocument) -> Finding:
    """A policy that wants a version to have stood under a label that no prompt has: it denies every promotion."""
    number, wanted = after
    written = settings.value["labels"][label]["gate"]["after"] if settings.value is not None else {}
    inner: list[str | int] = [number] if isinstance(written, list) else []
    spot = settings.at(["labels", label, "gate", "after", *inner, "label"])
    near = meant(wanted, known)
    hint = f"did you mean {near}?" if near else f"write {wanted} under `labels:` if it is to come"
    message = f"the gate of {label} denies every promotion: no prompt has the label {wanted}, which it asks for first"
    return finding("C320", message, SETTINGS_FILE, severity=WARNING, line=spot.line, column=spot.column,
                   artifact=label, hint=hint)  # fmt: skip


def unjudged(tree: WorkTree | RevisionTree) -> Iterator[Finding]:
    """Without a base nothing says which labels move: never an error by itself but where history was cut off."""
    if tree.git is not None and tree.git.is_shallow():
        message = "the gates were not asked: history is cut off, so nothing says which labels move"
        yield finding("C323", message, severity=ERROR, hint="fetch all of it: fetch-depth: 0")
        return
    severity = WARNING if os.environ.get("CI") or named_branch() is not None else None
    yield finding("C323", "the gates were not asked: there is no base that labels could have moved from",
                  severity=severity)  # fmt: skip


def findings(
    tree: WorkTree | RevisionTree,
    inspection: Inspection,
    released: tuple[CatalogFiles, str],
    beside: Callable[[Sources, Sequence[str]], Sources] | None = None,
) -> Iterator[Finding]:
    """What the gates say of the labels that moved since the base: its files and commit. Raises ``GitError``."""
    (old, _), files = released, inspection.files
    broken = [found for found in old.findings if found.severity == ERROR and found.path == old.layout.registry]
    if old.layout.registry is not None and broken:
        yield finding("C323", "the gates were not asked: the registry at the base cannot be read", severity=ERROR)
        return
    changes = list(moves(old.labels, files.labels))
    present, before = policies_of(files.settings), policies_of(old.settings)
    moved = [move.prompt for move in changes if move.label in {*present.usable, *before.usable}]
    own = _sources(tree, inspection, released, moved)
    shelf = beside(own, moved) if beside is not None else own
    yield from _judged(changes, present.usable, shelf, files, "")
    yield from _judged(changes, _loosened(present, before), shelf, files, BEFORE)


def _judged(
    changes: list[Move], policies: dict[str, Policy], shelf: Sources, files: CatalogFiles, whose: str
) -> Iterator[Finding]:
    def locate(prompt: str, label: str) -> Spot:
        return files.registry.at([prompt, label]) if files.registry is not None else NOWHERE

    yield from gate_findings(judge_all(changes, policies, shelf, now()), files.layout.registry, locate, whose)


def _loosened(present: Policies, before: Policies) -> dict[str, Policy]:
    """Policies that this change takes away or writes anew."""
    digests = {label: policy.digest for label, policy in present.usable.items()}
    return {label: policy for label, policy in before.usable.items() if digests.get(label) != policy.digest}


def _sources(
    tree: WorkTree | RevisionTree, inspection: Inspection, released: tuple[CatalogFiles, str], moved: Sequence[str]
) -> Sources:
    """What the gates judge ``moved`` prompts by: the tree's, and what the change took away of it."""
    digests = {(record.id, record.version): record.digest for record in inspection.versions}

    def digest(prompt: str, version: str) -> str | None:
        return digests.get((prompt, version)) or None

    (old, base), files = released, inspection.files
    shelf = CatalogShelf(tree, files, digest, git=tree.git, commit=base)
    shelf.expect(moved)
    return SinceBase(shelf, files, RevisionTree(tree.git, base, old.prefix), old, moved) if tree.git else shelf
