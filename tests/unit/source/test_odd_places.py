"""What stands where a version's file would, and is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog_tool.source.odd_places import is_version_place, survey


def test_folders_and_special_files_at_the_places_of_versions(tmp_path: Path) -> None:
    for folder in (
        "a/v1.yaml",
        "a/b/v2.md/v3.json",
        "a/v01.yaml",
        "a/tests/v1.yaml",
        "_shared/tools/x/v1.yaml",
        "v1.md",
    ):
        (tmp_path / "prompts" / folder).mkdir(parents=True)
    (tmp_path / "prompts/a/v4.yaml").write_text("id: a\n")
    (tmp_path / "prompts/a/v5.yaml").symlink_to("v4.yaml")
    (tmp_path / "prompts/linked").symlink_to("a")
    os.mkfifo(tmp_path / "prompts/a/v6.json")
    os.mkfifo(tmp_path / "prompts/a/notes")
    assert dict(survey(str(tmp_path), "prompts").odd) == {
        "prompts/a/v1.yaml": True,
        "prompts/a/b/v2.md": True,
        "prompts/a/v6.json": False,
    }


def test_a_prompts_folder_behind_a_link_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/prompts/a/v1.yaml").mkdir(parents=True)
    (tmp_path / "team").symlink_to("elsewhere")
    assert survey(str(tmp_path), "team/prompts").odd == []
    assert survey(str(tmp_path), "elsewhere/prompts").odd == [("elsewhere/prompts/a/v1.yaml", True)]
    assert survey(str(tmp_path), "nowhere").odd == []


@pytest.mark.parametrize("inner", ["a/v1.yaml", "a/b/v12.json", "a/v2.md"])
def test_places_of_versions(inner: str) -> None:
    assert is_version_place(inner)


@pytest.mark.parametrize("inner", ["v1.yaml", "a/v0.md", "a/v1.yml", "A/v1.yaml", "a/tests/v1.yaml", "a/draft.yaml"])
def test_no_places_of_versions(inner: str) -> None:
    assert not is_version_place(inner)
