"""Room that several texts share: the small ones are whole, and no long one takes what the others need."""

from __future__ import annotations

from collections.abc import Sequence


def shared_room(needs: Sequence[int], room: int, least: int) -> list[int]:
    """What each gets of ``room``, in the order of ``needs``; all are bytes, the most important first.

    Who needs little gets all of it, the others get the same each (max-min fairness). Where that would be
    less than ``least``, it is given out in order, ``least`` at a time, and who comes too late gets nothing.
    """
    given = _fair(needs, room)
    if all(got >= min(need, least) for got, need in zip(given, needs, strict=True)):
        return given
    given = []
    for need in needs:
        part = min(need, least)
        given.append(part if part <= room else 0)
        room -= given[-1]
    return given


def _fair(needs: Sequence[int], room: int) -> list[int]:
    given = [0] * len(needs)
    ascending = sorted(range(len(needs)), key=lambda index: needs[index])
    for position, index in enumerate(ascending):
        given[index] = min(needs[index], max(room, 0) // (len(needs) - position))
        room -= given[index]
    return given
