"""Which plugin a hidden name belongs to, where the agent tells the plugin's hash."""

from __future__ import annotations

import hashlib

from catalog_tool.usage.agent_telemetry import PLUGIN_HASH_DIGITS, PLUGIN_HASH_SALT

HASH_MARK = "\x1f"
"""Stands between a hidden name and its plugin's hash while both are counted; no name can hold it."""


def plugin_id_hash(plugin: str, marketplace: str = "") -> str:
    """``plugin_id_hash`` as agents send it: 16 hex digits of SHA-256 over ``plugin@marketplace`` and the salt.

    The marketplace is in lower case there; a plugin without one is hashed alone.
    """
    key = f"{plugin}@{marketplace.lower()}" if marketplace else plugin
    return hashlib.sha256(f"{key}{PLUGIN_HASH_SALT}".encode()).hexdigest()[:PLUGIN_HASH_DIGITS]
