"""What a target's store may have besides: a shelf for evidence, written once and never changed.

A record is bytes to a store: it neither reads nor trusts them (``gate.target_evidence`` does). It stands
under the prompt that it is about, the digest of the content that was evaluated, and the record's own digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from catalog_tool.errors import BackendError


class KeptEvidence(NamedTuple):
    """One record: the prompt's id, the digest of the evaluated content, the record's own, and the file's bytes."""

    prompt: str
    subject: str
    digest: str
    data: bytes


@runtime_checkable
class KeepsEvidence(Protocol):
    """Implemented by stores that keep evidence; the others have neither method."""

    def keep_evidence(self, record: KeptEvidence) -> None:
        """Add a record, making the store where needed. One that is there already stays, and is done.

        On disk when this returns, as any write. Needs no lease. BackendError: other bytes stand under its digest.
        """

    def evidence(self, prompts: Collection[str]) -> Iterator[KeptEvidence]:
        """All records about these prompts, each once and in any order; none where there is no store yet."""


def changed_record(place: str, record: KeptEvidence) -> BackendError:
    """The error where other bytes stand under a record's digest than those that are to be kept."""
    what = f"{place}: the evidence {record.digest} about {record.prompt} is not what was written"
    return BackendError(what, hint="somebody changed it there: remove it, and keep it again")
