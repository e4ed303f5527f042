"""The commit of a live rollback, made by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import gated
from scratch import Scratch

from catalog_tool.errors import GitError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.target import Override
from catalog_tool.source.git import Git
from catalog_tool.source.registry_edit import with_label
from catalog_tool.sync.rollback_branch import Rollback, RollbackBranch, commit_rollback

BRANCH, AT_ONCE = "catalog/rollback/x", 6
V1 = LabelValue((("v1", 100),))


def committed_at_once(scratch: Scratch, reasons: list[str]) -> list[RollbackBranch | GitError]:
    """What ``commit_rollback`` gives to each of so many who begin at the same moment."""
    gated.start(scratch)
    git, start, barrier = Git(str(scratch.root)), scratch.git("rev-parse", "HEAD"), Barrier(len(reasons))
    edit = with_label(gated.REGISTRY, gated.LABELS.encode(), gated.ID, "production", V1)

    def commit(reason: str) -> RollbackBranch | GitError:
        made = Rollback("x", "local", V1, Override('"v1"', '"v2"', "Ada <ada@example.org>", reason, gated.FIRST, start))
        barrier.wait()
        try:
            return commit_rollback(git, start, "", edit, made, BRANCH)
        except GitError as error:
            return error

    with ThreadPoolExecutor(len(reasons)) as pool:
        return list(pool.map(commit, reasons))


def test_the_same_rollback_at_once_is_one_commit_for_all(scratch: Scratch) -> None:
    found = committed_at_once(scratch, ["refunds are refused"] * AT_ONCE)
    tip = scratch.git("rev-parse", BRANCH)
    assert [(made.commit, made.branch) for made in found if isinstance(made, RollbackBranch)] == [
        (tip, BRANCH)
    ] * AT_ONCE
    assert sum(made.is_new for made in found if isinstance(made, RollbackBranch)) == 1


def test_another_rollback_at_once_is_not_taken_for_it(scratch: Scratch) -> None:
    found = committed_at_once(scratch, [f"reason {number}" for number in range(AT_ONCE)])
    tip = scratch.git("rev-parse", BRANCH)
    made = [one for one in found if isinstance(one, RollbackBranch)]
    assert tip in {one.commit for one in made}
    assert len({one.commit for one in made}) == len(made)
    assert all(error.message.startswith("git update-ref: ") for error in found if isinstance(error, GitError))
