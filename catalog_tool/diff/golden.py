"""Golden tests before and after: their inputs for rendering, and what was weakened (design §12)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.diff.changes import MODIFIED, TEST, Change, Detail, detail, same_json
from catalog_tool.diff.renders import Case
from catalog_tool.diff.sides import TreeSide, highest
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.tree import Content

_WEAKER = {"equals": ("contains", "starts_with", "ends_with"), "starts_with": ("contains",), "ends_with": ("contains",)}
"""Kinds of assertion that ask for less of the same value."""
_PARTIAL = frozenset({"contains", "starts_with", "ends_with"})
_WITHOUT = frozenset({"not_contains", "not_starts_with", "not_ends_with"})
_CEILING = "max_"
_INPUTS = ("vars", "placeholders")
_JUDGED_APART = frozenset({"type", "name", "threshold", "ignore_case"})
_SHOWN = 60
"""Characters of a value that are told."""

Assertion = Mapping[str, Any]


class GoldenCase(NamedTuple):
    """One case as it counts: its own fields, and all that is expected of it, the file's own included."""

    name: str
    case: Mapping[str, Any]
    expect: tuple[Assertion, ...]

    def inputs(self) -> Case:
        """Its variables and placeholders."""
        values = {**_mapping(self.case.get("vars")), **_mapping(self.case.get("placeholders"))}
        return Case(self.name, values)


class GoldenTests:
    """The golden cases of one side's prompts, read as they are asked for."""

    def __init__(self, side: TreeSide) -> None:
        self._side = side
        self._known: dict[str, dict[str, GoldenCase]] = {}

    def stamps(self) -> dict[str, list[tuple[str, str | None]]]:
        """Prompt id → its test files with their blobs."""
        entries = self._side.files.entries
        found = self._side.files.layout.tests
        return {name: [(path, entries[path].blob) for path in sorted(paths)] for name, paths in found.items()}

    def asked_for(self, name: str) -> frozenset[str]:
        """The variables and placeholders that the highest version of a prompt has; empty where it cannot be read."""
        versions = self._side.versions().get(name)
        found = self._side.version((name, highest(versions))).version if versions else None
        if found is None:
            return frozenset()
        parts = found.decoded()
        placeholders = (message["placeholder"] for message in parts["messages"] if "placeholder" in message)
        return frozenset((*_mapping(parts["variables"].get("properties")), *placeholders))

    def cases(self, name: str) -> dict[str, GoldenCase]:
        """The cases of a prompt by name, in written order. What cannot be read holds none.

        A name that was taken, which is a finding, is told with its file: no case is hidden behind another.
        """
        if name not in self._known:
            files = self._side.files
            paths = sorted(files.layout.tests.get(name, ()))
            contents = self._side.tree.read({path: files.entries[path] for path in paths}, PARSED_FILE_BYTES)
            known = self._known.setdefault(name, {})
            for content in contents if paths else ():
                for case in _cases(content):
                    known[f"{case.name} in {content.path}" if case.name in known else case.name] = case
        return self._known[name]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _cases(content: Content) -> Iterator[GoldenCase]:
    if content.data is None:
        return
    if content.path.endswith(".jsonl"):
        for line in content.data.split(b"\n"):
            yield from _written_cases(_json_line(line), ())
        return
    value = SourceDocument(content.path, content.data).value or {}
    common = [item for item in _list(value.get("expect")) if isinstance(item, dict)]
    for case in _list(value.get("cases")):
        yield from _written_cases(case, common)


def _json_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _written_cases(case: Any, common: Sequence[Assertion]) -> Iterator[GoldenCase]:
    if isinstance(case, dict) and isinstance(case.get("name"), str):
        own = [item for item in _list(case.get("expect")) if isinstance(item, dict)]
        yield GoldenCase(case["name"], case, (*common, *own))


def weakened_tests(base: GoldenTests, head: GoldenTests, prompts: Mapping[str, str]) -> Iterator[Change]:
    """A change for each prompt whose tests ask for less now; ``prompts``: old → new id of those still there."""
    old, new = base.stamps(), head.stamps()
    for former, name in sorted(prompts.items()):
        if former not in old:
            continue
        stamps = new.get(name)
        same = stamps == old[former] and all(blob is not None for _, blob in old[former])
        if not same:
            details = tuple(compare_cases(base.cases(former), head.cases(name), head.asked_for(name)))
            if details:
                path = (stamps or old[former])[0][0]
                yield Change(name, TEST, MODIFIED, None, None, details, file=path)


