"""``catalog completion``: scripts for three shells, and what they complete, asked as a shell asks."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from scratch import COMMAND, CatalogCommand, Scratch

from catalog_tool.cli.complete import labels, references
from catalog_tool.cli.main import COMMANDS, cli


@pytest.fixture
def filled(scratch: Scratch) -> Scratch:
    scratch.write_all(
        {
            "prompts/registry.yaml": "support/greet:\n  production: v2\n  canary: {v2: 95, v10: 5}\n",
            "prompts/support/greet/v2.yaml": "not even read: [",
            "prompts/support/greet/v10.md": "",
            "prompts/support/greet/tests/cases.yaml": "",
            "prompts/supper/v1.json": "",
            "prompts/_shared/partials/safety/v1.md": "",
            "prompts/_shared/tools/legal/search.yaml": "",
            "skills/pdf-forms/SKILL.md": "",
        }
    )
    return scratch


def completed(command: CatalogCommand, cwd: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    asked = {
        "_CATALOG_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(["catalog", *words]),
        "COMP_CWORD": str(len(words)),
    }
    answer = command(cwd=cwd, env=asked)
    assert (answer.code, answer.err) == (0, "")
    return [line.removeprefix("plain,") for line in answer.out.splitlines() if line]


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", 'eval "$(catalog completion bash)"'),
        ("zsh", 'eval "$(catalog completion zsh)"'),
        ("fish", "catalog completion fish | source"),
    ],
)
def test_a_script_and_the_line_for_the_start_file(
    catalog_command: CatalogCommand, tmp_path: Path, shell: str, line: str
) -> None:
    answer = catalog_command("completion", shell, cwd=tmp_path, env={"PATH": ""})
    assert (answer.code, answer.err) == (0, "")
    assert f"_CATALOG_COMPLETE={shell}_complete" in answer.out
    assert answer.out.endswith(f"#   {line}\n")
    if shell == "zsh":
        assert answer.out.startswith("#compdef catalog\n")
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=answer.out.encode(), check=True, capture_output=True)


def test_an_unknown_shell(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("completion", "nosh", cwd=tmp_path)
    assert (answer.code, answer.out) == (2, "")
    unnamed = catalog_command("completion", cwd=tmp_path)
    assert (unnamed.code, unnamed.err.splitlines()[0].partition("Choose")[2]) == (2, " from: bash, zsh, fish")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
@pytest.mark.parametrize("before", ["", "autoload -Uz compinit && compinit -i\n"])
def test_zsh_completes_whether_or_not_something_was_started(
    catalog_command: CatalogCommand, tmp_path: Path, before: str
) -> None:
    script = catalog_command("completion", "zsh").out
    done = subprocess.run(
        ["zsh", "-f", "-c", f"{before}{script}\nprint $_comps[catalog]"],
        env={**catalog_command.environment, "ZDOTDIR": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout.decode(), done.stderr.decode()) == ("_catalog_completion\n", "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_with_the_script(filled: Scratch, tmp_path: Path) -> None:
    script = filled.run("completion", "bash").out.replace("complete -o nosort", "complete")
    program = tmp_path / "catalog-here"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    ask = f'COMP_WORDS=(catalog bump su); COMP_CWORD=2; _catalog_completion {program}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\n{ask}"],
        cwd=filled.root,
        env=dict(filled.command.environment),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().split() == ["supper", "support/greet"]


def test_commands_and_options(filled: Scratch) -> None:
    def offered(*words: str) -> list[str]:
        return completed(filled.command, filled.root, *words)

    assert offered("bu") == ["bump", "build"]
    assert offered("bump", "--s") == ["--shared"]
    assert offered("completion", "") == ["bash", "zsh", "fish"]
    assert offered("new", "s") == ["skill"]
    assert offered("init", "--format", "j") == ["json"]


def test_names_of_the_catalog(filled: Scratch) -> None:
    def offered(*words: str) -> list[str]:
        return completed(filled.command, filled.root, *words)

    assert offered("bump", "") == ["supper", "support/greet"]
    assert offered("bump", "support/") == ["support/greet"]
    assert offered("bump", "--shared", "") == ["legal/search", "safety"]
    assert offered("schema", "reg") == ["registry"]
    filled.write("catalog.yaml", "targets:\n  staging: {backend: sqlite, path: a.db}\n  prod: {backend: memory}\n")
    for command in ("plan", "apply", "sync", "pull", "adopt", "drift", "status", "watch"):
        assert offered(command, "") == ["staging", "prod"]
    assert offered("rollback", "supper", "--live", "p") == offered("serve", "--target", "p") == ["prod"]
    assert offered("schema", "--codes", "P11") == [f"P11{number}" for number in range(8)]


def test_the_catalog_that_an_option_names(filled: Scratch, tmp_path: Path) -> None:
    assert completed(filled.command, tmp_path, "-C", str(filled.root), "bump", "supp") == [
        "supper",
        "support/greet",
    ]


def test_references_and_labels(filled: Scratch) -> None:
    with cli.make_context("catalog", ["-C", str(filled.root), "list"], resilient_parsing=True) as ctx:
        (parameter, *_) = cli.params
        assert references(ctx, parameter, "") == ["supper", "support/greet", "pdf-forms"]
        versions = ["support/greet@v10", "support/greet@v2"]
        pointed = ["support/greet@canary", "support/greet@production"]
        assert references(ctx, parameter, "support/greet") == ["support/greet", *versions, *pointed]
        assert references(ctx, parameter, "support/greet@") == [*versions, *pointed]
        assert references(ctx, parameter, "support/greet@p") == ["support/greet@production"]
        assert labels(ctx, parameter, "c") == ["canary"]
    for command in ("promote", "gate"):
        assert completed(filled.command, filled.root, command, "support/greet", "v") == ["v10", "v2"]
    for command in ("eval", "render"):
        assert completed(filled.command, filled.root, command, "") == ["supper", "support/greet"]
    assert completed(filled.command, filled.root, "show", "") == ["supper", "support/greet", "pdf-forms"]


@pytest.mark.parametrize("settings", ["prompts: [", "prompts: ../../..\n", "prompts: nowhere\n", "\0"])
def test_trouble_is_never_shown(scratch: Scratch, settings: str) -> None:
    scratch.write("catalog.yaml", settings)
    assert completed(scratch.command, scratch.root, "bump", "x") == []
    assert completed(scratch.command, scratch.root, "-C", "/nowhere/at/all", "bump", "x") == []


def test_an_unknown_command_is_passed_over(scratch: Scratch) -> None:
    assert completed(scratch.command, scratch.root, "nosuch", "x") == []


def test_completing_a_command_imports_none() -> None:
    code = (
        "import sys; from catalog_tool.cli.main import cli; import click;"
        "ctx = cli.make_context('catalog', [], resilient_parsing=True);"
        "print([item.value for item in cli.shell_complete(ctx, 'b')]);"
        "print(sorted(name for name in sys.modules if name.startswith('catalog_tool.cli.')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True, timeout=60)
    imported = "['catalog_tool.cli.interrupts', 'catalog_tool.cli.main', 'catalog_tool.cli.streams']"
    assert done.stdout.decode().splitlines() == ["['bump', 'build']", imported]


@pytest.mark.parametrize("name", [name for name in COMMANDS if find_spec(f"catalog_tool.cli.{COMMANDS[name][0]}")])
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    module, line = COMMANDS[name]
    command = import_module(f"catalog_tool.cli.{module}").command
    assert isinstance(command, click.Command)
    assert (command.name, command.get_short_help_str(200)) == (name, line)
