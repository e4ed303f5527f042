"""``catalog diff --format markdown``: the comment of a pull request (design §7).

One sentence with the worst thing, a table ordered by risk, what is rolled out and which tests ask for
less, then each change folded with its words. Whatever comes from the catalog is escaped or fenced; the
whole never passes ``LIMIT`` bytes and is cut between blocks only.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from catalog_tool.diff.changes import Change, Detail, DiffResult
from catalog_tool.diff.renders import Render
from catalog_tool.diff.words import diff_texts
from catalog_tool.report import diff_words
from catalog_tool.report.diff_lines import marked_text
from catalog_tool.report.diff_rows import Row, Rows, rows_of
from catalog_tool.report.escape import fence, for_actions_log, for_markdown, for_terminal, inline_code
from catalog_tool.report.findings_text import counted

LIMIT = 60_000
"""Bytes of the whole comment."""
ROWS = 50
"""Rows of the table, and lines of a section."""
_SECTION = 12_000
"""Bytes of the table, and of a section."""
_FENCE = 6_000
"""Characters of one fenced block; what is longer is cut at a line, inside the fence's content only."""
_RENDERS = 3
"""Inputs of one change whose texts are shown."""
_FEW, _TOLD = 6, 3
"""Rows up to which each tells more than the worst, and how many sentences then."""
_NOTICE = 400
"""Bytes kept for saying what was left out, and for the legend."""
_LEGEND = (
    "\n<sub>Contract: can code that worked with the old version fail? "
    "Behaviour: how likely does the model answer otherwise?</sub>\n"
)
_CODE = re.compile(r"`([^`]+)`")


def diff_markdown(result: DiffResult) -> str:
    """The comment; ends with a line feed."""
    if not result.changes:
        return f"{diff_words.NO_CHANGES}\n"
    rows = rows_of(result)
    text = for_actions_log("\n".join([*_headline(result, rows), *_table(rows), *_sections(result, rows)]))
    left_out = 0
    for row in rows.artifacts:
        room = LIMIT - _NOTICE - len(text.encode())
        block = next((block for block in _folded(row) if len(block.encode()) <= room), None)
        if block is None:
            left_out += 1
        else:
            text += block
    if left_out:
        text += f"\n{left_out} of {len(rows.artifacts)} changes are not unfolded: the comment would be too long.\n"
    return text + _LEGEND if rows.artifacts else text


def prose(text: str) -> str:
    """A sentence of ours with names in it, where what stands between backticks is code.

    Names can hold anything, backticks too; every piece is escaped by itself, so that whatever pairs
    with whatever, nothing comes to life.
    """
    shown = ""
    for index, piece in enumerate(_CODE.split(text)):
        made = code(piece) if index % 2 else _plain(piece)
        shown += f" {made}" if shown.endswith("`") and made.startswith("`") else made
    return shown


def _plain(piece: str) -> str:
    made = for_markdown(piece)
    inner = piece.strip(" ")
    if not inner:
        return " " if piece else ""
    return f"{' ' * piece.startswith(' ')}{made}{' ' * piece.endswith(' ')}"


def code(piece: str) -> str:
    """Inline code; a ``|`` would end a cell of a table."""
    return for_markdown(piece) if "|" in piece else inline_code(piece)


def _name(row: Row) -> str:
    """``support_agent`` v1 → v3, for callers of production."""
    what, name = diff_words.subject(row.change)
    whom = f", seen from {row.seen_from()}" if row.seen_from() else ""
    versions = for_markdown(diff_words.versions(row.change)).replace(" → ", "&nbsp;→&nbsp;")
    return f"{what} {code(name)} {versions}{for_markdown(whom)}".strip()


def _headline(result: DiffResult, rows: Rows) -> Iterator[str]:
    verdict = diff_words.verdict(result, rows)
    worst = rows.artifacts[0].change.worst if rows.artifacts else None
    said = f"{_name(rows.artifacts[0])}: {prose(_short(worst.message, 300))}" if worst else ""
    weakened = sum(len(change.details) for change in rows.tests) if rows.artifacts else 0
    asked = f" — **and {counted(weakened, 'check')} {'asks' if weakened == 1 else 'ask'} for less**" if weakened else ""
    yield f"{f'**{verdict}** ' if verdict else ''}{said}{asked}"
    yield ""
    yield for_markdown(diff_words.summary(result))
    yield ""


def _table(rows: Rows) -> Iterator[str]:
    if not rows.artifacts:
        return
    yield "| change | contract | behaviour | the worst of it |"
    yield "| --- | --- | --- | --- |"
    most = _TOLD if len(rows.artifacts) <= _FEW else 1
    yield from _within([_row(row, 1 if row.seen_from() else most) for row in rows.artifacts], last="\n")
    yield ""