def compare_cases(
    old: Mapping[str, GoldenCase], new: Mapping[str, GoldenCase], inputs: frozenset[str]
) -> Iterator[Detail]:
    """What the new cases no longer ask for; ``inputs`` are the prompt's variables and placeholders."""
    for name, before in old.items():
        after = new.get(name)
        path = f"/cases/{_escaped(name)}"
        if after is None:
            yield detail("test-weakened", path, before.case, None, f"the case “{name}” went")
            continue
        for flag, good in (("critical", True), ("flaky", False)):
            was, now = before.case.get(flag, False), after.case.get(flag, False)
            if was is good and now is not good:
                said = "is no longer critical" if flag == "critical" else "is marked flaky: failures do not count"
                yield detail("test-weakened", f"{path}/{flag}", was, now, f"the case “{name}” {said}", op="changed")
        yield from _inputs(before, after, inputs, path)
        yield from _assertions(before, after, f"{path}/expect")


def _inputs(before: GoldenCase, after: GoldenCase, inputs: frozenset[str], path: str) -> Iterator[Detail]:
    """Inputs that are others or went: the case may be an easier one. What only came is not judged.

    One with another name is the same where its value stands under a name that came, and the prompt has that name
    instead of the old one.
    """
    for part in _INPUTS:
        was, now = _mapping(before.case.get(part)), _mapping(after.case.get(part))
        came = [now[name] for name in now if name not in was and name in inputs]
        for name in sorted(was):
            at, shown = f"{path}/{part}/{_escaped(name)}", _shown(was[name])
            twin = next((index for index, value in enumerate(came) if same_json(value, was[name])), None)
            if name in now:
                if not same_json(was[name], now[name]):
                    said = f"is asked with another `{name}`: {_shown(now[name])}, it was {shown}"
                    yield detail("test-weakened", at, was[name], now[name], f"the case “{before.name}” {said}")
            elif twin is not None and name not in inputs:
                del came[twin]
            else:
                message = f"the case “{before.name}” is no longer asked with `{name}`, it was {shown}"
                yield detail("test-weakened", at, was[name], None, message)


def _assertions(before: GoldenCase, after: GoldenCase, path: str) -> Iterator[Detail]:
    left = [item for item in after.expect if item not in before.expect]
    for index, old in enumerate(before.expect):
        if old in after.expect:
            continue
        new, verdict = _successor(old, left)
        if new is not None:
            left.remove(new)
        if verdict:
            message = f"the case “{before.name}”: {verdict}"
            yield detail("test-weakened", f"{path}/{index}", dict(old), dict(new) if new else None, message)


def _successor(old: Assertion, left: Sequence[Assertion]) -> tuple[Assertion | None, str]:
    """What became of an assertion, and how it was weakened; empty where it was not, as far as one can say."""
    kind, value = old.get("type"), old.get("value")
    alike = next((item for item in left if item.get("type") == kind and item.get("value") == value), None)
    same_kind = next((item for item in left if item.get("type") == kind), None)
    weaker = next((item for item in left if item.get("type") in _WEAKER.get(str(kind), ())), None)
    new = alike or same_kind or weaker
    shown = f"`{kind}` {_shown(value)}"
    if new is None:
        return None, f"{shown} is no longer asserted"
    if new.get("type") != kind:
        return new, f"{shown} became `{new.get('type')}`, which asks for less"
    if _less(old.get("threshold"), new.get("threshold")):
        return new, f"the threshold of {shown} went from {old.get('threshold')} to {new.get('threshold', 'none')}"
    if new.get("ignore_case") is True and old.get("ignore_case") is not True:
        return new, f"{shown} ignores upper and lower case now"
    return new, _looser_value(str(kind), old, new)


def _less(old: Any, new: Any) -> bool:
    if not isinstance(old, int | float):
        return False
    return new is None or (isinstance(new, int | float) and new < old)


def _looser_value(kind: str, old: Assertion, new: Assertion) -> str:
    """How an assertion of the same kind asks for less, or for something else; empty where it asks for more."""
    names = [name for name in old if name not in _JUDGED_APART and not _same(old, new, name)]
    if not names:
        return ""
    was, now = old.get(names[0]), new.get(names[0])
    if names == ["value"]:
        if kind.startswith(_CEILING) and isinstance(was, int | float) and isinstance(now, int | float):
            return f"`{kind}` was raised from {was} to {now}" if now > was else ""
        if isinstance(was, str) and isinstance(now, str) and kind in _PARTIAL | _WITHOUT:
            more, less = (now, was) if kind in _PARTIAL else (was, now)
            if _is_part(kind, less, more):
                return ""
            if _is_part(kind, more, less):
                return f"`{kind}` asks for “{now[:40]}” only, it was “{was[:40]}”"
    if names[0] not in new:
        return f"`{kind}` has no `{names[0]}` now, it was {_shown(was)}"
    return f"`{kind}` has another `{names[0]}`: {_shown(now)}, it was {_shown(was)}"


def _same(old: Assertion, new: Assertion, name: str) -> bool:
    return name in new and same_json(old[name], new[name])


def _is_part(kind: str, part: str, whole: str) -> bool:
    """Whether every answer that has ``whole`` where ``kind`` looks for it has ``part`` there."""
    if kind.endswith("starts_with"):
        return whole.startswith(part)
    return whole.endswith(part) if kind.endswith("ends_with") else part in whole


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
