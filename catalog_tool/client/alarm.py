"""Saying loudly, once, that something needs a person. The library never prints: this is its log."""

from __future__ import annotations

LOGGER = "catalog_tool.client"


def alarm(message: str) -> None:
    """A warning in the log of ``LOGGER``."""
    import logging  # most clients never have anything to say, and the module takes milliseconds to load

    logging.getLogger(LOGGER).warning("%s", message)
