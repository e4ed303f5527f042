"""Compares skills by risk: routing, permission, code, content (design §7)."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.diff.changes import ADDED, MODIFIED, REMOVED, RENAMED, SKILL, Change, Detail, detail
from catalog_tool.diff.messages import text_detail
from catalog_tool.diff.skill_files import Skill
from catalog_tool.diff.skill_renames import skill_renames
from catalog_tool.diff.words import TextDiff
from catalog_tool.model.skill import listed_words
from catalog_tool.source.skill_folders import SKILL_FILE
from catalog_tool.source.tree import EXECUTABLE

ROUTING = ("description", "when_to_use", "paths", "disable-model-invocation", "user-invocable")
PERMISSION = ("allowed-tools", "disallowed-tools", "hooks", "model", "shell", "context", "agent", "effort")
PACKAGING = ("license", "compatibility", "metadata", "version")
_CODE = (
    ".sh",
    ".bash",
    ".zsh",
    ".py",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".rb",
    ".pl",
    ".php",
    ".ps1",
    ".bat",
    ".cmd",
    ".lua",
)
_LOADED = re.compile(r"(?:^|(?<=\s))!`([^`\n]+)`|^[ \t]*```![^`\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|[ \t])#.*$", re.MULTILINE)
_INLINE = 80
"""Characters of a value that a sentence shows."""


def skill_changes(old: Mapping[str, Skill], new: Mapping[str, Skill]) -> Iterator[Change]:
    """A change for every skill that differs; both sides by key, unchanged skills may be left out of both."""
    gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    paired = skill_renames({key: old[key] for key in gone}, {key: new[key] for key in come})
    renamed, targets = paired.found, set(paired.found.values())
    for key in sorted(set(old) & set(new)):
        details = tuple(compare_skills(old[key], new[key]))
        if details:
            yield _change(MODIFIED, old[key], new[key], details)
    for key in gone:
        if key in renamed:
            message = f"the skill is now `{renamed[key]}`, it was `{key}`: it fires under another name"
            first = detail("skill-routing", "/name", key, renamed[key], message, contract="major")
            rest = [item for item in compare_skills(old[key], new[renamed[key]]) if item.path != "/name"]
            change = _change(RENAMED, old[key], new[renamed[key]], (first, *rest))
            yield change._replace(before=key, after=renamed[key])
        else:
            message = f"the skill `{key}` went: nothing fires where it did"
            message += "; too much came and went to tell whether it has another name" if key in paired.unsure else ""
            yield _change(REMOVED, old[key], None, (detail("artifact-removed", "", key, None, message),))
    for key in come:
        if key not in targets:
            yield _change(ADDED, None, new[key], tuple(_arrival(new[key])))


def _change(op: str, old: Skill | None, new: Skill | None, details: tuple[Detail, ...]) -> Change:
    known = new or old
    if known is None:
        raise ValueError("a change of no skill")
    before = old.digest[7:19] if old is not None else None
    after = new.digest[7:19] if new is not None else None
    return Change(known.key, SKILL, op, before, after, details, file=f"{known.path}/{SKILL_FILE}")


def _arrival(skill: Skill) -> Iterator[Detail]:
    """What a new skill brings along, so that a reviewer need not open it to know its rights."""
    message = f"the skill `{skill.key}` came: it may be chosen from now on"
    yield detail("artifact-added", "", None, skill.key, message, behaviour="high")
    for name in ("allowed-tools", "hooks"):
        if skill.front and skill.front.get(name):
            given, path = skill.front[name], f"/{name}"
            words = ", ".join(listed_words(given)) if name == "allowed-tools" else ""
            said = f"it comes with `{name}`: {words or _inline(given)}"
            text = None if words else _long_text(path, None, given)
            yield detail("skill-permission", path, None, given, said, contract="major", text=text)
    for line in _shell_lines(skill.body):
        said = f"a shell line runs when the skill is loaded: `{line}`"
        yield detail("skill-permission", "/body", None, line, said, contract="major")
    for inner in sorted(path for path in skill.files if _is_code(skill, path)):
        yield detail("skill-code", f"/files/{_escaped(inner)}", None, inner, f"it brings code: {inner}")


def compare_skills(old: Skill, new: Skill) -> Iterator[Detail]:
    """Every difference between two versions of a skill."""
    if not old.readable or not new.readable:
        yield from _without_contents(old, new)
    else:
        told = [*_front(old.front, new.front), *_body(old.body, new.body)]
        yield from told
        yield from _spelling(old, new, told=bool(told))
    yield from _files(old, new)


def _without_contents(old: Skill, new: Skill) -> Iterator[Detail]:
    """A bundle holds no contents: of SKILL.md only the description, and that it changed, are known."""
    before, after = (skill.front or {} for skill in (old, new))
    if before.get("description") != after.get("description"):
        yield from _front({"description": before.get("description")}, {"description": after.get("description")})
    if old.stamp(SKILL_FILE) != new.stamp(SKILL_FILE):
        message = "SKILL.md changed; its contents are not known here, compare revisions to see them"
        yield detail("undecided", f"/files/{SKILL_FILE}", old.stamp(SKILL_FILE), new.stamp(SKILL_FILE), message)


def _spelling(old: Skill, new: Skill, *, told: bool) -> Iterator[Detail]:
    """What changed in the bytes of SKILL.md and in none of its values: an agent that opens the file reads comments too.

    With ``told``, only comments are looked at: what else is spelled otherwise came with a change that was named.
    """
    before, after = old.stamp(SKILL_FILE), new.stamp(SKILL_FILE)
    if before == after:
        return
    heads = _head(old), _head(new)
    path = f"/files/{SKILL_FILE}"
    if _COMMENT.findall(heads[0]) != _COMMENT.findall(heads[1]):
        wording = text_detail(path, *heads, "the comments in the front matter")
        yield detail("skill-content", path, *heads, wording.message, text=wording.text)
    elif heads[0] != heads[1] and not told:
        wording = text_detail(path, *heads, "the front matter")
        message = "the front matter is written in another way; its values are the same"
        yield detail("skill-content", path, *heads, message, text=wording.text, behaviour="low")
    elif not told:
        message = "SKILL.md has other line ends, or came with or without a byte order mark; the text is the same"
        yield detail("skill-content", path, before, after, message, behaviour="low")


def _head(skill: Skill) -> str:
    """SKILL.md down to its body, without what depends on the editor's platform."""
    text = (skill.text(SKILL_FILE) or "").removeprefix("\ufeff").replace("\r\n", "\n")
    return text.removesuffix(skill.body)


