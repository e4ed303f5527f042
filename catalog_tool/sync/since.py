"""Since when git has wanted what a target does not hold: how ``behind`` is told from ``pending`` (design §8)."""

from __future__ import annotations

from catalog_tool.canonical.jcs import digest_of_bytes
from catalog_tool.errors import GitError
from catalog_tool.model.addresses import LABEL, SKILL, parse_address, skill_address
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history_folders import Below, first_parent_line, settings_at
from catalog_tool.source.history_labels import labels_of
from catalog_tool.source.history_live import REGISTRY
from catalog_tool.source.history_log import Step, first_parent_steps
from catalog_tool.source.history_parts import PartFile, PartReader, place_of
from catalog_tool.source.layout import SHARED, VersionFile
from catalog_tool.source.tree import RevisionTree, read_one
from catalog_tool.sync.wanted import Reading

CONTENT, METADATA = "content", "metadata"
"""What may have appeared: that which the digest stands for, or what is kept with a version beside it."""


class WantedSince:
    """Answers for the objects of one reading. ``git`` None: nobody knows, and nothing is ever late."""

    def __init__(self, git: Git | None, reading: Reading) -> None:
        self._git = git
        self._reading = reading
        self._prefix = reading.files.prefix
        self._folders = {skill_address(folder.key): folder.path for folder in reading.files.skills}
        self._settings: Settings | None = None

    def is_older(self, address: str, than: int, kind: str = CONTENT) -> bool:
        """Whether git has said so since before ``than`` (seconds since the epoch); ``kind``: of what that is asked.

        The time is the committer's of the first-parent commit where the desired digest appeared, in whichever
        folder the prompts stood then. Raises ``GitError`` where history cannot be read.
        """
        git, commit = self._git, self._reading.commit
        if git is None or commit is None:
            return False
        if address.startswith(SKILL):
            steps = first_parent_steps(git, commit, [self._prefix + self._folders[address]])
            return bool(steps) and _committed_at(steps[0]) <= than
        line = first_parent_line(self._scope(git, commit, address))
        for step in line.steps:
            if _committed_at(step) <= than:
                return True
            if self._appeared(git, step, (address, kind), line.folder_before(step)):
                return False
        return False

    def _scope(self, git: Git, commit: str, address: str) -> Below:
        """What decides about a version or a label."""
        if self._settings is None:
            self._settings = settings_at(git, commit, self._prefix)
        inner = (REGISTRY,) if address.startswith(LABEL) else (parse_address(address).name, SHARED)
        return Below(git, commit, self._prefix, self._settings, inner)

    def _appeared(self, git: Git, step: Step, asked: tuple[str, str], folder: str) -> bool:
        """Whether it was something else, or not there, before this step; the prompts stood in ``folder`` then.

        ``asked``: an address, and what of it.
        """
        address, kind = asked
        if not step.parents:
            return True
        tree = RevisionTree(git, step.parents[0], self._prefix)
        if address.startswith(LABEL):
            return self._label_at(tree, address, folder) != self._value(address)
        before, now = self._version_at(git, tree, address, folder), self._reading.versions[address]
        if before is None:
            return True
        return digest_of_bytes(before.meta) != now.meta if kind == METADATA else before.digest != now.digest

    def _value(self, address: str) -> object:
        _, name, label = parse_address(address)
        return self._reading.labels[name][label].to_json()

    def _label_at(self, tree: RevisionTree, address: str, folder: str) -> object:
        _, name, label = parse_address(address)
        path = f"{folder}/{REGISTRY}"
        content = read_one(tree, path, PARSED_FILE_BYTES)
        found = None if content is None or content.data is None else labels_of(path, content.data, name)
        value = (found or {}).get(label)
        return None if value is None else value.to_json()

    def _version_at(self, git: Git, tree: RevisionTree, address: str, folder: str) -> PromptVersion | None:
        _, name, version = parse_address(address)
        shared: dict[str, PartFile] = {}
        file: VersionFile | None = None
        blob = ""
        for path, entry in sorted(tree.list([f"{folder}/{name}", f"{folder}/{SHARED}"]).items()):
            place = place_of(path, folder)
            if place.shared is not None:
                shared.setdefault(place.shared, PartFile(path, entry.blob or ""))
            elif place.version is not None and (place.version.id, place.version.version) == (name, version):
                file, blob = place.version, entry.blob or ""
        reader = PartReader(git)
        reader.load([blob, *(part.blob for part in shared.values())] if file is not None else [])
        return None if file is None else reader.version(file, blob, shared)


def _committed_at(step: Step) -> int:
    if step.at is None:
        raise GitError(f"the commit {step.commit[:12]} names no time", hint="run `git fsck`")
    return step.at
