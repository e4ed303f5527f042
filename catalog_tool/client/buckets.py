"""Boundaries of histograms, the same for every recorder, so that dashboards read them alike."""

from __future__ import annotations

from catalog_tool.semconv import LONGEST_SECONDS

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, LONGEST_SECONDS)
TOKENS_PER_SECOND = (1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0, 1000.0)
SCORES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
