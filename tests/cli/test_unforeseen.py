"""A target at which something fails that nobody foresaw: it is ``unknown``, and the others are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Scratch

PROMPT = "id: greet\nversion: v1\nmodel: m\nsystem_prompt: Hello.\n"
SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: runtime.db}
  odd: {backend: odd}
"""
MODULE = """
from catalog_tool.backends.sqlite import connect as connect_sqlite


class Odd:
    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def load(self):
        return {}["version"]


def connect(options):
    return Odd(connect_sqlite({"path": "odd.db"}))
"""


@pytest.fixture
def catalog(scratch: Scratch, tmp_path: Path) -> Scratch:
    """A catalog with a good target and one of a package that has a bug; the package's folder is ``site`` beside it."""
    info = tmp_path / "site" / "odd_catalog-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-catalog\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[catalog_tool.backends]\nodd = odd_catalog:connect\n", "utf-8")
    (tmp_path / "site" / "odd_catalog.py").write_text(MODULE, "utf-8")
    scratch.write_all({"catalog.yaml": SETTINGS, ".gitignore": "*.db*\n", "prompts/greet/v1.yaml": PROMPT})
    scratch.commit()
    assert scratch.run("sync", "local").code == 0
    return scratch


@pytest.mark.parametrize("command", ["drift", "status"])
def test_the_others_are_told(catalog: Scratch, tmp_path: Path, command: str) -> None:
    environment = {"PYTHONPATH": str(tmp_path / "site")}
    found = catalog.run(command, "--format", "json", env=environment)
    targets = found.json()["targets"]
    assert (found.code, found.json()["status"]) == (3, "unknown")
    assert targets["odd"]["status"] == "unknown"
    assert targets["local"]["status"] == {"drift": "in_sync", "status": "ok"}[command]
    text = catalog.run(command, env=environment)
    assert text.code == 3
    assert "KeyError: 'version' (run again with --debug and report it)" in text.out
    traced = catalog.run("--debug", command, env=environment)
    assert "Traceback" in traced.err
