"""A build: the catalog checked, and its outputs written only if nothing is wrong (design §6)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from catalog_tool.bundle import database, publish
from catalog_tool.bundle.skills_catalog import ListingBudget
from catalog_tool.bundle.writer import MANIFEST, Built, BuiltFile, BundleWriter, Stamp
from catalog_tool.checks.inspection import Inspection, Options, inspect
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.clock import now
from catalog_tool.errors import NO_ROOM, CatalogError
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.finding import Finding
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.history_dates import skill_dates
from catalog_tool.source.memory import Memory
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder, static_prefix
from catalog_tool.source.tree import RevisionTree, WorkTree, blob_id, tree_of

SHA1_HEX = 40


class BuildRequest(NamedTuple):
    """What to build: ``revision`` (None: the work tree) into ``out``; ``check`` only compares."""

    out: Path
    revision: str | None = None
    check: bool = False
    jobs: int = 1
    progress: Callable[[int, int], None] | None = None


class BuildResult(NamedTuple):
    """What came of it. ``digest`` is None where findings forbade the build.

    ``stale`` names the files of ``out`` that are not what would be built (only with ``check``);
    ``undated``: history is cut off, so skills have no dates.
    """

    digest: str | None
    files: list[BuiltFile]
    findings: list[Finding]
    summary: dict[str, int]
    stale: list[str]
    undated: bool


def build(place: Place, request: BuildRequest) -> BuildResult:
    """Build a catalog.

    Raises ``UsageError`` for an output folder that is refused, ``CatalogError`` for one without room, ``GitError``.
    """
    tree = tree_of(place, request.revision)
    with _told_of_no_room(request.out), ExitStack() as stack:
        sink = _Builder(place, request, stack)
        memory = Memory(place.root)
        options = Options(overlap=False, jobs=request.jobs, memory=memory, progress=request.progress)
        inspection = inspect(tree, options, sink)
        summary = summarize(inspection)
        if inspection.has_errors:
            return BuildResult(None, [], inspection.findings, summary, [], undated=False)
        built, undated = sink.finish(tree, inspection)
        stale = list(_differences(sink.folder, request.out, built)) if request.check else []
        if not request.check:
            publish.publish(sink.folder, request.out)
        return BuildResult(built.digest, built.files, inspection.findings, summary, stale, undated)


@contextmanager
def _told_of_no_room(out: Path) -> Iterator[None]:
    """A disk, quota or limit that the output does not fit in is named with the folder, also where SQLite meets it."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if isinstance(error, OSError) and error.errno not in NO_ROOM:
            raise
        why = error.strerror if isinstance(error, OSError) else f"{database.NAME}: {error}"
        raise CatalogError(f"--out {out}: {why}", hint="make room there, then build again") from error


def summarize(inspection: Inspection) -> dict[str, int]:
    """The counts of design §5's summary."""
    return {
        "prompts": len({record.id for record in inspection.versions}),
        "versions": len(inspection.versions),
        "skills": len(inspection.skills),
    }


class _Builder:
    """Takes the records of an inspection and writes them into the staging folder."""

    def __init__(self, place: Place, request: BuildRequest, stack: ExitStack) -> None:
        self._place = place
        self._request = request
        self._stack = stack
        self._folders: dict[str, SkillFolder] = {}
        self.folder = Path()
        self._writer: BundleWriter | None = None

    def start(self, files: CatalogFiles) -> None:
        """Refuse a bad output folder, then open the staging folder."""
        out = self._request.out
        sources = {files.settings.prompts, *(static_prefix(glob) for glob in files.settings.skills)} - {""}
        publish.check_output(out, Path(self._place.root), sorted(sources))
        if self._request.check:
            self.folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="catalog-"))) / "out"
        else:
            self.folder = self._stack.enter_context(publish.staging(out))
        self._folders = {folder.path: folder for folder in files.skills}
        self._writer = BundleWriter(self.folder, files.labels)
        self._stack.callback(self._writer.discard)

    def _open(self) -> BundleWriter:
        if self._writer is None:
            raise ValueError("the build has not started")
        return self._writer

    def version(self, record: PromptRecord) -> None:
        """Write one version."""
        self._open().add_version(record.id, record.version, record.digest, record.entry)

    def skill(self, record: SkillRecord) -> None:
        """Write one skill."""
        known = self._folders[record.skill.path].files
        blobs = {}
        for path, data in record.contents.items():
            blob = known[path].blob
            blobs[path] = blob if blob is not None and len(blob) == SHA1_HEX else blob_id(data)
        if len(record.contents) == len(record.skill.files):
            self._open().add_skill(record.skill, record.contents, blobs)

    def finish(self, tree: WorkTree | RevisionTree, inspection: Inspection) -> tuple[Built, bool]:
        """Write the rest; whether dates are missing because history is cut off."""
        commit = tree.commit if isinstance(tree, RevisionTree) else tree.head
        paths = [f"{record.skill.path}/{SKILL_FILE}" for record in inspection.skills]
        dates, undated = {}, False
        if tree.git is not None and commit is not None:
            undated = tree.git.is_shallow()
            dates = {} if undated else skill_dates(tree.git, commit, tree.prefix, paths)
        modified = isinstance(tree, WorkTree) and tree.is_modified
        limits = ListingLimits(inspection.files.agent_settings)
        budget = ListingBudget(limits.entry_chars, limits.budget_chars)
        return self._open().finish(budget, dates, Stamp(None if modified else commit, now())), undated


def _differences(fresh: Path, out: Path, built: Built) -> Iterator[str]:
    """The files of ``out`` that are not what was just built in ``fresh``."""
    for file in built.files:
        old = out / file.name
        try:
            same = old.stat().st_size == file.size and old.read_bytes() == (fresh / file.name).read_bytes()
        except OSError:
            same = False
        if not same and not (file.name == database.NAME and _same_rows(old, fresh / file.name)):
            yield file.name
    if _manifest(out) != _manifest(fresh):
        yield MANIFEST
    known = {file.name for file in built.files} | {MANIFEST}
    for path in sorted(out.rglob("*")) if out.is_dir() else ():
        name = path.relative_to(out).as_posix()
        if path.is_file() and name not in known:
            yield name


def _manifest(folder: Path) -> dict[str, object] | None:
    """What a manifest says of the build itself, without the commit, the time, and one SQLite's bytes."""
    try:
        path = folder / MANIFEST
        document = json.loads(path.read_bytes()) if path.is_file() else None
        files = [file for file in document["files"] if file["name"] != database.NAME] if document else []
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(document, dict):
        return None
    return {**document, "files": files, "commit": None, "built_at": None}


def _same_rows(first: Path, second: Path) -> bool:
    """Whether two databases hold the same: another SQLite version may lay pages out in another way."""
    try:
        return _dump(first) == _dump(second)
    except (sqlite3.Error, OSError):
        return False


def _dump(path: Path) -> Sequence[str]:
    if not path.is_file():
        raise OSError(path)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return list(connection.iterdump())
