"""The proposal to take skills out that nobody uses: a branch, one commit an owner, the evidence in each message.

Neither the work tree nor the index nor the branch that is checked out is touched: a temporary index, new
objects, and one new ref. Nothing of the repository is run: no hook, no filter. What is done with a
skill is the policy: ``move`` takes its folder out of where agents look, ``mark`` writes into its front matter
that it is to go.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.source.front_matter import read_front_matter, split_front_matter
from catalog_tool.source.git import Git, environment
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import SKILL_FILE, glob_pattern
from catalog_tool.usage.result import SkillRow, UsageResult, at
from catalog_tool.usage.verdicts import NEVER, days

MOVE, MARK = "move", "mark"
POLICIES = (MOVE, MARK)
ATTIC = "decommissioned"
"""The folder, beside the catalog's own, that ``move`` moves skills to."""
MARK_KEY = "decommission"
"""The key under ``metadata`` that ``mark`` writes."""
_SAFE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
_PERSON = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


class Proposal(NamedTuple):
    """The branch that was made: its name, its commit, and for each commit the owner and the skills."""

    branch: str
    commit: str
    commits: tuple[tuple[str, tuple[str, ...]], ...]
    skipped: tuple[str, ...]


class Wish(NamedTuple):
    """What is asked for: a policy, and the branch to make (a name is found where it is empty)."""

    policy: str = MOVE
    branch: str = ""


def propose(place: Place, globs: Sequence[str], result: UsageResult, wish: Wish) -> Proposal | None:
    """Write the decommission of every skill that was never used in the window; None where there is none.

    ``globs`` are where agents look for skills. Raises ``GitError`` outside git or without a commit, and
    ``UsageError`` where the branch exists or the attic would still be found by agents.
    """
    if place.git is None:
        raise GitError(f"{place.root} is not in a git repository", hint="a proposal is a branch: run `git init`")
    rows = [row for row in result.rows if row.verdict.status == NEVER and row.skill is not None and row.skill.path]
    if not rows:
        return None
    if wish.policy == MOVE:
        _refuse_seen(rows, globs)
    branch = wish.branch or f"catalog/decommission-{(at(result.window.end) or '')[:10]}"
    head = place.git.resolve("HEAD")
    writer = _Writer(place.git)
    writer.refuse_taken(branch)
    commits, skipped = [], []
    with writer:
        writer.start(head)
        for owner, owned in _by_owner(rows):
            done = [row for row in owned if _apply(writer, place.prefix, row, wish.policy)]
            skipped += [row.name for row in owned if row not in done]
            if done:
                writer.commit(_message(owner, done, result, wish.policy))
                commits.append((owner, tuple(row.name for row in done)))
        if commits:
            writer.publish(branch)
    return Proposal(branch, writer.tip, tuple(commits), tuple(skipped)) if commits else None


def _refuse_seen(rows: Sequence[SkillRow], globs: Sequence[str]) -> None:
    patterns = [glob_pattern(glob) for glob in globs]
    folders = {f"{ATTIC}/{row.skill.path}".rpartition("/")[0] for row in rows if row.skill is not None}
    if any(pattern.fullmatch(folder) for pattern in patterns for folder in folders):
        raise UsageError(f"skills below {ATTIC}/ are still found by agents", hint="use --policy mark")


def _by_owner(rows: Sequence[SkillRow]) -> list[tuple[str, list[SkillRow]]]:
    """Rows by their first owner, sorted; those without one last."""
    found: dict[str, list[SkillRow]] = {}
    for row in sorted(rows, key=lambda row: row.name):
        owners = row.skill.owners if row.skill is not None else ()
        found.setdefault(owners[0] if owners else "", []).append(row)
    return sorted(found.items(), key=lambda item: (not item[0], item[0]))


def _apply(writer: _Writer, prefix: str, row: SkillRow, policy: str) -> bool:
    """Do to one skill what the policy says; whether it could be done."""
    path = row.skill.path if row.skill is not None else ""
    if policy == MOVE:
        return writer.move(f"{prefix}{path}", f"{prefix}{ATTIC}/{path}")
    return writer.rewrite(f"{prefix}{path}/{SKILL_FILE}", row.verdict.reason)


def _message(owner: str, rows: Sequence[SkillRow], result: UsageResult, policy: str) -> str:
    many = f"{len(rows)} skills that nobody uses" if len(rows) > 1 else f"{_line(rows[0].name)}, which nobody uses"
    whose = f" ({_line(owner)})" if owner else ""
    window, coverage = result.window, result.coverage
    verb = f"Moved to {ATTIC}/" if policy == MOVE else f"Marked as metadata.{MARK_KEY}"
    length = days(window.end - window.start)
    calls = f"{coverage.calls} calls of skills in {coverage.sessions} sessions"
    paragraphs = (
        f"Decommission {many}{whose}",
        f"{verb}. Evidence, {at(window.start)} to {at(window.end)} ({length}):",
        "\n".join(f"- {_line(row.name)}: {_line(row.verdict.reason)}; {_listing(row)}" for row in rows),
        f"Seen in that time: {calls}, {coverage.hidden_calls} without a name.",
        "\n".join(f"Source {found.kind}: {at(found.start)} to {at(found.end)}" for found in result.sources),
    )
    return "\n\n".join(paragraphs) + "\n"


