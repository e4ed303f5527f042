"""The outer join of a catalog with activity, by telemetry name: pure, linear in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from catalog_tool.usage.activity import Activity, Tally
from catalog_tool.usage.listed import Listed, ListedSkill
from catalog_tool.usage.meters import Spending, Spendings
from catalog_tool.usage.resolver import Resolver, is_hidden
from catalog_tool.usage.result import ORDER, Coverage, OwnerRow, PromptRow, SkillRow
from catalog_tool.usage.shared_use import SharedUse, Use, shared_by_name, together
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
    """What was heard of one skill: of it alone, and under names that others report under too.

    ``undated``: an event under one of its names carries no time.
    """

    __slots__ = ("own", "rivals", "shared", "undated")

    def __init__(self) -> None:
        self.own: list[Use] = []
        self.shared: list[SharedUse] = []
        self.rivals: set[str] = set()
        self.undated = False


def join_skills(skills: Sequence[ListedSkill], heard: Heard, resolver: Resolver, ground: Ground) -> list[SkillRow]:
    """One row a skill and one a name that no skill has; what is hidden makes no row."""
    shares = {skill.identity: _Share() for skill in skills}
    rows = []
    for name in dict.fromkeys([*heard.tally.names, *heard.spendings]):
        activity = heard.tally.names.get(name) or Activity()
        spending = heard.spendings.get(name) or Spending()
        owners = resolver.find(name)
        use = Use(activity, spending)
        for skill in owners:
            _give(shares[skill.identity], name, owners, use)
        if not owners and not is_hidden(name) and name and (activity.calls or spending.last is not None):
            verdict = unlisted(activity, heard.origins.get(name, ""), ground.window)
            rows.append(SkillRow(None, name, verdict, use, use.last))
    for skill in (skill for name in heard.tally.undated for skill in resolver.find(name)):
        shares[skill.identity].undated = True
    rows += [_row(skill, shares[skill.identity], ground) for skill in skills]
    return sorted(rows, key=lambda row: (ORDER[row.verdict.status], -row.activity.calls, row.name))


def _give(share: _Share, name: str, owners: Sequence[ListedSkill], use: Use) -> None:
    if len(owners) > 1 and use.is_any:
        share.shared.append(SharedUse(name, tuple(owner.owners for owner in owners), use))
        share.rivals.update(_shown(owner) for owner in owners)
    else:
        share.own.append(use)


def _shown(skill: ListedSkill) -> str:
    return f"{skill.key} ({skill.path})" if skill.path else skill.key


def _row(skill: ListedSkill, share: _Share, ground: Ground) -> SkillRow:
    own = together(share.own)
    verdict = judge(skill, own.activity, own.spending.last, ground, undated=share.undated)
    shared = tuple(share.shared)
    if not shared:
        return SkillRow(skill, skill.telemetry_names[0], verdict, own, own.last)
    names = {"a hidden name of its plugin" if is_hidden(told.name) else told.name for told in shared}
    rivals = share.rivals - {_shown(skill)}
    last = own.last if verdict.status == ACTIVE else together([own, *(told.use for told in shared)]).last
    return SkillRow(skill, skill.telemetry_names[0], judge_shared(verdict, names, rivals), own, last, shared)


def join_prompts(listed: Listed, heard: Heard, ground: Ground) -> list[PromptRow]:
    """The same for prompts; nothing where no source told of any, for then nobody measures them."""
    if not heard.tally.names:
        return []
    known = {prompt.id: prompt for prompt in listed.prompts or ()}
    rows = []
    for name in dict.fromkeys([*heard.tally.names, *known]):
        activity = heard.tally.names.get(name) or Activity()
        prompt = known.get(name)
        if prompt is not None:
            verdict = judge_prompt(prompt, activity, ground, undated=name in heard.tally.undated)
        else:
            verdict = _unknown_prompt(listed, activity, ground)
        rows.append(PromptRow(prompt, name, verdict, activity, heard.spendings.get(name) or Spending()))
    return sorted(rows, key=lambda row: (ORDER[row.verdict.status], -row.activity.calls, row.name))


def _unknown_prompt(listed: Listed, activity: Activity, ground: Ground) -> Verdict:
    told = unlisted(activity, "", ground.window)
    if listed.prompts is not None:
        return told
    fresh = activity.last is not None and activity.last >= ground.window.fresh
    return Verdict(ACTIVE if fresh else STALE, told.reason.partition("; ")[2])


def owner_rows(rows: Sequence[SkillRow]) -> list[OwnerRow]:
    """What each owner has, dearest first; skills without an owner are under the empty name.

    Use under a name of several skills is an owner's only where all of them are, and counts once.
    """
    uses: dict[str, list[Use]] = {}
    held: dict[str, list[SkillRow]] = {}
    for row in rows:
        if row.skill is not None:
            for owner in row.skill.owners or ("",):
                held.setdefault(owner, []).append(row)
                uses.setdefault(owner, []).append(row.own)
    for shared in shared_by_name(rows):
        for owner in shared.certain_owners:
            uses.setdefault(owner, []).append(shared.use)
    found = [_owner_row(owner, owned, together(uses[owner])) for owner, owned in held.items()]
    return sorted(found, key=lambda row: (-(row.cost or 0.0), -row.calls, row.owner))


def _owner_row(owner: str, rows: Sequence[SkillRow], use: Use) -> OwnerRow:
    idle = [row.skill for row in rows if row.verdict.status in IDLE]
    return OwnerRow(
        owner=owner,
        skills=len(rows),
        active=sum(row.verdict.status == ACTIVE for row in rows),
        idle=len(idle),
        calls=use.activity.calls,
        cost=use.spending.cost,
        tokens=sum(use.spending.tokens.values()),
        idle_listing_tokens=sum(skill.listing_tokens or 0 for skill in idle if skill is not None),
    )


def coverage_of(heard: Heard, resolver: Resolver) -> Coverage:
    """How much of what was heard has a name, and one that is one skill's alone."""
    calls = hidden = shared = 0
    shared_costs = [
        spending.cost
        for name, spending in heard.spendings.items()
        if spending.cost is not None and not is_hidden(name) and len(resolver.find(name)) > 1
    ]
    for name, activity in heard.tally.names.items():
        calls += activity.calls
        owners = len(resolver.find(name))
        hidden += activity.calls * (is_hidden(name) and owners != 1)
        shared += activity.calls * (owners > 1 and not is_hidden(name))
    costs = [
        spending.cost for name, spending in heard.spendings.items() if is_hidden(name) and spending.cost is not None
    ]
    outside = heard.spendings.get("")
    undated = heard.tally.undated
    return Coverage(
        calls=calls,
        hidden_calls=hidden,
        undated=sum(undated.values()),
        hidden_undated=sum(
            count for name, count in undated.items() if is_hidden(name) and len(resolver.find(name)) != 1
        ),
        shared_calls=shared,
        shared_cost=sum(shared_costs) if shared_costs else None,
        sessions=heard.tally.sessions,
        named_sessions=heard.tally.named_sessions,
        hidden_cost=sum(costs) if costs else None,
        outside_cost=outside.cost if outside is not None else None,
    )
