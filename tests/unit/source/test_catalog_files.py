"""What is found in a catalog before any prompt or skill is read."""

from __future__ import annotations

import pytest
from scratch import Scratch

from catalog_tool.model.settings import Settings
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

PROMPT = "system_prompt: x\n"


def find(scratch: Scratch, folder: str = ".", revision: str | None = None) -> CatalogFiles:
    return find_catalog(tree_of(find_root(str(scratch.root / folder)), revision))


def codes(files: CatalogFiles) -> list[tuple[str, str | None]]:
    return [(found.code, found.path) for found in files.findings]


def test_a_catalog_below_the_top_has_its_own_files_and_the_repositorys_owners(scratch: Scratch) -> None:
    scratch.write_all(
        {
            "CODEOWNERS": "* @top\n",
            "docs/CODEOWNERS": "* @docs\n",
            ".claude/settings.json": '{"skillListingBudgetFraction": 0.02}',
            "team/catalog.yaml": "catalog: team\nprompts: ai\n",
            "team/ai/a/v1.yaml": PROMPT,
            "team/prompts/b/v1.yaml": PROMPT,
            "other/catalog.yaml": "catalog: other\n",
            "other/prompts/c/v1.yaml": PROMPT,
        }
    )
    scratch.commit()
    for revision in (None, "HEAD"):
        files = find(scratch, "team", revision)
        assert codes(files) == []
        assert files.settings.catalog == "team"
        assert [file.id for file in files.layout.versions] == ["a"]
        assert [rule.owners for rule in files.owners] == [("@top",)]
        assert files.agent_settings == {"skillListingBudgetFraction": 0.02}


def test_settings_that_are_a_link_are_no_settings_and_no_silence(scratch: Scratch) -> None:
    scratch.write_all({"real.yaml": "prompts: ai\n", "prompts/a/v1.yaml": PROMPT})
    (scratch.root / "catalog.yaml").symlink_to("real.yaml")
    files = find(scratch)
    assert codes(files) == [("Y024", "catalog.yaml")]
    assert files.settings == Settings()


def test_settings_under_another_name_are_told(scratch: Scratch) -> None:
    scratch.write_all({"catalog.yml": "prompts: ai\n", "prompts/a/v1.yaml": PROMPT})
    assert codes(find(scratch)) == [("C308", "catalog.yml")]
    scratch.commit()
    assert codes(find(scratch, revision="HEAD")) == [("C308", "catalog.yml")]
    scratch.write("catalog.yaml", "format: 1\n")
    assert codes(find(scratch)) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("{}", 0), ('{"skillListingBudgetFraction": 1, "maxSkillDescriptionChars": 9}', 0), ('{"permissions": {}}', 0),
        ('{"maxSkillDescriptionChars": "x", "skillListingMaxDescChars": 9}', 0),
        ('{"skillListingBudgetFraction": 0}', 1), ('{"skillListingBudgetFraction": "0.1"}', 1), ("[]", 1), ("{", 1),
        ('{"skillListingBudgetFraction": -1, "maxSkillDescriptionChars": true}', 2),
    ],
)  # fmt: skip
def test_listing_limits_of_the_agent_that_cannot_be_used_are_told(scratch: Scratch, settings: str, told: int) -> None:
    scratch.write_all({"prompts/a/v1.yaml": PROMPT, ".claude/settings.json": settings})
    assert codes(find(scratch)) == [("C308", ".claude/settings.json")] * told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("prompts: promts\n", [("error", "`promts`")]), ("skills: [skilz, more/*]\n", [("error", "`skilz`, `more/*`")]),
        ("skills: [skills, skilz, .claude/skills]\n", [("warning", "`skilz`")]), ("skills: [skills]\n", []),
        ("skills: [skills, '**/skills']\n", []),
    ],
)  # fmt: skip
def test_folders_that_hold_nothing(scratch: Scratch, settings: str, told: list[tuple[str, str]]) -> None:
    skill = "---\nname: pdf\ndescription: x\n---\n"
    scratch.write_all({"catalog.yaml": settings, "prompts/a/v1.yaml": PROMPT, "skills/pdf/SKILL.md": skill})
    found = [each for each in find(scratch).findings if each.code == "C307"]
    assert [(each.severity, each.message.rpartition("folder")[2].lstrip("s ")) for each in found] == told


def test_a_catalog_inside_another(scratch: Scratch) -> None:
    scratch.write_all({"catalog.yaml": "", "prompts/a/catalog.yaml": "", "prompts/a/v1.yaml": PROMPT})
    assert ("C305", "prompts/a/catalog.yaml") in codes(find(scratch))


def test_team_schemas(scratch: Scratch) -> None:
    scratch.write_all(
        {
            "catalog.yaml": "schemas: {prompt: ./ours/prompt.yaml, skill: ours/gone.json}\n",
            "ours/prompt.yaml": "required: [owners]\n",
        }
    )
    files = find(scratch)
    assert files.team_schemas == {"prompt": {"required": ["owners"]}}
    assert codes(files) == [("C306", "catalog.yaml")]
    scratch.write("ours/prompt.yaml", "$ref: http://example.org/x\n")
    assert codes(find(scratch)) == [("C306", "ours/prompt.yaml"), ("C306", "catalog.yaml")]


def test_a_registry_that_cannot_be_read_is_reported(scratch: Scratch) -> None:
    scratch.write_all({"prompts/a/v1.yaml": PROMPT, "prompts/registry.yaml": "a: [\n"})
    files = find(scratch)
    assert codes(files) == [("Y007", "prompts/registry.yaml")]
    assert files.labels == {}


def test_a_skill_may_hold_a_file_of_that_name(scratch: Scratch) -> None:
    skill = "---\nname: pdf\ndescription: Fills forms.\n---\n"
    scratch.write_all(
        {"skills/pdf/SKILL.md": skill, "skills/pdf/assets/catalog.yaml": "", "skills/other/catalog.yaml": ""}
    )
    assert [path for code, path in codes(find(scratch)) if code == "C305"] == ["skills/other/catalog.yaml"]
