"""The proposal to take skills out that nobody uses: a branch, one commit an owner, the evidence in each message.

Neither the work tree nor the index nor the branch that is checked out is touched: a temporary index, new
objects, and one new ref. Nothing of the repository is run: no hook, no filter. What is done with a
skill is the policy: ``move`` takes its folder out of where agents look, ``mark`` writes into its front matter
that it is to go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.branch_writer import BranchWriter, check_branch_name
from catalog_tool.source.front_matter import read_front_matter, split_front_matter
from catalog_tool.source.git import Git
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import SKILL_FILE, glob_pattern
from catalog_tool.source.strict_yaml import Document
from catalog_tool.source.yaml_edit import STEP, edited
from catalog_tool.usage.result import SkillRow, UsageResult, at
from catalog_tool.usage.verdicts import NEVER, days

MOVE, MARK = "move", "mark"
POLICIES = (MOVE, MARK)
ATTIC = "decommissioned"
"""The folder, beside the catalog's own, that ``move`` moves skills to."""
MARK_KEY = "decommission"
"""The key under ``metadata`` that ``mark`` writes."""


class Proposal(NamedTuple):
    """The branch that was made: its name, its commit, and for each commit the owner and the skills.

    Without a commit there is no branch: all were ``skipped``.
    """

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
    _refuse_taken(place.git, branch)
    commits, skipped = [], []
    with BranchWriter(place.git, head) as writer:
        for owner, owned in _by_owner(rows):
            done = [row for row in owned if _apply(place, writer, row, wish.policy)]
            skipped += [row.name for row in owned if row not in done]
            if done:
                writer.commit(_message(owner, done, result, wish.policy))
                commits.append((owner, tuple(row.name for row in done)))
        if commits:
            writer.publish(branch)
    return Proposal(branch, writer.tip, tuple(commits), tuple(skipped))


def _refuse_taken(git: Git, branch: str) -> None:
    check_branch_name(git, branch)
    if git.find(f"refs/heads/{branch}") is not None:
        hint = "merge or delete it, or name another with --branch"
        raise UsageError(f"the branch {branch} exists already", hint=hint)


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


def _apply(place: Place, writer: BranchWriter, row: SkillRow, policy: str) -> bool:
    """Do to one skill what the policy says; whether it could be done."""
    path = row.skill.path if row.skill is not None else ""
    if policy == MOVE:
        return writer.move(f"{place.prefix}{path}", f"{place.prefix}{ATTIC}/{path}")
    return place.git is not None and _mark(place.git, writer, f"{place.prefix}{path}/{SKILL_FILE}", row.verdict.reason)


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
    """A ``SKILL.md`` with ``metadata.decommission`` added and all else as it was; None where that cannot be done.

    What comes out reads without an error and says the same as before but for that key.
    """
    if "\r\n" in text and text.count("\r\n") == text.count("\n"):
        new = marked(text.replace("\r\n", "\n"), reason)
        return new.replace("\n", "\r\n") if new is not None else None
    front = split_front_matter(text).yaml
    old = read_front_matter(front) if front else None
    if front is None or old is None or old.refused or not isinstance(old.value, dict):
        return None
    metadata = old.value.get("metadata") or {}
    if not isinstance(metadata, dict):
        return None
    said = _line(reason)
    wanted = {**old.value, "metadata": {**metadata, MARK_KEY: said}}
    for new in _spellings(front, old, wanted, said):
        read = read_front_matter(new)
        if not read.refused and read.value == wanted:
            return f"{text[:4]}{new}{text[4 + len(front) :]}"
    return None


def _spellings(front: str, old: Document, wanted: dict[str, Any], said: str) -> Iterator[str]:
    """The front matter with the mark: one line more, or, where ``metadata`` is not a block, an edit of its value."""
    line = f"{MARK_KEY}: '" + said.replace("'", "''") + "'"
    lines = front.split("\n")
    place = next((number for number, held in enumerate(lines) if held.rstrip() == "metadata:"), None)
    if place is not None:
        below = lines[place + 1]
        indent = below[: len(below) - len(below.lstrip(" "))] or STEP
        yield "\n".join([*lines[: place + 1], f"{indent}{line}", *lines[place + 1 :]])
    elif "metadata" not in old.value:
        yield f"{front}metadata:\n{STEP}{line}\n"
    if old.recovered is None:
        with suppress(ValueError, yaml.YAMLError):
            yield edited(front, old.value, wanted)


def _mark(git: Git, writer: BranchWriter, path: str, reason: str) -> bool:
    """Mark a ``SKILL.md``; False where the commit does not have it, or it cannot be marked."""
    entry = writer.entries(path).get(path)
    if entry is None:
        return False
    data = next(iter(git.cat_blobs([entry.blob], PARSED_FILE_BYTES))).data
    try:
        new = marked(data.decode(), reason) if data is not None else None
    except UnicodeDecodeError:
        return False
    if new is None:
        return False
    writer.put(path, new.encode(), entry.mode)
    return True


def shown(proposal: Proposal) -> Iterator[str]:
    """The proposal in lines of plain text."""
    many = len(proposal.commits)
    yield (
        f"{proposal.branch} {proposal.commit[:12]}: {many} commit{'s' * (many != 1)}" if many else "no branch was made"
    )
    for owner, names in proposal.commits:
        yield f"  {owner or 'without an owner'}: {', '.join(names)}"
    if proposal.skipped:
        yield f"  left out, to be done by hand: {', '.join(proposal.skipped)}"
