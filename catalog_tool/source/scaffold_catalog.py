"""A working catalog in a folder: what ``catalog init`` writes (design §2, §5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from catalog_tool import __version__
from catalog_tool.errors import UsageError
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.git import Git, find_repository
from catalog_tool.source.naming import catalog_id_from
from catalog_tool.source.new_files import NewFile, create, is_free
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
from catalog_tool.source.scaffold_nesting import refuse_nesting
from catalog_tool.source.scaffold_workflows import (
    Requirement,
    caller_path,
    callers,
    installed_tool,
    plain_path,
    plain_workflow,
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
IGNORED = ".gitignore"
_UNWANTED = {"/dist/": "dist/bundle.json", "/.catalog/": ".catalog/local.db"}
"""What git is to ignore, and a file that each line covers."""


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
    tree = _tree_at(_usable(folder))
    refuse_nesting(tree.root)
    tool = installed_tool()
    flows = _workflows(tree, workflows_from, tool)
    moved = [path for file in flows for path in _standing(tree, file.path) if path.startswith("../")]
    flows = [file for file in flows if not any(path.endswith(f"/{file.path}") for path in moved)]
    read = _read_files(tree)
    kept = [
        *(NewFile(f"{SCHEMAS}/{name}{SUFFIX}", schema_text(name)) for name in EDITOR_SCHEMAS),
        *flows,
        NewFile(IGNORED, template("gitignore.txt")),
    ]
    is_new = {file: is_free(tree.root, file.path) for file in (*read, *kept)}
    new = [file for file, missing in is_new.items() if missing]
    create(tree.root, *new, check=lambda: refuse_unseen(tree, [file.path for file in read]))
    skipped = [file.path for file, missing in is_new.items() if not missing]
    plain = plain_path(tree.prefix)
    written = [file.path for file in flows if is_new[file]]
    return StartedCatalog(
        root=tree.root,
        files=Started([file.path for file in new], [*skipped, *moved]),
        inner=tree.prefix,
        workflows=written,
        replaced=next(iter(_standing(tree, plain)), None) if written and plain not in written else None,
        unignored=_unignored(tree) if IGNORED in skipped else [],
        unseen=unseen(tree, [file.path for file in kept]),
        tool=tool.text if plain in written and not tool.is_known else None,
        has_placeholder=any(ANY_OWNER in file.text for file in new),
    )


def _tree_at(root: Path) -> WorkTree:
    """What is at ``root``, with the repository that it lies in, if any."""
    top = find_repository(str(root))
    inner = root.relative_to(top).as_posix() if top is not None else "."
    return WorkTree(root, Git(top) if top is not None else None, "" if inner == "." else f"{inner}/")


def _workflows(tree: WorkTree, source: str | None, tool: Requirement) -> list[NewFile]:
    """Callers of ``source``'s; else one with the steps in it, unless callers stand there already."""
    if source is not None:
        return callers(tree.prefix, source)
    return [] if _standing(tree, caller_path(tree.prefix, "pr")) else [plain_workflow(tree.prefix, tool)]


def _standing(tree: WorkTree, workflow: str) -> list[str]:
    """Where a workflow stands, in the catalog or at the top, where GitHub reads it: paths from the catalog's root."""
    folders = dict.fromkeys([tree.root, Path(tree.git.top if tree.git is not None else tree.root)])
    found = [folder / workflow for folder in folders if (folder / workflow).is_file()]
    return [os.path.relpath(path, tree.root).replace(os.sep, "/") for path in found]


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
