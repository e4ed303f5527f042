"""Readers for lock files: text in, packages out. Standard library only, nothing is installed or run.

Each reader takes the text of one file and returns what the file pins. A file that is not what its
name promises raises ``LockError`` with a message that says why.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

REGISTRY_HOSTS = frozenset(
    {
        "registry.npmjs.org",
        "registry.yarnpkg.com",
        "pypi.org",
        "files.pythonhosted.org",
        "index.crates.io",
        "proxy.golang.org",
    }
)
CRATES_INDEX = "registry+https://github.com/rust-lang/crates.io-index"


class LockError(ValueError):
    """A lock file that cannot be read; the message is for people."""


class Package(NamedTuple):
    """One pinned package. ``source`` is "registry", "git", "path", or an address."""

    name: str
    version: str
    source: str
    hashed: bool


def _address(url: str) -> str:
    """Where an address leads: a known registry is just "registry"."""
    if url.startswith(("git+", "git:", "git@", "github:", "ssh:")):
        return "git"
    if url.startswith(("file:", "link:", "portal:", "workspace:", ".", "/")):
        return "path"
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return "registry"
    return "registry" if parts.scheme == "https" and parts.hostname in REGISTRY_HOSTS else url


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LockError(f"{what} is not an object")
    return value


def _json(text: str) -> dict[str, Any]:
    try:
        return _table(json.loads(text), "the file")
    except (json.JSONDecodeError, RecursionError) as error:
        raise LockError(f"not JSON: {error}") from None


def _toml_packages(text: str) -> list[dict[str, Any]]:
    try:
        packages = tomllib.loads(text).get("package", [])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockError(f"not TOML: {error}") from None
    if not isinstance(packages, list):
        raise LockError("[[package]] is not a list")
    return [_table(one, "a [[package]]") for one in packages]


def npm(text: str) -> list[Package]:
    """package-lock.json and npm-shrinkwrap.json, lockfile versions 1 to 3."""
    data = _json(text)
    found = []
    for path, entry in _npm_entries(data):
        if entry.get("link") or entry.get("inBundle") or entry.get("bundled"):
            continue
        resolved = str(entry.get("resolved", ""))
        version = str(entry.get("version", ""))
        source = _address(resolved) if resolved else _address(version) if not version[:1].isdigit() else "registry"
        name = entry.get("name") or path.rpartition("node_modules/")[2]
        found.append(Package(str(name), version, source, "integrity" in entry))
    return found


def _npm_entries(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "packages" in data:
        for path, entry in _table(data["packages"], "packages").items():
            if "node_modules/" in path:
                yield path, _table(entry, path)
        return
    waiting = [_table(data.get("dependencies", {}), "dependencies")]
    while waiting:
        for name, entry in waiting.pop().items():
            yield name, _table(entry, name)
            if "dependencies" in entry:
                waiting.append(_table(entry["dependencies"], name))


_YARN_FIELD = re.compile(r' {2}"?(\w+)"?:? "?([^"]*)"?$')


def yarn(text: str) -> list[Package]:
    """yarn.lock, classic and Berry."""
    found = []
    for head, fields in _yarn_blocks(text):
        name = _before_at(head.split(",")[0].strip().strip('"'))
        if "version" not in fields or name == "__metadata" or fields.get("linkType") == "soft":
            continue
        berry = "resolution" in fields
        where = _before_at(fields["resolution"], rest=True) if berry else fields.get("resolved", "")
        source = "registry" if where.startswith("npm:") else _address(where)
        hashed = ("checksum" if berry else "integrity") in fields
        found.append(Package(name, fields["version"], source, hashed))
    return found


def _yarn_blocks(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    head, fields = "", dict[str, str]()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if head:
                yield head, fields
            head, fields = line.rstrip(":"), {}
        elif match := _YARN_FIELD.fullmatch(line):
            fields[match[1]] = match[2]
    if head:
        yield head, fields


def _before_at(spec: str, *, rest: bool = False) -> str:
    """``@scope/name@range`` → the name, or with ``rest`` the range."""
    at = spec.find("@", 1)
    if at < 0:
        return "" if rest else spec
    return spec[at + 1 :] if rest else spec[:at]


_PNPM_HEAD = re.compile(r" {2}(?:'([^']+)'|\"([^\"]+)\"|(\S[^:]*(?::\S[^:]*)*)):\s*$")


def pnpm(text: str) -> list[Package]:
    """pnpm-lock.yaml: the packages section, read by its indentation (lockfile versions 5 to 9)."""
    found: list[Package] = []
    inside, key, body = False, "", ""
    for line in [*text.splitlines(), "end:"]:
        head = _PNPM_HEAD.match(line) if inside else None
        top = bool(line.strip()) and not line.startswith((" ", "#"))
        if (head or top) and key:
            found.append(_pnpm_package(key, body))
            key = ""
        if head:
            key, body = head[1] or head[2] or head[3], ""
        elif top:
            inside = line.startswith("packages:")
        else:
            body += line + "\n"
    return found


def _pnpm_package(key: str, body: str) -> Package:
    spec = key.split("(")[0]
    if "@" not in spec[2:]:
        name, _, version = spec.lstrip("/").rpartition("/")
    else:
        bare = spec.removeprefix("/")
        name, version = _before_at(bare), _before_at(bare, rest=True)
    tarball = re.search(r"tarball: ([^\s,}]+)", body)
    if "type: git" in body or re.search(r"\brepo: ", body):
        source = "git"
    elif tarball:
        source = _address(tarball[1])
    else:
        source = "path" if "directory: " in body else _address(version)
    return Package(name, version, source, "integrity: " in body)


def python_toml(text: str) -> list[Package]:
    """poetry.lock, uv.lock and pdm.lock."""
    found = []
    for entry in _toml_packages(text):
        source = _python_source(entry)
        if source == "path":
            continue
        files = [*entry.get("files", []), *entry.get("wheels", [])]
        if "sdist" in entry:
            files.append(entry["sdist"])
        hashed = bool(files) and all(isinstance(one, dict) and one.get("hash") for one in files)
        found.append(Package(str(entry.get("name")), str(entry.get("version", "")), source, hashed))
    return found


def _python_source(entry: dict[str, Any]) -> str:
    source = entry.get("source", {})
    where = _table(source, "source")
    kind = str(where.get("type", ""))
    if kind == "git" or "git" in where or "git" in entry:
        return "git"
    if kind in {"directory", "file"} or {"editable", "virtual", "directory", "path"} & where.keys():
        return "path"
    if "path" in entry:
        return "path"
    url = where.get("url") or where.get("registry") or entry.get("url")
    return _address(str(url)) if url else "registry"


def cargo(text: str) -> list[Package]:
    """Cargo.lock; members of the workspace have no source and are left out."""
    found = []
    for entry in _toml_packages(text):
        source = str(entry.get("source", ""))
        if not source:
            continue
        if source.startswith("git+"):
            where = "git"
        else:
            address = source.removeprefix("registry+").removeprefix("sparse+")
            where = "registry" if source == CRATES_INDEX else _address(address)
        found.append(Package(str(entry.get("name")), str(entry.get("version")), where, "checksum" in entry))
    return found


def pipfile(text: str) -> list[Package]:
    """Pipfile.lock."""
    data = _json(text)
    found = []
    for group in ("default", "develop"):
        for name, value in _table(data.get(group, {}), group).items():
            entry = _table(value, name)
            if "path" in entry:
                continue
            version = str(entry.get("version") or entry.get("ref") or "").removeprefix("==")
            source = "git" if "git" in entry else _address(str(entry.get("file", "")))
            found.append(Package(name, version, source, bool(entry.get("hashes"))))
    return found


_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)")


def requirements(text: str) -> list[Package]:
    """requirements*.txt as pip-compile writes them; a line without ``==`` has an empty version."""
    found = []
    for raw in text.replace("\\\n", " ").splitlines():
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if not line or (line.startswith("-") and not line.startswith(("-e ", "--editable "))):
            continue
        found.append(_requirement(line))
    return found


def _requirement(line: str) -> Package:
    spec, _, options = line.partition(" --")
    target = spec.removeprefix("-e ").removeprefix("--editable ").strip()
    named, at, url = target.partition(" @ ")
    address = url if at else target
    if at or target.startswith(("git+", "http://", "https://", ".", "/", "file:")):
        name = named if at else address.rpartition("egg=")[2] or address
        hashed = "hash=" in options or "#sha256" in address
        return Package(name.strip(), "", _address(address.strip()), hashed)
    match = _REQUIREMENT.fullmatch(target)
    if match is None:
        raise LockError(f"not a requirement: {line[:80]!r}")
    constraint = match[2].partition(";")[0].strip()
    exact = re.fullmatch(r"===?\s*([^\s,*]+)", constraint)
    return Package(match[1], exact[1] if exact else "", "registry", "hash=" in options)


def go_sum(text: str) -> list[Package]:
    """go.sum; it may name more modules than the build uses."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3:
            raise LockError(f"line {number}: expected module, version and hash")
        if not fields[1].endswith("/go.mod"):
            found.append(Package(fields[0], fields[1], "registry", fields[2].startswith("h1:")))
    return found


READERS: dict[str, tuple[str, Callable[[str], list[Package]]]] = {
    "package-lock.json": ("npm", npm),
    "npm-shrinkwrap.json": ("npm", npm),
    "yarn.lock": ("npm", yarn),
    "pnpm-lock.yaml": ("npm", pnpm),
    "poetry.lock": ("python", python_toml),
    "uv.lock": ("python", python_toml),
    "pdm.lock": ("python", python_toml),
    "Pipfile.lock": ("python", pipfile),
    "Cargo.lock": ("cargo", cargo),
    "go.sum": ("go", go_sum),
}


def reader_for(name: str) -> tuple[str, Callable[[str], list[Package]]] | None:
    """The ecosystem and reader of a file name, or None where it is no lock file we know."""
    if name.startswith("requirements") and name.endswith(".txt"):
        return "python", requirements
    return READERS.get(name)
