"""Odd places are found though folders that have not changed are not opened again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog_tool.source.memory import Memory
from catalog_tool.source.settled_folders import SETTLED_NS, holds_odd_places

LONG_AGO = (0, 10**18)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setenv("CATALOG_CACHE_DIR", str(tmp_path / "cache"))
    for folder in ("a/b", "c"):
        (tmp_path / "catalog/prompts" / folder).mkdir(parents=True)
        (tmp_path / "catalog/prompts" / folder / "v1.yaml").write_text("")
    return Memory(str(tmp_path / "catalog"))


def age(memory: Memory) -> None:
    for folder, _, _ in os.walk(f"{memory.root}/prompts"):
        os.utime(folder, ns=LONG_AGO)


def test_what_comes_into_a_folder_that_was_settled_is_found(memory: Memory) -> None:
    age(memory)
    assert not holds_odd_places(memory, "prompts")
    assert memory.folders("prompts") == {f"prompts/{path}": LONG_AGO[1] for path in ("", "a/", "a/b/", "c/")}
    for path in ("a/b/v2.yaml", "v1.yaml/x/v3.json", "c/new/v1.md"):
        Path(memory.root, "prompts", path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(f"{memory.root}/prompts/{path}")
        assert holds_odd_places(memory, "prompts") == (not path.startswith("v1.yaml"))
        Path(memory.root, "prompts", path).unlink()
        assert not holds_odd_places(memory, "prompts")


def test_a_folder_whose_time_is_as_it_was_is_not_opened(memory: Memory) -> None:
    age(memory)
    assert not holds_odd_places(memory, "prompts")
    os.mkfifo(f"{memory.root}/prompts/c/v2.yaml")
    os.utime(f"{memory.root}/prompts/c", ns=LONG_AGO)
    assert not holds_odd_places(memory, "prompts")
    os.utime(f"{memory.root}/prompts/c", ns=(0, LONG_AGO[1] + 1))
    assert holds_odd_places(memory, "prompts")


def test_a_folder_that_was_changed_just_now_is_not_trusted(memory: Memory) -> None:
    age(memory)
    os.utime(f"{memory.root}/prompts/c")
    assert not holds_odd_places(memory, "prompts")
    assert memory.folders("prompts") == {}
    assert SETTLED_NS >= 10**9


@pytest.mark.parametrize("kept", ["", "[]", '{"root": 1}', '{"root": "ROOT", "top": "prompts", "folders": [1]}'])
def test_what_else_stands_in_the_cache_is_as_nothing(memory: Memory, kept: str) -> None:
    Path(memory.folder).mkdir(parents=True)
    Path(memory.folder, "folders.json").write_text(kept.replace("ROOT", memory.root))
    assert memory.folders("prompts") == {}
    os.mkfifo(f"{memory.root}/prompts/c/v2.yaml")
    assert holds_odd_places(memory, "prompts")
