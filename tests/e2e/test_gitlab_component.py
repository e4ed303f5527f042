"""The GitLab component, every line of its scripts run in bash as a GitLab runner does."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_runner import tool_folders
from gitlab_server import serving
from scratch import Scratch

COMPONENT = Path(__file__).parents[2] / ".gitlab" / "catalog.yml"
PROMPT = "id: greet\nversion: {version}\nowners: [team]\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  {text}\n"


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as made:
        yield made


def run(catalog: Scratch, server: Any, job: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A job: the common part's scripts (but for the installation) and its own, with `set -eo pipefail`."""
    header, _, body = COMPONENT.read_text(encoding="utf-8").partition("\n---\n")
    given = {"targets": "production"}
    inputs = {
        name: given.get(name, entry["default"]) for name, entry in yaml.safe_load(header)["spec"]["inputs"].items()
    }
    jobs = yaml.safe_load(re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: str(inputs[found[1]]), body))
    base, own = jobs[".catalog"], jobs[job]
    lines = [line for line in (*base["before_script"], *own["script"]) if "pip install" not in line]
    environment = {
        **catalog.command.environment, "CI": "true", "CI_PROJECT_DIR": str(catalog.root), "CI_API_V4_URL": server.url,
        "CI_PROJECT_ID": "group/prompts", "CI_PIPELINE_ID": "5", "CI_JOB_ID": "6", "GITLAB_TOKEN": "glpat-canary",
        "CI_COMMIT_SHA": catalog.git("rev-parse", "HEAD"),
        "PATH": os.pathsep.join((*tool_folders(), catalog.command.environment["PATH"])), **more,
    }  # fmt: skip
    for name, value in base["variables"].items():
        environment[name] = value.replace("$CI_PROJECT_DIR", str(catalog.root))
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
        cwd=catalog.root, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def catalog(scratch: Scratch, tmp_path: Path) -> Scratch:
    settings = f"catalog: acme\ntargets:\n  production: {{backend: sqlite, path: {tmp_path / 'x.db'}}}\n"
    scratch.write_all(
        {
            "catalog.yaml": settings,
            ".gitignore": ".catalog-ci/\n",
            "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Greet warmly."),
            "prompts/registry.yaml": "greet:\n  production: v1\n",
        }
    )
    scratch.commit()
    scratch.git("update-ref", "refs/remotes/origin/main", "main")
    return scratch


def test_a_merge_request_is_reviewed_with_a_note_and_reports(catalog: Scratch, server: Any) -> None:
    catalog.git("checkout", "--quiet", "-b", "feature")
    catalog.write("prompts/greet/v2.yaml", PROMPT.format(version="v2", text="Greet briefly."))
    catalog.commit()
    review = {"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    done = run(catalog, server, "catalog-review", **review)
    assert done.returncode == 0, done.stdout + done.stderr
    (note,) = server.notes
    assert "briefly" in note["body"]
    assert json.loads((catalog.root / ".catalog-ci/tfplan.json").read_text())["create"] > 0
    assert json.loads((catalog.root / ".catalog-ci/code-quality.json").read_text()) == []
    catalog.write("prompts/greet/v2.yaml", PROMPT.format(version="v2", text="Greet {{#broken."))
    catalog.commit()
    done = run(catalog, server, "catalog-review", **review)
    assert done.returncode == 1
    assert "The catalog has" in server.notes[0]["body"]
    assert json.loads((catalog.root / ".catalog-ci/code-quality.json").read_text())


def test_the_default_branch_is_synced_and_looked_at(catalog: Scratch, server: Any) -> None:
    assert run(catalog, server, "catalog-drift").returncode == 3
    done = run(catalog, server, "catalog-sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(catalog, server, "catalog-drift").returncode == 0
