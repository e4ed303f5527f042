"""Small objects for the conformance kit: real entries, as a bundle has them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.backends.stored import skill_entry_of
from catalog_tool.canonical.identity import SkillFile, prompt_identity, skill_digest
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.model.addresses import label_address, skill_address, version_address
from catalog_tool.model.target import Applied, Write
from catalog_tool.sync.live import fingerprint
from catalog_tool.sync.wanted import Desired, WantedObject

ODD_TEXT = "Grüße 😀 e\u0301 {{name}}\r\n\ttab \\ \"quoted\" <b> 'x' %s $1 \u2028 end\n\n"
"""Text that storages have been seen to change: accents, both line ends, separators, trailing newlines."""


def version_entry(version: str = "v1", text: str = ODD_TEXT, **meta: Any) -> bytes:
    """A prompt version's entry; its params hold numbers that are easily respelled."""
    parts = {
        "messages": [{"role": "system", "content": text}],
        "model": {"name": "m", "x-limit": 2**53 - 1},
        "output_schema": {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}},
        "params": {"temperature": 0.1, "top_p": 1, "seed": -(2**53 - 1), "stop": []},
        "template": "none",
        "tools": [{"name": "find", "parameters": {"type": "object", "default": 1e-7}}],
        "variables": {},
    }
    identity = prompt_identity(parts)
    order = {"order": {"/output_schema/properties": ["b", "a"]}}
    claims = {"digest": identity.digest, "version_id": version_id(version, identity.digest), "meta": meta}
    return canonical_bytes({**parts, **order, **claims})


def put_version(name: str = "support/greet", version: str = "v1", text: str = ODD_TEXT, **meta: Any) -> Write:
    """The step that creates a version."""
    entry = version_entry(version, text, **meta)
    applied = Applied("sha256:" + hashlib.sha256(entry).hexdigest(), "")
    return Write(version_address(name, version), None, entry, marker='{"m":1}', applied=applied)


def put_label(value: Any, label: str = "production", name: str = "support/greet", seen: Any = None) -> Write:
    """The step that sets a label; ``seen`` is its value before."""
    entry = canonical_bytes(value)
    before = None if seen is None else canonical_bytes(seen)
    return Write(label_address(name, label), before, entry, marker='{"m":2}', applied=Applied(entry.decode()))


SKILL_FILES = {
    "SKILL.md": b"---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n",
    "scripts/run.sh": b"#!/bin/sh\necho hi\n",
    "data/b\xc3\xa4r.bin".encode("latin-1").decode(): bytes(range(256)),
}


def put_skill(key: str = "pdf", files: dict[str, bytes] | None = None, seen: bytes | None = None) -> Write:
    """The step that stores a skill."""
    contents = SKILL_FILES if files is None else files
    modes = {path: "100755" if path.endswith(".sh") else "100644" for path in contents}
    plain = {"description": "Fill PDF forms.", "owners": [], "path": f"skills/{key}", "tags": []}
    listed = [
        SkillFile(path, modes[path], hashlib.sha256(data).hexdigest(), len(data)) for path, data in contents.items()
    ]
    claimed = canonical_bytes({**plain, "digest": skill_digest(listed)})
    entry = skill_entry_of(claimed, {path: (modes[path], data) for path, data in contents.items()})
    applied = Applied("sha256:" + hashlib.sha256(entry).hexdigest())
    return Write(skill_address(key), seen, entry, contents, modes, '{"m":3}', applied)


class Sample(NamedTuple):
    """A small catalog: texts by version address parts, label values, and skills' files."""

    versions: Mapping[tuple[str, str], str]
    labels: Mapping[tuple[str, str], Any] = {}
    skills: Mapping[str, Mapping[str, bytes]] = {}


FIRST = Sample(
    {("support/greet", "v1"): ODD_TEXT, ("support/greet", "v2"): "Be brief.\n", ("review", "v1"): "Review: {{diff}}"},
    {("support/greet", "production"): "v1", ("support/greet", "staging"): "v2", ("review", "production"): "v1"},
    {"pdf": SKILL_FILES},
)
SECOND = Sample(
    {**FIRST.versions, ("support/greet", "v3"): "Be very brief."},
    {**FIRST.labels, ("support/greet", "production"): "v2", ("review", "staging"): "v1"},
    {"pdf": {"SKILL.md": b"---\nname: pdf\ndescription: Fill forms.\n---\n"}},
)
"""One version more, one label moved, one label new, one skill edited."""


def desired_of(sample: Sample, catalog: str = "acme", commit: str | None = None, *, skills: bool = True) -> Desired:
    """What git would say for a sample."""
    writes = [put_version(name, version, text) for (name, version), text in sample.versions.items()]
    writes += [put_label(value, label, name) for (name, label), value in sample.labels.items()]
    put = {key: put_skill(key, dict(files)) for key, files in sample.skills.items()} if skills else {}
    writes += put.values()
    objects = {}
    for write in writes:
        entry = write.entry or b""
        objects[write.address] = WantedObject(write.address, fingerprint(write.address, entry).digest, entry)
    by_address = {write.address: (write.contents or {}, write.modes or {}) for write in put.values()}
    bundle = "sha256:" + hashlib.sha256(repr(sorted(objects.items())).encode()).hexdigest()
    return Desired(bundle=bundle, catalog=catalog, commit=commit, objects=objects, contents=by_address.__getitem__)
