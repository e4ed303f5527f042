"""The client's face: arguments, labels in order, fallbacks, asyncio, what it says of itself."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_trials import Clock, closed_port, still_client
from served_prompts import Service, entry, serving, write_bundle

from catalog_tool import semconv
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.client import (
    AsyncPromptClient,
    ClientError,
    ClosedClientError,
    PromptClient,
    PromptNotFoundError,
    SourceUnavailableError,
    Tuning,
)
from catalog_tool.client.samples import SampleSettings
from catalog_tool.client.status import COUNTERS
from catalog_tool.errors import UsageError
from catalog_tool.template import MissingVariableError, UnknownVariableError

NAME = "support_agent"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[PromptClient]:
    labels = {NAME: {"production": "v1", "tenant_a": "v2"}}
    prompts = {NAME: {"v1": entry("One {{name}}"), "v2": entry("Two {{name}}", "v2")}}
    write_bundle(tmp_path / "bundle.json", labels, prompts)
    with still_client(f"file://{tmp_path}", Clock()) as found:
        yield found


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        found.catalog.publish(NAME, "v1", entry("One {{name}}"))
        found.catalog.move(NAME, "production", "v1")
        yield found


class TestGet:
    def test_the_first_label_that_the_prompt_has_wins(self, client: PromptClient) -> None:
        assert client.get(NAME, ["tenant_a", "production"]).label == "tenant_a"
        assert client.get(NAME, ("tenant_b", "production")).version == "v1"
        with pytest.raises(PromptNotFoundError):
            client.get(NAME, ["tenant_b", "tenant_c"])

    def test_a_prompt_says_what_it_is(self, client: PromptClient) -> None:
        prompt = client.get(NAME)
        parts = {name: getattr(prompt, name) for name in ("messages", "model", "output_schema", "params", "tools")}
        whole = parts | {"template": prompt.template, "variables": prompt.variables}
        assert prompt_identity(whole).digest == prompt.digest
        assert prompt.version_id == f"v1-{prompt.digest[7:19]}"
        assert prompt.trace_attributes() == {
            "gen_ai.prompt.name": NAME,
            "gen_ai.prompt.version": "v1",
            semconv.PROMPT_VERSION_ID: prompt.version_id,
            "catalog.prompt.digest": prompt.digest,
            "catalog.prompt.label": "production",
            "catalog.bundle.digest": prompt.bundle,
        }
        assert prompt.trace_metadata({"name": "Ann", "n": 1, "o": object()})["variables"] == {
            "name": "Ann",
            "n": 1,
            "o": "<object>",
        }

    def test_rendering_is_strict(self, client: PromptClient) -> None:
        prompt = client.get(NAME)
        with pytest.raises(MissingVariableError):
            prompt.render()
        assert prompt.render(name="Ann", more=1)[0]["content"] == "One Ann"
        with pytest.raises(UnknownVariableError):
            prompt.render(name="Ann", more=1, strict=True)
        assert prompt.render(name="{{name}} {{/x")[0]["content"] == "One {{name}} {{/x"

    @pytest.mark.parametrize(
        "arguments",
        [
            {"name": "../etc"},
            {"name": "Upper"},
            {"name": 3},
            {"name": "a\n"},
            {"label": "latest"},
            {"label": "v1"},
            {"label": []},
            {"label": 3},
            {"label": [["x"]]},
            {"name": []},
            {"label": ["ok", "no good"]},
            {"version": "1"},
            {"version": "sha256:abc"},
            {"version": "v0"},
            {"version": "sha256:" + "G" * 20},
            {"key": 3},
        ],
    )
    def test_wrong_arguments_are_a_usage_error_even_with_a_fallback(
        self, arguments: dict[str, Any], client: PromptClient
    ) -> None:
        with pytest.raises(UsageError):
            client.get(**({"name": NAME, "fallback": "x"} | arguments))

    @pytest.mark.parametrize(
        ("fallback", "expected"),
        [
            ("Hi {{name}}", [{"role": "system", "content": "Hi Ann"}]),
            ([{"role": "user", "content": "Hi"}], [{"role": "user", "content": "Hi"}]),
            (
                {"messages": [{"role": "user", "content": "Hi"}], "params": {"n": 1}},
                [{"role": "user", "content": "Hi"}],
            ),
        ],
    )
    def test_fallbacks(self, fallback: Any, expected: Any, client: PromptClient) -> None:
        prompt = client.get("nowhere", fallback=fallback)
        assert prompt.render(name="Ann") == expected
        assert prompt.is_fallback
        assert client.get("nowhere", fallback=prompt) is prompt
        assert client.counters()["fallbacks"] == 2

    @pytest.mark.parametrize("fallback", [3, {"no": "messages"}, [object()]])
    def test_a_fallback_that_is_no_prompt(self, fallback: Any, client: PromptClient) -> None:
        with pytest.raises(UsageError):
            client.get("nowhere", fallback=fallback)
        with pytest.raises(UsageError):  # also while the source is up: not first in the outage that it is for
            client.get(NAME, fallback=fallback)

    def test_a_version_stands_whatever_the_label(self, client: PromptClient) -> None:
        pinned = client.get(NAME, version="v1")
        assert client.get(NAME, version="v1", label="production") == pinned
        assert client.get(NAME, version="v1", label="canary") == pinned

    def test_names_that_are_not_there_push_nothing_out(self, client: PromptClient) -> None:
        first = client.get(NAME)
        for number in range(600):
            with pytest.raises(PromptNotFoundError):
                client.get(f"nowhere{number}")
        assert client.get(NAME) is first
        assert len(client.status().prompts) <= 257

    def test_the_oldest_go_where_there_are_too_many(self, service: Service) -> None:
        with still_client(service.url, Clock(), tuning=Tuning(prompts=3)) as client:
            for label in "abcde":
                assert client.get(NAME, [label, "production"]).version == "v1"
            assert len(client.status().prompts) == 3

    def test_after_close_there_is_nothing(self, client: PromptClient) -> None:
        client.get(NAME)
        client.close()
        client.close()
        with pytest.raises(ClosedClientError):
            client.get(NAME)
        assert client.get(NAME, fallback="Hi").is_fallback


class TestSettings:
    @pytest.mark.parametrize(
        "settings",
        [
            {"refresh_seconds": -1},
            {"refresh_seconds": float("nan")},
            {"refresh_seconds": "x"},
            {"refresh_seconds": None},
            {"timeout_seconds": 0},
            {"timeout_seconds": "x"},
            {"max_stale_seconds": 0},
            {"max_stale_seconds": "x"},
            {"cache_dir": True},
            {"cache_dir": 3},
            {"token": 3},
            {"bundle_digest": b"sha256:"},
            {"tuning": Tuning(jitter=2)},
            {"tuning": Tuning(jitter="x")},  # type: ignore[arg-type]
            {"tuning": None},
        ],
    )
    def test_what_cannot_be_used_is_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as refused:
            PromptClient("file:///nowhere", **settings)
        assert refused.value.message.startswith((*settings, "jitter"))

    @pytest.mark.parametrize("source", [None, 3, b"redis://:hunter2@localhost"])
    def test_what_is_no_source_is_refused_and_not_shown(self, source: Any) -> None:
        with pytest.raises(UsageError, match="is none") as refused:
            PromptClient(source)
        assert "hunter2" not in f"{refused.value} {refused.value.hint}"

    def test_the_cache_folder_is_the_environments_else_the_users(
        self, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CATALOG_CACHE_DIR", str(tmp_path))
        with PromptClient(service.url) as client:
            client.get(NAME)
        assert list((tmp_path / "client").glob("*.json"))

    def test_every_counter_is_shown_and_readable(self, client: PromptClient) -> None:
        client.get(NAME)
        assert tuple(client.counters()) == COUNTERS
        assert client.status().counters["fetches"] == 1
        with pytest.raises(TypeError):
            client.counters()["fetches"] = 0  # type: ignore[index]

    def test_a_log_handler_that_asks_the_client_does_not_lock_up(self, service: Service) -> None:
        clock = Clock()
        seen = []
        with still_client(service.url, clock) as client:

            class Asking(logging.Handler):
                def emit(self, record: logging.LogRecord) -> None:
                    seen.append((record.getMessage(), client.status().place, client.get(NAME)))

            handler = Asking()
            logger = logging.getLogger("catalog_tool.client")
            logger.addHandler(handler)
            try:
                client.get(NAME)
                service.catalog.move(NAME, "production", None)
                clock.now += 100
                client.tick()
            finally:
                logger.removeHandler(handler)
        assert len(seen) == 1

    def test_a_short_lived_process_leaves_the_last_good_one_behind(self, service: Service, tmp_path: Path) -> None:
        code = "import sys; from catalog_tool.client import PromptClient; PromptClient(sys.argv[1]).get(sys.argv[2])"
        environment = {**os.environ, "CATALOG_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, service.url, NAME], check=True, env=environment, timeout=30)
        assert list((tmp_path / "client").glob("*.json"))


class TestAsyncio:
    def test_the_same_prompts_without_blocking_the_loop(self, service: Service) -> None:
        service.delay = 0.2

        async def main() -> list[str]:
            async with AsyncPromptClient(service.url, cache_dir=False) as client:
                ticks = 0

                async def tick() -> None:
                    nonlocal ticks
                    while True:
                        await asyncio.sleep(0.01)
                        ticks += 1

                ticking = asyncio.create_task(tick())
                prompts = await asyncio.gather(*(client.get(NAME) for _ in range(50)))
                assert ticks > 5, "the loop went on while the prompt was fetched"
                ticking.cancel()
                assert (await client.get(NAME)) is prompts[0]
                return [prompt.version for prompt in prompts]

        assert asyncio.run(main()) == ["v1"] * 50
        assert len(service.requests) == 1

    def test_deadline_fallback_and_errors(self, service: Service) -> None:
        service.delay = 5

        async def main() -> None:
            async with AsyncPromptClient(service.url, cache_dir=False, timeout_seconds=0.2) as client:
                with pytest.raises(SourceUnavailableError):
                    await asyncio.wait_for(client.get(NAME), 1)
                assert (await client.get(NAME, fallback="Hi")).is_fallback
                with pytest.raises(UsageError):
                    await client.get("No Name")

        asyncio.run(main())

    def test_feedback_is_the_clients_own(self, service: Service, tmp_path: Path) -> None:
        settings = SampleSettings(tmp_path / "samples.jsonl", share=1)

        async def main() -> None:
            async with AsyncPromptClient(service.url, cache_dir=False, tuning=Tuning(samples=settings)) as client:
                sample = (await client.get(NAME)).observe().sample(input="a", output="b")
                client.feedback(sample, score=1, comment="helpful")
                with pytest.raises(UsageError):
                    client.feedback(sample, score=float("nan"))

        asyncio.run(main())
        kinds = [json.loads(line)["kind"] for line in (tmp_path / "samples.jsonl").read_text("utf-8").splitlines()]
        assert kinds == ["sample", "feedback"]

    def test_a_loop_that_ends_while_a_fetch_is_under_way(self, service: Service) -> None:
        service.delay = 0.3

        async def main(client: AsyncPromptClient) -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(NAME), 0.05)

        with PromptClient(service.url, cache_dir=False) as client:
            asyncio.run(main(AsyncPromptClient(client)))
            assert client.get(NAME).version == "v1"


def test_a_cold_start_without_network_is_over_soon_in_a_fresh_process(tmp_path: Path) -> None:
    with closed_port() as address, PromptClient(address, cache_dir=tmp_path) as client:
        with pytest.raises(ClientError):
            client.get(NAME)
        assert json.dumps(client.status().counters["failures"]) == "1"