def _row(row: Row, most: int) -> str:
    change = row.change
    message = "<br>".join(prose(_short(item.message)) for item in change.details[:most])
    more = f" (+{len(change.details) - most})" if len(change.details) > most else ""
    return f"| {_name(row)} | {_level(change.contract)} | {_level(change.behaviour)} | {message}{more} |"


def _within(lines: list[str], last: str = "") -> Iterator[str]:
    """The lines up to the number and the bytes of a section; then how many there are more."""
    room = _SECTION
    for index, line in enumerate(lines):
        room -= len(line.encode()) + 1
        if index == ROWS or (room < 0 and index):
            yield f"{last}… and {len(lines) - index} more."
            return
        yield line


def _level(level: str) -> str:
    return f"**{level}**" if level in ("major", "high") else level


def _short(text: str, characters: int = 160) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _sections(result: DiffResult, rows: Rows) -> Iterator[str]:
    yield from _section("Tests, gates and rules that ask for less", map(_told, rows.tests))
    yield from _section("Labels: what is rolled out", map(_told, rows.labels))
    yield from _section("Shared parts", map(_told, rows.shared))
    for line in (*diff_words.listing(result), *diff_words.unfit(result)):
        yield from (prose(_short(line, 2_000)), "")


def _told(change: Change) -> Iterator[str]:
    said = [prose(_short(item.message, 600)) for item in change.details]
    yield f"{_name(Row(change))}: {said[0]}"
    yield from said[1:]


def _section(head: str, entries: Iterable[Iterable[str]]) -> Iterator[str]:
    """A heading and a list; each entry's first line is an item, the others stand below it."""
    lines = [f"{'  ' * bool(index)}- {line}" for entry in entries for index, line in enumerate(entry)]
    if lines:
        yield from (f"**{head}**", "", *_within(lines, last="- "), "")


def _folded(row: Row) -> Iterator[str]:
    """The change in full, then without its renderings, then without any fence: the first that fits is taken.

    What the model receives is shown against the highest older version only.
    """
    if not row.seen_from():
        yield _fold(row, fences=True, renders=True)
    yield _fold(row, fences=True, renders=False)
    yield _fold(row, fences=False, renders=False)


def _fold(row: Row, *, fences: bool, renders: bool) -> str:
    change = row.change
    name = html.escape(for_terminal(diff_words.title(change)))
    lines = ["", f"<details><summary><code>{name}</code></summary>", ""]
    facts = [*row.against(), diff_words.tokens(change.tokens), diff_words.renders(change)]
    lines += [f"{'. '.join(for_markdown(fact) for fact in facts if fact)}.\n"] if any(facts) else []
    for item in change.details:
        lines.append(_item(item))
        if fences and item.text is not None and item.text.hunks:
            lines += ["", fence(_cut(marked_text(item.text)), "diff")]
    if renders:
        lines += _rendered([render for render in change.renders if not render.same])
    return for_actions_log("\n".join([*lines, "", "</details>", ""]))


def _item(item: Detail) -> str:
    where = f" {code(item.path)}" if item.path else ""
    waived = ""
    if item.waiver is not None:
        until = f" until {item.waiver.until}" if item.waiver.until else ""
        waived = f" — {item.waiver.contract} by its rule, waived{until}: {for_markdown(item.waiver.reason)}"
    levels = f"{_level(item.contract)} / {_level(item.behaviour)}"
    return f"- {levels} · {prose(item.message)} · {item.rule}{where}{waived}"


def _rendered(renders: list[Render]) -> Iterator[str]:
    """What the model would get for other inputs, folded inside the change's own fold."""
    if not renders:
        return
    yield "\n<details><summary>What the model receives</summary>\n"
    for render in renders[:_RENDERS]:
        yield f"{for_markdown(render.case)}:\n"
        for error, when in ((render.before_error, "before"), (render.after_error, "now")):
            if error is not None:
                yield f"cannot be rendered {when}: {for_markdown(error)}\n"
        if render.before is not None and render.after is not None:
            yield fence(_cut(marked_text(diff_texts(render.before, render.after))), "diff")
    if len(renders) > _RENDERS:
        yield f"… and {len(renders) - _RENDERS} more inputs; `--format json` has them all.\n"
    yield "</details>"


def _cut(text: str) -> str:
    if len(text) <= _FENCE:
        return text
    kept = text[:_FENCE].rpartition("\n")[0] or text[:_FENCE]
    return f"{kept}\n… {len(text) - len(kept)} more characters\n"
