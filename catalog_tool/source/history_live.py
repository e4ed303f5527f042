"""What a prompt's labels pointed to at a time, from git alone (design §5)."""

from __future__ import annotations

from typing import Any, NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import is_label, is_prompt_id
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history_labels import Blobs, PromptLabels, labels_of, section
from catalog_tool.source.history_log import newest_until
from catalog_tool.source.history_parts import PartFile, PartReader, place_of
from catalog_tool.source.layout import SHARED, VersionFile
from catalog_tool.source.settings import read_settings
from catalog_tool.source.tree import EXECUTABLE, FILE, Entry, RevisionTree, read_one

REGISTRY = "registry.yaml"
SHALLOW_HINT = "fetch the whole history first (in CI: fetch-depth: 0)"


class Scope(NamedTuple):
    """Whose history is asked for: a prompt of the catalog at ``prefix``, as seen from ``commit``.

    ``prefix`` is the catalog's root below the top of the repository, empty or with a final ``/``.
    ``label`` limits every answer to one label. ``registries`` reads the registry's blobs, None: ``git`` does.
    """

    git: Git
    commit: str
    prefix: str
    settings: Settings
    prompt_id: str
    label: str | None = None
    registries: Blobs | None = None

    def checked(self) -> Scope:
        """This scope. UsageError: its prompt id or its label cannot exist."""
        if not is_prompt_id(self.prompt_id):
            raise UsageError(f"{self.prompt_id[:100]!r} is not a prompt id", hint="for example billing/refund")
        if self.label is not None and not is_label(self.label):
            raise UsageError(f"{self.label[:100]!r} is not a label", hint="for example production")
        return self

    def paths(self, prompts: str) -> tuple[str, str, str]:
        """The prompt's folder, the registry and the shared parts, from the catalog's root."""
        return f"{prompts}/{self.prompt_id}", f"{prompts}/{REGISTRY}", f"{prompts}/{SHARED}"


class LiveVersion(NamedTuple):
    """A version that a label pointed to, its share in per cent, and its identity at that commit.

    ``version_id`` and ``digest`` are None where its file was missing or could not be used.
    """

    version: str
    version_id: str | None
    digest: str | None
    weight: float | int


class LiveLabel(NamedTuple):
    """What a label pointed to at a commit."""

    value: LabelValue
    commit: str
    versions: tuple[LiveVersion, ...]

    def to_json(self) -> dict[str, Any]:
        """``{"value","commit","versions":[{"version","version_id","digest","weight"}]}``."""
        versions = [version._asdict() for version in self.versions]
        return {"value": self.value.to_json(), "commit": self.commit, "versions": versions}


class Live(NamedTuple):
    """The answer for one time (seconds since the epoch).

    ``commit`` is the one that was live, None before the first. ``labels`` maps each label of the
    prompt, or the one that was asked for, to what it pointed to; None: there was no such label.
    """

    at: int
    commit: str | None
    labels: dict[str, LiveLabel | None]

    def to_json(self) -> dict[str, Any] | None:
        """Label → value, or null before the first commit."""
        if self.commit is None:
            return None
        return {name: None if found is None else found.to_json() for name, found in self.labels.items()}


def live_at(scope: Scope, at: int) -> Live:
    """What each label of the prompt, or the one of the scope, pointed to at ``at`` (seconds).

    The commit is the first on the first-parent line, from ``scope.commit`` back, whose committer time
    is not after ``at``; where wrong clocks made times rise again further back, that one still counts.
    Settings, registry, versions and shared parts are all read at that commit.

    UsageError: the id or the label cannot exist. GitError: git cannot answer, the registry of that
    commit cannot be read, or a shallow clone does not reach back so far.
    """
    scope = scope.checked()
    commit = newest_until(scope.git, scope.commit, at)
    if commit is None:
        if scope.git.is_shallow():
            raise GitError("this clone does not reach back to the time asked for", hint=SHALLOW_HINT)
        return Live(at, None, {})
    return _LiveReader(scope, commit).live(at)


class _LiveReader:
    """One prompt at one commit."""

    def __init__(self, scope: Scope, commit: str) -> None:
        self._scope = scope
        self._commit = commit
        self._tree = RevisionTree(scope.git, commit, scope.prefix)
        self._prompts = self._settings().prompts
        self._paths = scope.paths(self._prompts)
        self._parts = PartReader(scope.git)

    def live(self, at: int) -> Live:
        entries = {
            path: entry for path, entry in self._tree.list(self._paths).items() if entry.mode in (FILE, EXECUTABLE)
        }
        labels = self._labels(entries.get(self._paths[1]))
        wanted = labels if self._scope.label is None else [self._scope.label]
        versions, shared = self._files(entries)
        found: dict[str, LiveLabel | None] = {}
        for name in sorted(wanted):
            value = labels.get(name)
            found[name] = None if value is None else self._label(value, versions, shared)
        return Live(at, self._commit, found)

    def _settings(self) -> Settings:
        content = read_one(self._tree, SETTINGS_FILE, PARSED_FILE_BYTES)
        return read_settings(None if content is None else content.data)[0]

    def _labels(self, entry: Entry | None) -> PromptLabels:
        if entry is None or entry.blob is None:
            return {}
        data = self._parts.data(entry.blob)
        text = None if data is None else section(data, self._scope.prompt_id)
        if text == b"":
            return {}
        chosen = text or data
        labels = None if chosen is None else labels_of(self._paths[1], chosen, self._scope.prompt_id)
        if labels is None:
            where = f"{self._scope.prefix}{self._paths[1]} at {self._commit[:12]}"
            raise GitError(f"the labels of {self._scope.prompt_id} in {where} cannot be read")
        return labels

    def _files(self, entries: dict[str, Entry]) -> tuple[dict[str, PartFile], dict[str, PartFile]]:
        """The prompt's version files by version, and the shared parts by name."""
        versions: dict[str, PartFile] = {}
        shared: dict[str, PartFile] = {}
        for path, entry in sorted(entries.items()):
            place = place_of(path, self._prompts)
            file = PartFile(path, entry.blob or "")
            if place.shared is not None:
                shared.setdefault(place.shared, file)
            elif place.version is not None and place.version.id == self._scope.prompt_id:
                versions.setdefault(place.version.version, file)
        return versions, shared

    def _label(self, value: LabelValue, versions: dict[str, PartFile], shared: dict[str, PartFile]) -> LiveLabel:
        rows = []
        for name, weight in value.split:
            part = versions.get(name)
            file = None if part is None else VersionFile(self._scope.prompt_id, name, part.path)
            read = None if part is None or file is None else self._parts.version(file, part.blob, shared)
            version_id, digest = (None, None) if read is None else (read.version_id, read.digest)
            rows.append(LiveVersion(name, version_id, digest, weight))
        return LiveLabel(value, self._commit, tuple(rows))
