"""Where a gate finds what it judges by: evidence, digests and history of one catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from catalog_tool.gate.decision import Record
from catalog_tool.gate.evidence import PASS, Evidence
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.label_history import Held, LabelHistories, LabelHistory
from catalog_tool.gate.records import EVIDENCE_BYTES, named_subject, read_evidence
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.git import Git
from catalog_tool.source.tree import EXECUTABLE, FILE, Entry, Tree

_NONE: Mapping[str, Entry] = {}
RESTORE = "it may be the newest run: make it whole again (`git checkout COMMIT -- {}` restores it)"


class Stored(NamedTuple):
    """One file of evidence, or why it cannot be used.

    ``about`` is the digest (or its start) of the content that a flawed record stands under; None: of any. ``gone``
    says of a record that can be used that the change which is judged took it away, and what to do.
    """

    path: str
    evidence: Evidence | None
    flaw: str | None = None
    about: str | None = None
    gone: str | None = None

    def is_open_about(self, digest: str | None) -> bool:
        """Whether this may be the newest run about that content, and nobody can know."""
        return self.flaw is not None and (self.about is None or digest is None or digest.startswith(self.about))


class Sources(Protocol):
    """What a judge asks for. Nothing here raises for what is merely missing: the answer is None or empty."""

    def digest(self, prompt: str, version: str) -> str | None:
        """The digest of a version's content, None where it cannot be read."""

    def stored(self, prompt: str) -> Sequence[Stored]:
        """All evidence about a prompt."""

    def history(self, prompt: str) -> LabelHistory | None:
        """Its labels over time, None without git."""

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        """The digest of what a version held when git gave it to a label, None where it cannot be read."""

    def dataset(self, prompt: str) -> str | None:
        """The digest of its golden tests as they stand, None where nobody can compute it."""


class MoreEvidence:
    """Sources to whose evidence something is added (``_more``); the rest is as they say. Each is asked for once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._all: dict[str, Sequence[Stored]] = {}

    def digest(self, prompt: str, version: str) -> str | None:
        """As the sources say."""
        return self._sources.digest(prompt, version)

    def stored(self, prompt: str) -> Sequence[Stored]:
        """The evidence of the sources, then what is added to it."""
        if prompt not in self._all:
            own = self._sources.stored(prompt)
            self._all[prompt] = [*own, *self._more(prompt, own)]
        return self._all[prompt]

    def history(self, prompt: str) -> LabelHistory | None:
        """As the sources say."""
        return self._sources.history(prompt)

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        """As the sources say."""
        return self._sources.had(prompt, label, version, held)

    def dataset(self, prompt: str) -> str | None:
        """As the sources say."""
        return self._sources.dataset(prompt)

    def _more(self, prompt: str, own: Sequence[Stored]) -> Iterable[Stored]:
        raise NotImplementedError


Digest = Callable[[str, str], str | None]
Dataset = Callable[[str], str | None]


class CatalogShelf:
    """The sources of one catalog: evidence of a tree, history of the first-parent line of a commit.

    ``digest`` and ``dataset`` compute what this floor cannot. Each prompt is read once. GitError: git does
    not answer.
    """

    def __init__(
        self, tree: Tree, files: CatalogFiles, digest: Digest, *, git: Git | None = None, commit: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:  # fmt: skip
        self._tree = tree
        self._files = files
        self._digest = digest
        self._histories = LabelHistories(git, commit, files.prefix) if git is not None and commit is not None else None
        self._dataset = dataset
        self._stored: dict[str, Sequence[Stored]] = {}

    def expect(self, prompts: Iterable[str]) -> None:
        """Read the evidence of all these prompts now, together: they will be asked for."""
        asked = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._stored]
        self._stored.update(read_stored(self._tree, self._files, asked))

    def digest(self, prompt: str, version: str) -> str | None:
        """The digest of a version's content, None where it cannot be read."""
        return self._digest(prompt, version)

    def stored(self, prompt: str) -> Sequence[Stored]:
        """All evidence in the tree, in ``prompts/ID/evidence``."""
        if prompt not in self._stored:
            self.expect([prompt])
        return self._stored[prompt]

    def history(self, prompt: str) -> LabelHistory | None:
        """Its labels on the line that ends in the commit; None without git or before the first commit."""
        return self._histories.of(prompt) if self._histories is not None else None

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        """The digest of what a version held when git gave it to a label."""
        return self._histories.had(prompt, label, version, held) if self._histories is not None else None

    def dataset(self, prompt: str) -> str | None:
        """The digest of its golden tests as they stand."""
        return self._dataset(prompt) if self._dataset is not None else None


