"""YAML text changed to hold another value, and nothing else of it: comments and layout stay.

Only the characters of what differs are replaced. Whoever edits reads the result again before it is
believed: what is written in an unusual way may need a rewrite, which ``dumped`` gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./-]*[A-Za-z0-9_.]|[A-Za-z]", re.ASCII)
_LOOKALIKE = re.compile(r"(?:true|false|yes|no|on|off|null|y|n)", re.IGNORECASE)
_BLOCK_TEXT = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff]*")
STEP = "  "


class _Edit(NamedTuple):
    start: int
    end: int
    new: str


def edited(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """``text``, which holds ``old``, changed to hold ``new``. Raises ``ValueError`` where it holds no mapping."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("the document is no mapping")
    for edit in sorted(_edits(text, root, old, new, 0), reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


def dumped(value: Mapping[str, Any]) -> str:
    """A whole document, in the order of the keys."""
    return "".join(_member(key, _block(item, 1)) for key, item in value.items())


def _edits(text: str, node: Any, old: Any, new: Any, depth: int) -> Iterator[_Edit]:
    if _same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and isinstance(node, yaml.MappingNode) and new and old:
        yield from _map_edits(text, node, old, new, depth)
    elif _are_lists(old, new, node) and len(old) == len(new):
        for child, before, after in zip(node.value, old, new, strict=True):
            yield from _edits(text, child, before, after, depth + 1)
    else:
        yield _replaced(text, node, new, depth)


def _are_lists(old: Any, new: Any, node: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and isinstance(node, yaml.SequenceNode)


def _same(old: Any, new: Any) -> bool:
    """Equal, and told apart as JSON does: 1 is not true. The order of keys does not count."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(one, other) for one, other in zip(old, new, strict=True))
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _map_edits(text: str, node: Any, old: Mapping[str, Any], new: Mapping[str, Any], depth: int) -> Iterator[_Edit]:
    first = node.value[0][0]
    lead = text[_line_start(text, int(first.start_mark.index)) : int(first.start_mark.index)]
    if not node.flow_style and lead.strip() and first.value not in new:
        yield _replaced(text, node, new, depth)  # the dash before the first key would go with it
        return
    for key_node, value_node in node.value:
        key = key_node.value
        if key in new:
            yield from _edits(text, value_node, old[key], new[key], depth + 1)
        else:
            yield _removed(text, node, key_node, value_node)
    added = [key for key in new if key not in old]
    if added:
        yield _added(text, node, {key: new[key] for key in added}, depth)


def _end(text: str, node: Any) -> int:
    """Where a value's own characters end: a block's mark stands at the next token, beyond comments."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = int(node.end_mark.index)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip(" ")) if text[:end].rstrip(" ").endswith("\n") else end
    return end


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Just after the line end of the line that holds ``at``."""
    found = text.find("\n", at)
    return found + 1 if found >= 0 else len(text)


def _removed(text: str, holder: Any, key_node: Any, value_node: Any) -> _Edit:
    start, end = int(key_node.start_mark.index), _end(text, value_node)
    if holder.flow_style:
        after = re.compile(r"\s*,\s*").match(text, end)
        before = re.compile(r"\s*,\s*$").search(text[:start])
        if after is not None:
            return _Edit(start, after.end(), "")
        return _Edit(before.start() if before else start, end, "")
    whole = end if text[end - 1 : end] == "\n" else _line_end(text, end)
    return _Edit(_line_start(text, start), whole, "")


def _added(text: str, holder: Any, values: Mapping[str, Any], depth: int) -> _Edit:
    if holder.flow_style:
        at = int(holder.value[-1][1].end_mark.index)
        return _Edit(at, at, "".join(f", {_key(key)}: {_flow(value)}" for key, value in values.items()))
    end = _end(text, holder.value[-1][1])
    at = end if text[end - 1 : end] == "\n" else _line_end(text, end)
    indent = " " * int(holder.value[0][0].start_mark.column)
    lines = "".join(indent + _member(key, _block(value, 1, indent)) for key, value in values.items())
    lead = "" if not at or text[at - 1] == "\n" else "\n"
    return _Edit(at, at, lead + lines if depth >= 0 else "")


def _replaced(text: str, node: Any, new: Any, depth: int) -> _Edit:
    start, end = int(node.start_mark.index), _end(text, node)
    line = text[_line_start(text, start) : start]
    flow = any(mark in line for mark in ("{", "[")) or not isinstance(new, str) or "\n" not in new
    if flow and (isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">")):
        return _Edit(start, end, _flow(new))
    indent = re.match(r"[ ]*(?:- )*", line)
    column = len(indent[0]) if indent else 0
    is_value = depth > 0  # the document itself follows no key, but comments
    if is_value and isinstance(node, yaml.CollectionNode) and not node.flow_style and not line.rstrip().endswith(":"):
        start = len(text[:start].rstrip())
        lead = " "
        column = max(column - len(STEP), 0)
    else:
        lead = ""
    block = _block(new, 1, " " * column)
    tail = "\n" if text[end - 1 : end] == "\n" and not block.endswith("\n") else ""
    block = block if text[end - 1 : end] == "\n" else block.rstrip("\n") if not _is_block(block) else block
    return _Edit(start, end, lead + block + tail if depth >= 0 else "")


def _is_block(written: str) -> bool:
    return written.startswith("|")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$-]*", key) and not _LOOKALIKE.fullmatch(key) else _quoted(key)


def _member(key: str, block: str) -> str:
    """``key: value`` with its line end; a block begins on the next line."""
    space = "" if block.startswith("\n") else " "
    return f"{_key(key)}:{space}{block}" if _is_block(block) else f"{_key(key)}:{space}{block}".rstrip("\n") + "\n"


def _quoted(text: str) -> str:
    spelled = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", spelled)


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and not _LOOKALIKE.fullmatch(value) else _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return json.dumps(value)


def _block(value: Any, depth: int, base: str = "") -> str:
    """A value after ``key: ``, with what goes to further lines indented by ``base`` and one step each."""
    indent = base + STEP * depth
    if isinstance(value, str) and _is_lines(value):
        return _literal(value, indent)
    if isinstance(value, Mapping) and value and _is_large(value):
        return "\n" + "".join(indent + _member(key, _block(item, depth + 1, base)) for key, item in value.items())
    if isinstance(value, list) and value and _is_large(value):
        return "\n" + "".join(f"{indent}- {_item(item, depth + 1, base)}".rstrip("\n") + "\n" for item in value)
    return _flow(value)


def _is_lines(text: str) -> bool:
    """Whether a text is one for a literal block: several lines, the first of them not empty."""
    return "\n" in text and text[0] != "\n" and bool(text.strip("\n ")) and _BLOCK_TEXT.fullmatch(text) is not None


def _item(value: Any, depth: int, base: str) -> str:
    """A value after ``- ``: the first key of a map stands on the dash's line."""
    if isinstance(value, Mapping) and value and _is_large(value):
        return _block(value, depth, base).lstrip("\n").lstrip(" ")
    return _block(value, depth, base)


def _is_large(value: Any) -> bool:
    """Whether a value is easier to read on several lines."""
    spelled = _flow(value)
    return len(spelled) > 80 or "\\n" in spelled


def _literal(text: str, indent: str) -> str:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    chomp = "-" if ends == 0 else "" if ends == 1 else "+"
    digit = str(len(STEP)) if body.startswith(" ") else ""
    lines = "\n".join(f"{indent}{line}" if line else "" for line in body.split("\n"))
    return f"|{digit}{chomp}\n{lines}\n" + "\n" * max(ends - 1, 0)
