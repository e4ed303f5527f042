"""CODEOWNERS as GitHub reads it: patterns of gitignore, the last one that matches wins."""

from __future__ import annotations

import time

import pytest

from catalog_tool.source.codeowners import owners_of, read_codeowners


def owner(rules: str, path: str) -> str:
    """Who owns a path, names joined by a space."""
    return " ".join(owners_of(path, read_codeowners(rules)))


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*", "a/b/c.md", True), ("*.md", "a/b/c.md", True), ("*.md", "a/b/c.mdx", False), ("/*.md", "a/c.md", False),
        ("/docs/", "docs/a/b", True), ("/docs/", "x/docs/a", False), ("docs/", "x/docs/a", True),
        ("docs/", "docs", False),
        ("docs", "docs/a/b", True), ("/docs", "docs/a", True), ("docs/*", "docs/a", True),
        ("docs/*", "docs/a/b", False),
        ("docs/**", "docs/a/b", True), ("**/docs", "x/y/docs/a", True), ("**/docs", "docs/a", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b/c", True), ("skill-*", "skills/skill-a/SKILL.md", True),
        ("skills/p?f/", "skills/pdf/a", True),
        ("skills/pdf", "x/skills/pdf/a", False), (r"a\ b/", "a b/c", True), (r"a\#b", "a#b", True),
        ("/a.b", "aXb", False),
        ("A", "a", False), ("/", "a", False), ("prompts/support_agent/", "prompts/support_agent/v1.yaml", True),
    ],
)  # fmt: skip
def test_patterns(pattern: str, path: str, *, owned: bool) -> None:
    assert owner(f"{pattern} @team", path) == ("@team" if owned else "")


def test_the_last_match_wins_and_may_say_nobody() -> None:
    rules = "* @all\n/skills/ @a @org/b\n/skills/pdf/ docs@example.org # forms\n/skills/free/\n"
    assert owner(rules, "x") == "@all"
    assert owner(rules, "skills/x") == "@a @org/b"
    assert owner(rules, "skills/pdf/SKILL.md") == "docs@example.org"
    assert owner(rules, "skills/free/SKILL.md") == ""


@pytest.mark.parametrize(
    "line", ["", "# * @x", "   # x", "[Section] @x", "^[Optional][2] @x", "!* @x", "* team", "* @x team", "\t", "[x"]
)
def test_lines_that_are_no_rule_are_passed_over(line: str) -> None:
    assert owner(f"* @all\n{line}\n", "a") == "@all"


def test_hostile_rules_are_quick() -> None:
    rules = read_codeowners("*a" * 200 + "b @x\n" + "**/*a/" * 200 + "b @x\n" + "\\" * 5001 + " @x\n")
    began = time.process_time()
    owners_of("a" * 2000 + "/" + "a/" * 1000 + "c", rules)
    assert time.process_time() - began < 1


def test_gitlabs_sections_each_have_their_last_match_and_their_own_owners() -> None:
    rules = "* @all\n[Docs][2] @writers @org/b\ndocs/\ndocs/api/ @api\n^[SAFETY] @safe\nprompts/\n[docs]\n*.md @md\n"
    assert owner(rules, "x") == "@all"
    assert owner(rules, "docs/x") == "@all @writers @org/b"
    assert owner(rules, "docs/api/x") == "@all @api"
    assert owner(rules, "prompts/a.md") == "@all @safe @md"
