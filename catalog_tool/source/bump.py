"""The next version of a prompt or of a shared part: the highest one, copied (design §2.1, §2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import version_number
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.decoding import decode
from catalog_tool.source.layout import SHARED, PromptLayout, VersionFile, lay_out_prompts
from catalog_tool.source.new_files import NewFile
from catalog_tool.source.skill_folders import SKILL_FILE
from catalog_tool.source.tree import Content, Tree
from catalog_tool.source.version_value import text_of, with_version

PARTIALS, TOOLS = "partials", "tools"
_MODELINE = re.compile(r"^(#[ \t]*yaml-language-server:[ \t]*\$schema=)(?=\.\.?/|\w+/)", re.MULTILINE)


class Bump(NamedTuple):
    """A next version, not yet written.

    ``kind`` is ``prompt``, ``partials`` or ``tools``; ``before`` the version that was copied, or None for
    an unversioned shared part, whose path is ``source``.
    """

    kind: str
    name: str
    before: str | None
    after: str
    source: str
    file: NewFile


def next_prompt(tree: Tree, files: CatalogFiles, name: str, released: Sequence[Tree] = ()) -> Bump:
    """The version after the highest of a prompt, with its text.

    ``released`` are trees whose versions count as well, so that no number is used a second time. Raises
    ``UsageError`` for an unknown prompt, two files of the highest version, or one that cannot be read.
    """
    known = [file for file in files.layout.versions if file.id == name]
    if not known:
        raise _unknown_prompt(files, name)
    highest = max(known, key=lambda file: version_number(file.version))
    twice = [file.path for file in known if file.version == highest.version]
    if len(twice) > 1:
        raise UsageError(
            f"{name}@{highest.version} has {len(twice)} files: {', '.join(twice)}", hint="keep one of them"
        )
    taken = [*files.layout.versions, *files.layout.unreadable]
    after = _after(_numbers(taken, name) | _released_versions(files, name, released))
    document = text_of(_content(tree, files, highest.path))
    folder, _, file_name = highest.path.rpartition("/")
    path = f"{folder}/{after}{file_name[len(highest.version) :]}"
    return Bump("prompt", name, highest.version, after, highest.path, NewFile(path, with_version(document, after)))


def next_shared(tree: Tree, files: CatalogFiles, name: str, released: Sequence[Tree] = ()) -> Bump:
    """The version after the highest of a partial or tool; else v1, a copy of the unversioned file.

    ``name`` is ``safety``, or ``partials/safety`` where a tool has the same name. ``released`` and errors as
    in ``next_prompt``.
    """
    kind, part = _which(files.layout, name)
    table = _table(files.layout, kind)
    numbers = _part_numbers(table, part)
    before = f"v{max(numbers)}" if numbers else None
    source = table[f"{part}@{before}" if before else part]
    for other in released:
        layout = lay_out_prompts(other.list([f"{files.settings.prompts}/{SHARED}/{kind}"]), files.settings.prompts)
        numbers = numbers | _part_numbers(_table(layout, kind), part)
    after = _after(numbers)
    text = _shared_text(_content(tree, files, source))
    suffix = "." + source.rpartition(".")[2]
    if before is None and suffix == ".yaml":
        text = _MODELINE.sub(r"\1../", text, count=1)
    path = f"{files.settings.prompts}/{SHARED}/{kind}/{part}/{after}{suffix}"
    return Bump(kind, part, before, after, source, NewFile(path, text))


def _unknown_prompt(files: CatalogFiles, name: str) -> UsageError:
    bare, at, _ = name.partition("@")
    ids = sorted({file.id for file in files.layout.versions})
    if at and bare in ids:
        return UsageError(
            f"bump copies the highest version: leave @{name.partition('@')[2]} out",
            hint=f"catalog bump {bare}",
        )
    if any(name in (skill.key, skill.name) for skill in files.skills):
        path = next(skill.path for skill in files.skills if name in (skill.key, skill.name))
        return UsageError(f"{name} is a skill, and skills have no versions", hint=f"edit {path}/{SKILL_FILE} in place")
    shared = [kind for kind in (PARTIALS, TOOLS) if _has_part(_table(files.layout, kind), name)]
    if shared:
        return UsageError(f"{name} is a shared part and no prompt", hint=f"catalog bump --shared {name}")
    return UsageError(f"there is no prompt {name}", hint=_nearest(name, ids) or "`catalog list` names them all")


def _which(layout: PromptLayout, name: str) -> tuple[str, str]:
    """The kind and the bare name of the shared part that ``name`` means."""
    kind, slash, rest = name.partition("/")
    if slash and kind in (PARTIALS, TOOLS) and _has_part(_table(layout, kind), rest):
        return kind, rest
    kinds = [kind for kind in (PARTIALS, TOOLS) if _has_part(_table(layout, kind), name)]
    if len(kinds) == 1:
        return kinds[0], name
    if kinds:
        raise UsageError(f"{name} is a partial and a tool", hint=f"say which: {PARTIALS}/{name} or {TOOLS}/{name}")
    bare, at, _ = name.partition("@")
    if at and any(_has_part(_table(layout, kind), bare) for kind in (PARTIALS, TOOLS)):
        raise UsageError("bump copies the highest version: leave the version out", hint=f"catalog bump --shared {bare}")
    parts = sorted({reference.partition("@")[0] for reference in (*layout.partials, *layout.tools)})
    hint = _nearest(name, parts) or f"shared parts are files below {SHARED}/{PARTIALS} and {SHARED}/{TOOLS}"
    raise UsageError(f"there is no shared part {name}", hint=hint)


def _table(layout: PromptLayout, kind: str) -> Mapping[str, str]:
    return layout.partials if kind == PARTIALS else layout.tools


def _has_part(table: Mapping[str, str], name: str) -> bool:
    return "@" not in name and (name in table or bool(_part_numbers(table, name)))


def _part_numbers(table: Mapping[str, str], name: str) -> set[int]:
    start = f"{name}@"
    return {version_number(reference[len(start) :]) for reference in table if reference.startswith(start)}


def _numbers(versions: Iterable[VersionFile], name: str) -> set[int]:
    return {version_number(file.version) for file in versions if file.id == name}


def _released_versions(files: CatalogFiles, name: str, released: Iterable[Tree]) -> set[int]:
    folder = files.settings.prompts
    found: set[int] = set()
    for tree in released:
        found |= _numbers(lay_out_prompts(tree.list([f"{folder}/{name}"]), folder).versions, name)
    return found


def _after(numbers: Iterable[int]) -> str:
    return f"v{max(numbers, default=0) + 1}"


def _content(tree: Tree, files: CatalogFiles, path: str) -> Content:
    return next(iter(tree.read({path: files.entries[path]}, PARSED_FILE_BYTES)))


def _shared_text(content: Content) -> str:
    if not content.path.endswith(".md"):
        return text_of(content).text or ""
    decoded = decode(content.data) if content.data is not None else None
    if decoded is None or decoded.text is None:
        flaw = decoded.flaws[-1] if decoded is not None else content.flaw
        raise UsageError(
            f"{content.path}: {flaw.message if flaw else 'cannot be read'}", hint="mend it first, then bump"
        )
    return decoded.text


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else ""
