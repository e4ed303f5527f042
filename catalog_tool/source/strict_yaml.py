"""Strict YAML: JSON's types only, nothing that two readers take for two things (design §2.4).

The events come from PyYAML (libyaml where it is there) and are composed here, without recursion, so
that depth and size are bounded before anything is built and aliases never expand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import yaml

from catalog_tool.canonical.jcs import ASTRAL, agrees_on_float
from catalog_tool.model.limits import NESTING, NODES
from catalog_tool.source.decoding import (
    MOST_FLAWS,
    Flaw,
    control_flaw,
    separator_flaws,
    without_separators,
)
from catalog_tool.source.yaml_scalars import NUMERIC_FIRST, SUSPECTS, RefusedNumberError, resolve_plain

REFUSED_KEYS = frozenset({"__proto__"})
"""Keys that JavaScript readers drop or take for something else."""
_MISSING = object()
_SURROGATE = re.compile("[\ud800-\udfff]")


class Document(NamedTuple):
    """A parsed document; ``value`` is meaningless where a flaw is an error.

    ``recovered`` is the text that was read instead of the written one, where that was not YAML.
    ``is_plain``: every number and key in it is one that all JSON encoders write alike (see
    ``canonical.jcs``), so that nobody has to look again.
    """

    value: Any
    flaws: list[Flaw]
    refused: bool
    recovered: str | None = None
    is_plain: bool = False


class PurePythonParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's own events, for machines without libyaml; slower, and stricter about tabs."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def _fastest_parser() -> Callable[[str], Any]:
    try:
        from yaml._yaml import CParser
    except ImportError:  # libyaml is not compiled in
        return PurePythonParser
    return CParser


_FASTEST = _fastest_parser()


def read_yaml(text: str, *, first_line: int = 1, parser: Callable[[str], Any] = _FASTEST) -> Document:
    """The value of a YAML text, with everything that is wrong in it.

    ``first_line`` is the line of the file on which the text starts (front matter), ``parser`` makes
    PyYAML's events: libyaml where it is there. Never raises for bad input: what YAML itself refuses is
    a flaw like the rest.
    """
    composer = _Composer(_tab_lines(text) if "\t" in text else [])
    flaws = composer.flaws
    separators = separator_flaws(text)
    if separators:
        flaws.extend(separators)
        text = without_separators(text)
    try:
        value = composer.compose(parser(text))
    except yaml.reader.ReaderError as error:
        value = None
        flaws.append(control_flaw(text) or Flaw("Y007", f"not YAML: {error.reason}", 1, 1))
    except yaml.MarkedYAMLError as error:
        value = None
        flaws.append(_syntax_flaw(error, text))
    except _TooMuch as stop:
        value = None
        flaws.append(stop.flaw)
    if not any(flaw.code in {"Y007", "Y011"} for flaw in flaws):
        flaws.extend(composer.tab_flaws())
    refused = any(flaw.code not in WARNINGS for flaw in flaws)
    if first_line != 1:
        shift = first_line - 1
        flaws = [flaw._replace(line=flaw.line + shift if flaw.line else None) for flaw in flaws]
    return Document(value, flaws, refused, is_plain=composer.is_plain)


WARNINGS = frozenset({"Y006", "Y013", "Y019"})
"""What is read all the same."""


class _TooMuch(Exception):  # noqa: N818 - a jump out of the loop, never seen outside this module
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def _syntax_flaw(error: yaml.MarkedYAMLError, text: str) -> Flaw:
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    code, hint = "Y007", ""
    if mark and _at_tab(text, mark):
        code, hint = "Y011", "; indent with spaces"
    elif "mapping values are not allowed" in said:
        hint = "; quote a value that holds ': '"
    return Flaw(code, f"not YAML: {said}{hint}", *((mark.line + 1, mark.column + 1) if mark else (None, None)))


def _at_tab(text: str, mark: Any) -> bool:
    lines = text.split("\n")
    return mark.line < len(lines) and bool(lines[mark.line][mark.column : mark.column + 1] == "\t")


def _tab_lines(text: str) -> list[tuple[int, int]]:
    """Lines (from 0) whose indentation holds a tab, with the tab's column (from 0)."""
    found = []
    for number, line in enumerate(text.split("\n")):
        blank = len(line) - len(line.lstrip(" "))
        if line[blank : blank + 1] == "\t" and line.strip():
            found.append((number, blank))
    return found


