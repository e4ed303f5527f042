"""Things people do to a runtime by hand, and the state each has to be named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import SkillFile, prompt_identity, skill_digest
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.model.addresses import label_address, parse_address, skill_address, version_address
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance.samples import SKILL_FILES, put_label, put_skill, put_version
from catalog_tool.sync.markers import marker_text

V1 = version_address("support/greet", "v1")
V2 = version_address("support/greet", "v2")
PRODUCTION = label_address("support/greet", "production")
STAGING = label_address("support/greet", "staging")
PDF = skill_address("pdf")

Before = Mapping[str, bytes]


class Edit(NamedTuple):
    """Writes made from what was there, and the states that a comparison must then show."""

    writes: Callable[[Before], list[Write]]
    expected: Mapping[str, str]
    needs_skills: bool = False
    is_metadata: bool = False


def _version(change: Callable[[dict[str, Any]], None], address: str = V1) -> Callable[[Before], list[Write]]:
    """Edit one version's parts; digest and version id are made to fit, as a careful person would."""

    def writes(before: Before) -> list[Write]:
        entry = json.loads(before[address])
        change(entry)
        digest = prompt_identity(entry).digest
        entry |= {"digest": digest, "version_id": version_id(parse_address(address).part, digest)}
        return [Write(address, before[address], canonical_bytes(entry))]

    return writes


def _set(part: str, value: Any) -> Callable[[Before], list[Write]]:
    return _version(lambda entry: entry.__setitem__(part, value))


def _text(text: str) -> Callable[[Before], list[Write]]:
    return _set("messages", [{"role": "system", "content": text}])


def _append(text: str) -> Callable[[Before], list[Write]]:
    def change(entry: dict[str, Any]) -> None:
        entry["messages"][0]["content"] += text

    return _version(change)


def _label(value: Any, seen: Any = "v1") -> Callable[[Before], list[Write]]:
    return lambda _: [put_label(value, seen=seen)._replace(marker=None)]


def _skill(files: Mapping[str, bytes]) -> Callable[[Before], list[Write]]:
    return lambda before: [put_skill(files=dict(files), seen=before[PDF])._replace(marker=None)]


def _mode(before: Before) -> list[Write]:
    put = put_skill(seen=before[PDF])
    modes = dict.fromkeys(SKILL_FILES, "100644")
    entry = json.loads(before[PDF])
    files = [{**item, "mode": "100644"} for item in entry["files"]]
    digest = skill_digest(SkillFile(**item) for item in files)
    changed = canonical_bytes({**entry, "files": files, "digest": digest})
    return [put._replace(entry=changed, modes=modes, marker=None)]


def _lie(before: Before) -> list[Write]:
    """Content changed, the stored digest left as it was."""
    entry = json.loads(before[V1])
    entry["messages"][0]["content"] = "changed quietly"
    return [Write(V1, before[V1], canonical_bytes(entry))]


def _false_claim(before: Before) -> list[Write]:
    """Content left, the stored digest changed: whoever serves it serves a lie."""
    entry = json.loads(before[V1])
    entry["digest"] = "sha256:" + "0" * 64
    return [Write(V1, before[V1], canonical_bytes(entry))]


def _copy(before: Before) -> list[Write]:
    """A copied version brings its marker along, which names the original."""
    owner = marker_text("acme", V1, put_version().applied or put_version().applied, None)  # type: ignore[arg-type]
    return [Write(version_address("support/greet", "v9"), None, before[V1], marker=owner)]


def _foreign(before: Before) -> list[Write]:
    owner = marker_text("others", V1, put_version().applied, None)  # type: ignore[arg-type]
    return [Write(V1, before[V1], marker=owner)]


def _both(before: Before) -> list[Write]:
    """Content edited and the marker made another catalog's: it is still ours, and still an edit."""
    (edited,) = _text("Be rude.")(before)
    return [edited._replace(marker=_foreign(before)[0].marker)]


