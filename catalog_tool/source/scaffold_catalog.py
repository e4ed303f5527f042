"""A working catalog in a folder: what ``catalog init`` writes (design §2, §5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from catalog_tool import __version__
from catalog_tool.errors import UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.git import Git, find_repository
from catalog_tool.source.naming import catalog_id_from
from catalog_tool.source.new_files import NewFile, create, is_free
from catalog_tool.source.root import FOLDERS
from catalog_tool.source.scaffold import (
    ANY_OWNER,
    SCHEMAS,
    Catalog,
    Started,
    as_yaml,
    placeholder_owner,
    refuse_unseen,
    schemas_from,
    skills_folder,
    template,
    unseen,
)
from catalog_tool.source.scaffold_workflows import callers, installed_tool, plain_path, plain_workflow
from catalog_tool.source.schemas import SUFFIX, schema_text
from catalog_tool.source.settings import read_settings
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
IGNORED = ".gitignore"
_UNWANTED = {"/dist/": "dist/bundle.json", "/.catalog/": ".catalog/local.db"}
"""What git is to ignore, and a file that each line covers."""
_FOLDERS_BELOW, _LEVELS_BELOW = 2000, 3
"""How far catalogs are looked for below a new one: folders in all, and levels."""
_NO_CATALOG_IN = frozenset({"node_modules", "dist"})


class StartedCatalog(NamedTuple):
    """A catalog's folder (absolute), what was written there, the folder's place in its repository, and what is left.

    ``inner`` ends in ``/``; it is empty outside git and at the top of a repository. ``workflows`` are those that
    were written, and ``replaced`` the one that stood there and does what they do. ``unignored`` are the lines that
    a `.gitignore` lacks, ``unseen`` the files that git leaves out though nothing is read from them here,
    ``tool`` what a workflow installs and an index may not have. ``has_placeholder``: an owner is still to be named.
    """

    root: Path
    files: Started
    inner: str
    workflows: list[str]
    replaced: str | None
    unignored: list[str]
    unseen: list[str]
    tool: str | None
    has_placeholder: bool


def start_catalog(folder: str, workflows_from: str | None = None) -> StartedCatalog:
    """Make ``folder`` a working catalog; what stands there already is left alone.

    ``workflows_from`` (``OWNER/NAME@COMMIT``) makes its workflows thin callers of that repository's.

    An example prompt and skill are written where there is none of the kind and no catalog was started before.
    Raises ``UsageError``, and leaves nothing behind, where the folder cannot be used, git ignores what would be
    read from it, or one of two catalogs would lie inside the other; ``GitError`` where git cannot be asked.
    """
    root = _usable(folder)
    _refuse_nesting(root)
    top = find_repository(str(root))
    inner = root.relative_to(top).as_posix() if top is not None else "."
    inner = "" if inner == "." else f"{inner}/"
    tree = WorkTree(root, Git(top) if top is not None else None, inner)
    tool = installed_tool()
    flows = [plain_workflow(inner, tool)] if workflows_from is None else callers(inner, workflows_from)
    at_top = [file.path for file in flows if top is not None and inner and (Path(top) / file.path).is_file()]
    read = _read_files(tree)
    kept = [
        *(NewFile(f"{SCHEMAS}/{name}{SUFFIX}", schema_text(name)) for name in EDITOR_SCHEMAS),
        *(file for file in flows if file.path not in at_top),
        NewFile(IGNORED, template("gitignore.txt")),
    ]
    wanted = [*read, *kept]
    free = [is_free(root, file.path) for file in wanted]
    new = [file for file, is_new in zip(wanted, free, strict=True) if is_new]
    create(root, *new, check=lambda: refuse_unseen(tree, [file.path for file in read]))
    created = [file.path for file in new]
    skipped = [file.path for file, is_new in zip(wanted, free, strict=True) if not is_new]
    written = [file.path for file in flows if file.path in created]
    plain = plain_path(inner)
    return StartedCatalog(
        root=root,
        files=Started(created, [*skipped, *(os.path.relpath(f"{top}/{path}", root) for path in at_top)]),
        inner=inner,
        workflows=written,
        replaced=next((path for path in _places(plain, root, top) if written and plain not in created), None),
        unignored=_unignored(tree) if IGNORED in skipped else [],
        unseen=unseen(tree, [file.path for file in kept]),
        tool=tool.text if plain in created and not tool.is_known else None,
        has_placeholder=any(ANY_OWNER in file.text for file in new),
    )


def _places(plain: str, root: Path, top: str | None) -> Iterator[str]:
    """Where a workflow stands, in the catalog or where GitHub reads it, from the catalog's root."""
    for folder in dict.fromkeys([root, *([Path(top)] if top is not None else [])]):
        if (folder / plain).is_file():
            yield os.path.relpath(folder / plain, root)


