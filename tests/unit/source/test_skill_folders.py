"""Which folders are skills, under which key, and what counts once (design §3)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from catalog_tool.source.skill_folders import FoundSkills, find_skills, static_prefix
from catalog_tool.source.tree import FILE, LINK, Entry

DEFAULT = ("skills", ".claude/skills")


def find(
    files: Sequence[str],
    globs: Sequence[str] = DEFAULT,
    *,
    links: Mapping[str, str] | None = None,
    plugins: Mapping[str, str] | None = None,
) -> FoundSkills:
    """The skills among files and links; ``plugins`` names folders that hold a plugin."""
    targets, named = links or {}, plugins or {}
    entries = {**dict.fromkeys(files, Entry(FILE, None)), **dict.fromkeys(targets, Entry(LINK, None))}
    return find_skills(entries, globs, targets.__getitem__, named.get)


def paths(found: FoundSkills) -> dict[str, str]:
    """Path by key; keys must be unique in a test that asks."""
    assert len({folder.key for folder in found.folders}) == len(found.folders)
    return {folder.key: folder.path for folder in found.folders}


def test_direct_children_are_skills_and_deeper_ones_are_files() -> None:
    found = find(
        ["skills/a/SKILL.md", "skills/a/sub/SKILL.md", "skills/b/x.md", "skills/SKILL.md", "SKILL.md", "x/a/SKILL.md"]
    )
    assert paths(found) == {"a": "skills/a"}
    assert set(found.folders[0].files) == {"SKILL.md", "sub/SKILL.md"}


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("skills", {"skills/a"}), ("skills/", {"skills/a"}), ("/skills", {"skills/a"}), ("./skills//", {"skills/a"}),
        ("skills/*", {"skills/g/c"}),
        ("skills/**", {"skills/a", "skills/g/c"}), ("*/skills", {"p/skills/b"}),
        ("**/skills", {"skills/a", "p/skills/b"}),
        ("plug*", set()), ("p/*", {"p/skills/b"}), ("**", {"skills/a", "skills/g/c", "p/skills/b"}), ("p", set()),
    ],
)  # fmt: skip
def test_globs_name_folders(glob: str, expected: set[str]) -> None:
    files = ["skills/a/SKILL.md", "skills/g/c/SKILL.md", "p/skills/b/SKILL.md"]
    assert set(paths(find(files, [glob])).values()) == expected


@pytest.mark.parametrize(
    ("path", "globs", "is_told"),
    [
        ("skills/group/pdf/SKILL.md", DEFAULT, True),
        ("skills/a/b/c/skill.md", DEFAULT, True),
        ("p/skills/group/pdf/SKILL.md", ["*/skills"], True),
        ("skills/pdf/SKILL.md", DEFAULT, False),
        ("skills/SKILL.md", DEFAULT, False),
        ("docs/skills/pdf/SKILL.md", DEFAULT, False),
        ("skills/group/pdf/SKILL.md", ["skills/**"], False),
        ("skills/group/pdf/SKILL.md", ["skills", "skills/group"], False),
        ("skills/_old/pdf/SKILL.md", DEFAULT, False),
        ("skills/.system/pdf/SKILL.md", DEFAULT, False),
        ("skills/group/_pdf/SKILL.md", DEFAULT, False),
    ],
)
def test_a_skill_too_deep_to_be_one_is_told(path: str, globs: Sequence[str], *, is_told: bool) -> None:
    found = find([path, "skills/other/SKILL.md", "skills/other/examples/x/SKILL.md"], globs)
    told = [(finding.code, finding.path) for finding in found.findings]
    assert told == ([("S219", path.rpartition("/")[0])] if is_told else [])


def test_the_folder_to_list() -> None:
    globs = ["skills", "plugins/*/skills", "**/skills", "a/b?/c", "/x/", "a[b]/c", "./x"]
    assert [static_prefix(glob) for glob in globs] == ["skills", "plugins", "", "a", "x", "a[b]/c", "x"]


def test_plugins_give_their_name() -> None:
    files = ["plugins/acme/skills/pdf/SKILL.md", "skills/pdf/SKILL.md", "plugins/odd/skills/x/SKILL.md"]
    plugins = {"plugins/acme": "acme-tools", "plugins/odd": "../../evil name"}
    found = find(files, ["skills", "plugins/*/skills"], plugins=plugins)
    assert paths(found) == {
        "pdf": "skills/pdf", "acme-tools:pdf": "plugins/acme/skills/pdf", "odd:x": "plugins/odd/skills/x",
    }  # fmt: skip
    assert {folder.key: folder.name for folder in found.folders}["acme-tools:pdf"] == "pdf"


def test_a_configured_folder_that_is_a_link_counts_once() -> None:
    found = find(["skills/a/SKILL.md"], links={".claude/skills": "../skills"})
    assert (paths(found), found.findings) == ({"a": "skills/a"}, [])


def test_a_skill_folder_that_is_a_link_counts_once() -> None:
    found = find(["skills/a/SKILL.md"], links={".claude/skills/a": "../../skills/a", "skills/b": "a"})
    assert (paths(found), found.findings) == ({"a": "skills/a"}, [])


def test_a_skill_seen_only_through_a_link_has_the_links_name() -> None:
    found = find(["tools/pdf-impl/SKILL.md"], links={"skills/pdf": "../tools/pdf-impl"})
    assert paths(found) == {"pdf": "tools/pdf-impl"}


def test_links_to_links_and_folders_behind_links() -> None:
    links = {".claude/skills": "../.agents/skills", ".agents/skills": "../real", "one": ".claude"}
    assert paths(find(["real/a/SKILL.md"], links=links)) == {"a": "real/a"}
    assert paths(find(["real/a/SKILL.md"], ["one/skills"], links=links)) == {"a": "real/a"}


@pytest.mark.parametrize("target", ["/etc", "../../outside", "../..", "nowhere", "x", "../skills/x", "y"])
def test_a_link_that_leads_nowhere_is_named(target: str) -> None:
    found = find(["skills/a/SKILL.md"], links={"skills/x": target, "skills/y": "x"})
    assert paths(found) == {"a": "skills/a"}
    assert [(each.code, each.path) for each in found.findings] == [("S215", "skills/x"), ("S215", "skills/y")]


def test_links_inside_a_skill_are_the_skills_matter() -> None:
    assert find(["skills/a/SKILL.md"], ["**"], links={"skills/a/x": "/etc"}).findings == []


def test_duplicate_names_are_both_there() -> None:
    found = find(["skills/a/SKILL.md", ".claude/skills/a/SKILL.md"])
    assert [(folder.key, folder.path) for folder in found.folders] == [("a", ".claude/skills/a"), ("a", "skills/a")]


def test_skill_md_in_another_case() -> None:
    (skill,) = find(["skills/a/Skill.MD", "skills/a/x"]).folders
    assert skill.skill_file == "Skill.MD"
    (skill,) = find(["skills/a/skill.md", "skills/a/SKILL.md"]).folders
    assert skill.skill_file == "SKILL.md"


@pytest.mark.parametrize("name", ["con", "a\nb", "a\\b", "a:b", "..", ".git", "\udcff", "e\u0301"])
def test_folders_that_cannot_exist_everywhere_are_refused(name: str) -> None:
    found = find([f"skills/{name}/SKILL.md"])
    assert (found.folders, [each.code for each in found.findings]) == ([], ["S216"])
    assert (found.findings[0].path or "").encode()


def test_many_links_and_files_take_linear_time() -> None:
    files = [f"skills/s{number}/SKILL.md" for number in range(10_000)]
    links = {f".claude/skills/s{number}": f"../../skills/s{number}" for number in range(10_000)}
    links |= {f"deep/l{number}": f"l{number + 1}" for number in range(2000)}
    began = time.process_time()
    assert len(find(files, links=links).folders) == 10_000
    assert time.process_time() - began < 3


def test_links_that_show_each_other_end() -> None:
    links = {"a/x": "../b", "b/y": "../a", "skills/up": "..", "skills/loop": "loop"}
    found = find(["a/h/SKILL.md", "b/i/SKILL.md", "skills/s/SKILL.md"], ["**"], links=links)
    assert {folder.path for folder in found.folders} == {"a/h", "b/i", "skills/s"}
