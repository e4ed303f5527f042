"""New prompts and skills: the files of a first version, which validate as they stand (design §5)."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.codeowners import owners_of
from catalog_tool.source.git import find_repository
from catalog_tool.source.naming import near_prompt_id, near_skill_name, prompt_id_problem, skill_name_problem
from catalog_tool.source.new_files import NewFile, create, is_free
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import SUFFIX, load_schema
from catalog_tool.source.skill_folders import SKILL_FILE, glob_pattern, static_prefix
from catalog_tool.source.tree import WorkTree

SCHEMAS = "schemas"
"""The folder of the schemas that editors read."""
ANY_OWNER = "your-team"
"""What stands for an owner until somebody writes one."""

_TEMPLATES = Path(__file__).resolve().parent / "scaffold_files"
_MARK = re.compile(r"%([A-Z]+)%")
_OWNER = re.compile(rb"^[ \t]*[\"']?owners?[\"']?[ \t]*:", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)
_NOT_PLAIN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class Catalog(NamedTuple):
    """A catalog to add to: its root, the work tree it is read from, and what it consists of."""

    root: Path
    tree: WorkTree
    files: CatalogFiles


class Started(NamedTuple):
    """What was made. ``created`` and ``skipped`` are paths from the root, in the order of reading.

    ``skipped`` were there already and are as they were.
    """

    created: list[str]
    skipped: list[str]


def template(name: str, **values: str) -> str:
    """A file of ``scaffold_files`` with ``%NAME%`` replaced by the value of that name, in one pass."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return _MARK.sub(lambda mark: values[mark[1]], text)


def schemas_from(path: str) -> str:
    """The folder of the schemas as seen from the file ``path``."""
    return posixpath.relpath(SCHEMAS, posixpath.dirname(path) or ".")


def start_prompt(catalog: Catalog, name: str, owner: str | None = None) -> Started:
    """Version 1 of a prompt, with golden tests beside it.

    ``owner`` is a team or a person; None writes a placeholder where the catalog names owners at all.
    Raises ``UsageError`` for a bad id, a prompt that exists, or a place that cannot be written to.
    """
    problem = prompt_id_problem(name)
    if problem is not None:
        raise UsageError(problem, hint=_did_you_mean("prompt", near_prompt_id(name)))
    if any(file.id == name for file in catalog.files.layout.versions):
        raise UsageError(f"there is a prompt {name} already", hint=f"`catalog bump {name}` starts its next version")
    folder = f"{catalog.files.settings.prompts}/{name}"
    path, tests = f"{folder}/v1.yaml", f"{folder}/tests/cases.yaml"
    owners = _owner(catalog, path, owner)
    version = template(
        "prompt.yaml",
        MODELINE=_modeline(catalog, path, "prompt"),
        ID=as_yaml(name),
        OWNERS=f"owners: [{owners}]\n" if owners else "",
    )
    return _write(
        catalog,
        [
            NewFile(tests, template("tests.yaml", MODELINE=_modeline(catalog, tests, "tests"))),
            NewFile(path, version),
        ],
    )


def start_skill(catalog: Catalog, name: str, owner: str | None = None) -> Started:
    """A skill: its folder with a ``SKILL.md``, in the first configured folder that exists, else the first.

    ``owner`` as in ``start_prompt``. Raises ``UsageError`` likewise.
    """
    problem = skill_name_problem(name) or _refused_by_profile(catalog.files.settings.skill_profile, name)
    if problem is not None:
        raise UsageError(problem, hint=_did_you_mean("skill", near_skill_name(name)))
    known = next((folder for folder in catalog.files.skills if folder.key == name or folder.name == name), None)
    if known is not None:
        raise UsageError(f"there is a skill {name} already: {known.path}", hint="edit it: skills have no versions")
    parent = skills_folder(catalog)
    if parent is None:
        patterns = ", ".join(catalog.files.settings.skills)
        raise UsageError(
            f"`skills` in catalog.yaml names no folder to put a new skill in: {patterns or 'it is empty'}",
            hint="add one, such as skills",
        )
    path = f"{parent}/{name}/{SKILL_FILE}"
    owners = _owner(catalog, path, owner)
    words = name.replace("-", " ")
    return _write(
        catalog,
        [
            NewFile(
                path,
                template(
                    "skill.md",
                    NAME=as_yaml(name),
                    TITLE=words.capitalize(),
                    WORDS=words,
                    METADATA=f"metadata:\n  owner: {owners}\n" if owners else "",
                ),
            )
        ],
    )


