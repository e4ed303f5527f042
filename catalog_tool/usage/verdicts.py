"""What the join of catalog and activity says of each skill, and why: pure, one decision after the other.

The order is the contract's: ``unlisted`` and ``active`` win over ``unmeasurable``, which wins over ``stale`` and
``never``. Silence proves nothing unless somebody was listening for the whole stale window.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.usage.activity import Activity
from catalog_tool.usage.agent_telemetry import FIRST_TYPED
from catalog_tool.usage.listed import ListedPrompt, ListedSkill
from catalog_tool.usage.source import EMPTY, FAILED, PARTIAL, SourceReport
from catalog_tool.usage.windows import DAY, SECOND, Window

ACTIVE, STALE, NEVER, UNLISTED, UNMEASURABLE = "active", "stale", "never", "unlisted", "unmeasurable"
STATUSES = (ACTIVE, STALE, NEVER, UNLISTED, UNMEASURABLE)
IDLE = (STALE, NEVER)
REDACTED_AT_MOST = 0.5
"""Share of activations without a real name beyond which silence of a name proves nothing."""
SILENCE_AT_MOST = 0.5
"""Share of the stale window that may have passed since anything at all was heard."""

UNDATED = "an event that names the skill carries no time, so nobody knows when it was used"
_UNDATED_PROMPT = UNDATED.replace("skill", "prompt")
"""Why nothing can be said of the silence of one of them."""


class Verdict(NamedTuple):
    """A status and its reason in a sentence."""

    status: str
    reason: str


class Doubt(NamedTuple):
    """Why the data at hand cannot carry a verdict of silence; some concern only skills that people type."""

    reason: str
    typed_only: bool = False


class Ground(NamedTuple):
    """What a verdict stands on. ``since`` (ns): how far back the data reach; ``hidden``: calls without a name."""

    window: Window
    doubts: Sequence[Doubt]
    since: int
    hidden: int = 0

    @property
    def covered(self) -> str:
        """How long somebody has listened, in words."""
        return days(self.window.end - self.since)


class Evidence(NamedTuple):
    """All that the sources together know. Times in ns, None: nothing was heard.

    ``earliest`` is the first event of the kind in question, ``heard`` the newest record of any kind; ``undated``
    counts events whose time nobody told, ``hidden_undated`` those of them that tell no name either.
    """

    sources: Sequence[SourceReport]
    calls: int
    hidden_calls: int
    earliest: int | None
    heard: int | None
    tells_calls: bool
    tells_typed: bool
    old_clients: Mapping[str, int]
    undated: int = 0
    hidden_undated: int = 0


def doubts_of(evidence: Evidence, window: Window) -> list[Doubt]:
    """Every reason why silence may not be silence, the gravest first."""
    found = [
        Doubt(f"the source {report.kind} is {report.status}: {report.message}")
        for report in evidence.sources
        if report.status in (FAILED, PARTIAL) or (report.status == EMPTY and report.kind == "loki")
    ]
    found += [Doubt(report.message or report.kind) for report in evidence.sources if report.unfinished]
    found += _of_calls(evidence, window)
    if evidence.earliest is not None and evidence.earliest > window.fresh:
        reached, needed = days(window.end - evidence.earliest), days(window.end - window.fresh)
        found.append(Doubt(f"the data reach back {reached} only, less than the stale window of {needed}"))
    stale = window.end - window.fresh
    if evidence.heard is not None and window.end - evidence.heard > stale * SILENCE_AT_MOST:
        found.append(Doubt(f"nothing at all has arrived for {days(window.end - evidence.heard)}"))
    if evidence.tells_calls and not evidence.tells_typed:
        found.append(Doubt("the hook payloads at hand do not show skills that people type", typed_only=True))
    old = sorted(version for version, last in evidence.old_clients.items() if last >= window.fresh)
    if old:
        first = ".".join(map(str, FIRST_TYPED))
        shown = ", ".join(old[:3])
        reason = f"clients older than {first} ({shown}) do not report skills that people type"
        found.append(Doubt(reason, typed_only=True))
    return found


def _of_calls(evidence: Evidence, window: Window) -> list[Doubt]:
    if not evidence.calls:
        if any(report.status in (FAILED, PARTIAL) for report in evidence.sources):
            return []
        what = "no source reports calls" if not evidence.tells_calls else "no call of any skill"
        return [Doubt(f"{what} in {days(window.end - window.start)}: is telemetry on, are the names right?")]
    share = (evidence.hidden_calls + evidence.hidden_undated) / (evidence.calls + evidence.undated)
    if share > REDACTED_AT_MOST:
        hint = "set OTEL_LOG_TOOL_DETAILS=1 on the clients"
        return [Doubt(f"{share:.0%} of the calls tell no skill's name ({hint})")]
    return []


def ground_of(evidence: Evidence, window: Window) -> Ground:
    """What verdicts on this evidence stand on."""
    since = window.start if evidence.earliest is None else max(evidence.earliest, window.start)
    return Ground(window, doubts_of(evidence, window), since, evidence.hidden_calls)


def judge(
    skill: ListedSkill, activity: Activity, seen: int | None, ground: Ground, *, undated: bool = False
) -> Verdict:
    """The verdict on a skill of the catalog, from what no other skill can have caused.

    ``seen`` is when it was last seen in cost metrics, in ns. ``activity`` is empty where nothing was heard;
    ``undated``: an event that may be its own carries no time.
    """
    told = _active(activity, seen, ground.window)
    if told is not None:
        return told
    doubt = next((doubt for doubt in ground.doubts if skill.user_invocable or not doubt.typed_only), None)
    return _idle(activity, seen, skill.first_commit, doubt or (Doubt(UNDATED) if undated else None), ground)


def judge_prompt(prompt: ListedPrompt, activity: Activity, ground: Ground, *, undated: bool = False) -> Verdict:
    """The verdict on a prompt of the catalog, by the same rules."""
    told = _active(activity, None, ground.window)
    if told is not None:
        return told
    doubt = next((doubt for doubt in ground.doubts if not doubt.typed_only), None)
    return _idle(activity, None, prompt.first_commit, doubt or (Doubt(_UNDATED_PROMPT) if undated else None), ground)


def _active(activity: Activity, seen: int | None, window: Window) -> Verdict | None:
    if activity.last is not None and activity.last >= window.fresh:
        return Verdict(ACTIVE, f"last used {ago(window.end - activity.last)}")
    if seen is not None and window.fresh <= seen <= window.end:
        return Verdict(ACTIVE, f"seen in cost metrics {ago(window.end - seen)}")
    return None


def _idle(
    activity: Activity, seen: int | None, first_commit: int | None, doubt: Doubt | None, ground: Ground
) -> Verdict:
    window = ground.window
    if first_commit is None:
        return Verdict(UNMEASURABLE, "nobody knows since when it exists: no commit of it is at hand")
    if first_commit * SECOND > window.fresh:
        age = max(window.end - first_commit * SECOND, 0)
        return Verdict(UNMEASURABLE, f"it is {days(age)} old, younger than the stale window")
    if doubt is not None:
        return Verdict(UNMEASURABLE, doubt.reason)
    hidden = f"; {_calls_hide(ground.hidden)}" if ground.hidden else ""
    last = max((time for time in (activity.last, seen) if time is not None), default=None)
    if last is not None and last > window.start:
        return Verdict(STALE, f"last used {ago(window.end - last)}{hidden}")
    sessions = f"{activity.listed} session{'s' * (activity.listed != 1)}"
    offered = f", though {sessions} offered it" if activity.listed else ""
    return Verdict(NEVER, f"no use in the {ground.covered} that the data cover{offered}{hidden}")


def _calls_hide(count: int) -> str:
    return f"{count} calls hide their skill's name" if count != 1 else "1 call hides its skill's name"


def judge_shared(own: Verdict, names: Collection[str], others: Collection[str]) -> Verdict:
    """The verdict where other skills report under some of its names too: ``own`` is that on what is its alone.

    Use of its own is use; the rest is nobody's for sure.
    """
    shown, rivals = ", ".join(sorted(names)), ", ".join(sorted(others))
    if own.status == ACTIVE:
        return Verdict(ACTIVE, f"{own.reason}; what came under {shown} may be another skill's")
    return Verdict(
        UNMEASURABLE, f"{shown} is also the telemetry name of {rivals}: nobody can tell whose calls these are"
    )


def unlisted(activity: Activity, origin: str, window: Window) -> Verdict:
    """The verdict on a name that is not in the catalog."""
    last = f"last used {ago(window.end - activity.last)}" if activity.last is not None else "in use"
    whence = f", from {origin}" if origin else ""
    return Verdict(UNLISTED, f"not in the catalog{whence}; {last}")


def days(length: int) -> str:
    """A length in ns as people say it: ``3 days``, ``1 day``, ``5 hours``."""
    whole = length // DAY
    if whole >= 1:
        return f"{whole} day{'s' * (whole != 1)}"
    hours = length // (3600 * SECOND)
    return f"{hours} hour{'s' * (hours != 1)}"


def ago(length: int) -> str:
    """``3 days ago``; ``just now`` below an hour."""
    return f"{days(length)} ago" if length >= 3600 * SECOND else "just now"
