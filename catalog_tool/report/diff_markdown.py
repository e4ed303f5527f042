"""``catalog diff --format markdown``: the comment of a pull request (design §7).

One sentence with the worst thing, a table ordered by risk, then each change folded with its words.
Whatever comes from the catalog is escaped or fenced; the whole never passes ``LIMIT`` bytes and is cut
between blocks only.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from catalog_tool.diff.changes import Change, Detail, DiffResult
from catalog_tool.diff.renders import Render
from catalog_tool.diff.words import diff_texts
from catalog_tool.report import diff_words
from catalog_tool.report.diff_lines import marked_text
from catalog_tool.report.escape import fence, for_actions_log, for_markdown, for_terminal

LIMIT = 60_000
"""Bytes of the whole comment."""
ROWS = 50
"""Rows of the table."""
_FENCE = 6_000
"""Characters of one fenced block; what is longer is cut at a line, inside the fence's content only."""
_NOTICE = 200
"""Bytes kept for saying what was left out."""


def diff_markdown(result: DiffResult) -> str:
    """The comment; ends with a line feed."""
    if not result.changes:
        return f"{diff_words.NO_CHANGES}\n"
    text = for_actions_log("\n".join([_headline(result), "", *_table(result), *_remarks(result), ""]))
    left_out = 0
    for change in result.changes:
        room = LIMIT - _NOTICE - len(text.encode())
        block = next((block for block in _folded(change) if len(block.encode()) <= room), None)
        if block is None:
            left_out += 1
        else:
            text += block
    if left_out:
        text += f"\n{left_out} of {len(result.changes)} changes are in the table only: the comment would be too long.\n"
    return text


def _headline(result: DiffResult) -> str:
    first = result.changes[0]
    worst = first.worst
    said = f"{for_markdown(diff_words.title(first))}: {for_markdown(worst.message)}" if worst else ""
    breaks = {"major": "**This breaks callers.** ", "minor": "**Nothing breaks, but callers should look.** "}
    return f"{breaks.get(first.contract, '')}{said}\n\n{diff_words.summary(result)}"


def _table(result: DiffResult) -> Iterator[str]:
    yield "| change | contract | behaviour | the worst of it |"
    yield "| --- | --- | --- | --- |"
    for change in result.changes[:ROWS]:
        worst = change.worst
        message = for_markdown(_short(worst.message)) if worst else ""
        more = f" (+{len(change.details) - 1})" if len(change.details) > 1 else ""
        levels = f"{_level(change.contract)} | {_level(change.behaviour)}"
        yield f"| {for_markdown(diff_words.title(change))} | {levels} | {message}{more} |"
    if len(result.changes) > ROWS:
        yield ""
        yield f"… and {len(result.changes) - ROWS} more."


def _level(level: str) -> str:
    return f"**{level}**" if level in ("major", "high") else level


def _short(text: str, characters: int = 160) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _remarks(result: DiffResult) -> Iterator[str]:
    lines = [*diff_words.shared(result), *diff_words.listing(result)]
    if lines:
        yield ""
        yield from (f"- {for_markdown(line)}" for line in lines[:ROWS])


def _folded(change: Change) -> Iterator[str]:
    """The change in full, then without its renderings, then without any fence: the first that fits is taken."""
    yield _fold(change, fences=True, renders=True)
    yield _fold(change, fences=True, renders=False)
    yield _fold(change, fences=False, renders=False)


def _fold(change: Change, *, fences: bool, renders: bool) -> str:
    name = html.escape(for_terminal(diff_words.title(change)))
    lines = ["", f"<details><summary><code>{name}</code></summary>", ""]
    lines += [f"{for_markdown(fact)}\n" for fact in (_against(change), diff_words.tokens(change.tokens)) if fact]
    for item in change.details:
        lines.append(_item(item))
        if fences and item.text is not None and item.text.hunks:
            lines += ["", fence(_cut(marked_text(item.text)), "diff")]
    if renders:
        for render in change.renders:
            lines += _rendered(render)
    return for_actions_log("\n".join([*lines, "", "</details>", ""]))


def _against(change: Change) -> str:
    labels = [name for name in change.against if name != "highest"]
    return f"{change.before} is what {', '.join(labels)} points to." if labels else ""


def _item(item: Detail) -> str:
    where = f" {for_markdown(item.path)}" if item.path else ""
    waived = ""
    if item.waiver is not None:
        until = f" until {item.waiver.until}" if item.waiver.until else ""
        waived = f" — {item.waiver.contract} by its rule, waived{until}: {for_markdown(item.waiver.reason)}"
    levels = f"{_level(item.contract)} / {_level(item.behaviour)}"
    return f"- {levels} · {for_markdown(item.message)} · {item.rule}{where}{waived}"


def _rendered(render: Render) -> Iterator[str]:
    if render.same:
        return
    yield f"\nWhat the model receives for {for_markdown(render.case)}:\n"
    for error, when in ((render.before_error, "before"), (render.after_error, "now")):
        if error is not None:
            yield f"cannot be rendered {when}: {for_markdown(error)}\n"
    if render.before is not None and render.after is not None:
        yield fence(_cut(marked_text(diff_texts(render.before, render.after))), "diff")


def _cut(text: str) -> str:
    if len(text) <= _FENCE:
        return text
    kept = text[:_FENCE].rpartition("\n")[0] or text[:_FENCE]
    return f"{kept}\n… {len(text) - len(kept)} more characters\n"
