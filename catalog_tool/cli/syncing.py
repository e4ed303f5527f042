"""What the commands that work on a target share: options, reading git's side, and one open session."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

import click

from catalog_tool.backends.evidence import KeepsEvidence
from catalog_tool.cli.complete import targets
from catalog_tool.cli.context import place_of, report_context, tell
from catalog_tool.cli.numbers import FiniteRange
from catalog_tool.cli.progress import progress
from catalog_tool.cli.stopping import stopping
from catalog_tool.cli.streams import LostOutputError
from catalog_tool.clock import now
from catalog_tool.errors import NO_ROOM, CatalogError, UsageError
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.settings import Settings
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.formats import findings_report
from catalog_tool.source.root import Place, outside_git
from catalog_tool.sync.actor import actor
from catalog_tool.sync.label_gates import label_gates
from catalog_tool.sync.limits import LIMITS
from catalog_tool.sync.plan import PlanOptions, is_chosen
from catalog_tool.sync.session import LOCK_TIMEOUT_SECONDS, Session
from catalog_tool.sync.targets import OpenTarget, open_target
from catalog_tool.sync.timing import SYSTEM
from catalog_tool.sync.wanted import Desired, Reading, desired_for, read_catalog

_Command = TypeVar("_Command", bound=Callable[..., Any])
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_NAMED = 3
"""How many objects are named that may have been meant."""
_AS_SEEN = "`catalog drift` prints the whole line, with what it saw there"


def target_argument(command: _Command) -> _Command:
    """TARGET: a name under ``targets:``."""
    return click.argument("target", metavar="TARGET", shell_complete=targets)(command)


def git_side(command: _Command) -> _Command:
    """``--rev`` and ``--worktree``: which state of the catalog counts."""
    rev = click.option("--rev", "revision", metavar="REV", help="Take this git revision instead of HEAD.")
    tree = click.option("--worktree", is_flag=True, help="Take the files as they are, committed or not.")
    return rev(tree(command))


def plan_options(command: _Command) -> _Command:
    """What a plan may do."""
    options = (
        click.option("--only", multiple=True, metavar="OBJECT", help="Only these: a pattern ('labels/*') or a name."),
        click.option("--prune", is_flag=True, help="Delete what git no longer has."),
        click.option(
            "--allow", multiple=True, metavar="KIND=N",
            help=f"Lift a limit: {', '.join(LIMITS)}; or `older`: let an older commit win.",
        ),
        click.option(
            "--overwrite", multiple=True, metavar="OBJECT=DIGEST",
            help="Put git's content back on an edited object; `catalog drift` prints the line.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def lease_options(command: _Command) -> _Command:
    """How to work on the target."""
    lock = click.option(
        "--lock-timeout", type=FiniteRange(0, 86_400), default=LOCK_TIMEOUT_SECONDS, show_default=True,
        metavar="SECONDS", help="How long to wait for another sync.",
    )  # fmt: skip
    side_by_side = click.option(
        "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, metavar="N",
        help="Writes at once, where a store takes one a request.",
    )  # fmt: skip
    return lock(side_by_side(command))


def read_options(asked: Mapping[str, Any]) -> PlanOptions:
    """The plan's options from the command line. Raises ``UsageError``."""
    allow: dict[str, int] = {}
    older = False
    for text in asked["allow"]:
        kind, _, number = text.partition("=")
        if text == "older":
            older = True
        elif kind in LIMITS and _NUMBER.fullmatch(number):
            allow[kind] = int(number)
        else:
            kinds = ", ".join(f"{name}=N" for name in LIMITS)
            raise UsageError(f"--allow {text}: write one of {kinds}, older")
    return PlanOptions(
        prune=asked["prune"], only=tuple(asked["only"]), allow=allow, overwrite=_overwritten(asked),
        older=older, now=int(SYSTEM.now()),
    )  # fmt: skip


def _overwritten(asked: Mapping[str, Any]) -> dict[str, str]:
    """What ``--overwrite`` says was seen at each address."""
    overwritten: dict[str, str] = {}
    for text in asked["overwrite"]:
        address, equals, seen = text.partition("=")
        if not equals or not seen:
            raise UsageError(
                f"--overwrite {text}: write OBJECT=DIGEST, so that nothing unseen is overwritten", hint=_AS_SEEN
            )
        if overwritten.setdefault(address, seen) != seen:
            raise UsageError(f"--overwrite {address} is given twice, with two values", hint=_AS_SEEN)
        if asked["only"] and not is_chosen(address, tuple(asked["only"])):
            raise UsageError(f"--overwrite {address}: --only leaves it out", hint="name it there too")
    return overwritten


class GitSide(NamedTuple):
    """What git says, read once for any number of targets; ``revision`` is None for the work tree."""

    place: Place
    reading: Reading
    revision: str | None

    @property
    def settings(self) -> Settings:
        """The catalog's."""
        return self.reading.files.settings

    @property
    def look(self) -> str:
        """Where its errors are explained."""
        return "see `catalog validate" + (f" --rev {self.revision}`" if self.revision is not None else "`")


