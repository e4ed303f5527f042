"""A runner of GitHub Actions for the workflows that we ship: enough of one to run every step of theirs.

What it knows is what the documents of Actions say: the default variables, a file each step for outputs and the
summary, `bash --noprofile --norc -eo pipefail`, `continue-on-error`, conditions with status functions, and what
the log obeys. Actions of others are played: they check what they are given and leave what they would leave.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

WORKFLOWS = Path(__file__).parents[1] / ".github" / "workflows"
SECONDS = 120


@dataclass
class Ran:
    """One step: how it ended, what it printed, and its outputs. ``outcome`` is before ``continue-on-error``."""

    name: str
    outcome: str
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """A job that ran."""

    steps: dict[str, Ran] = field(default_factory=dict)
    conclusion: str = "success"
    summary: str = ""

    @property
    def log(self) -> str:
        return "".join(step.log for step in self.steps.values())

    def step(self, name: str) -> Ran:
        return next(ran for ran in self.steps.values() if ran.name.startswith(name))


class Runner:
    """Runs jobs in ``workspace``. ``cache`` outlives a job, as Actions' does."""

    def __init__(self, workspace: Path, temp: Path, environment: Mapping[str, str]) -> None:
        self.workspace, self.temp, self.environment = workspace, temp, dict(environment)
        self.cache: dict[str, dict[str, bytes]] = {}
        self.artifacts: dict[str, list[str]] = {}
        self.uploaded: list[Any] = []

    def run(self, workflow: str, job: str, given: Mapping[str, Any], contexts: Mapping[str, Any]) -> Job:
        """Run a job of a reusable workflow with these inputs."""
        text = yaml.safe_load((WORKFLOWS / workflow).read_text(encoding="utf-8"))
        spec, call = text["jobs"][job], text[True]["workflow_call"]
        shutil.rmtree(self.temp, ignore_errors=True)
        self.temp.mkdir(parents=True)
        known = set(call["inputs"])
        assert set(given) <= known, f"{workflow} has no inputs {set(given) - known}"
        inputs = {name: given.get(name, entry.get("default", "")) for name, entry in call["inputs"].items()}
        missing = [name for name, entry in call["inputs"].items() if entry.get("required") and name not in given]
        assert not missing, missing
        assert set(contexts.get("secrets", {})) <= set(call["secrets"])
        scope = {
            "inputs": inputs,
            "runner": {"temp": str(self.temp)},
            "steps": {},
            "strategy": {"job-index": 0},
            **contexts,
        }
        done = Job()
        for index, step in enumerate(spec["steps"]):
            self._step(index, step, spec, scope, done)
        return done

    def _step(
        self, index: int, step: Mapping[str, Any], spec: Mapping[str, Any], scope: dict[str, Any], done: Job
    ) -> None:
        name = str(step.get("name") or step.get("uses"))
        key = str(step.get("id", index))
        condition = str(step.get("if", "success()"))
        if not re.search(r"\b(success|failure|always|cancelled)\(", condition):
            condition = f"success() && ({condition})"
        if not evaluate(condition, scope, failed=done.conclusion == "failure"):
            ran = Ran(name, "skipped")
        elif "run" in step:
            ran = self._script(index, name, step, spec, scope, done)
        else:
            ran = self._action(name, step, scope)
        done.steps[key] = ran
        scope["steps"][key] = {"outcome": ran.outcome, "outputs": ran.outputs}
        if ran.outcome == "failure" and not step.get("continue-on-error"):
            done.conclusion = "failure"

    def _script(
        self, index: int, name: str, step: Mapping[str, Any], spec: Mapping[str, Any], scope: dict[str, Any], done: Job
    ) -> Ran:
        run = spec["defaults"]["run"]
        assert run["shell"] == "bash"
        assert "${{" not in step["run"], f"{name}: an expression in a script"
        files = {kind: self.temp / f"{kind}-{index}" for kind in ("output", "summary", "path", "env")}
        for file in files.values():
            file.write_text("")
        script = self.temp / f"step-{index}.sh"
        script.write_text(step["run"], encoding="utf-8")
        given = {**spec.get("env", {}), **step.get("env", {})}
        environment = {
            **self.environment, **{key: filled(value, scope) for key, value in given.items()},
            "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(self.temp),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(files["output"]), "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_PATH": str(files["path"]), "GITHUB_ENV": str(files["env"]),
            "PATH": os.pathsep.join((*tool_folders(), self.environment["PATH"])),
        }  # fmt: skip
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace / filled(run["working-directory"], scope), env=environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
        )  # fmt: skip
        done.summary += files["summary"].read_text(encoding="utf-8")
        outcome = "success" if ended.returncode == 0 else "failure"
        return Ran(name, outcome, ended.stdout.decode(), read_outputs(files["output"].read_text(encoding="utf-8")))

    def _action(self, name: str, step: Mapping[str, Any], scope: dict[str, Any]) -> Ran:
        uses = str(step["uses"])
        given = {key: filled(value, scope) for key, value in step.get("with", {}).items()}
        if uses == "$/.github/actions/catalog":
            return Ran(name, "success")
        action, _, commit = uses.partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", commit), uses
        outputs = getattr(self, f"_{re.sub('[/-]', '_', action.partition('/')[2])}")(given)
        return Ran(name, "success", outputs=outputs or {})

    def _checkout(self, given: Mapping[str, str]) -> None:
        assert given["persist-credentials"] == "false"
        assert given["fetch-depth"] == "0"

    def _create_github_app_token(self, given: Mapping[str, str]) -> dict[str, str]:
        assert given["private-key"] == "app-key"
        assert {key for key in given if key.startswith("permission-")} == {
            "permission-contents", "permission-pull-requests",
        }  # fmt: skip
        return {"token": "ghs_canary", "app-slug": "catalog-app"}

    def _cache_restore(self, given: Mapping[str, str]) -> None:
        assert given["key"].startswith(given["restore-keys"])
        found = [key for key in self.cache if key.startswith(given["restore-keys"])]
        for name, data in self.cache[found[-1]].items() if found else ():
            path = Path(given["path"], name) if name else Path(given["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _cache_save(self, given: Mapping[str, str]) -> None:
        path = Path(given["path"])
        files = {"": path} if path.is_file() else {str(file.relative_to(path)): file for file in path.rglob("*")}
        self.cache[given["key"]] = {name: file.read_bytes() for name, file in files.items() if file.is_file()}

    def _upload_artifact(self, given: Mapping[str, str]) -> None:
        path = Path(given["path"])
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        assert files or given.get("if-no-files-found") != "error", path
        assert given["name"] not in self.artifacts, "a run keeps one artifact of a name"
        self.artifacts[given["name"]] = sorted(file.name for file in files)

    def _codeql_action_upload_sarif(self, given: Mapping[str, str]) -> None:
        self.uploaded.append(json.loads(Path(given["sarif_file"]).read_bytes()))


def tool_folders() -> list[str]:
    """Where steps find ``catalog``: the installed wheel's folder where ``make`` names it, then this interpreter's."""
    wheel = os.environ.get("CATALOG_WHEEL_BIN")
    return [*([wheel] if wheel else []), str(Path(sys.executable).parent)]


def filled(value: Any, scope: Mapping[str, Any]) -> str:
    """A value with its expressions replaced, as a string."""
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"\$\{\{(.+?)\}\}", lambda found: _shown(evaluate(found[1], scope)), str(value)).strip()


def _shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def evaluate(expression: str, scope: Mapping[str, Any], *, failed: bool = False) -> Any:
    """An expression of Actions: literals, contexts, ``== != && || !`` and the status functions."""
    names = {"success": lambda: not failed, "failure": lambda: failed, "always": lambda: True, "fromJSON": json.loads}
    parts = re.split(r"('(?:[^']|'')*')", expression.strip())
    for index in range(0, len(parts), 2):
        text = re.sub(r"([A-Za-z_][\w-]*(?:\.[\w-]+)+)", r"look('\1')", parts[index])
        parts[index] = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or "))

    def look(path: str) -> Any:
        value: Any = scope
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return "" if value is None else value

    return eval("".join(parts).strip(), {"__builtins__": {}}, {**names, "look": look})


def read_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: ``name=value`` lines, and ``name<<mark`` to a line that is the mark."""
    values = {}
    lines = iter(text.split("\n"))
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, _, mark = line.partition("<<")
            held: list[str] = []
            for inner in lines:
                if inner == mark:
                    break
                held.append(inner)
            values[name] = "\n".join(held)
        elif equals >= 0:
            name, _, values_text = line.partition("=")
            values[name] = values_text
    return values