def _unignored(tree: WorkTree) -> list[str]:
    """The lines that the catalog's `.gitignore` needs and neither it nor another has.

    Outside git by what its lines say. Where git has no answer the lines are named: two lines too many do no harm.
    """
    if tree.git is not None:
        return [line for line, probe in _UNWANTED.items() if not _ignores(tree.git, tree.prefix + probe)]
    try:
        found = (tree.root / IGNORED).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        found = []
    bare = {line.strip().strip("/") for line in found}
    return [line for line in _UNWANTED if line.strip("/") not in bare]


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


def _ignores(git: Git, path: str) -> bool:
    """Whether git ignores a path from the top that nothing stands at yet; `./` keeps it from being a pattern."""
    asked = git.start("--no-literal-pathspecs", "check-ignore", "--quiet", "--", f"./{path}")
    return asked.process.finish().code == 0


def _refuse_nesting(root: Path) -> None:
    """Raise ``UsageError`` where a catalog would lie in another; one that stands already is added to."""
    if (root / SETTINGS_FILE).is_file():
        return
    outer = _outer_catalog(root)
    if outer is not None:
        raise UsageError(
            f"{root} lies in the catalog {outer}, and a catalog cannot hold another",
            hint="choose a folder beside it, or add to it with `catalog new`",
        )
    inner = _inner_catalog(root)
    if inner is not None:
        raise UsageError(
            f"{root} holds the catalog {inner.relative_to(root).as_posix()}, and a catalog cannot hold another",
            hint="choose a folder beside it: a repository may hold several catalogs side by side",
        )


def _outer_catalog(root: Path) -> Path | None:
    """The catalog that ``root`` lies in, within its repository."""
    top = find_repository(str(root))
    for folder in root.parents if top is None or Path(top) != root else ():
        if (folder / SETTINGS_FILE).is_file():
            return folder
        if top is not None and folder == Path(top):
            break
    return None


def _inner_catalog(root: Path) -> Path | None:
    """The nearest catalog below ``root``, as far as is looked; links, hidden folders and other repositories are not."""
    folders, looked = [root], 0
    for _ in range(_LEVELS_BELOW):
        below = [path for folder in folders for path in _folders_in(folder)][: _FOLDERS_BELOW - looked]
        found = next((path for path in below if _is_catalog(path)), None)
        if found is not None:
            return found
        folders, looked = below, looked + len(below)
    return None


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if item.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    kept = sorted(name for name in names if not name.startswith(".") and name not in _NO_CATALOG_IN)
    return [folder / name for name in kept if not (folder / name / ".git").exists()]


def _is_catalog(folder: Path) -> bool:
    """Whether settings of ours are there: other tools call a file of theirs `catalog.yaml`, too."""
    path = folder / SETTINGS_FILE
    try:
        if not path.is_file() or path.stat().st_size > PARSED_FILE_BYTES:
            return False
        return any((folder / name).is_dir() for name in FOLDERS) or not read_settings(path.read_bytes())[1]
    except OSError:
        return False


def _read_files(tree: WorkTree) -> list[NewFile]:
    """The files that the catalog is read from."""
    catalog = Catalog(tree.root, tree, find_catalog(tree))
    registry, *prompt = _example_prompt(catalog)
    examples = [*prompt, *_example_skill(catalog)]
    if not any(is_free(tree.root, path) for path in (SETTINGS_FILE, registry.path)):
        examples = [file for file in examples if not is_free(tree.root, file.path)]  # a catalog that was started before
    return [NewFile(SETTINGS_FILE, _settings(tree.root)), registry, *examples]


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