def _front(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Detail]:
    if old is None or new is None:
        if (old is None) != (new is None):
            message = f"the front matter {'cannot be read now' if new is None else 'can be read now'}"
            yield detail("undecided", "", None, None, message)
        return
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if _differ(before, after):
            yield _field(name, before, after)


def _differ(old: Any, new: Any) -> bool:
    return bool(old != new) or type(old) is not type(new)


def _field(name: str, before: Any, after: Any) -> Detail:
    path = f"/{_escaped(name)}"
    if name == "name":
        message = f"the name is {_inline(after)} now, it was {_inline(before)}"
        return detail("skill-routing", path, before, after, message, contract="major")
    if name in ROUTING:
        return _routing(name, path, before, after)
    if name in PERMISSION:
        return _permission(name, path, before, after)
    if name in PACKAGING:
        return detail("meta", path, before, after, f"`{name}` {_verb(before, after)}")
    text = _long_text(path, before, after)
    return detail("skill-content", path, before, after, f"`{name}` {_verb(before, after)}", text=text)


def _routing(name: str, path: str, before: Any, after: Any) -> Detail:
    said, text = f"`{name}` {_verb(before, after)}", None
    if isinstance(before, str) and isinstance(after, str):
        wording = text_detail(path, before, after, f"`{name}`")
        said, text = wording.message, wording.text
    message = f"{said}: the skill is chosen for other requests"
    return detail("skill-routing", path, before, after, message, text=text)


def _permission(name: str, path: str, before: Any, after: Any) -> Detail:
    if name in ("allowed-tools", "disallowed-tools"):
        old, new = listed_words(before), listed_words(after)
        came, went = [word for word in new if word not in old], [word for word in old if word not in new]
        added = came if name == "allowed-tools" else went
        parts = [f"gained {', '.join(came)}"] * bool(came) + [f"lost {', '.join(went)}"] * bool(went)
        rights = ": rights were added" if added else ": no right was added"
        message = f"`{name}` {' and '.join(parts) or 'is written in another way'}{rights}"
    elif name == "hooks":
        added = [name] if after else []
        runs = "commands run" if after else "none of their commands runs"
        message = f"`hooks` {_verb(before, after)}: {runs} on their own while the skill is in use"
    else:
        added = []
        message = f"`{name}` {_verb(before, after)}"
    levels = {"contract": "major"} if added else {}
    return detail("skill-permission", path, before, after, message, text=_long_text(path, before, after), **levels)


def _body(old: str, new: str) -> Iterator[Detail]:
    before, after = _shell_lines(old), _shell_lines(new)
    for line in after:
        if line not in before:
            message = f"a shell line came that runs when the skill is loaded: `{line}`"
            yield detail("skill-permission", "/body", None, line, message, contract="major")
    for line in before:
        if line not in after:
            message = f"a shell line went that ran when the skill was loaded: `{line}`"
            yield detail("skill-permission", "/body", line, None, message)
    if old != new:
        wording = text_detail("/body", old, new, "the body")
        levels = {"behaviour": "low"} if wording.rule == "text-space" else {}
        yield detail("skill-content", "/body", old, new, wording.message, text=wording.text, **levels)


