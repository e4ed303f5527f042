"""Measures of sync: a first sync beside one bulk upsert, a no-change plan beside reading both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .measure import REPOSITORY, CommandError, environment
from .rows import Row
from .setting import Setting

_MICRO = 1_000_000
_VERSIONS = 10
_TEXT = "You are assistant {0} in version {1}.\n" + "  Answer what is asked, and say so when you do not know.\n" * 30
_PROMPT = "id: p{0}\nversion: v{1}\nmodel: gpt-4o-2024-08-06\ntemperature: 0.3\nsystem_prompt: |\n  " + _TEXT


def syncs(setting: Setting) -> list[Row]:
    """A tenth of ``--size`` prompts with ten versions each, two labels a prompt, on SQLite and Postgres."""
    root = _catalog(setting)
    rows = []
    for backend in ("sqlite", "postgres"):
        found = _told(setting, root, backend)
        count = found["objects"]
        rows.append(
            Row(
                f"{backend}: first sync, a row", found["sync"] / count * _MICRO,
                "the same rows in one bulk upsert", found["upsert"] / count * _MICRO, "µs", 3,
            )
        )  # fmt: skip
        rows.append(
            Row(
                f"{backend}: no-change plan", found["plan"] * 1000,
                "reading the catalog and all digests", found["reading"] * 1000, "ms", 2,
            )
        )  # fmt: skip
        if backend == "sqlite":
            rows.append(
                Row(
                    "sqlite: a plan's memory", found["beyond"] / 2**20,
                    "the bundle's own size", found["bundle"] / 2**20, "MiB", 1,
                )
            )  # fmt: skip
    return rows


def _catalog(setting: Setting) -> Path:
    root = setting.scratch / "syncs"
    if root.exists():
        return root
    prompts = max(setting.size // _VERSIONS, 1)
    for number in range(prompts):
        folder = root / "prompts" / f"p{number}"
        folder.mkdir(parents=True)
        for version in range(1, _VERSIONS + 1):
            (folder / f"v{version}.yaml").write_text(_PROMPT.format(number, version), encoding="utf-8")
    labels = "".join(f"p{number}: {{production: v9, staging: v10}}\n" for number in range(prompts))
    (root / "prompts" / "registry.yaml").write_text(labels, encoding="utf-8")
    (root / "catalog.yaml").write_text("catalog: bench\n", encoding="utf-8")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-q", "-m", "All of it")):
        subprocess.run(["git", *words], cwd=root, env=environment(), check=True)
    return root


def _told(setting: Setting, root: Path, backend: str) -> dict[str, float]:
    scratch = setting.scratch / f"stores-{backend}"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.bench.sync_calls", str(root), backend, str(scratch), str(setting.runs)]
    cache = {"CATALOG_CACHE_DIR": str(setting.cache("syncs"))}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment(cache), capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise CommandError(f"{backend}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
