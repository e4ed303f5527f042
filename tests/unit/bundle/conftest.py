"""What the tests of the bundle share."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Scratch

from .building import build_at, fill


@pytest.fixture
def committed(scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A committed catalog; nothing is remembered from test to test."""
    monkeypatch.setenv("CATALOG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return fill(scratch)


@pytest.fixture
def out(committed: Scratch, tmp_path: Path) -> Path:
    """The output folder of a build of that catalog."""
    folder = tmp_path / "out"
    assert build_at(committed.root, folder).digest
    return folder
