"""Generations never go back within one store (design §8): a lagging replica is found out."""

from __future__ import annotations

from catalog_tool.client.errors import OlderAnswerError

_NAMES = 8192
"""Prompt ids whose generation is remembered; the oldest go first."""


class Generations:
    """The highest generation seen of each prompt id, and in which store. Used under the keeper's lock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str | None, int]] = {}

    def see(self, name: str, store_id: str | None, generation: int | None) -> None:
        """Remember it. Raises ``OlderAnswerError`` where the same store was seen further on.

        Another ``store_id`` is another store, made anew or restored: it counts from its own start.
        """
        if generation is None:
            return
        known = self._seen.get(name)
        if known is not None and known[0] == store_id and generation < known[1]:
            raise OlderAnswerError(
                f"{name}: the answer is of generation {generation}, and {known[1]} was seen before",
                hint="a replica lags behind, or the store was set back without a new store_id",
            )
        if known is None and len(self._seen) >= _NAMES:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = (store_id, generation)
