"""One label in ``registry.yaml``, changed in its text and nowhere else: comments and layout stay.

Only the characters of the label's value change. The result is read again before it is believed: it must
hold exactly the wanted labels, else nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.model.finding import ERROR
from catalog_tool.model.labels import Labels, LabelValue
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.folder_lock import PATIENCE_SECONDS, locked
from catalog_tool.source.new_files import unwritten
from catalog_tool.source.registry import read_registry
from catalog_tool.source.yaml_edit import edited
from catalog_tool.source.yaml_scalars import resolve_plain

BY_HAND = "edit it by hand"
_BOM = "\N{BYTE ORDER MARK}"


class RegistryEdit(NamedTuple):
    """The registry before and after, as bytes; ``before`` is None where there was no file.

    ``was`` is what the label pointed to before, None where it did not exist.
    """

    path: str
    before: bytes | None
    after: bytes
    was: LabelValue | None


class _Span(NamedTuple):
    """Characters of the text, from ``start`` to before ``end``, and what replaces them."""

    start: int
    end: int
    new: str


def with_label(path: str, data: bytes | None, prompt: str, label: str, value: LabelValue) -> RegistryEdit:
    """The registry in which ``label`` of ``prompt`` is ``value`` and every other label is what it was.

    ``data`` are the bytes of the file, None where there is none. UsageError: the file has errors, or is
    written in a way in which the label cannot be changed without changing more.
    """
    before, _, findings = read_registry(path, data or b"")
    first = next((found for found in findings if found.severity == ERROR), None)
    if first is not None:
        raise UsageError(f"{path}:{first.line or 1}: {first.message}", hint="mend it first")
    wanted: Labels = {**before, prompt: {**before.get(prompt, {}), label: value}}
    whole = (data or b"").decode()
    bom = _BOM if whole.startswith(_BOM) else ""
    written = whole.removeprefix(_BOM).split("\n")
    text = "\n".join(line.removesuffix("\r") for line in written)
    try:
        span = _edit(text, prompt, label, value)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} cannot be read for an edit", hint=BY_HAND) from error
    edited = text[: span.start] + span.new + text[span.end :]
    after = (bom + _with_line_ends(edited, written)).encode()
    now, _, findings = read_registry(path, after)
    if now != wanted or len(after) > PARSED_FILE_BYTES or any(found.severity == ERROR for found in findings):
        raise UsageError(f"{path}: {prompt}@{label} cannot be changed without changing more", hint=BY_HAND)
    return RegistryEdit(path, data, after, before.get(prompt, {}).get(label))


def without_label(path: str, data: bytes | None, prompt: str, label: str) -> RegistryEdit:
    """The registry without one label; comments and layout of the rest stay. UsageError as ``with_label``."""
    before, document, findings = read_registry(path, data or b"")
    if label not in before.get(prompt, {}) or any(found.severity == ERROR for found in findings):
        raise UsageError(f"{path} has no {prompt}@{label} that could be taken out", hint=BY_HAND)
    rest = {name: value for name, value in before[prompt].items() if name != label}
    written = {key: value for key, value in (document.value or {}).items() if key != prompt or rest}
    if rest:
        written[prompt] = {name: value for name, value in (document.value or {})[prompt].items() if name != label}
    wanted: Labels = {key: value for key, value in before.items() if key != prompt} | ({prompt: rest} if rest else {})
    try:
        after = edited((data or b"").decode(), document.value or {}, written).encode()
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read for an edit", hint=BY_HAND) from error
    now, _, findings = read_registry(path, after)
    if {key: value for key, value in now.items() if value} != {key: value for key, value in wanted.items() if value}:
        raise UsageError(f"{path}: {prompt}@{label} cannot be taken out without changing more", hint=BY_HAND)
    return RegistryEdit(path, data, after, before[prompt][label])


@contextmanager
def sole_writer(root: Path, path: str, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Let no other command change the registry from before it is read until it is written: no edit is lost.

    CatalogError: others were writing for ``patience`` seconds, or its folder cannot be locked.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked((root / path).parent, patience))
        except OSError as error:
            raise unwritten(f"the folder of {path} cannot be locked", error, hint="nothing was changed") from error
        yield


def write_registry(root: Path, edit: RegistryEdit) -> None:
    """Put the registry in place: the old or the new file, never a mix. Call it as the ``sole_writer``.

    UsageError: it is a link, or cannot be written there. Another ``CatalogError``: it is not what was edited any
    more, as where an editor saved it meanwhile, or the disk is full or fails.
    """
    target = root / edit.path
    staged = target.with_name(f".{target.name}.tmp")  # one name: what a killed writer left, the next one takes away
    try:
        if target.is_symlink():
            raise UsageError(f"{edit.path} is a link and is not followed", hint="replace it by the file itself")
        present = target.read_bytes() if target.exists() else None
        if present != edit.before:
            raise CatalogError(f"{edit.path} was changed meanwhile", hint="nothing was changed: run it again")
        mode = target.stat().st_mode & 0o777 if present is not None else 0o666
        staged.unlink(missing_ok=True)
        try:
            handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
            with os.fdopen(handle, "wb") as file:
                file.write(edit.after)
                file.flush()
                os.fsync(handle)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise unwritten(f"{edit.path} cannot be written", error, hint="nothing was changed") from error


def _with_line_ends(edited: str, written: Sequence[str]) -> str:
    """The edited text with each line's end as it was; new lines end as the first one does."""
    lines = edited.split("\n")
    old = [line.removesuffix("\r") for line in written]
    head = _common(lines, old)
    tail = min(_common(lines[::-1], old[::-1]), len(lines) - head, len(old) - head)
    end = "\r" if len(written) > 1 and written[0].endswith("\r") else ""
    middle = [line + end for line in lines[head : len(lines) - tail]]
    if not tail and middle:
        middle[-1] = middle[-1].removesuffix("\r")  # what follows the last line end is no line
    return "\n".join([*written[:head], *middle, *written[len(written) - tail :]])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    count = 0
    for line, counterpart in zip(one, other, strict=False):
        if line != counterpart:
            break
        count += 1
    return count


