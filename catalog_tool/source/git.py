"""git as a plumbing process, and nothing of a hostile repository is run.

A repository's own configuration can name programs (fsmonitor, hooks, filters, helpers of remotes)
and another work tree. Every call here therefore strips ``GIT_*``, overrides what could start a
process, resolves a revision once and then reads objects by their hexadecimal id. Paths are literal.
GitPython serves history (``history.py``); these calls are the ones that every run makes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.source.git_output import (
    Blob,
    Index,
    Status,
    TreeEntry,
    git_error,
    parse_index,
    parse_status,
    parse_tree,
    parse_unwatched,
    read_blob,
    status_arguments,
)
from catalog_tool.source.on_disk import refuse_unseen, stat_of
from catalog_tool.source.spawn import Done, Running, spawn

_OVERRIDES = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "submodule.recurse=false",
    "status.submoduleSummary=false",
    "status.showUntrackedFiles=all",
    "diff.external=",
    "log.showSignature=false",
    "core.pager=cat",
)


_SHORTEST_ID = 40


class Started(NamedTuple):
    """A git command that is running."""

    name: str
    process: Running

    def finish(self) -> bytes:
        """Its standard output. Raises ``GitError`` with git's own words."""
        done = self.process.finish()
        if done.code != 0:
            raise git_error(self.name, done.err.decode(errors="replace"))
        return done.out

    def finish_quietly(self) -> bytes:
        """As ``finish``, but a command that has anything to say on stderr did not see everything: ``GitError``."""
        done = self.process.finish()
        if done.code != 0 or done.err:
            raise git_error(self.name, done.err.decode(errors="replace"))
        return done.out

    def stop(self) -> None:
        """End it: its answer is not wanted any more."""
        self.process.stop()


