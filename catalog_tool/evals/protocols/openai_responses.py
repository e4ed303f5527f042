"""``/v1/responses``, OpenAI's newer form and its look-alikes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.evals.answer import (
    Answer,
    BadAnswerError,
    Message,
    Question,
    Tokens,
    ToolCall,
    count_of,
    optional_text,
    text_of,
)
from catalog_tool.evals.protocols.base import (
    OUTPUT_NAME,
    Protocol,
    arguments_text,
    content_parts,
    content_text,
    plain_params,
)

_RENAMED = {
    "max_tokens": "max_output_tokens",
    "stop": None,
    "seed": None,
    "presence_penalty": None,
    "frequency_penalty": None,
}
"""What this protocol calls otherwise, or does not have."""
_DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
    }
)
_ENDS = frozenset({"response.completed", "response.incomplete"})


def body(question: Question) -> dict[str, Any]:
    """The request; nothing is stored on the server."""
    made: dict[str, Any] = plain_params(question.params, _RENAMED)
    made["model"] = question.model
    made["input"] = [item for message in question.messages for item in _items(message)]
    made["store"] = False
    if question.tools:
        made["tools"] = [_tool(tool) for tool in question.tools]
    if question.output_schema:
        form = {"type": "json_schema", "name": OUTPUT_NAME, "schema": dict(question.output_schema), "strict": False}
        made["text"] = {"format": form}
    return made


def streamed(made: dict[str, Any]) -> dict[str, Any]:
    """The same, as a stream."""
    return {**made, "stream": True}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    if message["role"] == "tool":
        yield {
            "type": "function_call_output",
            "call_id": message.get("tool_call_id", ""),
            "output": content_text(message.get("content")),
        }
        return
    if message.get("content") is not None:
        yield {"role": message["role"], "content": _content(message["role"], message["content"])}
    for call in message.get("tool_calls", ()):
        arguments = arguments_text(call.get("arguments"))
        yield {"type": "function_call", "call_id": call["id"], "name": call["name"], "arguments": arguments}


def _content(role: str, content: Any) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    kind = "output_text" if role == "assistant" else "input_text"
    return [
        {"type": "input_image", "image_url": part["url"]}
        if part.get("type") == "image"
        else {"type": kind, "text": part.get("text", "")}
        for part in content_parts(content)
    ]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: tool[key] for key in ("name", "description", "parameters") if key in tool}
    return {"type": "function", "strict": tool.get("strict", False), **made}


def read(document: Any) -> Answer:
    """The answer in a response. Raises ``BadAnswerError``."""
    output = document.get("output") if isinstance(document, dict) else None
    if not isinstance(output, list):
        raise BadAnswerError("it has no `output`")
    if document.get("status") == "failed" or document.get("error"):
        raise BadAnswerError("it says that it failed")
    texts: list[str] = []
    calls: list[ToolCall] = []
    for item in output:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "function_call":
            calls.append(ToolCall(name=text_of(item, "name"), arguments=optional_text(item, "arguments") or ""))
        elif kind == "message":
            texts.extend(_said(item.get("content")))
    return Answer(
        text="".join(texts),
        tool_calls=tuple(calls),
        model=optional_text(document, "model"),
        finish=optional_text(document, "status"),
        tokens=_tokens(document.get("usage")),
    )


def _said(content: Any) -> list[str]:
    parts = content if isinstance(content, list) else []
    return [optional_text(part, "text") or optional_text(part, "refusal") or "" for part in parts]


def _tokens(usage: Any) -> Tokens | None:
    if not isinstance(usage, dict) or "input_tokens" not in usage:
        return None
    return Tokens(
        input=count_of(usage, "input_tokens"),
        output=count_of(usage, "output_tokens"),
        cached=count_of(usage.get("input_tokens_details"), "cached_tokens"),
    )


class ResponsesCollector:
    """Waits for the event that carries the whole response."""

    def __init__(self) -> None:
        self._response: Any = None

    def take(self, event: Mapping[str, Any]) -> bool:
        """One event."""
        kind = event.get("type")
        if kind in ("response.failed", "error"):
            raise BadAnswerError("the stream reports an error")
        if kind in _ENDS:
            self._response = event.get("response")
        return kind in _DELTAS

    def answer(self) -> Answer:
        """The response at the end."""
        if self._response is None:
            raise BadAnswerError("the stream broke off")
        return read(self._response)


PROTOCOL = Protocol(
    kind="openai-responses", path="/responses", body=body, streamed=streamed, read=read, collector=ResponsesCollector
)
