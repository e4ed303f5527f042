"""What a comparison finds: details (one difference each), changes (one artifact each), the result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog_tool.diff.occasions import KNOWN
from catalog_tool.diff.rules import at_least, rank, worst
from catalog_tool.diff.words import TextDiff

PROMPT, SKILL, LABEL, TEST = "prompt", "skill", "label", "test"
ADDED, REMOVED, MODIFIED, RENAMED = "added", "removed", "modified", "renamed"
_KINDS = {PROMPT: 0, SKILL: 1, LABEL: 2, TEST: 3}


class Waiver(NamedTuple):
    """Why a detail has another contract level than its rule gives: ``contract`` is what it would be.

    ``until`` is the last day (``YYYY-MM-DD``) on which this holds, or None.
    """

    contract: str
    reason: str
    until: str | None = None


class Detail(NamedTuple):
    """One difference inside an artifact.

    ``path`` is an RFC 6901 pointer into the artifact (the new one, or the old one for what went);
    ``before`` and ``after`` are JSON values, None for absent; ``rule`` an id of ``occasions.KNOWN``.
    ``also`` are other pointers that this difference accounts for. ``text`` is the comparison of two
    texts, where both sides are text; ``extra`` holds what only some rules say. ``line`` and ``column``
    count from 1 in the change's file.
    """

    path: str
    op: str
    before: Any
    after: Any
    rule: str
    contract: str
    behaviour: str
    message: str
    also: tuple[str, ...] = ()
    waiver: Waiver | None = None
    text: TextDiff | None = None
    extra: Mapping[str, Any] = {}
    line: int | None = None
    column: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The detail of design §7, with ``also``, ``waiver`` and what else the rule says where there is any."""
        found = {name: getattr(self, name) for name in _DETAIL_FIELDS}
        if self.also:
            found["also"] = list(self.also)
        if self.waiver is not None:
            found["waiver"] = self.waiver._asdict()
        return {**found, **self.extra}

    @property
    def risk(self) -> tuple[int, int]:
        """Greater is worse: contract before behaviour."""
        return rank(self.contract), rank(self.behaviour)


_DETAIL_FIELDS = ("path", "op", "before", "after", "rule", "contract", "behaviour", "message")


def detail(rule: str, path: str, before: Any, after: Any, message: str, **more: Any) -> Detail:
    """A detail with its rule's levels; ``more`` sets any other field, levels too."""
    known = KNOWN[rule]
    usual = {"op": _op(before, after), "contract": known.contract, "behaviour": known.behaviour}
    return Detail(path=path, before=before, after=after, rule=rule, message=message, **{**usual, **more})


