"""What ``catalog diff`` is asked to compare, from its arguments (design §5)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.diff.catalogs import CatalogSide, Names, Options, compare_catalogs, compare_references
from catalog_tool.diff.changes import DiffResult
from catalog_tool.diff.narrow import GitTree, NarrowTree, narrowed, settings_of
from catalog_tool.diff.sides import BundleSide, TreeSide
from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.model.names import is_label, is_prompt_id, is_version
from catalog_tool.source.base import default_base
from catalog_tool.source.catalog_files import find_catalog, refuse_absent
from catalog_tool.source.resolve import OpenCatalog, open_catalog, parse_reference, refuse_broken, resolve_prompt
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import static_prefix
from catalog_tool.source.tree import Tree, WorkTree, tree_of

FILE, REFERENCE, REVISION = "file", "reference", "revision"
_DIGEST = re.compile(r"sha256:[0-9a-f]{1,64}", re.ASCII)


class Operands(NamedTuple):
    """Two things of the same kind; for revisions ``base`` None is the default base, ``head`` None the work tree.

    ``merge_base``: the base is where both histories part (``A...B``).
    """

    kind: str
    base: str | None = None
    head: str | None = None
    merge_base: bool = False


def kind_of(argument: str) -> str:
    """A file ends in ``.json``, a reference is ``[REV:]ID@…``, anything else is a revision."""
    if argument.endswith(".json"):
        return FILE
    head, at, selector = argument.rpartition("@")
    name = head.rpartition(":")[2]
    known = is_version(selector) or is_label(selector) or _DIGEST.fullmatch(selector) is not None
    return REFERENCE if at and is_prompt_id(name) and known else REVISION


def parse_operands(arguments: Sequence[str]) -> Operands:
    """The operands that the arguments mean. Raises ``UsageError`` for more than two, or two kinds."""
    if len(arguments) > 2:
        raise UsageError("at most two things can be compared", hint="see `catalog diff --help`")
    if not arguments:
        return Operands(REVISION)
    kinds = [kind_of(argument) for argument in arguments]
    if len(arguments) == 2:
        return _two(arguments[0], arguments[1], kinds)
    argument = arguments[0]
    if kinds[0] == REFERENCE:
        raise UsageError(
            "a reference is compared with another one", hint=f"catalog diff {argument} {argument.partition('@')[0]}@v2"
        )
    if kinds[0] == FILE:
        raise UsageError("a bundle is compared with another one", hint=f"catalog diff {argument} OTHER.json")
    dots = "..." if "..." in argument else ".."
    base, found, head = argument.partition(dots)
    if not found:
        return Operands(REVISION, argument)
    return Operands(REVISION, base or "HEAD", head or "HEAD", merge_base=dots == "...")


def _two(base: str, head: str, kinds: Sequence[str]) -> Operands:
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"{base} is a {kinds[0]}, {head} is a {kinds[1]}: both have to be of one kind",
            hint="two revisions, two references (ID@v1 ID@v2) or two bundle.json files",
        )
    if kinds[0] == REVISION and (".." in base or ".." in head):
        raise UsageError("two revisions are given apart, or as one range", hint="catalog diff A..B")
    return Operands(kinds[0], base, head)


def compare(place: Place, operands: Operands, options: Options) -> DiffResult:
    """Compare what the operands mean. Raises ``GitError`` and ``UsageError``."""
    if operands.kind == FILE:
        return _files(operands, options)
    if operands.kind == REFERENCE:
        return _references(place, operands, options)
    return _revisions(place, operands, options)


def _files(operands: Operands, options: Options) -> DiffResult:
    base, head = str(operands.base), str(operands.head)
    sides: list[CatalogSide] = [BundleSide(_bundle(name), name) for name in (base, head)]
    return compare_catalogs(sides[0], sides[1], Names(base, head), options)


def _bundle(name: str) -> Any:
    try:
        path = Path(name)
        size = path.stat().st_size
        if size > BUNDLE_BYTES:
            raise UsageError(f"{name} is {size} bytes; at most {BUNDLE_BYTES} are read")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}") from error


def _references(place: Place, operands: Operands, options: Options) -> DiffResult:
    opened: dict[str | None, OpenCatalog] = {}
    found = []
    for written in (str(operands.base), str(operands.head)):
        reference = parse_reference(written)
        if reference.revision not in opened:
            opened[reference.revision] = open_catalog(place, reference.revision)
        catalog = opened[reference.revision]
        found.append((resolve_prompt(catalog, reference).version, catalog))
    (old, _), (new, catalog) = found
    side = TreeSide(catalog.tree, catalog.files)
    return compare_references(old, new, Names(operands.base, operands.head), options, side)


def _revisions(place: Place, operands: Operands, options: Options) -> DiffResult:
    head = tree_of(place, operands.head)
    base = operands.base
    if operands.merge_base and place.git is not None:
        base = _merge_base(place, operands)
    elif base is None:
        base = _default(head)
    whole = tree_of(place, base), head
    trees = narrowed(*whole)
    names = Names(operands.base if operands.base and not operands.merge_base else base, operands.head)
    sides = _side(trees[0], names.base), _side(trees[1], names.head)
    if not any(side.files.exists for side in sides):
        _refuse_absent(*whole)
    return compare_catalogs(*sides, names, options)


def _refuse_absent(base: Tree, head: Tree) -> None:
    """Raise ``UsageError`` where neither side is a catalog: nothing was compared, which is not "no changes"."""
    if not find_catalog(base).exists:
        refuse_absent(find_catalog(head), head)


def _side(tree: Tree, revision: str | None) -> TreeSide:
    """A side whose settings and registry say something. Raises ``UsageError``: what they say would be passed over."""
    side = TreeSide(tree, find_catalog(tree, whole=not isinstance(tree, NarrowTree)))
    try:
        refuse_broken(side.files)
    except UsageError as error:
        where = f"at {revision}: " if revision is not None else ""
        raise UsageError(f"{where}{error.message}", hint=error.hint) from error
    return side


def _merge_base(place: Place, operands: Operands) -> str:
    if place.git is None:
        raise GitError(f"{place.root} is not in a git repository")
    found = place.git.merge_base(place.git.resolve(str(operands.base)), place.git.resolve(str(operands.head)))
    if found is None:
        raise GitError(
            f"{operands.base} and {operands.head} have no common history",
            hint="in CI fetch the history (fetch-depth: 0)",
        )
    return found


def _default(head: GitTree) -> str:
    """The base of design §2.3; whether anything differs from HEAD decides between HEAD and its parent."""
    if head.git is None:
        raise GitError("there is no git repository to compare with", hint="compare two bundle.json files instead")
    if isinstance(head, WorkTree):
        settings = settings_of(head)
        folders = [static_prefix(glob) for glob in settings.skills]
        head.list(["catalog.yaml", settings.prompts, *folders] if all(folders) else [])
    found = default_base(head)
    if found is None:
        raise GitError(
            "there is no base to compare with",
            hint="name one: `catalog diff REV`; in CI fetch the history (fetch-depth: 0)",
        )
    return found
