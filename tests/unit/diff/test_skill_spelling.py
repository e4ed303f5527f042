"""SKILL.md with other bytes and the same values: its digest differs, so the comparison must say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.changes import Detail
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.tree import WorkTree

SKILL = """\
---
name: pour
description: Pours drinks. Use when a guest orders one.
allowed-tools: Read
---
# Pour

Ask for the size.
"""


def details(old: str, new: str, folder: Path) -> list[Detail]:
    """What the comparison says of two texts of one SKILL.md."""
    sides = []
    for name, text in (("old", old), ("new", new)):
        file = folder / name / "skills" / "pour" / "SKILL.md"
        file.parent.mkdir(parents=True)
        file.write_bytes(text.encode())
        sides.append(TreeSide(WorkTree(folder / name)))
    return [item for change in compare_catalogs(*sides, Names("old", "new")).changes for item in change.details]


@pytest.mark.parametrize("new", [SKILL.replace("\n", "\r\n"), f"\ufeff{SKILL}"], ids=["CRLF", "BOM"])
def test_line_ends_and_byte_order_marks_are_told(new: str, tmp_path: Path) -> None:
    (item,) = details(SKILL, new, tmp_path)
    assert (item.rule, item.path, item.contract, item.behaviour) == ("skill-content", "/files/SKILL.md", "patch", "low")
    assert "the text is the same" in item.message
    assert item.before != item.after


def test_what_is_only_spelled_otherwise_is_told_once(tmp_path: Path) -> None:
    new = SKILL.replace("name: pour", 'name: "pour"').replace("the size", "the glass")
    assert [item.path for item in details(SKILL, new, tmp_path)] == ["/body"]


def test_a_comment_is_shown_beside_any_other_change(tmp_path: Path) -> None:
    new = SKILL.replace("allowed-tools", "# First call the bar.\nallowed-tools").replace("Read", "Read Write")
    found = {item.path: item for item in details(SKILL, new, tmp_path)}
    assert sorted(found) == ["/allowed-tools", "/files/SKILL.md"]
    assert "First call the bar." in found["/files/SKILL.md"].message


@pytest.mark.parametrize("fence", ["```! \nls\n```", "  ```!\n  ls\n  ```", "```!sh\nls\n```"])
def test_a_block_that_runs_at_load_is_seen_however_it_is_fenced(fence: str, tmp_path: Path) -> None:
    found = details(SKILL, f"{SKILL}\n{fence}\n", tmp_path)
    assert [item.contract for item in found if item.rule == "skill-permission"] == ["major"]


def test_a_long_value_is_shown_whole(tmp_path: Path) -> None:
    hooks = f"hooks:\n  Stop:\n    - hooks: [{{type: command, command: 'echo {'well ' * 30}; ./spill.sh'}}]\n"
    (item,) = details(SKILL, SKILL.replace("allowed-tools", f"{hooks}allowed-tools"), tmp_path)
    assert item.text is not None
    assert "./spill.sh" in "".join(segment.text for segment in item.text.segments)
    (item,) = details(SKILL.replace("allowed-tools", f"{hooks}allowed-tools"), SKILL, tmp_path / "back")
    assert "none of their commands runs" in item.message
