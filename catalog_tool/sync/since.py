"""Since when git has wanted what a target does not hold: how ``behind`` is told from ``pending`` (design §8)."""

from __future__ import annotations

from catalog_tool.model.addresses import LABEL, SKILL, parse_address, skill_address
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.git import Git
from catalog_tool.source.history_labels import labels_of
from catalog_tool.source.history_log import Step, first_parent_steps
from catalog_tool.source.history_parts import PartFile, PartReader, place_of
from catalog_tool.source.layout import SHARED, VersionFile
from catalog_tool.source.tree import RevisionTree, read_one
from catalog_tool.sync.wanted import REGISTRY, Reading


class WantedSince:
    """Answers for the objects of one reading. ``git`` None: nobody knows, and nothing is ever late."""

    def __init__(self, git: Git | None, reading: Reading) -> None:
        self._git = git
        self._reading = reading
        self._prompts = reading.files.settings.prompts
        self._folders = {skill_address(folder.key): folder.path for folder in reading.files.skills}

    def is_older(self, address: str, than: int) -> bool:
        """Whether git has said so since before ``than`` (seconds since the epoch).

        The time is the committer's of the first-parent commit where the desired digest appeared. Raises
        ``GitError`` where history cannot be read.
        """
        if self._git is None or self._reading.commit is None:
            return False
        for step in first_parent_steps(self._git, self._reading.commit, self._paths(address)):
            if _committed_at(self._git, step.commit) <= than:
                return True
            if self._appeared(self._git, step, address):
                return False
        return False

    def _paths(self, address: str) -> list[str]:
        """What decides about an object, from the top of the repository."""
        prefix = self._reading.files.prefix
        if address.startswith(SKILL):
            return [prefix + self._folders[address]]
        if address.startswith(LABEL):
            return [f"{prefix}{self._prompts}/{REGISTRY}"]
        name = parse_address(address).name
        return [f"{prefix}{self._prompts}/{name}", f"{prefix}{self._prompts}/{SHARED}"]

    def _appeared(self, git: Git, step: Step, address: str) -> bool:
        """Whether it was something else, or not there, before this step."""
        if address.startswith(SKILL) or not step.parents:
            return True
        tree = RevisionTree(git, step.parents[0], self._reading.files.prefix)
        if address.startswith(LABEL):
            return self._label_at(tree, address) != self._value(address)
        return self._digest_at(git, tree, address) != self._reading.versions[address].digest

    def _value(self, address: str) -> object:
        _, name, label = parse_address(address)
        return self._reading.labels[name][label].to_json()

    def _label_at(self, tree: RevisionTree, address: str) -> object:
        _, name, label = parse_address(address)
        path = f"{self._prompts}/{REGISTRY}"
        content = read_one(tree, path, PARSED_FILE_BYTES)
        found = None if content is None or content.data is None else labels_of(path, content.data, name)
        value = (found or {}).get(label)
        return None if value is None else value.to_json()

    def _digest_at(self, git: Git, tree: RevisionTree, address: str) -> str | None:
        _, name, version = parse_address(address)
        shared: dict[str, PartFile] = {}
        file: VersionFile | None = None
        blob = ""
        for path, entry in sorted(tree.list([f"{self._prompts}/{name}", f"{self._prompts}/{SHARED}"]).items()):
            place = place_of(path, self._prompts)
            if place.shared is not None:
                shared.setdefault(place.shared, PartFile(path, entry.blob or ""))
            elif place.version is not None and (place.version.id, place.version.version) == (name, version):
                file, blob = place.version, entry.blob or ""
        reader = PartReader(git)
        reader.load([blob, *(part.blob for part in shared.values())] if file is not None else [])
        found = None if file is None else reader.version(file, blob, shared)
        return None if found is None else found.digest


def _committed_at(git: Git, commit: str) -> int:
    out = git.run("log", "-1", "--no-show-signature", "--no-walk", "--format=%ct", commit)
    return int(out)