def _listing(row: SkillRow) -> str:
    tokens = row.skill.listing_tokens if row.skill is not None else None
    return f"~{tokens} tokens in every request" if tokens else "not in the list that the model sees"


def _line(text: str) -> str:
    """A text from outside as part of one line of a message."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]


def marked(text: str, reason: str) -> str | None:
    """A ``SKILL.md`` with ``metadata.decommission`` added and all else as it was; None where that cannot be done."""
    front = split_front_matter(text).yaml
    if front is None:
        return None
    value = "'" + _line(reason).replace("'", "''") + "'"
    lines = front.split("\n")
    place = next((number for number, line in enumerate(lines) if line.rstrip() == "metadata:"), None)
    if place is None:
        at_end = len(lines) - (lines[-1] == "")
        lines[at_end:at_end] = ["metadata:", f"  {MARK_KEY}: {value}"]
    else:
        below = lines[place + 1] if place + 1 < len(lines) else ""
        indent = below[: len(below) - len(below.lstrip(" "))] or "  "
        lines.insert(place + 1, f"{indent}{MARK_KEY}: {value}")
    new = text.replace(front, "\n".join(lines), 1)
    reread = split_front_matter(new).yaml
    found = read_front_matter(reread).value if reread is not None else None
    held = found.get("metadata") if isinstance(found, dict) else None
    return new if isinstance(held, dict) and held.get(MARK_KEY) == _line(reason) else None


class _Writer:
    """Makes commits on a temporary index. Use it as a context, then ``publish``."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._folder = tempfile.TemporaryDirectory(prefix="catalog-propose-")
        self.tip = ""

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def refuse_taken(self, branch: str) -> None:
        """Raise ``UsageError`` where the branch exists, or its name is none."""
        try:
            self._git.run("check-ref-format", f"refs/heads/{branch}")
        except GitError as error:
            raise UsageError(f"{branch!r} cannot be a branch's name") from error
        if branch.startswith("-") or self._git.find(f"refs/heads/{branch}") is not None:
            raise UsageError(
                f"the branch {branch} exists already", hint="merge or delete it, or name another with --branch"
            )

    def start(self, commit: str) -> None:
        """Begin at a commit."""
        self.tip = commit
        self._call("read-tree", commit)

    def move(self, old: str, new: str) -> bool:
        """Move a folder; False where the commit does not have it."""
        entries = self._git.list_tree(self.tip, [old])
        inside = {path: entry for path, entry in entries.items() if path.startswith(f"{old}/")}
        gone = "".join(f"0 {'0' * len(entry.blob)}\t{path}\0" for path, entry in inside.items())
        come = "".join(f"{entry.mode} {entry.blob}\t{new}{path[len(old) :]}\0" for path, entry in inside.items())
        if inside:
            self._call("update-index", "-z", "--index-info", given=(gone + come).encode(errors="surrogateescape"))
        return bool(inside)

    def rewrite(self, path: str, reason: str) -> bool:
        """Mark a ``SKILL.md``; False where the commit does not have it, or it cannot be marked."""
        entry = self._git.list_tree(self.tip, [path]).get(path)
        if entry is None:
            return False
        data = next(iter(self._git.cat_blobs([entry.blob], 1 << 20))).data
        try:
            new = marked(data.decode(), reason) if data is not None else None
        except UnicodeDecodeError:
            new = None
        if new is None:
            return False
        blob = self._call("hash-object", "-w", "--no-filters", "--stdin", given=new.encode())
        self._call("update-index", "--cacheinfo", f"{entry.mode},{blob},{path}")
        return True

    def commit(self, message: str) -> None:
        """Commit what the index holds."""
        tree = self._call("write-tree")
        self.tip = self._call("commit-tree", tree, "-p", self.tip, "-F", "-", given=message.encode())

    def publish(self, branch: str) -> None:
        """Give the branch its name, which nobody may have taken meanwhile."""
        self._call("update-ref", f"refs/heads/{branch}", self.tip, "0" * len(self.tip))

    def _call(self, *arguments: str, given: bytes = b"") -> str:
        person = {name: os.environ[name] for name in _PERSON if name in os.environ}
        index = {"GIT_INDEX_FILE": str(Path(self._folder.name, "index"))}
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments by list
            ["git", *_SAFE, *arguments],  # noqa: S607 - the user's git
            cwd=self._git.top, env=environment() | person | index, input=given, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")
            hint = "set user.name and user.email" if b"tell me who you are" in done.stderr else ""
            raise GitError(f"git {arguments[0]}: {said[-1].removeprefix('fatal: ')}", hint=hint)
        return done.stdout.decode().strip()


def shown(proposal: Proposal) -> Iterator[str]:
    """The proposal in lines of plain text."""
    yield f"{proposal.branch} {proposal.commit[:12]}: {len(proposal.commits)} commits"
    for owner, names in proposal.commits:
        yield f"  {owner or 'without an owner'}: {', '.join(names)}"
    if proposal.skipped:
        yield f"  left out, to be done by hand: {', '.join(proposal.skipped)}"
