"""What the commands that add files share: the catalog they add to, and how they say what they wrote."""

from __future__ import annotations

from pathlib import Path

from catalog_tool.cli.context import answer, in_actions, shown_prefix
from catalog_tool.report.escape import for_actions_log, for_terminal
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.resolve import refuse_broken
from catalog_tool.source.root import Place
from catalog_tool.source.scaffold import Catalog
from catalog_tool.source.tree import WorkTree


def catalog_of(place: Place) -> Catalog:
    """The catalog in the work tree. Raises ``GitError`` where it cannot be listed, and as ``refuse_broken``."""
    tree = WorkTree(Path(place.root), place.git, place.prefix)
    files = find_catalog(tree, whole=False)  # a folder that holds nothing yet is one to add to
    refuse_broken(files)
    return Catalog(Path(place.root), tree, files)


def written(place: Place, title: str, created: list[str]) -> list[str]:
    """What was written, as seen from where the reader stands."""
    prefix = for_terminal(shown_prefix(place))
    return [title, *(f"  {prefix}{for_terminal(path)}" for path in created)]


def answer_lines(lines: list[str], *steps: str) -> None:
    """The result for people, with what they do next."""
    text = "\n".join([*lines, "", "What to do next:", *(f"  {step}" for step in steps)])
    answer(for_actions_log(text) if in_actions() else text)
