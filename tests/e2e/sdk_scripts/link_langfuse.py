"""A Langfuse generation, linked; its span is read from the exporter of Langfuse's own tracer."""

from langfuse import Langfuse
from linked import VARIABLES, prompt, say
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from catalog_tool.client.trace_links import link_langfuse

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
client = Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", base_url="http://127.0.0.1:9", tracer_provider=provider)
found = prompt()
with client.start_as_current_observation(as_type="generation", name="answer", model="gpt-4o"):
    link_langfuse(found, VARIABLES)
(span,) = exporter.get_finished_spans()
say(version_id=found.version_id, attributes=dict(span.attributes))
