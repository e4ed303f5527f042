"""Only what may differ: git compares the trees, and of the prompts only the folders that changed are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.catalog_files import AGENT_SETTINGS
from catalog_tool.source.codeowners import LOCATIONS
from catalog_tool.source.git import Git
from catalog_tool.source.git_output import TreeEntry
from catalog_tool.source.layout import SHARED
from catalog_tool.source.settings import read_settings
from catalog_tool.source.skill_folders import static_prefix
from catalog_tool.source.tree import Content, Entry, RevisionTree, Tree, WorkTree, read_one

FOLDERS = 500
"""Changed prompts up to which listing their folders alone pays."""
AT_ONCE = 500
"""Changed files whose new contents are read together with the small files."""
_PLAIN = re.compile(rb"(?:[a-z][a-z0-9_/-]*:(?:[ \t][^\n]*)?\n|[ #\r][^\n]*\n|\n)*[ #]*\Z")
_BLOCK = re.compile(rb"^(?=[^ #\r\n])", re.MULTILINE)

_GONE = "000000"
_Listings = dict[tuple[str, ...], dict[str, TreeEntry]]

GitTree = RevisionTree | WorkTree


class _Known(NamedTuple):
    """What one side's narrow view holds: paths listed in place of others, and what reading gives.

    Paths are from the top of the repository. ``swaps`` maps a path, as it would be listed, to those
    listed instead; ``texts`` is the content of a path, ``blobs`` that of a blob. ``changes`` are what
    makes this side of the one that ``listed`` remembers; None where that side has to be listed itself.
    """

    swaps: Mapping[str, Sequence[str]]
    texts: Mapping[str, bytes]
    blobs: Mapping[str, bytes]
    listed: _Listings
    changes: Mapping[str, TreeEntry] | None = None


class NarrowTree:
    """A tree of which listing shows only some of the prompts (and no skills, where they are left out)."""

    def __init__(self, tree: GitTree, base: str, known: _Known) -> None:
        self.prefix = tree.prefix
        self._tree = tree
        self._base = base
        self._known = known

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Every file below ``paths`` that is not left out."""
        full = [self.prefix + path for path in paths]
        inner = tuple(sorted({other for path in full for other in self._known.swaps.get(path, [path])}))
        cut, changes = len(self.prefix), self._known.changes
        if self._tree.git is None or changes is None:
            return self._tree.list([path[cut:] for path in inner])
        if inner not in self._known.listed:
            self._known.listed[inner] = self._tree.git.list_tree(self._base, inner)
        found = {**self._known.listed[inner], **_below(changes, inner)}
        return {path[cut:]: Entry(*entry) for path, entry in sorted(found.items()) if entry.mode != _GONE}

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """The contents, in the entries' order."""
        known = {path: self._data(path, entry) for path, entry in entries.items()}
        asked = {path: entry for path, entry in entries.items() if known[path] is None}
        contents = self._tree.read(asked, limit)
        for path, data in known.items():
            yield Content(path, data) if data is not None else next(contents)

    def _data(self, path: str, entry: Entry) -> bytes | None:
        text = self._known.texts.get(self.prefix + path)
        return text if text is not None else self._known.blobs.get(entry.blob or "")

    def top(self) -> NarrowTree:
        """The same view from the top of the repository."""
        return NarrowTree(self._tree.top(), self._base, self._known)


def _below(changes: Mapping[str, TreeEntry], paths: Sequence[str]) -> dict[str, TreeEntry]:
    """The changes at or below any of the paths."""
    chosen = set(paths)
    return {path: entry for path, entry in changes.items() if any(head in chosen for head in _heads(path))}


