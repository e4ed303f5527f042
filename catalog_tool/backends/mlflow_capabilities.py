"""What an MLflow server can hold of a catalog, and the limits of its registry (measured on 3.17.2)."""

from __future__ import annotations

from catalog_tool.model.capabilities import Capabilities

TEXT_CHARACTERS = 100_000
"""A prompt's visible text, and any tag of a version, in code points."""
NAME_CHARACTERS = 256
"""A registered name: the column's width; SQLite would take more, Postgres and MySQL do not."""
DESCRIPTION_CHARACTERS = 5000
"""A version's description: the column's width."""
SKILL_PATTERN = r"(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*"
"""A skill's name in its registry (3.18)."""

CAPABILITIES = Capabilities(
    backend="mlflow",
    idempotent_create=False,
    compare_and_swap=False,
    transactional=False,
    weighted_labels=False,
    blocks_edits="whoever may write to MLflow's registry can edit prompts",
    readers_seconds=60,
    batch=1,
    text_characters=TEXT_CHARACTERS,
    name_characters=NAME_CHARACTERS,
    name_pattern=r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*",
    skill_pattern=SKILL_PATTERN,
    label_pattern=r"(?!(?i:latest|v[0-9]+)\Z)[A-Za-z0-9_-]{1,255}",
)
