"""Labels that moved or were re-weighted, and what that deploys: a rollout, not a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.diff.changes import ADDED, LABEL, MODIFIED, REMOVED, Change, detail
from catalog_tool.diff.parts import judge_versions
from catalog_tool.diff.sides import Key, Side
from catalog_tool.model.labels import LabelValue


class _Values(NamedTuple):
    """What a label of a prompt pointed to and points to."""

    name: str
    label: str
    before: LabelValue | None
    after: LabelValue | None


def label_changes(base: Side, head: Side, renamed: Mapping[str, str]) -> Iterator[Change]:
    """A change for every label whose value differs; ``renamed``: old → new id of prompts that took theirs along."""
    former = {new: old for old, new in renamed.items()}
    for name in sorted({*base.labels, *head.labels} - set(renamed)):
        old, new = base.labels.get(former.get(name, name), {}), head.labels.get(name, {})
        for label in sorted({*old, *new}):
            values = _Values(name, label, old.get(label), new.get(label))
            if values.before != values.after:
                yield _change(base, head, values)


def _change(base: Side, head: Side, values: _Values) -> Change:
    before, after = values.before, values.after
    op = ADDED if before is None else REMOVED if after is None else MODIFIED
    old, new = (value.to_json() if value is not None else None for value in (before, after))
    deploys = list(_deploys(base, head, values))
    message = "; ".join([_moved(before, after), *map(_said, deploys)])
    item = detail("label-moved", "", old, new, message, extra={"deploys": deploys})
    file = f"{head.settings.prompts}/registry.yaml"
    return Change(f"{values.name}@{values.label}", LABEL, op, old, new, (item,), file=file)


def _moved(before: LabelValue | None, after: LabelValue | None) -> str:
    if before is None:
        return f"the label came and points to {_shown(after)}"
    if after is None:
        return f"the label went, it pointed to {_shown(before)}: whoever asks for it gets nothing"
    if before.stable == after.stable and before.versions == after.versions:
        return f"re-weighted from {_shown(before)} to {_shown(after)}"
    return f"moved from {_shown(before)} to {_shown(after)}"


def _shown(value: LabelValue | None) -> str:
    if value is None:
        return "nothing"
    if len(value.split) == 1:
        return value.stable
    return ", ".join(f"{version} {weight:g} %" for version, weight in value.split)


def _deploys(base: Side, head: Side, values: _Values) -> Iterator[dict[str, Any]]:
    """Each version that more callers of the label get than before, against the one that lost most of them."""
    lost, more = gained_callers(values.before, values.after)
    was, now = (dict(value.split) if value is not None else {} for value in (values.before, values.after))
    old = _parts(base, head, (values.name, lost)) if more else None
    for version in more:
        new = _parts(head, base, (values.name, version))
        judged = judge_versions(old, new)._asdict() if old is not None and new is not None else _UNKNOWN
        share = {"before": was.get(version, 0), "after": now[version]}
        yield {"from": lost, "to": version, "share": share, **judged}


def gained_callers(before: LabelValue | None, after: LabelValue | None) -> tuple[str, list[str]]:
    """The version that lost most callers of a label, and those that gained any; nothing for one that came or went.

    Where no share grew but another version is the stable one, callers without a key moved.
    """
    if before is None or after is None:
        return "", []
    was, now = dict(before.split), dict(after.split)
    lost = max(was, key=lambda version: was[version] - now.get(version, 0))
    more = [version for version in now if now[version] > was.get(version, 0)]
    if not more and before.stable != after.stable:
        return before.stable, [after.stable]
    return lost, more


_UNKNOWN = {"contract": None, "behaviour": None, "summary": "cannot be read"}


def _parts(first: Side, second: Side, key: Key) -> dict[str, Any] | None:
    for side in (first, second):
        if key[1] in side.versions().get(key[0], {}):
            version = side.version(key).version
            return version.decoded() if version is not None else None
    return None


def _said(item: Mapping[str, Any]) -> str:
    share = item["share"]
    whom = "" if share["after"] == 100 else f" to {share['after']:g} % of callers instead of {share['before']:g} %"
    if item["contract"] is None:
        return f"deploys {item['from']} → {item['to']}{whom}, nobody knows what: a version cannot be read"
    levels = f"contract {item['contract']}, behaviour {item['behaviour']}"
    return f"deploys {item['from']} → {item['to']}{whom} ({levels}): {item['summary']}"
