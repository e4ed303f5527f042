"""Hostile names and hostile repositories: nothing is created, nothing is run, the error is clear (row 43).

Every program that a repository could have started would leave a mark in a folder outside it. The grid of
names runs inside this process, at the one error boundary; a sample runs as users do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.cli import main

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {{name}}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n---\n# PDF\n"
CATALOG = {
    "catalog.yaml": "format: 1\n",
    "prompts/greet/v1.yaml": PROMPT,
    "prompts/registry.yaml": "greet:\n  production: v1\n",
    "skills/pdf/SKILL.md": SKILL,
}

NAMES = (
    "-", "--", "-h", "-c", "-C", "-O", "-n1", "--all", "--help", "--output=MARK", "--output", "-oMARK",
    "--exec=touch MARK", "--upload-pack=touch MARK", "--receive-pack=touch MARK", "--git-dir=.", "--not",
    "--stdin", "--glob=*", "--since=1", "--no-index", "..", "...", "../..", "HEAD..", "..HEAD", "HEAD...HEAD",
    "HEAD\n", "\nHEAD", "HEAD\n--output=MARK", "HEAD\r", "HEAD HEAD", " HEAD", "HEAD\t", "@{", "@{-1}",
    "@{upstream}", "@{1 year ago}", "HEAD@{", "HEAD^{", "HEAD^{/", "HEAD^{tree}", "HEAD^0^0^0^0",
    "HEAD~9999999999", ":(top)", ":(exclude)*", ":/", ":/Change", ":0:catalog.yaml", "HEAD:catalog.yaml",
    "HEAD:../x", "ext::sh -c touch% MARK", "ext::touch MARK %s", "file:///etc/passwd",
    "https://example.org/x.git", "refs/heads/", "refs/../HEAD", "$(touch MARK)", "`touch MARK`", "; touch MARK",
    "|touch MARK", "%00", "\\", "~", "~root", "*", "[a", "é\u202e", "\udcff", "\x1b[31m", "\u2028", "{greet}",
    "a" * 5000, "0" * 40, "f" * 64,
)  # fmt: skip

COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "validate --rev": lambda name: ["validate", f"--rev={name}"],
    "validate --since": lambda name: ["validate", f"--since={name}"],
    "build --rev": lambda name: ["build", f"--rev={name}"],
    "list --rev": lambda name: ["list", f"--rev={name}"],
    "show": lambda name: ["show", "--", name],
    "show REV": lambda name: ["show", "--", f"{name}:greet@v1"],
    "show --rev": lambda name: ["show", f"--rev={name}", "greet"],
    "show label": lambda name: ["show", "--", f"greet@{name}"],
    "render": lambda name: ["render", "--var", "name=x", "--", f"{name}:greet"],
    "render --rev": lambda name: ["render", f"--rev={name}", "--var", "name=x", "greet"],
    "history": lambda name: ["history", "--", name],
    "history --rev": lambda name: ["history", f"--rev={name}", "greet"],
    "history --label": lambda name: ["history", f"--label={name}", "greet"],
    "history --at": lambda name: ["history", f"--at={name}", "greet"],
}


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """An empty folder; a program that ran left a file in it."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def hostile(scratch: Scratch, marks: Path, tmp_path: Path) -> Scratch:
    """A catalog with history in a repository whose configuration, hooks and attributes start programs."""
    scratch.write_all(CATALOG)
    scratch.commit()
    scratch.write("prompts/greet/v2.yaml", PROMPT.replace("v1", "v2"))
    scratch.commit()
    _arm(scratch, marks, tmp_path)
    return scratch


