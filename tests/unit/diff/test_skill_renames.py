"""Skills that have another name are told from others by their bytes, then their body, then what they have in common."""

from __future__ import annotations

import time
from pathlib import Path

from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.changes import Change
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.tree import WorkTree


def skill(name: str, about: str, body: str) -> str:
    return f"---\nname: {name}\ndescription: Works on {about}. Use when a guest asks.\n---\n# Work\n\n{body}\n"


def changes(old: dict[str, str], new: dict[str, str], folder: Path) -> list[Change]:
    sides = []
    for name, skills in (("old", old), ("new", new)):
        for key, text in skills.items():
            file = folder / name / "skills" / key / "SKILL.md"
            file.parent.mkdir(parents=True)
            file.write_text(text, "utf-8")
        sides.append(TreeSide(WorkTree(folder / name)))
    return list(compare_catalogs(*sides, Names("old", "new")).changes)


def pairs(found: list[Change]) -> dict[object, object]:
    assert {change.op for change in found} == {"renamed"}
    return {change.before: change.after for change in found}


BODY = "Ask for the size first, then for the room number, and read both back to the guest before you order {}."


def test_equal_bodies_are_paired_though_others_are_alike(tmp_path: Path) -> None:
    old = {"a": skill("a", "pdf", BODY.format("pdf")), "b": skill("b", "csv", BODY.format("csv"))}
    new = {"c": skill("c", "csv", BODY.format("csv")), "d": skill("d", "pdf", BODY.format("pdf"))}
    found = changes(old, new, tmp_path)
    assert pairs(found) == {"a": "d", "b": "c"}
    assert [item.path for change in found for item in change.details] == ["/name", "/name"]


def test_equal_bytes_are_paired_before_equal_bodies(tmp_path: Path) -> None:
    text = skill("same", "pdf", BODY)
    found = changes({"a": skill("a", "csv", BODY), "b": text}, {"c": text, "d": skill("d", "csv", BODY)}, tmp_path)
    assert pairs(found) == {"b": "c", "a": "d"}


def test_of_equal_bodies_the_one_with_the_same_description_is_taken(tmp_path: Path) -> None:
    old = {"a": skill("a", "pdf", BODY), "b": skill("b", "csv", BODY)}
    new = {"c": skill("c", "csv", BODY), "d": skill("d", "pdf", BODY)}
    assert pairs(changes(old, new, tmp_path)) == {"a": "d", "b": "c"}


def test_of_bodies_that_changed_the_most_alike_are_paired(tmp_path: Path) -> None:
    old = {"a": skill("a", "pdf", BODY.format("a pot of tea")), "b": skill("b", "csv", BODY.format("a cup of milk"))}
    new = {"c": skill("c", "x", BODY.format("a cup of cold milk")), "d": skill("d", "y", BODY.format("one pot of tea"))}
    assert pairs(changes(old, new, tmp_path)) == {"a": "d", "b": "c"}


def test_bodies_with_little_in_common_are_not_paired(tmp_path: Path) -> None:
    found = changes({"a": skill("a", "pdf", BODY)}, {"b": skill("b", "pdf", "Sing a song about old ships.")}, tmp_path)
    assert {change.op for change in found} == {"removed", "added"}


def test_many_skills_with_other_names_are_paired_in_little_time(tmp_path: Path) -> None:
    def many(prefix: str, word: str) -> dict[str, str]:
        names = [f"{prefix}{number}" for number in range(60)]
        return {name: skill(name, name, " ".join(f"w{name[1:]}x{n}" for n in range(400)) + word) for name in names}

    start = time.process_time()
    found = pairs(changes(many("a", " old"), many("b", " new"), tmp_path))
    assert time.process_time() - start < 5
    assert found == {f"a{number}": f"b{number}" for number in range(60)}


def test_a_plugin_with_another_name_takes_its_skills_along_in_little_time(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(400)]
    text = " ".join(f"w{n}" for n in range(300))
    start = time.process_time()
    old, new = ({f"{prefix}{name}": skill(name, name, text + name) for name in names} for prefix in ("a-", "b-"))
    assert pairs(changes(old, new, tmp_path)) == {f"a-{name}": f"b-{name}" for name in names}
    assert time.process_time() - start < 6


def test_where_too_many_came_and_went_to_compare_them_all_that_is_said(tmp_path: Path) -> None:
    def many(prefix: str) -> dict[str, str]:
        names = [f"{prefix}{number}" for number in range(150)]
        return {name: skill(name, name, " ".join(f"{name}x{n}" for n in range(300))) for name in names}

    gone = [change for change in changes(many("a"), many("b"), tmp_path) if change.op == "removed"]
    assert len(gone) == 150
    assert all("too much came and went to tell" in change.details[0].message for change in gone)
