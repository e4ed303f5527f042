"""Evidence that a change takes away: recorded at its base, and not there any more.

Of several runs the newest decides, so whoever could delete that one would pick the best of many. A record of the base
that would decide and is gone leaves the gate without a verdict: it comes back, or goes in a change of its own, which
reviewers see as what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog_tool.gate.shelf import MoreEvidence, Sources, Stored, read_stored
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.tree import RevisionTree

GONE = (
    "it was there at {commit} and is gone: bring it back (`git checkout {commit} -- {path}`), "
    "or remove it in a change of its own, merged before this one"
)


class SinceBase(MoreEvidence):
    """Sources of a change, with what its base had recorded besides.

    ``present`` are the files of the change, ``base`` and ``files`` the tree that it is compared with; what that has of
    ``prompts`` is read now. GitError: git does not answer.
    """

    def __init__(
        self, sources: Sources, present: CatalogFiles, base: RevisionTree, files: CatalogFiles,
        prompts: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(sources)
        self._present = present
        self._base = base
        self._files = files
        self._then = read_stored(base, files, prompts, present.entries)

    def _more(self, prompt: str, own: Sequence[Stored]) -> Iterator[Stored]:
        """A record is known by its digest wherever it stands; one that could not be used by its file's name."""
        if prompt not in self._then:
            self._then |= read_stored(self._base, self._files, [prompt], self._present.entries)
        digests = {item.evidence.digest for item in own if item.evidence is not None}
        names = {_name(path) for path in self._present.layout.evidence.get(prompt, ())}
        for item in self._then[prompt]:
            said = GONE.format(commit=self._base.commit[:12], path=item.path)
            if item.evidence is None and _name(item.path) not in names:
                yield item._replace(flaw=said)
            elif item.evidence is not None and item.evidence.digest not in digests:
                yield item._replace(gone=said)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
