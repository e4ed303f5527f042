"""Rows 51 to 53 of the faults page for ``diff`` and ``history``: every form of their answers, whole.

One repository holds every hostile string in every place that an author, a committer or a reviewer's
settings can fill; each command is run as a user and as the runner of GitHub Actions runs it.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from scratch import COMMAND, CatalogCommand, Scratch, isolated_environment
from soak import SOAK
from test_hostile_output import HOSTILE, obeyed, unseen

from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.occasions import KNOWN
from catalog_tool.diff.sides import TreeSide
from catalog_tool.report.diff_markdown import diff_markdown
from catalog_tool.source.tree import WorkTree

ALIVE = (
    *("@octocat", "#1", "GH-2", "octocat/hello#3", "closes #4", "Fixes octocat/hello#5", "0123456789abcdef0"),
    *("https://example.org/x", "www.example.org", "mailto:a@example.org", "<https://example.org>", ":tada:"),
    *("$E=mc^2$", "$$x$$", "[click](javascript:alert(1))", "![x](https://example.org/x.png)", "[x]: https://e.org"),
    *(
        "[^1]",
        "[^1]: note",
        "- [ ] task",
        "# Heading",
        "Heading\n===",
        "> quote",
        "1. one",
        "***",
        "| a | b |\n|---|---|",
    ),
    *("<b>x</b>", "<img src=x>", "<script>alert(1)</script>", "</details>", "</summary><h1>x", "<!-- x", "-->"),
    *(
        "<details open>",
        "&lt;b&gt;",
        "&#64;octocat",
        "`@octocat`",
        "``@octocat",
        "`` ` @octocat ``",
        "```\n@octocat\n```",
    ),
    *("~~~\n@octocat", "````", "\\@octocat", "*@octocat*", "**x", "_x_", "~~x~~", "a|b|@octocat", "`a|b` @octocat"),
    *("    code", "\tcode", "<a href='//e.org'>x</a>", "<style>*{}</style>", "\u200b@octocat", "@\u200boctocat"),
    *("[x][y]", "[x]", "!", "[", "](", "{+x+}[-y-]", "@@ line 1 @@", "- x\n+ y"),
)
COMMANDS = tuple(HOSTILE if SOAK else [*HOSTILE[::5], "[bold red]x[/]", ":smile:"])
SELF_MADE = {"<sub>", "</sub>", "<br>"}
"""Inline HTML of our own."""
THEIRS = {
    *(
        "link_open",
        "image",
        "heading_open",
        "code_block",
        "hr",
        "blockquote_open",
        "s_open",
        "em_open",
        "ordered_list_open",
    ),
}
"""Tokens that no comment of ours has."""
LIVE = re.compile(r"@\w|#\d|GH-\d|://|www\.|(?<!\w)[0-9a-f]{7,40}(?!\w)|:[a-z]+:|\$")


def storable(text: str) -> str:
    """The string without what no file can hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def prompt(text: str, edition: str) -> str:
    """A prompt that says ``text`` wherever anything can be said."""
    schema = {"type": "object", "properties": {text or "x": {"type": "string", "enum": [text, edition]}}}
    return json.dumps(
        {
            "model": {"name": f"{text} {edition}", "provider": text},
            "params": {"stop": [text, edition]},
            "description": f"{text} {edition}",
            "owners": [text + edition],
            "template": "none",
            "messages": [
                {"role": "system", "content": f"{edition}\n{text}\nNever {edition} {text}"},
                {"examples": [{"user": text, "assistant": edition}]},
            ],
            "tools": [{"name": "search", "description": f"{text}{edition}", "parameters": schema}],
            "output_schema": {**schema, "description": text + edition},
        }
    )


def fill(scratch: Scratch, strings: tuple[str, ...], edition: str) -> None:
    """One prompt, one test and one skill a string."""
    for number, string in enumerate(map(storable, strings)):
        case = {"name": string + str(number), "vars": {}, "expect": [{"type": "contains", "value": string + edition}]}
        scratch.write(f"prompts/p{number}/v{'1' if edition == 'one' else '2'}.json", prompt(string, edition))
        scratch.write(f"prompts/p{number}/tests/t.json", json.dumps({"cases": [case] if edition == "one" else []}))
        front = json.dumps({"name": f"s{number}", "description": string + edition, "allowed-tools": string + edition})
        scratch.write(f"skills/s{number}/SKILL.md", f"---\n{front}\n---\n# {edition}\n{string}\n!`{edition}`\n")


def repository(folder: Path, strings: tuple[str, ...]) -> Scratch:
    """Two commits; the messages and the author are hostile too."""
    command = CatalogCommand(environment=isolated_environment(folder / "home"))
    root = folder / "catalog"
    root.mkdir()
    made = Scratch(root=root.resolve(), command=command)
    made.git("init", "--quiet", "--initial-branch", "main")
    fill(made, strings, "one")
    made.write("prompts/registry.yaml", "p0:\n  production: v1\n")
    made.commit("\n\n".join(map(storable, strings)))
    fill(made, strings, "two")
    made.write("prompts/registry.yaml", "p0:\n  production: v2\n")
    reason = json.dumps(re.sub(r"[^\t\n -~]", "", "".join(strings))[:2_000])  # settings refuse what is unseen
    made.write("catalog.yaml", f"rules:\n  output-loosened: {{severity: minor, reason: {reason}}}\n")
    for number, string in enumerate(map(storable, strings[:40])):
        name = re.sub(r"[/\0]", "_", string)[:60]
        made.write(f"skills/s{number}/references/{number}{name}.md", string)
    made.commit("\n\n".join(map(storable, strings)), author="Mallory")
    return made


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """What the runner and terminals obey, in every place."""
    return repository(tmp_path_factory.mktemp("commands"), COMMANDS)


