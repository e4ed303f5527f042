"""Services that the tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .desk import Desk, desk


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Desk]:
    """A service without tokens."""
    with desk(tmp_path) as found:
        yield found


@pytest.fixture
def guarded_desk(tmp_path: Path) -> Iterator[Desk]:
    """A service with a file of tokens."""
    with desk(tmp_path, tokens=True) as found:
        yield found
