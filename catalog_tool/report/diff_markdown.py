"""``catalog diff --format markdown``: the comment of a pull request (design §7).

One sentence with the worst thing, a table ordered by risk, what is rolled out and which tests ask for
less, then each change folded with its words. Whatever comes from the catalog is escaped or fenced; the
whole never passes ``LIMIT`` bytes and is cut between blocks only. The texts share the room that the rest
leaves, so that no long harmless one pushes another out of sight; ``diff_cut`` does the same inside each.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from catalog_tool.diff.changes import Change, Detail, DiffResult
from catalog_tool.diff.renders import Render
from catalog_tool.diff.words import TextDiff, diff_texts
from catalog_tool.report import diff_words
from catalog_tool.report.diff_cut import Cut, is_alarming, whole_text
from catalog_tool.report.diff_rows import Row, Rows, rows_of
from catalog_tool.report.escape import fence, for_actions_log, for_markdown, for_terminal, inline_code
from catalog_tool.report.room import shared_room

LIMIT = 60_000
"""Bytes of the whole comment."""
ROWS = 50
"""Rows of the table, and lines of a section."""
_SECTION = 8_500
"""Bytes of the table, and of a section; there are six."""
_FOLD = 40_000
"""Bytes of one change's texts: ``catalog comment`` keeps folds whole or not at all, and has more to say beside them."""
_LEAST = 1_500
"""Bytes in which a text is worth being shown."""
_FENCE = 6_000
"""Bytes of one rendering: what the model receives repeats what changed in the messages."""
_BARS = 200
"""Bytes of a fence beside its lines, and of saying what was cut."""
_NOT_SHOWN = "Not shown here: the comment would be too long.\n"
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
    shown = _fitting(rows.artifacts, LIMIT - _NOTICE - len(text.encode()))
    text += "".join(fold.markdown() for fold in shown)
    left_out = len(rows.artifacts) - len(shown)
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
    less = diff_words.asked_less(rows) if rows.artifacts else []
    asked = f" — **and {', '.join(less)}**" if less else ""
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
    yield from _section("Evidence that went", map(_told, rows.evidence))
    yield from _section("Labels: what is rolled out", map(_told, rows.labels))
    yield from _section("Shared parts", map(_told, rows.shared))
    lines = (*diff_words.listing(result), *diff_words.unfit(result))
    yield from _within([f"{prose(_short(line, 2_000))}\n" for line in lines])


def _told(change: Change) -> Iterator[str]:
    said = [prose(_short(item.message, 600)) for item in change.details]
    yield f"{_name(Row(change))}: {said[0]}"
    yield from said[1:]


def _section(head: str, entries: Iterable[Iterable[str]]) -> Iterator[str]:
    """A heading and a list; each entry's first line is an item, the others stand below it."""
    lines = [f"{'  ' * bool(index)}- {line}" for entry in entries for index, line in enumerate(entry)]
    if lines:
        yield from (f"**{head}**", "", *_within(lines, last="- "), "")


class _Text:
    """A text of a fold; it is shown once it is known how much room there is."""

    def __init__(self, item: Detail, text: TextDiff) -> None:
        self.diff = text
        self.whole = _fenced(whole_text(text))
        self.shown = _NOT_SHOWN
        self.order = (-item.risk[0], -item.risk[1], int(not is_alarming(text)))

    @property
    def need(self) -> int:
        """Bytes of the whole."""
        return len(self.whole.encode())

    def show(self, room: int) -> int:
        """Fill the room with the text, or with what tells most of it; how many bytes that took."""
        self.shown = self.whole if self.need <= room else _cut(self.diff, room) or _NOT_SHOWN
        return len(self.shown.encode())


class _Fold:
    """A change that is folded: what is said of it in any case, with places for its texts."""

    def __init__(self, row: Row, room: int) -> None:
        self.row = row
        self.texts: list[_Text] = []
        self.taken = 0
        self.rendered = ""
        name = html.escape(for_terminal(diff_words.title(row.change)))
        self._lines: list[str | _Text] = ["", f"<details><summary><code>{name}</code></summary>", ""]
        facts = [*row.against(), diff_words.tokens(row.change.tokens), diff_words.renders(row.change)]
        if any(facts):
            self._lines.append(f"{'. '.join(for_markdown(fact) for fact in facts if fact)}.\n")
        self._list(row.change.details, room)

    def _list(self, details: Sequence[Detail], room: int) -> None:
        for index, item in enumerate(details):
            said = _item(item)
            room -= len(said.encode()) + len(_NOT_SHOWN)
            if room < 0 and index:
                self._lines.append(f"- … and {len(details) - index} more that weigh no more than these")
                return
            self._lines.append(said)
            if item.text is not None and item.text.hunks:
                self.texts.append(_Text(item, item.text))
                self._lines += ["", self.texts[-1]]

    @property
    def order(self) -> tuple[int, ...]:
        """Riskier is less."""
        return min(text.order for text in self.texts)

    @property
    def need(self) -> int:
        """Bytes that its texts may take."""
        return min(_FOLD, sum(text.need for text in self.texts))

    @property
    def size(self) -> int:
        """Bytes of it as far as it is filled."""
        return len(self.markdown().encode())

    def show(self, room: int) -> None:
        """Share the room among the texts."""
        texts = sorted(self.texts, key=lambda text: text.order)
        shares = shared_room([text.need for text in texts], room, _LEAST)
        self.taken = sum(text.show(share) for text, share in zip(texts, shares, strict=True))

    def markdown(self) -> str:
        """The fold as far as it is filled."""
        lines = [line.shown if isinstance(line, _Text) else line for line in self._lines]
        lines += [self.rendered] if self.rendered else []
        return for_actions_log("\n".join([*lines, "", "</details>", ""]))


