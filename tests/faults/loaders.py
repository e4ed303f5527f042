"""Every loader of files that people write, as a function of bytes: row 40 of the faults page.

A loader returns, having said what is wrong in findings, or raises a ``CatalogError``. Whatever else comes
out of one is a bug. The catalog around the file in question is whole and good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reading import FULL, SHARED_FILES, SHORT, read, schemas, shared_files, usual_shared

from catalog_tool.checks.golden_tests import golden_findings
from catalog_tool.checks.inspection import Inspection, Options, inspect
from catalog_tool.checks.prompt_record import record_prompt
from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.skill_record import record_skill
from catalog_tool.client.sources.bundle import Bundle, decoded
from catalog_tool.diff.sides import BundleSide
from catalog_tool.errors import CatalogError
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import PROFILES
from catalog_tool.report.context import ReportContext
from catalog_tool.report.formats import FORMATS
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.codeowners import owners_of
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.registry import read_registry
from catalog_tool.source.settings import read_settings
from catalog_tool.source.skill_folders import SkillFolder
from catalog_tool.source.tree import FILE, Content, Entry
from catalog_tool.template.messages import render_messages

REPORTED = 20
"""Findings that every report shows in each trial."""
SKILL = (
    "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\nlicense: MIT\n"
    "metadata: {owner: team-docs}\nallowed-tools: Read Bash(git:*)\n---\n# PDF\n\nSee [the manual](manual.md).\n"
)
SETTINGS = """\
format: 1
requires: ">=0.1"
catalog: acme
prompts: prompts
skills: [skills, .claude/skills]
skill_profile: claude-code
targets: {prod: {backend: sqlite, path: x.db, labels: [production], edits: pull}}
labels: {production: {protected: true, on_drift: report}}
rules: {S224: {severity: info, reason: one team}}
schemas: {prompt: schemas/team.json}
"""
REGISTRY = "support_agent:\n  production: v2\n  canary: {v2: 95, v3: 5}\n"
TESTS = "cases:\n  - {name: a, vars: {product_name: X}, expect: [{type: contains, value: X}], critical: true}\n"
PROMPTS = "prompts/support_agent"
CATALOG: dict[str, bytes] = {
    path: text.encode()
    for path, text in {
        "catalog.yaml": SETTINGS,
        "schemas/team.json": '{"type": "object", "properties": {"owners": {"minItems": 0}}}',
        f"{PROMPTS}/v2.yaml": SHORT,
        f"{PROMPTS}/v3.yaml": FULL,
        f"{PROMPTS}/v4.json": '{"model": "gpt-4o", "system_prompt": "Help with {{product}}.", "temperature": 0.5}',
        f"{PROMPTS}/v5.md": "---\nmodel: gpt-4o\ntags: [a]\n---\n\nHelp with {{product}}.\n",
        f"{PROMPTS}/tests/cases.yaml": TESTS,
        f"{PROMPTS}/tests/more.jsonl": '{"name": "b", "vars": {"product_name": "X"}}\n',
        "prompts/registry.yaml": REGISTRY,
        **{f"prompts/_shared/{path}": text for path, text in SHARED_FILES.items()},
        "skills/pdf/SKILL.md": SKILL,
        "skills/pdf/manual.md": "# Manual\n",
        ".claude/settings.json": '{"skillListingBudgetFraction": 0.01, "maxSkillDescriptionChars": 400}',
        ".claude-plugin/plugin.json": '{"name": "forms"}',
        "CODEOWNERS": "# who\n/prompts/ @org/prompts a@example.org\n/skills/**/pdf/ @org/docs\n!x\n[a-z]*\\ b @c\n",
    }.items()
}
BUNDLE = (
    '{"digest":"sha256:' + "0" * 64 + '","format":1,"hv":1,"kind":"bundle","labels":{"a":{"production":"v1"}},'
    '"prompts":{"a":{"v1":{"digest":"sha256:' + "1" * 64 + '","messages":[{"content":"x","role":"system"}],'
    '"meta":{},"model":{},"output_schema":{},"params":{},"template":"mustache","tools":[],"variables":{},'
    '"version_id":"v1-111111111111"}}},"skills":{}}'
).encode()
VARS = b"product_name: Acme\nquestion: 'Where?'\ntone: warm\nhistory:\n  - {role: user, content: hi}\n"


class Files:
    """A tree of files in memory."""

    prefix = ""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """The files below some paths."""
        below = tuple(f"{path}/" for path in paths)
        return {p: Entry(FILE, None) for p in self._files if not paths or p in paths or p.startswith(below)}

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """Their content."""
        return (Content(path, self._files[path][:limit]) for path in entries)

    def top(self) -> Files:
        """This tree."""
        return self


def load_catalog(path: str, data: bytes, profile: str | None = None) -> list[Finding]:
    """Everything ``validate`` finds with one file of the catalog replaced, and every report of it."""
    tree = Files({**CATALOG, path: data})
    inspection = inspect(tree, Options(profile=profile))
    return reported([*inspection.findings, *golden_findings(tree, inspection)])


def reported(found: Sequence[Finding]) -> list[Finding]:
    """The findings, once every report has shown some of them."""
    summary = dict.fromkeys(("prompts", "versions", "skills", "errors", "warnings"), 0)
    for report in FORMATS.values() if found else ():
        report.render(found[:REPORTED], summary, ReportContext()).encode()
    return list(found)


def load_prompt(data: bytes, suffix: str) -> object:
    """One version's file, whatever it looks for."""
    file = VersionFile("support_agent", "v1", f"{PROMPTS}/v1{suffix}")
    return reported(record_prompt(file, data, usual_shared(), schemas()).findings)


