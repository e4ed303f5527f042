"""A backend of another package: installed beside ours, named in ``catalog.yaml``, held to the kit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scratch import Answer, Scratch

import catalog_tool

MANUAL = Path(catalog_tool.__file__).parent / "docs" / "sync.md"
PROMPT = "id: greet\nversion: v1\nmodel: m\nsystem_prompt: Hello.\n"
SETTINGS = """\
catalog: acme
targets:
  live: {backend: acme, cabinet: ../cabinet, drawer: "${ACME_DRAWER}"}
"""
MODULE = '''
"""Somebody's package: cabinets with drawers. Underneath is a store of the library's own, for brevity."""

from pathlib import Path

from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import UsageError


def connect(options):
    cabinet, drawer = options.get("cabinet") or options.get("path"), options.get("drawer", "top")
    if not cabinet:
        raise UsageError("an acme target needs `cabinet`", hint="cabinet: /srv/cabinet")
    Path(cabinet).mkdir(exist_ok=True)
    return connect_sqlite({"path": str(Path(cabinet) / f"{drawer}.db"), "prefix": options.get("prefix", "")})
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with the distribution as pip would have put it there."""
    folder = tmp_path / "site"
    info = folder / "acme_catalog-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-catalog\nVersion: 1\n", "utf-8")
    [written] = re.findall(r'^acme = "(.+)"$', MANUAL.read_text("utf-8"), re.MULTILINE)
    (info / "entry_points.txt").write_text(f"[catalog_tool.backends]\nacme = {written}\n", "utf-8")
    (folder / "acme_catalog.py").write_text(MODULE, "utf-8")
    return folder


def environment(site: Path) -> dict[str, str]:
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1", "ACME_DRAWER": "second"}
    return {"PYTHONPATH": os.pathsep.join(paths), **ours}


def test_a_target_of_another_packages_backend_is_kept_true(scratch: Scratch, site: Path) -> None:
    scratch.write_all({
        "catalog.yaml": SETTINGS, "prompts/greet/v1.yaml": PROMPT, "prompts/registry.yaml": "greet: {production: v1}\n",
    })  # fmt: skip
    scratch.commit()

    def run(*arguments: str) -> Answer:
        return scratch.run(*arguments, env=environment(site))

    assert run("validate").code == 0
    synced = run("sync", "live", "--format", "json")
    assert (synced.code, synced.json()["status"]) == (0, "done")
    assert [path.name for path in (scratch.root.parent / "cabinet").glob("*.db")] == ["second.db"]
    assert run("plan", "live", "--format", "json").json()["status"] == "unchanged"
    assert run("drift", "live", "--format", "json").json()["status"] == "in_sync"
    scratch.write("catalog.yaml", SETTINGS.replace("cabinet: ../cabinet, ", ""))
    scratch.commit()
    lost = run("plan", "live")
    assert lost.code == 2
    assert "an acme target needs `cabinet`" in lost.err


def test_a_package_that_is_not_installed_or_broken_is_named(scratch: Scratch, site: Path) -> None:
    scratch.write_all({"catalog.yaml": SETTINGS, "prompts/greet/v1.yaml": PROMPT})
    scratch.commit()
    without = scratch.run("plan", "live", env={"ACME_DRAWER": "x"})
    assert without.code == 2
    assert "there is no backend 'acme'" in without.err
    (site / "acme_catalog.py").write_text("import nothing_of_that_name\n", "utf-8")
    broken = scratch.run("plan", "live", env=environment(site))
    assert broken.code == 2
    assert "nothing_of_that_name" in broken.err
    assert "Traceback" not in broken.err


def test_the_kit_runs_as_the_manual_says(site: Path, tmp_path: Path) -> None:
    [module] = re.findall(
        r"```python\n(.+?)```", MANUAL.read_text("utf-8").partition("## A backend of your own")[2], re.DOTALL
    )
    folder = tmp_path / "their tests"
    folder.mkdir()
    (folder / "test_acme.py").write_text(module, "utf-8")
    some = "byte_for_byte or older_commit or renews or hundred_clean"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", some, str(folder)]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment(site)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    [passed] = re.findall(r"^(\d+) passed, \d+ deselected", done.stdout, re.MULTILINE)
    assert int(passed) >= 4