def environment() -> dict[str, str]:
    """The environment of a git process: nothing inherited can redirect it or ask a question."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ATTR_NOSYSTEM": "0",
        "LC_ALL": "C",
    }


def find_repository(start: str) -> str | None:
    """The nearest folder at or above the absolute path ``start`` that holds ``.git``; None outside git."""
    folder = start
    while not os.path.exists(f"{folder}/.git"):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


class Git:
    """Plumbing calls on the repository whose work tree is ``top``, an absolute path."""

    def __init__(self, top: str) -> None:
        self.top = top
        self._base: list[str] | None = None

    def _command(self, arguments: Sequence[str]) -> list[str]:
        if self._base is None:
            overrides = [*_OVERRIDES, *self._filter_overrides()]
            self._base = [
                "--work-tree",
                self.top,
                *(part for item in overrides for part in ("-c", item)),
            ]
        return [*self._base, *arguments]

    def _filter_overrides(self) -> list[str]:
        """Filters that the repository's own configuration names, switched off.

        The user's own (global) filters stay: they are part of how that user's git works.
        """
        try:
            with open(f"{self.git_dir()}/config", encoding="utf-8", errors="replace") as file:
                local = file.read().lower()
        except OSError:
            return []
        if "filter" not in local and "include" not in local and "worktreeconfig" not in local:
            return []
        listed = self._raw(["config", "--includes", "-z", "--name-only", "--get-regexp", r"^filter\."])
        keys = listed.decode(errors="replace").split("\0")
        names = {key.split(".", 1)[1].rpartition(".")[0] for key in keys if "." in key}
        safe = sorted(name for name in names if name and "=" not in name and "\n" not in name)
        if len(safe) != len(names - {""}):
            raise GitError("the repository's configuration names a filter that cannot be switched off")
        return [
            f"filter.{name}.{setting}"
            for name in safe
            for setting in ("clean=", "smudge=", "process=", "required=false")
        ]

    def git_dir(self) -> str:
        """The repository's git folder (the common one of linked work trees), through a ``.git`` file."""
        marker = f"{self.top}/.git"
        if os.path.isdir(marker):
            return marker
        try:
            folder = os.path.join(self.top, _first_line(marker).removeprefix("gitdir:").strip())
            common = f"{folder}/commondir"
            return os.path.normpath(os.path.join(folder, _first_line(common))) if os.path.isfile(common) else folder
        except OSError as error:
            raise GitError(f"{marker}: {error.strerror}") from error

    def _raw(self, command: list[str]) -> bytes:
        done = self._spawn(command).finish()
        return done.out if done.code == 0 else b""

    def _spawn(self, command: list[str], given: bytes = b"") -> Running:
        try:
            return spawn(["git", "-C", self.top, *command], environment(), given)
        except FileNotFoundError as error:
            raise GitError("git is not installed", hint="install git 2.30 or newer") from error

    def _done(self, arguments: Sequence[str]) -> Done:
        return self._spawn(self._command(arguments)).finish()

    def run(self, *arguments: str) -> bytes:
        """The standard output of one git command. Raises ``GitError`` with git's own words."""
        done = self._done(arguments)
        if done.code != 0:
            raise git_error(arguments[0], done.err.decode(errors="replace"))
        return done.out

    def start(self, *arguments: str) -> Started:
        """Start a git command whose answer is fetched later, so that two can run at once."""
        return Started(arguments[0], self._spawn(self._command(arguments)))

    def resolve(self, revision: str) -> str:
        """The commit id of a revision. Raises ``GitError`` where there is none."""
        found = self.find(revision)
        if found is None:
            raise GitError(
                f"the revision {revision!r} cannot be resolved",
                hint="check its spelling; in CI fetch the history (fetch-depth: 0)",
            )
        return found

    def find(self, revision: str) -> str | None:
        """The commit id of a revision, or None."""
        if not revision or "\0" in revision or "\n" in revision:
            return None
        try:
            out = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitError as error:
            if error.hint:
                raise
            return None
        return out.decode().strip() or None

    def look_up(self, names: Sequence[str]) -> list[str | None]:
        """The id of the object that each name means, or None where there is none; all from one process."""
        if any(not name or "\0" in name or "\n" in name for name in names):
            raise GitError("no name of an object is empty or holds NUL or a line feed")
        given = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
        done = self._spawn(self._command(["cat-file", "--batch-check=%(objectname)"]), given).finish()
        lines = done.out.split(b"\n")[:-1]
        if done.code != 0 or len(lines) != len(names):
            raise git_error("cat-file", done.err.decode(errors="replace"))
        return [line.decode() if len(line) >= _SHORTEST_ID and b" " not in line else None for line in lines]

    def merge_base(self, first: str, second: str) -> str | None:
        """The best common ancestor of two commit ids, or None where there is none (or history is cut off)."""
        try:
            return self.run("merge-base", first, second).decode().split("\n")[0] or None
        except GitError:
            return None

    def tree_of(self, commit: str) -> str:
        """The id of a commit's root tree."""
        return self.run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").decode().strip()

    def list_tree(self, tree: str, paths: Sequence[str] = ()) -> dict[str, TreeEntry]:
        """Every file below ``paths`` (all, where empty) at a tree or commit id, submodules included."""
        out = self.run("ls-tree", "-r", "-z", "--full-tree", tree, *(["--", *paths] if paths else []))
        return dict(parse_tree(out))

    def list_index(self, paths: Sequence[str] = ()) -> Index:
        """Every file of the index below ``paths``; of a merge conflict the first stage that is there.

        Raises ``GitError`` where git was told not to look at a file and nobody can see whether it is on disk.
        """
        out = self.run("ls-files", "-z", "-v", "--stage", *(["--", *paths] if paths else []))
        found: dict[str, TreeEntry] = {}
        unwatched = []
        for path, entry, watched in parse_index(out):
            found.setdefault(path, entry)
            if not watched and stat_of(f"{self.top}/{path}") is not None:
                unwatched.append(path)
        return Index(found, unwatched)

    def index_file(self) -> str:
        """The file that holds the index of this work tree: its own where the repository has several."""
        marker = f"{self.top}/.git"
        if os.path.isdir(marker):
            return f"{marker}/index"
        return os.path.join(self.top, _first_line(marker).removeprefix("gitdir:").strip(), "index")

    def status(self, paths: Sequence[str] = ()) -> Status:
        """HEAD's commit, what differs from it in the index or on disk, and untracked files.

        Raises ``GitError`` where a file or folder could not be looked at.
        """
        return _read_status(self.start(*status_arguments(paths)))

    def list_with_status(self, paths: Sequence[str]) -> tuple[Index, Status]:
        """The index and the status, from two processes at once. Raises as each of them does."""
        asked = self.start(*status_arguments(paths))
        try:
            index = self.list_index(paths)
        except GitError:
            asked.stop()
            raise
        return index, _read_status(asked)

    def status_with_unwatched(self, paths: Sequence[str] = ()) -> tuple[Status, list[str]]:
        """The status, and the files on disk that git was told not to look at: it says nothing of those."""
        asked = self.start(*status_arguments(paths))
        try:
            out = self.run("ls-files", "-z", "-v", *(["--", *paths] if paths else []))
            unwatched = [path for path in parse_unwatched(out) if stat_of(f"{self.top}/{path}") is not None]
        except GitError:
            asked.stop()
            raise
        return _read_status(asked), unwatched

    def may_convert(self) -> bool:
        """Whether settings outside the tree make a checkout write other bytes than git stores.

        ``.gitattributes`` in the tree do so too; they are the caller's to look for.
        """
        settings = self._raw(self._command(["config", "-z", "--get-regexp", r"^core\.(autocrlf|attributesfile)$"]))
        if any(record.split(b"\n")[-1].lower() not in (b"false", b"") for record in settings.split(b"\0") if record):
            return True
        home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        places = (f"{self.git_dir()}/info/attributes", f"{home}/git/attributes", "/etc/gitattributes")
        return any(os.path.exists(place) for place in places)

    def trusts_modes(self) -> bool:
        """Whether the disk says what is executable; where it cannot (Windows, shares), git's index does."""
        said = self._raw(self._command(["config", "--type=bool", "--get", "core.fileMode"]))
        return said.strip() != b"false"

    def is_shallow(self) -> bool:
        """Whether history is cut off."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def cat_blobs(self, blobs: Iterable[str], limit: int) -> Iterator[Blob]:
        """Each blob once, in the order asked for, from one process; no content beyond ``limit`` bytes.

        Raises ``GitError`` where an object is missing or is no blob.
        """
        wanted = list(dict.fromkeys(blobs))
        if not wanted:
            return
        import subprocess  # slow to import, and most runs read no blob
        import tempfile

        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{blob}\n" for blob in wanted).encode())
            asked.seek(0)
            process = subprocess.Popen(  # noqa: S603 - a fixed program, arguments by list
                ["git", "-C", self.top, *self._command(["cat-file", "--batch", "--buffer"])],  # noqa: S607
                env=environment(), stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            with process:
                try:
                    for blob in wanted:
                        yield read_blob(_pipe(process.stdout), blob, limit)
                finally:
                    process.kill()


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.readline().strip()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise GitError("git cat-file gave no pipe")
    return stream


def _read_status(asked: Started) -> Status:
    done = asked.process.finish()
    if done.code != 0:
        raise git_error("status", done.err.decode(errors="replace"))
    refuse_unseen(done.err)
    return parse_status(done.out)
