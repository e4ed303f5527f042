"""The action, run as a runner does it: a fresh Python, its script, and then the command that it put on the path."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_runner import filled, read_outputs
from scratch import Scratch

ACTION = Path(__file__).parents[2] / ".github" / "actions" / "catalog"
SECONDS = 600
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="bash as runners of Linux have it")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """What actions/setup-python leaves: a Python of its own; its folder of programs."""
    venv.create(tmp_path / "python", with_pip=True)
    return tmp_path / "python" / "bin"


def environment(python: Path, output: Path) -> dict[str, str]:
    """A runner's, with this machine's settings of pip."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "PYTHON"))}
    path = os.pathsep.join((str(python), os.environ["PATH"]))
    return {**kept, "PATH": path, "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)}


def scripts() -> list[dict[str, Any]]:
    action = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    first, *rest = action["runs"]["steps"]
    assert re.fullmatch(r"actions/setup-python@[0-9a-f]{40}", first["uses"])
    assert all(step["shell"] == "bash" and "${{" not in step["run"] for step in rest)
    return rest


def has_index(python: Path, folder: Path) -> bool:
    """Whether pip reaches an index here."""
    first = re.search(r"^[\w.-]+==[\w.]+", (ACTION / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    asked = [str(python / "python"), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), first[0]]
    return subprocess.run(asked, capture_output=True, check=False, timeout=SECONDS).returncode == 0


def test_it_installs_the_command_from_its_own_commit_and_pinned_parts(
    python: Path, scratch: Scratch, tmp_path: Path
) -> None:
    if not has_index(python, tmp_path / "probe"):
        pytest.skip("LOUD: pip reaches no index: the action is not tried")
    output = tmp_path / "output"
    output.touch()
    run = environment(python, output)
    for step in scripts():
        given = {name: filled(value, {"github": {"action_path": str(ACTION)}}) for name, value in step["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={**run, **given}, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    version = read_outputs(output.read_text())["version"]
    assert re.fullmatch(r"[0-9]+\.[0-9]+\S*", version)
    scratch.write("catalog.yaml", "catalog: acme\n")
    scratch.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nmodel: gpt-4o\nsystem_prompt: Greet {{name.\n")
    scratch.commit()
    checked = subprocess.run(
        ["catalog", "validate", "--format", "github"],
        env=run, cwd=scratch.root, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert checked.returncode == 1
    assert "::error file=prompts/greet/v1.yaml,line=4," in checked.stdout
    where = subprocess.run(["which", "catalog"], env=run, capture_output=True, text=True, check=True).stdout.strip()
    assert Path(where).parent == python
