"""The body of the pull request that brings a target's edits back to git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.diff_markdown import code, prose
from catalog_tool.report.escape import for_actions_log, for_markdown
from catalog_tool.report.findings_text import counted
from catalog_tool.report.markdown_cut import cut_markdown

ROWS = 50


def pull_title(document: Mapping[str, Any], catalog: str) -> str:
    """What stands in the list of pull requests."""
    of = f" of {catalog}" if catalog else ""
    return f"Bring back {counted(len(document['changes']), 'edit')} from {document['target']}{of}"


def pull_markdown(document: Mapping[str, Any], report: str, limit: int) -> str:
    """The document of ``pull`` with the change report below it, at most ``limit`` bytes."""
    text = for_actions_log("\n".join(_lines(document)) + "\n\n")
    return cut_markdown(text + report, limit)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Somebody changed the target {code(str(document['target']))}. This is what it holds, as commits."
    yield "Merge it, and git says the same; close it, and `catalog sync --overwrite` puts back what git says."
    yield ""
    yield "| object | what | by |"
    yield "| --- | --- | --- |"
    for change in document["changes"][:ROWS]:
        by = for_markdown(str(change["by"])) if change["by"] else "not known"
        yield f"| {code(str(change['object']))} | {prose(str(change['what']))} | {by} |"
    if len(document["changes"]) > ROWS:
        yield f"\n… and {len(document['changes']) - ROWS} more."
    yield ""
    for left in document["left"][:ROWS]:
        yield f"- not brought: {code(str(left['object']))}: {prose(str(left['reason']))}"
