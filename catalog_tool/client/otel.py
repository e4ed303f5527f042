"""The prompt on OpenTelemetry's spans: the current one, and every one opened inside.

    provider.add_span_processor(PromptSpanProcessor())     # once, where tracing is set up

    with tracing(prompt):
        openai.chat.completions.create(…)                  # other instrumentors' spans carry the prompt

This module owns ``opentelemetry`` for traces: its API, and its SDK for the processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context, trace

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from catalog_tool.client.prompt import Prompt

_KEY = context.create_key("catalog-prompt")


@contextmanager
def tracing(prompt: Prompt) -> Iterator[None]:
    """Put the prompt on the current span, and on all spans that are opened inside this block.

    The second needs ``PromptSpanProcessor``. Blocks nest, and follow ``asyncio`` tasks.
    """
    attributes = prompt.trace_attributes()
    trace.get_current_span().set_attributes(attributes)
    token = context.attach(context.set_value(_KEY, attributes))
    try:
        yield
    finally:
        context.detach(token)


def attributes_in(found: Context | None) -> Mapping[str, str]:
    """The attributes of the prompt that ``found``, else the current context, is inside of."""
    value = context.get_value(_KEY, found)
    return value if isinstance(value, dict) else {}


try:
    from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
except ModuleNotFoundError:  # the API alone: there is nothing to add a processor to
    pass
else:

    class PromptSpanProcessor(SpanProcessor):
        """Copies the prompt to every span that starts inside ``tracing``, whoever starts it."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            """Called by the SDK."""
            span.set_attributes(attributes_in(parent_context))

        def on_end(self, span: ReadableSpan) -> None:
            """Nothing is left to do."""
