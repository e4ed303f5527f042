"""What the commands that move labels share: the catalog, its policies, and the sources of its gates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import click

from catalog_tool.cli.complete import targets
from catalog_tool.cli.context import lazily
from catalog_tool.errors import UsageError
from catalog_tool.evals.golden import read_golden
from catalog_tool.gate.judge import policies_of
from catalog_tool.gate.label_names import meant
from catalog_tool.gate.policy import Policy
from catalog_tool.gate.shelf import CatalogShelf, Sources
from catalog_tool.gate.since_base import SinceBase
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import is_label, is_version
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.base import catalog_at, default_base, merged_commit
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.resolve import OpenCatalog, open_catalog, read_version, unknown_name, versions_of
from catalog_tool.source.root import Place
from catalog_tool.source.tree import RevisionTree, WorkTree, read_one

REGISTRY = "registry.yaml"
EVIDENCE_FROM = "evidence_from"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def evidence_option(command: _Command) -> _Command:
    """``--evidence-from TARGET``, for ``judging_by``."""
    return click.option(
        "--evidence-from", EVIDENCE_FROM, metavar="TARGET", shell_complete=targets,
        help="Judge by the evidence on this target too (`catalog eval --store`).",
    )(command)  # fmt: skip


class LabelDesk(NamedTuple):
    """One prompt's label, about to move. ``policy`` is None where the label has no gate.

    ``target`` has evidence besides ``shelf``, None where no target is at hand. ``base`` is the commit that the catalog
    is a change of, None where there is none.
    """

    catalog: OpenCatalog
    prompt: str
    label: str
    policy: Policy | None
    shelf: CatalogShelf
    target: TargetEvidence | None = None
    base: str | None = None

    @property
    def sources(self) -> Sources:
        """All that the gate judges by."""
        return self.sources_since(self.base, self.shelf)

    def sources_since(self, base: str | None, shelf: CatalogShelf) -> Sources:
        """Another shelf of this catalog, as a change of the commit ``base``, with the target's evidence."""
        tree = self.catalog.tree
        sources: Sources = shelf
        if base is not None and isinstance(tree, WorkTree | RevisionTree) and tree.git is not None:
            before = catalog_at(tree.git, tree, self.catalog.files, base)
            sources = SinceBase(shelf, self.catalog.files, *before, [self.prompt])
        return self.target.beside(sources) if self.target is not None else sources

    @property
    def current(self) -> LabelValue | None:
        """What the label points to in the tree, None where it does not exist."""
        return self.catalog.files.labels.get(self.prompt, {}).get(self.label)

    @property
    def registry(self) -> str:
        """The registry's path, from the catalog's root."""
        return f"{self.catalog.files.settings.prompts}/{REGISTRY}"

    def registry_bytes(self) -> bytes | None:
        """What the registry holds now on disk or at the revision, None where there is none.

        UsageError: it cannot be read.
        """
        tree = self.catalog.tree
        if isinstance(tree, WorkTree):
            path = tree.root / self.registry
            try:
                return path.read_bytes() if os.path.lexists(path) else None
            except OSError as error:
                raise UsageError(f"{self.registry} cannot be read: {error.strerror}") from error
        content = read_one(tree, self.registry, PARSED_FILE_BYTES)
        return content.data if content is not None else None


def desk_for(place: Place, revision: str | None, prompt: str, label: str, version: str | None) -> LabelDesk:
    """The catalog opened for a move of one label.

    ``version`` (None: not known yet) must exist and be usable. UsageError: there is no such prompt, version or
    label name, or the label's policy cannot be used. GitError: git does not answer.
    """
    if not is_label(label):
        raise UsageError(f"{label[:100]!r} is not a label", hint="for example production")
    catalog = open_catalog(place, revision)
    if not versions_of(catalog.files, prompt):
        raise unknown_name(catalog.files, prompt)
    _check_label(catalog.files, label)
    if version is not None:
        check_version(catalog, prompt, version)
    policies = policies_of(catalog.files.settings)
    if label in policies.refused:
        raise UsageError(
            f"the gate of {label} cannot be used: {policies.refused[label]}", hint="see `catalog schema policy`"
        )
    tree = catalog.tree
    commit = merged_commit(tree) if isinstance(tree, WorkTree | RevisionTree) else None
    shelf = shelf_of(place, catalog, commit)
    return LabelDesk(catalog, prompt, label, policies.usable.get(label), shelf, base=commit)


def _check_label(files: CatalogFiles, label: str) -> None:
    """A label that nobody has may be a new one, unless it looks like a slip: ``UsageError`` names the known one."""
    known = {*files.settings.labels, *(name for labels in files.labels.values() for name in labels)}
    near = meant(label, known) if label not in known else None
    if near is not None:
        hint = f"did you mean {near}? If not, write {label} under `labels:` in {SETTINGS_FILE} first"
        raise UsageError(f"no prompt has a label {label}", hint=hint)


@contextmanager
def judging_by(place: Place, desk: LabelDesk, target: str | None) -> Iterator[LabelDesk]:
    """The desk with the evidence on a target, None for none. UsageError: there is no such target, or it keeps none."""
    if target is None:
        yield desk
        return
    with lazily("cli.evidence_store:evidence_on")(place, desk.catalog.files.settings, target) as found:
        yield desk._replace(target=found)


def check_version(catalog: OpenCatalog, prompt: str, version: str) -> None:
    """Raise ``UsageError`` for what is no version of the prompt, or one that cannot be used."""
    files = {file.version: file for file in versions_of(catalog.files, prompt)}
    if not is_version(version) or version not in files:
        raise UsageError(f"{prompt} has no version {version[:40]}", hint=f"its versions: {', '.join(files)}")
    read_version(catalog, files[version])


def shelf_of(place: Place, catalog: OpenCatalog, commit: str | None) -> CatalogShelf:
    """The sources of the gates: evidence and golden tests of the tree, history up to ``commit``."""
    tree, files = catalog.tree, catalog.files

    def digest(prompt: str, version: str) -> str | None:
        known = {file.version: file for file in versions_of(files, prompt)}
        try:
            return read_version(catalog, known[version]).digest if version in known else None
        except UsageError:
            return None

    def dataset(prompt: str) -> str | None:
        if not files.layout.tests.get(prompt):
            return None
        return read_golden(catalog, prompt).scored().dataset().digest

    return CatalogShelf(tree, files, digest, git=place.git, commit=commit, dataset=dataset)


def released_value(desk: LabelDesk) -> tuple[str | None, LabelValue | None]:
    """The base that a change is compared with (a commit, or None), and what the label pointed to there."""
    tree = desk.catalog.tree
    if not isinstance(tree, WorkTree | RevisionTree):
        return None, None
    base = default_base(tree)
    if base is None or tree.git is None:
        return None, None
    _, released = catalog_at(tree.git, tree, desk.catalog.files, base)
    return base, released.labels.get(desk.prompt, {}).get(desk.label)
