"""Other programs that check the same files, each in a virtual environment of its own.

The environments are made on first use under ``CATALOG_BENCH_PEERS``, else the user's cache folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from .measure import environment


def peer(name: str) -> Path | None:
    """The environment with the package ``name`` in it, or None, with a loud line, where it cannot be had."""
    root = Path(os.environ.get("CATALOG_BENCH_PEERS") or Path.home() / ".cache" / "catalog-tool-bench")
    folder = root / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    done = folder / "installed"
    if done.exists():
        return folder
    print(f"installing {name} into {folder}", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    command = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", name]
    answer = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        print(f"!!! PEER {name} CANNOT BE HAD, not compared: {answer.stderr[-300:]}", file=sys.stderr)
        return None
    done.touch()
    return folder
