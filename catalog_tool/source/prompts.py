"""One version's file to one ``PromptVersion``, with everything that is wrong in it (design §2.1, §4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import meta_of, prompt_identity
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes
from catalog_tool.model.names import is_version
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source import parts as normal
from catalog_tool.source.document import TEAM_RULE, SourceDocument, pointer_path
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.shared_parts import ABSENT, SharedParts
from catalog_tool.source.templates import Templates
from catalog_tool.source.written_schema import check_written_schema

_NEEDED = frozenset({"", "messages", "system_prompt", "template", "variables"})
"""Keys without which nothing can be said of a prompt's templates; the empty one is the whole file."""
_Wrong = str | tuple[str, str | int]
"""A key of the file, or a place in one of its lists."""
_READ_ON = frozenset({"additionalProperties", "unevaluatedProperties"})
"""Schema keywords whose breach leaves the rest of the file readable."""


class PromptSchemas(NamedTuple):
    """The engines a prompt file is checked with: ours, and the team's own where there is one."""

    prompt: SchemaEngine
    team: SchemaEngine | None = None


class ReadPrompt(NamedTuple):
    """A version, or None where its file cannot be used; the document it came from; its parts as values.

    ``uses`` maps every shared part that was looked for to its digest, or to ``ABSENT``.
    """

    version: PromptVersion | None
    document: SourceDocument
    parts: dict[str, Any] | None
    uses: dict[str, str]


def read_prompt(file: VersionFile, data: bytes, shared: SharedParts, schemas: PromptSchemas) -> ReadPrompt:
    """Read one version's file. Never raises for bad input: ``document.findings`` says what is wrong."""
    document = SourceDocument(file.path, data, artifact=f"{file.id}@{file.version}")
    value = _usable(document, schemas)
    if value is None:
        return ReadPrompt(None, document, None, {})
    _check_path(document, value, file)
    uses: dict[str, str] = {}
    parts = _parts(document, value, shared, uses)
    if not document.clean:
        return ReadPrompt(None, document, parts, uses)
    try:
        identity = prompt_identity(parts, is_plain=document.is_plain and shared.is_plain)
        meta = canonical_bytes(meta_of(value))
    except NotCanonicalError as error:
        document.report("P101", error.message)
        return ReadPrompt(None, document, parts, uses)
    used = tuple(sorted((name, found) for name, found in uses.items() if found != ABSENT))
    version = PromptVersion(file.id, file.version, file.path, identity.digest, identity.parts, meta, used)
    return ReadPrompt(version, document, parts, uses)


def _usable(document: SourceDocument, schemas: PromptSchemas) -> dict[str, Any] | None:
    """Report what the schemas refuse; the document without the keys that are wrong, or None.

    What the templates need must be right, else whatever they named would be a finding that is none.
    """
    value = document.value
    if value is None:
        return None
    wrong: set[_Wrong] = set()
    for code, engine in (("P101", schemas.prompt), (TEAM_RULE, schemas.team)):
        if engine is None or engine.is_valid(value):
            continue
        for problem in engine.errors(value):
            path = pointer_path(problem.pointer, value)
            spot = document.key(path) if problem.keyword in _READ_ON else document.at(path)
            document.report(code, problem.message, spot)
            if code == "P101" and problem.keyword not in _READ_ON:
                wrong.add(_wrong(path))
    return _without(value, wrong)


def _wrong(path: list[str | int]) -> _Wrong:
    if len(path) > 1 and path[0] == "tools":
        return "tools", path[1]
    return str(path[0]) if path else ""


def _without(value: dict[str, Any], wrong: set[_Wrong]) -> dict[str, Any] | None:
    """The document without what is wrong in it: whole keys, and single tools, which become None."""
    if wrong & _NEEDED:
        return None
    if not wrong:
        return value
    kept = {key: item for key, item in value.items() if key not in wrong}
    if isinstance(kept.get("tools"), list):
        kept["tools"] = [None if ("tools", index) in wrong else item for index, item in enumerate(kept["tools"])]
    return kept


def _check_path(document: SourceDocument, value: Mapping[str, Any], file: VersionFile) -> None:
    for key, expected, of in (("id", file.id, "folder"), ("version", file.version, "file name")):
        written = value.get(key)
        if written is not None and written != expected:
            what = f"`{key}` is {written!r}; the {of} says {expected!r}"
            hint = None if key == "id" or is_version(str(written)) else "versions are v1, v2, …"
            document.report("P105", what, document.at([key]), **({"hint": hint} if hint else {}))


def _parts(
    document: SourceDocument, value: dict[str, Any], shared: SharedParts, uses: dict[str, str]
) -> dict[str, Any]:
    messages, paths = normal.messages_of(value)
    engine = value.get("template", normal.MUSTACHE)
    templates = Templates(document, engine, shared, uses)
    for slot, put in normal.slots(messages, paths):
        put(templates.add(slot))
    if "output_schema" in value:
        check_written_schema(document, ["output_schema"], value["output_schema"])
    return {
        "messages": messages,
        "model": normal.model_of(value),
        "output_schema": value.get("output_schema", {}),
        "params": normal.params_of(value),
        "template": engine,
        "tools": _tools(document, value.get("tools") or [], shared, uses),
        "variables": templates.variables(value.get("variables"), normal.placeholders_of(messages)),
    }


def _tools(
    document: SourceDocument, written: list[Any], shared: SharedParts, uses: dict[str, str]
) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = []
    names: set[str] = set()
    for index, item in enumerate(written):
        if item is None:  # refused by the schema, and reported; the others keep their places
            tools.append({})
            continue
        tool = _tool(document, index, item, shared, uses)
        if not tool:  # its own file cannot be used, and that has been reported
            tools.append({})
            continue
        name = tool.get("name", "")
        if name in names:
            document.report("P132", f"the tool `{name}` is named twice", document.at(["tools", index]))
        names.add(name)
        tools.append(tool)
    return tools


def _tool(document: SourceDocument, index: int, item: Any, shared: SharedParts, uses: dict[str, str]) -> dict[str, Any]:
    if isinstance(item, dict):
        for key in ("parameters", "returns"):
            if key in item:
                check_written_schema(document, ["tools", index, key], item[key])
        return normal.counted_tool(item)
    name = item.partition("@")[0]
    uses[f"tools/{item}"] = shared.digests.get(f"tools/{item}", ABSENT)
    if item in shared.tools:
        found = shared.tools[item]
        if found is None:
            document.report("P106", f"the tool file of `{item}` cannot be used", document.at(["tools", index]))
        return found or {}
    if "@" in item:
        version = item.partition("@")[2]
        hint = f"write prompts/_shared/tools/{name}/{version}.yaml, or drop @{version} if the application describes it"
        document.report("P130", f"the tool `{item}` has no file", document.at(["tools", index]), hint=hint)
    return {"name": name}
