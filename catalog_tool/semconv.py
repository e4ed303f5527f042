"""Names that traces, metrics and HTTP answers carry. One name a thing, everywhere."""

from __future__ import annotations

PROMPT_VERSION_ID = "prompt_version_id"
"""A version id, ``v2-3f9a1c0b77de``: trace attribute and Prometheus label (design §1)."""
