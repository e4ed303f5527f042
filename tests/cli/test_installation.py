"""What is installed is whole, and is what these tests run: in CI the wheel, not the source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scratch import CatalogCommand

import catalog_tool

REPOSITORY = Path(__file__).parents[2]
PACKAGE = Path(catalog_tool.__file__).parent
WHERE = "import catalog_tool; print(catalog_tool.__file__)"

of_the_wheel = pytest.mark.skipif(
    os.environ.get("CATALOG_WHEEL") != "1", reason="CATALOG_WHEEL is not 1: the source is what is tested here"
)


@of_the_wheel
def test_the_tests_import_the_wheel() -> None:
    assert "site-packages" in PACKAGE.parts
    assert not PACKAGE.is_relative_to(REPOSITORY / "catalog_tool")


@of_the_wheel
def test_the_command_is_the_wheels_even_where_the_source_is_the_working_directory() -> None:
    found = subprocess.run(
        [sys.executable, "-P", "-c", WHERE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).parent == PACKAGE


@of_the_wheel
@pytest.mark.parametrize("name", ["checks", "limits", "catalog", "formats"])
def test_the_wheel_has_the_manual(name: str) -> None:
    page = f"{name}.md"
    assert (PACKAGE / "docs" / page).read_bytes() == (REPOSITORY / "catalog_tool" / "docs" / page).read_bytes()


@of_the_wheel
def test_the_wheel_has_every_schema() -> None:
    shipped = {path.name: path.read_bytes() for path in (PACKAGE / "schemas").glob("*.json")}
    assert shipped == {path.name: path.read_bytes() for path in (REPOSITORY / "schemas").glob("*.json")}


def test_the_command_and_the_module_are_one(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("catalog")
    by_name = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    by_module = catalog_command("--version", cwd=tmp_path)
    assert by_name.stdout == by_module.out == f"catalog, version {catalog_tool.__version__}\n"
    assert (by_module.code, by_module.err) == (0, "")


def test_our_own_catalog_is_clean(catalog_command: CatalogCommand) -> None:
    answer = catalog_command("validate", "--format", "json", cwd=REPOSITORY)
    assert answer.code == 0, answer.out
    assert {found["severity"] for found in answer.json()["findings"]} <= {"info"}
