"""Partials and tool files under ``prompts/_shared`` (design §2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import written_order
from catalog_tool.canonical.jcs import NotCanonicalError, agrees, digest_of, digest_of_bytes
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.source.decoding import decode, normal_form_flaw, place
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.layout import PromptLayout
from catalog_tool.source.parts import counted_tool
from catalog_tool.source.schema_engine import PROBLEMS, SchemaEngine
from catalog_tool.source.written_schema import check_written_schema
from catalog_tool.template.nodes import Problem
from catalog_tool.template.partials import check_partial

ABSENT = "-"
"""Stands for the digest of a shared part that has no file."""


class SharedParts(NamedTuple):
    """What prompts may include, by reference without the folder: ``safety@v1``, ``search_kb``.

    A reference whose file exists and cannot be used maps to None: it is reported once, at its own
    file, and does not count as missing.
    """

    partials: dict[str, str | None]
    tools: dict[str, dict[str, Any] | None]
    digests: dict[str, str]
    """By ``partials/safety@v1`` or ``tools/search_kb@v1``; of unusable files the empty string."""
    is_plain: bool = True
    """Whether every tool is one that all JSON encoders write alike (``canonical.jcs``)."""


def read_shared(
    layout: PromptLayout, contents: Mapping[str, bytes | None], tool_schema: SchemaEngine | None
) -> tuple[SharedParts, list[Finding]]:
    """Every shared part, and what is wrong with them; ``contents`` are the files' bytes by path."""
    shared = SharedParts({}, {}, {})
    findings: list[Finding] = []
    for reference, path in layout.partials.items():
        data = contents.get(path)
        text = _partial(path, data, findings) if data is not None else None
        shared.partials[reference] = text
        shared.digests[f"partials/{reference}"] = digest_of_bytes(text.encode()) if text is not None else ""
    findings.extend(_partial_findings(layout.partials, shared.partials))
    for reference, path in layout.tools.items():
        data = contents.get(path)
        tool, digest = _tool(reference, path, data, tool_schema, findings) if data is not None else (None, "")
        shared.tools[reference] = tool
        shared.digests[f"tools/{reference}"] = digest
    return shared._replace(is_plain=all(agrees(tool) for tool in shared.tools.values())), findings


def _partial(path: str, data: bytes, findings: list[Finding]) -> str | None:
    decoded = decode(data)
    abnormal = normal_form_flaw(decoded.text or "")
    findings.extend(
        finding(flaw.code, flaw.message, path, line=flaw.line, column=flaw.column)
        for flaw in (*decoded.flaws, *([abnormal] if abnormal else ()))
    )
    return decoded.text


def template_code(kind: str) -> str:
    """The code of a finding for a kind of problem in a template (``template.nodes.Problem``)."""
    if kind == "unknown-partial":
        return "P111"
    return "P112" if kind.startswith(("partial-", "bad-partial-name", "expanded-size")) else "P110"


def _partial_findings(paths: Mapping[str, str], texts: Mapping[str, str | None]) -> Iterator[Finding]:
    """What is wrong in each partial by itself, once, whether or not a prompt includes it."""

    def load(reference: str) -> str | None:
        text = texts.get(reference)
        return "" if text is None and reference in texts else text  # one that cannot be used has been reported

    checked = {reference: check_partial(reference, text, load) for reference, text in texts.items() if text}
    together = {reference: {each.kind for each in found.together} for reference, found in checked.items()}
    for reference, found in checked.items():
        below = {kind for used in found.partials_used for kind in together.get(used, ())}
        problems = [*found.problems, *(problem for problem in found.together if problem.kind not in below)]
        yield from _told(paths[reference], texts[reference] or "", problems)


def _told(path: str, text: str, problems: Sequence[Problem]) -> Iterator[Finding]:
    for problem in problems[: PROBLEMS - 1]:
        line, column = place(text, problem.offset)
        yield finding(template_code(problem.kind), problem.message, path, line=line, column=column)
    if len(problems) >= PROBLEMS:
        message = f"{PROBLEMS} things are wrong in the partial; the rest is not listed"
        yield finding("P110", message, path, line=1, column=1)


def _tool(
    reference: str, path: str, data: bytes, schema: SchemaEngine | None, findings: list[Finding]
) -> tuple[dict[str, Any] | None, str]:
    document = SourceDocument(path, data)
    if document.value is not None:
        for problem in schema.errors(document.value) if schema is not None else ():
            where = pointer_path(problem.pointer, document.value)
            unknown = problem.keyword == "additionalProperties"
            document.report("P106", problem.message, document.key(where) if unknown else document.at(where))
        for key in ("parameters", "returns"):
            if key in document.value:
                check_written_schema(document, [key], document.value[key])
        named = document.value.get("name")
        expected = reference.partition("@")[0].rpartition("/")[2]
        if isinstance(named, str) and named != expected:
            document.report("P106", f"the tool is named {named!r}; its path says {expected!r}", document.at(["name"]))
    findings.extend(document.findings)
    if document.value is None or not document.clean:
        return None, ""
    tool = counted_tool(document.value)
    try:
        return tool, _tool_digest(tool)
    except NotCanonicalError as error:
        findings.append(finding("P106", error.message, path))
        return None, ""


def _tool_digest(tool: dict[str, Any]) -> str:
    """Covers the written order of fields too: it is part of every prompt that uses the tool (design §4)."""
    order = written_order({"tools": [tool]})
    return digest_of({"order": order, "tool": tool} if order else tool)
