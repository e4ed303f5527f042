"""Packages from npm that our output is checked against: installed once a machine, loud where they cannot be."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest


@cache
def installed(wanted: Path) -> Path | None:
    """The folder whose ``node_modules`` holds them; None where npm is not there, or cannot fetch them."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    folder = place(wanted)
    if folder.is_dir():
        return folder
    staged = Path(tempfile.mkdtemp(prefix="catalog-tool-npm-"))
    (staged / "package.json").write_bytes((wanted / "package.json").read_bytes())
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    done = subprocess.run(command, cwd=staged, capture_output=True, check=False, timeout=300)
    if done.returncode:
        shutil.rmtree(staged)
        return None
    try:
        staged.rename(folder)
    except OSError:  # another run was quicker
        shutil.rmtree(staged)
    return folder


def place(wanted: Path) -> Path:
    """Where packages are kept between runs."""
    digest = hashlib.sha256((wanted / "package.json").read_bytes()).hexdigest()
    return Path(tempfile.gettempdir()) / f"catalog-tool-npm-{digest[:16]}"


def needed(wanted: Path, unchecked: str) -> Path:
    """The same; without them the test is skipped, and says what was not checked."""
    folder = installed(wanted)
    if folder is None:
        pytest.skip(f"NO NPM PACKAGES: install node and npm; {unchecked}")
    return folder


def run(program: str, *arguments: str, folder: Path, given: str = "") -> str:
    """What a program says beside the packages; it must succeed."""
    done = subprocess.run(
        [program, *arguments], cwd=folder, input=given, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
