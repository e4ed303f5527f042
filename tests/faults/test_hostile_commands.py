"""Rows 51 and 52 for every command: hostile text in arguments and in files is shown, and neither obeyed nor acted on.

Each command runs on a terminal, where no control byte but our styles may come out, and as in a step of GitHub
Actions, where the runner must find no command in what it prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from scratch import Scratch
from soak import SOAK
from test_hostile_output import HOSTILE, obeyed, unseen

from catalog_tool.cli.main import COMMANDS

WIPE = "\r\x1b[K"
"""How the progress of long work clears its line."""
RUNNER = Path(__file__).with_name("command_runner.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals as POSIX knows them")


def typeable(text: str) -> str:
    """The text as an argument of a process: no NUL, only what UTF-8 can carry."""
    return (
        text.replace("\0", "")
        .encode("utf-8", "surrogateescape" if _has_bytes(text) else "ignore")
        .decode("utf-8", "surrogateescape")
    )


def _has_bytes(text: str) -> bool:
    return all(not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF for char in text)


STRINGS = [text for text in map(typeable, HOSTILE if SOAK else HOSTILE[::10]) if text]
IN_FILES = HOSTILE if SOAK else HOSTILE[::10]


LIVE = ["ok", "--label", "production", "--live", "{}"]


def places(name: str) -> list[list[str]]:
    """Every place of a command's line that takes a text, ``{}`` standing for it."""
    usual = (["{}"], ["{}", "{}"], ["--{}"], ["--format", "{}"], ["--rev", "{}"], ["--help", "{}"])
    references = ("ok@{}", "{}:ok", "{}@production", "ok@sha256:{}")
    own: dict[str, list[list[str]]] = {
        "new": [["prompt", "{}"], ["skill", "{}"], ["prompt", "ok", "--format", "{}"]],
        "bump": [["--shared", "{}"]],
        "validate": [["--since", "{}"], ["--profile", "{}"], ["--jobs", "{}"]],
        "build": [["--check", "--out", "{}"], ["--rev", "HEAD", "--check", "--out", "{}"]],
        "render": [["ok", "--vars", "{}"], ["ok", "--var", "{}"], ["ok", "--var", "name={}"], ["ok", "--var", "{}=1"]],
        "history": [["ok", "--label", "{}"], ["ok", "--at", "{}"], ["ok", "--label", "production", "--at", "{}"]],
        "schema": [["--codes", "{}"]],
        "gate": [["ok", "v1", "--label", "{}"], ["ok", "{}", "--label", "production"]],
        "promote": [["ok", "v1", "--label", "{}"], ["ok", "v1", "--label", "staging", "--weight", "{}"]],
        "rollback": [["ok", "--label", "{}"], ["ok", "--label", "production", "--to", "{}"], LIVE],
        "sync": [["local", "--expect", "{}"], ["local", "--overwrite", "{}"], ["local", "--allow", "{}"]],
        "apply": [["local", "--plan", "{}"]],
        "adopt": [["local", "{}"]],
        "usage": [["--otlp", "{}"], ["--since", "{}"], ["--now", "{}"]],
        "pull": [["local", "--branch", "{}"]],
        "watch": [["local", "--label", "{}"], ["local", "{}"], ["local", "--prometheus", "{}"]],
        "comment": [["--changes", "{}"], ["--reviewed-plan", "{}"], ["--repository", "{}", "--changes", "ok"]],
        "alert": [["{}", "--dry-run"], ["ok", "--alertmanager", "{}"], ["ok", "--target", "{}"]],
        "serve": [["--bundle", "{}"], ["--target", "{}"], ["--bundle", "ok", "--tokens", "{}"]],
        "token": [["{}"], ["create", "{}"], ["revoke", "{}"], ["create", "ok", "--label", "{}"]],
        "telemetry": [["{}"], ["init", "ok", "--catalog", "{}"], ["init", "ok", "--stale-after", "{}"]],
        "export": [["{}", "ok"], ["flagd", "{}"]],
    }
    if name in ("show", "render", "diff", "eval"):
        own.setdefault(name, []).extend([made] for made in references)
    return [[name, *rest] for rest in (*usual, *own.get(name, ()))]


GLOBAL = [["{}"], ["-C", "{}", "list"], ["--{}"]]


def command_lines() -> list[list[str]]:
    """Every string in one place of every command, the places in turn."""
    groups = [GLOBAL, *map(places, COMMANDS)]
    return [
        [part.replace("{}", text) for part in group[number % len(group)]]
        for number, text in enumerate(STRINGS)
        for group in groups
    ]


