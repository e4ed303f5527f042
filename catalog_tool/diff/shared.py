"""Shared partials and tools that changed, and every prompt version that holds them (design §2.1, §2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.diff.changes import ADDED, MODIFIED, PROMPT, REMOVED, Change, Detail, detail
from catalog_tool.diff.messages import text_detail
from catalog_tool.diff.sides import Key, TreeSide
from catalog_tool.diff.tools import compare_tools
from catalog_tool.source.dependents import dependents_of

PARTIALS = "partials"


class SharedChange(NamedTuple):
    """One shared part that differs: ``partials`` or ``tools``, its reference, and who holds it at the head."""

    kind: str
    reference: str
    before: str | None
    after: str | None
    dependents: tuple[str, ...]

    @property
    def name(self) -> str:
        """``partials/safety@v1``."""
        return f"{self.kind}/{self.reference}"

    @property
    def op(self) -> str:
        """What happened to it."""
        return ADDED if self.before is None else REMOVED if self.after is None else MODIFIED

    def to_json(self) -> dict[str, Any]:
        """What the summary says."""
        return {"part": self.name, "op": self.op, "dependents": list(self.dependents)}


def shared_changes(base: TreeSide, head: TreeSide) -> list[SharedChange]:
    """Every shared part that differs between two sides."""
    old, new = base.files.shared.digests, head.files.shared.digests
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    users: dict[tuple[str, str], dict[str, set[str]]] = {}
    found = []
    for name in names:
        kind, _, reference = name.partition("/")
        part = reference.partition("@")[0]
        if (kind, part) not in users:
            users[kind, part] = _users(base, head, kind, part)
        holders = tuple(sorted(users[kind, part].get(reference, ())))
        found.append(SharedChange(kind, reference, old.get(name), new.get(name), holders))
    return found


def _users(base: TreeSide, head: TreeSide, kind: str, part: str) -> dict[str, set[str]]:
    """Reference → the versions that hold it, at either side."""
    found: dict[str, set[str]] = {}
    for side in (base, head):
        for dependent in dependents_of(side.tree, side.files, kind, part).found:
            for reference in dependent.references:
                found.setdefault(reference, set()).add(dependent.version)
    return found


def affected_versions(changes: list[SharedChange]) -> dict[Key, tuple[str, ...]]:
    """The versions that may differ though their own files do not, and the references of the parts that do."""
    found: dict[Key, tuple[str, ...]] = {}
    for change in changes:
        for version in change.dependents:
            name, _, number = version.rpartition("@")
            found[name, number] = (*found.get((name, number), ()), change.reference)
    return found


def shared_rows(base: TreeSide, head: TreeSide, changes: list[SharedChange]) -> Iterator[Change]:
    """A row for each part that changed and that somebody holds, or that was released and must not change."""
    for change in changes:
        details = [_blast(base, head, change)] if change.dependents else []
        if change.op == MODIFIED and "@" in change.reference:
            bump = f"`catalog bump --shared {change.reference.partition('@')[0]}`"
            message = f"`{change.reference}` was released and has changed: take that back and run {bump}"
            details.append(detail("released-changed", "", _short(change.before), _short(change.after), message))
        if details:
            layout = (base if change.after is None else head).files.layout
            table = layout.partials if change.kind == PARTIALS else layout.tools
            yield Change(
                f"_shared/{change.name}", PROMPT, change.op, _short(change.before), _short(change.after),
                tuple(details), file=table.get(change.reference),
            )  # fmt: skip


def _short(digest: str | None) -> str | None:
    return digest[7:19] or None if digest is not None else None


def _blast(base: TreeSide, head: TreeSide, change: SharedChange) -> Detail:
    who = ", ".join(f"`{name}`" for name in change.dependents[:5]) + (
        f" and {len(change.dependents) - 5} more" if len(change.dependents) > 5 else ""
    )
    message = f"`{change.reference}` {_said(base, head, change)}; held by {who}"
    text = None
    before, after = (_text(side, change) for side in (base, head))
    if before is not None and after is not None:
        text = text_detail("", before, after, "").text
    extra = {"dependents": list(change.dependents)}
    return detail("shared-part", "", before, after, message, text=text, extra=extra)


def _text(side: TreeSide, change: SharedChange) -> Any:
    if change.kind == PARTIALS:
        return side.files.shared.partials.get(change.reference)
    return None


def _said(base: TreeSide, head: TreeSide, change: SharedChange) -> str:
    if change.op != MODIFIED:
        return "came" if change.op == ADDED else "went"
    old, new = (side.files.shared.tools.get(change.reference) for side in (base, head))
    if old and new:
        details = compare_tools([old], [new])
        first = max(details, key=lambda item: item.risk, default=None)
        return f"changed ({first.message})" if first else "changed"
    return "changed"