def _arm(scratch: Scratch, marks: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\ntouch "{marks}/$$"\ncat\n')
    program.chmod(0o755)
    included = tmp_path / "included"
    included.write_text(f'[filter "late"]\n\tclean = {program}\n\tsmudge = {program}\n\trequired = true\n')
    run = str(program)
    settings = [
        ("core.fsmonitor", run), ("core.hooksPath", str(tmp_path / "hooks")), ("core.pager", run),
        ("core.editor", run), ("core.sshCommand", run), ("core.askPass", run), ("core.gitProxy", run),
        ("core.alternateRefsCommand", run), ("core.attributesFile", str(tmp_path / "attributes")),
        ("filter.evil.clean", run), ("filter.evil.smudge", run), ("filter.evil.process", run),
        ("filter.evil.required", "true"), ("filter.Ev.il X.clean", run), ("filter.lfs.process", run),
        ("diff.external", run), ("diff.evil.command", run), ("diff.evil.textconv", run),
        ("diff.evil.cachetextconv", "true"), ("merge.evil.driver", run), ("interactive.diffFilter", run),
        ("alias.status", f"!{run}"), ("alias.log", f"!{run}"), ("alias.cat-file", f"!{run}"),
        ("alias.rev-parse", f"!{run}"), ("pager.log", run), ("pager.status", "true"), ("sequence.editor", run),
        ("credential.helper", run), ("gpg.program", run), ("gpg.ssh.program", run), ("log.showSignature", "true"),
        ("remote.origin.url", f"ext::{run}"), ("remote.origin.uploadpack", run), ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"), ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"), ("protocol.allow", "always"), ("protocol.ext.allow", "always"),
        ("uploadpack.packObjectsHook", run), ("include.path", str(included)), ("gc.auto", "1"),
        ("status.submoduleSummary", "true"), ("submodule.recurse", "true"),
        ("trace2.eventTarget", str(marks / "trace")),
        ("log.follow", "true"), ("notes.displayRef", "*"), ("format.pretty", "oneline"), ("color.ui", "always"),
        ("core.quotePath", "true"), ("status.relativePaths", "false"), ("diff.noprefix", "true"),
        ("log.date", "relative"), ("core.abbrev", "4"), ("i18n.logOutputEncoding", "utf-16"),
    ]  # fmt: skip
    for name, value in settings:
        scratch.git("config", "--add", name, value)
    hooks = [scratch.root / ".git/hooks", tmp_path / "hooks"]
    for folder in hooks:
        folder.mkdir(exist_ok=True)
        for hook in ("post-index-change", "post-checkout", "fsmonitor-watchman", "reference-transaction"):
            (folder / hook).write_text(program.read_text())
            (folder / hook).chmod(0o755)
    attributes = "* filter=evil diff=evil merge=evil\n*.md filter=late\n*.yaml filter=Ev.il\\ X\n"
    (scratch.root / ".git/info").mkdir(exist_ok=True)
    (scratch.root / ".git/info/attributes").write_text(attributes)
    (scratch.root / ".gitattributes").write_text(attributes)
    (tmp_path / "attributes").write_text(attributes)
    for path in scratch.root.rglob("*.yaml"):
        os.utime(path, (1, 1))  # git has to look into it


def _holds(folder: Path) -> list[tuple[str, int]]:
    """Every file at or below a folder, with its size; git's own are looked at by name alone."""
    return sorted(
        (path.relative_to(folder).as_posix(), path.lstat().st_size) for path in folder.rglob("*") if not path.is_dir()
    )


