"""What each step of a prompt's history means: consecutive versions judged as ``catalog diff`` does.

A version that came is judged against the highest older one of that commit, one that changed against
what it was, a shared part by the highest version that holds it, and a label that moved by what its
callers get instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.diff.labels import gained_callers
from catalog_tool.diff.parts import judge_versions
from catalog_tool.model.names import version_number
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.history import Event, History
from catalog_tool.source.history_changes import ADDED, MODIFIED, Change
from catalog_tool.source.history_live import Live
from catalog_tool.source.history_log import Step
from catalog_tool.source.history_parts import PartFile, PartReader, Place, place_of
from catalog_tool.source.layout import VersionFile

JUDGED = 60
"""Changes that are judged, the newest first; reading and comparing two versions takes milliseconds."""


class Verdict(NamedTuple):
    """What ``after`` is to ``before``: contract, which is also the smallest honest step, and behaviour.

    Both are None where a version does not exist or cannot be read.
    """

    before: str
    after: str
    contract: str | None
    behaviour: str | None
    summary: str

    def to_json(self) -> dict[str, Any]:
        """``{"from","to","contract","behaviour","step","summary"}``."""
        return {
            "from": self.before, "to": self.after, "contract": self.contract, "behaviour": self.behaviour,
            "step": self.contract, "summary": self.summary,
        }  # fmt: skip


Verdicts = Mapping[tuple[str, str, str], tuple[Verdict, ...]]
"""(commit, kind, name of the change) → what it means; nothing for what is not judged."""


def history_document(history: History, live: Live | None, verdicts: Verdicts) -> dict[str, Any]:
    """The answer as JSON: each change with its ``judgements``, an empty list where nothing was judged."""
    document: dict[str, Any] = {"format": 1, "status": "ok", **history.to_json(live)}
    for event in document["events"]:
        for change in event["changes"]:
            found = verdicts.get((event["commit"], change["kind"], change["name"]), ())
            change["judgements"] = [verdict.to_json() for verdict in found]
    return document


class _State(NamedTuple):
    """The files of a prompt and the shared parts at one commit, by blob."""

    versions: Mapping[str, PartFile]
    shared: Mapping[str, PartFile]


class _Pair(NamedTuple):
    """Two versions to compare, each as it is at its commit."""

    old: tuple[str, _State]
    new: tuple[str, _State]


def judge_history(history: History, most: int = JUDGED) -> Verdicts:
    """The verdicts of the newest ``most`` changes of versions and labels. Raises ``GitError``."""
    wanted = dict(_newest(history.events, most))
    if not wanted:
        return {}
    reader = _Reader(history)
    pairs = {key: list(reader.pairs(key[0], change)) for key, change in wanted.items()}
    reader.load(pair for found in pairs.values() for pair in found)
    return {key: tuple(reader.verdict(pair) for pair in found) for key, found in pairs.items()}


def _newest(events: Iterable[Event], most: int) -> Iterator[tuple[tuple[str, str, str], Change]]:
    """Changes that leave something to compare, the newest first."""
    for event in events:
        for change in event.changes:
            moved = change.before is not None and change.after is not None
            tells = {"version": change.op in (ADDED, MODIFIED), "shared": change.op == MODIFIED, "label": moved}
            if tells.get(change.kind) and most > 0:
                most -= 1
                yield (event.commit, change.kind, change.name), change


class _Reader:
    """Replays the first-parent line once, and reads only what is compared."""

    def __init__(self, history: History) -> None:
        self._id, self._prompts = history.scope.prompt_id, history.scope.settings.prompts
        self._prefix = history.scope.prefix
        self._parts = PartReader(history.scope.git)
        self._places: dict[str, Place] = {}
        self._states: dict[str, tuple[_State, _State]] = {}
        self._read: dict[tuple[str, tuple[str, ...]], PromptVersion | None] = {}
        wanted = {event.commit for event in history.events}
        self._replay(history.line.steps, wanted)

    def _replay(self, steps: Sequence[Step], wanted: set[str]) -> None:
        """Both states, before and after, of every wanted commit."""
        state = _State({}, {})
        for step in reversed(steps):
            before, state = state, self._after(state, step)
            if step.commit in wanted:
                self._states[step.commit] = before, state

    def _place(self, path: str) -> Place:
        if path not in self._places:
            self._places[path] = place_of(path, self._prompts)
        return self._places[path]

    def _after(self, state: _State, step: Step) -> _State:
        versions, shared = dict(state.versions), dict(state.shared)
        for touch in sorted(step.touched, key=lambda touch: touch.after is not None):
            path = touch.path[len(self._prefix) :]
            place = self._place(path)
            name, table = place.shared or "", shared
            if place.version is not None and place.version.id == self._id:
                name, table = place.version.version, versions
            if name and touch.after is not None:
                table[name] = PartFile(path, touch.after)
            elif name and name in table and table[name].path == path:
                del table[name]
        return _State(versions, shared)

    def pairs(self, commit: str, change: Change) -> Iterator[_Pair]:
        """What a change is judged by."""
        if commit not in self._states:
            return
        before, after = self._states[commit]
        if change.kind == "label":
            lost, more = gained_callers(change.before, change.after)
            first = before if lost in before.versions else after
            yield from (_Pair((lost, first), (version, after)) for version in more)
        elif change.kind == "shared":
            holder = self._holder(change.name, after, before.versions)
            if holder:
                yield _Pair((holder, before), (holder, after))
        elif change.op == MODIFIED:
            yield _Pair((change.name, before), (change.name, after))
        else:
            older = [name for name in after.versions if version_number(name) < version_number(change.name)]
            if older:
                yield _Pair((max(older, key=version_number), after), (change.name, after))

    def _holder(self, part: str, state: _State, known: Iterable[str]) -> str:
        """The highest of the ``known`` versions that holds a shared part; empty where none does."""
        for name in sorted(set(known) & set(state.versions), key=version_number, reverse=True):
            file = VersionFile(self._id, name, state.versions[name].path)
            if part in self._parts.uses({file: state.versions[name].blob}, state.shared):
                return name
        return ""

    def load(self, pairs: Iterable[_Pair]) -> None:
        """Read the versions of all pairs in one go, and what they use in another."""
        sides = [
            (state.versions[name], name, state) for pair in pairs for name, state in pair if name in state.versions
        ]
        self._parts.load(dict.fromkeys(part.blob for part, _, _ in sides))
        used = [part for part, name, state in sides for part in self._used(part, name, state)]
        self._parts.load(dict.fromkeys(part.blob for part in used))

    def _used(self, part: PartFile, name: str, state: _State) -> list[PartFile]:
        """The shared parts that a version holds, those that are there."""
        file = VersionFile(self._id, name, part.path)
        names = self._parts.uses({file: part.blob}, state.shared)
        return [state.shared[name] for name in sorted(names) if name in state.shared]

    def verdict(self, pair: _Pair) -> Verdict:
        """One pair judged."""
        (old_name, _), (new_name, _) = pair
        missing = dict.fromkeys(name for name, state in pair if name not in state.versions)
        if missing:
            verb = "do" if len(missing) > 1 else "does"
            return Verdict(old_name, new_name, None, None, f"{' and '.join(missing)} {verb} not exist at this commit")
        old, new = self._version(*pair.old), self._version(*pair.new)
        if old is None or new is None:
            return Verdict(old_name, new_name, None, None, "a version cannot be read")
        found = judge_versions(old.decoded(), new.decoded())
        if old_name == new_name and old.digest != new.digest:
            return Verdict(old_name, new_name, "major", "high", f"it was changed after its release; {found.summary}")
        return Verdict(old_name, new_name, *found)

    def _version(self, name: str, state: _State) -> PromptVersion | None:
        """A version as it is with these shared parts, or None."""
        part = state.versions.get(name)
        if part is None:
            return None
        file = VersionFile(self._id, name, part.path)
        key = (part.path + part.blob, tuple(shared.blob for shared in self._used(part, name, state)))
        if key not in self._read:
            self._read[key] = self._parts.version(file, part.blob, state.shared)
        return self._read[key]
