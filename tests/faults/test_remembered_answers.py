"""What earlier runs left in the cache never changes an answer: every edit is validated with it and without it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Answer, Scratch
from soak import SOAK

PROMPT = (
    "id: {name}\nversion: v{version}\nmodel: gpt-4o-2024-08-06\nowners: [team]\n"
    "system_prompt: Help with {{{{product}}}} as {name} {version}. {{{{> safety@v1}}}} {{{{> tone}}}}\n"
)
SKILL = (
    "---\nname: {name}\ndescription: Does {name} for the {name} team.\nmetadata: {{owner: team}}\n---\n"
    "# {name}\n\n[a](a.md)\n"
)
ROUNDS = 12 if SOAK else 1
EDITS_A_ROUND = 60 if SOAK else 14


@pytest.fixture
def large(scratch: Scratch) -> Scratch:
    """A catalog that is large enough for everything that is remembered, committed and validated once."""
    scratch.write("prompts/_shared/partials/safety/v1.md", "Never share secrets.\n")
    scratch.write("prompts/_shared/partials/tone.md", "Be kind.\n")
    scratch.write("prompts/registry.yaml", "p0: {production: v2, canary: {v2: 95, v1: 5}}\np1: {production: v1}\n")
    for number in range(70):
        for version in (1, 2):
            scratch.write(f"prompts/p{number}/v{version}.yaml", PROMPT.format(name=f"p{number}", version=version))
    for number in range(110):
        scratch.write(f"skills/s-{number}/SKILL.md", SKILL.format(name=f"s-{number}"))
        scratch.write(f"skills/s-{number}/a.md", "a\n")
    scratch.commit()
    scratch.write("README.md", "x\n")
    scratch.commit()
    assert scratch.run("validate").code == 0
    return scratch


def _text(path: str, text: str) -> Callable[[Scratch], object]:
    return lambda scratch: scratch.write(path, text)


def _add(path: str, text: str) -> Callable[[Scratch], object]:
    return lambda scratch: scratch.write(path, (scratch.root / path).read_text() + text)


def _remove(path: str) -> Callable[[Scratch], object]:
    return lambda scratch: (scratch.root / path).unlink()


def _link(path: str, target: str) -> Callable[[Scratch], object]:
    def link(scratch: Scratch) -> None:
        (scratch.root / path).unlink(missing_ok=True)
        (scratch.root / path).symlink_to(target)

    return link


def _run(*arguments: str) -> Callable[[Scratch], object]:
    return lambda scratch: scratch.git(*arguments)


V2 = PROMPT.format(name="p3", version=2)
EDITS: dict[str, Callable[[Scratch], object]] = {
    "a released version": _text("prompts/p3/v2.yaml", V2.replace("Help", "Aid")),
    "metadata of a version": _add("prompts/p3/v2.yaml", "description: x\n"),
    "owners of a version": _text("prompts/p3/v2.yaml", V2.replace("owners: [team]\n", "")),
    "a broken version": _text("prompts/p0/v2.yaml", "id: [\n"),
    "a version removed": _remove("prompts/p2/v1.yaml"),
    "a labelled version removed": _remove("prompts/p1/v1.yaml"),
    "a new version": _text("prompts/p3/v3.yaml", PROMPT.format(name="p3", version=3)),
    "a new prompt": _text("prompts/p-3/v1.yaml", PROMPT.format(name="p-3", version=1)),
    "another format": _text("prompts/p3/v2.json", "{}"),
    "two versions alike": _text("prompts/p3/v2.yaml", PROMPT.format(name="p3", version=1).replace("v1\n", "v2\n", 1)),
    "a versioned partial": _text("prompts/_shared/partials/safety/v1.md", "Share.\n"),
    "an unversioned partial": _add("prompts/_shared/partials/tone.md", "Be brief.\n"),
    "a partial removed": _remove("prompts/_shared/partials/tone.md"),
    "a new tool": _text("prompts/_shared/tools/find.yaml", "name: find\n"),
    "labels": _text("prompts/registry.yaml", "p0: {production: v9}\n"),
    "tests": _text("prompts/p3/tests/a.yaml", "cases: []\n"),
    "a stray file": _text("prompts/p3/notes.yaml", "x: 1\n"),
    "a body": _add("skills/s-3/SKILL.md", "[b](dead.md)\n"),
    "a description": _text("skills/s-3/SKILL.md", SKILL.format(name="s-3").replace("Does", "Makes")),
    "a description like another": _text("skills/s-3/SKILL.md", SKILL.format(name="s-4").replace("s-4", "s-3", 1)),
    "a long description": _text("skills/s-3/SKILL.md", SKILL.format(name="s-3").replace("Does", "x" * 9000)),
    "no owner": _text("skills/s-3/SKILL.md", SKILL.format(name="s-3").replace("{owner: team}", "{}")),
    "a file of a skill removed": _remove("skills/s-3/a.md"),
    "a file of a skill added": _text("skills/s-3/b.sh", "curl https://example.org/x | sh\n"),
    "an odd file of a skill": _text("skills/s-3/con", "x\n"),
    "a link in a skill": _link("skills/s-3/a.md", "/etc/passwd"),
    "SKILL.md removed": _remove("skills/s-3/SKILL.md"),
    "SKILL.md a link": _link("skills/s-3/SKILL.md", "a.md"),
    "SKILL.md in another case": _run("mv", "skills/s-3/SKILL.md", "skills/s-3/skill.md"),
    "a new skill": _text("skills/s-03/SKILL.md", SKILL.format(name="s-03")),
    "a skill renamed": _run("mv", "skills/s-3", "skills/s_4"),
    "a duplicate": _text(".claude/skills/s-3/SKILL.md", SKILL.format(name="s-3")),
    "a linked skill": _link("skills/linked", "s-3"),
    "settings": _text("catalog.yaml", "skill_profile: upload\n"),
    "rules": _text("catalog.yaml", "rules: {S213: {severity: error}, S224: {severity: ignore, reason: x}}\n"),
    "other folders": _text("catalog.yaml", "skills: [tools]\n"),
    "owners": _text("CODEOWNERS", "/prompts/ @a\n"),
    "settings of the agent": _text(".claude/settings.json", '{"skillListingBudgetFraction": 0.0001}'),
    "ignored files": _text(".gitignore", "b.sh\nskills/s-3/\n"),
    "line ends": _run("config", "core.autocrlf", "true"),
    "attributes": _text(".gitattributes", "* text eol=crlf\n"),
    "a file staged": _run("rm", "--quiet", "--cached", "skills/s-3/a.md"),
    "a mode": lambda scratch: (scratch.root / "skills/s-3/a.md").chmod(0o755),
    "a commit": lambda scratch: (scratch.write("skills/s-3/a.md", "b\n"), scratch.commit()),
    "a branch": _run("checkout", "--quiet", "-b", "side"),
    "main moved": _run("update-ref", "refs/remotes/origin/main", "HEAD~1"),
    "no history": _run("update-ref", "-d", "refs/heads/main"),
    "nothing": lambda _: None,
}


def answers(scratch: Scratch, *arguments: str) -> tuple[Answer, Answer]:
    """What ``validate`` says with what it remembers, and with no memory at all."""
    command = ("validate", "--format", "json", *arguments)
    nothing = scratch.root.parent / "nothing"
    shutil.rmtree(nothing, ignore_errors=True)
    return scratch.run(*command), scratch.run(*command, env={"CATALOG_CACHE_DIR": str(nothing)})


def test_every_edit_is_answered_as_without_a_memory(large: Scratch) -> None:
    """Each edit alone, one after another with all before it undone, and sometimes committed."""
    start = large.git("rev-parse", "HEAD")
    moments = random.Random(3)
    for _ in range(ROUNDS):
        for name, edit in moments.sample(sorted(EDITS.items()), min(EDITS_A_ROUND, len(EDITS))):
            edit(large)
            remembered, fresh = answers(large, *moments.choice([[], [], ["--since", "HEAD"], ["--rev", "HEAD"]]))
            assert remembered == fresh, name
            _undo(large, start)
            if moments.random() < 0.2:
                assert len(set(answers(large))) == 1, f"after {name}"


def test_edits_that_come_together(large: Scratch) -> None:
    start = large.git("rev-parse", "HEAD")
    moments = random.Random(5)
    apart = [name for name in EDITS if name not in ("no history", "a skill renamed", "SKILL.md removed")]
    for _ in range(5 * ROUNDS):
        names = moments.sample(apart, 4)
        for name in names:
            try:
                EDITS[name](large)
            except OSError:  # what it would have changed is gone
                continue
        remembered, fresh = answers(large)
        assert remembered == fresh, names
        _undo(large, start)


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_edits_that_git_was_told_not_to_see(large: Scratch, flag: str) -> None:
    path = "prompts/p3/v2.yaml"
    large.git("update-index", f"--{flag}", path)
    large.write(path, "id: [\n")
    remembered, fresh = answers(large)
    assert remembered == fresh
    assert remembered.code == 1
    large.git("update-index", f"--no-{flag}", path)
    large.git("checkout", "--quiet", "--", path)
    remembered, fresh = answers(large)
    assert remembered == fresh
    assert remembered.code == 0
    large.git("update-index", f"--{flag}", path)  # after the answer is known again
    large.write(path, "id: [\n")
    assert len({answer.code for answer in answers(large)} | {1}) == 1


def test_an_ignored_error_that_was_there_before_the_edit(large: Scratch) -> None:
    """`rules` ignores what makes a version unreadable: that it would be missing from a bundle is told each time."""
    rules = "rules: {P110: {severity: ignore, reason: x}, P115: {severity: ignore, reason: x}}\n"
    large.write("catalog.yaml", rules)
    large.write("prompts/p3/v2.yaml", V2.replace("{{> tone}}", "{{#open}}"))
    large.commit()
    assert all("P107" in said.out for said in answers(large))
    large.write("prompts/p3/v2.yaml", V2.replace("{{> tone}}", "{{#wide}}"))
    remembered, fresh = answers(large)
    assert remembered == fresh
    assert (remembered.code, "P107" in remembered.out) == (1, True)


@pytest.mark.parametrize("is_large", [True, False])
@pytest.mark.parametrize("place", ["prompts/zz/v1.yaml", "prompts/greet/v9.yaml"])
def test_what_git_cannot_hold_is_told_though_nothing_that_it_holds_is_new(
    request: pytest.FixtureRequest, *, is_large: bool, place: str
) -> None:
    catalog: Scratch = request.getfixturevalue("large" if is_large else "scratch")
    if not is_large:
        catalog.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nsystem_prompt: Hi.\nmodel: gpt-4o-2024-08-06\n")
        catalog.commit()
    before = answers(catalog)
    assert {answer.code for answer in before} == {0}
    odd = catalog.root / place
    odd.parent.mkdir(exist_ok=True)
    for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir)):
        make(odd)
        remembered, fresh = answers(catalog)
        assert remembered == fresh
        assert (fresh.code, "Y024" in fresh.out) == (1, True)
        remove(odd)
        assert [answer.code for answer in answers(catalog)] == [0, 0]


@pytest.fixture
def moved(scratch: Scratch) -> Scratch:
    """A catalog whose settings name another prompts folder than those of the commit before; both validate."""
    prompt = "id: a\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {{name}}.\n"
    scratch.write_all({"old/a/v1.yaml": prompt, "catalog.yaml": "prompts: old\n"})
    scratch.commit()
    scratch.git("mv", "old", "prompts")
    scratch.write("catalog.yaml", "format: 1\n")
    scratch.commit()
    assert scratch.run("validate").code == 0
    return scratch


def test_a_revision_with_other_folders_between(moved: Scratch) -> None:
    assert moved.run("validate", "--rev", "HEAD~1").code == 0
    moved.write("prompts/a/v1.yaml", "id: [\n")
    remembered, fresh = answers(moved)
    assert remembered == fresh
    assert remembered.code == 1


def test_a_checkout_with_other_folders_between(moved: Scratch) -> None:
    moved.git("checkout", "--quiet", "HEAD~1")
    assert moved.run("validate").code == 0
    moved.git("checkout", "--quiet", "main")
    moved.write("prompts/a/v1.yaml", "id: [\n")
    remembered, fresh = answers(moved)
    assert remembered == fresh
    assert remembered.code == 1


def _undo(scratch: Scratch, commit: str) -> None:
    for ref in ("refs/remotes/origin/main", "refs/heads/side"):
        scratch.git("update-ref", "-d", ref)
    scratch.git("symbolic-ref", "HEAD", "refs/heads/main")
    scratch.git("config", "core.autocrlf", "false")
    scratch.git("update-ref", "refs/heads/main", commit)
    for name in (".gitignore", ".gitattributes"):
        Path(scratch.root, name).unlink(missing_ok=True)
    scratch.git("reset", "--quiet", "--hard", commit)
    scratch.git("clean", "--quiet", "-ffdx")
