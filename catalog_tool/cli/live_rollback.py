"""``rollback --live`` and ``watch``: a label moved on a target first, then the commit that brings git along."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.cli.context import tell
from catalog_tool.cli.label_moves import LabelDesk, check_version
from catalog_tool.cli.stopping import stopping
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError, CatalogError, GitError, UsageError
from catalog_tool.gate.moves import rolled_back
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.target import Override
from catalog_tool.report.escape import for_terminal
from catalog_tool.source.git import Git
from catalog_tool.source.registry_edit import with_label
from catalog_tool.source.root import Place
from catalog_tool.source.tree import RevisionTree
from catalog_tool.sync.actor import actor
from catalog_tool.sync.live_move import LiveLabel, LiveMove, check_move, move_live, read_label
from catalog_tool.sync.overrides import Word, canonical
from catalog_tool.sync.rollback_branch import Rollback, RollbackBranch, check_branch, commit_rollback
from catalog_tool.sync.session import Session
from catalog_tool.sync.targets import open_target

MOVED, ALREADY, PLANNED = "moved", "unchanged", "planned"


class LiveOrder(NamedTuple):
    """What was asked: ``to`` is the version (None: the one before), ``branch`` where to commit (None: the usual).

    ``expected`` is the live value that was judged, None where any will do.
    """

    target: str
    to: str | None = None
    reason: str = "rolled back by hand"
    branch: str | None = None
    is_trial: bool = False
    expected: LabelValue | None = None


class LiveRollback(NamedTuple):
    """What came of it. ``committed`` is None in a trial, and where git says so already."""

    order: LiveOrder
    status: str
    before: LabelValue
    wanted: LabelValue
    override: Override | None
    committed: RollbackBranch | None
    by: str

    def to_json(self) -> dict[str, Any]:
        """The key ``live`` of the document of ``rollback``."""
        made = self.override
        return {
            "target": self.order.target,
            "status": self.status,
            "by": made.by if made is not None else self.by,
            "reason": made.reason if made is not None else self.order.reason,
            "at": iso(made.at) if made is not None else None,
            "branch": self.committed.branch if self.committed is not None else None,
            "commit": self.committed.commit if self.committed is not None else None,
        }


@contextlib.contextmanager
def live_session(place: Place, desk: LabelDesk, target: str) -> Iterator[Session]:
    """A target opened for one label; Ctrl-C waits for the step that is under way."""
    with stopping() as stop, contextlib.ExitStack() as opened:
        found = open_target(place, desk.catalog.files.settings, target)
        opened.enter_context(contextlib.closing(found.backend))
        yield Session(
            backend=found.backend, destination=found.destination, git=place.git, actor=actor(place.git),
            stopped=stop.between_steps,
        )  # fmt: skip


def roll_back_live(place: Place, desk: LabelDesk, order: LiveOrder) -> LiveRollback:
    """Move the label back on the target, record the override, and commit what brings git along.

    ``desk`` reads a revision. UsageError: nowhere to go back to, or the branch is another's. BackendError: the
    target did not take it, nothing was moved. GitError: it was moved, and the commit could not be made.
    """
    with live_session(place, desk, order.target) as session:
        catalog = desk.catalog.files.settings.catalog or ""
        live = read_label(session, catalog, (desk.prompt, desk.label), word_of(place, desk))
        _tell_if_not_synced(desk, live, order.target)
        if order.expected is not None and live.value != order.expected:
            raise BackendError(f"{desk.label} of {desk.prompt} was moved meanwhile", hint="look again")
        wanted = back_from(desk, live, order.to)
        subject = subject_of(desk)
        branch = order.branch or usual_branch(subject)
        check_branch(git_of(place), branch, subject)
        move = LiveMove(
            desk.prompt, desk.label, live.value, wanted, desk.current, order.reason, word_of(place, desk)
        )  # fmt: skip
        if order.is_trial:
            check_move(session, catalog, move)
            return LiveRollback(order, PLANNED, live.value, wanted, None, None, session.actor)
        moved = move_live(session, catalog, move)
    if not moved.confirmed:
        tell(f"{for_terminal(order.target)} acknowledged the move, but does not show it yet")
    committed = _commit(place, desk, order, moved.override, wanted, branch) if moved.override is not None else None
    status = MOVED if moved.moved else ALREADY
    return LiveRollback(order, status, live.value, wanted, moved.override, committed, session.actor)


def word_of(place: Place, desk: LabelDesk) -> Word:
    """Where git says what the label is to be; nothing is known of a work tree."""
    tree = desk.catalog.tree
    commit = tree.commit if isinstance(tree, RevisionTree) else None
    return Word(place.git, commit, desk.catalog.files.prefix)


def subject_of(desk: LabelDesk) -> str:
    """``support_agent@production``; a catalog in a folder puts its id before it: a repository may hold several."""
    files = desk.catalog.files
    return f"{files.settings.catalog}/{desk.prompt}@{desk.label}" if files.prefix else f"{desk.prompt}@{desk.label}"


def usual_branch(subject: str) -> str:
    """Where the commit goes; ``subject`` is ``support_agent@production``."""
    return f"catalog/rollback/{subject}"


def free_branch(place: Place, subject: str, at: int) -> str:
    """The usual branch, or one of its own where that holds other work: no name stands in the way of a rollback."""
    try:
        check_branch(git_of(place), usual_branch(subject), subject)
    except UsageError:
        return f"{usual_branch(subject)}-{at}"
    return usual_branch(subject)


def back_from(desk: LabelDesk, live: LiveLabel, to: str | None) -> LabelValue:
    """Where a live label goes back to; where a rollback stands already it stays. UsageError: nowhere."""
    if to is None and live.override is not None and live.override.desired == canonical(desk.current):
        return live.value
    wanted = rolled_back(live.value, desk.shelf, (desk.prompt, desk.label), to)
    check_version(desk.catalog, desk.prompt, wanted.stable)
    return wanted


def _tell_if_not_synced(desk: LabelDesk, live: LiveLabel, target: str) -> None:
    """The override holds against what this revision says: another one might be synced next."""
    if live.applied != canonical(desk.current):
        said = canonical(desk.current) or "nothing"
        tell(f"{for_terminal(target)} was last given {live.applied}, this revision says {said}: is it the right --rev?")


def git_of(place: Place) -> Git:
    """The repository. GitError: there is none."""
    if place.git is None:
        raise GitError(f"{place.root} is not in a git repository", hint="a live rollback brings git along by a branch")
    return place.git


def _commit(
    place: Place, desk: LabelDesk, order: LiveOrder, override: Override, wanted: LabelValue, branch: str
) -> RollbackBranch:
    tree = desk.catalog.tree
    if not isinstance(tree, RevisionTree):
        raise UsageError("a live rollback builds on a revision")
    made = Rollback(subject_of(desk), order.target, wanted, override)
    try:
        edit = with_label(desk.registry, desk.registry_bytes(), desk.prompt, desk.label, wanted)
        return commit_rollback(git_of(place), tree.commit, desk.catalog.files.prefix, edit, made, branch)
    except CatalogError as error:
        message = (
            f"{desk.label} of {desk.prompt} is {wanted.stable} on {order.target} now, but git was not brought along"
        )
        hint = "the override holds; run the same command again, or edit registry.yaml by hand"
        raise GitError(f"{message}: {error.message}", hint=hint) from error
