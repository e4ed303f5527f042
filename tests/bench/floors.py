"""The floors of a build: ``python -m tests.bench.floors minimal|stock CATALOG OUT``.

Both read the work tree, check it against our schemas, hash it and write every file of a build. They
read everything before they write anything, because a build refuses before it writes, and keep the
bytes of the skills meanwhile, because to read them again costs more. They check nothing else.

``minimal``  libyaml's events with a composer of its own, jsonschema-rs, its canonical JSON. A text that
             is canonical already is put into the next one as it is: each value is encoded once.
``stock``    CSafeLoader, jsonschema, rfc8785, zipfile. Everything that is written is built as a value and
             given to rfc8785: a prompt's parts for its digest, the whole prompt for its row in
             ``bundle.sqlite``, the whole bundle for ``bundle.json``. Every prompt file and every
             skill's front matter goes through jsonschema.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from . import floor_archive, floor_parts, floor_schemas
from .floor_archive import Member
from .floor_read import RefusedError, front_matter
from .floor_write import Catalog, Dumps, Prompt, Skill, write


class Engine(NamedTuple):
    """What the two floors do differently."""

    read: Callable[[bytes], Any]
    prompt_fits: Callable[[Any], bool]
    skill_fits: Callable[[Any], bool]
    dumps: Dumps
    archive: Callable[[list[Member]], bytes]
    splices: bool


def minimal() -> Engine:
    """The fastest parts known that give the same bytes."""
    gc.disable()  # nothing here is cyclic
    import jsonschema_rs

    from .floor_read import compose

    registry = jsonschema_rs.Registry(floor_schemas.resources())
    return Engine(
        read=lambda data: compose(data)[0],
        prompt_fits=jsonschema_rs.validator_for(floor_schemas.prompt_schema(), registry=registry).is_valid,
        skill_fits=jsonschema_rs.validator_for(floor_schemas.skill_schema(), registry=registry).is_valid,
        dumps=jsonschema_rs.canonical.json.to_string,
        archive=floor_archive.stored_zip,
        splices=True,
    )


def stock() -> Engine:
    """What one reaches for first."""
    import rfc8785
    import yaml
    from jsonschema import Draft202012Validator
    from jsonschema_specifications import REGISTRY as SPECIFICATIONS  # type: ignore[import-untyped]
    from referencing import Registry

    from .floor_stock import zipped

    registry: Registry[Any] = SPECIFICATIONS.with_contents(floor_schemas.resources())
    prompt = Draft202012Validator(floor_schemas.prompt_schema(), registry=registry)
    skill = Draft202012Validator(floor_schemas.skill_schema(), registry=registry)
    return Engine(
        read=lambda data: yaml.load(data, yaml.CSafeLoader),
        prompt_fits=lambda value: not list(prompt.iter_errors(value)),
        skill_fits=lambda value: not list(skill.iter_errors(value)),
        dumps=lambda value: rfc8785.dumps(value).decode(),
        archive=zipped,
        splices=False,
    )


def read_catalog(root: Path, engine: Engine) -> Catalog:
    """Everything under ``root``, checked and hashed; raises ``RefusedError`` where a file does not fit."""
    partials, tools = read_shared(root / "prompts/_shared", engine)
    prompts = [
        read_prompt(data, engine, partials, tools)
        for path, _, data in walk(str(root / "prompts"), "")
        if path.endswith(".yaml") and not path.startswith(("_shared/", "registry"))
    ]
    registry = root / "prompts/registry.yaml"
    labels = engine.read(registry.read_bytes()) if registry.exists() else {}
    values = {
        name: {label: label_value(value) for label, value in pointers.items()} for name, pointers in labels.items()
    }
    dates = commit_dates(root)
    return Catalog(sorted(prompts), values, list(read_skills(root, engine, dates)))


def walk(folder: str, inside: str) -> Iterator[tuple[str, str, bytes]]:
    """Each file below ``folder``: its path under it, its mode as git writes it, its bytes."""
    if not inside and not os.path.isdir(folder):  # noqa: PTH112 -- a string all the way down
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{inside}{entry.name}/")
            continue
        with open(entry.path, "rb", buffering=0) as stream:  # noqa: PTH123 -- dearer through a Path
            mode = "100755" if os.fstat(stream.fileno()).st_mode & 0o100 else "100644"
            yield inside + entry.name, mode, stream.read()


def read_shared(folder: Path, engine: Engine) -> tuple[dict[str, str], dict[str, Any]]:
    """The partials and the tools, by the name that a prompt uses: ``safety@v1``."""
    partials: dict[str, str] = {}
    tools: dict[str, Any] = {}
    if not folder.exists():
        return partials, tools
    for path, _, data in walk(str(folder), ""):
        kind, name, version = path.split("/")
        used = f"{name}@{version.partition('.')[0]}"
        if kind == "partials":
            partials[used] = data.decode()
        else:
            tools[used] = engine.read(data)
    return partials, tools


def read_prompt(data: bytes, engine: Engine, partials: dict[str, str], tools: dict[str, Any]) -> Prompt:
    """One prompt file: read, checked, expanded, hashed."""
    document = engine.read(data)
    if not engine.prompt_fits(document):
        raise RefusedError(f"{document.get('id')} does not fit its schema")
    parts = floor_parts.parts_of(document, partials, tools)
    texts = {name: engine.dumps(part) for name, part in parts.items()}
    hashes = {name: f"sha256:{sha256(text.encode()).hexdigest()}" for name, text in texts.items()}
    identity = engine.dumps({"hv": 1, "kind": "prompt", "parts": hashes})
    digest = f"sha256:{sha256(identity.encode()).hexdigest()}"
    version = document["version"]
    added = {"digest": digest, "meta": floor_parts.meta_of(document), "version_id": f"{version}-{digest[7:19]}"}
    if not engine.splices:
        value = parts | added
        return Prompt(document["id"], version, digest, engine.dumps(value), value)
    texts |= {name: engine.dumps(value) for name, value in added.items()}
    body = ",".join(f'"{name}":{texts[name]}' for name in sorted(texts))
    return Prompt(document["id"], version, digest, f"{{{body}}}")


def label_value(value: Any) -> Any:
    """A label as it stands in the bundle: a version, or versions with weights."""
    if isinstance(value, str):
        return value
    return [{"version": version, "weight": weight} for version, weight in value.items()]


def commit_dates(root: Path) -> dict[str, list[int]]:
    """For each SKILL.md the times of its commits, newest first."""
    command = [
        "git",
        "log",
        "--format=%x01%ct",
        "--name-only",
        "--no-renames",
        "--",
        ":(glob)skills/*/SKILL.md",
    ]
    log = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    dates: dict[str, list[int]] = {}
    for commit in log.split("\1")[1:]:
        when, *paths = commit.split()
        for path in paths:
            dates.setdefault(path, []).append(int(when))
    return dates


def read_skills(root: Path, engine: Engine, dates: dict[str, list[int]]) -> Iterator[Skill]:
    """Each skill in the order of the names."""
    folder = str(root / "skills")
    if not os.path.isdir(folder):  # noqa: PTH112 -- a string all the way down, as in the loop below
        return
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 -- a Path a skill costs more than the listing
        found = walk(f"{folder}/{name}", "")
        members = [Member(path, mode, data, sha256(data).hexdigest()) for path, mode, data in found]
        yield read_skill(name, members, engine, dates.get(f"skills/{name}/SKILL.md", []))


def read_skill(name: str, members: list[Member], engine: Engine, dates: list[int]) -> Skill:
    """One skill: front matter checked, files hashed, archive made."""
    members.sort(key=lambda member: member.path.encode())
    top, body = front_matter(next(member.data for member in members if member.path == "SKILL.md"))
    fields = engine.read(top)
    if not engine.skill_fits(fields):
        raise RefusedError(f"{name} does not fit its schema")
    files = [{"mode": m.mode, "path": m.path, "sha256": m.digest, "size": len(m.data)} for m in members]
    identity = engine.dumps({"hv": 1, "kind": "skill", "files": files})
    digest = f"sha256:{sha256(identity.encode()).hexdigest()}"
    served = members[0].data if len(members) == 1 else engine.archive(members)
    interop = {
        "archive": f"sha256:{sha256(served).hexdigest()}",
        "git_tree": floor_archive.git_tree(members),
        "mlflow": floor_archive.mlflow_tree(members),
    }
    row = skill_row(name, digest, fields, members, body.decode())
    row |= {"first_commit_at": stamp(dates[-1:]), "last_commit_at": stamp(dates[:1]), "interop": interop}
    entry = {"digest": digest, "files": files, "description": fields["description"], "interop": interop}
    return Skill(name, digest, engine.dumps(entry), row, members, served, None if engine.splices else entry)


def skill_row(name: str, digest: str, fields: Any, members: list[Member], body: str) -> dict[str, Any]:
    """The skill's row of ``skills-catalog.json`` but its dates."""
    metadata = fields.get("metadata", {})
    return {
        "name": name, "telemetry_names": [name], "description": fields["description"],
        "path": f"skills/{name}", "digest": digest, "owners": [metadata.get("owner", "unowned")], "tags": [],
        "license": fields.get("license"), "files": len(members),
        "size_bytes": sum(len(member.data) for member in members), "body_lines": body.count("\n"),
        "listing_chars": min(1536, len(fields["description"])), "tokens_estimate": len(body) // 4,
        "allowed_tools": fields.get("allowed-tools", "").split(),
        "user_invocable": True, "model_invocable": True,
    }  # fmt: skip


def stamp(dates: list[int]) -> str | None:
    """A commit's time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(dates[0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if dates else None


ENGINES = {"minimal": minimal, "stock": stock}


def main(arguments: list[str]) -> None:
    kind, root, out = arguments
    engine = ENGINES[kind]()
    print(write(read_catalog(Path(root), engine), Path(out), engine.dumps))


if __name__ == "__main__":
    main(sys.argv[1:])
