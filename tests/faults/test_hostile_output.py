"""Rows 51 and 52 of the faults page for the reports: nothing that a file says is obeyed or hidden.

The runner of GitHub Actions reads each line of a step's output with two parsers; both are rebuilt here
from their observed behaviour and given every report over 200 hostile strings in every field.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest

from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.escape import fence, for_actions_log, for_markdown, for_terminal, inline_code
from catalog_tool.report.formats import FORMATS

OBEYED = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "internal-set-repo-path",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    }
)
# What .NET's TrimStart takes away: char.IsWhiteSpace.
WHITE = "".join(map(chr, (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))) + (
    "\u2028\u2029\u202f\u205f\u3000"
)


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    data: str


def unescaped(text: str, *, in_property: bool) -> str:
    codes = {"%0D": "\r", "%0A": "\n"} | ({"%3A": ":", "%2C": ","} if in_property else {})
    for code, char in codes.items():
        text = text.replace(code, char)
    return text.replace("%25", "%")


def new_form(line: str) -> Command | None:
    """``::name key=value,…::data`` at the start of a line, after white space."""
    line = line.lstrip(WHITE)
    if not line.startswith("::"):
        return None
    head, separator, data = line[2:].partition("::")
    name, _, written = head.partition(" ")
    if not separator or name.lower() not in OBEYED:
        return None
    pairs = [pair.partition("=") for pair in written.strip(WHITE).split(",") if pair]
    properties = {key: unescaped(value, in_property=True) for key, _, value in pairs}
    return Command(name, properties, unescaped(data, in_property=False))


def old_form(line: str) -> Command | None:
    """``##[name key=value;…]data`` anywhere in a line."""
    _, prefix, rest = line.partition("##[")
    head, bracket, data = rest.partition("]")
    name = head.partition(" ")[0]
    if not prefix or not bracket or name.lower() not in OBEYED:
        return None
    return Command(name, {}, data)


def obeyed(output: str) -> list[Command]:
    """The commands that the runner finds in a step's output."""
    lines = re.split(r"\r\n|\r|\n", output)
    return [command for line in lines if (command := new_form(line) or old_form(line))]


def hostile_strings() -> Iterator[str]:
    """200 strings: commands in both forms behind every kind of start, and what acts on a terminal."""
    commands = (
        "::error::owned",
        "::add-mask::a",
        "::stop-commands::token",
        "::set-env name=PATH::/tmp/x",
        "::warning file=a.py,line=1,title=t::x%0A::error::y",
        "##[error]owned",
        "##[add-mask]a",
        "##[set-output name=x;]y",
    )
    starts = (
        *("", " ", "\t", "\n", "\r", "\r\n", "text\n  ", "\x0b", "\x0c", "\x85", "\xa0", "\u2003", "\u2028"),
        *("\u3000", "\u200b", "\ufeff", "\x00", "\x1b[0m", "#", ":", "%0A"),
    )
    yield from (start + command for start in starts for command in commands)
    yield from (
        *(
            "\x1b[31m",
            "\x1b[2J\x1b[H",
            "\x1b]0;title\x07",
            "\x1b]52;c;c2VjcmV0\x07",
            "\x1b]8;;http://x\x1b\\a",
        ),
        *("\x9b31m", "\x9d52;c;eA==\x9c", "\x90q\x9c", "\x07", "\x08\x08", "\x7f", "\x00", "\x0e", "\x1bc"),
        *("\u202eabc", "\u2066a\u2069", "\u200f", "\u061c", "\U000e0041\U000e0042", "\U000e0100", "\u2029"),
        *("[bold red]x[/]", ":smile:", "\ud800", "\udc80x", "\ufffe", "\xad", "\u3164", "\u2800", "\ufff9"),
        *("##", "[error]", "::", ":", "% %25 %0A", ']]></failure>"', "</testsuites>"),
    )


HOSTILE = list(itertools.islice(hostile_strings(), 200))


