"""From the paths that commits touch to what changed of a prompt: versions, labels, shared parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from catalog_tool.model.labels import LabelValue
from catalog_tool.model.names import version_number
from catalog_tool.source.history_labels import PromptLabels, RegistryHistory
from catalog_tool.source.history_live import REGISTRY, Scope
from catalog_tool.source.history_log import Step, Touch
from catalog_tool.source.history_parts import PARTIALS, PartFile, PartReader, Place, place_of
from catalog_tool.source.layout import VersionFile

ADDED, MODIFIED, REMOVED = "added", "modified", "removed"
UNREADABLE, READABLE = "unreadable", "readable"
REGISTRY_FILE = "registry"
"""The kind of change that tells that labels are not known, or are again."""


class Change(NamedTuple):
    """One thing a commit did to a prompt.

    ``kind`` is ``version``, ``label`` or ``shared``, ``name`` for example ``v3``, ``production``,
    ``partials/safety@v1``. ``path`` is from the catalog's root. ``before`` and ``after`` are a label's
    values, None where it did not exist, and for the other kinds.

    The kind ``registry`` has the ops ``unreadable`` and ``readable``: from the one to the other nothing is
    known of the labels, and a label's next ``before`` is the last value that could be read.
    """

    kind: str
    op: str
    name: str
    path: str
    before: LabelValue | None = None
    after: LabelValue | None = None

    def to_json(self) -> dict[str, Any]:
        """``{"kind","op","name","path","from","to"}``, values in canonical form."""
        return {
            "kind": self.kind, "op": self.op, "name": self.name, "path": self.path,
            "from": None if self.before is None else self.before.to_json(),
            "to": None if self.after is None else self.after.to_json(),
        }  # fmt: skip


class _Sorted(NamedTuple):
    """The touches of one commit by what they are."""

    versions: dict[str, list[Touch]]
    shared: dict[str, list[Touch]]
    registry: Touch | None


def changes_of(scope: Scope, steps: Sequence[Step], cut: frozenset[str]) -> Changes:
    """What each of ``steps`` (newest first, of the first-parent line) changed.

    ``cut`` are the commits at which a shallow clone ends: they only say what there was. GitError: an
    object cannot be read.
    """
    changes = Changes(scope)
    changes.load_registries(steps)
    changes.load_parts([step for step in steps if step.commit not in cut], steps)
    for step in reversed(steps):
        found = changes.apply(step)
        if found and step.commit not in cut:
            changes.by_commit[step.commit] = found
    return changes


class Changes:
    """Replays the first-parent line; ``by_commit`` gets what each commit changed.

    ``registry`` tells apart from it the commits since which the labels cannot, or can again, be read.
    ``known``: some commit had a version or a label of the prompt.
    """

    def __init__(self, scope: Scope) -> None:
        self.by_commit: dict[str, tuple[Change, ...]] = {}
        self.registry: dict[str, Change] = {}
        self.known = False
        self._scope = scope
        self._prompts = scope.settings.prompts
        self._registry = scope.paths(self._prompts)[1]
        self._registries = RegistryHistory(scope.registries or scope.git, self._registry, scope.prompt_id)
        self._parts = PartReader(scope.git)
        self._places: dict[str, Place] = {}
        self._labels: PromptLabels = {}
        self._flaw: bytes | None = None
        self._told_flaw: bytes | None = None
        self._versions: dict[VersionFile, str] = {}
        self._shared: dict[str, PartFile] = {}

    def load_registries(self, steps: Iterable[Step]) -> None:
        """Read every registry that ``steps`` put in place or replaced."""
        touches = [self._sort(step).registry for step in steps]
        self._registries.load(blob for touch in touches if touch is not None for blob in (touch.before, touch.after))

    def load_parts(self, telling: Sequence[Step], steps: Sequence[Step]) -> None:
        """Read what says which shared parts are used, if any of ``telling`` touches one."""
        if not any(self._sort(step).shared for step in telling):
            return
        wanted: list[str] = []
        for step in steps:
            found = self._sort(step)
            groups = [part for name, part in found.shared.items() if name.startswith(PARTIALS)]
            for group in (*groups, *found.versions.values()):
                wanted.extend(touch.after for touch in group if touch.after is not None)
        self._parts.load(wanted)

    def apply(self, step: Step) -> tuple[Change, ...]:
        """What a step, the next younger one, changes: versions, then labels, then shared parts."""
        found = self._sort(step)
        used = self._uses(found)
        self._put(found)
        used |= self._uses(found)
        versions = sorted(found.versions, key=version_number)
        shared = sorted(used & found.shared.keys())
        changes = [
            *(_file_change("version", name, found.versions[name]) for name in versions),
            *self._label_changes(found.registry),
            *(_file_change("shared", name, found.shared[name]) for name in shared),
        ]
        self.known = self.known or bool(self._versions) or bool(self._labels)
        self._tell_flaw(step.commit)
        return tuple(change for change in changes if change is not None)

    def of(self, commit: str) -> tuple[Change, ...]:
        """All there is to tell of a commit."""
        told = self.registry.get(commit)
        return (*(() if told is None else (told,)), *self.by_commit.get(commit, ()))

    def concerns(self, step: Step, changes: Iterable[Change]) -> bool:
        """Whether a commit that came with a merge had part in any of the merge's ``changes``."""
        found = self._sort(step)
        for change in changes:
            if change.kind == "label":
                if found.registry is not None and self._moves(found.registry, change.name):
                    return True
            elif change.kind == REGISTRY_FILE:
                if found.registry is not None:
                    return True
            elif change.name in (found.versions if change.kind == "version" else found.shared):
                return True
        return False

    def _sort(self, step: Step) -> _Sorted:
        found = _Sorted({}, {}, None)
        for touch in step.touched:
            path = touch.path[len(self._scope.prefix) :]
            if path == self._registry:
                found = found._replace(registry=touch)
                continue
            place = self._place(path)
            inner = touch._replace(path=path)
            if place.shared is not None:
                found.shared.setdefault(place.shared, []).append(inner)
            elif place.version is not None and place.version.id == self._scope.prompt_id:
                found.versions.setdefault(place.version.version, []).append(inner)
        return found

    def _place(self, path: str) -> Place:
        if path not in self._places:
            self._places[path] = place_of(path, self._prompts)
        return self._places[path]

    def _uses(self, found: _Sorted) -> set[str]:
        return self._parts.uses(self._versions, self._shared) if found.shared else set()

    def _put(self, found: _Sorted) -> None:
        for version, touches in found.versions.items():
            for touch in touches:
                file = VersionFile(self._scope.prompt_id, version, touch.path)
                self._versions.pop(file, None)
                if touch.after is not None:
                    self._versions[file] = touch.after
        for name, touches in found.shared.items():
            self._shared.pop(name, None)
            for touch in touches:
                if touch.after is not None:
                    self._shared[name] = PartFile(touch.path, touch.after)

    def _label_changes(self, registry: Touch | None) -> list[Change]:
        """Labels that a registry changed; one that cannot be read changes nothing until it can again."""
        if registry is None:
            return []
        self._flaw = self._registries.flaw(registry.after)
        now = self._registries.labels(registry.after)
        if now is None:
            return []
        before, self._labels = self._labels, now
        names = sorted(before.keys() | now.keys())
        moves = [(name, before.get(name), now.get(name)) for name in names]
        return [
            Change("label", _op(old, new), name, self._registry, old, new) for name, old, new in moves if old != new
        ]

    def _tell_flaw(self, commit: str) -> None:
        """Note a registry that cannot be read, each time with other text, once there is a prompt to tell it of."""
        if not self.known or self._flaw == self._told_flaw:
            return
        self._told_flaw = self._flaw
        op = READABLE if self._flaw is None else UNREADABLE
        self.registry[commit] = Change(REGISTRY_FILE, op, REGISTRY, self._registry)

    def _moves(self, registry: Touch, label: str) -> bool:
        before = self._registries.labels(registry.before)
        after = self._registries.labels(registry.after)
        return after is not None and (before or {}).get(label) != after.get(label)


def _op(before: object, after: object) -> str:
    if before is None:
        return ADDED
    return REMOVED if after is None else MODIFIED


def _file_change(kind: str, name: str, touches: Sequence[Touch]) -> Change | None:
    """The change of a version or a shared part; None where only a mode changed.

    One that lost a file and got another (``v2.yaml`` became ``v2.json``) was modified.
    """
    before = [(touch.path, touch.before) for touch in touches if touch.before is not None]
    after = [(touch.path, touch.after) for touch in touches if touch.after is not None]
    if before == after:
        return None
    path = (after or before)[0][0]
    return Change(kind, _op(before or None, after or None), name, path)
