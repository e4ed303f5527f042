"""Moves of labels: what changes, who gets more callers, and what a promotion or a rollback makes of a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.gate.label_history import LabelHistory
from catalog_tool.gate.policy import Policy
from catalog_tool.gate.shelf import Sources
from catalog_tool.gate.ways_back import WaysBack
from catalog_tool.model.labels import Labels, LabelValue

HUNDRED = 10_000
"""100 per cent in hundredths, the unit weights are computed in."""


class Move(NamedTuple):
    """One label of one prompt that is to change; ``current`` is None where it is new."""

    prompt: str
    label: str
    current: LabelValue | None
    wanted: LabelValue

    def gaining(self) -> tuple[str, ...]:
        """The versions that get callers they did not have: more weight, or the place of the stable one."""
        return tuple(
            version for version in self.wanted.versions if _reach(self.wanted, version) > _reach(self.current, version)
        )


def moves(before: Labels, after: Labels) -> Iterator[Move]:
    """Every label that has another value after than before; one that was removed moves nobody to a new version."""
    for prompt, labels in after.items():
        known = before.get(prompt, {})
        for label, wanted in labels.items():
            current = known.get(label)
            if current is None or current.to_json() != wanted.to_json():
                yield Move(prompt, label, current, wanted)


def promoted(current: LabelValue | None, version: str, weight: float | None, policy: Policy | None) -> LabelValue:
    """The value after a promotion.

    ``weight`` is the version's share in per cent. None: the next step of the policy's roll-out, or all of it
    where there is no schedule or nobody to move yet. The stable version gives up what the candidate gets; other
    candidates keep their shares. UsageError: they leave no room.
    """
    if weight is None:
        weight = _next_step(current, version, policy)
    share = round(weight * 100)
    if current is None and share < HUNDRED:
        raise UsageError("a new label has no stable version to share with", hint="leave --weight out")
    if current is None or share >= HUNDRED:
        return LabelValue(((version, 100),))
    stable = current.stable
    if version == stable:
        raise UsageError(f"{version} is the stable version already", hint="leave --weight out to give it all callers")
    others = [(name, round(part * 100)) for name, part in current.split[1:]]
    if version in current.versions:
        candidates = [(name, share if name == version else part) for name, part in others]
    else:
        candidates = [*others, (version, share)]
    left = HUNDRED - sum(part for _, part in candidates)
    if left <= 0:
        message = f"the candidates would get {(HUNDRED - left) / 100:g} %: nothing is left for {stable}"
        raise UsageError(message, hint="lower a weight first, or promote with 100")
    return LabelValue(tuple((name, _per_cent(part)) for name, part in [(stable, left), *candidates]))


def rolled_back(current: LabelValue | None, sources: Sources, of: tuple[str, str], to: str | None) -> LabelValue:
    """The value after a rollback: the stable version alone where a split is on trial, else the one before.

    ``of`` is the prompt and the label. Which ones are before says ``WaysBack``; ``to`` names another of them.
    UsageError: there is nothing to go back to. GitError: git does not answer.
    """
    prompt, label = of
    if current is None:
        raise UsageError(f"there is no label {label} to roll back")
    if to is None and len(current.split) > 1:
        return LabelValue(((current.stable, 100),))
    history = sources.history(prompt)
    if history is None:
        raise UsageError(f"without git nothing says what {label} had before", hint="edit registry.yaml by hand")
    stable = current.stable
    if to == stable:
        return LabelValue(((stable, 100),))
    ways = WaysBack(sources, history, prompt, label, stable)
    earlier = ways.all()
    wanted = to or next(iter(earlier), None)
    if wanted is None or wanted not in earlier or not ways.is_open(wanted):
        raise _no_way(ways, wanted)
    return LabelValue(((wanted, 100),))


def _no_way(ways: WaysBack, to: str | None) -> UsageError:
    """Why there is nothing to go back to, or not to that; never silently to another one."""
    label, stable, present = ways.label, ways.stable, list(ways.open())
    others = f"it can go back to {', '.join(present)}" if present else "there is none"
    if to is None:
        message = f"there is no version before {stable} that {label} could go back to"
        return UsageError(message, hint=_known(ways.history))
    if to in ways.all():
        message = f"{to} is not what it was when {label} had it, and nothing was shown of it: {others}"
        if ways.sources.digest(ways.prompt, to) is None:
            message = f"{ways.prompt} has no version {to} that can be used: {others}"
        also = f"; `--to {present[0]}` goes back further" if present else ""
        return UsageError(message, hint=f"bring {to} forward with `catalog promote`{also}")
    message = f"{to} is no version before {stable} that {label} could go back to: {others}"
    return UsageError(message, hint=f"bring {to} forward with `catalog promote`; {_known(ways.history)}")


def _known(history: LabelHistory) -> str:
    if history.whole:
        return "only what is committed counts"
    return "this clone is cut off: fetch the whole history (in CI: fetch-depth: 0)"


def _next_step(current: LabelValue | None, version: str, policy: Policy | None) -> float:
    if current is None or policy is None or version == current.stable:
        return 100
    present = _reach(current, version)
    return next((step.weight for step in policy.rollout if step.weight > present), 100)


def _reach(value: LabelValue | None, version: str) -> float:
    """How many callers in a hundred may get a version; the stable one gets whoever has no key, so all may."""
    if value is None:
        return 0
    return 100 if value.stable == version else next((part for name, part in value.split if name == version), 0)


def _per_cent(hundredths: int) -> float | int:
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100
