"""Names that traces, metrics and HTTP answers carry. One name a thing, everywhere.

``gen_ai.*`` are OpenTelemetry's (semantic conventions for generative AI); the others are ours. A
Prometheus name is the OpenTelemetry one as OpenTelemetry's own translation writes it: dots become
underscores, counters end in ``_total``, seconds in ``_seconds``.
"""

from __future__ import annotations

PROMPT_VERSION_ID = "prompt_version_id"
"""A version id, ``v2-3f9a1c0b77de``: trace attribute and Prometheus label (design §1)."""
PROMPT_NAME = "gen_ai.prompt.name"
"""The prompt's id."""
PROMPT_VERSION = "gen_ai.prompt.version"
"""``v2``."""
PROMPT_DIGEST = "catalog.prompt.digest"
"""``sha256:`` + 64 hex of the prompt version."""
PROMPT_LABEL = "catalog.prompt.label"
"""The label that the version was asked for by; absent where it was asked for by version."""
BUNDLE_DIGEST = "catalog.bundle.digest"
"""The bundle that the version was read from; absent where the source does not say."""
REQUEST_MODEL = "gen_ai.request.model"
"""The model that the call was sent to."""
STATUS = "status"
"""How a call ended: one of ``CALL_STATUSES``; of a tool call, ``ok`` or ``failed``."""

CALL_STATUSES = ("ok", "error", "timeout", "rate_limited", "refused", "cancelled")
METRIC_LABELS = (PROMPT_NAME, PROMPT_VERSION_ID, PROMPT_LABEL, REQUEST_MODEL, STATUS)
"""All that metrics are told apart by. Users, sessions and requests are exemplars, never labels."""

REQUESTS = "catalog.prompt.requests"
DURATION = "catalog.prompt.duration"
TIME_TO_FIRST_TOKEN = "catalog.prompt.time_to_first_token"  # noqa: S105 - a metric's name
TIME_TO_LAST_TOKEN = "catalog.prompt.time_to_last_token"  # noqa: S105 - a metric's name
TIME_BETWEEN_TOKENS = "catalog.prompt.time_between_tokens"
TOKENS_PER_SECOND = "catalog.prompt.tokens_per_second"
INPUT_TOKENS = "catalog.prompt.input_tokens"
OUTPUT_TOKENS = "catalog.prompt.output_tokens"
COST = "catalog.prompt.cost_usd"
UNPRICED = "catalog.prompt.unpriced_requests"
"""Calls that cost something nobody knows: beside ``COST``, so that a sum that lacks them is not taken for whole."""
TOOL_CALLS = "catalog.prompt.tool_calls"
SCORE = "catalog.prompt.score"
FEEDBACK = "catalog.prompt.feedback"
LONGEST_SECONDS = 128.0
"""The last bound of histograms of seconds: what takes longer is not told apart, and a quantile says this number."""


def prometheus_name(name: str) -> str:
    """A name as Prometheus writes it: ``gen_ai.prompt.name`` → ``gen_ai_prompt_name``."""
    return name.replace(".", "_")
