"""Calls measured, recorded and sampled: by Prometheus, by OpenTelemetry, as JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from client_trials import Clock, still_client, trials
from served_prompts import entry, until, write_bundle

from catalog_tool import semconv
from catalog_tool.client import PromptClient, Tuning
from catalog_tool.client.redaction import redacted, redacted_value
from catalog_tool.client.samples import SampleSettings
from catalog_tool.errors import UsageError
from catalog_tool.source.schemas import load_schema

NAME = "support_agent"
ENDS_AT_ONCE = """
import sys
from catalog_tool.client import PromptClient, Tuning
from catalog_tool.client.samples import SampleSettings

def served(messages):  # the client is forgotten before the process ends
    setting = SampleSettings(sys.argv[2], share=1)
    client = PromptClient(sys.argv[1], cache_dir=False, tuning=Tuning(recorder=None, samples=setting))
    for number in range(100):
        with client.get("support_agent").observe() as call:
            call.sample(input=messages, output=str(number))

served([{"role": "user", "content": "a@b.de"}])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry()}})
    return tmp_path


def client_of(folder: Path, **tuning: Any) -> PromptClient:
    return still_client(f"file://{folder}", Clock(), tuning=Tuning(**tuning))


class TestPrometheus:
    @pytest.fixture
    def registry(self) -> Any:
        return pytest.importorskip("prometheus_client").CollectorRegistry()

    @pytest.fixture
    def client(self, folder: Path, registry: Any) -> Iterator[PromptClient]:
        from catalog_tool.client.prometheus_metrics import PrometheusRecorder

        with client_of(folder, recorder=PrometheusRecorder(registry)) as client:
            yield client

    def text(self, registry: Any) -> str:
        from prometheus_client.openmetrics.exposition import generate_latest

        found: str = generate_latest(registry).decode()
        return found

    def test_a_streamed_call_is_counted_with_the_contracts_labels_and_no_others(
        self, client: PromptClient, registry: Any
    ) -> None:
        prompt = client.get(NAME)
        with prompt.observe(model="gpt-4o", exemplar={"session": "s-1", "padding": "x" * 200}) as call:
            for _ in range(3):
                call.token()
            call.usage(input_tokens=100, output_tokens=20, cost_usd=0.25)
            call.tool(ok=True)
            call.tool(ok=False)
            call.score(0.75)
        labels = {
            "gen_ai_prompt_name": NAME,
            "prompt_version_id": prompt.version_id,
            "catalog_prompt_label": "production",
            "gen_ai_request_model": "gpt-4o",
        }
        by_status = {**labels, "status": "ok"}
        values = {
            "catalog_prompt_requests_total": 1,
            "catalog_prompt_duration_seconds_count": 1,
            "catalog_prompt_time_to_first_token_seconds_count": 1,
            "catalog_prompt_time_to_last_token_seconds_count": 1,
            "catalog_prompt_time_between_tokens_seconds_count": 2,
            "catalog_prompt_tokens_per_second_count": 1,
            "catalog_prompt_input_tokens_total": 100,
            "catalog_prompt_output_tokens_total": 20,
            "catalog_prompt_cost_usd_total": 0.25,
            "catalog_prompt_tool_calls_total": 1,
        }
        assert {name: registry.get_sample_value(name, by_status) for name in values} == values
        assert registry.get_sample_value("catalog_prompt_tool_calls_total", {**labels, "status": "failed"}) == 1
        assert registry.get_sample_value("catalog_prompt_score_sum", labels) == 0.75
        shown = self.text(registry)
        assert '# {session="s-1"}' in shown
        assert "padding" not in shown
        for family in registry.collect():
            for sample in family.samples:
                assert set(sample.labels) - {"le"} <= set(map(semconv.prometheus_name, semconv.METRIC_LABELS))

    @pytest.mark.parametrize(
        ("usage", "status", "cost", "unpriced"),
        [
            ({"input_tokens": 9, "cost_usd": 0.25}, "ok", 0.25, None),
            ({"input_tokens": 9, "cost_usd": 0.0}, "ok", 0, None),  # free, and known to be
            ({"input_tokens": 9}, "ok", None, 1),
            ({}, "ok", None, 1),
            ({"output_tokens": 3}, "timeout", None, 1),  # what was used is paid
            ({}, "error", None, None),
            ({"cost_usd": "0.25"}, "ok", 0.25, None),  # as some proxies hand it over
            ({"cost_usd": -0.01}, "ok", None, 1),
            ({"cost_usd": float("nan")}, "ok", None, 1),
            ({"cost_usd": float("inf")}, "ok", None, 1),
            ({"cost_usd": "free"}, "ok", None, 1),
            ({"cost_usd": 10**400}, "ok", None, 1),
        ],
    )
    def test_a_cost_that_nobody_knows_is_counted_and_never_0(
        self, usage: dict[str, Any], status: str, cost: float | None, unpriced: int | None, client: PromptClient,
        registry: Any,
    ) -> None:  # fmt: skip
        prompt = client.get(NAME)
        with prompt.observe(model="m") as call:
            call.usage(**usage)
            if status != "ok":
                call.fail(status)
        labels = {
            "gen_ai_prompt_name": NAME, "prompt_version_id": prompt.version_id, "catalog_prompt_label": "production",
            "gen_ai_request_model": "m", "status": status,
        }  # fmt: skip
        assert registry.get_sample_value("catalog_prompt_cost_usd_total", labels) == cost
        assert registry.get_sample_value("catalog_prompt_unpriced_requests_total", labels) == unpriced

    def test_numbers_that_cannot_be_are_unknown_and_never_raise(self, client: PromptClient, registry: Any) -> None:
        prompt = client.get(NAME)
        with prompt.observe(model="m\ud800") as call:
            call.usage(input_tokens=-1, output_tokens=7)
            call.usage(input_tokens=float("nan"), output_tokens="many")  # type: ignore[arg-type]
            for value in (float("nan"), float("-inf"), "good", None):
                call.score(value)  # type: ignore[arg-type]
            call.score(-1)
        assert call.measured is not None
        assert (call.measured.input_tokens, call.measured.output_tokens) == (None, 7)
        shown = self.text(registry)
        assert "NaN" not in shown
        assert 'gen_ai_request_model="m?"' in shown
        (value,) = [s.value for f in registry.collect() for s in f.samples if s.name == "catalog_prompt_score_count"]
        assert value == 1

    def test_no_exemplar_is_refused(self, client: PromptClient, registry: Any) -> None:
        given = {"session.id": "a\ud800", "user-id": "7", "": "x", "__name__": "x", "7": "x", "\ud800": "b", "n": 7}
        with client.get(NAME).observe(model="m", exemplar=given):  # type: ignore[arg-type]
            pass
        assert '# {_="b",n="7",session_id="a?",user_id="7"} 1.0' in self.text(registry)

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (ValueError, "error"),
            (TimeoutError, "timeout"),
            (KeyboardInterrupt, "cancelled"),
            (GeneratorExit, "cancelled"),
        ],
    )
    def test_an_exception_is_counted_and_passed_on(
        self, error: type[BaseException], status: str, client: PromptClient, registry: Any
    ) -> None:
        with pytest.raises(error), client.get(NAME).observe(model="m"):
            raise error
        shown = self.text(registry)
        assert f'status="{status}"' in shown
        assert 'status="ok"' not in shown

    def test_a_call_may_say_itself_how_it_failed(self, client: PromptClient, registry: Any) -> None:
        with client.get(NAME).observe() as call:
            call.fail("rate_limited")
            with pytest.raises(UsageError):
                call.fail("user-17 was rude")
        shown = self.text(registry)
        assert 'status="rate_limited"' in shown
        assert 'gen_ai_request_model="gpt-4o"' in shown, "the prompt's own model, where none is named"

    def test_times_are_those_of_the_tokens(self, client: PromptClient) -> None:
        with client.get(NAME).observe() as call:
            time.sleep(0.05)
            call.token()
            time.sleep(0.1)
            call.token()
            time.sleep(0.02)
        measured = call.measured
        assert measured is not None
        assert measured.first_token is not None
        assert measured.last_token is not None
        assert 0.05 <= measured.first_token < 0.1 < measured.last_token < measured.duration
        assert measured.between_tokens == (pytest.approx(0.1, abs=0.05),)
        assert measured.output_tokens == 2
        assert measured.tokens_per_second == pytest.approx(10, rel=0.5)


