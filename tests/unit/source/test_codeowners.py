"""CODEOWNERS: who owns a path, as on GitHub."""

from __future__ import annotations

import time

import pytest

from catalog_tool.source.codeowners import owners_of, read_codeowners


@pytest.mark.parametrize(
    ("pattern", "owned", "others"),
    [
        ("*", ["a", "a/b/c.md"], []),
        ("*.md", ["a.md", "x/y/a.md"], ["a.mdx", "a.md5"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["docs", "x/docs/a"]),
        ("docs/", ["docs/a", "x/docs/a"], ["docs"]),
        ("docs/*", ["docs/a"], ["docs/a/b", "x/docs/a"]),
        ("apps", ["apps", "apps/a", "x/apps/b"], ["apps2/a"]),
        ("/apps/github", ["apps/github", "apps/github/a/b"], ["x/apps/github"]),
        ("**/logs", ["logs", "logs/a", "x/y/logs/a"], ["logsx/a"]),
        ("/skills/**", ["skills/a", "skills/a/b"], ["x/skills/a"]),
        ("a/**/b", ["a/b", "a/x/y/b", "a/x/b/c"], ["a/bx", "x/a/b"]),
        ("a?c", ["abc", "x/a.c"], ["ac", "a/c"]),
        ("/a.b", ["a.b"], ["axb"]),
        ("my\\ file", ["my file"], ["my"]),
    ],
)
def test_patterns(pattern: str, owned: list[str], others: list[str]) -> None:
    rules = read_codeowners(f"{pattern} @me\n")
    assert [path for path in [*owned, *others] if owners_of(path, rules)] == owned


def test_the_last_match_wins_and_may_take_the_owner_away() -> None:
    text = "# all\n* @all me@example.org\n/a/ @a @b # why\n/a/b\n[section]\n!/x @no\n\n"
    rules = read_codeowners(text)
    assert owners_of("x", rules) == ("@all", "me@example.org")
    assert owners_of("a/x", rules) == ("@a", "@b")
    assert owners_of("a/b/c", rules) == ()
    assert owners_of("x", []) == ()


@pytest.mark.parametrize(
    "pattern", ["*a" * 60 + "b", "**/a/" * 60 + "b", "**a" * 60, "*?" * 60 + "b", "/" + "**/" * 100 + "x"]
)
def test_hostile_patterns_take_no_time(pattern: str) -> None:
    rules = read_codeowners(f"{pattern} @me\n")
    started = time.process_time()
    owners_of("a" * 4000, rules)
    owners_of("a/" * 2000 + "c", rules)
    assert time.process_time() - started < 1