def read_git_side(ctx: click.Context, revision: str | None, *, worktree: bool | None) -> GitSide:
    """Read HEAD, a revision, or with ``worktree`` the files; edits that are left out are named on stderr.

    ``worktree`` is None for a command that only works on commits.
    """
    place = place_of(ctx)
    if worktree and revision is not None:
        raise UsageError("--rev and --worktree cannot both be meant")
    if not worktree and place.git is None:
        hint = "take the files as they are with --worktree" if worktree is False else "run `git init`, and commit"
        raise outside_git(place.root, hint)
    wanted = None if worktree else revision or "HEAD"
    reading = read_catalog(place, wanted, progress("reading"))
    if not worktree and revision is None:
        _tell_uncommitted(place, reading, "" if worktree is None else " (--worktree takes the files as they are)")
    return GitSide(place, reading, wanted)


def refuse_unknown(work: Work, options: PlanOptions) -> None:
    """A name given to ``--only`` or ``--overwrite`` that nobody has is a slip, which must not read as done.

    What ``--overwrite`` names may need no overwriting: it was there when `catalog drift` printed the line, and
    the same line may be run twice. Raises ``UsageError``.
    """
    wanted = work.desired.objects
    names = [text for text in options.only if not set(text) & set("*?[") and not _has(wanted, text)]
    addresses = [address for address in options.overwrite if address not in wanted]
    if not names and not addresses:
        return
    inventory = work.target.backend.load().inventory
    for name in names:
        if not _has(inventory, name):
            hint = "write a prompt's id, prompts/ID@v2, labels/ID@production, skills/NAME, or a pattern"
            raise UsageError(f"--only {name}: neither git nor the target has it", hint=hint)
    for address in addresses:
        if address not in inventory:
            words = f"--overwrite {address}: git wants no such object there, and none was synced"
            raise UsageError(words, hint=_meant(address, {*wanted, *inventory}))


def _has(addresses: Collection[str], name: str) -> bool:
    return name in addresses or any(is_chosen(address, (name,)) for address in addresses)


def _meant(text: str, known: Collection[str]) -> str:
    """What there is that ``text`` may stand for: the objects of that name, else those spelt like it."""
    near = sorted(address for address in known if is_chosen(address, (text,)))
    near = near or get_close_matches(text, sorted(known), n=_NAMED)
    if not near:
        return "`catalog drift` prints the whole line for what was edited"
    more = " …" if len(near) > _NAMED else ""
    return f"did you mean {' or '.join(near[:_NAMED])}{more}?"


def _tell_uncommitted(place: Place, reading: Reading, otherwise: str) -> None:
    if place.git is None:
        return
    status = place.git.status(reading.files.listed)
    edited = sorted({*status.changed, *status.untracked})
    if edited:
        shown = ", ".join(for_terminal(path) for path in edited[:3])
        more = f" and {len(edited) - 3} more" if len(edited) > 3 else ""
        tell(f"not committed, so not part of this: {shown}{more}{otherwise}")


def tell_errors(ctx: click.Context, side: GitSide) -> None:
    """The findings that forbid a sync, on stderr."""
    files, errors = side.reading.files, side.reading.errors
    versions = files.layout.versions
    summary = {
        "prompts": len({file.id for file in versions}), "versions": len(versions), "skills": len(files.skills),
        "errors": len(errors), "warnings": 0,
    }  # fmt: skip
    tell(findings_report("text").render(errors, summary, report_context(ctx, side.place, strict=False)))


def told_beside_others(side: GitSide, names: Collection[str], name: str, error: CatalogError) -> str:
    """Why one of several targets is unknown: its settings do not keep the others from being looked at.

    Raises ``error`` where it is wrong usage and the whole answer: of the only target, of a name that is none,
    of a catalog without an id.
    """
    whole = len(names) == 1 or name not in side.settings.targets or side.settings.catalog is None
    if whole and isinstance(error, UsageError):
        raise error
    return f"{error.message} ({error.hint})" if error.hint else error.message


def unforeseen(error: Exception, *, debug: bool) -> str:
    """Why one of several targets is unknown where something failed that should not: the others are looked at still.

    Raises ``error`` with ``debug``, for its traceback; and where it is no target's: no room, nobody to write to.
    """
    if debug or isinstance(error, LostOutputError) or (isinstance(error, OSError) and error.errno in NO_ROOM):
        raise error
    return f"{type(error).__name__}: {error} (run again with --debug and report it)"


class Work(NamedTuple):
    """One target with git's side of it."""

    target: OpenTarget
    desired: Desired
    session: Session


def _evidence_of(target: OpenTarget) -> TargetEvidence | None:
    return TargetEvidence(target.name, target.backend) if isinstance(target.backend, KeepsEvidence) else None


@contextlib.contextmanager
def working(side: GitSide, name: str, how: Mapping[str, Any] | None = None) -> Iterator[Work]:
    """Open a target; Ctrl-C and a cancelled job end a look at once, and a sync between two steps, not within one."""
    given = how or {}
    with stopping(is_looking=True) as stop, contextlib.ExitStack() as opened:
        target = open_target(side.place, side.settings, name, moved=given.get("moved", False))
        opened.enter_context(contextlib.closing(target.backend))
        yield Work(
            target,
            desired_for(side.reading, target.settings),
            Session(
                backend=target.backend,
                destination=target.destination,
                git=side.place.git,
                actor=actor(side.place.git),
                gates=label_gates(side.reading, side.place.git, now(), _evidence_of(target)),
                lock_timeout=given.get("lock_timeout", LOCK_TIMEOUT_SECONDS),
                concurrency=given.get("concurrency", 4),
                progress=progress("syncing"),
                stopped=stop.between_steps,
            ),
        )
