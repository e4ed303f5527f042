"""A service in this process, on a store in memory, asked without a network: its loop runs in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from served_prompts import until

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.server.access import Guard
from catalog_tool.server.app import App
from catalog_tool.server.judging import OUR_OWN, Rulebook
from catalog_tool.server.metrics import Board
from catalog_tool.server.origin import StoreOrigin
from catalog_tool.server.routes import NAMES
from catalog_tool.server.service import Parts, Service, Store
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import done, held

GREET = "support/greet"
SPLIT = [{"version": "v1", "weight": 60}, {"version": "v2", "weight": 40}]
EVERYTHING = ("read", "write", "sync", "metrics")


_Given = TypeVar("_Given")


class InProcess:
    """Requests to an ASGI application in a loop of its own; begins and ends the application's life."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._said: asyncio.Queue[Any] = asyncio.Queue()
        self._life = asyncio.run_coroutine_threadsafe(
            app({"type": "lifespan"}, self._messages.get, self._said.put), self._loop
        )
        self._tell("startup")
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")

    def _run(self, work: Coroutine[Any, Any, _Given]) -> _Given:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def _tell(self, what: str) -> None:
        self._run(self._messages.put({"type": f"lifespan.{what}"}))
        assert self._run(self._said.get())["type"] == f"lifespan.{what}.complete"

    def request(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """One request, answered whole."""
        return self._run(self._client.request(method, path, **asked))

    def close(self) -> None:
        """End the application's life, and the loop."""
        self._run(self._client.aclose())
        self._tell("shutdown")
        self._life.result(timeout=10)
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The client with its service and store; ``tokens`` is the file of tokens, if there is one."""

    client: InProcess
    service: Service
    store: MemoryStore
    tokens: TokenFile | None

    def get(self, path: str, **asked: Any) -> Any:
        """One GET."""
        return self.client.request("GET", path, **asked)

    def put(self, path: str, **asked: Any) -> Any:
        """One PUT."""
        return self.client.request("PUT", path, **asked)

    def post(self, path: str, **asked: Any) -> Any:
        """One POST."""
        return self.client.request("POST", path, **asked)

    def bearer(self, *scopes: str, labels: tuple[str, ...] = ("*",), seconds: int | None = None) -> dict[str, str]:
        """The header of a new token."""
        assert self.tokens is not None
        secret, _ = self.tokens.create(Wish(name="t", scopes=scopes, labels=labels, seconds=seconds), 1_000_000)
        self.reload()
        return {"Authorization": f"Bearer {secret}"}

    def reload(self) -> None:
        """Let the guard look at the file at its next decision."""
        self.service.guard.forget()


def filled() -> MemoryStore:
    """A store with two versions, three labels and a skill, as a sync leaves it."""
    store = MemoryStore()
    backend = held(lambda prefix="": MemoryBackend(store, prefix))
    done(
        backend,
        put_version(text="Hello {{name}}.", description="Greets.", owners=["team-support"]),
        put_version(version="v2", text="Hi {{name}}."),
        put_version("review", text="Review: {{diff}}"),
        put_label("v1"),
        put_label("v2", "staging"),
        put_label(SPLIT, "canary"),
        put_label("v1", name="review"),
        put_skill(),
    )
    backend.drop_lease("token-1")
    return store


@contextmanager
def desk(
    folder: Path,
    *,
    tokens: bool = False,
    blocks_edits: bool = False,
    store: MemoryStore | None = None,
    rulebook: Rulebook = OUR_OWN,
    kind: type[MemoryBackend] = MemoryBackend,
) -> Iterator[Desk]:
    """A desk that is ready. Without ``tokens`` it is open for reading; ``kind`` is what it writes with."""
    found = store or filled()
    file = TokenFile(folder / "tokens.json") if tokens else None
    guard = Guard(file)
    board = Board(folder / "board", NAMES)
    origin = StoreOrigin(MemoryBackend(found))
    behind = Store(lambda prefix: kind(found, prefix))
    service = Service(Parts(origin, behind, behind.contents, guard, board, blocks_edits, rulebook))
    with closing(InProcess(App(service))) as client:
        assert until(lambda: service.keeper.is_ready)
        yield Desk(client=client, service=service, store=found, tokens=file)