def _shell_lines(body: str) -> list[str]:
    return [(hit[0] or hit[1]).strip() for hit in _LOADED.findall(body)]


def _files(old: Skill, new: Skill) -> Iterator[Detail]:
    for inner in sorted({*old.files, *new.files} - {SKILL_FILE}):
        before, after = old.files.get(inner), new.files.get(inner)
        if before == after:
            continue
        code = _is_code(old, inner) or _is_code(new, inner)
        rule = "skill-code" if code else "skill-content"
        path = f"/files/{_escaped(inner)}"
        if before is None or after is None:
            verb = "came" if before is None else "went"
            yield detail(
                rule, path, inner if after is None else None, inner if before is None else None, f"{inner} {verb}"
            )
        elif before.sha256 == after.sha256:
            what = "can be executed now" if after.mode == EXECUTABLE else "can no longer be executed"
            yield detail("skill-code", f"{path}/mode", before.mode, after.mode, f"{inner} {what}")
        else:
            yield _content(rule, path, inner, (old.text(inner), new.text(inner)))
    yield from _modes(old, new)


def _modes(old: Skill, new: Skill) -> Iterator[Detail]:
    before, after = old.files.get(SKILL_FILE), new.files.get(SKILL_FILE)
    if before is not None and after is not None and before.mode != after.mode:
        yield detail("skill-code", f"/files/{SKILL_FILE}/mode", before.mode, after.mode, "SKILL.md has another mode")


def _content(rule: str, path: str, inner: str, texts: tuple[str | None, str | None]) -> Detail:
    before, after = texts
    if before is None or after is None:
        return detail(rule, path, None, None, f"{inner} changed", op="changed")
    wording = text_detail(path, before, after, inner)
    return detail(rule, path, before, after, wording.message, text=wording.text)


def _is_code(skill: Skill, inner: str) -> bool:
    file = skill.files.get(inner)
    if file is None:
        return False
    suffix = posixpath.splitext(inner)[1].lower()
    return (
        file.mode == EXECUTABLE
        or inner.startswith("scripts/")
        or suffix in _CODE
        or (skill.text(inner) or "").startswith("#!")
    )


def _verb(before: Any, after: Any) -> str:
    if before is None:
        return f"came: {_inline(after)}"
    if after is None:
        return f"went, it was {_inline(before)}"
    return f"is {_inline(after)} now, it was {_inline(before)}"


def _inline(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _INLINE else f"{text[: _INLINE - 1]}…"


def _long_text(path: str, before: Any, after: Any) -> TextDiff | None:
    """The comparison in full of two values of which a sentence cannot show all; None where it can."""
    if all(
        value is None or _inline(value) in (value, json.dumps(value, ensure_ascii=False)) for value in (before, after)
    ):
        return None
    return text_detail(path, _laid_out(before), _laid_out(after), "").text


def _laid_out(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


class ListingEntry(NamedTuple):
    """One skill in the list that every request shows: its characters, and whether the model sees it."""

    key: str
    chars: int
    listed: bool


def listing_entry(skill: Skill) -> ListingEntry:
    """What a skill takes of the listing."""
    front = skill.front or {}
    chars = sum(len(front[name]) for name in ("description", "when_to_use") if isinstance(front.get(name), str))
    return ListingEntry(skill.key, chars, front.get("disable-model-invocation") is not True)


def listing_change(
    old: Iterable[ListingEntry], new: Iterable[ListingEntry], budgets: tuple[tuple[int, int], tuple[int, int]]
) -> dict[str, Any]:
    """The listing before and after: its sum, the budget, and which skills lose or regain their description.

    ``budgets`` are (characters an entry, characters in all) of each side. Skills fill the budget in
    the order of their names; what usage would change about that is not known offline.
    """
    before, after = _simulated(old, budgets[0]), _simulated(new, budgets[1])
    lost = [key for key in after["truncated"] if key not in before["truncated"]]
    regained = [key for key in before["truncated"] if key not in after["truncated"]]
    return {"before": before, "after": after, "lost": lost, "regained": regained}


def _simulated(entries: Iterable[ListingEntry], budget: tuple[int, int]) -> dict[str, Any]:
    total, truncated = 0, []
    for entry in sorted(entries):
        if entry.listed:
            total += min(entry.chars, budget[0])
            if total > budget[1] or entry.chars > budget[0]:
                truncated.append(entry.key)
    return {"chars": total, "budget_chars": budget[1], "truncated": truncated}
