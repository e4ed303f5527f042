"""The workflows that ``catalog init`` writes: one with the steps in it, or callers of another repository's."""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

from catalog_tool import __version__
from catalog_tool.errors import UsageError
from catalog_tool.source.new_files import NewFile
from catalog_tool.source.scaffold import template

WORKFLOWS = ".github/workflows"
"""Where GitHub reads them, at the top of a repository and nowhere else."""
CALLED = ("pr", "sync", "drift", "usage", "eval")
"""What there is to call, each by a file of its own: what runs on a schedule must not take anything else with it."""
_FROM = re.compile(r"((?!\.\.?/)[A-Za-z0-9_.-]{1,100}/(?!\.\.?@)[A-Za-z0-9_.-]{1,100})@([0-9a-f]{40})", re.ASCII)
_PLAIN_FOLDER = re.compile(r"[A-Za-z0-9_/-]{1,80}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_EXPRESSION = "${{"
_GIT_URL = re.compile(r"https://[A-Za-z0-9._~:/-]{1,300}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_NOTE = """\
        # The copy that wrote this came from a file, not from an index. Where your index does not have this version,
        # write here what pip can install: a wheel that is kept in this repository, or a repository at a commit.
"""


class Requirement(NamedTuple):
    """What pip is told to install, and whether that is known to be had: ``False`` where an index may not have it."""

    text: str
    is_known: bool


def plain_workflow(inner: str, tool: Requirement) -> NewFile:
    """The workflow with the steps in it, for the catalog at ``inner`` (as in ``StartedCatalog``).

    Raises ``UsageError`` for a folder that no workflow can name.
    """
    folder = _folder(inner)
    defaults = f'    defaults:\n      run:\n        working-directory: "{folder}"\n' if folder else ""
    note = "" if tool.is_known else _NOTE
    text = template("workflow.yml", DEFAULTS=defaults, REQUIREMENT=tool.text, NOTE=note, **_names(inner))
    return NewFile(plain_path(inner), text)


def plain_path(inner: str) -> str:
    """Where ``plain_workflow`` stands."""
    return f"{WORKFLOWS}/catalog{_suffix(inner)}.yml"


def callers(inner: str, source: str) -> list[NewFile]:
    """A caller of each workflow of ``source`` (``OWNER/NAME@COMMIT``). Raises ``UsageError`` as above, or for a tag."""
    found = _FROM.fullmatch(source)
    if found is None:
        raise UsageError(
            f"{source!r} names no workflows",
            hint="write OWNER/NAME@COMMIT, the commit with all its 40 digits: a tag can be moved",
        )
    values = {**_names(inner), "FROM": found[1], "COMMIT": found[2], "FOLDER": _folder(inner) or "."}
    return [NewFile(caller_path(inner, kind), template(f"{kind}_caller.yml", **values)) for kind in CALLED]


def caller_path(inner: str, kind: str) -> str:
    """Where the caller of this kind (one of ``CALLED``) stands."""
    return f"{WORKFLOWS}/catalog-{kind}{_suffix(inner)}.yml"


def installed_tool() -> Requirement:
    """What installs the catalog-tool that runs here, as far as pip has kept where it came from."""
    try:
        return requirement(distribution("catalog-tool").read_text("direct_url.json"))
    except PackageNotFoundError:
        return Requirement(f"catalog-tool=={__version__}", is_known=False)


def requirement(direct_url: str | None) -> Requirement:
    """What to install, from the ``direct_url.json`` that pip keeps of what came from no index (PEP 610).

    None, no such file: an index had this version. A commit of a git repository is named as it is; a file or
    folder of this machine is nowhere else, so that is the version, and whether it can be had is not known.
    """
    released = f"catalog-tool=={__version__}"
    if direct_url is None:
        return Requirement(released, is_known=True)
    try:
        kept = json.loads(direct_url)
    except ValueError:
        kept = None
    kept = kept if isinstance(kept, dict) else {}
    vcs = kept.get("vcs_info")
    commit = vcs.get("commit_id") if isinstance(vcs, dict) and vcs.get("vcs") == "git" else None
    url = kept.get("url")
    if not (isinstance(commit, str) and _COMMIT.fullmatch(commit) and isinstance(url, str) and _GIT_URL.fullmatch(url)):
        return Requirement(released, is_known=False)
    return Requirement(f"catalog-tool @ git+{url}@{commit}", is_known=True)


def _names(inner: str) -> dict[str, str]:
    """What tells the workflows of one catalog from those of another in its repository.

    GitHub's files, artifacts and concurrency groups are those of the whole repository.
    """
    folder = _folder(inner)
    return {"SUFFIX": _suffix(inner), "OF": f" {folder}" if folder else ""}


def _suffix(inner: str) -> str:
    """``.services.bot`` for ``services/bot/``: what a file or an artifact may be called, another for every folder."""
    folder = inner.rstrip("/")
    if not folder:
        return ""
    if _PLAIN_FOLDER.fullmatch(folder):
        return f".{folder.replace('/', '.')}"
    words = _NOT_PLAIN.sub("-", folder.replace("/", "."))[:60].strip(".-")
    mark = sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f".{words}-{mark}" if words else f".{mark}"


def _folder(inner: str) -> str:
    """The catalog's folder as it stands inside double quotes in YAML, where GitHub reads it as that text.

    Raises ``UsageError`` for what cannot be written so.
    """
    folder = inner.rstrip("/")
    if _EXPRESSION in folder or any(unicodedata.category(character) in ("Cc", "Cs") for character in folder):
        raise UsageError(
            f"no workflow can name the folder {folder!r}: GitHub would evaluate `{_EXPRESSION}`, and takes no control "
            "characters and no bytes that are not UTF-8",
            hint="give the folder another name",
        )
    quoted = json.dumps(folder, ensure_ascii=False)[1:-1]
    return "".join(one if one.isprintable() else _escaped(one) for one in quoted)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
