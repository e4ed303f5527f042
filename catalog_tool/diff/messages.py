"""Compares the messages of two prompt versions: wording, space, structure, examples, placeholders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from catalog_tool.diff.changes import Detail, detail, same_json
from catalog_tool.diff.sequences import matches
from catalog_tool.diff.words import DELETE, INSERT, TextDiff, diff_texts

MUCH = 0.2
"""Share of changed words above which another answer is likely."""
SHOWN = 40
"""Characters of an old or new wording that a sentence quotes."""
_MESSAGES = "/messages"

Message = dict[str, Any]


def compare_messages(old: Sequence[Message], new: Sequence[Message]) -> list[Detail]:
    """Every difference between two ``messages`` parts; pointers begin with ``/messages``."""
    found = _Messages(old, new)
    return [*found.paired(), *found.gone(), *found.come()]


class _Messages:
    """Two lists of messages, aligned: what is the same, what became what, what went and came."""

    def __init__(self, old: Sequence[Message], new: Sequence[Message]) -> None:
        self.old, self.new = old, new
        self.pairs = _aligned(old, new)
        lefts, rights = {left for left, _ in self.pairs}, {right for _, right in self.pairs}
        self.left = [index for index in range(len(old)) if index not in lefts]
        self.right = [index for index in range(len(new)) if index not in rights]
        self.moved = self._moves()

    def _moves(self) -> list[tuple[int, int]]:
        """Messages that stand elsewhere: equal ones, and placeholders of the same name."""
        moves = []
        for left in list(self.left):
            twin = next((right for right in self.right if _same(self.old[left], self.new[right])), None)
            if twin is not None:
                moves.append((left, twin))
                self.left.remove(left)
                self.right.remove(twin)
        return moves

    def paired(self) -> Iterator[Detail]:
        for left, right in self.pairs:
            yield from _compare_pair(self.old[left], self.new[right], f"{_MESSAGES}/{right}")
        for left, right in self.moved:
            yield from _compare_pair(self.old[left], self.new[right], f"{_MESSAGES}/{right}")
            message = f"{_called(self.new[right])} stands in another place"
            path = f"{_MESSAGES}/{right}"
            yield detail("text-structure", path, left, right, message, op="moved", also=(_MESSAGES,))

    def gone(self) -> Iterator[Detail]:
        renamed = sum("placeholder" in self.new[index] for index in self.right)
        for index in self.left:
            message, path = self.old[index], f"{_MESSAGES}/{index}"
            if "placeholder" not in message:
                yield _structure(path, message, None)
            elif renamed:
                renamed -= 1
            else:
                said = f"the placeholder `{message['placeholder']}` went: messages given for it are not used"
                yield detail("placeholder-optional", path, message, None, said, also=(_MESSAGES,))

    def come(self) -> Iterator[Detail]:
        gone = [self.old[index]["placeholder"] for index in self.left if "placeholder" in self.old[index]]
        for index in self.right:
            message, path = self.new[index], f"{_MESSAGES}/{index}"
            if "placeholder" in message:
                yield _new_placeholder(path, message, gone)
            else:
                yield _structure(path, None, message)


def _aligned(old: Sequence[Message], new: Sequence[Message]) -> list[tuple[int, int]]:
    """Indexes of messages that belong together, in ascending order."""
    pairs: list[tuple[int, int]] = []
    left = right = 0
    same = matches([_dumped(item) for item in old], [_dumped(item) for item in new])
    for match in [*same, None]:
        end = (match.old, match.new) if match is not None else (len(old), len(new))
        kinds = [_kind(item) for item in old[left : end[0]]], [_kind(item) for item in new[right : end[1]]]
        for alike in matches(*kinds):
            pairs += [(left + alike.old + step, right + alike.new + step) for step in range(alike.size)]
        rest = len(kinds[0]) == len(kinds[1]) == 1 and kinds[0] != kinds[1]
        if rest and _may_have_another_role(old[left], new[right]):
            pairs.append((left, right))
        if match is not None:
            pairs += [(match.old + step, match.new + step) for step in range(match.size)]
            left, right = match.old + match.size, match.new + match.size
    return sorted(set(pairs))


def _may_have_another_role(old: Message, new: Message) -> bool:
    """Whether a message that replaced another one says much the same under another role."""
    before, after = old.get("content"), new.get("content")
    if not isinstance(before, str) or not isinstance(after, str):
        return before is not None and before == after
    return diff_texts(before, after).share < 1 - MUCH


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _kind(message: Message) -> str:
    if "placeholder" in message:
        return f"placeholder {message['placeholder']}"
    return "examples" if "examples" in message else f"role {message.get('role')}"


def _same(old: Message, new: Message) -> bool:
    return same_json(old, new) or ("placeholder" in old and old["placeholder"] == new.get("placeholder"))


def _called(message: Message) -> str:
    if "placeholder" in message:
        return f"the placeholder `{message['placeholder']}`"
    return "the examples" if "examples" in message else f"the {message.get('role')} message"


def _structure(path: str, old: Message | None, new: Message | None) -> Detail:
    known = old if new is None else new
    verb = "went" if new is None else "came"
    if known is not None and "examples" in known:
        count = len(known["examples"])
        message = f"{count} example{'s' if count != 1 else ''} {verb}: examples steer strongly"
        return detail("text-example", path, old, new, message, also=(_MESSAGES,))
    return detail("text-structure", path, old, new, f"{_called(known or {})} {verb}", also=(_MESSAGES,))


def _new_placeholder(path: str, message: Message, gone: list[str]) -> Detail:
    name, rule = message["placeholder"], "placeholder-required" if message["required"] else "placeholder-optional"
    before = None
    if gone:
        before = gone.pop(0)
        said = f"the placeholder `{before}` is now `{name}`: callers have to give its messages under that name"
        rule = "placeholder-required"
    elif message["required"]:
        said = f"the placeholder `{name}` came: callers have to give its messages"
    else:
        said = f"the optional placeholder `{name}` came"
    return detail(rule, path, before, message if before is None else name, said, also=(_MESSAGES,))


def _compare_pair(old: Message, new: Message, path: str) -> Iterator[Detail]:
    if same_json(old, new):
        return
    if "placeholder" in new:
        yield _placeholder_need(old, new, path)
        return
    if "examples" in new:
        yield from _examples(old["examples"], new["examples"], f"{path}/examples")
        return
    if old.get("role") != new.get("role"):
        message = f"a message of the {old.get('role')} is now one of the {new.get('role')}"
        yield detail("text-structure", f"{path}/role", old.get("role"), new.get("role"), message)
    yield from _content(old.get("content"), new.get("content"), f"{path}/content", str(new.get("role")))
    for key in sorted({*old, *new} - {"role", "content"}):
        if not same_json(old.get(key), new.get(key)):
            message = f"`{key}` of the {new.get('role')} message changed: the model reads it as an example"
            yield detail("text-example", f"{path}/{key}", old.get(key), new.get(key), message)


def _placeholder_need(old: Message, new: Message, path: str) -> Detail:
    name, required = new["placeholder"], new["required"]
    if required:
        said = f"the placeholder `{name}` is required now: callers have to give its messages"
    else:
        said = f"the placeholder `{name}` may be left out now"
    rule = "placeholder-required" if required else "placeholder-optional"
    return detail(rule, f"{path}/required", old["required"], required, said)


def _content(old: Any, new: Any, path: str, role: str) -> Iterator[Detail]:
    if old == new:
        return
    if isinstance(old, str) and isinstance(new, str):
        yield text_detail(path, old, new, f"the {role} message")
    elif isinstance(old, list) and isinstance(new, list):
        yield from _content_parts(old, new, path, role)
    else:
        message = f"the content of the {role} message has another form"
        yield detail("text-structure", path, old, new, message)


def _content_parts(old: list[Any], new: list[Any], path: str, role: str) -> Iterator[Detail]:
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        where = f"{path}/{index}"
        if before == after:
            continue
        if before.get("type") == after.get("type") == "text":
            yield text_detail(f"{where}/text", before["text"], after["text"], f"the {role} message")
        elif before.get("type") == after.get("type"):
            yield detail("text-wording", where, before, after, f"another image in the {role} message", behaviour="high")
        else:
            yield detail("text-structure", where, before, after, f"another kind of part in the {role} message")
    shorter = min(len(old), len(new))
    for index, part in enumerate(old[shorter:], shorter):
        message = f"a part of the {role} message went"
        yield detail("text-structure", f"{path}/{index}", part, None, message)
    for index, part in enumerate(new[shorter:], shorter):
        yield detail("text-structure", f"{path}/{index}", None, part, f"a part of the {role} message came")


def _examples(old: list[Any], new: list[Any], path: str) -> Iterator[Detail]:
    left = right = 0
    same = matches([_dumped(item) for item in old], [_dumped(item) for item in new])
    for match in [*same, None]:
        end = (match.old, match.new) if match is not None else (len(old), len(new))
        yield from _example_gap(_Gap(old, new, left, right), end, path)
        if match is not None:
            left, right = match.old + match.size, match.new + match.size


class _Gap(NamedTuple):
    """Where two lists differ, from ``left`` and ``right`` on."""

    old: list[Any]
    new: list[Any]
    left: int
    right: int


def _example_gap(gap: _Gap, end: tuple[int, int], path: str) -> Iterator[Detail]:
    """Examples that differ; those with the same question belong together."""
    asked = [[item["user"] for item in side] for side in (gap.old[gap.left : end[0]], gap.new[gap.right : end[1]])]
    start = gap.left, gap.right
    for match in matches(*asked):
        for step in range(match.size):
            left, right = gap.left + match.old + step, gap.right + match.new + step
            yield from _example_changes(gap._replace(left=start[0], right=start[1]), (left, right), path)
            start = left + 1, right + 1
            yield from _example_changes(gap._replace(left=left, right=right), start, path)
    yield from _example_changes(gap._replace(left=start[0], right=start[1]), end, path)


def _example_changes(gap: _Gap, end: tuple[int, int], path: str) -> Iterator[Detail]:
    gone, come = end[0] - gap.left, end[1] - gap.right
    for step in range(max(gone, come)):
        before = gap.old[gap.left + step] if step < gone else None
        after = gap.new[gap.right + step] if step < come else None
        index = gap.left + step if after is None else gap.right + step
        verb = "came" if before is None else "went" if after is None else "changed"
        number = index + 1
        also = () if verb == "changed" else (path,)
        yield detail(
            "text-example", f"{path}/{index}", before, after, f"example {number} {verb}: examples steer strongly",
            text=diff_texts(_shown(before), _shown(after)), also=also,
        )  # fmt: skip


def _shown(example: Any) -> str:
    return f"user: {example['user']}\nassistant: {example['assistant']}\n" if example else ""


def text_detail(path: str, old: str, new: str, what: str) -> Detail:
    """The judgement of a changed text; ``what`` names it in the sentence."""
    found = diff_texts(old, new)
    if found.only_space:
        message = f"only white space changed in {what}: a provider's prefix cache starts anew"
        return detail("text-space", path, old, new, message, text=found)
    behaviour = "high" if found.share > MUCH or found.commands else "medium"
    message = f"{what}: {_wording(found)}"
    return detail("text-wording", path, old, new, message, text=found, behaviour=behaviour)


def _wording(found: TextDiff) -> str:
    """``"never" became "avoid"; 3 more places, 12 % of the words``; ``12 lines came, 1 went`` where none is short."""
    places = list(_replacements(found))
    first = next((said for said in places if said), "")
    more = f", {len(places) - 1} more place{'s' if len(places) > 2 else ''}" if first and len(places) > 1 else ""
    first = first or _lines(found)
    share = f"~{max(1, round(found.share * 100))} % of the words"
    words = ", ".join(f"“{word}”" for word in found.commands)
    return f"{first}{more} ({share})" + (f"; lines that say {words} changed" if words else "")


def _lines(found: TextDiff) -> str:
    """How many lines came and went, whole or in part."""
    came, went = (
        sum(len(segment.text.strip("\n").split("\n")) for segment in found.segments if segment.op == op)
        for op in (INSERT, DELETE)
    )
    if came == went == 1:
        return "reworded"
    parts = [
        f"{count} line{'s' if count > 1 else ''} {verb}" for count, verb in ((came, "came"), (went, "went")) if count
    ]
    return ", ".join(parts)


def _replacements(found: TextDiff) -> Iterator[str]:
    """One phrase for each place that changed; empty where it is too long to be quoted."""
    before = ""
    for index, segment in enumerate(found.segments):
        following = found.segments[index + 1].op if index + 1 < len(found.segments) else ""
        if segment.op == DELETE and following == INSERT:
            before = segment.text
        elif segment.op == DELETE:
            yield _phrase(segment.text, "")
        elif segment.op == INSERT:
            yield _phrase(before, segment.text)
            before = ""


def _phrase(before: str, after: str) -> str:
    old, new = " ".join(before.split()), " ".join(after.split())
    if max(len(old), len(new)) > SHOWN or not (old or new):
        return ""
    if not old:
        return f"“{new}” came"
    return f"“{old}” became “{new}”" if new else f"“{old}” went"
