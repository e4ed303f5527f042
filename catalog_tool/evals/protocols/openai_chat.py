"""``/v1/chat/completions``: OpenAI, LM Studio, Ollama, vLLM and whatever else speaks it."""

from __future__ import annotations

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
from catalog_tool.evals.protocols.base import OUTPUT_NAME, Protocol, arguments_text, content_parts, plain_params


def body(question: Question) -> dict[str, Any]:
    """The request."""
    made: dict[str, Any] = plain_params(question.params, {})
    made["model"] = question.model
    made["messages"] = [_message(message) for message in question.messages]
    if question.tools:
        made["tools"] = [_tool(tool) for tool in question.tools]
    if question.output_schema:
        schema = {"name": OUTPUT_NAME, "schema": dict(question.output_schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made


def streamed(made: dict[str, Any]) -> dict[str, Any]:
    """The same, as a stream that ends with the count of tokens."""
    return {**made, "stream": True, "stream_options": {"include_usage": True}}


def _message(message: Message) -> dict[str, Any]:
    made = {key: message[key] for key in ("role", "name", "tool_call_id") if key in message}
    content = message.get("content")
    made["content"] = content if content is None or isinstance(content, str) else [_part(part) for part in content]
    if "tool_calls" in message:
        made["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": arguments_text(call.get("arguments"))},
            }
            for call in message["tool_calls"]
        ]
    return made


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("type") == "image":
        return {"type": "image_url", "image_url": {"url": part["url"]}}
    return {"type": "text", "text": part.get("text", "")}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {key: tool[key] for key in ("name", "description", "parameters", "strict") if key in tool}
    return {"type": "function", "function": function}


def read(document: Any) -> Answer:
    """The answer in a response. Raises ``BadAnswerError``."""
    choices = document.get("choices") if isinstance(document, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadAnswerError("it has no `choices`")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise BadAnswerError("its first choice has no `message`")
    return Answer(
        text=_said(message.get("content")) or optional_text(message, "refusal") or "",
        tool_calls=tuple(_call(call) for call in message.get("tool_calls") or ()),
        model=optional_text(document, "model"),
        finish=optional_text(choices[0], "finish_reason"),
        tokens=_tokens(document.get("usage")),
    )


def _said(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise BadAnswerError("`content` is no text")
    return "".join(part["text"] for part in content_parts(content) if isinstance(part.get("text"), str))


def _call(call: Any) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    return ToolCall(name=text_of(function, "name"), arguments=optional_text(function, "arguments") or "")


def _tokens(usage: Any) -> Tokens | None:
    if not isinstance(usage, dict) or "prompt_tokens" not in usage:
        return None
    return Tokens(
        input=count_of(usage, "prompt_tokens"),
        output=count_of(usage, "completion_tokens"),
        cached=count_of(usage.get("prompt_tokens_details"), "cached_tokens"),
    )


class ChatCollector:
    """Joins the deltas of ``chat.completion.chunk`` events."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._names: dict[int, str] = {}
        self._arguments: dict[int, list[str]] = {}
        self._model: str | None = None
        self._finish: str | None = None
        self._tokens: Tokens | None = None

    def take(self, event: Mapping[str, Any]) -> bool:
        """One chunk."""
        if event.get("error"):
            raise BadAnswerError("the stream reports an error")
        self._model = optional_text(event, "model") or self._model
        self._tokens = _tokens(event.get("usage")) or self._tokens
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return False
        self._finish = optional_text(choices[0], "finish_reason") or self._finish
        delta = choices[0].get("delta")
        return self._delta(delta) if isinstance(delta, dict) else False

    def _delta(self, delta: Mapping[str, Any]) -> bool:
        text = optional_text(delta, "content") or optional_text(delta, "refusal") or ""
        self._text.append(text)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            index = count_of(call, "index")
            name = optional_text(function, "name")
            if name:
                self._names[index] = name
            self._arguments.setdefault(index, []).append(optional_text(function, "arguments") or "")
        # Reasoning that comes in a field of its own is a sign of life, though no part of the answer.
        return bool(text or calls or delta.get("reasoning_content") or delta.get("reasoning"))

    def answer(self) -> Answer:
        """What came; a stream without a reason for its end was cut off."""
        if self._finish is None:
            raise BadAnswerError("the stream broke off")
        calls = [
            ToolCall(name=self._names.get(index, ""), arguments="".join(parts))
            for index, parts in sorted(self._arguments.items())
        ]
        return Answer(
            text="".join(self._text),
            tool_calls=tuple(calls),
            model=self._model,
            finish=self._finish,
            tokens=self._tokens,
        )


PROTOCOL = Protocol(
    kind="openai-chat", path="/chat/completions", body=body, streamed=streamed, read=read, collector=ChatCollector
)