EDITS: Mapping[str, Edit] = {
    "text": Edit(_text("Be rude."), {V1: "drifted"}),
    "one more space": Edit(_append(" "), {V1: "drifted"}),
    "one more newline": Edit(_append("\n"), {V1: "drifted"}),
    "a zero-width space": Edit(_append("\u200b"), {V1: "drifted"}),
    "another role": Edit(_set("messages", [{"role": "user", "content": "x"}]), {V1: "drifted"}),
    "model": Edit(_set("model", {"name": "other"}), {V1: "drifted"}),
    "no model": Edit(_set("model", {}), {V1: "drifted"}),
    "params": Edit(_set("params", {"temperature": 0.2}), {V1: "drifted"}),
    "a float respelled": Edit(_set("params", {"temperature": 0.10000000000000002}), {V1: "drifted"}),
    "a big integer": Edit(_set("params", {"seed": 2**53 - 2}), {V1: "drifted"}),
    "template engine": Edit(_set("template", "mustache"), {V1: "drifted"}),
    "tools": Edit(_set("tools", []), {V1: "drifted"}),
    "a tool's schema": Edit(_set("tools", [{"name": "find", "parameters": {"type": "string"}}]), {V1: "drifted"}),
    "output schema": Edit(_set("output_schema", {}), {V1: "drifted"}),
    "order of fields": Edit(_set("order", {"/output_schema/properties": ["a", "b"]}), {V1: "drifted"}),
    "variables": Edit(_set("variables", {"type": "object"}), {V1: "drifted"}),
    "content behind its digest": Edit(_lie, {V1: "drifted"}),
    "a digest that lies": Edit(_false_claim, {V1: "drifted"}),
    "description only": Edit(_set("meta", {"description": "new"}), {V1: "pending"}, is_metadata=True),
    "tags only": Edit(_set("meta", {"tags": ["x"]}), {V1: "pending"}, is_metadata=True),
    "version deleted": Edit(lambda b: [Write(STAGING, b'"v2"'), Write(V2, b[V2])], {V2: "missing", STAGING: "missing"}),
    "extra version": Edit(
        lambda _: [put_version(version="v3", text="from the UI")._replace(marker=None)],
        {version_address("support/greet", "v3"): "unmanaged"},
    ),
    "extra prompt": Edit(
        lambda _: [put_version("new", text="from the UI")._replace(marker=None)],
        {version_address("new", "v1"): "unmanaged"},
    ),
    "copied version": Edit(_copy, {version_address("support/greet", "v9"): "unmanaged"}),
    "another catalog's marker": Edit(_foreign, {V1: "foreign"}),
    "text behind another catalog's marker": Edit(_both, {V1: "drifted"}),
    "label moved": Edit(_label("v2"), {PRODUCTION: "drifted"}),
    "label split": Edit(
        _label([{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}]), {PRODUCTION: "drifted"}
    ),
    "label deleted": Edit(lambda _: [Write(PRODUCTION, b'"v1"')], {PRODUCTION: "missing"}),
    "extra label": Edit(
        lambda _: [put_label("v1", "tenant_acme")._replace(marker=None)],
        {label_address("support/greet", "tenant_acme"): "unmanaged"},
    ),
    "skill file edited": Edit(_skill({**SKILL_FILES, "SKILL.md": b"new\n"}), {PDF: "drifted"}, needs_skills=True),
    "skill file added": Edit(_skill({**SKILL_FILES, "x.md": b"x\n"}), {PDF: "drifted"}, needs_skills=True),
    "skill file removed": Edit(_skill({"SKILL.md": SKILL_FILES["SKILL.md"]}), {PDF: "drifted"}, needs_skills=True),
    "skill mode": Edit(_mode, {PDF: "drifted"}, needs_skills=True),
    "skill deleted": Edit(lambda b: [Write(PDF, b[PDF])], {PDF: "missing"}, needs_skills=True),
}
