"""Asks one model: from the cache where the answer is known, else over HTTP, measured if it streams."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalog_tool.evals.answer import Answer, BadAnswerError, Question, Timing, Tokens, ToolCall, count_of
from catalog_tool.evals.budget import Estimate
from catalog_tool.evals.cache import DamagedEntryError, ResponseCache, cache_key
from catalog_tool.evals.courier import ANSWER_BYTES, AskError, Chunks, Courier, Sending, json_body, json_value
from catalog_tool.evals.prices import Price
from catalog_tool.evals.protocols import Protocol
from catalog_tool.evals.stream import event_data
from catalog_tool.gate.records import kept_text
from catalog_tool.model.limits import CHARACTERS_A_TOKEN

UNKNOWN_OUTPUT_TOKENS = 1000
"""What is reserved for an answer whose length the prompt does not bound."""
EMBEDDINGS, EMBEDDINGS_PATH = "openai-embeddings", "/embeddings"


@dataclass(slots=True)
class Tally:
    """What was taken, over all threads. ``unpriced`` counts answers whose cost is not known."""

    answered_from_cache: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    answered_as: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, tokens: Tokens | None, price: Price | None, model: str | None, *, cached: bool) -> None:
        """Count one answer. One from the cache cost nothing now."""
        with self.lock:
            if model:
                self.answered_as.add(kept_text(model, 200))
            if cached:
                self.answered_from_cache += 1
                return
            self.unpriced += tokens is None or price is None
            if tokens is not None:
                self.input_tokens += tokens.input
                self.output_tokens += tokens.output
                self.cost_usd += price.of(tokens) if price else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, and whether the cache gave it."""

    answer: Answer
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What every client needs: a courier, a cache, a tally, a price.

    ``courier`` is None where only the cache answers, and ``nobody`` says why.
    """

    courier: Courier | None
    cache: ResponseCache | None
    tally: Tally
    price: Price | None = None
    nobody: str = "no endpoint is given"

    def not_known(self) -> AskError:
        """The error where neither the cache nor anybody else answers."""
        return AskError(f"the answer is not in the cache, and {self.nobody}")

    def known(self, key: str) -> Any:
        """What the cache has. Raises ``AskError`` where it is damaged, or lacks it and nobody can be asked."""
        try:
            found = self.cache.get(key) if self.cache else None
        except DamagedEntryError as error:
            if self.courier is None:
                raise AskError(f"the cache's entry {key[:12]}… is damaged: {error}") from error
            return None
        if found is None and self.courier is None:
            raise self.not_known()
        return found

    def keep(self, key: str, value: Any) -> None:
        """Write to the cache. Raises ``AskError`` where the folder cannot be written: a replay would lack it."""
        if self.cache is None:
            return
        try:
            self.cache.put(key, value)
        except OSError as error:
            raise AskError(f"the cache cannot be written: {error.strerror}", stops="cache") from error


class ModelClient:
    """Asks by one protocol; safe to share between threads.

    With ``stream`` answers are streamed and measured, and the first request of all is made once before, its
    answer thrown away: what a server loads for it would be measured otherwise.
    """

    def __init__(self, line: Line, protocol: Protocol, *, stream: bool = False) -> None:
        self._line = line
        self._protocol = protocol
        self._stream = stream
        self._warm = not stream
        self._warming = threading.Lock()

    @property
    def kind(self) -> str:
        """The protocol's name in evidence."""
        return self._protocol.kind

    def ask(self, question: Question, repetition: int = 0) -> Reply:
        """The answer. Raises ``AskError``."""
        body = self._protocol.body(question)
        key = cache_key(self._protocol.kind, body, repetition)
        known = self._line.known(key)
        if known is not None:
            answer = _from_cache(known, key)
            self._line.tally.add(answer.tokens, self._line.price, answer.model, cached=True)
            return Reply(answer=answer, cached=True)
        answer = self._request(body)
        self._line.tally.add(answer.tokens, self._line.price, answer.model, cached=False)
        self._line.keep(key, answer.to_json())
        return Reply(answer=answer, cached=False)

    def _request(self, body: dict[str, Any]) -> Answer:
        courier = self._line.courier
        if courier is None:
            raise self._line.not_known()
        sending = self._sending(body)
        self._warm_up(courier, sending)
        watch = _Stopwatch(self._protocol, stream=self._stream)
        return courier.send(sending, watch.read)

    def _warm_up(self, courier: Courier, sending: Sending) -> None:
        with self._warming:
            if self._warm:
                return
            self._warm = True
            warmed = courier.send_once(sending, _Stopwatch(self._protocol, stream=True).read)
            if warmed is not None:
                self._line.tally.add(warmed.tokens, self._line.price, warmed.model, cached=False)

    def _sending(self, body: dict[str, Any]) -> Sending:
        protocol = self._protocol
        return Sending(
            path=protocol.path,
            body=protocol.streamed(body) if self._stream else body,
            estimate=Estimate(tokens=_expected(body), price=self._line.price),
            headers=protocol.headers,
            key_header=protocol.key_header,
            key_prefix=protocol.key_prefix,
        )


