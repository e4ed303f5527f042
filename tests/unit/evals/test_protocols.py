"""Three protocols against a real server: what they send, what they make of what comes back, whole and streamed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_server import MODEL, ModelServer, Raw, Said, Seen

from catalog_tool.evals.answer import Answer, BadAnswerError, Question, Tokens
from catalog_tool.evals.budget import Budget, Limits
from catalog_tool.evals.cache import ResponseCache
from catalog_tool.evals.courier import ANSWER_BYTES, AskError, Courier
from catalog_tool.evals.endpoint import Endpoint
from catalog_tool.evals.model_client import EmbeddingClient, Line, ModelClient, Tally
from catalog_tool.evals.prices import Price
from catalog_tool.evals.protocols import PROTOCOLS, protocol_for

SCHEMA = {"type": "object", "properties": {"reasoning": {"type": "string"}, "answer": {"type": "string"}}}
QUESTION = Question(
    model="m1",
    messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image", "url": "https://x/a.png"}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "look", "arguments": {"at": "it"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "user", "content": "So?"},
    ],
    params={"temperature": 0, "max_tokens": 50, "stop": "END", "seed": 7, "model": "evil", "stream": True, "n": 9},
    tools=[{"name": "look", "description": "Look.", "parameters": {"type": "object"}}, {"name": "bare"}],
    output_schema=SCHEMA,
)  # fmt: skip


def client(
    server: ModelServer | None, protocol: str = "chat", *, cache: Path | None = None, stream: bool = False, **more: Any
) -> tuple[ModelClient, Line]:
    """A client of a server, or of the cache alone."""
    courier = None
    if server is not None:
        courier = Courier(
            http=httpx.Client(trust_env=False),
            endpoint=Endpoint(base=server.url, key=more.get("key")),
            budget=Budget(more.get("limits", Limits())),
            pause=more.get("pause", lambda _: False),
            deadline_seconds=more.get("deadline", 10),
        )
    tally = Tally()
    line = Line(
        courier=courier,
        cache=ResponseCache(cache) if cache else None,
        tally=tally,
        price=Price(input=1, output=2),
    )
    return ModelClient(line, PROTOCOLS[protocol], stream=stream), line


def close(line: Line) -> None:
    if line.courier is not None:
        line.courier.http.close()


SPOKEN = Said(text="a cat, I think", tools=(("look", '{"at": "it"}'),), tokens=(100, 7))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_comes_through_whole_and_streamed(protocol: str, stream: bool) -> None:  # noqa: FBT001
    with ModelServer(lambda _: SPOKEN) as server:
        asker, line = client(server, protocol, stream=stream)
        answer = asker.ask(QUESTION).answer
        close(line)
    assert answer.text == "a cat, I think"
    assert [(call.name, call.value()) for call in answer.tool_calls] == [("look", {"at": "it"})]
    assert answer.tokens == Tokens(input=100, output=7)
    assert answer.model == MODEL
    assert answer.timing is not None
    assert answer.timing.latency_ms > 0
    assert (answer.timing.first_token_ms is not None) is stream
    assert len(server.seen) == (2 if stream else 1), "a streamed run warms up once"


def test_what_chat_completions_is_sent() -> None:
    with ModelServer(lambda _: SPOKEN) as server:
        asker, line = client(server, key="sk-canary")
        asker.ask(QUESTION)
        close(line)
    seen = server.seen[0]
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == "Bearer sk-canary"
    body = seen.body
    assert (body["model"], body["temperature"], body["max_tokens"], body["seed"]) == ("m1", 0, 50, 7)
    assert "n" not in body
    assert "stream" not in body
    assert body["messages"][1]["content"][1] == {"type": "image_url", "image_url": {"url": "https://x/a.png"}}
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at": "it"}'}
    assert body["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "a cat"}
    assert body["tools"][0]["function"]["parameters"] == {"type": "object"}
    assert body["tools"][1] == {"type": "function", "function": {"name": "bare"}}
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["reasoning", "answer"]


def test_what_responses_is_sent() -> None:
    with ModelServer(lambda _: SPOKEN) as server:
        asker, line = client(server, "responses")
        asker.ask(QUESTION)
        close(line)
    body = server.seen[0].body
    assert server.seen[0].path == "/v1/responses"
    assert (body["max_output_tokens"], body["store"]) == (50, False)
    assert not {"max_tokens", "stop", "seed", "messages"} & body.keys()
    assert [item.get("type", item.get("role")) for item in body["input"]] == [
        "system", "user", "function_call", "function_call_output", "user",
    ]  # fmt: skip
    assert body["input"][1]["content"][1] == {"type": "input_image", "image_url": "https://x/a.png"}
    assert list(body["text"]["format"]["schema"]["properties"]) == ["reasoning", "answer"]


def test_what_anthropic_is_sent() -> None:
    with ModelServer(lambda _: SPOKEN) as server:
        asker, line = client(server, "anthropic", key="sk-canary")
        asker.ask(QUESTION)
        close(line)
    seen = server.seen[0]
    assert seen.path == "/v1/messages"
    assert (seen.headers["x-api-key"], seen.headers["anthropic-version"]) == ("sk-canary", "2023-06-01")
    assert "authorization" not in seen.headers
    body = seen.body
    assert (body["system"], body["max_tokens"], body["stop_sequences"]) == ("Be brief.", 50, ["END"])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]
    assert body["messages"][1]["content"] == [{"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "it"}}]
    assert body["tools"][1] == {"name": "bare", "input_schema": {"type": "object"}}
    assert list(body["output_config"]["format"]["schema"]["properties"]) == ["reasoning", "answer"]


def test_anthropic_needs_a_bound_and_takes_pictures_in_the_message() -> None:
    picture = {"type": "image", "url": "data:image/png;base64,aGk="}
    body = PROTOCOLS["anthropic"].body(Question(model="m", messages=[{"role": "user", "content": [picture]}]))
    assert body["max_tokens"] == 1024
    source = body["messages"][0]["content"][0]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "aGk="}


def test_the_protocol_follows_the_provider() -> None:
    assert [protocol_for(name) for name in ("anthropic", "openai", None)] == ["anthropic", "chat", "chat"]


BROKEN = [
    b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}',
    b'{"choices": [{"message": {"content": 5}}]}',
    b'{"choices": [{"message": {"content": "x", "tool_calls": [{}]}}]}', b'{"output": {}}', b'{"content": "x"}',
    b'{"content": [{"type": "text"}]}', b'{"output": [], "status": "failed"}', b"[" * 100_000,
    b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -1}}',
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: body[:30].decode())
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_200_that_is_no_answer_is_no_answer(protocol: str, body: bytes) -> None:
    with ModelServer(lambda _: Raw(body=body)) as server:
        asker, line = client(server, protocol)
        with pytest.raises(AskError, match="cannot be used"):
            asker.ask(QUESTION)
        close(line)
    assert len(server.seen) == 1, "asking again would not help"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_breaks_off_is_no_answer(protocol: str) -> None:
    with ModelServer(lambda _: Said(text="only the begin", finish=False)) as server:
        asker, line = client(server, protocol, stream=True)
        with pytest.raises(AskError, match="the stream broke off"):
            asker.ask(QUESTION)
        close(line)


def test_an_endless_answer_is_cut() -> None:
    with ModelServer(lambda _: Raw(body=b" " * (ANSWER_BYTES + 1))) as server:
        asker, line = client(server)
        with pytest.raises(AskError, match="larger than"):
            asker.ask(QUESTION)
        close(line)


def test_texts_that_no_file_can_hold_are_mended(tmp_path: Path) -> None:
    body = json.dumps({"choices": [{"message": {"content": "a\x00b\ud800c"}, "finish_reason": "stop"}]}).encode()
    with ModelServer(lambda _: Raw(body=body)) as server:
        asker, line = client(server, cache=tmp_path)
        assert asker.ask(QUESTION).answer.text == "a\N{REPLACEMENT CHARACTER}b?c"
        close(line)
    asker, _ = client(None, cache=tmp_path)
    assert asker.ask(QUESTION).answer.text == "a\N{REPLACEMENT CHARACTER}b?c"


class TestCache:
    def test_a_replay_asks_nobody(self, tmp_path: Path) -> None:
        with ModelServer(lambda seen: Said(text=f"answer {seen.number}")) as server:
            asker, line = client(server, cache=tmp_path)
            first = [asker.ask(QUESTION, number) for number in (0, 1)]
            again = [asker.ask(QUESTION, number) for number in (0, 1)]
            close(line)
        assert [reply.answer.text for reply in first] == ["answer 1", "answer 2"]
        assert [(reply.answer, reply.cached) for reply in again] == [(reply.answer, True) for reply in first]
        assert len(server.seen) == 2
        replay, line = client(None, cache=tmp_path)
        assert [replay.ask(QUESTION, number).answer for number in (0, 1)] == [reply.answer for reply in first]
        assert (line.tally.answered_from_cache, line.tally.cost_usd, line.tally.unpriced) == (2, 0, 0)

    def test_any_change_is_another_question(self, tmp_path: Path) -> None:
        with ModelServer(lambda _: Said(text="x")) as server:
            asker, line = client(server, cache=tmp_path)
            asker.ask(QUESTION)
            close(line)
        replay, _ = client(None, cache=tmp_path)
        others = [
            replace(QUESTION, model="m2"),
            replace(QUESTION, messages=QUESTION.messages[:-1]),
            replace(QUESTION, params={}),
            replace(QUESTION, tools=()),
            replace(QUESTION, output_schema={}),
        ]
        for other in others:
            with pytest.raises(AskError, match="not in the cache"):
                replay.ask(other)
        with pytest.raises(AskError, match="not in the cache"):
            replay.ask(QUESTION, 1)
        with pytest.raises(AskError, match="not in the cache"):
            client(None, "responses", cache=tmp_path)[0].ask(QUESTION)

    def test_a_damaged_entry_is_an_error_in_a_replay_and_asked_anew_otherwise(self, tmp_path: Path) -> None:
        with ModelServer(lambda _: Said(text="true")) as server:
            asker, line = client(server, cache=tmp_path)
            asker.ask(QUESTION)
            entry = next(tmp_path.rglob("*.json"))
            entry.write_text(entry.read_text().replace('"true"', '"forged"'))
            with pytest.raises(AskError, match="damaged"):
                client(None, cache=tmp_path)[0].ask(QUESTION)
            assert asker.ask(QUESTION).answer.text == "true"
            close(line)
        assert len(server.seen) == 2
        assert client(None, cache=tmp_path)[0].ask(QUESTION).answer.text == "true"

    @pytest.mark.parametrize("what", ["link", "pipe", "folder", "garbage", "other"])
    def test_a_committed_folder_may_hold_anything(self, tmp_path: Path, what: str) -> None:
        with ModelServer(lambda _: Said(text="true")) as server:
            asker, line = client(server, cache=tmp_path)
            asker.ask(QUESTION)
            close(line)
        entry = next(tmp_path.rglob("*.json"))
        data = entry.read_bytes()
        entry.unlink()
        if what == "link":
            (tmp_path / "elsewhere").write_bytes(data)
            entry.symlink_to(tmp_path / "elsewhere")
        elif what == "pipe":
            os.mkfifo(entry)
        elif what == "folder":
            entry.mkdir()
        else:
            entry.write_bytes(b"\xff{" if what == "garbage" else data.replace(b'"key": "', b'"key": "0'))
        with pytest.raises(AskError, match="damaged"):
            client(None, cache=tmp_path)[0].ask(QUESTION)


def test_embeddings_come_in_order_and_from_the_cache(tmp_path: Path) -> None:
    def script(_: Seen) -> Raw:
        data = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
        return Raw(body=json.dumps({"data": data, "usage": {"prompt_tokens": 3}}).encode())

    with ModelServer(script) as server:
        _, line = client(server, cache=tmp_path)
        embed = EmbeddingClient(line=line, model="e1")
        assert embed.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        assert embed.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        close(line)
    assert [seen.path for seen in server.seen] == ["/v1/embeddings"]
    assert line.tally.input_tokens == 3


@pytest.mark.parametrize(
    "data", ["[]", '[{"embedding": []}]', '[{"embedding": ["1"]}]', '[{"embedding": [1]}, {"embedding": [1, 2]}]']
)
def test_embeddings_that_are_none(data: str) -> None:
    with ModelServer(lambda _: Raw(body=f'{{"data": {data}}}'.encode())) as server:
        _, line = client(server)
        with pytest.raises(AskError, match="cannot be used"):
            EmbeddingClient(line=line, model="e1").embed(["a", "b"])
        close(line)


def test_an_answer_survives_its_json() -> None:
    answer = PROTOCOLS["chat"].read({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})
    assert Answer.from_json(answer.to_json()) == answer
    broken: list[Any] = [None, [], {}, {"text": 1}, {"text": "x", "tokens": 5}, {"text": "x", "timing": {}}]
    for value in (*broken, {"text": "x", "tool_calls": [1]}, {"text": "x", "tokens": {"input": -1}}):
        with pytest.raises(BadAnswerError):
            Answer.from_json(value)
