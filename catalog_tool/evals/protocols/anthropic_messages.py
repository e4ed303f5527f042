"""``/v1/messages`` of Anthropic."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
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
from catalog_tool.evals.protocols.base import Protocol, arguments_value, content_parts, content_text, plain_params

VERSION = "2023-06-01"
MAX_TOKENS = 1024
"""What is asked for where a prompt sets no ``max_tokens``, which this protocol cannot do without."""
_RENAMED = {"stop": "stop_sequences", "seed": None, "presence_penalty": None, "frequency_penalty": None}
_SYSTEM = frozenset({"system", "developer"})


def body(question: Question) -> dict[str, Any]:
    """The request. What the system says goes together to the top, as the protocol wants it."""
    made: dict[str, Any] = {"max_tokens": MAX_TOKENS, **plain_params(question.params, _RENAMED)}
    if isinstance(made.get("stop_sequences"), str):
        made["stop_sequences"] = [made["stop_sequences"]]
    made["model"] = question.model
    system = [content_text(message.get("content")) for message in question.messages if message["role"] in _SYSTEM]
    if system:
        made["system"] = "\n\n".join(system)
    made["messages"] = _turns(question.messages)
    if question.tools:
        made["tools"] = [_tool(tool) for tool in question.tools]
    if question.output_schema:
        made["output_config"] = {"format": {"type": "json_schema", "schema": dict(question.output_schema)}}
    return made


def streamed(made: dict[str, Any]) -> dict[str, Any]:
    """The same, as a stream."""
    return {**made, "stream": True}


def _turns(messages: Any) -> list[dict[str, Any]]:
    """Messages but the system's; results of tools are the user's, and one role's in a row are one message."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] in _SYSTEM:
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(_blocks(message))
        else:
            turns.append({"role": role, "content": _blocks(message)})
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message["role"] == "tool":
        text = content_text(message.get("content"))
        return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id", ""), "content": text}]
    blocks = [_block(part) for part in content_parts(message.get("content"))]
    for call in message.get("tool_calls", ()):
        value = arguments_value(call.get("arguments"))
        blocks.append({"type": "tool_use", "id": call["id"], "name": call["name"], "input": value})
    return blocks


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("type") != "image":
        return {"type": "text", "text": part.get("text", "")}
    url = part["url"]
    kind, comma, data = url.partition(";base64,")
    if comma and kind.startswith("data:"):
        try:
            base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error):
            return {"type": "image", "source": {"type": "url", "url": url}}
        return {"type": "image", "source": {"type": "base64", "media_type": kind[5:], "data": data}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    return {**made, "input_schema": tool.get("parameters") or {"type": "object"}}


def read(document: Any) -> Answer:
    """The answer in a response. Raises ``BadAnswerError``."""
    content = document.get("content") if isinstance(document, dict) else None
    if not isinstance(content, list):
        raise BadAnswerError("it has no `content`")
    texts: list[str] = []
    calls: list[ToolCall] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            texts.append(text_of(block, "text"))
        elif kind == "tool_use":
            arguments = json.dumps(block.get("input", {}), ensure_ascii=False)
            calls.append(ToolCall(name=text_of(block, "name"), arguments=arguments))
    return Answer(
        text="".join(texts),
        tool_calls=tuple(calls),
        model=optional_text(document, "model"),
        finish=optional_text(document, "stop_reason"),
        tokens=_tokens(document.get("usage")),
    )


def _tokens(usage: Any) -> Tokens | None:
    """All that was read counts as input, what the server had cached too."""
    if not isinstance(usage, dict) or "input_tokens" not in usage:
        return None
    cached = count_of(usage, "cache_read_input_tokens")
    fresh = count_of(usage, "input_tokens") + count_of(usage, "cache_creation_input_tokens")
    return Tokens(input=fresh + cached, output=count_of(usage, "output_tokens"), cached=cached)


class MessagesCollector:
    """Joins content blocks by their index."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        self._names: dict[int, str] = {}
        self._inputs: dict[int, list[str]] = {}
        self._usage: dict[str, Any] = {}
        self._model: str | None = None
        self._finish: str | None = None

    def take(self, event: Mapping[str, Any]) -> bool:
        """One event."""
        match event.get("type"):
            case "error":
                raise BadAnswerError("the stream reports an error")
            case "message_start":
                self._model = optional_text(event.get("message"), "model")
                self._count(event.get("message"))
            case "content_block_start":
                block = event.get("content_block")
                if isinstance(block, dict) and block.get("type") == "tool_use":
                    self._names[count_of(event, "index")] = text_of(block, "name")
            case "content_block_delta":
                return self._delta(count_of(event, "index"), event.get("delta"))
            case "message_delta":
                self._finish = optional_text(event.get("delta"), "stop_reason")
                self._count(event)
            case _:
                pass
        return False

    def _count(self, holder: Any) -> None:
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            self._usage.update({key: value for key, value in usage.items() if value is not None})

    def _delta(self, index: int, delta: Any) -> bool:
        text, part = optional_text(delta, "text"), optional_text(delta, "partial_json")
        if text is not None:
            self._texts.setdefault(index, []).append(text)
        if part is not None:
            self._inputs.setdefault(index, []).append(part)
        return bool(text or part or optional_text(delta, "thinking"))

    def answer(self) -> Answer:
        """What came; a stream without a reason for its end was cut off."""
        if self._finish is None:
            raise BadAnswerError("the stream broke off")
        calls = [
            ToolCall(name=name, arguments="".join(self._inputs.get(index, ())))
            for index, name in sorted(self._names.items())
        ]
        return Answer(
            text="".join("".join(parts) for _, parts in sorted(self._texts.items())),
            tool_calls=tuple(calls),
            model=self._model,
            finish=self._finish,
            tokens=_tokens(self._usage),
        )


PROTOCOL = Protocol(
    kind="anthropic-messages",
    path="/messages",
    body=body,
    streamed=streamed,
    read=read,
    collector=MessagesCollector,
    key_header="x-api-key",
    key_prefix="",
    headers=(("anthropic-version", VERSION),),
)
