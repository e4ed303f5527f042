"""Labels that moved or were re-weighted, and what that deploys: a rollout, not a version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog_tool.diff.changes import ADDED, LABEL, MODIFIED, REMOVED, Change, detail
from catalog_tool.diff.parts import judge_versions
from catalog_tool.diff.sides import Key, Side
from catalog_tool.model.labels import LabelValue


def label_changes(base: Side, head: Side) -> Iterator[Change]:
    """A change for every label whose value differs."""
    for name in sorted({*base.labels, *head.labels}):
        old, new = base.labels.get(name, {}), head.labels.get(name, {})
        for label in sorted({*old, *new}):
            before, after = old.get(label), new.get(label)
            if before != after:
                yield _change(base, head, (name, label), (before, after))


def _change(
    base: Side, head: Side, pointer: tuple[str, str], values: tuple[LabelValue | None, LabelValue | None]
) -> Change:
    (name, label), (before, after) = pointer, values
    op = ADDED if before is None else REMOVED if after is None else MODIFIED
    old, new = (value.to_json() if value is not None else None for value in values)
    deploys = list(_deploys(base, head, name, values))
    message = f"{_moved(before, after)}{'; ' + '; '.join(_said(item) for item in deploys) if deploys else ''}"
    item = detail("label-moved", "", old, new, message, extra={"deploys": deploys})
    return Change(f"{name}@{label}", LABEL, op, old, new, (item,), file=f"{head.settings.prompts}/registry.yaml")


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


def _deploys(
    base: Side, head: Side, name: str, values: tuple[LabelValue | None, LabelValue | None]
) -> Iterator[dict[str, Any]]:
    """What callers of the label get that they did not get before, each against the old stable version."""
    before, after = values
    if before is None or after is None:
        return
    old = _parts(base, head, (name, before.stable))
    for version in after.versions:
        if version in before.versions and not (version == after.stable != before.stable):
            continue
        new = _parts(head, base, (name, version))
        if old is None or new is None:
            yield {
                "from": before.stable,
                "to": version,
                "contract": None,
                "behaviour": None,
                "summary": "cannot be read",
            }
        else:
            found = judge_versions(old, new)
            yield {"from": before.stable, "to": version, **found._asdict()}


def _parts(first: Side, second: Side, key: Key) -> dict[str, Any] | None:
    for side in (first, second):
        if key[1] in side.versions().get(key[0], {}):
            version = side.version(key).version
            return version.decoded() if version is not None else None
    return None


def _said(item: dict[str, Any]) -> str:
    if item["contract"] is None:
        return f"what {item['from']} to {item['to']} deploys is unknown: a version cannot be read"
    levels = f"contract {item['contract']}, behaviour {item['behaviour']}"
    return f"deploys {item['from']} → {item['to']} ({levels}): {item['summary']}"
