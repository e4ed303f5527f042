"""What every test may ask for: the command line, a catalog of its own, the public corpora."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from scratch import CatalogCommand, Scratch, isolated_environment
from soak import SOAK

# Deadlines and slowness say something about the machine, which is shared, not about the law on trial.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("usual"), max_examples=10_000)
settings.load_profile("soak" if SOAK else "usual")


@pytest.fixture
def catalog_command(tmp_path_factory: pytest.TempPathFactory) -> CatalogCommand:
    """``catalog`` as a process: ``catalog_command("list", cwd=folder)`` → exit code, stdout, stderr."""
    return CatalogCommand(environment=isolated_environment(tmp_path_factory.mktemp("home")))


@pytest.fixture
def scratch(tmp_path: Path, catalog_command: CatalogCommand) -> Scratch:
    """An empty repository on ``main`` to write a catalog into; nothing is committed yet."""
    root = tmp_path / "catalog"
    root.mkdir()
    made = Scratch(root=root.resolve(), command=catalog_command)
    made.git("init", "--quiet", "--initial-branch", "main")
    return made


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of public files and vectors; without it the test is skipped, and says so."""
    named = os.environ.get("CATALOG_CORPORA")
    if not named:
        pytest.skip("CATALOG_CORPORA is not set: name the folder of public skills, prompts and vectors")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"CATALOG_CORPORA names {named}, which is no folder")
    return folder