@pytest.fixture(scope="module")
def markdown(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """What GitHub's Markdown brings to life, in every place."""
    return repository(tmp_path_factory.mktemp("markdown"), ALIVE)


ANSWERS = [
    *(("diff", "HEAD~1..HEAD", "--format", form) for form in ("text", "json", "markdown", "sarif")),
    *(("history", "p0", "--format", form) for form in ("text", "json")),
]


@pytest.mark.parametrize("arguments", ANSWERS, ids=" ".join)
def test_the_runner_obeys_nothing(commands: Scratch, arguments: tuple[str, ...]) -> None:
    got = commands.run(*arguments, env={"GITHUB_ACTIONS": "true"})
    assert (got.code, got.err) == (0, "")
    assert len(got.out) > 1000
    assert obeyed(got.out) == []


def test_the_runner_obeys_our_annotations_and_no_others(commands: Scratch) -> None:
    got = commands.run("diff", "HEAD~1..HEAD", "--format", "github", env={"GITHUB_ACTIONS": "true"})
    found = obeyed(got.out)
    assert 0 < len(found) <= 20
    for command in found:
        assert command.name in ("error", "warning")
        rule, _, change = command.properties.pop("title").partition(": ")
        assert change == KNOWN[rule].change
        assert set(command.properties) <= {"file", "line", "col"}
        assert unseen(command.data) == set()


@pytest.mark.parametrize("arguments", [*ANSWERS, ("diff", "HEAD~1..HEAD", "--format", "github")], ids=" ".join)
def test_nothing_unseen_is_written(commands: Scratch, arguments: tuple[str, ...]) -> None:
    got = commands.run(*arguments)
    assert unseen(got.out.replace("\t", "") if "markdown" in arguments else got.out) == set()
    if "json" in arguments or "sarif" in arguments:
        json.loads(got.out)


def on_terminal(scratch: Scratch, arguments: tuple[str, ...], columns: int) -> str:
    """What a terminal of so many columns is sent."""
    parent, child = pty.openpty()
    environment = {**scratch.command.environment, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=scratch.root, env=environment, stdout=child, stderr=child, stdin=child
    ) as process:
        os.close(child)
        sent = b""
        while select.select([parent], [], [], 60)[0]:
            try:
                piece = os.read(parent, 65_536)
            except OSError:
                break
            if not piece:
                break
            sent += piece
    os.close(parent)
    assert process.returncode == 0
    return sent.decode()


STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("arguments", [("diff", "HEAD~1..HEAD"), ("history", "p0")], ids=" ".join)
def test_a_terminal_gets_our_styles_and_text(commands: Scratch, arguments: tuple[str, ...], columns: int) -> None:
    sent = on_terminal(commands, arguments, columns)
    assert STYLE.search(sent)
    assert unseen(STYLE.sub("", sent).replace("\r\n", "\n")) == set()
    assert "[bold red]x[/]" in sent
    assert "smile:" in sent


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or []]


def test_a_comment_is_inert(markdown: Scratch) -> None:
    said = markdown.run("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert len(said.encode()) <= 60_000
    inert(said)


@pytest.mark.parametrize("string", [*ALIVE, *HOSTILE[::10]], ids=ascii)
def test_each_string_alone_is_inert(string: str, tmp_path: Path) -> None:
    before, after = (Scratch(root=tmp_path / name, command=CatalogCommand(environment={})) for name in ("a", "b"))
    for folder, editions in ((before, ("one",)), (after, ("one", "two"))):
        for edition in editions:
            fill(folder, (string,), edition)
    sides = [TreeSide(WorkTree(folder.root)) for folder in (before, after)]
    inert(diff_markdown(compare_catalogs(sides[0], sides[1], Names(string, string))))


def inert(said: str) -> None:
    """Only our HTML, no link, no heading of theirs, and no word in running text that GitHub brings to life."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(said)
    kinds = {token.type for token in [*tokens, *inline(tokens)]}
    assert not kinds & THEIRS
    for token in tokens:
        if token.type == "html_block":
            assert own_html(token.content), token.content
    for token in inline(tokens):
        if token.type == "html_inline":
            assert token.content in SELF_MADE, token.content
        if token.type == "text":
            assert not LIVE.search(token.content), token.content
    blocks = "".join(token.content for token in tokens if token.type == "html_block")
    assert blocks.count("<details>") == blocks.count("</details>")


OWN_BLOCK = re.compile(
    r"</details>|<details><summary><code>([^<>]*)</code></summary>|<details><summary>What the model receives</summary>"
)


def own_html(block: str) -> bool:
    """Whether every line of a block of HTML is one that we write, and what it names is plain text."""
    lines: list[Any] = [OWN_BLOCK.fullmatch(line) for line in block.strip().split("\n") if line.strip()]
    return all(line is not None for line in lines)


def test_the_strings_are_alive() -> None:
    """Without escaping, the check does find them: it is not blind."""
    found = 0
    for string in ALIVE:
        try:
            inert(f"said {string}\n\n{string}\n")
        except AssertionError:
            found += 1
    assert found > 35
