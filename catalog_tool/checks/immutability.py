"""A released version never changes (design §2.3).

Released is what exists at the base: ``--since``, else the merge base with the branch a change is meant
for. Of a version at the base only what decides its digest may not change; a version that a label
points to may not vanish; a versioned partial or tool may not change either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.checks.inspection import Inspection
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.errors import GitError
from catalog_tool.gate.presence import has_gates
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import INFO, WARNING, Finding
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.base import catalog_at, default_base
from catalog_tool.source.branches import named_branch
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.root import SETTINGS_FILE
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import ABSENT
from catalog_tool.source.tree import Entry, RevisionTree, WorkTree

GATE_RULES = "catalog_tool.checks.gate_rules"
"""Imported where a label has a policy only: its statistics take longer to load than most catalogs to check."""


class Base(NamedTuple):
    """What released versions are compared with: a commit, or None and the finding that says why not."""

    commit: str | None
    finding: Finding | None = None


def find_base(tree: WorkTree | RevisionTree, since: str | None) -> Base:
    """The base of a tree (design §2.3). Raises ``GitError`` for a ``since`` that cannot be resolved."""
    git = tree.git
    if git is None:
        if since is not None:
            raise GitError(f"the revision {since!r} cannot be resolved: this is no git repository")
        return Base(None, finding("P153", "not in git: nothing says which versions are released"))
    if since is not None:
        return Base(git.resolve(since))
    commit = default_base(tree)
    return Base(commit) if commit is not None else Base(None, _no_base())


def _no_base() -> Finding:
    if os.environ.get("CI") or named_branch() is not None:
        message = "there is no base to compare released versions with: fetch the history (fetch-depth: 0)"
        return finding("P153", message, severity=WARNING)
    return finding("P153", "there is no base to compare released versions with", severity=INFO)


def findings(
    tree: WorkTree | RevisionTree, inspection: Inspection, since: str | None, beside: Callable[..., Any] | None = None
) -> Iterator[Finding]:
    """What changed of what had been released; ``beside`` as in ``validation.Request``. Raises ``GitError``."""
    base = find_base(tree, since)
    if base.finding is not None:
        yield base.finding
    if base.commit is None or tree.git is None:
        if has_gates(inspection.files.settings):
            yield from import_module(GATE_RULES).unjudged(tree)
        return
    if not _prompts_differ(tree, inspection.files, base.commit):
        return
    old_tree, old = catalog_at(tree.git, tree, inspection.files, base.commit)
    yield from _versions(old_tree, old, inspection, base.commit)
    yield from _shared(old, inspection.files, base.commit)
    if has_gates(old.settings) or has_gates(inspection.files.settings):
        yield from import_module(GATE_RULES).findings(tree, inspection, (old, base.commit), beside)


def _prompts_differ(tree: WorkTree | RevisionTree, files: CatalogFiles, base: str) -> bool:
    """Whether anything below the prompts folder is not as at the base: mostly not, and git knows at once."""
    if tree.git is None or (isinstance(tree, WorkTree) and (tree.is_modified or tree.head is None)):
        return True
    commit = tree.commit if isinstance(tree, RevisionTree) else tree.head
    paths = [tree.prefix + path for path in (files.settings.prompts, SETTINGS_FILE)]
    return bool(
        tree.git.run(
            "diff-tree",
            "-r",
            "--no-ext-diff",
            "--no-textconv",
            "--name-only",
            "-z",
            base,
            commit or "",
            "--",
            *paths,
        )
    )


def _versions(old_tree: RevisionTree, old: CatalogFiles, inspection: Inspection, base: str) -> Iterator[Finding]:
    records = {(record.id, record.version): record for record in inspection.versions}
    suspects: list[VersionFile] = []
    for file in old.layout.versions:
        record = records.get((file.id, file.version))
        if record is None:
            yield from _vanished(file, old, inspection.files, base)
        elif record.digest and _may_differ(file, record, old, inspection.files):
            suspects.append(file)
    yield from _changed(old_tree, old, inspection.files, suspects, records)


def _may_differ(file: VersionFile, record: PromptRecord, old: CatalogFiles, new: CatalogFiles) -> bool:
    """Whether the version's file, or a shared part that it looks for, is not the same blob as before."""
    before, after = old.entries[file.path], new.entries.get(record.path)
    if after is None or after.blob != before.blob or record.path != file.path:
        return True
    return any(old.shared.digests.get(name, ABSENT) != digest for name, digest in record.looked_for.items())


