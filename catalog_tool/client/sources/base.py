"""The protocol of a source, and what every implementation owes the client.

* ``read`` makes one attempt and never repeats a request: repeating is the client's, which knows the
  deadline. Before each request it calls ``budget.spend``, and waits for nothing longer than
  ``budget.remaining``.
* An answer is handed over as it was found. The client verifies it: shape, digests, generation.
* Only ``ClientError`` leaves a source. ``PromptNotFoundError`` is an answer ("there is none"), never a
  failed read.
* ``listen`` holds the line: it calls ``hear`` with a prompt id and generation for each change, once
  with ``(None, None)`` when the line is open, and returns or raises when it is cut. ``close`` ends it.
* ``forked`` is called in a child process: connections of the parent are let go without a word to the
  server, and new ones are made on the next read.
* Methods may be called from several threads at once; ``close`` may be called twice.

A source that keeps labels and versions as rows implements ``Rows`` and leaves the rest to
``answer_from_rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, PromptNotFoundError
from catalog_tool.client.wanted import Wanted, is_digest

ANSWER_BYTES = 4 * 1024 * 1024
"""The largest answer about one prompt that is read, in bytes; a larger one is refused."""

Hear = Callable[[str | None, int | None], None]


class Answer(NamedTuple):
    """What a source says of one prompt, unverified.

    ``label`` is the one that won, empty where a version was asked for; ``value`` its value in JSON.
    ``entries`` has the versions as ``bundle.json`` holds them. ``validator`` is given back on the next
    read, so that the source can say "unchanged".
    """

    label: str
    value: Any
    entries: Mapping[str, Any]
    generation: Any = None
    store_id: Any = None
    bundle: Any = None
    validator: str | None = None


class Source(Protocol):
    """One open source. The module's docstring lists its duties."""

    @property
    def place(self) -> str:
        """Where it is, for people and as part of the disk cache's key: never with a secret."""

    @property
    def pushes(self) -> bool:
        """Whether ``listen`` may be called."""

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """What is wanted; None where it is what ``validator`` says."""

    def listen(self, hear: Hear) -> None:
        """Tell of changes until cut or closed."""

    def forked(self) -> None:
        """Let go of the parent's connections."""

    def close(self) -> None:
        """Let go of everything."""


class LabelRow(NamedTuple):
    """The labels of one prompt and what tells their state: label → value as JSON."""

    labels: Mapping[str, Any]
    generation: Any = None
    store_id: Any = None
    bundle: Any = None


class Rows(Protocol):
    """A store seen as three kinds of rows."""

    def label_row(self, name: str) -> LabelRow:
        """The labels of a prompt; no labels where there is no such prompt."""

    def entry(self, name: str, version: str) -> Any:
        """One version as ``bundle.json`` holds it, decoded; None for none."""

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """Every version of a prompt with its digest."""


def answer_from_rows(rows: Rows, wanted: Wanted) -> Answer:
    """What is wanted, from rows. Raises ``PromptNotFoundError``."""
    row = rows.label_row(wanted.name)
    if wanted.version is not None:
        version = version_by_digest(rows.digests(wanted.name), wanted) if is_digest(wanted.version) else wanted.version
        return _answer(rows, row, wanted, "", version)
    for label in wanted.labels:
        if label in row.labels:
            return _answer(rows, row, wanted, label, row.labels[label])
    raise not_found(wanted)


def version_by_digest(digests: Sequence[tuple[str, str]], wanted: Wanted) -> str:
    """The version whose digest begins as asked; of several with one digest the first.

    Raises ``PromptNotFoundError`` for none, ``BadAnswerError`` where two different ones begin so.
    """
    asked = wanted.version or ""
    found = [(version, digest) for version, digest in digests if digest.startswith(asked)]
    if not found:
        raise not_found(wanted)
    if len({digest for _, digest in found}) > 1:
        raise BadAnswerError(f"{wanted}: more than one digest begins so", hint="give more of it")
    return found[0][0]


def _answer(rows: Rows, row: LabelRow, wanted: Wanted, label: str, value: Any) -> Answer:
    entries = {}
    for version in versions_of(value) if wanted.keyed else versions_of(value)[:1]:
        entry = rows.entry(wanted.name, version)
        if entry is None:
            if not label:
                raise not_found(wanted)
            raise BadAnswerError(f"{wanted}: the label points to {version!r}, which is not there")
        entries[version] = entry
    return Answer(label, value, entries, row.generation, row.store_id, row.bundle)


def versions_of(value: Any) -> list[str]:
    """The versions that a label's value names, the stable one first. Raises ``BadAnswerError``."""
    parts = [value] if isinstance(value, str) else value
    if isinstance(parts, list) and parts:
        found = [part["version"] if isinstance(part, dict) and "version" in part else part for part in parts]
        if all(isinstance(version, str) for version in found):
            return found
    raise BadAnswerError("a label's value is neither a version nor a list of versions and weights")


def not_found(wanted: Wanted) -> PromptNotFoundError:
    """There is no such thing, in words."""
    if wanted.version is not None:
        return PromptNotFoundError(f"there is no {wanted}", hint="see `catalog list` for what was published")
    return PromptNotFoundError(f"there is no {wanted}", hint="is the prompt published, and does the label exist?")
