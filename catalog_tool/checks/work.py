"""The work on single artifacts, in this process or spread over several, always in the order asked for.

What an earlier run recorded of the same content is taken as it is.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.checks.prompt_record import PromptRecord, record_prompt
from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.skill_record import SkillRecord, record_skill
from catalog_tool.model.codes import finding
from catalog_tool.model.limits import PARSED_FILE_BYTES, SKILL_FILE_BYTES
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import SharedParts
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder
from catalog_tool.source.tree import EXECUTABLE, FILE, Content, Entry, Tree

CHUNK = 200
"""Artifacts that one process gets at a time."""

Record = PromptRecord | SkillRecord


class Work(NamedTuple):
    """One artifact to read: a version or a skill, with its files by path from the catalog's root."""

    entries: Mapping[str, Entry]
    version: VersionFile | None = None
    skill: SkillFolder | None = None
    known: Record | None = None

    @property
    def key(self) -> str | None:
        """What the record is stored under; None where a file is on disk only."""
        blobs = []
        for path, entry in self.entries.items():
            if entry.blob is None:
                return None
            blobs.append(f"{entry.mode} {entry.blob} {path}")
        owner = self.version.path if self.version else self.skill.key if self.skill else ""
        return "\n".join([owner, *blobs])


class Worker:
    """Reads and checks artifacts of one tree; can be sent to another process."""

    def __init__(
        self, tree: Tree, shared: SharedParts, profile: str, team: Mapping[str, Any], *, keep_contents: bool
    ) -> None:
        self._tree = tree
        self._shared = shared
        self._profile = profile
        self._team = dict(team)
        self._keep_contents = keep_contents
        self._engines: tuple[PromptSchemas, ProfileCheck] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engines": None}

    def _checks(self) -> tuple[PromptSchemas, ProfileCheck]:
        if self._engines is None:
            team = {kind: SchemaEngine(schema) for kind, schema in self._team.items()}
            prompts = PromptSchemas(SchemaEngine(load_schema("prompt")), team.get("prompt"))
            self._engines = prompts, ProfileCheck(self._profile, team.get("skill"))
        return self._engines

    def run(self, batch: Sequence[Work]) -> list[Record]:
        """The records of a batch, in its order."""
        records: list[Record] = []
        contents = self._read(batch)
        for work in batch:
            files = {path: contents.pop(path) for path in work.entries if path in contents}
            records.append(self._record(work, files))
        return records

    def _record(self, work: Work, files: Mapping[str, Content]) -> Record:
        if isinstance(work.known, SkillRecord):
            return work.known._replace(contents=_inner_contents(work.known.skill.path, files))
        if work.known is not None:
            return work.known
        return self._version(work.version, files) if work.version else self._skill(work.skill, files)

    def _read(self, batch: Sequence[Work]) -> dict[str, Content]:
        parsed: dict[str, Entry] = {}
        other: dict[str, Entry] = {}
        for work in batch:
            if work.known is not None and not (self._keep_contents and work.skill):
                continue
            for path, entry in work.entries.items():
                if entry.mode in (FILE, EXECUTABLE):
                    small = work.version is not None or path.endswith(f"/{SKILL_FILE}")
                    (parsed if small else other)[path] = entry
        found = {content.path: content for content in self._tree.read(parsed, PARSED_FILE_BYTES)}
        if other:
            found.update((content.path, content) for content in self._tree.read(other, SKILL_FILE_BYTES))
        return found

    def _version(self, file: VersionFile, files: Mapping[str, Content]) -> PromptRecord:
        content = files[file.path]
        if content.data is not None:
            return record_prompt(file, content.data, self._shared, self._checks()[0])
        flaw = content.flaw or Flaw("Y001", "cannot be read")
        found = finding(flaw.code, flaw.message, file.path, artifact=f"{file.id}@{file.version}")
        return PromptRecord(file.id, file.version, file.path, "", (), {}, [found], b"")

    def _skill(self, folder: SkillFolder | None, files: Mapping[str, Content]) -> SkillRecord:
        if folder is None:
            raise ValueError("work without an artifact")
        cut = len(folder.path) + 1
        contents: dict[str, bytes | Flaw] = {}
        for path, content in files.items():
            flaw = content.flaw or Flaw("Y001", "cannot be read")
            contents[path[cut:]] = content.data if content.data is not None else flaw
        record = record_skill(folder, contents, self._checks()[1])
        return record if self._keep_contents else record.bare()


def _inner_contents(folder: str, files: Mapping[str, Content]) -> dict[str, bytes]:
    cut = len(folder) + 1
    return {path[cut:]: content.data for path, content in files.items() if content.data is not None}


_share: list[tuple[Worker, Sequence[Sequence[Work]]]] = []
"""What a child process works on, put there by its initializer: to send each batch would cost more."""


def _take_share(worker: Worker, batches: Sequence[Sequence[Work]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    _share[:] = [(worker, batches)]


def _run_here(number: int) -> list[Record]:
    worker, batches = _share[0]
    return worker.run(batches[number])


def run_all(worker: Worker, work: Sequence[Work], jobs: int) -> Iterator[Record]:
    """The record of every piece of work, in order, from ``jobs`` processes."""
    batches = [work[start : start + CHUNK] for start in range(0, len(work), CHUNK)]
    if jobs > 1 and sum(item.known is None for item in work) > CHUNK:
        yield from _spread(worker, batches, jobs)
        return
    for batch in batches:
        yield from worker.run(batch)


def _spread(worker: Worker, batches: Sequence[Sequence[Work]], jobs: int) -> Iterator[Record]:
    """A few batches ahead of the reader, so that memory stays flat and nobody waits."""
    from concurrent.futures import (  # slow to import, and most runs need one process
        Future,
        ProcessPoolExecutor,
    )

    with ProcessPoolExecutor(jobs, initializer=_take_share, initargs=(worker, batches)) as pool:
        pending: deque[Future[list[Record]]] = deque()
        for number in range(len(batches)):
            pending.append(pool.submit(_run_here, number))
            if len(pending) > jobs * 2:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
