"""The README does what it says: every command in it is run, in order, in one scratch folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from scratch import SECONDS, isolated_environment

from catalog_tool.cli.main import COMMANDS

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")

NOT_RUN = {
    "make": "`make test` runs this very test; that the targets exist is tested instead",
    "pip": "the command that runs here is an installed one already; `make test` installs the wheel",
}
"""Programs of the README's blocks that are not run here, with the reason."""

ANYTHING = "…"


class Step(NamedTuple):
    """A command as a reader types it, and the lines that the README shows below it."""

    command: str
    shown: tuple[str, ...]

    @property
    def program(self) -> str:
        return self.command.split()[0]


def steps() -> list[Step]:
    """The commands of all ``console`` and ``sh`` blocks; in the former, ``$`` marks a command."""
    found: list[Step] = []
    for language, body in re.findall(r"^```(console|sh)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE):
        for line in body.splitlines():
            if language == "sh" or line.startswith("$ "):
                command = line.removeprefix("$ ") if language == "console" else line.partition(" # ")[0]
                found.append(Step(command.strip(), ()))
            else:
                found[-1] = found[-1]._replace(shown=(*found[-1].shown, line))
    return found


def as_pattern(shown: tuple[str, ...]) -> re.Pattern[str]:
    """What is shown, as a pattern over all of stdout; ``…`` stands for anything."""
    lines = [re.escape(line).replace(re.escape(ANYTHING), ".*") for line in shown]
    return re.compile("\n".join(lines) + "\n?", re.DOTALL)


def run(command: str, folder: Path, home: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run one line in a shell; where the shell stands afterwards is where the next one starts."""
    person = {f"GIT_{role}_{key}": "reader" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    environment = isolated_environment(home) | person
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["GIT_CONFIG_GLOBAL"] = str(home / "gitconfig")
    (home / "gitconfig").write_text("[init]\n\tdefaultBranch = main\n", encoding="utf-8")
    where = home / "pwd"
    script = f"trap 'pwd > \"{where}\"' EXIT\n{command}\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    return done, Path(where.read_text(encoding="utf-8").strip())


def test_every_command_runs_and_shows_what_the_readme_shows(tmp_path: Path) -> None:
    folder, home = tmp_path, tmp_path / "home"
    for step in steps():
        if step.program in NOT_RUN:
            continue
        done, folder = run(step.command, folder, home)
        said = f"$ {step.command}\n{done.stdout}{done.stderr}"
        shows_errors = any(": error " in line for line in step.shown)
        assert done.returncode == (1 if shows_errors else 0), said
        assert not step.shown or as_pattern(step.shown).fullmatch(done.stdout), said


def test_the_blocks_are_found() -> None:
    commands = [step.command for step in steps()]
    assert commands[:2] == ["make demo", "make test"]
    assert "catalog validate" in commands


@pytest.mark.parametrize("step", [step for step in steps() if step.program == "make"], ids=lambda s: s.command)
def test_the_targets_of_make_exist(step: Step) -> None:
    assert re.search(rf"^{step.command.split()[1]}:.*## ", MAKEFILE, re.MULTILINE)


def test_every_command_of_this_release_is_named() -> None:
    named = re.search(r"^In it: (.+)\.$", README, re.MULTILINE)
    assert named is not None
    assert sorted(re.findall(r"`([a-z]+)`", named[1])) == sorted(COMMANDS)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        assert (REPOSITORY / target).exists(), target
