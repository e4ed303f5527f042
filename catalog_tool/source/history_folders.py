"""The first-parent line of a prompt whose folder may have moved, told as if it had always stood where it stands now.

Which folder holds the prompts is said by each commit's own settings (design §2), as for every other command that
reads a revision: a commit that names another folder moves nothing of a prompt that stands there as it stood before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.git import Git
from catalog_tool.source.history_live import Scope
from catalog_tool.source.history_log import Step, Touch, first_parent_steps
from catalog_tool.source.settings import read_settings
from catalog_tool.source.tree import RevisionTree, read_one

PATHS_BYTES = 8 * 1024
"""Beyond so many bytes of paths git is asked for all: it compares each with each, and arguments are limited."""


class Below(NamedTuple):
    """A scope without a prompt: what stands at these paths of the prompts folder, empty for all of it."""

    git: Git
    commit: str
    prefix: str
    settings: Settings
    inner: tuple[str, ...] = ()

    def paths(self, prompts: str) -> tuple[str, ...]:
        """The paths from the catalog's root."""
        return tuple(f"{prompts}/{path}" for path in self.inner) or (prompts,)


class Line(NamedTuple):
    """The commits (newest first) that touch what is in scope (for a prompt also registry and shared parts), wherever.

    Paths of touches are told below the folder that the scope's settings name. ``paths`` are the real ones, from the
    top of the repository, empty for all; ``moves`` maps each commit to the folder before and after it, and is empty
    where there was only one.
    """

    steps: Sequence[Step]
    paths: Sequence[str]
    moves: Mapping[str, tuple[str, str]]
    folders: Folders

    def aside(self, step: Step) -> Step:
        """A commit that came with a merge, told in the same way; what it moved from folder to folder is no touch."""
        if not self.moves:
            return step
        found: dict[str, list[Touch]] = {}
        for touch in step.touched:
            for _, inner in self.folders.places(touch.path):
                found.setdefault(inner, []).append(touch)
        return step._replace(touched=tuple(self._joined(found)))

    def _joined(self, found: Mapping[str, Iterable[Touch]]) -> Iterator[Touch]:
        for inner, touches in found.items():
            before = next((touch.before for touch in touches if touch.before is not None), None)
            after = next((touch.after for touch in touches if touch.after is not None), None)
            if before != after:
                yield Touch(self.folders.told(inner), before, after)

    def folder_before(self, step: Step) -> str:
        """The prompts folder that the settings named before a step."""
        return self.moves[step.commit][0] if self.moves else self.folders.scope.settings.prompts

    def written(self, commit: str, path: str, *, gone: bool) -> str:
        """Where a told path (from the catalog's root) really stood after the commit, before it where it is ``gone``."""
        if commit not in self.moves:
            return path
        before, after = self.moves[commit]
        return f"{before if gone else after}{path.removeprefix(self.folders.scope.settings.prompts)}"


class Folders(NamedTuple):
    """The folders that settings have named."""

    scope: Scope | Below
    names: Collection[str]

    def paths(self) -> list[str]:
        """What git is asked for; empty where that is too much to name, and then it is asked for everything."""
        scope = self.scope
        found = [scope.prefix + path for folder in self.names for path in scope.paths(folder)]
        if sum(len(path.encode(errors="surrogateescape")) for path in found) <= PATHS_BYTES:
            return found
        return [scope.prefix.rstrip("/")] if scope.prefix else []

    def places(self, path: str) -> Iterator[tuple[str, str]]:
        """Each folder in which a path from the top is in scope, and the path from there."""
        if not path.startswith(self.scope.prefix):
            return
        inner = path[len(self.scope.prefix) :]
        at = inner.find("/")
        while at >= 0:
            folder = inner[:at]
            if folder in self.names and any(f"{inner}/".startswith(f"{own}/") for own in self.scope.paths(folder)):
                yield folder, inner[at + 1 :]
            at = inner.find("/", at + 1)

    def told(self, inner: str) -> str:
        """A path from the prompts folder as it is told, from the top."""
        return f"{self.scope.prefix}{self.scope.settings.prompts}/{inner}"


def settings_at(git: Git, commit: str, prefix: str) -> Settings:
    """The settings of the catalog at ``prefix`` at a commit, as its scopes need them. Raises ``GitError``."""
    content = read_one(RevisionTree(git, commit, prefix), SETTINGS_FILE, PARSED_FILE_BYTES)
    return read_settings(None if content is None else content.data)[0]


