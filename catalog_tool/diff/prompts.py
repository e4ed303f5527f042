"""Compares the prompts of two sides: which came, went, changed or have another id, version by version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.diff.changes import (
    ADDED,
    HIGHEST,
    MODIFIED,
    PROMPT,
    REMOVED,
    RENAMED,
    Change,
    Detail,
    Tokens,
    detail,
)
from catalog_tool.diff.parts import compare_meta, compare_parts
from catalog_tool.diff.prompt_renames import prompt_renames
from catalog_tool.diff.renders import Case, Render, compare_renders
from catalog_tool.diff.sides import Key, Loaded, Side, highest, oldest_first
from catalog_tool.diff.tokens import estimated_tokens
from catalog_tool.model.names import version_number
from catalog_tool.model.prompt import PromptVersion

Inputs = Callable[[str], Sequence[Case]]
"""A prompt's id → the inputs that its versions are rendered with."""


class Scope(NamedTuple):
    """What is compared: the versions that may differ by what they include, and the inputs for rendering."""

    affected: Mapping[Key, tuple[str, ...]] = {}
    """Versions that hold shared parts that changed, with the parts' references."""
    inputs: Inputs = lambda name: ()  # noqa: ARG005 - no inputs for any prompt
    comparable: bool = True
    """Whether equal stamps on both sides mean equal versions."""


class Pair(NamedTuple):
    """Two versions to compare, each with the side that holds it, and why they are compared."""

    old: tuple[Side, Key]
    new: tuple[Side, Key]
    against: tuple[str, ...] = ()


class _Moved(NamedTuple):
    """A prompt with another id: the versions on both sides, and what its new ones are compared with."""

    old: str
    new: str
    both: list[str]
    pairs: list[Pair]


def prompt_changes(base: Side, head: Side, scope: Scope = Scope()) -> Iterator[Change]:  # noqa: B008 - immutable
    """A change for every prompt or version that differs."""
    return _Prompts(base, head, scope).changes()


