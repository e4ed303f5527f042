"""The files of a build as a floor writes them: the same content as ``catalog build``, the shortest way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, NamedTuple

from .floor_archive import Member

Dumps = Callable[[Any], str]
_TABLES = """
CREATE TABLE prompts(
  id TEXT, version TEXT, digest TEXT, version_id TEXT, body TEXT, PRIMARY KEY(id, version));
CREATE TABLE labels(id TEXT, label TEXT, value TEXT, PRIMARY KEY(id, label));
CREATE TABLE skills(name TEXT PRIMARY KEY, digest TEXT, body TEXT);
CREATE TABLE skill_files(
  skill TEXT, path TEXT, mode TEXT, sha256 TEXT, size INTEGER, content BLOB, PRIMARY KEY(skill, path));
"""


class Prompt(NamedTuple):
    """One version, its entry in ``bundle.json`` already canonical, and as a value where that is encoded again."""

    name: str
    version: str
    digest: str
    body: str
    value: Any = None


class Skill(NamedTuple):
    """One skill: entry in ``bundle.json`` (as ``Prompt``), row of ``skills-catalog.json``, files, what is served."""

    name: str
    digest: str
    body: str
    row: dict[str, Any]
    members: list[Member]
    served: bytes
    value: Any = None


class Catalog(NamedTuple):
    """Everything that was read."""

    prompts: list[Prompt]
    labels: dict[str, dict[str, Any]]
    skills: list[Skill]


class Output:
    """A folder being written; remembers name, size and sha256 of each file for the manifest."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[dict[str, Any]] = []
        root.mkdir(parents=True)

    def put(self, name: str, data: bytes) -> str:
        """Write ``data`` as ``name``; the sha256 of it in hex."""
        with open(f"{self.root}/{name}", "wb", buffering=0) as stream:  # noqa: PTH123 -- dearer through a Path
            stream.write(data)
        return self._note(name, sha256(data).hexdigest(), len(data))

    def note(self, name: str) -> None:
        """Remember a file that stands there already."""
        with (self.root / name).open("rb") as stream:
            self._note(name, file_digest(stream, "sha256").hexdigest(), stream.tell())

    def _note(self, name: str, digest: str, size: int) -> str:
        self.files.append({"path": name, "sha256": digest, "size": size})
        return digest


def write(catalog: Catalog, out: Path, dumps: Dumps) -> str:
    """Write all files of a build to ``out``, which must not exist; the bundle's digest."""
    output = Output(out)
    digest = bundle_digest(catalog, dumps)
    output.put("bundle.json", bundle_json(catalog, digest, dumps).encode())
    write_sqlite(catalog, output, dumps)
    rows = [skill.row for skill in catalog.skills]
    chars = sum(row["listing_chars"] for row in rows)
    document = {
        "format": 1, "kind": "skills-catalog", "digest": digest, "skills": rows,
        "listing": {"chars": chars, "budget_chars": 8000, "truncated": []},
    }  # fmt: skip
    output.put("skills-catalog.json", dumps(document).encode())
    lines = [f"{name},{row['name']},{row['owners'][0]}" for row in rows for name in row["telemetry_names"]]
    output.put("catalog.csv", "\n".join(["skill_name,skill,owner", *lines, ""]).encode())
    write_index(catalog.skills, output, dumps)
    manifest = {"format": 1, "digest": digest, "tool": "floor", "files": output.files}
    output.put("manifest.json", dumps(manifest).encode())
    return digest


def bundle_digest(catalog: Catalog, dumps: Dumps) -> str:
    """The digest of the bundle's identity (design §4)."""
    prompts: dict[str, dict[str, str]] = {}
    for prompt in catalog.prompts:
        prompts.setdefault(prompt.name, {})[prompt.version] = prompt.digest
    identity = {
        "hv": 1, "kind": "bundle", "labels": catalog.labels, "prompts": prompts,
        "skills": {skill.name: skill.digest for skill in catalog.skills},
    }  # fmt: skip
    return "sha256:" + sha256(dumps(identity).encode()).hexdigest()


def bundle_json(catalog: Catalog, digest: str, dumps: Dumps) -> str:
    """``bundle.json``: encoded as a whole where there are values, else put together from canonical texts."""
    if any(prompt.value is not None for prompt in catalog.prompts):
        return dumps(_bundle_value(catalog, digest))
    versions: dict[str, list[str]] = {}
    for prompt in sorted(catalog.prompts):
        versions.setdefault(prompt.name, []).append(f'"{prompt.version}":{prompt.body}')
    prompts = ",".join(f'"{name}":{{{",".join(bodies)}}}' for name, bodies in versions.items())
    skills = ",".join(f'"{skill.name}":{skill.body}' for skill in catalog.skills)
    return (
        f'{{"digest":"{digest}","format":1,"hv":1,"kind":"bundle","labels":{dumps(catalog.labels)},'
        f'"prompts":{{{prompts}}},"skills":{{{skills}}}}}'
    )


def _bundle_value(catalog: Catalog, digest: str) -> dict[str, Any]:
    prompts: dict[str, dict[str, Any]] = {}
    for prompt in catalog.prompts:
        prompts.setdefault(prompt.name, {})[prompt.version] = prompt.value
    return {
        "digest": digest, "format": 1, "hv": 1, "kind": "bundle", "labels": catalog.labels, "prompts": prompts,
        "skills": {skill.name: skill.value for skill in catalog.skills},
    }  # fmt: skip


def write_sqlite(catalog: Catalog, output: Output, dumps: Dumps) -> None:
    """``bundle.sqlite``, with the contents of the skills."""
    path = output.root / "bundle.sqlite"
    with sqlite3.connect(path, isolation_level=None) as base:
        base.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;" + _TABLES)
        base.executemany(
            "INSERT INTO prompts VALUES(?,?,?,?,?)",
            ((p.name, p.version, p.digest, f"{p.version}-{p.digest[7:19]}", p.body) for p in catalog.prompts),
        )
        base.executemany(
            "INSERT INTO labels VALUES(?,?,?)",
            ((name, label, dumps(value)) for name, all_ in catalog.labels.items() for label, value in all_.items()),
        )
        base.executemany("INSERT INTO skills VALUES(?,?,?)", ((s.name, s.digest, s.body) for s in catalog.skills))
        base.executemany(
            "INSERT INTO skill_files VALUES(?,?,?,?,?,?)",
            ((s.name, m.path, m.mode, m.digest, len(m.data), m.data) for s in catalog.skills for m in s.members),
        )
        base.execute("COMMIT")
    base.close()
    output.note("bundle.sqlite")


def write_index(skills: list[Skill], output: Output, dumps: Dumps) -> None:
    """``.well-known/agent-skills``: what is served of each skill, and the index of it all."""
    folder = ".well-known/agent-skills"
    (output.root / folder).mkdir(parents=True)
    entries = []
    for skill in skills:
        alone = len(skill.members) == 1
        url = f"{skill.name}/SKILL.md" if alone else f"{skill.name}.zip"
        if alone:
            (output.root / folder / skill.name).mkdir()
        digest = output.put(f"{folder}/{url}", skill.served)
        entries.append({
            "name": skill.name, "type": "skill-md" if alone else "archive",
            "description": skill.row["description"], "url": url, "digest": f"sha256:{digest}",
        })  # fmt: skip
    schema = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
    output.put(f"{folder}/index.json", dumps({"$schema": schema, "skills": entries}).encode())
