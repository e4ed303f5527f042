"""Links of a skill's Markdown: what is dead, what leaves the skill, and what is no link at all."""

from __future__ import annotations

import time

import pytest

from catalog_tool.checks.markdown_links import DEAD, ESCAPES, find_bad_links

FILES = {"SKILL.md", "docs", "docs/guide.md", "docs/über uns.md", "a b.md", "a&b.md", "img.png"}


def bad(text: str, folder: str = "") -> list[tuple[str, str]]:
    """Kind and target of every bad link."""
    return [(hit.kind, hit.target) for hit in find_bad_links(text, folder, FILES)]


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/guide.md)", "[a](./docs/guide.md)", "[a](docs)", "[a](docs/)", "[a](.)", "[a](docs/../SKILL.md)",
        "[a](docs/guide.md#part)", "[a](docs/guide.md?raw=1)", "[a](#part)", "[a](a%20b.md)", "[a](<a b.md>)",
        "[a](a&amp;b.md)",
        "[a](docs/%C3%BCber%20uns.md)", "![a](img.png)", '[a](img.png "A title")', "[a](img.png 'A title')",
        "[![a](img.png)](docs/guide.md)", "[a]:  docs/guide.md\n", "[a]: <a b.md> 'A title'\n",
        "[a](https://example.org/x.md)", "[a](mailto:a@example.org)", "[a](//example.org/x)", "[a](ftp://x/y)",
        "[a](tel:123)", "[a]: https://example.org\n", "[a](vscode:x)", "[a](data:text/plain,x)",
        "`[a](dead.md)`", "``a ` [a](dead.md)``", "```\n[a](dead.md)\n```", "~~~md\n[a](dead.md)\n~~~\n",
        "- ```\n  [a](dead.md)\n  ```\n", "````\n```\n[a](dead.md)\n````\n", "```\n[a](dead.md)\n",
        "<!-- [a](dead.md) -->", "    [a](dead.md)", "x\n\n\t[a](dead.md)\n",
        "# x\n    [a](dead.md)", "x\n\n    x\n\n    [a](dead.md)",
        "- x\n\n      [a](dead.md)", "- x\n  - y\n\n        [a](dead.md)", "- x\n\ny\n\n    [a](dead.md)",
        "```\n    ```\n[a](dead.md)\n```\n", "\\[a](dead.md)", "\\\\\\[a](dead.md)", "[a\\](dead.md)",
        "<!-- `\n[a](dead.md)", "[a](${FILE})", "[a]({{url}})", "[a](<path>)", "[a](path)", "[a](URL)", "[a](...)",
        "[a](docs/*.md)", "\\[a\\](dead.md)", "[^1]: dead.md\n", "[a]: see the dead.md file\n", "a[0](dead .md)",
        "- [ ] every row has `](dead.md#` in it", "](dead.md)", "[a]( )", "[a]()",
    ],
)  # fmt: skip
def test_what_is_fine(text: str) -> None:
    assert bad(text) == []


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("[a](dead.md)", "dead.md"), ("![a](dead.png)", "dead.png"), ("[a](docs/dead.md#x)", "docs/dead.md#x"),
        ("[a](Docs/guide.md)", "Docs/guide.md"), ("[a](dead%20file.md)", "dead%20file.md"),
        ("[a](<dead file.md>)", "dead file.md"),
        ("[a](\n  dead.md)", "dead.md"), ('[a](dead.md "T")', "dead.md"), ("[a]: dead.md\n", "dead.md"),
        ("[![a](img.png)](dead.md)", "dead.md"), ("[![a](dead.png)](img.png)", "dead.png"),
        ("`code` [a](dead.md) `code`", "dead.md"), ("a ` b [a](dead.md)", "dead.md"),
        ("```\nx\n```\n[a](dead.md)", "dead.md"),
        ("<!-- x --> [a](dead.md)", "dead.md"), ("`<!--` [a](dead.md)", "dead.md"), ("[a](dead)", "dead"),
        ("- x\n\n    [a](dead.md)", "dead.md"), ("- x\n  - y\n\n      [a](dead.md)", "dead.md"),
        ("x\n    [a](dead.md)", "dead.md"),
        ("1. x\n\n   y\n\n    [a](dead.md)", "dead.md"), ("```\n    ```\nx\n```\n[a](dead.md)", "dead.md"),
        ("\\\\[a](dead.md)", "dead.md"), ("[\\[a](dead.md)", "dead.md"), ("[a\\\\](dead.md)", "dead.md"),
    ],
)  # fmt: skip
def test_what_is_dead(text: str, target: str) -> None:
    assert bad(text) == [(DEAD, target)]


@pytest.mark.parametrize("target", ["../other/SKILL.md", "docs/../../x.md", "/etc/passwd", "..", "%2e%2e/x.md"])
def test_what_leaves_the_skill(target: str) -> None:
    assert bad(f"[a]({target})") == [(ESCAPES, target)]


def test_a_link_counts_from_its_file_or_from_the_skill() -> None:
    assert bad("[a](guide.md) [b](docs/guide.md) [c](../img.png)", "docs") == []
    assert bad("[a](dead.md) [b](../../x)", "docs") == [(DEAD, "dead.md"), (ESCAPES, "../../x")]


def test_the_place_is_that_of_the_links_text() -> None:
    text = "ü `x` <!-- y -->\n  ![a](dead.png) and [b](dead.md)"
    assert [text[hit.offset : hit.offset + 4] for hit in find_bad_links(text, "", FILES)] == ["[a](", "[b]("]


@pytest.mark.parametrize(
    "text",
    [
        "[a](x) " + "`" * 500_000, "[a](x) " + "<!--" * 100_000, "[a](x) " + "<!---->" * 70_000, '[a](b "' * 70_000,
        "[a](" + " " * 500_000, "[a](x" + " " * 500_000, "[" * 500_000 + "](x)", "[a](<" * 100_000, "](" * 250_000,
        "[a](x)\n" + "".join("`" * length + "a" for length in range(1, 1000)), "[a" * 250_000 + "]: x\n",
        "[a](x)" * 80_000, "[a](x)\n" + "```\n" * 120_000, "]:" * 250_000, "](\n" * 160_000, "[a](x) " + "\\" * 500_000,
        "[a](x)\n\n" + "    x\n" * 80_000, "[a](x) " + "\\[" * 50_000 + "](x)" * 50_000,
        "- " * 20_000 + "[a](x)" + "\t" * 300_000,
    ],
    ids=lambda text: text[:16],
)  # fmt: skip
def test_hostile_texts_take_linear_time(text: str) -> None:
    began = time.process_time()
    list(find_bad_links(text, "", set()))
    assert time.process_time() - began < 2
