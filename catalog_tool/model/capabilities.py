"""What a kind of store can do: declared by each backend, so that nothing it cannot do is hidden."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The declaration of one backend. Sizes are bytes of UTF-8 unless a name says otherwise; None: no limit of its own.

    * ``idempotent_create``: creating the same version twice stores it once.
    * ``compare_and_swap``: a step is refused by the store itself where the object changed meanwhile.
    * ``transactional``: object, marker and inventory entry change together or not at all.
    * ``bulk_read``: the number of requests of a whole read does not grow with the number of objects.
    * ``metadata``: description, owners, tags and ``x-*`` are kept with a version.
    * ``label_delete``, ``version_delete``: whether these can be removed at all.
    * ``labels_go_with_version``: a version can be removed with the labels on it, though a label alone cannot.
    * ``weighted_labels``: a label may be a split of versions.
    * ``skills``: whether skills can be stored; ``skills_below_prefix``: also by a target with a prefix.
    * ``attributed``: the store says when and by whom an object was changed.
    * ``blocks_edits``: why edits beside git cannot be refused there; empty where they can.
    * ``readers_seconds``: how long an application goes on with what it read before an edit, if it changes no setting.
    * ``batch``: how many writes one request may carry.
    * ``name_pattern``, ``label_pattern``, ``skill_pattern``: what names the store takes, as a regular expression.
    """

    backend: str
    idempotent_create: bool = True
    compare_and_swap: bool = True
    transactional: bool = True
    bulk_read: bool = True
    metadata: bool = True
    label_delete: bool = True
    version_delete: bool = True
    labels_go_with_version: bool = False
    weighted_labels: bool = True
    skills: bool = True
    skills_below_prefix: bool = True
    attributed: bool = False
    experimental: bool = False
    blocks_edits: str = "whoever can write to the store can edit it"
    readers_seconds: int = 30
    batch: int = 500
    version_bytes: int | None = None
    text_characters: int | None = None
    name_characters: int | None = None
    name_pattern: str | None = None
    label_pattern: str | None = None
    skill_pattern: str | None = None
    roles: frozenset[str] | None = None
    """Roles of messages that the store can hold; None: all."""