class _Prompts:
    def __init__(self, base: Side, head: Side, scope: Scope) -> None:
        self.base, self.head, self.scope = base, head, scope
        self.old, self.new = base.versions(), head.versions()

    def changes(self) -> Iterator[Change]:
        common = [name for name in self.new if name in self.old]
        gone = sorted(name for name in self.old if name not in self.new)
        come = sorted(name for name in self.new if name not in self.old)
        suspects = [key for name in common for key in self._suspects(name)]
        pairs = [pair for name in common for pair in self._new_versions(name)]
        self._load(suspects, pairs, gone, come)
        for key in suspects:
            yield from self._existing(key)
        for pair in pairs:
            yield self._compared(pair, MODIFIED)
        for name in common:
            for version in oldest_first(set(self.old[name]) - set(self.new[name])):
                yield self._removed(name, version)
        yield from self._ids(gone, come)

    def _suspects(self, name: str) -> list[Key]:
        """Versions on both sides that may differ."""
        old, new = self.old[name], self.new[name]
        return [
            (name, version)
            for version in oldest_first(set(old) & set(new))
            if not self.scope.comparable
            or new[version] is None
            or old[version] != new[version]
            or (name, version) in self.scope.affected
        ]

    def _new_versions(self, name: str, before: str = "") -> Iterator[Pair]:
        """Each version that came, with the highest older one and with what each label points to at the base.

        ``before`` is the prompt's id there, where that was another one.
        """
        former = before or name
        old, new = self.old[former], self.new[name]
        for version in oldest_first(set(new) - set(old)):
            older = [other for other in {*old, *new} if version_number(other) < version_number(version)]
            reasons: dict[str, list[str]] = {}
            if older:
                reasons[max(older, key=version_number)] = [HIGHEST]
            for label, value in sorted(self.base.labels.get(former, {}).items()):
                for target in value.versions:
                    if target != version and target in {*old, *new}:
                        reasons.setdefault(target, []).append(label)
            for other, against in reasons.items():
                held = (self.head, (name, other)) if other in new else (self.base, (former, other))
                yield Pair(held, (self.head, (name, version)), tuple(against))
            if not reasons:
                yield Pair((self.base, (former, "")), (self.head, (name, version)), (HIGHEST,))

    def _load(self, suspects: Iterable[Key], pairs: Iterable[Pair], gone: Iterable[str], come: Iterable[str]) -> None:
        wanted = self._keys(pairs)
        wanted[id(self.base)] += suspects
        wanted[id(self.head)] += suspects
        wanted[id(self.base)] += [(name, highest(self.old[name])) for name in gone]
        wanted[id(self.head)] += [(name, highest(self.new[name])) for name in come]
        self._read(wanted)

    def _keys(self, pairs: Iterable[Pair]) -> dict[int, list[Key]]:
        wanted: dict[int, list[Key]] = {id(self.base): [], id(self.head): []}
        for side, key in (held for pair in pairs for held in (pair.old, pair.new)):
            if key[1]:
                wanted[id(side)].append(key)
        return wanted

    def _read(self, wanted: Mapping[int, Iterable[Key]]) -> None:
        for side in (self.base, self.head):
            side.load(dict.fromkeys(wanted[id(side)]))

    def _existing(self, key: Key, before: str = "") -> Iterator[Change]:
        """What became of a version that is on both sides; ``before`` is its prompt's other id at the base."""
        former = (before or key[0], key[1])
        old, new = self.base.version(former), self.head.version(key)
        pair = Pair((self.base, former), (self.head, key))
        if old.version is None or new.version is None:
            if old.problem or new.problem:
                yield self._compared(pair, MODIFIED)
            return
        if old.version.digest != new.version.digest:
            yield self._released(pair, old.version, new.version)
            return
        details = tuple(compare_meta(old.version.metadata(), new.version.metadata()))
        if details:
            yield Change(key[0], PROMPT, MODIFIED, key[1], key[1], details, file=self.head.file(key))

    def _released(self, pair: Pair, old: PromptVersion, new: PromptVersion) -> Change:
        """A version that is on both sides with other content: versions are immutable."""
        name, version = pair.new[1]
        same = self.old[pair.old[1][0]][version] == self.new[name][version]
        cause = self.scope.affected.get(pair.new[1], ()) if same else ()
        if cause:
            part = cause[0].partition("@")[0]
            message = f"{version} was released and has other content now, because `{'`, `'.join(cause)}` changed: "
            message += f"take that back and run `catalog bump --shared {part}`"
        else:
            message = f"{version} was released and has other content now: take that back and run `catalog bump {name}`"
        broken = detail("released-changed", "", old.digest[7:19], new.digest[7:19], message)
        change = self._compared(pair, MODIFIED)
        return change._replace(details=(broken, *change.details))

    def _compared(self, pair: Pair, op: str) -> Change:
        (old_side, old_key), (new_side, new_key) = pair.old, pair.new
        if not old_key[1]:
            return self._added(new_key)
        compared = compare_loaded(old_side.version(old_key), new_side.version(new_key), self.scope.inputs(new_key[0]))
        details = tuple(self._placed(item, new_key) for item in compared.details)
        return Change(
            new_key[0], PROMPT, op, old_key[1], new_key[1], details,
            against=pair.against, file=new_side.file(new_key), tokens=compared.tokens, renders=compared.renders,
        )  # fmt: skip

    def _placed(self, item: Detail, key: Key) -> Detail:
        """The detail with its place in the file, where it breaks something."""
        spot = self.head.spot(key, item.path) if item.contract == "major" and item.op != "removed" else None
        return item._replace(line=spot.line, column=spot.column) if spot is not None else item

    def _added(self, key: Key) -> Change:
        name, version = key
        loaded = self.head.version(key)
        item = detail("artifact-added", "", None, version, f"`{name}@{version}` came")
        if loaded.version is not None:
            item = item._replace(message=f"{item.message}: {_arrival(loaded.version.decoded())}")
        else:
            item = _unreadable("/", f"{version} cannot be read: {loaded.problem}")
        return Change(name, PROMPT, ADDED, None, version, (item,), file=self.head.file(key))

    def _removed(self, name: str, version: str) -> Change:
        labels = [label for label, value in sorted(self.head.labels.get(name, {}).items()) if version in value.versions]
        still = f"; {', '.join(labels)} still points to it" if labels else ""
        message = f"{name}@{version} went: whoever pinned it gets nothing{still}"
        item = detail("artifact-removed", "", version, None, message)
        return Change(name, PROMPT, REMOVED, version, None, (item,), file=self.base.file((name, version)))

    def _ids(self, gone: Sequence[str], come: Sequence[str]) -> Iterator[Change]:
        """Whole prompts that went, came, or have another id."""
        paired = prompt_renames(self.base, self.head, gone, come)
        moved = {old: self._under_another_id(old, new) for old, new in paired.found.items()}
        targets = set(paired.found.values())
        self._load_moved(list(moved.values()))
        for name in gone:
            if name in moved:
                yield from self._moved(moved[name])
            else:
                versions = oldest_first(self.old[name])
                message = f"{name} went ({', '.join(versions)}): whoever asks for it gets nothing"
                message += "; too much came and went to tell whether it has another id" if name in paired.unsure else ""
                item = detail("artifact-removed", "", versions[-1], None, message)
                path = self.base.file((name, versions[-1]))
                yield Change(name, PROMPT, REMOVED, versions[-1], None, (item,), file=path)
        for name in come:
            if name not in targets:
                yield from (self._added((name, version)) for version in oldest_first(self.new[name]))

    def _under_another_id(self, old: str, new: str) -> _Moved:
        """What is to be compared of a prompt with another id, beside its highest versions."""
        ends = (old, highest(self.old[old])), (new, highest(self.new[new]))
        common = oldest_first(set(self.old[old]) & set(self.new[new]))
        both = [version for version in common if ((old, version), (new, version)) != ends]
        return _Moved(
            old, new, both, [pair for pair in self._new_versions(new, old) if (pair.old[1], pair.new[1]) != ends]
        )

    def _load_moved(self, moved: Sequence[_Moved]) -> None:
        wanted = self._keys(pair for each in moved for pair in each.pairs)
        wanted[id(self.base)] += [(each.old, version) for each in moved for version in each.both]
        wanted[id(self.head)] += [(each.new, version) for each in moved for version in each.both]
        self._read(wanted)

    def _moved(self, moved: _Moved) -> Iterator[Change]:
        """All that happened to a prompt with another id: none of its versions may change on the way."""
        old, new = moved.old, moved.new
        yield self._renamed(old, new)
        for version in moved.both:
            yield from self._existing((new, version), old)
        for pair in moved.pairs:
            yield self._compared(pair, MODIFIED)
        for version in oldest_first(set(self.old[old]) - set(self.new[new])):
            yield self._removed(old, version)

    def _renamed(self, old: str, new: str) -> Change:
        message = f"`{old}` is now `{new}`: callers have to ask for the new id"
        first = detail("artifact-renamed", "", old, new, message)
        pair = Pair((self.base, (old, highest(self.old[old]))), (self.head, (new, highest(self.new[new]))), (HIGHEST,))
        change = self._compared(pair, RENAMED)
        return change._replace(before=old, after=new, details=(first, *change.details))


