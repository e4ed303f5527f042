"""Spans, the second dialect: which skills an agent was offered, which it loaded, which prompts it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.semconv import PROMPT_VERSION_ID
from catalog_tool.usage.activity import CALL, FAILED, LISTED, RETOLD, UNKNOWN
from catalog_tool.usage.agent_telemetry import SKILL_TOOLS
from catalog_tool.usage.meters import COST
from catalog_tool.usage.otlp_values import (
    Attributes,
    Reach,
    attributes_of,
    first_of,
    json_of,
    number_of,
    text_of,
    texts_of,
)
from catalog_tool.usage.source import Recorder

AVAILABLE = "langfuse.observation.skills_available"
_SESSION = ("session.id", "langfuse.session.id", "gen_ai.conversation.id")
_TOOL = ("gen_ai.tool.name", "tool_name", "tool.name")
_SKILL = ("gen_ai.skill.name", "skill.name", "skill_name")
_ARGUMENTS = ("gen_ai.tool.call.arguments", "langfuse.observation.input", "input.value", "tool_input")
_ARGUMENT = ("skill", "skill_name", "name", "command")
_PROMPT = ("gen_ai.prompt.name", "langfuse.observation.prompt.name")
_PROMPT_VERSION = (PROMPT_VERSION_ID, "gen_ai.prompt.version", "langfuse.observation.prompt.version")
_TOKENS = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
}
_COST = ("gen_ai.usage.cost", "gen_ai.usage.total_cost")
_COST_DETAILS = "langfuse.observation.cost_details"
_ERRORS = (2, "2", "STATUS_CODE_ERROR")


def read_spans(group: Mapping[str, Any], recorder: Recorder, reach: Reach) -> None:
    """Tell what the spans of one ``resourceSpans`` object say."""
    for scope in group.get("scopeSpans") or ():
        for span in scope.get("spans") or ():
            time = int(span.get("endTimeUnixNano") or 0) or int(span.get("startTimeUnixNano") or 0)
            reach.see(time)
            recorder.hear(time)
            _span(span, attributes_of(span), time, recorder)


def _span(span: Mapping[str, Any], attributes: Attributes, time: int, recorder: Recorder) -> None:
    session = first_of(attributes, _SESSION) or str(span.get("traceId") or "")
    sequence = str(span.get("spanId") or "")
    for name in texts_of(attributes.get(AVAILABLE)):
        recorder.skills.record(LISTED, name, "", session, name, time)
    tool = _tool(span, attributes)
    if tool in SKILL_TOOLS and not _is_error(span, attributes):
        name = first_of(attributes, _SKILL) or _argument(attributes)
        if name:
            recorder.tells_calls = recorder.tells_typed = True
            recorder.skills.record(RETOLD, name, UNKNOWN, session, sequence, time)
    prompt = first_of(attributes, _PROMPT)
    if prompt:
        _prompt(prompt, span, attributes, (session, sequence, time), recorder)


def _tool(span: Mapping[str, Any], attributes: Attributes) -> str:
    """The tool that a span is a call of, or the empty string."""
    named = first_of(attributes, _TOOL)
    if named:
        return named
    title = str(span.get("name") or "")
    if text_of(attributes.get("langfuse.observation.type")).lower() == "tool":
        return title
    return title.removeprefix("execute_tool ") if title.startswith("execute_tool ") else ""


def _is_error(span: Mapping[str, Any], attributes: Attributes) -> bool:
    status = span.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    said = text_of(attributes.get("success")).lower()
    level = text_of(attributes.get("langfuse.observation.level")).upper()
    return code in _ERRORS or said == "false" or level == "ERROR" or "error.type" in attributes


def _argument(attributes: Attributes) -> str:
    """The skill's name in the arguments that the tool was called with."""
    for key in _ARGUMENTS:
        arguments = json_of(attributes.get(key))
        if isinstance(arguments, dict):
            for argument in _ARGUMENT:
                value = arguments.get(argument)
                if isinstance(value, str) and value:
                    return value.lstrip("/")
    return ""


def _prompt(
    name: str, span: Mapping[str, Any], attributes: Attributes, event: tuple[str, str, int], recorder: Recorder
) -> None:
    session, sequence, time = event
    version = prompt_version(first_of(attributes, _PROMPT_VERSION))
    recorder.prompts.record(CALL, name, version, session, sequence, time)
    if _is_error(span, attributes):
        recorder.prompts.record(FAILED, name, version, session, sequence, time)
    series = (session, sequence)
    for kind, keys in _TOKENS.items():
        amount = next((number for key in keys if (number := number_of(attributes.get(key))) is not None), None)
        if amount is not None:
            recorder.prompt_meter.delta(name, kind, series, time, amount)
    cost = _cost(attributes)
    if cost is not None:
        recorder.prompt_meter.delta(name, COST, series, time, cost)


def _cost(attributes: Attributes) -> float | None:
    details = json_of(attributes.get(_COST_DETAILS))
    total = details.get("total") if isinstance(details, dict) else None
    if isinstance(total, int | float):
        return float(total)
    return next((number for key in _COST if (number := number_of(attributes.get(key))) is not None), None)


def prompt_version(text: str) -> str:
    """``v2`` for ``v2``, ``2``, or the version id ``v2-3f9a1c0b77de``; other text stays, none is ``unknown``."""
    version = text.partition("-")[0]
    if version.isascii() and version.isdigit():
        return f"v{int(version[:9])}"
    is_ours = version[:1] == "v" and version[1:].isascii() and version[1:].isdigit()
    return version if is_ours else text or UNKNOWN
