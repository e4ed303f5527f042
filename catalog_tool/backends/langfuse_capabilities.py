"""What a Langfuse project can hold: read by the lint of targets, so nothing is imported here that asks a server."""

from __future__ import annotations

from catalog_tool.model.capabilities import Capabilities

NAME_CHARACTERS = 255
NAME_PATTERN = r"(?!(?:new|metrics|prompt-detail|\.|\.\.)\Z)(?!.*//)[^|<>/\s](?:[^|<>\n]*[^|<>/\s])?"
"""What Langfuse takes as a prompt's name, folders and all; it would trim blanks at the ends."""
LABEL_PATTERN = r"(?!latest\Z)[a-z0-9_.-]{1,36}"

CAPABILITIES = Capabilities(
    backend="langfuse",
    idempotent_create=False,
    compare_and_swap=False,
    transactional=False,
    bulk_read=False,
    label_delete=False,
    labels_go_with_version=True,
    weighted_labels=False,
    experimental=True,
    attributed=False,
    blocks_edits="protected labels of Langfuse bind its UI, not API keys",
    readers_seconds=60,
    skills_below_prefix=False,
    batch=20,
    version_bytes=400_000,
    name_characters=NAME_CHARACTERS,
    name_pattern=NAME_PATTERN,
    label_pattern=LABEL_PATTERN,
)