def same_json(old: Any, new: Any) -> bool:
    """Whether two JSON values are the same; for Python ``True`` is 1."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _op(before: Any, after: Any) -> str:
    if before is None and after is not None:
        return "added"
    return "removed" if after is None and before is not None else "changed"


class Tokens(NamedTuple):
    """Estimated tokens of the old and the new version; estimates, to be shown with ``~``."""

    before: int
    after: int

    def to_json(self) -> dict[str, Any]:
        """Both, and the relative change (null where there was nothing)."""
        relative = round((self.after - self.before) / self.before, 4) if self.before else None
        return {"before": self.before, "after": self.after, "relative": relative}


class Change(NamedTuple):
    """What happened to one artifact, or to one of its versions.

    ``before`` and ``after`` are versions, label values or names (``from`` and ``to`` of design §7).
    ``against`` says why these two were compared: ``highest`` (the highest older version) and labels
    that point to the old one at the base. ``file`` is the artifact's file at the head (base, where it
    went), from the catalog's root. ``renders`` compares what the model would get.
    """

    artifact: str
    kind: str
    op: str
    before: Any
    after: Any
    details: tuple[Detail, ...]
    against: tuple[str, ...] = ()
    file: str | None = None
    tokens: Tokens | None = None
    renders: tuple[Any, ...] = ()

    @property
    def contract(self) -> str:
        """The worst of the details."""
        return worst(item.contract for item in self.details)

    @property
    def behaviour(self) -> str:
        """The worst of the details."""
        return worst(item.behaviour for item in self.details)

    @property
    def worst(self) -> Detail | None:
        """The detail to name first."""
        return max(self.details, key=lambda item: item.risk, default=None)

    def to_json(self) -> dict[str, Any]:
        """The change of design §7."""
        return {
            "artifact": self.artifact,
            "kind": self.kind,
            "op": self.op,
            "from": self.before,
            "to": self.after,
            "contract": self.contract,
            "behaviour": self.behaviour,
            "details": [item.to_json() for item in self.details],
        }


def by_risk(changes: Iterable[Change]) -> list[Change]:
    """The riskiest change first, in a fixed order; so too the details inside each."""
    ordered = [
        change._replace(details=tuple(sorted(change.details, key=lambda item: [-n for n in item.risk])))
        for change in changes
    ]
    return sorted(
        ordered,
        key=lambda change: (
            -rank(change.contract), -rank(change.behaviour), _KINDS[change.kind],
            change.artifact, str(change.after), HIGHEST not in change.against, str(change.before),
        ),
    )  # fmt: skip


class DiffResult(NamedTuple):
    """The answer of a comparison: ``base`` and ``head`` are as asked for, None for the work tree.

    ``changes`` come riskiest first. ``listing`` compares the skills' listing, None where no skill
    changed; ``shared`` lists changed shared parts with their dependents; ``unfit`` says which of the changed
    versions a configured target cannot hold: address and a sentence.
    """

    base: str | None
    head: str | None
    changes: tuple[Change, ...]
    listing: Mapping[str, Any] | None = None
    shared: tuple[Mapping[str, Any], ...] = ()
    unfit: tuple[tuple[str, str], ...] = ()

    @property
    def contract(self) -> str:
        """The worst of all changes."""
        return worst(change.contract for change in self.changes)

    @property
    def behaviour(self) -> str:
        """The worst of all changes."""
        return worst(change.behaviour for change in self.changes)

    def fails(self, threshold: str) -> bool:
        """Whether ``--fail-on`` of a contract level refuses this."""
        return bool(self.changes) and at_least(self.contract, threshold)

    def steps(self) -> dict[str, str]:
        """Artifact → the smallest honest step: major, minor or patch; ``none`` for metadata only.

        A comparison with what a label points to is the label's business and does not count.
        """
        found: dict[str, list[str]] = {}
        for change in self.changes:
            if change.kind in (PROMPT, SKILL) and (not change.against or HIGHEST in change.against):
                found.setdefault(change.artifact, []).append(change.contract)
        return {name: worst(levels) for name, levels in sorted(found.items())}

    def to_json(self) -> dict[str, Any]:
        """The document of design §7."""
        return {
            "format": 1,
            "status": "changed" if self.changes else "same",
            "base": self.base,
            "head": self.head,
            "changes": [change.to_json() for change in self.changes],
            "summary": self._summary(),
        }

    def _summary(self) -> dict[str, Any]:
        kinds = Counter(change.kind for change in self.changes)
        rules = Counter(item.rule for change in self.changes for item in change.details)
        steps = self.steps()
        return {
            "contract": self.contract,
            "behaviour": self.behaviour,
            "step": worst(steps.values()),
            "steps": steps,
            "changes": {kind: kinds.get(kind, 0) for kind in _KINDS},
            "undecided": rules.get("undecided", 0),
            "weakened_tests": rules.get("test-weakened", 0),
            "waived": sum(item.waiver is not None for change in self.changes for item in change.details),
            "comparisons": [_comparison(change) for change in self.changes if change.against],
            "renders": [
                {"artifact": change.artifact, "from": change.before, "to": change.after, **render.to_json()}
                for change in self.changes
                for render in change.renders
            ],
            "shared": [dict(part) for part in self.shared],
            "listing": dict(self.listing) if self.listing is not None else None,
            **({"unfit": [{"object": address, "message": why} for address, why in self.unfit]} if self.unfit else {}),
        }


HIGHEST = "highest"
"""In ``Change.against``: the old version is the highest older one."""


def _comparison(change: Change) -> dict[str, Any]:
    found = {"artifact": change.artifact, "from": change.before, "to": change.after}
    tokens = change.tokens.to_json() if change.tokens is not None else None
    return {**found, "against": list(change.against), "tokens": tokens}
