"""Only what may differ: git compares the trees, and of the prompts only the folders that changed are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.layout import SHARED
from catalog_tool.source.settings import read_settings
from catalog_tool.source.skill_folders import static_prefix
from catalog_tool.source.tree import Content, Entry, RevisionTree, Tree, WorkTree, read_one

FOLDERS = 500
"""Changed prompts up to which listing their folders alone pays."""
_HEAD = re.compile(r"([a-z][a-z0-9_/-]*):(?:[ \t].*)?\Z", re.ASCII)

GitTree = RevisionTree | WorkTree


class NarrowTree:
    """A tree of which listing shows only some of the prompts (and no skills, where they are left out).

    ``swaps`` maps a path from the top of the repository, as it would be listed, to those listed
    instead; ``texts`` holds what reading a path gives instead of its content.
    """

    def __init__(self, tree: GitTree, swaps: Mapping[str, Sequence[str]], texts: Mapping[str, bytes]) -> None:
        self.prefix = tree.prefix
        self._tree = tree
        self._swaps = swaps
        self._texts = texts

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Every file below ``paths`` that is not left out."""
        inner = [other for path in paths for other in self._swaps.get(self.prefix + path, [self.prefix + path])]
        cut = len(self.prefix)
        return self._tree.list(sorted({path[cut:] for path in inner}))

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """The contents, in the entries' order."""
        found = {path: entry for path, entry in entries.items() if self.prefix + path not in self._texts}
        contents = self._tree.read(found, limit)
        for path in entries:
            text = self._texts.get(self.prefix + path)
            yield Content(path, text) if text is not None else next(contents)

    def top(self) -> NarrowTree:
        """The same view from the top of the repository."""
        return NarrowTree(self._tree.top(), self._swaps, self._texts)


def narrowed(base: GitTree, head: GitTree) -> tuple[Tree, Tree]:
    """Both trees, showing only what may differ between them and what that needs; or as they are.

    They stay as they are where settings or shared parts differ, because any prompt may then.
    """
    git = base.git
    paths = _changed(git, base, head) if git is not None and git is head.git else None
    settings = settings_of(base) if paths is not None else None
    if paths is None or settings is None or base.prefix != head.prefix:
        return base, head
    prefix, folder = base.prefix, base.prefix + settings.prompts
    if any(path == f"{prefix}catalog.yaml" or path.startswith(f"{folder}/{SHARED}/") for path in paths):
        return base, head
    registry = f"{folder}/registry.yaml"
    prompts = {_prompt_of(path, folder) for path in paths if path.startswith(f"{folder}/")}
    names = {path[len(folder) + 1 :] for path in prompts if path != folder}
    texts = _registries(base, head, f"{settings.prompts}/registry.yaml", names)
    if texts is None or len(names) > FOLDERS:
        return base, head
    listed = [registry, f"{folder}/{SHARED}", *(f"{folder}/{name}" for name in sorted(names))]
    swaps: dict[str, list[str]] = {folder: listed}
    skills = [prefix + static_prefix(glob) for glob in settings.skills]
    if all(skill != prefix.rstrip("/") and skill != folder for skill in skills):
        touched = any(path.startswith(tuple(f"{skill}/" for skill in skills)) or path in skills for path in paths)
        swaps |= {} if touched else {skill: [] for skill in skills}
    return NarrowTree(base, swaps, texts[0]), NarrowTree(head, swaps, texts[1])


def _changed(git: Git, base: GitTree, head: GitTree) -> set[str] | None:
    """Every path, from the top, that may differ; None where nobody can say."""
    if not isinstance(base, RevisionTree):
        return None
    commit = head.commit if isinstance(head, RevisionTree) else git.find("HEAD")
    if commit is None:
        return None
    below = ["--", base.prefix] if base.prefix else []
    out = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", base.commit, commit, *below)
    found = {path for path in out.decode(errors="surrogateescape").split("\0") if path}
    if isinstance(head, WorkTree):
        status = git.status([base.prefix] if base.prefix else [])
        found |= {*status.changed, *status.untracked}
    return found


def settings_of(tree: GitTree) -> Settings:
    """The settings of a tree, and of it only ``catalog.yaml`` is looked at."""
    content = read_one(tree, "catalog.yaml", PARSED_FILE_BYTES)
    return read_settings(content.data if content is not None else None)[0]


def _prompt_of(path: str, folder: str) -> str:
    """The folder of the prompt that a file below the prompts folder belongs to."""
    inner = path.rpartition("/")[0]
    parent, _, last = inner.rpartition("/")
    return parent if last in ("tests", "evidence") and parent.startswith(folder) else inner


def _registries(
    base: GitTree, head: GitTree, path: str, names: set[str]
) -> tuple[dict[str, bytes], dict[str, bytes]] | None:
    """Both registries with only the prompts that matter: ``names``, grown by those whose labels differ.

    None where a registry is not written plainly, a block of lines a prompt.
    """
    blocks = []
    for tree in (base, head):
        content = read_one(tree, path, PARSED_FILE_BYTES)
        found = _blocks(content.data) if content is not None and content.data is not None else {}
        if found is None or (content is not None and content.data is None):
            return None
        blocks.append(found)
    old, new = blocks
    names |= {name for name in {*old, *new} if old.get(name) != new.get(name)}
    full = base.prefix + path
    return (
        {full: b"".join(old[name] for name in sorted(names) if name in old)},
        {full: b"".join(new[name] for name in sorted(names) if name in new)},
    )


def _blocks(data: bytes) -> dict[str, bytes] | None:
    """The lines of each prompt in a registry; None where it is written in another way."""
    try:
        lines = data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line[0] in " \n#" or line == "\r\n":
            if name:
                found[name].append(line)
            continue
        head = _HEAD.match(line.rstrip("\r\n"))
        if head is None or head[1] in found:
            return None
        name = head[1]
        found[name] = [line]
    return {name: "".join(block).encode() for name, block in found.items()}
