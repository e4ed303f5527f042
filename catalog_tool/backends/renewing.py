"""What a store may have besides: another ``store_id``, for one that was set back by a backup or a failover.

Generations count moves of labels within one ``store_id``, and clients take no lower one of the same store: so they
refuse what a store says that forgot some of them, until it has another id.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Renewable(Protocol):
    """Implemented by stores that count generations and are their own; the others have no such method."""

    def renew_store(self, token: str) -> None:
        """Give the store, with whatever prefix, another random ``store_id``. Raises ``LeaseLostError``."""
