"""``catalog serve`` as far as it goes without listening: wrong settings and a missing extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scratch import CatalogCommand, Scratch, isolated_environment

TARGETS = "format: 1\ncatalog: acme\ntargets:\n  a: {backend: sqlite, path: a.db}\n  b: {backend: sqlite, path: b.db}\n"


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(TARGETS, "utf-8")
    code = (
        "import sys; sys.modules['granian'] = None; from catalog_tool.cli.main import run;"
        "run(['serve', '--target', 'a'])"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=isolated_environment(tmp_path / "home"),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (2, "")
    assert "pip install 'catalog-tool[server]'" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--target a"),
        (("--target", "c"), "no target 'c'"),
        (("--target", "a", "--bundle", "x"), "cannot both be meant"),
        (("--port", "0"), "--port"),
        (("--target", "a", "--tls-key", "none.pem"), "no such file"),
    ],
)
def test_wrong_usage(scratch: Scratch, arguments: tuple[str, ...], words: str) -> None:
    pytest.importorskip("granian", reason="the extra `server` is not installed")
    scratch.write("catalog.yaml", TARGETS)
    found = scratch.run("serve", *arguments)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_a_schema_of_the_team_that_is_not_there_is_told_before_anything_listens(scratch: Scratch) -> None:
    pytest.importorskip("granian", reason="the extra `server` is not installed")
    scratch.write("catalog.yaml", f"{TARGETS}schemas: {{prompt: schemas/team.json}}\n")
    found = scratch.run("serve", "--target", "a")
    assert (found.code, found.out) == (2, "")
    assert "schemas/team.json does not exist" in found.err


def test_help_names_the_examples(catalog_command: CatalogCommand) -> None:
    for words in (("serve",), ("token",), ("token", "create"), ("export",)):
        found = catalog_command(*words, "--help")
        assert found.code == 0
        assert "Examples:" in found.out