def skills_folder(catalog: Catalog) -> str | None:
    """The first configured folder of skills that exists, else the first; None where all are patterns."""
    folders = [
        folder
        for glob in catalog.files.settings.skills
        if (folder := static_prefix(glob)) and glob_pattern(glob).fullmatch(folder) is not None
    ]
    return next((folder for folder in folders if (catalog.root / folder).is_dir()), next(iter(folders), None))


def as_yaml(text: str) -> str:
    """A printable text as one YAML scalar: plain where no reader takes that for anything but a string."""
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _NOT_PLAIN
    return text if plain else json.dumps(text, ensure_ascii=False)


def placeholder_owner(catalog: Catalog, path: str) -> str | None:
    """``your-team`` where a new file without an owner would stand out; None where an owner would.

    One owner anywhere makes every artifact without one a warning, so the first owner of a catalog that
    has artifacts is for people to write. A path that CODEOWNERS covers needs none.
    """
    rules = catalog.files.owners
    if rules:
        return None if owners_of(catalog.files.prefix + path, rules) else ANY_OWNER
    is_empty = not catalog.files.layout.versions and not catalog.files.skills
    return ANY_OWNER if is_empty or _names_owners(catalog) else None


def unseen(tree: WorkTree, paths: Sequence[str]) -> list[str]:
    """Those of ``paths`` that stand on disk and that git leaves out of the catalog; none outside git.

    Raises ``GitError`` where git cannot be asked.
    """
    if tree.git is None or not paths:
        return []
    root = tree.root.resolve()
    places = {path: (root / path).resolve().relative_to(root).as_posix() for path in paths}
    listed = tree.list(sorted(set(places.values())))
    return [path for path, place in places.items() if place not in listed]


def refuse_unseen(tree: WorkTree, paths: Sequence[str]) -> None:
    """Raise ``UsageError`` where git leaves one of these new files out: nobody would read it. Else as ``unseen``."""
    path = next(iter(unseen(tree, paths)), None)
    if path is None or tree.git is None:
        return
    other = find_repository(str((tree.root / path).parent))
    if other != tree.git.top:
        raise UsageError(
            f"{path} lies in the repository {other} and would not be read: nothing was written",
            hint="name a catalog in that repository with -C",
        )
    raise UsageError(
        f"git ignores {path}, so it would not be read: nothing was written",
        hint=f"`git check-ignore --verbose {shlex.quote(tree.prefix + path)}` at the top of the repository names the "
        "line: change that line, or choose another name",
    )


def _owner(catalog: Catalog, path: str, owner: str | None) -> str | None:
    """The owner as YAML."""
    if owner is None:
        return placeholder_owner(catalog, path)
    if not owner.strip() or not owner.isprintable():
        raise UsageError(f"{owner!r} names no owner", hint="write a team or a person: --owner team-support")
    return as_yaml(owner)


def _names_owners(catalog: Catalog) -> bool:
    paths = [file.path for file in catalog.files.layout.versions]
    paths += [f"{folder.path}/{SKILL_FILE}" for folder in catalog.files.skills]
    entries = {path: catalog.files.entries[path] for path in paths if path in catalog.files.entries}
    contents = catalog.tree.read(entries, PARSED_FILE_BYTES)
    return any(content.data is not None and _OWNER.search(content.data) is not None for content in contents)


def _refused_by_profile(profile: str, name: str) -> str | None:
    """Why this catalog's profile refuses the name, in its schema's own words."""
    problems = SchemaEngine(load_schema(f"skill-{profile}")).errors({"name": name, "description": name})
    return next((problem.message for problem in problems if problem.pointer == "/name"), None)


def _modeline(catalog: Catalog, path: str, schema: str) -> str:
    """The line by which editors find a schema; empty in a catalog that keeps no schemas."""
    if not (catalog.root / SCHEMAS / f"{schema}{SUFFIX}").is_file():
        return ""
    return f"# yaml-language-server: $schema={schemas_from(path)}/{schema}{SUFFIX}\n"


def _did_you_mean(kind: str, near: str | None) -> str:
    return f"for example: catalog new {kind} {near}" if near is not None else ""


def _write(catalog: Catalog, files: list[NewFile]) -> Started:
    """Write what is not there yet; the last file makes the artifact and must be new."""
    free = [is_free(catalog.root, file.path) for file in files]
    if not free[-1]:
        raise UsageError(f"{files[-1].path} exists already and is not read", hint="git ignores it, or it is a link")
    new = [file for file, is_new in zip(files, free, strict=True) if is_new]
    create(catalog.root, *new, check=lambda: refuse_unseen(catalog.tree, [file.path for file in new]))
    created = [file.path for file in new]
    return Started(created[::-1], [file.path for file, is_new in zip(files, free, strict=True) if not is_new])
