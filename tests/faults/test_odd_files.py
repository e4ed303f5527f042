"""Links, loops, devices, names that not every system can hold, very many and very large files (row 44).

Each is refused or skipped by a rule, in less than five seconds, in a work tree, in a commit and without git.
"""

from __future__ import annotations

import os
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
    bundle = catalog.command("list", cwd=catalog.root)
    assert bundle.code == 0
    import json

    skill = json.loads((catalog.root / "dist/bundle.json").read_bytes())["skills"]["pdf"]
    return [file["path"] for file in skill["files"]]


LINKS: dict[str, Callable[[Path, Path], str]] = {
    "to a file of the skill": lambda _root, _out: "SKILL.md",
    "to a file outside": lambda _root, out: str(out / "private"),
    "to a relative file outside": lambda _root, _out: "../../../outside/private",
    "to a folder outside": lambda _root, out: str(out),
    "to the root": lambda _root, _out: "/",
    "to a device": lambda _root, _out: "/dev/zero",
    "to itself": lambda _root, _out: "odd",
    "to its own folder": lambda _root, _out: ".",
    "to the catalog": lambda _root, _out: "../..",
    "to nothing": lambda _root, _out: "nowhere",
    "to a name of bytes": lambda _root, _out: os.fsdecode(b"\xff\xfe"),
    "to a very long name": lambda _root, _out: "a/" * 1000,
}


@pytest.mark.parametrize("kind", LINKS)
def test_links_in_a_skill_are_left_out(catalog: Scratch, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private").write_text("private\n")
    (catalog.root / "skills/pdf/odd").symlink_to(LINKS[kind](catalog.root, outside))
    answer, codes = checked(catalog)
    assert (answer.code, codes["skills/pdf/odd"]) == (1, {"S215"})
    assert catalog.run("build").code == 1
    answer, codes = checked(catalog, "--profile", "claude-code")
    assert (answer.code, codes["skills/pdf/odd"]) == (0, {"S215"})
    catalog.write("catalog.yaml", "skill_profile: claude-code\n")
    assert built(catalog) == ["SKILL.md"]


@pytest.mark.parametrize("target", ["SKILL.md", "../pdf/SKILL.md", "/etc/passwd", "nowhere"])
def test_a_skill_md_that_is_a_link(catalog: Scratch, target: str) -> None:
    (catalog.root / "skills/other").mkdir()
    (catalog.root / "skills/other/SKILL.md").symlink_to(target)
    catalog.write("skills/other/notes.md", "notes\n")
    answer, codes = checked(catalog)
    assert (answer.code, codes["skills/other/SKILL.md"]) == (1, {"S215"})
    catalog.write("catalog.yaml", "skill_profile: claude-code\n")
    answer, _ = checked(catalog)
    assert catalog.run("build").code == answer.code


@pytest.mark.parametrize("place", ["prompts/greet/v2.yaml", "prompts/registry.yaml", "prompts/_shared/partials/a.md"])
@pytest.mark.parametrize("target", ["/etc/passwd", "greet/v1.yaml", "v2.yaml", "/dev/zero", "nowhere"])
def test_links_among_prompts_are_refused(catalog: Scratch, place: str, target: str) -> None:
    full = catalog.root / place
    full.parent.mkdir(parents=True, exist_ok=True)
    full.symlink_to(target)
    answer, codes = checked(catalog)
    assert (answer.code, codes[place]) == (1, {"Y024"})


@pytest.mark.parametrize("name", ["catalog.yaml", ".github/CODEOWNERS", ".claude/settings.json"])
@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "nowhere", "."])
def test_links_in_place_of_settings_are_not_followed(catalog: Scratch, name: str, target: str) -> None:
    full = catalog.root / name
    full.parent.mkdir(exist_ok=True)
    full.symlink_to(target)
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


@pytest.mark.skipif(sys.platform != "linux", reason="devices and sockets are made as Linux makes them")
@pytest.mark.parametrize("kind", [*SPECIAL, "device"])
@pytest.mark.parametrize("place", ["skills/pdf/odd", "prompts/greet/v2.yaml", "catalog.yaml", SKILL_MD])
def test_special_files_never_block(catalog: Scratch, kind: str, place: str) -> None:
    full = catalog.root / place
    full.unlink(missing_ok=True)
    if kind == "device":
        try:
            os.mknod(full, 0o600 | 0o020000, os.makedev(1, 5))
        except OSError:
            pytest.skip("only root makes devices")
    else:
        SPECIAL[kind](full)
    checked(catalog)
    assert "Traceback" not in catalog.run("build").err


@pytest.mark.parametrize("name", ["con", "NUL.txt", "aux.md", "com1", "LPT9.tar.gz", "Con.b", "conin$"])
def test_names_that_windows_reserves(catalog: Scratch, name: str) -> None:
    catalog.write(f"skills/pdf/{name}", "x\n")
    catalog.write(f"skills/{name}/SKILL.md", SKILL.replace("name: pdf", f"name: {name}"))
    _, codes = checked(catalog)
    assert "S216" in codes[f"skills/pdf/{name}"]
    assert "S216" in codes[f"skills/{name}"]


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


@pytest.mark.parametrize(
    "name", [b"\xff", b"new\nline", b"tab\t", b"es\x1bc", b"back\\slash", "e\u0301".encode(), "\u0085".encode()]
)  # fmt: skip
def test_names_that_are_not_plain_text(catalog: Scratch, name: bytes) -> None:
    for folder in (b"skills/pdf/", b"skills/pdf/sub/", b"skills/"):
        path = os.fsencode(catalog.root) + b"/" + folder + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if folder == b"skills/":
            os.mkdir(path)
            path += b"/SKILL.md"
        with open(path, "wb") as file:
            file.write(SKILL.encode())
    answer, codes = checked(catalog)
    shown = name.decode("utf-8", "backslashreplace" if name == b"\xff" else "strict")
    if name == b"\xff":
        shown = "\\udcff"
    assert answer.code == 1
    assert {f"skills/pdf/{shown}", f"skills/pdf/sub/{shown}", f"skills/{shown}"} <= codes.keys()
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


@pytest.mark.parametrize(
    ("place", "code"),
    [("skills/pdf/big.bin", "Y002"), (SKILL_MD, "Y002"), ("prompts/greet/v1.yaml", "Y002"), ("catalog.yaml", "Y002"),
     ("prompts/greet/tests/a.yaml", "Y002"), ("prompts/registry.yaml", "Y002"), ("prompts/_shared/partials/a.md", "Y002")],
)  # fmt: skip
def test_a_sparse_file_of_a_gibibyte_is_not_read(catalog: Scratch, place: str, code: str) -> None:
    full = catalog.root / place
    full.parent.mkdir(parents=True, exist_ok=True)
    with full.open("r+b" if full.exists() else "w+b") as file:
        file.truncate(1024**3)
    answer, codes = checked(catalog)
    assert answer.code == 1
    assert code in codes[place]


def test_a_deep_folder(catalog: Scratch) -> None:
    deep = "skills/pdf/" + "d/" * 400 + "x.txt"
    catalog.write(deep, "x\n")
    checked(catalog)
    assert len(built(catalog)) == 2


def test_a_git_folder_inside_a_skill_is_no_part_of_it(catalog: Scratch) -> None:
    catalog.write("skills/pdf/.git/config", "[core]\n")
    checked(catalog)
    assert built(catalog) == ["SKILL.md"]
