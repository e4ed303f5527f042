"""The outer join of a catalog with activity, by telemetry name: pure, linear in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.usage.activity import Activity, Tally
from catalog_tool.usage.listed import Listed, ListedPrompt, ListedSkill
from catalog_tool.usage.meters import Spending, Spendings
from catalog_tool.usage.resolver import Resolver, is_hidden
from catalog_tool.usage.result import ORDER, Coverage, OwnerRow, PromptRow, SkillRow
from catalog_tool.usage.verdicts import (
    ACTIVE,
    IDLE,
    STALE,
    Ground,
    Verdict,
    judge,
    judge_prompt,
    judge_shared,
    unlisted,
)


class Heard(NamedTuple):
    """What the sources told, by name."""

    tally: Tally
    spendings: Spendings
    origins: Mapping[str, str]


class _Share:
    """What was heard of one skill: of it alone, and under names that others report under too."""

    __slots__ = ("activity", "names", "rivals", "spending")

    def __init__(self) -> None:
        self.activity = Activity()
        self.spending = Spending()
        self.names: set[str] = set()
        self.rivals: set[str] = set()


def join_skills(skills: Sequence[ListedSkill], heard: Heard, resolver: Resolver, ground: Ground) -> list[SkillRow]:
    """One row a skill and one a name that no skill has; what is hidden makes no row."""
    shares = {_identity(skill): _Share() for skill in skills}
    rows = []
    for name in dict.fromkeys([*heard.tally.names, *heard.spendings]):
        activity = heard.tally.names.get(name) or Activity()
        spending = heard.spendings.get(name) or Spending()
        owners = resolver.find(name)
        for skill in owners:
            _give(shares[_identity(skill)], name, owners, activity, spending)
        if not owners and not is_hidden(name) and name and (activity.calls or spending.last is not None):
            last = _latest(activity, spending)
            verdict = unlisted(activity, heard.origins.get(name, ""), ground.window)
            rows.append(SkillRow(None, name, verdict, activity, spending, last))
    rows += [_row(skill, shares[_identity(skill)], ground) for skill in skills]
    return sorted(rows, key=lambda row: (ORDER[row.verdict.status], -row.activity.calls, row.name))


def _identity(skill: ListedSkill) -> tuple[str, str]:
    return skill.key, skill.path


def _give(share: _Share, name: str, owners: Sequence[ListedSkill], activity: Activity, spending: Spending) -> None:
    if len(owners) > 1 and (activity.calls or spending.last is not None):
        share.names.add("a hidden name of its plugin" if is_hidden(name) else name)
        share.rivals.update(_shown(owner) for owner in owners)
    if share.activity.calls or share.activity.listed:
        share.activity.add(activity)
    else:
        share.activity = activity
    share.spending.take(spending)


def _shown(skill: ListedSkill) -> str:
    return f"{skill.key} ({skill.path})" if skill.path else skill.key


def _latest(activity: Activity, spending: Spending) -> int | None:
    return max((time for time in (activity.last, spending.last) if time is not None), default=None)


def _row(skill: ListedSkill, share: _Share, ground: Ground) -> SkillRow:
    if share.names:
        verdict = judge_shared(share.names, share.rivals - {_shown(skill)})
    else:
        verdict = judge(skill, share.activity, share.spending.last, ground)
    last = _latest(share.activity, share.spending)
    return SkillRow(skill, skill.telemetry_names[0], verdict, share.activity, share.spending, last)


def join_prompts(listed: Listed, heard: Heard, ground: Ground) -> list[PromptRow]:
    """The same for prompts; nothing where no source told of any, for then nobody measures them."""
    if not heard.tally.names:
        return []
    known = {prompt.id: prompt for prompt in listed.prompts or ()}
    rows = []
    for name in dict.fromkeys([*heard.tally.names, *known]):
        activity = heard.tally.names.get(name) or Activity()
        verdict = _prompt_verdict(known.get(name), listed, activity, ground)
        rows.append(PromptRow(known.get(name), name, verdict, activity, heard.spendings.get(name) or Spending()))
    return sorted(rows, key=lambda row: (ORDER[row.verdict.status], -row.activity.calls, row.name))


def _prompt_verdict(prompt: ListedPrompt | None, listed: Listed, activity: Activity, ground: Ground) -> Verdict:
    if prompt is not None:
        return judge_prompt(prompt, activity, ground)
    told = unlisted(activity, "", ground.window)
    if listed.prompts is not None:
        return told
    fresh = activity.last is not None and activity.last >= ground.window.fresh
    return Verdict(ACTIVE if fresh else STALE, told.reason.partition("; ")[2])


def owner_rows(rows: Iterable[SkillRow]) -> list[OwnerRow]:
    """What each owner has, dearest first; skills without an owner are under the empty name."""
    found: dict[str, OwnerRow] = {}
    for row in rows:
        if row.skill is None:
            continue
        idle = row.verdict.status in IDLE
        for owner in row.skill.owners or ("",):
            held = found.get(owner) or OwnerRow(owner, 0, 0, 0, 0, None, 0.0, 0)
            cost = row.spending.cost
            found[owner] = OwnerRow(
                owner,
                held.skills + 1,
                held.active + (row.verdict.status == ACTIVE),
                held.idle + idle,
                held.calls + row.activity.calls,
                held.cost if cost is None else (held.cost or 0.0) + cost,
                held.tokens + sum(row.spending.tokens.values()),
                held.idle_listing_tokens + (row.skill.listing_tokens or 0) * idle,
            )
    return sorted(found.values(), key=lambda row: (-(row.cost or 0.0), -row.calls, row.owner))


def coverage_of(heard: Heard, resolver: Resolver) -> Coverage:
    """How much of what was heard has a name, and one that is one skill's alone."""
    calls = hidden = shared = 0
    for name, activity in heard.tally.names.items():
        calls += activity.calls
        owners = len(resolver.find(name))
        hidden += activity.calls * (is_hidden(name) and owners != 1)
        shared += activity.calls * (owners > 1 and not is_hidden(name))
    costs = [
        spending.cost for name, spending in heard.spendings.items() if is_hidden(name) and spending.cost is not None
    ]
    outside = heard.spendings.get("")
    return Coverage(
        calls=calls,
        hidden_calls=hidden,
        shared_calls=shared,
        sessions=heard.tally.sessions,
        named_sessions=heard.tally.named_sessions,
        hidden_cost=sum(costs) if costs else None,
        outside_cost=outside.cost if outside is not None else None,
    )
