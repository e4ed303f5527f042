"""Row 19 for stores that stand in no other trial: our own service behind a wire that is cut, and those in process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cutting_proxy import Cut, CuttingProxy
from lost_answers import assert_published_once, publish_while_cut
from memory_folder import memory_folder
from running_service import catalog_of, running
from soak import SOAK

from catalog_tool.backends import file, memory, sqlite
from catalog_tool.backends.base import Backend
from catalog_tool.backends.http import connect as connect_http
from catalog_tool.errors import UnavailableError
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.faults import FaultyBackend
from catalog_tool.sync.conformance.store import LEASE

WRITES = 2000 if SOAK else 200
SERVED_WRITES = 2000 if SOAK else 50


def test_our_own_service(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "served", "backend: sqlite, path: store.db")
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="ci", scopes=["sync"]), 0)
    with running(folder, "--tokens", str(tokens.path), wait_for="/healthz") as service:
        with CuttingProxy(("127.0.0.1", service.port), b"POST /v1/sync/write ") as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            with closing(connect_http({"url": url, "token": secret})) as backend:
                publish_while_cut(backend, proxy, LEASE, SERVED_WRITES)
            cuts = proxy.cuts
        with closing(connect_http({"url": service.url, "token": secret})) as backend:
            assert_published_once(backend, SERVED_WRITES)
    assert min(cuts[Cut.BEFORE], cuts[Cut.AFTER]) > SERVED_WRITES / 5


class Losing(FaultyBackend):
    """A store in this process whose writes fail before or after their effect, as ``cut`` says: once."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(
            inner, before=lambda name: self._lost(name, Cut.BEFORE), after=lambda name: self._lost(name, Cut.AFTER)
        )
        self.cut: Cut | None = None
        self.cuts: Counter[Cut] = Counter()

    def _lost(self, name: str, when: Cut) -> UnavailableError | None:
        if name != "write" or self.cut is not when:
            return None
        self.cut = None
        self.cuts[when] += 1
        return UnavailableError("the answer was lost")


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as parent:  # what the disk keeps is not on trial
        yield parent


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param(lambda _: memory.MemoryBackend(memory.MemoryStore()), id="memory"),
        pytest.param(lambda folder: sqlite.connect({"path": str(folder / "target.db")}), id="sqlite"),
        pytest.param(lambda folder: file.connect({"path": str(folder / "target")}), id="file"),
    ],
)
def test_a_store_in_this_process(opened: Callable[[Path], Backend], folder: Path) -> None:
    with closing(opened(folder)) as backend:
        losing = Losing(backend)
        publish_while_cut(losing, losing, LEASE, WRITES)
        assert_published_once(backend, WRITES)
    assert min(losing.cuts[Cut.BEFORE], losing.cuts[Cut.AFTER]) > WRITES / 5
