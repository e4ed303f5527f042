"""Who gets which version of a weighted label (design §2.2)."""

from __future__ import annotations

from catalog_tool.rollout.bucket import SLOTS, Router, slot

__all__ = ["SLOTS", "Router", "slot"]