def _heads(path: str) -> Iterator[str]:
    """A path and every folder above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


class _Changed(NamedTuple):
    """Every path, from the top, that may differ, with what git says it is at the head; None where the disk knows."""

    paths: dict[str, TreeEntry | None]

    def blobs(self) -> list[str]:
        """The files' blobs at the head, as far as git knows them; none where there are too many."""
        found = [entry.blob for entry in self.paths.values() if entry is not None and entry.mode.startswith("100")]
        return found if len(found) <= AT_ONCE else []

    def entries(self) -> dict[str, TreeEntry] | None:
        """All of them, where git knows all."""
        known = {path: entry for path, entry in self.paths.items() if entry is not None}
        return known if len(known) == len(self.paths) else None

    def touches(self, folder: str) -> bool:
        """Whether anything at or below a path may differ."""
        return any(path == folder or path.startswith(f"{folder}/") for path in self.paths)


def narrowed(base: GitTree, head: GitTree) -> tuple[Tree, Tree]:
    """Both trees, showing only what may differ between them and what that needs; or as they are.

    They stay as they are where settings or shared parts differ, because any prompt may then.
    """
    git, prefix = base.git, base.prefix
    if git is None or not isinstance(base, RevisionTree) or prefix != head.prefix:
        return base, head
    changed = _changed(git, base, head)
    if changed is None or prefix + SETTINGS_FILE in changed.paths:
        return base, head
    small = _SmallFiles(git, base, changed)
    folder = prefix + small.settings.prompts
    names = {_prompt_of(path, folder) for path in changed.paths if path.startswith(f"{folder}/")} - {""}
    registries = small.registries(names)
    if changed.touches(f"{folder}/{SHARED}") or registries is None or len(names) > FOLDERS:
        return base, head
    registry = f"{folder}/registry.yaml"
    listed = [registry, f"{folder}/{SHARED}", *(f"{folder}/{name}" for name in sorted(names))]
    swaps: dict[str, list[str]] = {folder: listed}
    skills = [prefix + static_prefix(glob) for glob in small.settings.skills]
    if all(path not in (prefix, prefix.rstrip("/"), folder) for path in skills):
        swaps |= {} if any(map(changed.touches, skills)) else {path: [] for path in skills}
    texts = [{registry: text} if text is not None else {} for text in registries]
    shared: _Listings = {}
    entries = changed.entries() if isinstance(head, RevisionTree) else None
    old, new = (
        _Known(swaps, text, small.blobs, shared, changes) for text, changes in zip(texts, ({}, entries), strict=True)
    )
    return NarrowTree(base, base.commit, old), NarrowTree(head, base.commit, new)


def _changed(git: Git, base: RevisionTree, head: GitTree) -> _Changed | None:
    """What may differ; None where nobody can say."""
    commit = head.commit if isinstance(head, RevisionTree) else git.find("HEAD")
    if commit is None:
        return None
    below = ["--", base.prefix] if base.prefix else []
    out = git.run("diff-tree", "-r", "-z", "--no-renames", "--raw", base.commit, commit, *below)
    fields = out.decode(errors="surrogateescape").split("\0")
    found: dict[str, TreeEntry | None] = {}
    for info, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, _ = info.split(" ")
        found[path] = TreeEntry(mode, blob)
    if isinstance(head, WorkTree):
        try:
            status, unwatched = git.status_with_unwatched([base.prefix] if base.prefix else [])
        except GitError:
            return None  # a folder that nobody may look at, perhaps outside what a catalog lists
        found |= dict.fromkeys((*status.changed, *status.untracked, *unwatched))
    return _Changed(found)


def settings_of(tree: GitTree) -> Settings:
    """The settings of a tree, and of it only ``catalog.yaml`` is looked at."""
    content = read_one(tree, SETTINGS_FILE, PARSED_FILE_BYTES)
    return read_settings(content.data if content is not None else None)[0]