def _fitting(rows: Sequence[Row], room: int) -> list[_Fold]:
    """The changes that fit into ``room`` bytes, the riskiest first, with as much of their texts as does.

    What the texts of some leave is for those that found no room before. What the model receives comes last, and is
    shown against the highest older version only.
    """
    folds = [_Fold(row, max(_SECTION, room // len(rows))) for row in rows]
    shown, rest = [False] * len(folds), [*range(len(folds))]
    while taken := _taken([folds[index] for index in rest], room):
        opened = [folds[rest[place]] for place in taken]
        _fill(opened, room - sum(fold.size for fold in opened))
        room -= sum(fold.size for fold in opened)
        for place in taken:
            shown[rest[place]] = True
        rest = [index for index in rest if not shown[index]]
    unfolded = [fold for fold, is_shown in zip(folds, shown, strict=True) if is_shown]
    for fold in unfolded:
        block = "" if fold.row.seen_from() else "\n".join(_rendered(fold.row.change.renders))
        if len(block.encode()) <= min(room, _FOLD - fold.taken):
            fold.rendered = block
            room -= len(block.encode())
    return unfolded


def _taken(folds: Sequence[_Fold], room: int) -> list[int]:
    """The places of those that fit without their texts, while up to a third of the room is kept for these."""
    room -= min(room // 3, sum(fold.need for fold in folds))
    taken = []
    for place, fold in enumerate(folds):
        if fold.size <= room:
            taken.append(place)
            room -= fold.size
    return taken


def _fill(folds: Sequence[_Fold], room: int) -> None:
    """Share the room among these folds, those first whose texts weigh most."""
    by_risk = sorted((fold for fold in folds if fold.texts), key=lambda fold: fold.order)
    for fold, share in zip(by_risk, shared_room([fold.need for fold in by_risk], room, _LEAST), strict=True):
        fold.show(share)


def _item(item: Detail) -> str:
    where = f" {code(item.path)}" if item.path else ""
    waived = ""
    if item.waiver is not None:
        until = f" until {item.waiver.until}" if item.waiver.until else ""
        waived = f" — {item.waiver.contract} by its rule, waived{until}: {for_markdown(item.waiver.reason)}"
    levels = f"{_level(item.contract)} / {_level(item.behaviour)}"
    return f"- {levels} · {prose(item.message)} · {item.rule}{where}{waived}"


def _rendered(renders: Iterable[Render]) -> Iterator[str]:
    """What the model would get for other inputs, folded inside the change's own fold."""
    differing = [render for render in renders if not render.same]
    if not differing:
        return
    yield "\n<details><summary>What the model receives</summary>\n"
    for render in differing[:_RENDERS]:
        yield f"{for_markdown(render.case)}:\n"
        for error, when in ((render.before_error, "before"), (render.after_error, "now")):
            if error is not None:
                yield f"cannot be rendered {when}: {for_markdown(error)}\n"
        if render.before is not None and render.after is not None:
            yield _within_fence(diff_texts(render.before, render.after))
    if len(differing) > _RENDERS:
        yield f"… and {len(differing) - _RENDERS} more inputs; `--format json` has them all.\n"
    yield "</details>"


def _within_fence(text: TextDiff) -> str:
    whole = _fenced(whole_text(text))
    return whole if len(whole.encode()) <= _FENCE else _cut(text, _FENCE)


def _fenced(text: str) -> str:
    return for_actions_log(fence(text, "diff"))


def _cut(text: TextDiff, room: int) -> str:
    """What tells most of a text, fenced in at most ``room`` bytes; empty where nothing would fit."""
    cut = Cut(text)
    lines = room - _BARS
    while lines > _BARS:
        made = _fenced(cut.text(lines))
        if len(made.encode()) <= room:
            return made
        lines = lines * 3 // 4
    return ""
