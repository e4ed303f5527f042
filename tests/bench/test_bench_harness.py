"""The bench measures what it says: its catalogs are reproducible, its floors do the work of a build."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_SHORT_FORM = """\
id: support_agent
version: v2
model: gpt-4o
temperature: 0.3
system_prompt: |
  You are a support agent for {{product_name}}.
  Always check the knowledge base before answering.
tools:
  - search_kb
  - create_ticket
"""
_SHORT_FORM_DIGEST = "sha256:332f872852ea0ba9156a4cafa38b51a6ef25a3dce75fd27313f957d80cee9569"
_SKILL_DIGEST = "sha256:802b9cd038e12cc5bf89b960fb7441876732a458917de44dcf7c0e191249ffe5"


def run(*arguments: str, codes: tuple[int, ...] = (0,), cwd: Path = REPOSITORY) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in codes, done.stderr
    return done.stdout


def module(name: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    return run(sys.executable, "-m", f"tests.bench{name}", *arguments, codes=codes)


def generated(root: Path, seed: int = 1) -> Path:
    module(".generate", str(root), "--prompts", "20", "--skills", "20", "--seed", str(seed))
    return root


def contents(root: Path) -> dict[str, str]:
    """The sha256 of every file but git's own."""
    found = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("bench") / "catalog")


def test_the_same_seed_gives_the_same_commit_and_another_seed_another(catalog: Path, tmp_path: Path) -> None:
    again = generated(tmp_path / "again")
    other = generated(tmp_path / "other", seed=2)
    head = run("git", "rev-parse", "HEAD", cwd=catalog)
    assert run("git", "rev-parse", "HEAD", cwd=again) == head
    assert contents(again) == contents(catalog)
    assert run("git", "rev-parse", "HEAD", cwd=other) != head


def test_a_catalog_has_the_asked_size_a_history_and_a_clean_tree(catalog: Path) -> None:
    prompts = sorted(catalog.glob("prompts/*/*/v*.yaml"))
    prompts = [path for path in prompts if "_shared" not in path.parts]
    assert len(prompts) == 20
    assert all(1000 <= path.stat().st_size <= 4300 for path in prompts)
    skills = [sum(f.stat().st_size for f in s.rglob("*") if f.is_file()) for s in catalog.glob("skills/*")]
    assert len(skills) == 20
    assert all(1800 <= size <= 10_240 for size in skills)
    assert run("git", "status", "--porcelain", cwd=catalog) == ""
    assert run("git", "rev-list", "--count", "HEAD", cwd=catalog).strip() == "6"


@pytest.mark.parametrize("kind", ["minimal", "stock"])
def test_a_floor_writes_every_file_of_a_build(kind: str, catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "dist"
    digest = module(".floors", kind, str(catalog), str(out)).strip()
    bundle = json.loads((out / "bundle.json").read_bytes())
    assert bundle["digest"] == digest
    assert sum(len(versions) for versions in bundle["prompts"].values()) == 20
    manifest = json.loads((out / "manifest.json").read_bytes())
    named = {row["path"]: row["sha256"] for row in manifest["files"]}
    assert named == {path: value for path, value in contents(out).items() if path != "manifest.json"}
    index = json.loads((out / ".well-known/agent-skills/index.json").read_bytes())
    assert {entry["type"] for entry in index["skills"]} == {"skill-md", "archive"}
    for path in out.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
    base = sqlite3.connect(out / "bundle.sqlite")
    assert base.execute("SELECT count(*) FROM prompts").fetchone() == (20,)
    assert base.execute("SELECT count(*) FROM skills").fetchone() == (20,)
    base.close()


def test_both_floors_find_the_same_bundle_and_the_tree_ids_are_gits(catalog: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "minimal", tmp_path / "stock"]
    digests = {module(".floors", out.name, str(catalog), str(out)) for out in outs}
    assert len(digests) == 1
    assert (outs[0] / "bundle.json").read_bytes() == (outs[1] / "bundle.json").read_bytes()
    rows = json.loads((outs[0] / "skills-catalog.json").read_bytes())["skills"]
    for row in rows:
        assert row["interop"]["git_tree"] == run("git", "rev-parse", f"HEAD:{row['path']}", cwd=catalog).strip()
        assert row["first_commit_at"] <= row["last_commit_at"]


@pytest.mark.parametrize("kind", ["minimal", "stock"])
def test_a_floor_gives_the_digests_of_the_contract(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    (root / "prompts/support_agent").mkdir(parents=True)
    (root / "prompts/support_agent/v2.yaml").write_text(_SHORT_FORM)
    (root / "skills/pdf/scripts").mkdir(parents=True)
    (root / "skills/pdf/SKILL.md").write_text("---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n")
    script = root / "skills/pdf/scripts/run.sh"
    script.write_text("#!/bin/sh\necho hi\n")
    script.chmod(0o755)
    run("git", "init", "--quiet", cwd=root)
    run(
        "git",
        "-c",
        "user.name=b",
        "-c",
        "user.email=b@example.org",
        "commit",
        "--allow-empty",
        "-qm",
        "x",
        cwd=root,
    )
    module(".floors", kind, str(root), str(tmp_path / "dist"))
    bundle = json.loads((tmp_path / "dist/bundle.json").read_bytes())
    assert bundle["prompts"]["support_agent"]["v2"]["digest"] == _SHORT_FORM_DIGEST
    assert bundle["skills"]["pdf"]["digest"] == _SKILL_DIGEST


def test_the_minimal_floor_refuses_a_key_that_stands_twice(catalog: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(catalog, tmp_path / "copy")
    prompt = next(copy.glob("prompts/*/*/v1.yaml"))
    prompt.write_text(prompt.read_text("utf-8") + "version: v1\n", "utf-8")
    module(".floors", "minimal", str(copy), str(tmp_path / "dist"), codes=(1,))
    assert not (tmp_path / "dist").exists()


def test_the_bench_prints_ratios_to_floors_and_writes_them_as_json(tmp_path: Path) -> None:
    report = tmp_path / "rows.json"
    measures = [part for name in ("cold", "revision", "worktree", "ten") for part in ("--only", name)]
    tool = f"{sys.executable} -m tests.bench.floor_tool"
    common = ["--size", "20", "--runs", "1", "--scratch", str(tmp_path), "--json", str(report)]
    printed = module("", *measures, *common, "--tool", tool, codes=(0, 1))
    document = json.loads(report.read_bytes())
    assert document["failed"] == []
    floors = {row["floor_name"] for row in document["rows"]}
    assert {"minimal pipeline, cpu", "stock way, cpu", "minimal pipeline, memory"} <= floors
    assert {"bare click + git rev-parse", "git status + bare click", "nothing changed"} <= floors
    for row in document["rows"]:
        assert row["ratio"] == pytest.approx(row["measured"] / row["floor"])
        assert row["passed"] == (row["ratio"] <= row["target"])
        assert row["what"] in printed


def test_a_measure_that_cannot_be_taken_is_named_and_fails_the_bench(tmp_path: Path) -> None:
    tool = f"{sys.executable} -c raise(SystemExit(3))"
    common = ["--size", "20", "--runs", "1", "--scratch", str(tmp_path), "--tool", tool]
    printed = module("", "--only", "cold", *common, codes=(1,))
    assert "not measured: cold" in printed
