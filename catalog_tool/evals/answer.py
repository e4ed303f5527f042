"""What is asked of a model, and what it answers, whichever protocol carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.source.strict_json import read_json

Message = Mapping[str, Any]


class BadAnswerError(Exception):
    """A server answered something that is no answer of its protocol; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, rendered: ``messages`` as ``render_messages`` gives them, the rest as in the prompt's parts.

    ``tools`` and ``output_schema`` have their written order, because models write fields in it.
    """

    model: str
    messages: Sequence[Message]
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    output_schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model asks for; ``arguments`` is the JSON text it wrote, which may be broken."""

    name: str
    arguments: str

    def value(self) -> Any:
        """The arguments as a value; None where they are not JSON. No text at all is an empty object."""
        if not self.arguments.strip():
            return {}
        read = read_json(self.arguments)
        return None if read.refused else read.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens that the server counted; ``cached`` are those of ``input`` it had seen before."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Milliseconds of one answer. Only a streamed one has a first token, and a pace between tokens."""

    latency_ms: float
    first_token_ms: float | None = None
    between_tokens_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. ``tokens`` is None where the server did not count, ``model`` what it called itself."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    finish: str | None = None
    tokens: Tokens | None = None
    timing: Timing | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Pace after the first token, of a streamed answer."""
        between = self.timing.between_tokens_ms if self.timing else None
        return 1000 / between if between else None

    def to_json(self) -> dict[str, Any]:
        """Everything, as the cache keeps it."""
        return {
            "text": self.text,
            "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in self.tool_calls],
            "model": self.model,
            "finish": self.finish,
            "tokens": None
            if self.tokens is None
            else {"input": self.tokens.input, "output": self.tokens.output, "cached": self.tokens.cached},
            "timing": None
            if self.timing is None
            else {
                "latency_ms": self.timing.latency_ms,
                "first_token_ms": self.timing.first_token_ms,
                "between_tokens_ms": self.timing.between_tokens_ms,
            },
        }

    @classmethod
    def from_json(cls, value: Any) -> Answer:
        """The answer in what ``to_json`` gave. Raises ``BadAnswerError`` for anything else."""
        if not isinstance(value, dict):
            raise BadAnswerError("it is no object")
        calls = value.get("tool_calls")
        tokens, timing = value.get("tokens"), value.get("timing")
        if not isinstance(tokens, dict | None):
            raise BadAnswerError("`tokens` is no object")
        return cls(
            text=text_of(value, "text"),
            tool_calls=tuple(
                ToolCall(name=text_of(call, "name"), arguments=text_of(call, "arguments"))
                for call in (calls if isinstance(calls, list) else ())
            ),
            model=optional_text(value, "model"),
            finish=optional_text(value, "finish"),
            tokens=None
            if tokens is None
            else Tokens(
                input=count_of(tokens, "input"), output=count_of(tokens, "output"), cached=count_of(tokens, "cached")
            ),
            timing=None if timing is None else _timing(timing),
        )


def _timing(value: Any) -> Timing:
    latency = milliseconds(value, "latency_ms")
    if latency is None:
        raise BadAnswerError("`latency_ms` is no number")
    return Timing(
        latency_ms=latency,
        first_token_ms=milliseconds(value, "first_token_ms"),
        between_tokens_ms=milliseconds(value, "between_tokens_ms"),
    )


def text_of(holder: Any, key: str) -> str:
    """The text under ``key``. Raises ``BadAnswerError`` where there is none."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, str):
        raise BadAnswerError(f"`{key}` is no text")
    return value


def optional_text(holder: Any, key: str) -> str | None:
    """The text under ``key``, None where there is none."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else None


def count_of(holder: Any, key: str) -> int:
    """The whole number under ``key``, at least 0; 0 where it is missing. Raises ``BadAnswerError``."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadAnswerError(f"`{key}` is no number of tokens")
    return value


def milliseconds(holder: Any, key: str) -> float | None:
    """The duration under ``key``, None where it is missing. Raises ``BadAnswerError``."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise BadAnswerError(f"`{key}` is no duration")
    return float(value)