def findings() -> list[Finding]:
    """Every hostile string in every field, severities in turn."""
    severities = itertools.cycle((ERROR, WARNING, INFO))
    found = []
    for text in HOSTILE:
        found += [
            Finding("P101", next(severities), text, "prompts/a/v1.yaml", 1, 1, "a@v1", "hint"),
            Finding("P101", next(severities), "message", text, 1, 1, text, "hint"),
            Finding("P101", next(severities), "message", None, None, None, text, text),
            Finding("P101", next(severities), text, text, None, None, text, text),
        ]
    return found


def summary_of(found: Sequence[Finding]) -> dict[str, int]:
    severities = [finding.severity for finding in found]
    counts = {"errors": severities.count(ERROR), "warnings": severities.count(WARNING)}
    return {"prompts": 1, "versions": 1, "skills": 0, **counts}


def outputs(name: str, context: ReportContext) -> Iterator[str]:
    """A report of all findings at once, and one of each alone."""
    found = findings()
    yield FORMATS[name].render(found, summary_of(found), context)
    for finding in found:
        yield FORMATS[name].render([finding], summary_of([finding]), context)


def test_the_strings_are_hostile() -> None:
    assert len(set(HOSTILE)) == 200
    assert sum(bool(obeyed(text)) for text in HOSTILE) > 100


@pytest.mark.parametrize("name", ["text", "json", "sarif", "junit", "gitlab"])
def test_the_runner_obeys_nothing(name: str) -> None:
    for color in (False, True):
        for text in outputs(name, ReportContext(color=color, actions=True)):
            assert obeyed(text) == []
            assert for_actions_log(text) == text


def test_any_line_can_be_disarmed() -> None:
    for text in (*HOSTILE, "\n".join(HOSTILE), *map("##".__add__, HOSTILE)):
        assert obeyed(for_actions_log(text)) == []
        assert for_actions_log(text).replace("\\", "") == text.replace("\\", "")


def test_the_runner_obeys_our_annotations_and_no_others() -> None:
    kinds = {ERROR: "error", WARNING: "warning", INFO: "notice"}
    for finding in findings():
        text = FORMATS["github"].render([finding], summary_of([finding]), ReportContext())
        (command,) = obeyed(text)
        assert command.name == kinds[finding.severity]
        expected = {"title": "P101 prompt does not fit its schema"}
        if finding.path is not None:
            expected["file"] = for_terminal(finding.path)
        if finding.line is not None:
            expected |= {"line": "1", "col": "1"}
        assert command.properties == expected
        assert command.data == f"{for_terminal(finding.message)}\n{for_terminal(finding.hint or '')}"


def test_annotations_stay_within_githubs_limit() -> None:
    (text, *_) = outputs("github", ReportContext())
    names = [command.name for command in obeyed(text)]
    assert {name: names.count(name) for name in names} == {"error": 10, "warning": 10, "notice": 10}


OWN_STYLE = re.compile(r"\x1b\[(?:0|1|2|1;31|1;33|1;36)m")


def unseen(text: str) -> set[str]:
    """Characters of ``text`` that act on a terminal or do not show, line feeds and our styles aside."""
    plain = OWN_STYLE.sub("", text).replace("\n", "")
    categories = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {char for char in plain if unicodedata.category(char) in categories or char in "\u3164\u2800"}


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_control_reaches_the_terminal(name: str) -> None:
    for color in (False, True):
        for text in outputs(name, ReportContext(color=color)):
            assert unseen(text) == set()
            text.encode()


@pytest.mark.parametrize("escape", [for_terminal, for_markdown, inline_code, fence])
def test_no_escape_lets_a_control_through(escape: Callable[[str], str]) -> None:
    for text in HOSTILE:
        assert unseen(escape(text).replace("\t", "")) == set()


def test_markup_of_other_tools_is_only_text() -> None:
    finding = Finding("P101", ERROR, "[bold red]x[/] :smile:", "[link=x]a[/].yaml")
    text = FORMATS["text"].render([finding], summary_of([finding]), ReportContext(color=True))
    assert "[bold red]x[/] :smile:" in text
    assert "[link=x]a[/].yaml" in text
