"""Evidence before and after: records that a change takes away or writes anew, with what they said.

A gate counts the newest run about a content, so where a failing record goes an older one may count.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from catalog_tool.clock import iso
from catalog_tool.diff.changes import MODIFIED, TEST, Change, Detail, detail
from catalog_tool.diff.sides import TreeSide
from catalog_tool.gate.evidence import OUTCOMES, Evidence
from catalog_tool.gate.shelf import Stored, read_stored
from catalog_tool.source.tree import Entry

RECORDS = 200
"""Records that are read to tell what they said; of more it is told that they went."""
_PATH = "/evidence/"
"""How the path of each such detail begins."""
_WORDS = dict(zip(OUTCOMES, ("passed", "failed", "had errors", "skipped", "undecided"), strict=True))


class _Prompt:
    """The evidence of one prompt on both sides, by the names of its files."""

    def __init__(self, base: TreeSide, head: TreeSide, ids: tuple[str, str]) -> None:
        self.former, self.name = ids
        self.old, self.new = _files(base, self.former), _files(head, self.name)
        same = {
            file
            for file, (_, entry) in self.old.items()
            if file in self.new and entry == self.new[file][1] and entry.blob is not None
        }
        self.gone = [path for file, (path, _) in self.old.items() if file not in same]
        self.same = {path: entry for file, (path, entry) in self.new.items() if file in same}

    def details(self, old: Mapping[str, Stored], kept: frozenset[str | None]) -> Iterator[Detail]:
        """What became of each record that is not what it was; ``kept`` are the digests of those that are new."""
        for path in self.gone:
            file, stored = posixpath.basename(path), old.get(path)
            record = stored.evidence if stored is not None else None
            if (record is not None and record.digest in kept) or (record is None and file in self.new):
                continue  # it stands elsewhere; or was of no use, or is one of too many, and stands here still
            went = "is another one now" if file in self.new else "went"
            before = {"version": record.prompt.version, "counts": record.counts()} if record is not None else None
            message = f"{_record(record)} {went}" + (f": {_said(record)}" if record is not None else "")
            message = message if stored is None or record is not None else f"{message}: it could not be used"
            yield detail("test-weakened", f"{_PATH}{file}", before, None, message, op="removed")


def lost_evidence(base: TreeSide, head: TreeSide, prompts: Mapping[str, str]) -> Iterator[Change]:
    """A change for each prompt with records that are gone or others now; ``prompts``: old → new id of those kept.

    A record that stands in another file now is not gone. Raises ``GitError`` where objects cannot be read.
    """
    found = [_Prompt(base, head, ids) for ids in sorted(prompts.items())]
    found = [prompt for prompt in found if prompt.gone]
    read = set([path for prompt in found for path in prompt.gone][:RECORDS])
    rest = {path: entry for prompt in found for path, entry in prompt.old.values() if path not in read}
    old = read_stored(base.tree, base.files, [prompt.former for prompt in found], rest)
    same = {path: entry for prompt in found for path, entry in prompt.same.items()}
    new = read_stored(head.tree, head.files, [prompt.name for prompt in found], same)
    for prompt in found:
        kept = frozenset(item.evidence.digest for item in new[prompt.name] if item.evidence is not None)
        details = tuple(prompt.details({item.path: item for item in old[prompt.former]}, kept))
        if details:
            yield Change(prompt.name, TEST, MODIFIED, None, None, details, file=prompt.gone[0])


def is_about_evidence(change: Change) -> bool:
    """Whether it is what ``lost_evidence`` found."""
    return change.kind == TEST and all(item.path.startswith(_PATH) for item in change.details)


def _files(side: TreeSide, name: str) -> dict[str, tuple[str, Entry]]:
    paths = side.files.layout.evidence.get(name, ())
    return {posixpath.basename(path): (path, side.files.entries[path]) for path in paths}


def _record(record: Evidence | None) -> str:
    return f"the record of {record.prompt.version} of {iso(record.finished_at)}" if record is not None else "a record"


def _said(record: Evidence) -> str:
    """``3 cases: 2 passed, 1 failed``."""
    counts = record.counts()
    total = counts.pop("total")
    found = ", ".join(f"{number} {_WORDS[outcome]}" for outcome, number in counts.items() if number)
    return f"{total} case{'s' * (total != 1)}: {found or 'none'}"