class _SmallFiles:
    """What every reading of a catalog needs, from one listing and one reading: settings, registry, shared parts."""

    def __init__(self, git: Git, base: RevisionTree, changed: _Changed) -> None:
        self._git, self._base, self._changed = git, base, changed
        self.blobs: dict[str, bytes] = {}
        self.entries: dict[str, str] = {}
        self.settings = Settings()
        self._load(self.settings.prompts)
        self.settings = read_settings(self._data(base.prefix + SETTINGS_FILE))[0]
        if self.settings.prompts != Settings().prompts:
            self._load(self.settings.prompts)

    def _load(self, prompts: str) -> None:
        prefix = self._base.prefix
        inner = (SETTINGS_FILE, f"{prompts}/registry.yaml", f"{prompts}/{SHARED}")
        wanted = [*(prefix + path for path in inner), *LOCATIONS, AGENT_SETTINGS]
        listed = self._git.list_tree(self._base.commit, sorted(wanted))
        self.entries |= {path: entry.blob for path, entry in listed.items() if entry.mode.startswith("100")}
        heads = (self._changed.paths.get(path) for path in self.entries)
        new = [entry.blob for entry in heads if entry is not None and entry.mode.startswith("100")]
        ids = [*self.entries.values(), *new, *self._changed.blobs()]
        for blob in self._git.cat_blobs([blob for blob in ids if blob not in self.blobs], PARSED_FILE_BYTES):
            if blob.data is not None:
                self.blobs[blob.id] = blob.data

    def _data(self, path: str) -> bytes | None:
        return self.blobs.get(self.entries.get(path, ""))

    def registries(self, names: set[str]) -> tuple[bytes | None, bytes | None] | None:
        """Both registries with only the prompts that matter: ``names``, grown by those whose labels differ.

        A registry that is not there is None; the whole answer is None where one cannot be narrowed: it
        is not written plainly, a block of lines a prompt, or only the disk has it.
        """
        path = f"{self._base.prefix}{self.settings.prompts}/registry.yaml"
        if path not in self.entries:
            return None if path in self._changed.paths else (None, None)
        old = _plain(self._data(path))
        new = old
        if path in self._changed.paths:
            entry = self._changed.paths[path]
            new = _plain(self.blobs.get(entry.blob)) if entry is not None else None
        if old is None or new is None:
            return None
        if old is not new:
            differing = set(_BLOCK.split(old)) ^ set(_BLOCK.split(new))
            names |= {block[: block.index(b":")].decode() for block in differing if _is_block(block)}
        text = _only(old, names)
        other = text if old is new else _only(new, names)
        return (text, other) if text is not None and other is not None else None


def _prompt_of(path: str, folder: str) -> str:
    """The id of the prompt that a file below the prompts folder belongs to; empty for files at its top."""
    inner = path[len(folder) + 1 :].rpartition("/")[0]
    parent, _, last = inner.rpartition("/")
    return parent if last in ("tests", "evidence") and parent else inner


def _plain(data: bytes | None) -> bytes | None:
    """A registry that is written plainly, a block of lines a prompt; None for any other, or an unknown one."""
    return data if data is not None and _PLAIN.match(data) is not None else None


def _is_block(block: bytes) -> bool:
    return bool(block) and block[:1] not in b" #\r\n"


def _only(data: bytes, names: set[str]) -> bytes | None:
    """A plain registry with these prompts alone; None where it has one of them twice."""
    blocks = [_block(data, name.encode()) for name in sorted(names)]
    return None if None in blocks else b"".join(block for block in blocks if block)


def _block(data: bytes, name: bytes) -> bytes | None:
    """The lines of a prompt in a plain registry, empty where it has none; None where it has several."""
    key = name + b":"
    starts = [0] if data.startswith(key) else []
    found = data.find(b"\n" + key)
    while found >= 0 and len(starts) < 2:
        starts.append(found + 1)
        found = data.find(b"\n" + key, found + 1)
    if len(starts) > 1:
        return None
    if not starts:
        return b""
    following = _BLOCK.search(data, starts[0] + 1)
    return data[starts[0] : following.start() if following else len(data)]