def load_skill(data: bytes, profile: str) -> object:
    """A skill of this SKILL.md and one more file."""
    folder = SkillFolder("pdf", "skills/pdf", {"SKILL.md": Entry(FILE, None), "manual.md": Entry(FILE, None)})
    record = record_skill(folder, {"SKILL.md": data, "manual.md": data}, _profile(profile))
    json.dumps(record.skill.entry).encode()
    return reported(record.findings)


@cache
def _profile(name: str) -> ProfileCheck:
    return ProfileCheck(name)


def load_tests(data: bytes, path: str) -> object:
    """Golden tests beside a prompt."""
    return reported([*golden_findings(Files({**CATALOG, path: data}), _whole())])


@cache
def _whole() -> Inspection:
    return inspect(Files(CATALOG), Options())


def load_shared(data: bytes, path: str) -> object:
    """A partial or a tool."""
    return reported(shared_files({path: data})[1])


def load_small(data: bytes, path: str) -> object:
    """A file that says something of the whole catalog: an agent's settings, a plugin's manifest, owners."""
    files = find_catalog(Files({**CATALOG, path: data}))
    ListingLimits(files.agent_settings).source()
    owners_of("prompts/support_agent/v2.yaml", files.owners)
    return reported(files.findings)


def load_bundle(data: bytes) -> object:
    """A ``bundle.json`` as the client and as ``diff`` read it."""
    for attempt in (lambda: Bundle(decoded(data, "it"), "it", None), lambda: _side(data)):
        try:
            attempt()
        except CatalogError:
            continue
    return None


def _side(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    side = BundleSide(value, "it")
    keys = [(name, version) for name, found in side.versions().items() for version in found]
    for key in keys:
        side.version(key).version.decoded()


def load_vars(data: bytes, suffix: str) -> object:
    """The file of ``render --vars``, and what is rendered with it."""
    document = SourceDocument(f"vars{suffix}", data)
    if document.value is not None:
        history = document.value.pop("history", None)
        render_messages(_parts(), document.value, {} if history is None else {"history": history})
    return reported(document.findings)


@cache
def _parts() -> dict[str, Any]:
    version = read(FULL, "support_agent/v3.yaml").version
    if version is None:
        raise ValueError("the full form cannot be read")
    return version.decoded()


def _with(loader: Callable[[bytes, str], object], argument: str) -> Callable[[bytes], object]:
    return lambda data: loader(data, argument)


def _of(path: str) -> Callable[[bytes], object]:
    """What reads the file at ``path`` of the catalog."""
    inner = path.removeprefix("prompts/_shared/")
    if inner != path:
        return _with(load_shared, inner)
    if "/tests/" in path:
        return _with(load_tests, path)
    if path.startswith(PROMPTS):
        return _with(load_prompt, Path(path).suffix)
    return _with(load_small, path)


LOADERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    **{path: (data, _of(path)) for path, data in CATALOG.items() if not path.startswith("skills")},
    "catalog.yaml": (SETTINGS.encode(), lambda data: reported(read_settings(data)[1])),
    "prompts/registry.yaml": (REGISTRY.encode(), lambda data: reported(read_registry("registry.yaml", data)[2])),
    **{f"SKILL.md, {profile}": (SKILL.encode(), _with(load_skill, profile)) for profile in PROFILES},
    "bundle.json": (BUNDLE, load_bundle),
    "--vars": (VARS, _with(load_vars, ".yaml")),
    "--vars, JSON": (b'{"product_name": "x", "question": "y"}', _with(load_vars, ".json")),
}
"""By name: a good file, and what reads it."""


def load(name: str, data: bytes) -> None:
    """Read bytes as what ``name`` says; only a bug raises."""
    try:
        LOADERS[name][1](data)
    except CatalogError:
        return
