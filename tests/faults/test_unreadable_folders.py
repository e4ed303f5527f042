"""A folder that whoever runs the command may not open, or not search, never reads as a clean catalog (design §5).

git answers with success there: it complains on stderr and leaves out what it could not see. Root is bound by
permissions only without two of its capabilities, so these commands run without them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scratch import COMMAND, SECONDS, Answer, Scratch

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {{name}}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n---\n# PDF\n"
VERSION = "prompts/greet/v1.yaml"
COMMANDS = (
    ("validate",),
    ("build",),
    ("build", "--check"),
    ("render", "greet", "--var", "name=Ada"),
    ("diff", "HEAD"),
    ("list",),
)

_BOUND = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
if os.geteuid() == 0:
    system = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
"""


def bound(*command: str) -> tuple[str, ...]:
    """The command line of a program that permissions bind, whoever starts it."""
    return (sys.executable, "-P", "-c", _BOUND, *command)


@pytest.fixture(autouse=True, scope="module")
def permissions(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where a program cannot be bound by permissions: on Windows, or as a root who may not give up rights."""
    if sys.platform == "win32":
        pytest.skip("folders have no such permissions on Windows")
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0)
    done = subprocess.run(bound("ls", str(closed)), capture_output=True, check=False, timeout=SECONDS)
    closed.chmod(0o755)
    if done.returncode == 0 or b"prctl" in done.stderr:
        pytest.skip(f"this user reads every folder, whatever its permissions: {done.stderr.decode() or 'no refusal'}")


@contextmanager
def closed(folder: Path, mode: int) -> Iterator[None]:
    """A folder with these permissions, for a while."""
    folder.chmod(mode)
    try:
        yield
    finally:
        folder.chmod(0o755)


def run(scratch: Scratch, *arguments: str) -> Answer:
    """``catalog`` as somebody whom permissions bind."""
    done = subprocess.run(
        bound(*COMMAND, *arguments),
        cwd=scratch.root,
        env=scratch.command.environment,
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def refused(answer: Answer, name: str) -> None:
    """Could not finish, and says why."""
    assert (answer.code, answer.out) == (3, ""), answer
    assert name in answer.err
    assert "Permission denied" in answer.err
    assert "what cannot be read cannot be checked" in answer.err
    assert "Traceback" not in answer.err


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """One prompt and one skill, committed and validated: the answer is remembered."""
    scratch.write_all({VERSION: PROMPT, "skills/pdf/SKILL.md": SKILL, ".gitignore": "dist/\nprivate/\n"})
    scratch.commit()
    assert run(scratch, "validate").code == 0
    return scratch


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_a_closed_folder(catalog: Scratch, command: tuple[str, ...]) -> None:
    catalog.write(VERSION, PROMPT + "modle: broken\n")
    with closed(catalog.root / "prompts/greet", 0o000):
        refused(run(catalog, *command), "prompts/greet")


@pytest.mark.parametrize("mode", [0o000, 0o644, 0o311], ids=oct)
@pytest.mark.parametrize("folder", ["prompts/greet", "prompts", "skills", "skills/pdf"])
def test_what_git_holds_in_a_closed_folder_is_not_taken_for_what_is_on_disk(
    catalog: Scratch, folder: str, mode: int
) -> None:
    file = VERSION if folder.startswith("prompts") else "skills/pdf/SKILL.md"
    catalog.write(file, (catalog.root / file).read_text() + "modle: broken\n")
    with closed(catalog.root / folder, mode):
        refused(run(catalog, "validate"), folder)


@pytest.mark.parametrize("mode", [0o000, 0o644], ids=oct)
def test_files_that_git_does_not_know_in_a_closed_folder(catalog: Scratch, mode: int) -> None:
    catalog.write("prompts/other/v1.yaml", "modle: broken\n")
    with closed(catalog.root / "prompts/other", mode):
        refused(run(catalog, "validate"), "prompts/other")


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("mode", [0o000, 0o644], ids=oct)
def test_files_that_git_was_told_not_to_look_at_in_a_closed_folder(catalog: Scratch, mode: int, flag: str) -> None:
    catalog.git("update-index", flag, VERSION)
    catalog.write(VERSION, "modle: broken\n")
    with closed(catalog.root / "prompts/greet", mode):
        refused(run(catalog, "validate"), "prompts/greet")


def test_without_git(catalog: Scratch) -> None:
    shutil.rmtree(catalog.root / ".git")
    with closed(catalog.root / "prompts/greet", 0o000):
        refused(run(catalog, "validate"), "prompts/greet")


def test_a_catalog_below_the_top_of_the_repository(scratch: Scratch) -> None:
    scratch.write_all({f"team/{VERSION}": PROMPT, "team/catalog.yaml": "format: 1\n"})
    scratch.commit()
    assert run(scratch, "-C", "team", "validate").code == 0
    for folder in ("team/prompts/greet", "team/prompts"):
        with closed(scratch.root / folder, 0o000):
            refused(run(scratch, "-C", "team", "validate"), folder)


def test_closed_folders_that_are_no_part_of_the_catalog_do_not_matter(catalog: Scratch) -> None:
    for name in ("database", "skills/pdf/private"):
        (catalog.root / name).mkdir()
    with closed(catalog.root / "database", 0o000), closed(catalog.root / "skills/pdf/private", 0o000):
        for command in COMMANDS:
            answer = run(catalog, *command)
            assert answer.code == 0, answer


def test_a_commit_is_read_whatever_is_closed_on_disk(catalog: Scratch) -> None:
    with closed(catalog.root / "prompts", 0o000):
        assert run(catalog, "validate", "--rev", "HEAD").code == 0


def test_a_closed_file_is_a_finding(catalog: Scratch) -> None:
    (catalog.root / VERSION).chmod(0o000)
    answer = run(catalog, "validate")
    assert answer.code == 1
    assert f"{VERSION}: error Y001 cannot be read: Permission denied (EACCES)" in answer.out


def test_settings_of_git_that_cannot_be_read_do_not_stop_anything(catalog: Scratch) -> None:
    """git warns of the user's list of ignored files; what is in the catalog it sees all the same."""
    ignored = Path(catalog.command.environment["HOME"], ".config/git/ignore")
    ignored.parent.mkdir(parents=True)
    ignored.touch(0o000)
    complaint = subprocess.run(
        bound("git", "status", "--short"),
        cwd=catalog.root,
        env=catalog.command.environment,
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    assert b"warning: unable to access" in complaint.stderr
    assert run(catalog, "validate").code == 0
