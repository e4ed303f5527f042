"""What one reader of events is sent: bursts of any size, and an end for one that does not read."""

from __future__ import annotations

import asyncio

from catalog_tool.server.keeper import Change
from catalog_tool.server.stream import QUEUED_CHANGES, Stream


def burst(size: int) -> list[Change]:
    return [Change(f"p{number}", 1) for number in range(size)]


async def read(stream: Stream) -> list[int | None]:
    """The sizes of all that waits, None for the end."""
    found: list[int | None] = []
    while (one := await stream.next(0.01)) != ():
        found.append(None if one is None else len(one))
        if one is None:
            break
    return found


def test_a_burst_of_any_size_cuts_nobody_who_reads() -> None:
    async def reading() -> None:
        stream = Stream()
        for _ in range(3):
            assert stream.offer(burst(20 * QUEUED_CHANGES))
            assert await read(stream) == [20 * QUEUED_CHANGES]
        stream.end()
        assert await read(stream) == [None]

    asyncio.run(reading())


def test_who_does_not_read_is_cut_and_what_waited_is_let_go() -> None:
    async def reading() -> None:
        stream = Stream()
        assert all(stream.offer(burst(1)) for _ in range(QUEUED_CHANGES))
        assert not stream.offer(burst(1))
        assert await read(stream) == [None]

    asyncio.run(reading())