class _Composer:
    """Builds the value from events; one instance a document."""

    def __init__(self, tab_lines: list[tuple[int, int]]) -> None:
        self.flaws: list[Flaw] = []
        self._tab_lines = tab_lines
        self._block_lines: set[int] = set()
        self.is_plain = True

    def compose(self, parser: Any) -> Any:
        """The one document's value; None for an empty file."""
        next_event = parser.get_event
        next_event()
        event = next_event()
        if type(event) is yaml.StreamEndEvent:
            return None
        if event.tags:
            self._flaw("Y010", "a %TAG directive: tags are not read", event.start_mark)
        value = self._document(next_event)
        next_event()
        event = next_event()
        if type(event) is not yaml.StreamEndEvent:
            self._flaw("Y017", "more than one document in the file", event.start_mark)
        return value

    def _document(self, next_event: Callable[[], Any]) -> Any:  # noqa: C901, PLR0915 - the hot loop, flat on purpose
        stack: list[tuple[Any, Any]] = []
        root: Any = None
        holder: Any = None
        key: Any = _MISSING
        count = 0
        scalar, alias = yaml.ScalarEvent, yaml.AliasEvent
        start_map, start_list = yaml.MappingStartEvent, yaml.SequenceStartEvent
        missing, suspects, numeric, has_tabs = _MISSING, SUSPECTS, NUMERIC_FIRST, bool(self._tab_lines)
        while True:
            event = next_event()
            kind = type(event)
            if kind is scalar:
                value = event.value
                style = event.style
                if style:
                    if has_tabs or style == '"':
                        self._quoted(event)
                elif value in suspects or value[0] in numeric:
                    value = self._plain(event)
            elif kind is start_map:
                value = {}
            elif kind is start_list:
                value = []
            elif kind is alias:
                value = None
            else:
                holder, key = stack.pop()
                if holder is None:
                    return root
                continue
            if event.anchor is not None or event.tag is not None:  # an alias has an anchor and no tag
                self._decorated(event)
            count += 1
            if count > NODES:
                raise _TooMuch(self._at("Y015", f"more than {NODES} values", event.start_mark))
            if key is not missing:
                holder[key] = value
                key = missing
            elif type(holder) is dict:
                if type(value) is str and value not in holder and value not in REFUSED_KEYS and value.isascii():
                    key = value
                    continue
                key = self._key(value, holder, event)
                if kind is scalar or kind is alias:
                    continue
            elif holder is not None:
                holder.append(value)
            elif kind is scalar or kind is alias:
                return value
            else:
                root = value
            if kind is start_map or kind is start_list:
                if len(stack) >= NESTING:
                    raise _TooMuch(self._at("Y015", f"nested more than {NESTING} deep", event.start_mark))
                stack.append((holder, key))
                holder, key = value, missing

    def _at(self, code: str, message: str, mark: Any) -> Flaw:
        return Flaw(code, message, mark.line + 1, mark.column + 1)

    def _flaw(self, code: str, message: str, mark: Any) -> None:
        self.flaws.append(self._at(code, message, mark))
        if len(self.flaws) >= MOST_FLAWS:
            raise _TooMuch(self._at("Y015", f"more than {MOST_FLAWS} things are wrong; reading stopped", mark))

    def _plain(self, event: Any) -> Any:
        if event.value == "<<":
            self._flaw("Y009", "a merge key: write the keys out", event.start_mark)
            return "<<"
        try:
            scalar = resolve_plain(event.value)
        except RefusedNumberError as error:
            self._flaw("Y012", str(error), event.start_mark)
            return event.value
        if scalar.code is not None:
            self._flaw(scalar.code, scalar.message, event.start_mark)
        if type(scalar.value) is float and not agrees_on_float(scalar.value):
            self.is_plain = False
        return scalar.value

    def _quoted(self, event: Any) -> None:
        if event.style in "|>":
            self._block_lines.update(range(event.start_mark.line + 1, event.end_mark.line + 1))
        elif "\0" in event.value:
            self._flaw("Y004", "an escaped NUL character", event.start_mark)
        elif not event.value.isascii() and _SURROGATE.search(event.value):
            self._flaw("Y016", "a lone surrogate: write the character itself", event.start_mark)

    def _decorated(self, event: Any) -> None:
        if type(event) is yaml.AliasEvent:
            self._flaw("Y009", f"the alias *{str(event.anchor)[:60]}: write the value out", event.start_mark)
        elif event.anchor is not None:
            self._flaw("Y009", f"the anchor &{event.anchor[:60]}: aliases are not read", event.start_mark)
        elif event.tag is not None:
            self._flaw("Y010", f"the tag {event.tag[:60]}: only JSON's types are read", event.start_mark)

    def _key(self, key: Any, holder: dict[str, Any], event: Any) -> str:
        if type(key) is not str:
            spelled = getattr(event, "value", None)
            shown = "a list or map" if spelled is None else f"`{spelled[:60]}`" if spelled else "an empty key"
            self._flaw("Y018", f"{shown} as a key: keys are strings; quote it", event.start_mark)
            return f"\0{len(holder)}"
        self.is_plain = self.is_plain and (key.isascii() or max(key) < ASTRAL)
        if key in holder:
            self._flaw("Y008", f"the key `{key[:60]}` is given twice", event.start_mark)
        elif key in REFUSED_KEYS:
            self._flaw("Y014", "the key `__proto__` is refused: JavaScript readers drop it", event.start_mark)
        elif not key.isascii() and not unicodedata.is_normalized("NFC", key):
            self._flaw("Y025", f"the key `{key[:60]}` is not in Unicode normal form C", event.start_mark)
        return key

    def tab_flaws(self) -> list[Flaw]:
        """Tabs that indent anything but the content of a block scalar."""
        return [
            Flaw("Y011", "a tab as indentation; indent with spaces", line + 1, column + 1)
            for line, column in islice(self._indenting_tabs(), MOST_FLAWS)
        ]

    def _indenting_tabs(self) -> Iterator[tuple[int, int]]:
        return (place for place in self._tab_lines if place[0] not in self._block_lines)
