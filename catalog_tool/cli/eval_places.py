"""Where ``catalog eval`` writes, looked at before anybody is asked: a run costs money, and evidence is all of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.cli.context import lazily
from catalog_tool.errors import BackendError, UsageError
from catalog_tool.evals.publish import write_whole
from catalog_tool.gate.evidence import Evidence
from catalog_tool.gate.records import evidence_bytes, evidence_path
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.settings import Settings
from catalog_tool.source.root import Place

FILES = ("metrics", "cases_out", "watermark")


class Places(NamedTuple):
    """A folder and a target for evidence, None for none."""

    folder: Path | None
    target: TargetEvidence | None

    def keep(self, records: Iterable[Evidence]) -> tuple[list[str], list[str]]:
        """Write each record to each; where they are now, and what could not be written: the run was paid for anyway."""
        written: list[str] = []
        troubles: list[str] = []
        ways = [way for way, place in ((self._to_folder, self.folder), (self._to_target, self.target)) if place]
        for record in records:
            for way in ways:
                try:
                    written.append(way(record))
                except BackendError as error:
                    troubles.append(f"the evidence about {record.prompt.id}@{record.prompt.version}: {error.message}")
        return written, troubles

    def _to_folder(self, record: Evidence) -> str:
        path = (self.folder or Path()) / Path(evidence_path("prompts", record)).name
        write(path, evidence_bytes(record))
        return path.as_posix()

    def _to_target(self, record: Evidence) -> str:
        return self.target.keep(record) if self.target is not None else ""


@contextmanager
def places_for(place: Place, settings: Settings, prompt: str, asked: Mapping[str, Any]) -> Iterator[Places]:
    """Where the evidence about a prompt goes, by ``--out`` and ``--store``.

    UsageError: it cannot go there. BackendError: the target does not answer.
    """
    folder = Path(asked["out"]) if asked["out"] else None
    if folder is not None:
        check_folder(folder, "--out")
    if asked["store"] is None:
        yield Places(folder, None)
        return
    with lazily("cli.evidence_store:evidence_on")(place, settings, asked["store"]) as target:
        target.stored([prompt])  # a target that does not answer is found out now
        yield Places(folder, target)


def check_folder(folder: Path, option: str) -> None:
    """Raise ``UsageError`` for a folder in which no file can be made; one that is not there can be made with it."""
    nearest = next(found for found in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(found))
    if not nearest.is_dir():
        raise UsageError(f"{option} {folder}: {nearest} is not a folder", hint="name a folder, or one to be made")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{option} {folder}: {nearest} cannot be written", hint="check its permissions")


def check_files(asked: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` for a file of ``FILES`` that is a folder, or in whose folder no file can be made."""
    for name in FILES:
        if asked[name]:
            path, option = Path(asked[name]), f"--{name.replace('_', '-')}"
            if path.is_dir():
                raise UsageError(f"{option} {path} is a folder", hint="name a file")
            check_folder(path.parent, option)


def write(path: Path, data: bytes) -> None:
    """Write a file as a whole. Raises ``BackendError``."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise BackendError(f"{path} cannot be written: {error.strerror}") from error