def _edit(text: str, prompt: str, label: str, value: LabelValue) -> _Span:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        start = "" if not text or text.endswith("\n") else "\n"
        return _Span(len(text), len(text), f"{start}{_name(prompt)}:\n  {_name(label)}: {_flow(value)}\n")
    offsets = _Offsets(text)
    labels = _member(root, prompt)
    if labels is None:
        written = f"{_name(label)}: {_flow(value)}"
        return _added(offsets, root, prompt, f"{{{written}}}", f"\n  {written}")
    present = _member(labels, label)
    if present is None:
        return _added(offsets, labels, label, _flow(value), f" {_flow(value)}")
    return _changed(offsets, present, value)


class _Offsets:
    """Places of PyYAML's marks in a text whose lines end with LF."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: list[int] = [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def at(self, mark: Any) -> int:
        """The offset of a mark."""
        return int(self._starts[mark.line] + mark.column)

    def end(self, node: Any) -> int:
        """Where a value's own characters end: a block's mark stands at the next token, beyond comments."""
        while isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
            node = node.value[-1][1]
        return self.at(node.end_mark)

    def line(self, at: int) -> int:
        """Where the line begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Where the line ends, before its line end."""
        found = self.text.find("\n", at)
        return found if found >= 0 else len(self.text)


def _member(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _added(offsets: _Offsets, holder: Any, key: str, flow: str, block: str) -> _Span:
    """A new member at the end of a map, in the style that the map is written in."""
    if not isinstance(holder, yaml.MappingNode):
        raise UsageError(f"there is no map to put `{key}` into", hint=BY_HAND)
    if holder.flow_style:
        brace = offsets.at(holder.end_mark) - 1
        if not holder.value:
            return _Span(brace, brace, f"{_name(key)}: {flow}")
        at = offsets.at(holder.value[-1][1].end_mark)
        return _Span(at, at, f", {_name(key)}: {flow}")
    at = offsets.line_end(offsets.end(holder.value[-1][1]))
    indent = " " * holder.value[0][0].start_mark.column
    return _Span(at, at, f"\n{indent}{_name(key)}:{block}")


def _name(text: str) -> str:
    """An id or a label as a key: quoted where YAML 1.2 or 1.1 takes it for something else, as `null` and `on`."""
    meaning = resolve_plain(text)
    return text if meaning.code is None and meaning.value == text else f'"{text}"'


def _changed(offsets: _Offsets, node: Any, value: LabelValue) -> _Span:
    """Another value in place of a label's."""
    start = offsets.at(node.start_mark)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return _Span(start, offsets.at(node.end_mark), _flow(value))
    lines = _Span(offsets.line(start), offsets.line_end(offsets.end(node)), "")
    if _keeps_order(node, value) and ("#" in offsets.text[lines.start : lines.end] or len(value.split) > 1):
        return lines._replace(new=_entries(offsets, node, value))
    colon = offsets.text.rindex(":", 0, lines.start) + 1
    if offsets.text[colon : lines.start].strip() or "#" in offsets.text[lines.start : lines.end]:
        raise UsageError("comments stand between the label and its versions", hint=BY_HAND)
    return _Span(colon, offsets.end(node), f" {_flow(value)}")


def _keeps_order(node: Any, value: LabelValue) -> bool:
    """Whether the versions that stay keep their order and new ones come last: then entries can be edited."""
    old = [key.value for key, _ in node.value]
    kept = [version for version in old if version in value.versions]
    return bool(kept) and list(value.versions[: len(kept)]) == kept


def _entries(offsets: _Offsets, node: Any, value: LabelValue) -> str:
    """A block map of versions, line by line: weights changed, entries taken out, new ones at the end."""
    text, weights = offsets.text, dict(value.split)
    at = offsets.line(offsets.at(node.start_mark))
    written = []
    for key, number in node.value:
        start = offsets.at(key.start_mark)
        line, line_end = offsets.line(start), offsets.line_end(start)
        written.append(text[at:line])
        at = min(line_end + 1, len(text))
        if key.value in weights:
            weight = _number(weights.pop(key.value))
            before, after = offsets.at(number.start_mark), offsets.at(number.end_mark)
            written.append(f"{text[line:before]}{weight}{text[after:line_end]}\n")
    indent = " " * int(node.start_mark.column)
    written.extend(f"{indent}{version}: {_number(weight)}\n" for version, weight in weights.items())
    return "".join(written).removesuffix("\n")


def _flow(value: LabelValue) -> str:
    if len(value.split) == 1:
        return value.stable
    return "{" + ", ".join(f"{version}: {_number(weight)}" for version, weight in value.split) + "}"


def _number(weight: float) -> str:
    return f"{weight:g}" if weight == int(weight) else f"{round(weight, 2)}"
