"""The page of findings: what each code means, why it matters, how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.model.codes import CODES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "checks.md"
_HEADING = re.compile(r"#{1,2} +(\S*)")
_FENCES = ("```", "~~~")


def codes_page(page: Path = PAGE) -> str:
    """The whole page, in Markdown. Raises ``CatalogError`` where this installation lacks it."""
    try:
        return page.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError("the page of findings is missing from this installation", hint="reinstall it") from error


def code_section(code: str, page: Path = PAGE) -> str:
    """The section of one code, with its heading. Raises ``UsageError`` for a code that does not exist."""
    wanted = code.upper()
    if wanted not in CODES:
        raise UsageError(f"there is no finding {code}", hint="`catalog schema --codes` prints them all")
    section = list(_section(codes_page(page).splitlines(), wanted))
    if not section:
        raise CatalogError(f"the page of findings says nothing of {wanted}", hint="reinstall catalog-tool")
    return "\n".join(section).rstrip() + "\n"


def _section(lines: list[str], code: str) -> Iterator[str]:
    """The lines from the heading that begins with ``code`` to the next heading; fenced lines are none."""
    inside = is_fenced = False
    for line in lines:
        is_fenced ^= line.startswith(_FENCES)
        heading = None if is_fenced else _HEADING.match(line)
        if heading is not None:
            inside = heading[1] == code
        if inside:
            yield line
