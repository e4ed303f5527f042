"""A repository with SHA-256 ids answers every question as one with SHA-1 ids does."""

from __future__ import annotations

import json
import shutil
from typing import Any

from scratch import Scratch

PROMPT = "id: greet\nversion: {version}\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  Greet {{{{name}}}} {version}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n---\n# PDF\n"


def filled(scratch: Scratch) -> Scratch:
    """Three commits and a merge, with a label that moves."""
    for version in ("v1", "v2"):
        scratch.write(f"prompts/greet/{version}.yaml", PROMPT.format(version=version))
        scratch.write("prompts/registry.yaml", f"greet: {{production: {version}}}\n")
        scratch.write("skills/pdf/SKILL.md", SKILL + f"{version}\n")
        scratch.commit(f"Release {version}\n\nBecause.", author="Zoë")
    scratch.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    scratch.write("prompts/greet/v3.yaml", PROMPT.format(version="v3"))
    scratch.commit("On the side")
    scratch.git("checkout", "--quiet", "main")
    person = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "2026-02-01T00:00:00Z"}
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
    scratch.git("merge", "--quiet", "--no-ff", "--message", "Merge the side", "side", env=who)
    return scratch


def without_ids(value: Any) -> Any:
    """The document with every id of a commit blanked."""
    if isinstance(value, dict):
        return {key: "id" if key == "commit" and item else without_ids(item) for key, item in value.items()}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


def answers(scratch: Scratch) -> list[Any]:
    """What every command that reads the repository says."""
    asked = [
        ["history", "greet"], ["history", "greet", "--label", "production", "--at", "2026-01-05T10:30"],
        ["validate"], ["validate", "--since", "HEAD~1"], ["list", "--rev", "HEAD~1"], ["show", "HEAD:greet@v1"],
        ["diff", "HEAD~1"],
    ]  # fmt: skip
    found = []
    for arguments in asked:
        answer = scratch.run(*arguments, "--format", "json")
        assert answer.code == 0, answer
        found.append(without_ids(answer.json()))
    for revision in ([], ["--rev", "HEAD"]):
        assert scratch.run("build", *revision).code == 0
        for path in sorted((scratch.root / "dist").rglob("*.json")):
            document = without_ids(json.loads(path.read_bytes()))
            found.append({key: item for key, item in document.items() if key != "built_at"})
    return found


def test_both_kinds_of_ids(scratch: Scratch) -> None:
    expected = answers(filled(scratch))
    shutil.rmtree(scratch.root)
    scratch.root.mkdir()
    scratch.git("init", "--quiet", "--initial-branch", "main", "--object-format", "sha256")
    other = Scratch(root=scratch.root, command=scratch.command)
    assert answers(filled(other)) == expected
    assert len(other.git("rev-parse", "HEAD")) == 64
    other.git("update-index", "--assume-unchanged", "prompts/greet/v3.yaml")
    assert answers(other)[2:] == expected[2:]
