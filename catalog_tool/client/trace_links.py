"""The same prompt in other tools' tracing. Each helper loads the tool that it is for, and none other.

Every one takes a prompt and links what the tool is recording at that moment. The version id goes along
as metadata, because these tools' own prompt versions are numbers or hashes of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from catalog_tool import semconv
from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.prompt import Prompt

_LANGFUSE_NAME = "langfuse.observation.prompt.name"
_LANGFUSE_VERSION = "langfuse.observation.prompt.version"
_LANGFUSE_METADATA = "langfuse.observation.metadata."
_MLFLOW_LINKED = "mlflow.linkedPrompts"


def link_langfuse(prompt: Prompt, variables: Mapping[str, Any] | None = None) -> None:
    """Link Langfuse's current observation (a generation), in its own attributes and as metadata.

    Langfuse links by name and whole-number version: ``v12`` is 12, which is right where the prompt is
    synced to Langfuse by this tool. A fallback is not linked, only noted.
    """
    attributes: dict[str, Any] = {
        f"{_LANGFUSE_METADATA}{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in prompt.trace_metadata(vars=variables).items()
    }
    number = _number(prompt)
    if number is not None:
        attributes |= {_LANGFUSE_NAME: prompt.id, _LANGFUSE_VERSION: number}
    _module("opentelemetry.trace", "langfuse").get_current_span().set_attributes(attributes)


def link_mlflow(prompt: Prompt, variables: Mapping[str, Any] | None = None) -> None:
    """Link MLflow's current trace: as one more linked prompt, and its active span by attributes.

    The trace's tag ``prompt_version_id`` names every version that was linked, with commas between.
    """
    mlflow = _module("mlflow", "mlflow")
    span = mlflow.get_current_active_span()
    if span is None:
        return
    span.set_attributes(prompt.trace_metadata(vars=variables))
    manager = _module("mlflow.tracing.trace_manager", "mlflow").InMemoryTraceManager.get_instance()
    with manager.get_trace(span.trace_id) as trace:  # its lock: what another thread links meanwhile is not lost
        if trace is not None:
            mlflow.update_current_trace(tags=_mlflow_tags(prompt, trace.info.tags))


def _mlflow_tags(prompt: Prompt, before: Mapping[str, str]) -> dict[str, str]:
    """The tags that link one prompt more; what MLflow itself linked stays."""
    known = [one for one in before.get(semconv.PROMPT_VERSION_ID, "").split(",") if one]
    tags = {semconv.PROMPT_VERSION_ID: ",".join(dict.fromkeys([*known, prompt.version_id]))}
    number = _number(prompt)
    if number is not None:
        linked = _listed(before.get(_MLFLOW_LINKED))
        one = {"name": prompt.id, "version": str(number)}
        tags[_MLFLOW_LINKED] = json.dumps(linked if one in linked else [*linked, one])
    return tags


def _listed(text: str | None) -> list[Any]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def link_opik(prompt: Prompt, variables: Mapping[str, Any] | None = None) -> None:
    """Link Opik's current span and trace by metadata; the version id is a tag too, to filter by."""
    context = _module("opik.opik_context", "opik")
    metadata = prompt.trace_metadata(vars=variables)
    context.update_current_span(metadata=metadata)
    context.update_current_trace(metadata=metadata, tags=[prompt.version_id])


def langchain_config(prompt: Prompt, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The ``config`` of a LangChain call: ``chain.invoke(…, config=langchain_config(prompt))``.

    Metadata and tags are handed on to every run inside, and so to LangSmith and other callbacks.
    """
    return {"metadata": prompt.trace_metadata(vars=variables), "tags": [prompt.version_id]}


def _number(prompt: Prompt) -> int | None:
    return None if prompt.is_fallback else int(prompt.version[1:])


def _module(name: str, package: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(f"{package} is not installed", hint=f"pip install {package}") from error
