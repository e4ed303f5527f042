"""The same commit builds the same bytes anywhere, and a kill leaves the old or the new set (design §6)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scratch import COMMAND, SECONDS, CatalogCommand, Scratch
from soak import SOAK

PROMPT = (
    "id: {name}\nversion: v{version}\nmodel: gpt-4o\ndescription: Näive text 😀 of {name}.\ntags: [b, a]\n"
    "system_prompt: |\n  Help with {{{{product}}}}. {{{{> safety@v1}}}} Ünï \u4f60\u597d {version}.\n"
    "output_schema: {{type: object, properties: {{z: {{type: string}}, a: {{type: number}}, é: {{}}}}}}\n"
)
SKILL = "---\nname: {name}\ndescription: Does {name}. Use when {name} is asked for.\n---\n# {name}\n\nDo it.\n"
KILLS = 300 if SOAK else 30


def fill(scratch: Scratch, prompts: int = 3, skills: int = 3) -> Scratch:
    """A catalog with history, text beyond ASCII, executable and binary files."""
    scratch.write("prompts/_shared/partials/safety/v1.md", "Never share secrets.\n")
    scratch.write("prompts/registry.yaml", "p0: {production: v2, canary: {v2: 95, v1: 5}}\n")
    for number in range(prompts):
        for version in (1, 2):
            text = PROMPT.format(name=f"p{number}", version=version)
            scratch.write(f"prompts/p{number}/v{version}.yaml", text)
    for number in range(skills):
        scratch.write(f"skills/s-{number}/SKILL.md", SKILL.format(name=f"s-{number}"))
        scratch.write(f"skills/s-{number}/data/ü{number}.bin", bytes(range(256)))
        scratch.write(f"skills/s-{number}/run.sh", "#!/bin/sh\n").chmod(0o755)
    scratch.commit()
    scratch.write("skills/s-0/SKILL.md", SKILL.format(name="s-0") + "More.\n")
    scratch.commit()
    return scratch


def digests(out: Path) -> dict[str, str]:
    """The content of every file of a build but the manifest's time."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "manifest.json":
                data = json.dumps({**json.loads(data), "built_at": None}).encode()
            found[path.relative_to(out).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


PLACES = (
    {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"},
    {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns", "PYTHONHASHSEED": "random", "PYTHONOPTIMIZE": "2"},
    {"LC_ALL": "POSIX", "TZ": "Pacific/Apia", "PYTHONHASHSEED": "4294967295", "COLUMNS": "20", "NO_COLOR": "1"},
)


def test_clones_built_in_other_places_are_the_same_bytes(scratch: Scratch, tmp_path: Path) -> None:
    fill(scratch)
    builds = []
    for number, place in enumerate(PLACES):
        clone = tmp_path / f"clone {number}" / ("deep/" * number + "x")
        scratch.git("clone", "--quiet", str(scratch.root), str(clone))
        os.utime(clone / "skills/s-0/SKILL.md", (number, number))
        umask = ("000", "022", "027", "077")[number]
        for revision in ([], ["--rev", "HEAD"]):
            out = tmp_path / f"out-{number}-{len(revision)}"
            command = [*COMMAND, "-C", str(clone), "build", "--out", str(out), *revision]
            done = subprocess.run(
                ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *command],
                cwd=("/", str(tmp_path), str(clone), str(clone / "prompts"))[number],
                env={**scratch.command.environment, "CATALOG_CACHE_DIR": str(tmp_path / f"cache{number}"), **place},
                capture_output=True,
                check=False,
                timeout=SECONDS,
            )
            assert done.returncode == 0, done.stderr
            builds.append(digests(out))
    assert all(build == builds[0] for build in builds)
    assert len(builds) == 2 * len(PLACES)


def test_a_locale_that_is_not_utf_8(scratch: Scratch) -> None:
    fill(scratch)
    assert scratch.run("build", "--out", "usual").code == 0
    for number, place in enumerate(({"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "de_DE.ISO-8859-1", "LC_ALL": ""})):
        env = {**place, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for jobs in ("1", "2"):
            answer = scratch.run("build", "--out", f"ö{number}{jobs}", "--jobs", jobs, "--format", "json", env=env)
            assert (answer.code, answer.json()["out"]) == (0, f"ö{number}{jobs}"), answer
            assert digests(scratch.root / f"ö{number}{jobs}") == digests(scratch.root / "usual")


def test_what_was_remembered_changes_nothing(scratch: Scratch) -> None:
    fill(scratch, prompts=80, skills=80)
    fresh = {"CATALOG_CACHE_DIR": str(scratch.root.parent / "fresh")}
    assert scratch.run("build", "--out", "cold", env=fresh).code == 0
    for command in (
        ["validate"],
        ["validate", "--profile", "claude-code"],
        ["build", "--rev", "HEAD~1", "--out", "old"],
    ):
        assert scratch.run(*command).code == 0
    assert scratch.run("build", "--out", "warm").code == 0
    assert scratch.run("build", "--out", "warm", "--rev", "HEAD").code == 0
    assert digests(scratch.root / "warm") == digests(scratch.root / "cold")


def test_many_processes_build_the_same(scratch: Scratch) -> None:
    fill(scratch, prompts=150, skills=150)  # more than one process gets at a time
    for jobs in ("1", "2", "0"):
        env = {"CATALOG_CACHE_DIR": str(scratch.root.parent / f"cache{jobs}")}
        assert scratch.run("build", "--jobs", jobs, "--out", f"out{jobs}", env=env).code == 0
    assert digests(scratch.root / "out2") == digests(scratch.root / "out1") == digests(scratch.root / "out0")
    one, two = (
        scratch.run("validate", "--jobs", jobs, "--format", "json", env={"CATALOG_CACHE_DIR": str(scratch.root / jobs)})
        for jobs in ("1", "2")
    )
    assert one == two


def test_a_shallow_clone_differs_in_dates_only_and_says_so(scratch: Scratch, tmp_path: Path) -> None:
    fill(scratch)
    clone = tmp_path / "shallow"
    scratch.git("clone", "--quiet", "--depth", "1", scratch.root.as_uri(), str(clone))
    answer = scratch.command("build", cwd=clone)
    assert answer.code == 0
    assert "fetch-depth: 0" in answer.err
    assert scratch.run("build").code == 0
    full, cut = digests(scratch.root / "dist"), digests(clone / "dist")
    assert {name for name in full if full[name] != cut[name]} == {"skills-catalog.json", "manifest.json"}
    catalog = json.loads((clone / "dist/skills-catalog.json").read_bytes())
    assert {entry["first_commit_at"] for entry in catalog["skills"]} == {None}
    assert {entry["last_commit_at"] for entry in catalog["skills"]} == {None}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as POSIX does")
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_set(scratch: Scratch, tmp_path: Path) -> None:
    """Half of the builds replace the one set by the other; each is killed at a random moment of its run."""
    fill(scratch, prompts=20, skills=20)
    sets = {}
    out = tmp_path / "place" / "out"
    began = time.monotonic()
    for revision in ("HEAD~1", "HEAD"):
        assert scratch.run("build", "--rev", revision, "--out", str(tmp_path / revision)).code == 0
        sets[revision] = digests(tmp_path / revision)
    seconds = (time.monotonic() - began) / 2
    assert scratch.run("build", "--rev", "HEAD~1", "--out", str(out)).code == 0
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = CatalogCommand(environment={**scratch.command.environment, "TMPDIR": str(temporary)})
    moments = random.Random(7)
    for number in range(KILLS):
        revision = ("HEAD", "HEAD~1")[number % 2]
        _kill_after(command, scratch.root, moments.uniform(0, seconds * 1.1), revision, out)
        assert digests(out) in sets.values(), f"kill {number}"
        assert len(list(out.parent.iterdir())) <= 2, f"kill {number}: what is left of killed builds piles up"
        assert not list(temporary.iterdir()), f"kill {number}"
    assert scratch.run("build", "--rev", "HEAD", "--out", str(out)).code == 0
    assert digests(out) == sets["HEAD"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def _kill_after(command: CatalogCommand, root: Path, seconds: float, revision: str, out: Path) -> None:
    """Start a build and kill it, with whatever it started, after some seconds."""
    process = subprocess.Popen(
        [*COMMAND, "build", "--rev", revision, "--out", str(out)],
        cwd=root,
        env=dict(command.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_the_old_set(scratch: Scratch, number: signal.Signals) -> None:
    fill(scratch, prompts=100, skills=100)
    assert scratch.run("build", "--rev", "HEAD~1").code == 0
    before = digests(scratch.root / "dist")
    process = subprocess.Popen(
        [*COMMAND, "build"],
        cwd=scratch.root,
        env={**scratch.command.environment, "CATALOG_CACHE_DIR": str(scratch.root.parent / "none")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and not list(scratch.root.glob(".dist.building-*")):
        time.sleep(0.001)
    process.send_signal(number)
    said = process.communicate(timeout=SECONDS)[1].decode()
    assert "Traceback" not in said
    if process.returncode:
        assert digests(scratch.root / "dist") == before
    assert scratch.run("build").code == 0
    assert not list(scratch.root.glob(".dist.building-*"))