class TestOpenTelemetry:
    def test_the_same_numbers_as_metrics(self, folder: Path) -> None:
        metrics = pytest.importorskip("opentelemetry.sdk.metrics")
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        from catalog_tool.client.otel_metrics import OtelRecorder

        reader = InMemoryMetricReader()
        provider = metrics.MeterProvider(metric_readers=[reader])
        with client_of(folder, recorder=OtelRecorder(provider.get_meter("test"))) as client:
            prompt = client.get(NAME)
            with prompt.observe(model="gpt-4o", exemplar={"user": "u-1"}) as call:
                call.token()
                call.token()
                call.usage(input_tokens=100, output_tokens=20, cost_usd=0.25)
                call.tool(ok=False)
                call.score(0.5)
            with prompt.observe(model="own"):
                pass
        data = json.loads(reader.get_metrics_data().to_json())
        (scope,) = data["resource_metrics"][0]["scope_metrics"]
        found = {metric["name"]: metric for metric in scope["metrics"]}
        assert set(found) == {
            semconv.REQUESTS,
            semconv.DURATION,
            semconv.TIME_TO_FIRST_TOKEN,
            semconv.TIME_TO_LAST_TOKEN,
            semconv.TIME_BETWEEN_TOKENS,
            semconv.TOKENS_PER_SECOND,
            semconv.INPUT_TOKENS,
            semconv.OUTPUT_TOKENS,
            semconv.COST,
            semconv.TOOL_CALLS,
            semconv.SCORE,
            semconv.UNPRICED,
        }
        (point,) = found[semconv.UNPRICED]["data"]["data_points"]
        assert (point["value"], point["attributes"][semconv.REQUEST_MODEL]) == (1, "own")
        (point,) = found[semconv.INPUT_TOKENS]["data"]["data_points"]
        assert point["value"] == 100
        assert set(point["attributes"]) == set(semconv.METRIC_LABELS)
        assert "u-1" not in json.dumps([metric["data"]["data_points"][0]["attributes"] for metric in scope["metrics"]])
        provider.shutdown()

    def test_every_span_inside_carries_the_prompt(self, folder: Path) -> None:
        sdk = pytest.importorskip("opentelemetry.sdk.trace")
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        from catalog_tool.client.otel import PromptSpanProcessor, tracing

        exporter = InMemorySpanExporter()
        provider = sdk.TracerProvider()
        provider.add_span_processor(PromptSpanProcessor())
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        with client_of(folder, recorder=None) as client:
            prompt = client.get(NAME)
            with tracer.start_as_current_span("request"):
                with tracing(prompt), tracer.start_as_current_span("llm"), tracer.start_as_current_span("http"):
                    pass
                with tracer.start_as_current_span("after"):
                    pass
            with prompt.observe(), tracer.start_as_current_span("observed"):
                pass
        spans = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
        for name in ("request", "llm", "http", "observed"):
            assert spans[name] == prompt.trace_attributes()
        assert spans["after"] == {}
        provider.shutdown()

    def test_a_recorder_that_raises_leaves_no_prompt_behind(self, folder: Path) -> None:
        pytest.importorskip("opentelemetry")
        from catalog_tool.client.otel import attributes_in

        class Broken:
            def call(self, *_: Any) -> None:
                raise OSError("the metrics' server is gone")

            def score(self, *_: Any) -> None:
                raise AssertionError

        with client_of(folder, recorder=Broken()) as client:
            prompt = client.get(NAME)
            with pytest.raises(OSError, match="metrics"), prompt.observe():
                assert attributes_in(None) == prompt.trace_attributes()
        assert attributes_in(None) == {}


