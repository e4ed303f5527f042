"""The client for ``asyncio``: the same steps, driven by an event loop instead of a blocked thread."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from catalog_tool.client.client import PromptClient
from catalog_tool.client.prompt import Prompt
from catalog_tool.client.status import Status

if TYPE_CHECKING:
    import asyncio

    from catalog_tool.client.flight import Flight


class AsyncPromptClient:
    """``async with AsyncPromptClient("https://…") as client: await client.get("support_agent")``.

    Takes what ``PromptClient`` takes, or a ``PromptClient`` to share with other threads and loops. A
    ``get`` of something that is held never waits, and one that waits blocks no thread.
    """

    def __init__(self, source: Any, **settings: Any) -> None:
        self.client = source if isinstance(source, PromptClient) else PromptClient(source, **settings)

    async def get(
        self,
        name: str,
        label: str | Sequence[str] = "production",
        version: str | None = None,
        key: str | None = None,
        fallback: Any = None,
    ) -> Prompt:
        """``PromptClient.get``."""
        found = self.client.held(name, label, version, key)
        if found is not None:
            return found
        steps = self.client.steps(name, label, version, key, fallback)
        try:
            while True:
                await _landed(*next(steps))
        except StopIteration as done:
            prompt: Prompt = done.value
            return prompt

    def feedback(self, sample_id: str | None, score: float, comment: str | None = "") -> None:
        """``PromptClient.feedback``; it waits for nothing."""
        self.client.feedback(sample_id, score, comment)

    def status(self) -> Status:
        """``PromptClient.status``."""
        return self.client.status()

    def counters(self) -> Mapping[str, int]:
        """``PromptClient.counters``."""
        return self.client.counters()

    async def close(self) -> None:
        """``PromptClient.close``; threads may take a moment to end, so another one waits for them."""
        import asyncio  # who calls this has it

        await asyncio.to_thread(self.client.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _landed(flight: Flight, seconds: float) -> None:
    """Until the flight has landed, at most so long."""
    import asyncio  # who awaits has it loaded; who does not is spared 70 ms

    loop = asyncio.get_running_loop()
    landed: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not landed.done():
            landed.set_result(None)

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended while the fetch was under way
            loop.call_soon_threadsafe(tell)

    flight.on_done(wake)
    await asyncio.wait([landed], timeout=seconds)
