"""The workflows that ``catalog init`` writes: safe, one set for each catalog, and named to whoever has to move them."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from scratch import CatalogCommand, Scratch

from catalog_tool import __version__
from catalog_tool.source.scaffold_workflows import Requirement, plain_workflow, requirement

COMMIT = "0123456789" * 4
FROM = f"acme/catalog-tool@{COMMIT}"
KINDS = ("pr", "sync", "drift", "usage", "eval")
ODD = [
    "Prompt Library",
    "prömpts",
    "a+b@c",
    "it's",
    'say "hi"',
    "back\\slash",
    "$(touch pwned)",
    "{a}: b, #c",
    "🎉",
    "a\u00a0b",
]
KNOWN = Requirement("catalog-tool==1.0", is_known=True)


def read(path: Path) -> dict[Any, Any]:
    value: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def the_workflow(folder: Path) -> Path:
    (path,) = (folder / ".github/workflows").glob("catalog.*yml")
    return path


def test_the_workflow_is_thin_and_safe(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("init", str(tmp_path)).code == 0
    path = tmp_path / ".github/workflows/catalog.yml"
    value = read(path)
    assert (value["name"], value["concurrency"]["group"]) == ("catalog", "catalog-${{ github.ref }}")
    assert value["permissions"] == {"contents": "read"}
    assert set(value[True]) == {"pull_request", "push"}  # YAML 1.1 reads the key `on` as true
    (job,) = value["jobs"].values()
    assert "defaults" not in job
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(used) == 3
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in used)
    assert job["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    built = 'catalog build --out "$RUNNER_TEMP/catalog"'
    assert commands[1:] == ["catalog validate --format github", "catalog eval --level0", built]
    assert job["steps"][-1]["with"]["path"] == "${{ runner.temp }}/catalog/"
    text = path.read_text()
    assert all(re.search(rf"{re.escape(action)} # v[0-9.]+\n", text) for action in used)
    assert "secrets" not in text


@pytest.mark.parametrize("folder", ["team/prompts", *ODD])
def test_a_catalog_below_the_top_is_the_one_that_is_checked(scratch: Scratch, folder: str) -> None:
    answer = scratch.run("init", folder)
    assert answer.code == 0
    path = the_workflow(scratch.root / folder)
    value = read(path)
    (job,) = value["jobs"].values()
    assert job["defaults"]["run"]["working-directory"] == folder
    assert value["name"] == f"catalog {folder}"
    assert re.fullmatch(r"catalog\.[A-Za-z0-9_.-]+", job["steps"][-1]["with"]["name"])
    assert all(folder not in step.get("run", "") for step in job["steps"])
    assert f"/.github/workflows/ to .github/workflows/ there:\n  {path.name}\n" in answer.out


@pytest.mark.parametrize("folder", ["team/prompts", *ODD])
def test_callers_name_the_folder(scratch: Scratch, folder: str) -> None:
    assert scratch.run("init", folder, "--workflows-from", FROM).code == 0
    found = sorted((scratch.root / folder / ".github/workflows").iterdir())
    assert len(found) == len(KINDS)
    for path in found:
        (job,) = read(path)["jobs"].values()
        assert job["with"]["catalog"] == folder


def test_two_catalogs_of_a_repository_share_nothing(scratch: Scratch) -> None:
    folders = ["a/b", "a-b", "a.b", "a_b", "a b", "b", "drift", "é", "ü"]
    files = [plain_workflow(f"{folder}/", KNOWN) for folder in folders] + [plain_workflow("", KNOWN)]
    values = [yaml.safe_load(file.text) for file in files]
    artifacts = [value["jobs"]["catalog"]["steps"][-1]["with"]["name"] for value in values]
    groups = [value["concurrency"]["group"] for value in values]
    names = [value["jobs"]["catalog"]["name"] for value in values]
    for different in ([file.path for file in files], artifacts, groups, names, [value["name"] for value in values]):
        assert all(first != second for first, second in combinations(different, 2)), different
    assert f".github/workflows/catalog-{folders[6]}.yml" not in [file.path for file in files]
    assert scratch.run("init", "a", "--workflows-from", FROM).code == 0
    assert scratch.run("init", "b", "--workflows-from", FROM).code == 0
    moved = [{path.name for path in (scratch.root / name / ".github/workflows").iterdir()} for name in "ab"]
    assert moved[0] & moved[1] == set()
    drift = read(scratch.root / "a/.github/workflows/catalog-drift.a.yml")
    assert drift["jobs"]["look"]["with"]["sync-workflow"] in moved[0]


def test_what_was_moved_to_the_top_is_not_written_again(scratch: Scratch) -> None:
    assert scratch.run("init", "team").code == 0
    old = the_workflow(scratch.root / "team")
    top = scratch.root / ".github/workflows"
    top.mkdir(parents=True)
    old.rename(top / old.name)
    again = scratch.run("init", "team", "--format", "json").json()
    assert again["created"] == []
    assert f"../.github/workflows/{old.name}" in again["skipped"]


@pytest.mark.parametrize("name", ["a${{ github.token }}", "a\nb", "a\x85b", "a\x7fb"])
def test_a_folder_that_no_workflow_can_name_is_refused(scratch: Scratch, name: str) -> None:
    for more in ([], ["--workflows-from", FROM]):
        answer = scratch.run("init", name, *more)
        assert answer.code == 2
        assert "no workflow can name the folder" in answer.err
        assert not (scratch.root / name).exists()


def asks_only_for_what_is_offered(job: dict[str, Any]) -> None:
    """A caller gives a shipped workflow inputs and secrets that it has, and all that it needs."""
    called = re.fullmatch(rf"acme/catalog-tool/(\.github/workflows/catalog-[a-z]+\.yml)@{COMMIT}", job["uses"])
    assert called is not None
    offered = read(Path(__file__).parents[2] / called[1])[True]["workflow_call"]
    inputs, given = offered["inputs"], job["with"]
    assert given.keys() <= inputs.keys()
    assert {name for name, found in inputs.items() if found.get("required")} <= given.keys()
    assert job.get("secrets", {}).keys() <= offered.get("secrets", {}).keys()


def test_callers_of_the_shipped_workflows(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("init", str(tmp_path), "--workflows-from", FROM).code == 0
    for kind in KINDS:
        value = read(tmp_path / f".github/workflows/catalog-{kind}.yml")
        assert (value["name"], value["permissions"]) == (f"catalog-{kind}", {})
        (job,) = value["jobs"].values()
        assert job["uses"].endswith(f"/catalog-{kind}.yml@{COMMIT}")
        assert job["with"]["catalog"] == "."
        assert job["with"].get("sync-workflow", "catalog-sync.yml") == "catalog-sync.yml"
        asks_only_for_what_is_offered(job)
    assert not (tmp_path / ".github/workflows/catalog.yml").exists()
    for wrong in ("acme/catalog-tool@v1", f"../x@{COMMIT}", f"./x@{COMMIT}", f"acme/..@{COMMIT}"):
        refused = catalog_command("init", str(tmp_path / "b"), "--workflows-from", wrong)
        assert refused.code == 2, wrong
        assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("folder", [".", "team"])
def test_callers_in_a_catalog_that_has_its_workflow(scratch: Scratch, folder: str) -> None:
    """README first, then ci.md: review and sync are there, and the workflow that they replace is named."""
    assert scratch.run("init", folder).code == 0
    answer = scratch.run("init", folder, "--workflows-from", FROM)
    assert answer.code == 0
    place = scratch.root / folder / ".github/workflows"
    assert len(list(place.glob("catalog-*.yml"))) == len(KINDS)
    assert f"\nRemove .github/workflows/{the_workflow(scratch.root / folder).name}: " in answer.out
    assert "Remove" not in scratch.run("init", folder).out
    for path in place.glob("catalog-*.yml") if folder != "." else ():
        assert f"\n  {path.name}\n" in answer.out


def test_beside_callers_no_workflow_is_written_that_does_the_same(scratch: Scratch) -> None:
    assert scratch.run("init", "team", "--workflows-from", FROM).code == 0
    assert scratch.run("init", "team", "--format", "json").json()["created"] == []
    (scratch.root / "team/.github").rename(scratch.root / ".github")
    assert scratch.run("init", "team", "--format", "json").json()["created"] == []


def test_what_pip_kept_says_what_to_install() -> None:
    released = f"catalog-tool=={__version__}"
    assert requirement(None) == Requirement(released, is_known=True)
    url = "https://example.org/acme/catalog-tool.git"
    kept = {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    assert requirement(json.dumps(kept)) == Requirement(f"catalog-tool @ git+{url}@{COMMIT}", is_known=True)
    others: list[object] = [
        {"url": "file:///home/me/catalog-tool", "dir_info": {}},
        {"url": "file:///home/me/x.whl", "archive_info": {}},
        {**kept, "url": 'https://example.org/"$(id)"'},
        {**kept, "vcs_info": {"vcs": "git", "commit_id": "main"}},
        {**kept, "vcs_info": {"vcs": "hg", "commit_id": COMMIT}},
        {**kept, "vcs_info": []},
        [],
    ]
    for other in others:
        assert requirement(json.dumps(other)) == Requirement(released, is_known=False), other
    assert requirement("no json") == Requirement(released, is_known=False)


def test_a_version_that_an_index_may_not_have_is_said(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    """The tests run an installed folder or wheel, which no index is known to have."""
    answer = catalog_command("init", str(tmp_path))
    assert f"\nThe workflow installs catalog-tool=={__version__} from your package index: if it is not" in answer.out
    text = the_workflow(tmp_path).read_text()
    assert "Where your index does not have this version" in text
    assert "# The copy" not in plain_workflow("", KNOWN).text
    assert '"catalog-tool==1.0"' in plain_workflow("", KNOWN).text