def first_parent_line(scope: Scope | Below) -> Line:
    """The first-parent line that ends in the scope's commit, whose settings are the scope's. Raises ``GitError``."""
    written = scope.prefix + SETTINGS_FILE
    folders = Folders(scope, (scope.settings.prompts,))
    steps = first_parent_steps(scope.git, scope.commit, [*folders.paths(), written])
    named = _named(scope, steps, written)
    if set(named.values()) == {scope.settings.prompts}:
        return Line(list(_without(steps, written)), folders.paths(), {}, folders)
    folders = Folders(scope, sorted({*named.values()}))
    paths = folders.paths()
    steps = first_parent_steps(scope.git, scope.commit, [*paths, written] if paths else [])
    moves: dict[str, tuple[str, str]] = {}
    told = list(_Replay(folders, named, moves).told(reversed(steps), written))
    return Line(told[::-1], paths, moves, folders)


def _without(steps: Iterable[Step], path: str) -> Iterator[Step]:
    for step in steps:
        touched = tuple(touch for touch in step.touched if touch.path != path)
        if touched:
            yield step if len(touched) == len(step.touched) else step._replace(touched=touched)


def _named(scope: Scope | Below, steps: Sequence[Step], written: str) -> dict[str | None, str]:
    """The prompts folder by the blob of the settings; None is for commits without any, and left out if there are none.

    The newest settings are those of the scope.
    """
    naming = [(step, touch.after) for step in steps for touch in step.touched if touch.path == written]
    if not naming:
        return {None: scope.settings.prompts}
    named: dict[str | None, str] = {None: Settings().prompts} if naming[-1][0].parents else {}
    named[naming[0][1]] = scope.settings.prompts
    others = [blob for _, blob in naming if blob not in named]
    if None in others:
        named[None] = Settings().prompts
    named.update(_read(scope.git, [blob for blob in others if blob is not None]))
    return named


def _read(git: Git, blobs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The prompts folder that each blob names. Of all settings it hangs on one value only, which is judged once."""
    usual = Settings().prompts
    judged: dict[str, str] = {}
    for blob in git.cat_blobs(blobs, PARSED_FILE_BYTES):
        data = blob.data or b""
        value = SourceDocument(SETTINGS_FILE, data).value if b"prompts" in data or b"\\" in data else None
        written = repr((value or {}).get("prompts", usual))
        if written not in judged:
            judged[written] = usual if value is None else read_settings(data)[0].prompts
        yield blob.id, judged[written]


class _Replay:
    """Keeps what each folder holds, so that a commit that names another one can be told by what differs."""

    def __init__(self, folders: Folders, named: Mapping[str | None, str], moves: dict[str, tuple[str, str]]) -> None:
        self._folders = folders
        self._named = named
        self._moves = moves
        self._files: dict[str, dict[str, str]] = {folder: {} for folder in folders.names}

    def told(self, steps: Iterable[Step], settings: str) -> Iterator[Step]:
        """Each of ``steps`` (oldest first) that touches anything; ``settings`` is their path from the top."""
        folder = self._named.get(None, Settings().prompts)
        for step in steps:
            before = folder
            folder = next((self._named[touch.after] for touch in step.touched if touch.path == settings), before)
            held = dict(self._files.get(before, {})) if folder != before else {}
            touched = self._put(step, folder)
            if folder != before:
                touched = self._differing(held, self._files[folder])
            self._moves[step.commit] = before, folder
            if touched:
                yield step._replace(touched=tuple(touched))

    def _put(self, step: Step, current: str) -> list[Touch]:
        """Take a step's files, and tell the touches of those in the ``current`` folder."""
        touched = []
        for touch in step.touched:
            for folder, inner in self._folders.places(touch.path):
                if touch.after is not None:
                    self._files[folder][inner] = touch.after
                else:
                    self._files[folder].pop(inner, None)
                if folder == current:
                    touched.append(touch._replace(path=self._folders.told(inner)))
        return touched

    def _differing(self, before: Mapping[str, str], after: Mapping[str, str]) -> list[Touch]:
        return [
            Touch(self._folders.told(inner), before.get(inner), after.get(inner))
            for inner in sorted(before.keys() | after.keys())
            if before.get(inner) != after.get(inner)
        ]
