"""Row 19 for any store behind a proxy: answers are lost before and after their effect, and nothing is stored twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from cutting_proxy import Cut

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.errors import UnavailableError
from catalog_tool.model.target import Lease, Write
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import RUN

Repeated = Callable[..., None]
"""Makes steps through a backend until the store has answered."""


class Cutting(Protocol):
    """Whatever loses the answer of the next write, before or after its effect."""

    cut: Cut | None


def repeated(backend: Backend, *writes: Write) -> None:
    """Make the steps, asking again as often as the backend says that one may."""
    for _ in range(5):
        try:
            outcomes = backend.write(writes, RUN)
        except UnavailableError:
            continue
        assert [found.outcome for found in outcomes] == ["done"] * len(writes)
        return
    raise AssertionError("never answered")


def publish_while_cut(backend: Backend, proxy: Cutting, lease: Lease, writes: int, make: Repeated = repeated) -> None:
    """Publish v1, v2, … of one prompt with its label, a third of the answers lost on either side of their effect."""
    chooser = random.Random(19)
    for number in range(1, writes + 1):
        version, before = f"v{number}", f"v{number - 1}" if number > 1 else None
        proxy.cut = None
        backend.take_lease(lease)  # on a slow machine the trial outlasts one lease
        proxy.cut = chooser.choice([None, Cut.BEFORE, Cut.AFTER])
        steps: tuple[Write, ...] = (
            put_version("p", version, version), put_label(version, name="p", seen=before),
        )  # fmt: skip
        make(backend, *steps)


def assert_published_once(backend: Backend, writes: int) -> None:
    """The store holds what was published, once each, with a trail and generations to match."""
    found = {item.address: item.entry for item in backend.scan()}
    wanted = [put_version("p", f"v{number}", f"v{number}") for number in range(1, writes + 1)]
    last = put_label(f"v{writes}", name="p")
    assert found == {write.address: write.entry for write in (*wanted, last)}
    events = list(backend.events())
    assert [event.after for event in events] == [f"v{number}" for number in range(1, writes + 1)]
    assert verify(events) is None
    assert dict(backend.generations()) == {"p": writes}
    assert set(backend.load().inventory) == set(found)
