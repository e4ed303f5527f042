"""Charts of the usage report as inline SVG: bars and lines, one scale each, readable without colour.

Every chart has a title and a description for readers who do not see it; every mark has its number in a
``title`` that a pointer shows. Colours are classes of the page's style, so light and dark need no second chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from catalog_tool.report.escape import for_terminal, for_xml

WIDTH = 540
_ROW, _LABEL, _NUMBER = 24, 186, 76
_PLOT_HEIGHT, _MARGIN, _AXIS = 150, 44, 24
_SHOWN = 26
"""Characters of a label."""


class Bar(NamedTuple):
    """One bar: its label, its parts as (class, amount), and its number in words."""

    label: str
    parts: tuple[tuple[str, float], ...]
    said: str


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars on one common scale, the longest filling the width; parts of a bar stand end to end."""
    most = max((sum(amount for _, amount in row.parts) for row in rows), default=0) or 1
    scale = (WIDTH - _LABEL - _NUMBER) / most
    height = len(rows) * _ROW + 8
    marks = []
    for number, row in enumerate(rows):
        top = number * _ROW + 4
        marks.append(
            f'<text class="label" x="{_LABEL - 10}" y="{top + 15}" text-anchor="end">{_label(row.label)}</text>'
        )
        left = float(_LABEL)
        for kind, amount in row.parts:
            width = amount * scale
            if width > 0:
                marks.append(
                    f'<rect class="{kind}" x="{left:.1f}" y="{top + 3}" width="{max(width, 1):.1f}" height="16" rx="2">'
                    f"<title>{_text(row.label)}: {_text(row.said)}</title></rect>"
                )
            left += width
        marks.append(f'<text class="number" x="{left + 8:.1f}" y="{top + 15}">{_text(row.said)}</text>')
    return _svg(title, height, marks)


def days_chart(title: str, counts: Sequence[int], labels: tuple[str, str]) -> str:
    """A column a day; ``labels`` are the first and the last day."""
    most = max(counts, default=0) or 1
    step = (WIDTH - _MARGIN - 8) / max(len(counts), 1)
    marks = []
    for part in (0, 0.5, 1):
        y = 10 + _PLOT_HEIGHT * (1 - part)
        value = most * part
        shown = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
        marks.append(f'<line class="grid" x1="{_MARGIN}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text class="number" x="{_MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>')
    for number, count in enumerate(counts):
        if count:
            height = _PLOT_HEIGHT * count / most
            marks.append(
                f'<rect class="calls" x="{_MARGIN + number * step:.1f}" y="{10 + _PLOT_HEIGHT - height:.1f}" '
                f'width="{max(step - 1, 0.8):.1f}" height="{height:.1f}"><title>{count} calls</title></rect>'
            )
    bottom = _PLOT_HEIGHT + _AXIS + 4
    marks.append(f'<text class="number" x="{_MARGIN}" y="{bottom}">{_text(labels[0])}</text>')
    marks.append(f'<text class="number" x="{WIDTH - 8}" y="{bottom}" text-anchor="end">{_text(labels[1])}</text>')
    return _svg(title, bottom + 6, marks)


def spark(counts: Sequence[int]) -> str:
    """The same, small enough for a table's cell: at most 30 columns, each the sum of some days."""
    span = max(-(-len(counts) // 30), 1)
    sums = [sum(counts[at : at + span]) for at in range(0, len(counts), span)]
    most = max(sums, default=0) or 1
    tall = [18 * count / most for count in sums]
    marks = [
        f'<rect class="calls" x="{number * 4}" y="{18 - height:.1f}" width="3" height="{height:.1f}"/>'
        for number, height in enumerate(tall)
        if height
    ]
    size = f'viewBox="0 0 {len(sums) * 4} 18" width="{len(sums) * 4}" height="18"'
    return f'<svg class="spark" {size} aria-hidden="true">{"".join(marks)}</svg>'


def _svg(title: str, height: int, marks: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_text(title)}">'
        f"<title>{_text(title)}</title>{''.join(marks)}</svg>"
    )


def _label(text: str) -> str:
    return _text(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def _text(text: str) -> str:
    return for_xml(for_terminal(text))
