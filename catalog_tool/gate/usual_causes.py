"""Where to look first when a metric is bad: by the words in its name, the first that fits."""

from __future__ import annotations

import re

_CAUSES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("time_to_first_token", "first_token", "ttft"), "the load on the server, or its prompt cache"),
    (("recall",), "the embeddings or the index"),
    (("precision",), "the chunking or the reranker"),
    (("faithfulness", "faithful", "groundedness", "hallucination"), "the temperature or the system prompt"),
    (("latency", "tokens_per_second", "between_tokens"), "the load on the server, or longer answers"),
    (("cost", "tokens"), "a longer prompt, more examples, or longer answers"),
)


def usual_cause(metric: str) -> str | None:
    """What usually makes this metric bad, or None where nothing is known."""
    words = re.sub(r"[^a-z0-9]+", "_", metric.lower())
    return next((cause for names, cause in _CAUSES if any(name in words for name in names)), None)
