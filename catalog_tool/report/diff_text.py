"""``catalog diff`` at a terminal: side by side where there is room, quiet where nothing changed."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from catalog_tool.diff.changes import LABEL, TEST, Detail, DiffResult
from catalog_tool.diff.renders import Render
from catalog_tool.diff.words import TextDiff, diff_texts
from catalog_tool.report import diff_words
from catalog_tool.report.diff_cut import Scale, Weight, heaviest
from catalog_tool.report.diff_lines import CAME, CONTEXT, GONE, Line, Pair, pairs, unified
from catalog_tool.report.diff_rows import Row, rows_of
from catalog_tool.report.escape import for_actions_log, for_terminal, lines_for_terminal

WIDE = 120
"""Columns from which old and new stand side by side."""
_MARGIN = 6
LINES = 40
"""Lines of one text that are shown, those that tell most; JSON and Markdown have more."""
_LEVELS = {"major": "bold red", "minor": "yellow", "patch": "cyan", "none": "dim"}
_BEHAVIOURS = {"high": "bold magenta", "medium": "magenta", "low": "cyan", "none": "dim"}
_SIGNS = {GONE: "red", CAME: "green", CONTEXT: "dim"}


def diff_text(result: DiffResult, *, width: int, color: bool, show_renders: bool = False, actions: bool = False) -> str:
    """The whole report for a terminal of ``width`` columns; ``actions``: for a log of GitHub Actions."""
    if not result.changes:
        return f"{diff_words.NO_CHANGES}\n"
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, 40),
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    rows = rows_of(result)
    told = map(Row, (*rows.tests, *rows.evidence, *rows.labels, *rows.shared))
    for row in (*rows.artifacts, *told):
        _change(console, row, show_renders=show_renders)
    for line in (*diff_words.listing(result), *diff_words.unfit(result)):
        console.print(Text(for_terminal(line)))
    console.print(Text(diff_words.summary(result), style="bold"))
    text = "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
    return for_actions_log(text) if actions else text


def _change(console: Console, row: Row, *, show_renders: bool) -> None:
    change = row.change
    head = Text(for_terminal(diff_words.title(change)), style="bold")
    if change.kind not in (LABEL, TEST):
        head.append(f"  contract {change.contract}", style=_LEVELS[change.contract])
        head.append(f"  behaviour {change.behaviour}", style=_BEHAVIOURS[change.behaviour])
    console.print(head)
    facts = (*row.against(), diff_words.tokens(change.tokens), diff_words.renders(change))
    for line in filter(None, facts):
        console.print(_indented(line, 2, "dim"))
    for item in change.details:
        _detail(console, item)
    if show_renders:
        for render in change.renders:
            _render(console, render)
    console.print()


def _indented(text: str, columns: int, style: str = "") -> Padding:
    return Padding(Text(for_terminal(text), style=style), (0, 0, 0, columns))


def _detail(console: Console, item: Detail) -> None:
    said = Text(for_terminal(item.message))
    said.append(f"  {item.rule}", style="dim")
    if item.path:
        said.append(f" {for_terminal(item.path)}", style="dim")
    row = Table.grid()
    for width in (2, 6, 7):
        row.add_column(width=width)
    row.add_column(overflow="fold")
    levels = Text(item.contract, style=_LEVELS[item.contract]), Text(item.behaviour, style=_BEHAVIOURS[item.behaviour])
    row.add_row("", *levels, said)
    console.print(row)
    if item.waiver is not None:
        until = f" until {item.waiver.until}" if item.waiver.until else ""
        waived = f"{item.waiver.contract} by its rule, waived{until}: {item.waiver.reason}"
        console.print(_indented(waived, 15, "dim"))
    if item.text is not None and item.rule != "text-space":
        _text(console, item.text)


def _text(console: Console, text: TextDiff) -> None:
    scale = Scale(text)
    if console.width >= WIDE:
        _side_by_side(console, [pair for hunk in text.hunks for pair in pairs(hunk)], scale)
        return
    lines = [line for hunk in text.hunks for line in unified(hunk)]
    for index in _shown([scale.weight(line) for line in lines]):
        shown = Text("…", style="dim") if index is None else _styled(lines[index])
        console.print(Padding(shown, (0, 0, 0, _MARGIN)))
    _rest(console, len(lines))


def _side_by_side(console: Console, both: list[Pair], scale: Scale) -> None:
    half = (console.width - _MARGIN - 4) // 2
    table = Table.grid(padding=(0, 2))
    table.add_column(width=half, overflow="fold")
    table.add_column(width=half, overflow="fold")
    for index in _shown([max(scale.weight(line) for line in pair if line is not None) for pair in both]):
        if index is None:
            table.add_row(Text("…", style="dim"), Text(""))
        else:
            table.add_row(*(_styled(line) if line is not None else Text("") for line in both[index]))
    console.print(Padding(table, (0, 0, 0, _MARGIN)))
    _rest(console, len(both))


def _shown(weights: list[Weight]) -> Iterator[int | None]:
    """The places of the lines that are shown; None where some between two of them are not."""
    last = -1
    for index in sorted(heaviest(weights, LINES)):
        if index > last + 1:
            yield None
        yield index
        last = index


def _rest(console: Console, count: int) -> None:
    if count > LINES:
        console.print(_indented(f"… {count - LINES} more lines", 6, "dim"))


def _styled(line: Line) -> Text:
    style = _SIGNS[line.sign]
    found = Text(f"{line.sign} ", style=style)
    for piece in line.pieces:
        strong = piece.changed and line.partly
        found.append(lines_for_terminal(piece.text), style=f"{style} bold reverse" if strong else style)
    return found


def _render(console: Console, render: Render) -> None:
    verdict = "the same" if render.same else "differs"
    console.print(_indented(f"what the model receives, {render.case}: {verdict}", 2, "bold"))
    for error, when in ((render.before_error, "before"), (render.after_error, "now")):
        if error is not None:
            console.print(_indented(f"cannot be rendered {when}: {error}", 4))
    if not render.same and render.before is not None and render.after is not None:
        _text(console, diff_texts(render.before, render.after))