def filled(scratch: Scratch) -> list[list[str]]:
    """A catalog that holds every string in every field, and the commands that show them."""
    asked = [
        ["list"],
        ["validate"],
        ["build"],
        ["build", "--check"],
        ["validate", "--format", "json"],
        ["status"],
        ["drift"],
    ]
    scratch.write("prompts/ok/v1.yaml", "id: ok\nversion: v1\nmodel: gpt-4o\nsystem_prompt: Hi {{name}}.\n")
    scratch.write("catalog.yaml", "catalog: hostile\ntargets: {local: {backend: sqlite, path: ../store.db}}\n")
    registry = {"ok": {"production": "v1"}}
    for number, text in enumerate(IN_FILES):
        name = f"p{number}"
        prompt = {
            "description": text, "owners": [text], "tags": [text], "model": text, "template": "none",
            "messages": [{"role": "user", "content": text, "name": text}], "x-own": {text: text},
            "tools": [{"name": "find", "description": text, "parameters": {"properties": {text: {"const": text}}}}],
        }  # fmt: skip
        scratch.write(f"prompts/{name}/v1.json", json.dumps(prompt))
        scratch.write(f"prompts/{name}/v2.json", json.dumps({**prompt, text: text, "id": text, "tools": [text]}))
        quoted = json.dumps(text)
        skill = f"description: {json.dumps(text + ' ok')}\nmetadata: {{owner: {quoted}}}\nlicense: {quoted}"
        scratch.write(f"skills/{name}/SKILL.md", f"---\nname: {name}\n{skill}\n---\n".encode("utf-8", "replace"))
        registry[name] = {"production": "v1", typeable(text) or "a": typeable(text)}
        asked += [["show", name], ["render", name], ["show", f"skills/{name}"], ["history", name], ["bump", name]]
        _odd_name(scratch.root / "skills" / name, typeable(text))
    scratch.write("prompts/registry.yaml", json.dumps(registry))
    scratch.git("add", "--all")
    return asked


def _odd_name(folder: Path, name: str) -> None:
    """A file of that name, where a disk can hold it."""
    try:
        Path(folder, name.replace("/", "|") or "x").write_text(name, errors="replace")
    except (OSError, ValueError):
        return


def outputs(scratch: Scratch, mode: str, asked: Sequence[list[str]]) -> Iterator[tuple[list[str], int, str]]:
    """What each command writes."""
    env = {
        **scratch.command.environment,
        **({"GITHUB_ACTIONS": "true"} if mode == "pipe" else {"TERM": "xterm-256color"}),
    }
    done = subprocess.run(
        [sys.executable, "-P", str(RUNNER), mode], cwd=scratch.root, env=env, check=True, capture_output=True,
        input="".join(json.dumps(arguments) + "\n" for arguments in asked).encode(),
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked)
    yield from ((arguments, code, out) for arguments, (code, out) in zip(asked, answers, strict=True))


def harmless(mode: str, arguments: list[str], code: int, out: str) -> None:
    """Fail where an output is obeyed, acts, or is that of a bug."""
    assert code in {0, 1, 2, 3}, (arguments, code, out)
    assert "Traceback" not in out, (arguments, out)
    assert "run again with --debug" not in out, (arguments, out)
    if mode == "pipe":
        warns = arguments[:1] in (["alert"], ["comment"])  # these may warn in the run, with a title of ours
        foreign = [found for found in obeyed(out) if not (warns and found[:2] == ("warning", {"title": "catalog"}))]
        assert foreign == [], (arguments, out)
    else:
        assert unseen(out.replace(WIPE, "")) == set(), (arguments, out)


@pytest.mark.parametrize("mode", ["pty", "pipe"])
def test_hostile_arguments(scratch: Scratch, mode: str) -> None:
    scratch.write("prompts/ok/v1.yaml", "id: ok\nversion: v1\nmodel: gpt-4o\nsystem_prompt: Hi {{name}}.\n")
    scratch.write("prompts/registry.yaml", "ok: {production: v1}\n")
    scratch.write("catalog.yaml", "catalog: hostile\ntargets: {local: {backend: sqlite, path: ../store.db}}\n")
    scratch.commit()
    asked = command_lines()
    for arguments, code, out in outputs(scratch, mode, asked):
        harmless(mode, arguments, code, out)
    assert {arguments[0] for arguments in asked} >= COMMANDS.keys()


@pytest.mark.parametrize("mode", ["pty", "pipe"])
def test_hostile_files(scratch: Scratch, mode: str) -> None:
    asked = filled(scratch)
    shown = 0
    for arguments, code, out in outputs(scratch, mode, asked):
        harmless(mode, arguments, code, out)
        shown += len(out)
    assert shown > 100 * len(IN_FILES)