def read_stored(
    tree: Tree, files: CatalogFiles, prompts: Sequence[str], known: Mapping[str, Entry] = _NONE
) -> dict[str, list[Stored]]:
    """The evidence of each of these prompts in a tree, by path; one read for all of them, without what is ``known``."""
    owners = {
        path: prompt
        for prompt in prompts
        for path in files.layout.evidence.get(prompt, ())
        if files.entries[path].mode in (FILE, EXECUTABLE) and known.get(path) != files.entries[path]
    }
    found: dict[str, list[Stored]] = {prompt: [] for prompt in prompts}
    for content in tree.read({path: files.entries[path] for path in owners}, EVIDENCE_BYTES) if owners else ():
        if content.data is None:
            read = Stored(content.path, None, content.flaw.message if content.flaw else "it cannot be read")
        else:
            read = stored_from(content.path, content.data)
        if read.flaw is not None:
            about = named_subject(content.path, content.data or b"")
            read = read._replace(flaw=f"{read.flaw}; {RESTORE.format(content.path)}", about=about)
        found[owners[content.path]].append(read)
    for stored in found.values():
        stored.sort(key=lambda item: item.path)
    return found


def stored_from(path: str, data: bytes) -> Stored:
    """One file of evidence from its bytes."""
    try:
        return Stored(path, read_evidence(data))
    except MalformedError as error:
        return Stored(path, None, error.message)


def record_of(stored: Iterable[Stored], digest: str | None, like: Evidence | None = None) -> Record:
    """What is recorded about one content: the newest run counts, so that nobody picks the best of many.

    ``like``: the candidate's, where the record is the baseline's; runs on the same dataset with the same judge
    are preferred, because only they compare. Of two that ended in the same second the one counts that makes
    it harder to allow: the candidate's worse, the baseline's better. One that would count and is ``gone`` makes the
    record changed.
    """
    listed = list(stored)
    flawed = [item for item in listed if item.flaw is not None]
    flaws = tuple(f"{item.path}: {item.flaw}" for item in flawed if not item.is_open_about(digest))
    changed = tuple(f"{item.path}: {item.flaw}" for item in flawed if item.is_open_about(digest))
    here = [item for item in _about(listed, digest) if item.gone is None]
    known = {item.evidence.digest for item in here if item.evidence is not None}
    gone = [item for item in _about(listed, digest) if item.evidence and item.evidence.digest not in known]
    newest = max(here, key=lambda item: _rank(item, like), default=None)
    missed = max([*here, *gone], key=lambda item: _rank(item, like), default=None)
    if missed is not None and missed.gone is not None:
        changed = (*changed, f"{missed.path}: {missed.gone}")
    evidence = newest.evidence if newest is not None else None
    return Record(evidence=evidence, runs=len(here), flaws=flaws, changed=changed)


def _about(stored: Iterable[Stored], digest: str | None) -> list[Stored]:
    """Those that can be used and are about this content."""
    return [item for item in stored if item.evidence is not None and item.evidence.prompt.digest == digest]


def _rank(item: Stored, like: Evidence | None) -> tuple[bool, int, int, str]:
    """The highest of these decides (``record_of``)."""
    run = item.evidence
    if run is None:
        return False, 0, 0, ""
    passed = run.counts()[PASS]
    return _compares(run, like), run.finished_at, passed if like is not None else -passed, run.digest or ""


def _compares(run: Evidence, like: Evidence | None) -> bool:
    return like is not None and run.dataset.digest == like.dataset.digest and run.judge.digest == like.judge.digest
