"""What a command says, and leaves behind, where nothing can be written: a disk that is full, a path that is none.

No test may fill a disk. A limit to the size of any file is the same to a program: files are made, writes fail.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scratch import COMMAND, SECONDS, Answer, Scratch

from catalog_tool.errors import UsageError
from catalog_tool.source.new_files import NewFile, create, put, unwritten
from catalog_tool.source.schemas import schema_text

PROMPT = "id: greet\nversion: {version}\nmodel: gpt-4o-2024-08-06\nsystem_prompt: {text}\n"
SETTINGS = (
    "catalog: acme\nlabels: {production: {protected: true}}\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n"
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the limit of a file's size is one of POSIX")


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS,
            "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Greet."),
            "prompts/greet/v2.yaml": PROMPT.format(version="v2", text=" ".join(["Greet warmly."] * 60)),
            "prompts/registry.yaml": "greet:\n  staging: v1\n",
            "skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fill PDF forms.\n---\n",
        }
    )
    scratch.commit()
    return scratch


def without_room(catalog: Scratch, *arguments: str, blocks: int = 1) -> Answer:
    """Run ``catalog`` where no file may hold more than so many blocks of 512 bytes, no file of Python's own either."""
    environment = {**catalog.command.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f {blocks} && exec "$@"', "sh", *COMMAND, *arguments],
        cwd=catalog.root, env=environment, capture_output=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def standing(catalog: Scratch) -> dict[str, bytes | None]:
    """Everything there is beside git's own: path → content, None for a folder."""
    return {
        str(path.relative_to(catalog.root)): path.read_bytes() if path.is_file() else None
        for path in catalog.root.rglob("*")
        if ".git" not in path.parts and not path.name.startswith("runtime.db")
    }


@pytest.mark.parametrize(
    ("blocks", "command"),
    [
        (1, "init fresh/catalog"),
        (0, "new prompt billing/refund"),
        (0, "new skill csv-import"),
        (0, "bump greet"),
        (0, "promote greet v2 --label staging"),
        (1, "plan local --out plan.json"),
        (1, "diff greet@v1 greet@v2 --output diff.json"),
        (1, "telemetry init telemetry"),
        (1, "alerts --out monitoring"),
    ],
)
def test_without_room_it_could_not_finish_and_nothing_is_left(catalog: Scratch, blocks: int, command: str) -> None:
    if command.startswith("init"):
        (catalog.root / "catalog.yaml").unlink()
    before = standing(catalog)
    refused = without_room(catalog, *command.split(), "--format", "json", blocks=blocks)
    assert refused.code == 3, refused
    document = refused.json()
    Draft202012Validator(json.loads(schema_text("error"))).validate(document)
    assert document["error"]["kind"] == "internal"
    assert "File too large" in document["error"]["message"]
    assert standing(catalog) == before


@pytest.mark.parametrize(
    ("blocks", "command", "option"),
    [
        (1, ("plan", "local"), "--out"),
        (1, ("diff", "greet@v1", "greet@v2", "--format", "json"), "--output"),
        (0, ("comment", "--dry-run", "--changes", "changes.json"), "--terraform"),
    ],
)
def test_a_result_that_was_there_stays_and_a_wrong_path_is_wrong_usage(
    catalog: Scratch, blocks: int, command: tuple[str, ...], option: str
) -> None:
    catalog.write("changes.json", catalog.run("diff", "greet@v1", "greet@v2", "--format", "json").out)
    kept = catalog.write("kept.txt", "the last one")
    assert without_room(catalog, *command, option, "kept.txt", blocks=blocks).code == 3
    assert kept.read_text() == "the last one"
    refused = catalog.run(*command, option, "prompts")
    assert (refused.code, f"{option} prompts: Is a directory" in refused.err) == (2, True)
    assert catalog.run(*command, option, "kept.txt").code == 0
    assert kept.read_text() != "the last one"


def test_a_build_that_finds_no_room_leaves_nothing(catalog: Scratch) -> None:
    before = standing(catalog)
    assert without_room(catalog, "build").code == 3
    assert standing(catalog) == before


def test_files_are_made_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="taken exists already"):
        create(tmp_path, NewFile("a/b/c.txt", "text"), NewFile("taken", "text"))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_result_goes_through_a_link_and_keeps_the_permissions(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    put(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "real").read_bytes(), (tmp_path / "real").stat().st_mode & 0o777) == (b"new", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_whose_folder_takes_no_other_is_written_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "mounted").write_text("old")
    tmp_path.chmod(0o555)
    try:
        put(tmp_path / "mounted", b"new")
        with pytest.raises(PermissionError) as refused:
            put(tmp_path / "fresh", b"new")
    finally:
        tmp_path.chmod(0o755)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("mounted", b"new")]
    assert isinstance(unwritten("--out fresh", refused.value), UsageError)


def test_a_result_may_go_to_a_device_or_a_pipe() -> None:
    put(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()
    reading, writing = os.pipe()
    try:
        put(Path(f"/dev/fd/{writing}"), b"through")
        assert os.read(reading, 20) == b"through"
    finally:
        os.close(reading)
        os.close(writing)
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space left") as full:
            put(Path("/dev/full"), b"text")
        told = unwritten("--out /dev/full", full.value, hint="nothing was changed")
        assert (told.exit_code, told.kind) == (3, "internal")
        assert told.hint == "make room, and run it again; nothing was changed"
