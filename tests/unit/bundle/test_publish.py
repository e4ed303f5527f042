"""Where a build may write, and that it takes the old one's place as a whole (design §6)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.bundle.publish import publish, staging
from catalog_tool.errors import UsageError

from .building import build_at, contents


def refused(committed: Scratch, out: str) -> str:
    """What is said of an output folder that must be refused, as a user sees it."""
    answer = committed.run("build", "--out", out)
    assert (answer.code, answer.out) == (2, ""), answer
    assert answer.err.startswith("error: --out")
    return answer.err


@pytest.mark.parametrize(
    "out",
    [
        ".", "prompts", "prompts/x", "prompts/support_agent", "skills", "skills/pdf", "skills/new/dist", "..", "/",
        ".claude/skills", ".claude/skills/x", "../catalog", "x/../skills", "catalog.yaml", "link-to-skills",
        ".git", ".git/x", "sub/.GIT/hooks/x",
    ],
)  # fmt: skip
def test_an_output_that_meets_the_sources_is_refused(committed: Scratch, out: str) -> None:
    (committed.root / "link-to-skills").symlink_to("skills")
    before = contents(committed.root / "skills") | contents(committed.root / "prompts")
    refused(committed, out)
    assert contents(committed.root / "skills") | contents(committed.root / "prompts") == before
    assert not list(committed.root.parent.rglob("*.building-*"))


def test_what_is_proposed_instead_is_seen_from_where_the_reader_stands(committed: Scratch) -> None:
    for folder, meant in (("skills", "../dist"), ("skills/pdf", "../../dist")):
        answer = committed.command("build", cwd=committed.root / folder)
        assert (answer.code, f"hint: choose another folder, such as {meant}\n" in answer.err) == (2, True), answer.err
    assert "choose another folder, such as dist\n" in refused(committed, "skills/x")
    assert committed.command("build", "--out", "../dist", cwd=committed.root / "skills").code == 0


def test_a_way_that_turns_back_leaves_nothing_behind(committed: Scratch) -> None:
    assert committed.run("build", "--out", "nope/../../outside/x").code == 0
    assert (committed.root.parent / "outside/x/manifest.json").is_file()
    assert not (committed.root / "nope").exists()
    committed.write("prompts/support_agent/v9.yaml", "id: [")
    assert committed.run("build", "--out", "deep/er/../out").code == 1
    assert not (committed.root / "deep").exists()


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        "{}",
        "[]",
        "x",
        "[" * 100_000,
        '{"kind": "manifest", "files": [{"name": "other.txt"}]}',
        '{"kind": "manifest", "files": [{"name": ["mine.txt"]}]}',
        '{"kind": "manifest", "files": {"name": 1}}',
        '{"kind": "extension", "files": [{"name": "mine.txt"}]}',
        '{"files": [{"name": "mine.txt"}]}',
    ],
)
def test_an_output_that_holds_anything_else_is_refused(committed: Scratch, manifest: str | None) -> None:
    committed.write("dist/mine.txt", "mine")
    if manifest is not None:
        committed.write("dist/manifest.json", manifest)
    refused(committed, "dist")
    assert (committed.root / "dist/mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["more.txt", ".well-known/agent-skills/more.zip", "deep/er/x"])
def test_a_file_beside_those_of_a_build_is_kept_and_named(committed: Scratch, name: str) -> None:
    assert committed.run("build").code == 0
    committed.write(f"dist/{name}", "mine")
    assert name in refused(committed, "dist")
    assert (committed.root / "dist" / name).read_text() == "mine"


def test_a_link_inside_the_output_is_foreign(committed: Scratch) -> None:
    assert committed.run("build").code == 0
    (committed.root / "dist/linked").symlink_to("/etc")
    refused(committed, "dist")


@pytest.mark.parametrize("out", ["dist", "a/b/c", "../beside", "with space", "dist[1]*"])
def test_an_empty_or_absent_folder_is_fine_and_replaced(committed: Scratch, out: str) -> None:
    for _ in range(2):
        assert committed.run("build", "--out", out).code == 0
    assert (committed.root / out / "manifest.json").is_file()
    assert not list(committed.root.parent.rglob("*.building-*"))


def test_the_output_is_relative_to_where_one_stands(committed: Scratch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert committed.command("-C", str(committed.root), "build", cwd=elsewhere).code == 0
    assert (elsewhere / "dist/bundle.json").is_file()
    assert not (committed.root / "dist").exists()


def test_a_link_as_output_stays_a_link(committed: Scratch, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (committed.root / "dist").symlink_to(real)
    for _ in range(2):
        assert committed.run("build").code == 0
    assert (committed.root / "dist").is_symlink()
    assert (real / "bundle.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir() if "building" in path.name) == []


def test_errors_write_nothing(committed: Scratch) -> None:
    assert committed.run("build").code == 0
    before = contents(committed.root / "dist")
    committed.write("prompts/support_agent/v2.yaml", "id: [\n")
    answer = committed.run("build", "--format", "json")
    assert (answer.code, answer.json()["status"], answer.json()["bundle"]) == (1, "invalid", None)
    assert contents(committed.root / "dist") == before
    assert committed.run("build", "--out", "not/yet").code == 1
    assert not (committed.root / "not").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_place_that_cannot_be_written_is_an_answer(committed: Scratch, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    refused(committed, str(locked / "dist"))


@pytest.mark.parametrize("out", ["catalog.yaml/dist", "/dev/null/dist", "x" * 300])
def test_a_place_that_cannot_be_is_an_answer(committed: Scratch, out: str) -> None:
    refused(committed, out)


def test_check_compares_and_writes_nothing(committed: Scratch) -> None:
    answer = committed.run("build", "--check", "--format", "json")
    assert (answer.code, answer.json()["status"]) == (1, "stale")
    assert not (committed.root / "dist").exists()
    assert committed.run("build").code == 0
    assert committed.run("build", "--check").code == 0
    before = contents(committed.root / "dist")
    committed.write("skills/pdf/more.md", "x\n")
    answer = committed.run("build", "--check")
    assert answer.code == 1
    assert "bundle.json" in answer.out
    assert contents(committed.root / "dist") == before


@pytest.mark.parametrize("change", ["edit", "remove", "manifest"])
def test_check_notices_every_kind_of_change(committed: Scratch, change: str) -> None:
    assert committed.run("build").code == 0
    dist = committed.root / "dist"
    if change == "edit":
        data = (dist / "catalog.csv").read_bytes()
        (dist / "catalog.csv").write_bytes(data.replace(b"team", b"meat"))
    elif change == "remove":
        (dist / ".well-known/agent-skills/pdf.zip").unlink()
    else:
        (dist / "manifest.json").unlink()
    assert committed.run("build", "--check").code in ({1, 2} if change == "manifest" else {1})


@pytest.mark.parametrize(("key", "value"), [("bundle", "sha256:" + "0" * 64), ("tool_version", "0.0.0")])
def test_check_reads_the_manifest(committed: Scratch, key: str, value: object) -> None:
    assert committed.run("build").code == 0
    path = committed.root / "dist/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), key: value}))
    assert committed.run("build", "--check").code != 0


def test_what_killed_builds_left_is_removed(tmp_path: Path, committed: Scratch) -> None:
    gone = 2**22 + 1  # above every process id that Linux gives
    for name in (f".out.building-{gone}", f".out.building-{gone}-old", ".out.building-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").write_text("{")
    alive = tmp_path / f".out.building-{os.getppid()}"
    alive.mkdir()
    other = tmp_path / f".out2.building-{gone}"
    other.mkdir()
    build_at(committed.root, tmp_path / "out")
    left = sorted(path.name for path in tmp_path.iterdir() if "building" in path.name)
    assert left == sorted([alive.name, other.name])


def test_publishing_is_an_exchange(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("one", "two"):
        with staging(out) as folder:
            (folder / "a").write_text(text)
            publish(folder, out)
        assert (out / "a").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_publishing_onto_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError), staging(tmp_path / "file/out"):
        raise AssertionError("not reached")
