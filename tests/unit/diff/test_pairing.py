"""What has another name is found again, however much moves at once; where there is too much, that is said."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.changes import Change
from catalog_tool.diff.pairing import Pairing, Told
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.tree import WorkTree

PROMPT = "system_prompt: |\n  You answer the customers of shop {} in its own words.\n  {} tell what others bought.\n"


def changes(old: Mapping[str, str], new: Mapping[str, str], folder: Path) -> list[Change]:
    for name, files in (("old", old), ("new", new)):
        for path, text in files.items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    sides = [TreeSide(WorkTree(folder / name)) for name in ("old", "new")]
    return list(compare_catalogs(*sides, Names("old", "new")).changes)


def disjoint(prefix: str, count: int, words: int) -> dict[str, str]:
    return {f"{prefix}{n}": " ".join(f"{prefix}{n}x{word}" for word in range(words)) for n in range(count)}


def pairing(old: Mapping[str, str], new: Mapping[str, str]) -> Pairing:
    found = Pairing(old, new)
    found.by_words(lambda name: Told(old[name]), lambda name: Told(new[name]))
    return found


def test_many_prompts_that_moved_and_changed_are_each_compared(tmp_path: Path) -> None:
    old = {f"prompts/p{n}/v1.yaml": PROMPT.format(n, "Never") for n in range(30)}
    new = {f"prompts/team/p{n}/v1.yaml": PROMPT.format(n, "Always") for n in range(30)}
    found = changes(old, new, tmp_path)
    assert {change.before: change.after for change in found} == {f"p{n}": f"team/p{n}" for n in range(30)}
    assert all("text-wording" in {item.rule for item in change.details} for change in found)


def test_a_prompt_is_known_again_by_an_older_version(tmp_path: Path) -> None:
    old = {"prompts/bot/v1.yaml": PROMPT.format(1, "Never"), "prompts/bot/v2.yaml": "system_prompt: Sing.\n"}
    new = {
        "prompts/robot/v1.yaml": PROMPT.format(1, "Never"),
        "prompts/robot/v2.yaml": "system_prompt: Nothing in common with what it was.\n",
    }
    assert [(change.op, change.before, change.after) for change in changes(old, new, tmp_path)] == [
        ("renamed", "bot", "robot")
    ]


def test_prompts_of_the_same_content_keep_the_end_of_their_ids(tmp_path: Path) -> None:
    same = PROMPT.format("all", "Never")
    old = {f"prompts/{name}/v1.yaml": same for name in ("a/x", "a/y", "z")}
    new = {f"prompts/b/{name}/v1.yaml": same for name in ("y", "z", "x")}
    found = {change.before: change.after for change in changes(old, new, tmp_path)}
    assert found == {"a/x": "b/x", "a/y": "b/y", "z": "b/z"}


def test_a_prompt_with_other_words_is_another_one(tmp_path: Path) -> None:
    old = {"prompts/bot/v1.yaml": PROMPT.format(1, "Never")}
    new = {"prompts/poet/v1.yaml": "system_prompt: Write a ballad on old ships and on those who sailed them.\n"}
    assert {change.op for change in changes(old, new, tmp_path)} == {"removed", "added"}


def test_the_order_of_words_decides_where_their_numbers_leave_it_open() -> None:
    words = [f"w{n}" for n in range(40)]
    old = {"a": " ".join(words)}
    more = [f"x{n}" for n in range(26)]
    assert pairing(old, {"b": " ".join([*words, *more])}).found == {"a": "b"}
    assert pairing(old, {"b": " ".join([*words[::-1], *more])}).found == {}


def test_where_there_is_too_much_to_compare_that_is_known() -> None:
    found = pairing(disjoint("a", 150, 300), disjoint("b", 150, 300))
    assert (found.found, len(found.unsure)) == ({}, 150)
    assert pairing(disjoint("a", 20, 300), disjoint("b", 20, 300)).unsure == frozenset()


def test_where_there_is_too_much_to_compare_that_is_said(tmp_path: Path) -> None:
    old = {f"prompts/{name}/v1.yaml": f"system_prompt: {text}\n" for name, text in disjoint("a", 150, 300).items()}
    new = {f"prompts/{name}/v1.yaml": f"system_prompt: {text}\n" for name, text in disjoint("b", 150, 300).items()}
    gone = [change for change in changes(old, new, tmp_path) if change.op == "removed"]
    assert len(gone) == 150
    assert all("too much came and went to tell" in change.details[0].message for change in gone)


def test_what_has_the_same_bytes_takes_no_time_to_pair() -> None:
    names = [f"s{n}" for n in range(3_000)]
    start = time.process_time()
    found = Pairing([f"one:{name}" for name in names], [f"two:{name}" for name in names])
    found.by_stamps(lambda name: [name[4:]], lambda name: [name[4:]])
    assert found.found == {f"one:{name}": f"two:{name}" for name in names}
    found = Pairing([f"one:{name}" for name in names], [f"two:{name}" for name in names])
    found.by_stamps(lambda name: ["same"], lambda name: ["same"])  # noqa: ARG005
    assert len(found.found) == 3_000
    assert time.process_time() - start < 2