def _arrival(parts: Mapping[str, Any]) -> str:
    """What a reviewer wants to know of a new prompt before opening it."""
    model, variables = parts["model"].get("name"), parts["variables"].get("properties") or {}
    facts = [f"`{model}`"] if model else []
    facts.append(f"~{estimated_tokens(parts)} tokens")
    for verb, names in (("asks for", variables), ("has the tools", [tool["name"] for tool in parts["tools"]])):
        if names:
            facts.append(f"{verb} {', '.join(f'`{name}`' for name in names)}")
    return ", ".join(facts)


class Compared(NamedTuple):
    """Two versions compared: the details, tokens, and what the model would get."""

    details: tuple[Detail, ...]
    tokens: Tokens | None = None
    renders: tuple[Render, ...] = ()


def compare_loaded(old: Loaded, new: Loaded, inputs: Sequence[Case] = ()) -> Compared:
    """Compare two versions; one that cannot be read is undecided, never the same."""
    if old.version is None or new.version is None:
        return Compared(tuple(_problems(old, new)))
    before, after = old.version.decoded(), new.version.decoded()
    renders = compare_renders(before, after, inputs)
    same = all(render.same for render in renders) if renders else None
    details = compare_parts(before, after, same_rendering=same)
    details += compare_meta(old.version.metadata(), new.version.metadata())
    harmless = all(item.rule == "meta" and item.contract == "none" for item in details)
    if old.version.digest != new.version.digest and harmless:
        details.append(detail("undecided", "", None, None, "it differs in a way that could not be judged"))
    return Compared(tuple(details), Tokens(estimated_tokens(before), estimated_tokens(after)), renders)


def _problems(old: Loaded, new: Loaded) -> Iterator[Detail]:
    for loaded, when in ((old, "before"), (new, "now")):
        if loaded.version is None:
            yield _unreadable("", f"it cannot be read as it is {when}: {loaded.problem or 'no reason is known'}")


def _unreadable(path: str, message: str) -> Detail:
    return detail("undecided", path, None, None, f"{message}; see `catalog validate`")
