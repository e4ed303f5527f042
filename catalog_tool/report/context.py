"""What every report of findings gets and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from catalog_tool import __version__
from catalog_tool.model.finding import ERROR, WARNING, Finding

Summary = Mapping[str, int]
"""``prompts``, ``versions``, ``skills``: what was read; ``errors``, ``warnings``: what was found."""


class ReportContext(NamedTuple):
    """Where a report is shown.

    ``color``: the reader is a terminal that shows colours. ``actions``: the output goes to a log of
    GitHub Actions (``GITHUB_ACTIONS`` is ``true``). ``strict``: warnings fail the run (design §5).
    ``path_prefix``: put before each path by every report but JSON: the catalog's folder with a ``/`` at
    its end, as seen from where the reader stands (the repository's top for GitHub and SARIF).
    """

    color: bool = False
    actions: bool = False
    strict: bool = False
    path_prefix: str = ""
    version: str = __version__

    def fails(self, finding: Finding) -> bool:
        """Whether this finding makes the run fail."""
        return finding.severity == ERROR or (self.strict and finding.severity == WARNING)


class FindingsReport(Protocol):
    """One format of ``validate --format``: findings to text.

    ``render`` is pure. It is called for an empty list too, and then says that all is well in its
    format's own way; the text always ends with a line feed. Findings come sorted, and whatever a field
    holds may come from a file: it is escaped here and nowhere else.
    """

    def render(self, findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
        """The whole document."""
        ...
