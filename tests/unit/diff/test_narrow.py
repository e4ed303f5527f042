"""Looking only at what changed finds what looking at everything finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.narrow import NarrowTree, narrowed
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

ONE, TWO = "system_prompt: Greet the guest.\n", "system_prompt: Greet every guest.\n"
SKILL = "---\nname: pour\ndescription: Pours drinks.\n---\n# Pour\n\nPour {}.\n"

STEPS: tuple[dict[str, str | None], ...] = (
    {
        "prompts/greeter/v1.yaml": ONE,
        "prompts/bar/host/v1.yaml": "system_prompt: |\n  Host.\n  {{> safety}}\n",
        "prompts/_shared/partials/safety.md": "Be safe.\n",
        "prompts/registry.yaml": "greeter:\n  production: v1\nbar/host:\n  production: v1\n",
        "skills/pour/SKILL.md": SKILL.format("slowly"),
    },
    {"prompts/greeter/v2.yaml": TWO},
    {"prompts/registry.yaml": "# moved\ngreeter:\n  production: v2\n\nbar/host:\n  production: v1\n"},
    {"prompts/registry.yaml": "{greeter: {production: v1}, bar/host: {production: v1}}\n"},
    {"prompts/_shared/partials/safety.md": "Be very safe.\n"},
    {
        "skills/pour/SKILL.md": SKILL.format("fast"),
        "prompts/bar/host/tests/t.yaml": "cases: [{name: a, critical: true}]\n",
    },
    {"prompts/bar/host/tests/t.yaml": "cases: [{name: a}]\n"},
    {"catalog.yaml": "prompts: texts\n", "texts/leaver/v1.yaml": ONE, "prompts/greeter/v1.yaml": None},
    {"texts/leaver/v2.yaml": TWO, "texts/registry.yaml": "leaver:\n  production: v1\n"},
    {"texts/leaver/v1.yaml": None, "README.md": "text\n"},
)


@pytest.mark.parametrize("prefix", ["", "nested/"])
def test_narrow_and_whole_trees_give_the_same_answer(scratch: Scratch, prefix: str) -> None:
    commits = []
    for step in STEPS:
        for path, text in step.items():
            if text is None:
                Path(scratch.root / prefix / path).unlink()
            else:
                scratch.write(prefix + path, text)
        commits.append(scratch.commit())
    place = find_root(str(scratch.root / prefix))
    assert place.prefix == prefix
    seen = 0
    for index, first in enumerate(commits):
        for second in {commits[index - 1], *commits[index : index + 2], None}:
            base, head = tree_of(place, first), tree_of(place, second)
            whole = compare_catalogs(TreeSide(base), TreeSide(head), Names(None, None)).to_json()
            views = narrowed(base, head)
            found = compare_catalogs(TreeSide(views[0]), TreeSide(views[1]), Names(None, None)).to_json()
            assert found == whole
            seen += isinstance(views[1], NarrowTree)
    assert seen > len(commits)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_looked_at(scratch: Scratch, flag: str) -> None:
    scratch.write_all({"prompts/a/v1.yaml": ONE, "prompts/b/v1.yaml": ONE})
    scratch.commit()
    scratch.git("update-index", flag, "prompts/a/v1.yaml", "prompts/b/v1.yaml")
    assert scratch.run("diff", "HEAD").out == "No changes.\n"
    scratch.write("prompts/a/v1.yaml", TWO)
    (scratch.root / "prompts/b/v1.yaml").unlink()
    assert "released-changed" in scratch.run("diff", "HEAD").out


def test_only_changed_prompts_are_listed(scratch: Scratch) -> None:
    scratch.write_all({f"prompts/p{number}/v1.yaml": ONE for number in range(20)})
    scratch.write("skills/pour/SKILL.md", SKILL.format("slowly"))
    base = scratch.commit()
    scratch.write("prompts/p3/v2.yaml", TWO)
    scratch.commit()
    place = find_root(str(scratch.root))
    views = narrowed(tree_of(place, base), tree_of(place, "HEAD"))
    sides = [TreeSide(view) for view in views]
    assert [set(side.versions()) for side in sides] == [{"p3"}, {"p3"}]
    assert sides[0].files.skills == []


def test_folders_that_the_settings_name_are_not_missed_for_not_being_looked_at(scratch: Scratch) -> None:
    scratch.write_all(
        {
            "catalog.yaml": "prompts: texts\nskills: [tricks]\n",
            "texts/greeter/v1.yaml": ONE,
            "tricks/pour/SKILL.md": SKILL.format("slowly"),
        }
    )
    scratch.commit()
    assert scratch.run("diff", "HEAD").out == "No changes.\n"
    scratch.write("texts/greeter/v2.yaml", TWO)
    answer = scratch.run("diff", "HEAD")
    assert (answer.code, answer.err) == (0, "")
