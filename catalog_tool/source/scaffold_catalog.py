"""A working catalog in a folder: what ``catalog init`` writes (design §2, §5)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from catalog_tool import __version__
from catalog_tool.errors import UsageError
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.git import find_repository
from catalog_tool.source.naming import catalog_id_from
from catalog_tool.source.new_files import NewFile, create, is_free
from catalog_tool.source.scaffold import (
    SCHEMAS,
    Catalog,
    Started,
    as_yaml,
    placeholder_owner,
    schemas_from,
    skills_folder,
    template,
)
from catalog_tool.source.schemas import SUFFIX, schema_text
from catalog_tool.source.skill_folders import SKILL_FILE
from catalog_tool.source.tree import WorkTree

EDITOR_SCHEMAS = (
    "catalog",
    "prompt",
    "registry",
    "tests",
    "tool",
    "skill-portable",
    "skill-upload",
    "skill-claude-code",
)
"""The schemas of the files that people write."""
EXAMPLE_PROMPT = "ticket_summary"
EXAMPLE_SKILL = "commit-writer"
WORKFLOW = ".github/workflows/catalog.yml"
CALLERS = {
    WORKFLOW: "callers.yml",
    ".github/workflows/catalog-drift.yml": "drift_caller.yml",
    ".github/workflows/catalog-usage.yml": "usage_caller.yml",
    ".github/workflows/catalog-eval.yml": "eval_caller.yml",
}
"""Thin callers, and what each is written from; what runs on a schedule is a file of its own."""
IGNORED = ".gitignore"
_FROM = re.compile(r"((?!\.\.?/)[A-Za-z0-9_.-]{1,100}/(?!\.\.?@)[A-Za-z0-9_.-]{1,100})@([0-9a-f]{40})", re.ASCII)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", re.ASCII)


class StartedCatalog(NamedTuple):
    """A catalog's folder (absolute), what was written there, and the folder's place in its repository.

    ``inner`` ends in ``/``; it is empty outside git and at the top of a repository.
    """

    root: Path
    files: Started
    inner: str


def start_catalog(folder: str, workflows_from: str | None = None) -> StartedCatalog:
    """Make ``folder`` a working catalog; what stands there already is left alone.

    ``workflows_from`` (``OWNER/NAME@COMMIT``) makes its workflows thin callers of that repository's.

    An example prompt and skill are written where there is none of the kind. Raises ``UsageError``,
    before anything is written, where the folder cannot be used or lies inside another catalog.
    """
    root = _usable(folder)
    outer = _outer_catalog(root)
    if outer is not None:
        raise UsageError(
            f"{root} lies in the catalog {outer}, and a catalog cannot hold another",
            hint="choose a folder beside it, or add to it with `catalog new`",
        )
    top = find_repository(str(root))
    inner = root.relative_to(top).as_posix() if top is not None else "."
    inner = "" if inner == "." else f"{inner}/"
    wanted = [*_files(root), *_workflows(inner, workflows_from), NewFile(IGNORED, template("gitignore.txt"))]
    free = [is_free(root, file.path) for file in wanted]
    create(root, *(file for file, is_new in zip(wanted, free, strict=True) if is_new))
    written = Started(
        [file.path for file, is_new in zip(wanted, free, strict=True) if is_new],
        [file.path for file, is_new in zip(wanted, free, strict=True) if not is_new],
    )
    return StartedCatalog(root, written, inner)


def _usable(folder: str) -> Path:
    """The folder as an absolute path without links, whether it exists or not."""
    try:
        root = Path(folder).resolve()
        above = next(path for path in (root, *root.parents) if path.exists())
        if not above.is_dir():
            raise UsageError(f"{above} is not a folder", hint="choose another name for the catalog's folder")
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{folder!r} cannot be a folder: {error}") from error
    return root


def _outer_catalog(root: Path) -> Path | None:
    """The catalog that ``root`` lies in, within its repository."""
    top = find_repository(str(root))
    for folder in root.parents if top is None or Path(top) != root else ():
        if (folder / SETTINGS_FILE).is_file():
            return folder
        if top is not None and folder == Path(top):
            break
    return None


def _files(root: Path) -> list[NewFile]:
    tree = WorkTree(root)
    catalog = Catalog(root, tree, find_catalog(tree))
    return [
        NewFile(SETTINGS_FILE, _settings(root)),
        *_example_prompt(catalog),
        *_example_skill(catalog),
        *(NewFile(f"{SCHEMAS}/{name}{SUFFIX}", schema_text(name)) for name in EDITOR_SCHEMAS),
    ]


def _settings(root: Path) -> str:
    series = ".".join(__version__.split(".")[:2])
    return template("catalog.yaml", CATALOG=as_yaml(catalog_id_from(root.name)), SERIES=series)


def _example_prompt(catalog: Catalog) -> list[NewFile]:
    """The example and the registry that labels it; in a catalog with prompts, the registry alone."""
    folder = catalog.files.settings.prompts
    registry = f"{folder}/registry.yaml"
    text = template("registry.yaml", SCHEMAS=schemas_from(registry))
    if any((file.id, file.version) != (EXAMPLE_PROMPT, "v1") for file in catalog.files.layout.versions):
        return [NewFile(registry, text)]
    path, tests = f"{folder}/{EXAMPLE_PROMPT}/v1.yaml", f"{folder}/{EXAMPLE_PROMPT}/tests/summaries.yaml"
    owner = placeholder_owner(catalog, path)
    values = {"ID": EXAMPLE_PROMPT, "SCHEMAS": schemas_from(path)}
    owners = f"owners: [{owner}]  # who answers for it: put your team here\n" if owner else ""
    return [
        NewFile(registry, f"{text}\n{EXAMPLE_PROMPT}:\n  production: v1\n"),
        NewFile(path, template("example_prompt.yaml", OWNERS=owners, **values)),
        NewFile(tests, template("example_tests.yaml", SCHEMAS=schemas_from(tests))),
    ]


def _example_skill(catalog: Catalog) -> list[NewFile]:
    folder = skills_folder(catalog)
    if folder is None or any(skill.name != EXAMPLE_SKILL for skill in catalog.files.skills):
        return []
    path = f"{folder}/{EXAMPLE_SKILL}/{SKILL_FILE}"
    owner = placeholder_owner(catalog, path)
    metadata = f"metadata:\n  owner: {owner}\n" if owner else ""
    return [NewFile(path, template("example_skill.md", NAME=EXAMPLE_SKILL, METADATA=metadata))]


def _workflows(inner: str, source: str | None) -> list[NewFile]:
    """One workflow with the steps in it, or callers of another repository's. Raises ``UsageError``."""
    if source is None:
        return [NewFile(WORKFLOW, _workflow(inner))]
    found = _FROM.fullmatch(source)
    if found is None:
        raise UsageError(
            f"{source!r} names no workflows",
            hint="write OWNER/NAME@COMMIT, the commit with all its 40 digits: a tag can be moved",
        )
    folder = json.dumps(inner.rstrip("/") if _PLAIN_PATH.fullmatch(inner) else ".")
    values = {"REPOSITORY": found[1], "COMMIT": found[2], "FOLDER": folder, "FROM": found[1]}
    return [NewFile(path, template(name, **values)) for path, name in CALLERS.items()]


def _workflow(inner: str) -> str:
    """The workflow of a catalog at ``inner``; a path that a shell could misread is for people to fill in."""
    base = inner if _PLAIN_PATH.fullmatch(inner) else ""
    folder = base.rstrip("/")
    defaults = f"    defaults:\n      run:\n        working-directory: {json.dumps(folder)}\n" if base else ""
    return template("workflow.yml", VERSION=__version__, DEFAULTS=defaults, BASE=base)
