"""A server that speaks the protocols of models, as a script says: for tests of evaluations, on loopback.

It is a real HTTP server in threads. ``script`` gets each request and answers with what was ``Said``, whole or
streamed as the request wants it, or with ``Raw`` bytes for everything that goes wrong in the field.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

MODEL = "scripted-2026-01-01"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request; ``number`` counts from 1."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Everything the model is given to read, as one text."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer; ``tools`` are (name, arguments as JSON text), ``tokens`` in and out, None: not counted.

    ``model`` is the name that it says it answers as.
    """

    text: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    tokens: tuple[int, int] | None = (10, 5)
    vectors: list[list[float]] | None = None
    finish: bool = True
    model: str = MODEL


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Anything else: a status with a body and headers; ``cut`` closes the line after the body's first half."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    until: threading.Event | None = None


Script = Callable[[Seen], Said | Raw]


class ModelServer:
    """``with ModelServer(script) as server``: ``server.url`` ends with ``/v1``, ``server.seen`` are the requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            with server.lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(number=len(server.seen) + 1, path=self.path, headers=headers, body=body)
                server.seen.append(seen)
            reply = server.script(seen)
            try:
                self._raw(reply) if isinstance(reply, Raw) else self._said(seen, reply)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _raw(self, reply: Raw) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            whole = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
            self.wfile.write(whole)
            self.wfile.flush()
            if reply.until is not None:
                reply.until.wait(30)
            self.close_connection = reply.cut or self.close_connection

        def _said(self, seen: Seen, said: Said) -> None:
            if not seen.body.get("stream"):
                body = json.dumps(whole(seen.path, said)).encode()
                self._raw(Raw(body=body, headers={"Content-Type": "application/json"}))
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for event in streamed(seen.path, said):
                self.wfile.write(event.encode())
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing: tests read ``seen``."""

    return Handler


def whole(path: str, said: Said) -> dict[str, Any]:
    """A response in one piece."""
    if path.endswith("/embeddings"):
        vectors = said.vectors or []
        return {"data": [{"index": i, "embedding": v} for i, v in enumerate(vectors)], "usage": {"prompt_tokens": 7}}
    if path.endswith("/chat/completions"):
        calls = [
            {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(said.tools)
        ]
        message = {"role": "assistant", "content": said.text or None, **({"tool_calls": calls} if calls else {})}
        usage = said.tokens and {"prompt_tokens": said.tokens[0], "completion_tokens": said.tokens[1]}
        return {"model": said.model, "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    usage = said.tokens and {"input_tokens": said.tokens[0], "output_tokens": said.tokens[1]}
    if path.endswith("/responses"):
        output: list[dict[str, Any]] = [
            {"type": "reasoning", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": said.text}]},
        ]
        output += [{"type": "function_call", "name": name, "arguments": text} for name, text in said.tools]
        return {"model": said.model, "status": "completed", "output": output, "usage": usage}
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}]
    content += [{"type": "tool_use", "name": name, "input": json.loads(text)} for name, text in said.tools]
    return {"model": said.model, "content": content, "stop_reason": "end_turn", "usage": usage}


def streamed(path: str, said: Said) -> Iterator[str]:
    """The same as server-sent events, a word each."""
    words = [word + " " for word in said.text.split(" ")][:-1] + said.text.split(" ")[-1:]
    if path.endswith("/chat/completions"):
        return _chat_events(words, said)
    return _response_events(path, words, said) if path.endswith("/responses") else _message_events(words, said)


def _chat_events(words: list[str], said: Said) -> Iterator[str]:
    for word in words:
        yield _event({"model": said.model, "choices": [{"delta": {"content": word}, "finish_reason": None}]})
    for index, (name, text) in enumerate(said.tools):
        for piece in ({"name": name, "arguments": text[:3]}, {"arguments": text[3:]}):
            yield _event({"choices": [{"delta": {"tool_calls": [{"index": index, "function": piece}]}}]})
    if said.finish:
        yield _event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        usage = said.tokens and {"prompt_tokens": said.tokens[0], "completion_tokens": said.tokens[1]}
        yield _event({"choices": [], "usage": usage})
        yield "data: [DONE]\n\n"


def _response_events(path: str, words: list[str], said: Said) -> Iterator[str]:
    for word in words:
        yield _event({"type": "response.output_text.delta", "delta": word})
    if said.finish:
        yield _event({"type": "response.completed", "response": whole(path, said)})


def _message_events(words: list[str], said: Said) -> Iterator[str]:
    tokens = said.tokens or (0, 0)
    usage = {"input_tokens": tokens[0], "output_tokens": 1}
    yield _event({"type": "message_start", "message": {"model": said.model, "usage": usage}})
    for word in words:
        delta = {"type": "text_delta", "text": word}
        yield _event({"type": "content_block_delta", "index": 0, "delta": delta})
    for index, (name, text) in enumerate(said.tools, 1):
        block = {"type": "tool_use", "name": name}
        yield _event({"type": "content_block_start", "index": index, "content_block": block})
        for part in (text[:3], text[3:]):
            delta = {"type": "input_json_delta", "partial_json": part}
            yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    if said.finish:
        end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens[1]}}
        yield _event(end)
        yield _event({"type": "message_stop"})


def _event(value: dict[str, Any]) -> str:
    return f"event: {value.get('type', 'message')}\ndata: {json.dumps(value)}\n\n"