def _changed(
    old_tree: RevisionTree,
    old: CatalogFiles,
    new: CatalogFiles,
    suspects: Sequence[VersionFile],
    records: dict[tuple[str, str], PromptRecord],
) -> Iterator[Finding]:
    schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
    entries: dict[str, Entry] = {file.path: old.entries[file.path] for file in suspects}
    contents = {content.path: content.data for content in old_tree.read(entries, PARSED_FILE_BYTES)}
    for file in suspects:
        data = contents.get(file.path)
        before = read_prompt(file, data, old.shared, schemas).version if data is not None else None
        record = records[(file.id, file.version)]
        if before is not None and before.digest != record.digest:
            was, now = before.digest[7:19], record.digest[7:19]
            part = _changed_part(file, record, old, new)
            whose = f"{file.id}@{file.version}" if part else file.version
            message = f"{whose} was released (at {old_tree.commit[:12]}) as {was} and is now {now}"
            path = _shared_path(part, new) or _shared_path(part, old) or record.path
            what = f"--shared {_unversioned(part.partition('/')[2])}" if part else file.id
            hint = f"take the change back and run `catalog bump {what}`"
            yield finding("P150", message, path, artifact=f"{file.id}@{file.version}", hint=hint)


def _changed_part(file: VersionFile, record: PromptRecord, old: CatalogFiles, new: CatalogFiles) -> str:
    """The shared part that changed where the version's own file did not, so that no bump of it helps; or empty."""
    after = new.entries.get(record.path)
    if record.path != file.path or after is None or after.blob != old.entries[file.path].blob:
        return ""
    differs = (name for name, digest in record.looked_for.items() if old.shared.digests.get(name, ABSENT) != digest)
    return next(differs, "")


def _unversioned(reference: str) -> str:
    return reference.partition("@")[0]


def _shared_path(name: str, files: CatalogFiles) -> str | None:
    """The file of a shared part by ``partials/safety@v1`` or ``tools/search_kb``."""
    kind, _, reference = name.partition("/")
    return (files.layout.partials if kind == "partials" else files.layout.tools).get(reference)


def _vanished(file: VersionFile, old: CatalogFiles, new: CatalogFiles, base: str) -> Iterator[Finding]:
    """A version that is gone though a label points to it; where a link or the like took its place it is there.

    The finding names where the file is looked for now: the settings may have moved the prompts since.
    """
    if any((place.id, place.version) == (file.id, file.version) for place in new.layout.unreadable):
        return
    labels = [label for label, value in new.labels.get(file.id, {}).items() if file.version in value.versions]
    if labels:
        message = f"{file.version} was released (at {base[:12]}) and is gone, but {', '.join(labels)} points to it"
        path = new.settings.prompts + file.path.removeprefix(old.settings.prompts)
        yield finding("P151", message, path, artifact=f"{file.id}@{file.version}", hint="bring the file back")


def _shared(old: CatalogFiles, new: CatalogFiles, base: str) -> Iterator[Finding]:
    """Versioned shared parts that changed; unversioned ones are frozen through the versions that use them."""
    for name, before in old.shared.digests.items():
        after = new.shared.digests.get(name)
        if "@" not in name or not before or not after or after == before:
            continue
        reference = name.partition("/")[2]
        message = f"{reference} was released (at {base[:12]}) and has changed: every version that uses it would"
        hint = f"take the change back and run `catalog bump --shared {_unversioned(reference)}`"
        yield finding("P152", message, _shared_path(name, new), artifact=reference, hint=hint)