def _from_cache(known: Any, key: str) -> Answer:
    try:
        return Answer.from_json(known)
    except BadAnswerError as error:
        raise AskError(f"the cache's entry {key[:12]}… holds no answer: {error}") from error


def estimated(text: str) -> int:
    """Tokens of a text, estimated: code points by ``CHARACTERS_A_TOKEN``, rounded up."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _expected(body: Mapping[str, Any]) -> Tokens:
    most = next(
        (body[key] for key in ("max_tokens", "max_output_tokens", "max_completion_tokens") if key in body), None
    )
    output = int(most) if isinstance(most, int | float) and most > 0 else UNKNOWN_OUTPUT_TOKENS
    return Tokens(input=estimated(json.dumps(body, ensure_ascii=False)), output=output)


class _Stopwatch:
    """Reads a response of a protocol, and how long it took."""

    def __init__(self, protocol: Protocol, *, stream: bool) -> None:
        self._protocol = protocol
        self._stream = stream

    def read(self, chunks: Chunks, started: float) -> tuple[Answer, Tokens | None]:
        """The answer with its timing, and its tokens. Raises ``BadAnswerError``."""
        answer = self._streamed(chunks, started) if self._stream else self._whole(chunks, started)
        return answer, answer.tokens

    def _whole(self, chunks: Chunks, started: float) -> Answer:
        answer = self._protocol.read(json_body(chunks))
        return _kept(answer, Timing(latency_ms=_ms(time.perf_counter() - started)))

    def _streamed(self, chunks: Chunks, started: float) -> Answer:
        collector = self._protocol.collector()
        first = last = None
        for data in event_data(chunks):
            value = json_value(data)
            if not isinstance(value, dict):
                raise BadAnswerError("an event is no object")
            if collector.take(value):
                last = time.perf_counter()
                first = first or last
        ended = time.perf_counter()
        answer = collector.answer()
        return _kept(answer, _timing(answer, started, ended, (first, last)))


def _timing(answer: Answer, started: float, ended: float, span: tuple[float | None, float | None]) -> Timing:
    first, last = span
    gaps = (answer.tokens.output if answer.tokens else 0) - 1
    between = (last - first) / gaps if first and last and last > first and gaps > 0 else None
    return Timing(
        latency_ms=_ms(ended - started),
        first_token_ms=None if first is None else _ms(first - started),
        between_tokens_ms=None if between is None else _ms(between),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _kept(answer: Answer, timing: Timing) -> Answer:
    """The answer with texts that any file can hold."""
    calls = [
        ToolCall(name=kept_text(call.name), arguments=kept_text(call.arguments, ANSWER_BYTES))
        for call in answer.tool_calls
    ]
    return replace(
        answer,
        text=kept_text(answer.text, ANSWER_BYTES),
        tool_calls=tuple(calls),
        model=None if answer.model is None else kept_text(answer.model),
        finish=None if answer.finish is None else kept_text(answer.finish),
        timing=timing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingClient:
    """Asks ``/v1/embeddings``; safe to share between threads."""

    line: Line
    model: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, in their order. Raises ``AskError``."""
        body = {"model": self.model, "input": list(texts)}
        key = cache_key(EMBEDDINGS, body, 0)
        known = self.line.known(key)
        try:
            if known is not None:
                self.line.tally.add(None, None, None, cached=True)
                return _vectors(known, len(texts))
        except BadAnswerError as error:
            raise AskError(f"the cache's entry {key[:12]}… holds no vectors: {error}") from error
        courier = self.line.courier
        if courier is None:
            raise self.line.not_known()
        expected = Tokens(input=sum(estimated(text) for text in texts), output=0)
        sending = Sending(path=EMBEDDINGS_PATH, body=body, estimate=Estimate(tokens=expected, price=self.line.price))
        vectors, tokens = courier.send(sending, lambda chunks, _: _embeddings(json_body(chunks), len(texts)))
        self.line.tally.add(tokens, self.line.price, None, cached=False)
        self.line.keep(key, vectors)
        return vectors


def _embeddings(document: Any, count: int) -> tuple[tuple[list[list[float]], Tokens | None], Tokens | None]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        raise BadAnswerError("it has no `data`")
    items = [item for item in data if isinstance(item, dict)]
    ordered = sorted(items, key=lambda item: item["index"] if isinstance(item.get("index"), int) else 0)
    usage = document.get("usage")
    counted = isinstance(usage, dict) and "prompt_tokens" in usage
    tokens = Tokens(input=count_of(usage, "prompt_tokens"), output=0) if counted else None
    return (_vectors([item.get("embedding") for item in ordered], count), tokens), tokens


def _vectors(value: Any, count: int) -> list[list[float]]:
    if not isinstance(value, list) or len(value) != count or not all(_is_vector(vector) for vector in value):
        raise BadAnswerError(f"it does not hold {count} vectors of one length")
    if len({len(vector) for vector in value}) != 1:
        raise BadAnswerError("its vectors differ in length")
    return [[float(number) for number in vector] for vector in value]


def _is_vector(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(number, int | float) and abs(number) < 1e6 for number in value)
    )