class TestSamples:
    def lines(self, path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def test_a_sample_and_its_feedback(self, folder: Path) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1)) as client:
            prompt = client.get(NAME)
            with prompt.observe(model="gpt-4o") as call:
                messages = [{"role": "user", "content": "I am ann@example.org, card 4111 1111 1111 1111"}]
                sample = call.sample(input=messages, output="Hi", scores={"judge": 0.5})
            assert sample is not None
            client.feedback(sample, 1, "thanks, call +49 170 1234567")
        first, second = self.lines(path)
        for line in (first, second):
            jsonschema.validate(line, load_schema("sample"))
        assert first["input"] == [{"role": "user", "content": "I am [email], card [number]"}]
        assert first[semconv.PROMPT_VERSION_ID] == prompt.version_id
        assert (first["kind"], first["id"], first["output"], first["scores"]) == (
            "sample",
            sample,
            "Hi",
            {"judge": 0.5},
        )
        assert (second["kind"], second["sample"], second["score"]) == ("feedback", sample, 1)
        assert second["comment"] == "thanks, call [number]"
        assert path.stat().st_mode & 0o077 == 0
        assert client.counters()["samples_written"] == 2

    def test_one_call_in_a_hundred_by_default(self, folder: Path) -> None:
        path = folder / "samples.jsonl"
        numbers = iter(range(10_000))
        setting = SampleSettings(path, random=lambda: next(numbers) % 100 / 100)
        with client_of(folder, recorder=None, samples=setting) as client:
            call = client.get(NAME).observe()
            taken = [call.sample(input="a", output="b") for _ in range(300)]
            assert sum(found is not None for found in taken) == 3
            assert until(lambda: client.counters()["samples_written"] == 3)

    def test_a_full_queue_drops_and_counts_and_the_caller_never_waits(self, folder: Path) -> None:
        gate = threading.Event()

        def slow(text: str) -> str:
            gate.wait(10)
            return text

        setting = SampleSettings(folder / "samples.jsonl", share=1, redact=slow, queue=5)
        with client_of(folder, recorder=None, samples=setting) as client:
            call = client.get(NAME).observe()
            started = time.perf_counter()
            taken = [call.sample(input="a", output="b") for _ in range(trials(1000))]
            assert time.perf_counter() - started < 1
            kept = sum(found is not None for found in taken)
            assert kept <= 6
            assert client.counters()["samples_dropped"] == len(taken) - kept
            gate.set()

    @pytest.mark.parametrize("path", ["no/such/folder/samples.jsonl", "."])
    def test_a_file_that_cannot_be_written_is_counted(self, path: str, folder: Path) -> None:
        with client_of(folder, recorder=None, samples=SampleSettings(folder / path, share=1)) as client:
            assert client.get(NAME).observe().sample(input="a", output=object()) is not None
        assert client.counters()["samples_failed"] == 1

    def test_what_is_no_json_is_written_as_its_type(self, folder: Path) -> None:
        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1)) as client:
            client.get(NAME).observe().sample(input={"o": object(), "d": {1: (2, "a@b.de")}}, output=float("nan"))
            client.get(NAME).observe().sample(input="\ud800", output=None)
        (line,) = self.lines(path)
        assert line["input"] == "\ud800"
        assert client.counters()["samples_failed"] == 1

    def test_a_sample_is_what_was_given_and_not_what_became_of_it(self, folder: Path) -> None:
        gate = threading.Event()

        def slow(text: str) -> str:
            gate.wait(10)
            return text

        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1, redact=slow)) as client:
            messages = [{"role": "user", "content": "first"}]
            answer = {"text": "fine"}
            assert client.get(NAME).observe().sample(input=messages, output=answer) is not None
            messages.append({"role": "user", "content": "later"})
            messages[0]["content"] = answer["text"] = "later"
            gate.set()
        (line,) = self.lines(path)
        assert (line["input"], line["output"]) == ([{"role": "user", "content": "first"}], {"text": "fine"})

    def test_what_cannot_be_copied_is_counted_and_stops_no_call(self, folder: Path) -> None:
        class Lazy(dict[str, Any]):
            def items(self) -> Any:
                raise LookupError("the database is gone")

        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1)) as client:
            assert client.get(NAME).observe().sample(input=Lazy(), output="b") is None
        assert (client.counters()["samples_failed"], self.lines(path)) == (1, [])

    @pytest.mark.parametrize(
        ("scores", "kept"),
        [
            (0.5, {}), (["x"], {}), (None, {}), ("judge", {}), (object(), {}),
            ({"a": 1, "b": float("nan"), "c": "good", "d": None, "e": float("inf"), 7: Decimal("0.25")},
             {"a": 1, "7": 0.25}),
        ],
    )  # fmt: skip
    def test_scores_that_are_none_cost_neither_the_call_nor_the_sample(
        self, scores: Any, kept: dict[str, float], folder: Path
    ) -> None:
        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1)) as client:
            assert client.get(NAME).observe().sample(input="a", output="b", scores=scores) is not None
        (line,) = self.lines(path)
        assert (line["scores"], client.counters()["samples_failed"]) == (kept, 0)

    def test_scores_that_cannot_be_read_stop_no_call(self, folder: Path) -> None:
        class Broken(float):
            def __float__(self) -> float:
                raise RuntimeError("a tensor elsewhere")

        with client_of(folder, recorder=None, samples=SampleSettings(folder / "s.jsonl", share=1)) as client:
            assert client.get(NAME).observe().sample(input="a", output="b", scores={"x": Broken(1)}) is None
        assert client.counters()["samples_failed"] == 1

    def test_a_redaction_that_raises_costs_its_own_sample_alone_and_shows_nothing(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def broken(text: str) -> str:
            if "secret" in text:
                raise KeyError(text)
            return text

        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1, redact=broken)) as client:
            call = client.get(NAME).observe()
            call.sample(input="my secret", output="b")
            for _ in range(5):
                call.sample(input="fine", output="b")
        assert [line["input"] for line in self.lines(path)] == ["fine"] * 5
        assert (client.counters()["samples_failed"], client.counters()["samples_written"]) == (1, 5)
        assert "secret" not in "".join(capfd.readouterr())

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_closing_writes_what_a_thread_that_died_has_left(self, folder: Path) -> None:
        gate = threading.Event()

        def dies(text: str) -> str:
            if text == "last":
                gate.wait(10)
                raise SystemExit
            return text

        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1, redact=dies)) as client:
            call = client.get(NAME).observe()
            for text in ("last", "a", "b"):
                call.sample(input=text)
            gate.set()
        assert [line["input"] for line in self.lines(path)] == ["a", "b"]

    def test_a_process_that_ends_without_closing_writes_them(self, folder: Path) -> None:
        path = folder / "samples.jsonl"
        done = subprocess.run(
            [sys.executable, "-c", ENDS_AT_ONCE, f"file://{folder}", str(path)], capture_output=True, text=True,
            check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert (done.stderr, len(self.lines(path))) == ("", 100)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_children_write_their_own(self, folder: Path) -> None:
        path = folder / "samples.jsonl"
        with client_of(folder, recorder=None, samples=SampleSettings(path, share=1)) as client:
            call = client.get(NAME).observe(model="parent")
            call.sample(input="x", output="y")
            pid = os.fork()
            if pid == 0:
                client.get(NAME).observe(model="child").sample(input="x", output="y")
                client.close()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        assert sorted(line["model"] for line in self.lines(path)) == ["child", "parent"]

    def test_feedback_without_samples_and_of_nonsense(self, folder: Path) -> None:
        with client_of(folder) as client, pytest.raises(UsageError):
            client.feedback("a", 1)
        with client_of(folder, samples=SampleSettings(folder / "s.jsonl")) as client:
            for sample, score in (("", 1), (7, 1), ("a", "good"), ("a", float("nan")), (None, "good"), ("a", True)):
                with pytest.raises(UsageError):
                    client.feedback(sample, score)  # type: ignore[arg-type]

    def test_feedback_on_a_call_that_was_not_chosen_is_nothing(self, folder: Path) -> None:
        path = folder / "s.jsonl"
        for setting in (None, SampleSettings(path, random=lambda: 0.5)):
            with client_of(folder, recorder=None, samples=setting) as client:
                with client.get(NAME).observe() as call:
                    sample = call.sample(input="a", output="b")
                client.feedback(sample, score=1, comment=None)
        assert self.lines(path) == []

    def test_feedback_is_a_metric_by_version_id(self, folder: Path) -> None:
        registry = pytest.importorskip("prometheus_client").CollectorRegistry()
        from catalog_tool.client.prometheus_metrics import PrometheusRecorder

        setting = SampleSettings(folder / "s.jsonl", share=1)
        with client_of(folder, recorder=PrometheusRecorder(registry), samples=setting) as client:
            sample = client.get(NAME).observe(model="m").sample(input="a", output="b")
            assert sample is not None
            client.feedback(sample, 0.5)
            client.feedback("of another process", 0.5)
        (value,) = [s.value for f in registry.collect() for s in f.samples if s.name == "catalog_prompt_feedback_count"]
        assert value == 1


class TestRedaction:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("write to Ann.Lee+x@mail.example.co.uk now", "write to [email] now"),
            ("4111-1111-1111-1111", "[number]"),
            ("IBAN is DE, phone +49 (170) 123-4567.", "IBAN is DE, phone [number]."),
            ("Authorization: Bearer abcDEF123._-x", "Authorization: [token]"),
            ("key sk-proj-abcdefghijklmnop", "key [token]"),
            ("-----BEGIN RSA PRIVATE KEY-----", "[key]"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "[token]"),
            ("version 1.2.3, 2026-11-21, 42 and 3.14159", "version 1.2.3, 2026-11-21, 42 and 3.14159"),
            ("pay DE89370400440532013000 please", "pay [number] please"),
            ("pay DE89 3704 0044 0532 0130 00 please", "pay [number] please"),
            ("GB29 NWBK 6016 1331 9268 19", "[number]"),
            ("FR1420041010050500013M02606", "[number]"),
            ("de89370400440532013000", "[number]"),
            ("card_4111111111111111 and " + "1" * 30, "card_[number] and [number]"),
            ("postgres://app:s3cret@localhost/db", "postgres://[login]@localhost/db"),
            ("https://u:p@ss@example.org/a?b=c", "https://[login]@example.org/a?b=c"),
            ("https://example.org/@ann", "https://example.org/@ann"),
            ('{"api_key": "abcdefghijklmnop1234"}', '{"api_key": "[token]"}'),
            ("a basic understanding, skill-development", "a basic understanding, skill-development"),
            ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "Authorization: [token]"),
            ("it said bearer abcdefghijklmnopqrstuvwxyz", "it said [token]"),
            ('{"authorization": "basic onlyletters"}', '{"authorization": "[token]"}'),
            ("a bearer authentication, authorization: basic", "a bearer authentication, authorization: basic"),
        ],
    )
    def test_what_goes_and_what_stays(self, text: str, expected: str) -> None:
        assert redacted(text) == expected

    @pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
    def test_a_private_key_goes_with_its_body(self, kind: str, end: str) -> None:
        body = end.join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + str(number) * 32 for number in range(9)])
        key = f"-----BEGIN {kind}-----{end}{body}{end}QUJD{end}-----END {kind}-----"
        assert redacted(f"it is {key} and more") == "it is [key] and more"
        assert redacted(f"it is {key[:400]} and more") == "it is [key] and more", "cut off before its end"
        assert redacted(f"-----BEGIN {kind}----- begins a key") == "[key] begins a key"
        heads = end.join(["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,3F17F5316E2BAC89", "Version: 1", ""])
        locked = f"-----BEGIN {kind}-----{end}{heads}{end}{body}"
        assert redacted(f"it is {locked}, and more") == "it is [key], and more"

    def test_every_token_whose_shape_the_checks_know_goes(self) -> None:
        letters = "Kq7ZrT2mXw9LbN4vHs6JdY8cPf3GuE5kRa1WtQ" * 4
        tokens = [
            "ctlg_" + letters[:10].lower() + "_" + letters[:49],
            "github_pat_" + letters[:22] + "_" + letters[:59],
            "npm_" + letters[:36],
            "xapp-1-" + letters[:40],
        ]
        assert [redacted(f"use {token}.") for token in tokens] == ["use [token]."] * len(tokens)

    def test_what_only_a_name_tells_goes_in_structures_as_in_texts(self) -> None:
        secret = "abcdefghijklmnop1234"
        given = {
            "api_key": secret,
            "headers": {"X-Api-Key": [secret, ("plain", secret)], "Authorization": "Bearer onlyletters"},
            "password=" + secret: "plain",
            "k" * 500 + "_secret_token": secret,
            "monkey": secret,
            "api_keys_used": "two of them, 2026-11-21",
            "deep": {"er": {"secret": {"a": secret, "b_token": secret}}},
        }
        assert redacted_value(given, redacted) == {
            "api_key": "[token]",
            "headers": {"X-Api-Key": ["[token]", ["plain", "[token]"]], "Authorization": "[token]"},
            "password=[token]": "plain",
            "k" * 500 + "_secret_token": "[token]",
            "monkey": secret,
            "api_keys_used": "two of them, 2026-11-21",
            "deep": {"er": {"secret": {"a": secret, "b_token": "[token]"}}},
        }
        assert redacted_value(given, str)["api_key"] == secret, "whose own redaction sees texts as they are"

    def test_keys_are_redacted_too_and_depth_is_bounded(self) -> None:
        deep: Any = "a@b.de"
        for _ in range(100):
            deep = [deep]
        assert redacted_value({"a@b.de": ["c@d.de"]}, redacted) == {"[email]": ["[email]"]}
        assert "a@b.de" not in json.dumps(redacted_value(deep, redacted))

    @pytest.mark.parametrize(
        "text",
        [
            "1 " * 100_000, "a@" * 100_000, "a" * 200_000 + "@", "eyJ" + "a" * 200_000, "Bearer " * 30_000,
            "-----BEGIN PRIVATE KEY-----!" * 8_000, "-----BEGIN PRIVATE KEY-----" + "\\n" * 100_000, "-----" * 40_000,
            "://" * 70_000, "://" + "a" * 200_000, "secret    =    " * 14_000, "password-" * 22_000,
            "-----BEGIN PRIVATE KEY-----" + " Version: " * 20_000, "authorization: bearer " * 10_000,
            "-----BEGIN PRIVATE KEY-----\\nProc-Type:" * 6_000,
            "AA11AAAA" * 25_000 + "_", "1" * 200_000 + "a", "DE12 AAAA 1111 " * 14_000,
        ],
    )  # fmt: skip
    def test_it_is_linear(self, text: str) -> None:
        started = time.process_time()
        redacted(text)
        assert time.process_time() - started < 2