@pytest.fixture
def inside(hostile: Scratch, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """This process stands in the hostile repository, with the environment of the command line's tests."""
    monkeypatch.chdir(hostile.root)
    for name in [*os.environ]:
        if name.startswith(("GIT_", "CI", "GITHUB_")):
            monkeypatch.delenv(name)
    for name, value in hostile.command.environment.items():
        monkeypatch.setenv(name, value)
    return hostile


@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_creates_or_runs_anything(
    inside: Scratch, marks: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    before = _holds(inside.root.parent)
    for name in NAMES:
        spelled = name.replace("MARK", str(marks / "mark"))
        code = main._guarded(COMMANDS[command](spelled))
        shown = capfd.readouterr()
        assert code in {0, 1, 2, 3}, (command, name)
        assert "Error: " not in shown.err.replace("UsageError: ", ""), (command, name, shown.err)
        assert "Traceback" not in shown.err, (command, name)
        assert code in {0, 1} or shown.err.startswith("error: "), (command, name, shown.err)
        assert not list(marks.iterdir()), (command, name)
    changed = [
        path for path in set(_holds(inside.root.parent)) ^ set(before) if not path[0].startswith("catalog/dist/")
    ]
    assert changed == []


@pytest.mark.parametrize("name", ["--output=MARK", "HEAD\n--output=MARK", "ext::touch MARK %s", ":/Change", "@{-1}"])
@pytest.mark.parametrize("command", ["validate --rev", "validate --since", "build --rev", "show REV", "history --rev"])
def test_a_sample_as_users_run_it(hostile: Scratch, marks: Path, command: str, name: str) -> None:
    arguments = COMMANDS[command](name.replace("MARK", str(marks / "mark")))
    answer = hostile.run(*arguments)
    assert answer.code in {0, 1, 2, 3}
    assert "Traceback" not in answer.err
    assert not list(marks.iterdir())
    assert answer.code in {0, 1} or hostile.run(arguments[0], "--format=json", *arguments[1:]).code == answer.code


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate"], ["validate", "--since", "HEAD~1"], ["validate", "--rev", "HEAD"], ["list"], ["build"],
        ["build", "--rev", "HEAD~1"], ["show", "greet@production"], ["show", "HEAD~1:greet"], ["show", "pdf"],
        ["render", "greet", "--var", "name=x"], ["history", "greet"], ["history", "greet", "--label", "production"],
        ["history", "greet", "--label", "production", "--at", "2026-01-06T00:00"], ["new", "prompt", "other"],
        ["new", "skill", "other"], ["bump", "greet"], ["build", "--check"], ["list", "--rev", "main"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_hostile_repository_is_read_and_runs_nothing(hostile: Scratch, marks: Path, arguments: list[str]) -> None:
    hostile.write("prompts/greet/v2.yaml", PROMPT.replace("v1", "v2") + "# changed\n")
    answer = hostile.run(*arguments)
    assert answer.code in {0, 1}, answer.err
    assert "Traceback" not in answer.err
    assert not list(marks.iterdir())


def test_the_work_tree_is_where_the_catalog_is(hostile: Scratch, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "prompts/stolen").mkdir(parents=True)
    (other / "prompts/stolen/v1.yaml").write_text(PROMPT.replace("greet", "stolen"))
    hostile.git("config", "core.worktree", str(other))
    answer = hostile.run("list", "--format", "json")
    assert [prompt["id"] for prompt in answer.json()["prompts"]] == ["greet"]


def test_missing_objects_are_never_fetched(hostile: Scratch, marks: Path) -> None:
    blob = hostile.git("rev-parse", "HEAD~1:prompts/greet/v1.yaml")
    (hostile.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for arguments in (["validate", "--rev", "HEAD"], ["build", "--rev", "HEAD"], ["show", "HEAD:greet@v1"]):
        answer = hostile.run(*arguments)
        assert answer.code == 3, answer
        assert answer.err.startswith("error: ")
    assert not list(marks.iterdir())


def test_a_hostile_submodule_is_not_entered(hostile: Scratch, marks: Path, tmp_path: Path) -> None:
    inner = hostile.root / "skills/pdf/vendor"
    inner.mkdir()
    hostile.git("-C", str(inner), "init", "--quiet", "--initial-branch", "main")
    module = Scratch(root=inner, command=hostile.command)
    module.write("SKILL.md", SKILL)
    module.commit()
    commit = module.git("rev-parse", "HEAD")
    _arm(module, marks, tmp_path)
    hostile.git("update-index", "--add", "--cacheinfo", f"160000,{commit},skills/pdf/vendor")
    hostile.write(
        ".gitmodules", '[submodule "x"]\n\tpath = skills/pdf/vendor\n\turl = ext::touch x\n\tupdate = !touch x\n'
    )
    marked = list(marks.iterdir())
    for arguments in (["validate"], ["list"], ["build"], ["validate", "--rev", "HEAD"]):
        answer = hostile.run(*arguments)
        assert "Traceback" not in answer.err
    assert list(marks.iterdir()) == marked
    assert "S216" in hostile.run("validate").out


def test_inherited_variables_do_not_redirect_git(hostile: Scratch, marks: Path, tmp_path: Path) -> None:
    program = str(tmp_path / "program")
    answer = hostile.run(
        "validate",
        env={
            "GIT_DIR": str(tmp_path), "GIT_WORK_TREE": str(tmp_path), "GIT_INDEX_FILE": str(tmp_path / "x"),
            "GIT_EXTERNAL_DIFF": program, "GIT_SSH_COMMAND": program, "GIT_PAGER": program, "GIT_ASKPASS": program,
            "GIT_TRACE": str(marks / "trace"), "GIT_TRACE2_EVENT": str(marks / "trace2"), "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": program, "GIT_LITERAL_PATHSPECS": "0",
            "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={program}'", "GIT_OBJECT_DIRECTORY": str(tmp_path),
        },
    )  # fmt: skip
    assert answer.code == 0, answer
    assert not list(marks.iterdir())


def test_paths_of_a_tree_that_no_disk_could_hold(scratch: Scratch) -> None:
    """Trees written by hand may name `..`, `.git` and the like: refused, and nothing lands outside the output."""
    scratch.write_all(CATALOG)
    scratch.commit()
    blob = scratch.git("rev-parse", "HEAD:skills/pdf/SKILL.md")
    steps = ["..", "..", "escape"]
    tree = _tree(scratch, [("100644", "SKILL.md", blob)])
    for step in reversed(steps):
        tree = _tree(scratch, [("40000", step, tree)])
    pdf = _tree(scratch, [("100644", "SKILL.md", blob), ("100644", "a\\b", blob), ("100644", "c\nd", blob)])
    skills = _tree(
        scratch, [("40000", "..", tree), ("40000", ".git", pdf), ("40000", "con", pdf), ("40000", "pdf", pdf)]
    )
    prompts = scratch.git("rev-parse", "HEAD:prompts")
    top = _tree(scratch, [("40000", "prompts", prompts), ("40000", "skills", skills)])
    commit = scratch.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit-tree", "-m", "x", top)
    answer = scratch.run("validate", "--rev", commit, "--format", "json", "--profile", "claude-code")
    refused = {found["path"] for found in answer.json()["findings"] if found["code"] == "S216"}
    assert answer.code == 1
    assert {"skills/con", "skills/.git", "skills/pdf/a\\b", "skills/pdf/c\nd"} <= refused
    assert scratch.run("build", "--rev", commit).code == 1
    assert not (scratch.root / "dist").exists()


def _tree(scratch: Scratch, entries: list[tuple[str, str, str]]) -> str:
    raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(item) for mode, name, item in entries)
    source = scratch.root.parent / "tree"
    source.write_bytes(raw)
    return scratch.git("hash-object", "-t", "tree", "-w", "--literally", str(source))
