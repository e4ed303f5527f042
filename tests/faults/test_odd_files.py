"""Links, loops, devices, names that not every system can hold, very many and very large files (row 44).

Each is refused or skipped by a rule, in less than five seconds, in a work tree, in a commit and without git.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Answer, Scratch

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {{name}}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n---\n# PDF\n"
SECONDS = 5
SKILL_MD = "skills/pdf/SKILL.md"


@pytest.fixture(params=["git", "plain"])
def catalog(request: pytest.FixtureRequest, scratch: Scratch) -> Scratch:
    """One prompt and one skill, in a repository or in a folder without one."""
    if request.param == "plain":
        scratch.git("config", "core.bare", "false")
        for path in sorted((scratch.root / ".git").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (scratch.root / ".git").rmdir()
    scratch.write_all({"prompts/greet/v1.yaml": PROMPT, SKILL_MD: SKILL})
    return scratch


def checked(catalog: Scratch, *arguments: str) -> tuple[Answer, dict[str, set[str]]]:
    """What ``validate`` says: the answer, and the codes of errors and warnings by path."""
    began = time.monotonic()
    answer = catalog.run("validate", "--format", "json", *arguments)
    assert time.monotonic() - began < SECONDS
    assert "Traceback" not in answer.err
    assert answer.code in {0, 1}, answer
    codes: dict[str, set[str]] = {}
    for found in answer.json()["findings"]:
        if found["severity"] != "info":
            codes.setdefault(found["path"], set()).add(found["code"])
    return answer, codes


def built(catalog: Scratch) -> list[str]:
    """The files of the skill in a build that must succeed."""
    began = time.monotonic()
    answer = catalog.run("build", "--format", "json")
    assert time.monotonic() - began < SECONDS
    assert answer.code == 0, answer
    skill = json.loads((catalog.root / "dist/bundle.json").read_bytes())["skills"]["pdf"]
    return [file["path"] for file in skill["files"]]


LINKS = {
    "to a file of the skill": "SKILL.md",
    "to a file outside": "/etc/passwd",
    "to a relative file outside": "../../../outside/private",
    "to the root": "/",
    "to a device": "/dev/zero",
    "to itself": "to itself",
    "to its own folder": ".",
    "to the catalog": "../..",
    "to nothing": "nowhere",
    "to a name of bytes": os.fsdecode(b"\xff\xfe"),
    "to a very long name": "a/" * 1000,
}


def test_links_in_a_skill_are_left_out(catalog: Scratch, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/private").write_text("private\n")
    for name, target in LINKS.items():
        (catalog.root / "skills/pdf" / name).symlink_to(target)
    links = {f"skills/pdf/{name}": {"S215"} for name in LINKS}
    answer, codes = checked(catalog)
    assert (answer.code, codes) == (1, links)
    assert catalog.run("build").code == 1
    answer, codes = checked(catalog, "--profile", "claude-code")
    assert (answer.code, codes) == (0, links)
    catalog.write("catalog.yaml", "skill_profile: claude-code\n")
    assert built(catalog) == ["SKILL.md"]


def test_a_skill_md_that_is_a_link(catalog: Scratch) -> None:
    paths = []
    for number, target in enumerate(["SKILL.md", "../pdf/SKILL.md", "/etc/passwd", "nowhere"]):
        paths.append(f"skills/other-{number}/SKILL.md")
        catalog.write(f"skills/other-{number}/notes.md", "notes\n")
        (catalog.root / paths[-1]).symlink_to(target)
    answer, codes = checked(catalog)
    assert answer.code == 1
    assert [codes[path] for path in paths] == [{"S215"}] * 4
    catalog.write("catalog.yaml", "skill_profile: claude-code\n")
    assert checked(catalog)[0].code == 0
    assert built(catalog) == ["SKILL.md"]


def test_links_among_prompts_are_refused(catalog: Scratch) -> None:
    links = {
        "prompts/greet/v2.yaml": "/etc/passwd",
        "prompts/greet/v3.yaml": "v1.yaml",
        "prompts/greet/v4.md": "/dev/zero",
        "prompts/registry.yaml": "greet/v1.yaml",
        "prompts/_shared/partials/a.md": "nowhere",
        "prompts/linked": "greet",
    }
    for path, target in links.items():
        (catalog.root / path).parent.mkdir(parents=True, exist_ok=True)
        (catalog.root / path).symlink_to(target)
    answer, codes = checked(catalog)
    assert answer.code == 1
    assert codes == {path: {"Y024"} for path in links}


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd"])
def test_links_in_place_of_settings_are_not_followed(catalog: Scratch, target: str) -> None:
    for name in ("catalog.yaml", ".github/CODEOWNERS", ".claude/settings.json"):
        (catalog.root / name).parent.mkdir(exist_ok=True)
        (catalog.root / name).symlink_to(target)
    answer, _ = checked(catalog)
    assert "root:" not in answer.out


def test_loops_of_folders(catalog: Scratch) -> None:
    for name, target in {"a": "b", "b": "a", "self": ".", "up": "..", "deep": "up/skills/up/skills"}.items():
        (catalog.root / "skills" / name).symlink_to(target)
    answer, _ = checked(catalog)
    assert answer.json()["summary"]["skills"] == 1


def test_a_folder_that_two_links_show_counts_once(catalog: Scratch) -> None:
    (catalog.root / ".claude").mkdir()
    (catalog.root / ".claude/skills").symlink_to("../skills")
    (catalog.root / "skills/again").symlink_to("pdf")
    answer, codes = checked(catalog)
    assert answer.json()["summary"]["skills"] == 1
    assert "S210" not in set().union(*codes.values(), set())


SPECIAL: dict[str, Callable[[Path], object]] = {"fifo": os.mkfifo}
if hasattr(socket, "AF_UNIX"):

    def _socket(path: Path) -> None:
        """A socket by a name relative to its folder: whole paths may be too long for one."""
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)

    SPECIAL["socket"] = _socket


def _device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
    except OSError:
        pytest.skip("only root makes devices")


@pytest.mark.skipif(sys.platform != "linux", reason="devices and sockets are made as Linux makes them")
@pytest.mark.parametrize("make", [*SPECIAL.values(), _device])
@pytest.mark.parametrize(
    "places", [["catalog.yaml"], ["skills/pdf/odd", "prompts/greet/v2.yaml", "prompts/registry.yaml"], [SKILL_MD]]
)
def test_special_files_never_block(catalog: Scratch, make: Callable[[Path], object], places: list[str]) -> None:
    for place in places:
        (catalog.root / place).unlink(missing_ok=True)
        make(catalog.root / place)
    checked(catalog)
    assert "Traceback" not in catalog.run("build").err


ODD = {
    "a FIFO": os.mkfifo,
    "an empty folder": os.mkdir,
    "a folder of folders": lambda path: (path / "a/b").mkdir(parents=True),
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs on Windows")
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_git_cannot_hold_in_place_of_a_version(catalog: Scratch, make: Callable[[Path], object]) -> None:
    """It is told of though git says that nothing has changed, and no answer with it is remembered."""
    if (catalog.root / ".git").exists():
        catalog.commit()
    odd = catalog.root / "prompts/greet/v5.yaml"
    make(odd)
    for _ in range(2):
        answer, codes = checked(catalog)
        assert (answer.code, codes) == (1, {"prompts/greet/v5.yaml": {"Y024"}})
    assert catalog.run("build").code == 1
    odd.unlink() if not odd.is_dir() else shutil.rmtree(odd)
    assert checked(catalog)[0].code == 0


@pytest.mark.parametrize("revision", [[], ["--rev", "HEAD"]], ids=["work tree", "commit"])
def test_a_folder_of_files_in_place_of_a_version(scratch: Scratch, revision: list[str]) -> None:
    scratch.write_all({"prompts/greet/v1.yaml": PROMPT, "prompts/greet/v6.yaml/v1.yaml": PROMPT})
    scratch.commit()
    answer, codes = checked(scratch, *revision)
    assert (answer.code, codes) == (1, {"prompts/greet/v6.yaml": {"Y024"}})


def test_names_that_windows_reserves(catalog: Scratch) -> None:
    names = ["con", "NUL.txt", "aux.md", "com1", "LPT9.tar.gz", "prn.b", "conin$"]
    for name in names:
        catalog.write(f"skills/pdf/{name}", "x\n")
        catalog.write(f"skills/{name}/SKILL.md", SKILL.replace("name: pdf", f"name: {name}"))
    _, codes = checked(catalog)
    assert {path for path, found in codes.items() if "S216" in found} == {
        f"skills/{folder}{name}" for folder in ("", "pdf/") for name in names
    }


def test_names_that_differ_in_case_only(catalog: Scratch) -> None:
    catalog.write_all(
        {
            "skills/pdf/Readme.md": "x\n",
            "skills/pdf/README.md": "x\n",
            "skills/pdf/docs/a": "x\n",
            "skills/pdf/Docs/b": "x\n",
        }
    )
    if len(list((catalog.root / "skills/pdf").iterdir())) < 5:
        pytest.skip("this file system ignores case")
    answer, codes = checked(catalog)
    refused = {path for path, found in codes.items() if "S216" in found}
    assert answer.code == 1
    assert refused == {"skills/pdf/Readme.md", "skills/pdf/docs/a"}


def test_skill_md_in_two_cases(catalog: Scratch) -> None:
    catalog.write("skills/pdf/skill.md", SKILL)
    if len(list((catalog.root / "skills/pdf").iterdir())) < 2:
        pytest.skip("this file system ignores case")
    _, codes = checked(catalog)
    assert codes["skills/pdf/skill.md"] == {"S211", "S216"}


def test_skill_md_in_another_case_is_read_and_reported(catalog: Scratch) -> None:
    (catalog.root / SKILL_MD).rename(catalog.root / "skills/pdf/skill.md")
    answer, codes = checked(catalog)
    assert (answer.code, codes["skills/pdf/skill.md"]) == (0, {"S211"})
    assert built(catalog) == ["skill.md"]


ODD_NAMES = {
    b"\xff": "\\udcff",
    b"new\nline": "new\nline",
    b"tab\t": "tab\t",
    b"es\x1bc": "es\x1bc",
    b"back\\slash": "back\\slash",
    "e\u0301".encode(): "e\u0301",
    "\u0085".encode(): "\u0085",
}


def test_names_that_are_not_plain_text(catalog: Scratch) -> None:
    for name in map(os.fsdecode, ODD_NAMES):
        for path in (f"skills/pdf/{name}", f"skills/pdf/sub/{name}", f"skills/{name}/SKILL.md"):
            catalog.write(path, SKILL)
    _, codes = checked(catalog)
    assert {path for path, found in codes.items() if "S216" in found} == {
        f"skills/{folder}{shown}" for shown in ODD_NAMES.values() for folder in ("", "pdf/", "pdf/sub/")
    }
    assert catalog.run("build").code == 1
    for output in ("text", "github", "sarif", "junit"):
        assert catalog.run("validate", "--format", output).code == 1
    assert catalog.run("list").code == 0


def test_ten_thousand_files_in_one_skill(catalog: Scratch) -> None:
    for folder in range(10):
        for number in range(1000):
            catalog.write(f"skills/pdf/data/{folder}/{number}.txt", f"{number}\n")
    checked(catalog)
    assert len(built(catalog)) == 10_001


def test_ten_thousand_links(catalog: Scratch) -> None:
    for number in range(10_000):
        (catalog.root / f"skills/l{number}").symlink_to(f"l{number + 1}" if number % 2 else "pdf")
    answer, _ = checked(catalog)
    assert answer.json()["summary"]["skills"] == 1


def test_sparse_files_of_a_gibibyte_are_not_read(catalog: Scratch) -> None:
    places = [
        "catalog.yaml", "skills/pdf/big.bin", SKILL_MD, "prompts/greet/v1.yaml", "prompts/greet/v2.md",
        "prompts/greet/tests/a.yaml", "prompts/registry.yaml", "prompts/_shared/partials/a.md",
    ]  # fmt: skip
    for place in places:
        full = catalog.write(place, "")
        os.truncate(full, 1024**3)
    answer, codes = checked(catalog)
    assert answer.code == 1
    assert codes == {place: {"Y002"} for place in places}


def test_a_deep_folder(catalog: Scratch) -> None:
    deep = "skills/pdf/" + "d/" * 400 + "x.txt"
    catalog.write(deep, "x\n")
    checked(catalog)
    assert len(built(catalog)) == 2


def test_a_git_folder_inside_a_skill_is_no_part_of_it(catalog: Scratch) -> None:
    catalog.write("skills/pdf/.git/config", "[core]\n")
    checked(catalog)
    assert built(catalog) == ["SKILL.md"]
