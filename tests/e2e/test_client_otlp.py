"""Spans and metrics over OTLP: sent to a receiver that speaks the protocol, and read back from what it got."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from client_trials import Clock, still_client
from served_prompts import entry, write_bundle

from catalog_tool import semconv
from catalog_tool.client import Tuning

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the OTLP exporter is not installed: NOT TESTED")
NAME = "support_agent"


class Receiver:
    """An OTLP/HTTP receiver: protobuf bodies by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {"/v1/traces": [], "/v1/metrics": []}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-protobuf"
                receiver.bodies[self.path].append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in pairs}


def test_spans_of_other_instrumentors_and_metrics_arrive_with_the_version_id(
    receiver: Receiver, tmp_path: Path
) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from catalog_tool.client.otel import PromptSpanProcessor
    from catalog_tool.client.otel_metrics import OtelRecorder

    tracers, reader = (
        TracerProvider(),
        PeriodicExportingMetricReader(OTLPMetricExporter(receiver.url("/v1/metrics")), 3_600_000),
    )
    tracers.add_span_processor(PromptSpanProcessor())
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(receiver.url("/v1/traces"))))
    meters = MeterProvider(metric_readers=[reader])
    tracer = tracers.get_tracer("another.instrumentor")
    digest = write_bundle(tmp_path / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry()}})
    recorder = OtelRecorder(meters.get_meter("test"))
    with still_client(f"file://{tmp_path}", Clock(), tuning=Tuning(recorder=recorder)) as client:
        prompt = client.get(NAME)
        with prompt.observe(model="gpt-4o") as call, tracer.start_as_current_span("chat gpt-4o"):
            call.usage(input_tokens=7, output_tokens=3)
    tracers.shutdown()
    meters.shutdown()

    spans = [
        span
        for body in receiver.bodies["/v1/traces"]
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (span,) = spans
    assert span.name == "chat gpt-4o"
    assert attributes(span.attributes) == {
        semconv.PROMPT_NAME: NAME,
        semconv.PROMPT_VERSION: "v1",
        semconv.PROMPT_VERSION_ID: prompt.version_id,
        semconv.PROMPT_DIGEST: prompt.digest,
        semconv.PROMPT_LABEL: "production",
        semconv.BUNDLE_DIGEST: digest,
    }
    metrics = {
        metric.name: metric
        for body in receiver.bodies["/v1/metrics"]
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    (point,) = metrics[semconv.INPUT_TOKENS].sum.data_points
    assert point.as_int == 7
    assert attributes(point.attributes)[semconv.PROMPT_VERSION_ID] == prompt.version_id
    (duration,) = metrics[semconv.DURATION].histogram.data_points
    assert metrics[semconv.DURATION].unit == "s"
    assert duration.count == 1
