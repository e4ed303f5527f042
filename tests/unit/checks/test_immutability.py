"""A released version never changes: where the base is, what counts as a change, what does not (design §2.3)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.checks import immutability
from catalog_tool.checks.inspection import Options, inspect
from catalog_tool.errors import GitError
from catalog_tool.model.finding import Finding
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

V1 = "id: greet\nversion: v1\nmodel: gpt-4o\nsystem_prompt: Greet {{name}}.\n"
CHANGED = V1.replace("Greet", "Welcome")
PATH = "prompts/greet/v1.yaml"
REGISTRY = "prompts/registry.yaml"


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("CI", "GITHUB_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


def look(scratch: Scratch, *, since: str | None = None, rev: str | None = None, root: str = "") -> list[Finding]:
    """What is said of released versions."""
    tree = tree_of(find_root(str(scratch.root / root)), rev)
    inspection = inspect(tree, Options(overlap=False))
    return sorted(immutability.findings(tree, inspection, since), key=Finding.order)


def codes(scratch: Scratch, *, since: str | None = None, rev: str | None = None) -> list[tuple[str, str | None]]:
    """Code and path of each."""
    return [(each.code, each.path) for each in look(scratch, since=since, rev=rev)]


@pytest.fixture
def released(scratch: Scratch) -> Scratch:
    """``greet@v1``, released by the first of two commits on main."""
    scratch.write(PATH, V1)
    scratch.commit("Release v1")
    scratch.write("README.md", "x\n")
    scratch.commit("Say more")
    return scratch


# Where the base is.


def test_on_the_branch_a_dirty_tree_is_compared_with_head(released: Scratch) -> None:
    assert codes(released) == []
    released.write(PATH, CHANGED)
    (one,) = look(released)
    assert (one.code, one.severity, one.path, one.artifact) == ("P150", "error", PATH, "greet@v1")
    assert one.hint == "take the change back and run `catalog bump greet`"
    assert released.git("rev-parse", "HEAD")[:12] in one.message


def test_an_uncommitted_version_may_change(released: Scratch) -> None:
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    assert codes(released) == []
    released.write("prompts/greet/v2.yaml", CHANGED.replace("v1", "v2"))
    assert codes(released) == []


def test_on_the_branch_a_clean_tree_is_compared_with_the_first_parent(released: Scratch) -> None:
    released.write(PATH, CHANGED)
    released.commit()
    assert codes(released) == codes(released, rev="HEAD") == [("P150", PATH)]
    released.write("README.md", "y\n")
    released.commit()
    assert codes(released) == codes(released, rev="HEAD") == []
    assert codes(released, rev="HEAD~1") == [("P150", PATH)]


def test_the_first_parent_of_a_merge_counts(released: Scratch) -> None:
    released.git("checkout", "--quiet", "-b", "side")
    released.write(PATH, CHANGED)
    released.commit()
    released.git("checkout", "--quiet", "main")
    released.write("README.md", "z\n")
    released.commit()
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    released.git(*who, "merge", "--quiet", "--no-edit", "--no-ff", "side")
    assert codes(released) == [("P150", PATH)]


def test_a_root_commit_has_no_base(scratch: Scratch) -> None:
    scratch.write(PATH, V1)
    scratch.commit()
    assert [(each.code, each.severity) for each in look(scratch)] == [("P153", "info")]
    scratch.write(PATH, CHANGED)
    assert codes(scratch) == [("P150", PATH)]


def test_no_commit_and_no_git_have_no_base(scratch: Scratch, tmp_path: Path) -> None:
    scratch.write(PATH, V1)
    assert [(each.code, each.severity) for each in look(scratch)] == [("P153", "info")]
    plain = tmp_path / "plain"
    plain.mkdir()
    outside = Scratch(root=plain, command=scratch.command)
    outside.write(PATH, V1)
    assert [(each.code, each.severity) for each in look(outside)] == [("P153", "info")]
    with pytest.raises(GitError):
        look(outside, since="HEAD")


def test_a_branch_is_compared_with_where_it_left_main(released: Scratch) -> None:
    released.git("checkout", "--quiet", "-b", "feature")
    released.write(PATH, CHANGED)
    released.commit()
    released.write("README.md", "on the branch\n")
    released.commit()
    released.git("checkout", "--quiet", "main")
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    released.commit()
    released.git("checkout", "--quiet", "feature")
    assert codes(released) == codes(released, rev="HEAD") == [("P150", PATH)]
    assert codes(released, rev="main") == []


def test_a_version_new_on_the_branch_may_change_there(released: Scratch) -> None:
    released.git("checkout", "--quiet", "-b", "feature")
    for text in (V1, CHANGED):
        released.write("prompts/greet/v2.yaml", text.replace("v1", "v2"))
        released.commit()
        assert codes(released) == []


def point(scratch: Scratch, ref: str, to: str) -> None:
    """Let a reference be at a commit, or be a symbolic one."""
    scratch.git("symbolic-ref", ref, to) if to.startswith("refs/") else scratch.git("update-ref", ref, to)


ORDER = ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main",
"refs/heads/master"]  # fmt: skip


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_order_in_which_branches_are_tried(released: Scratch, first: int) -> None:
    """Only the first that exists is asked: seen from it the version is released, from the later ones not yet."""
    release, before = released.git("rev-parse", "HEAD"), released.git("rev-parse", "HEAD~1")
    released.git("checkout", "--quiet", "-b", "feature")
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    second = released.commit()
    released.write("prompts/greet/v2.yaml", CHANGED.replace("v1", "v2"))
    released.commit()
    released.git("update-ref", "-d", "refs/heads/main")
    for ref in ORDER[first + 1 :]:
        point(released, ref, release if first % 2 else before)
    assert "P150" not in {code for code, _ in codes(released)}
    point(released, ORDER[first], second)
    assert codes(released) == [("P150", "prompts/greet/v2.yaml")]


@pytest.mark.parametrize("variable", ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"])
def test_the_branch_that_ci_names_comes_first(
    released: Scratch, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    released.git("branch", "stable", "HEAD~1")
    released.git("checkout", "--quiet", "-b", "feature")
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    second = released.commit()
    released.write("prompts/greet/v2.yaml", CHANGED.replace("v1", "v2"))
    released.commit()
    released.git("update-ref", "refs/remotes/origin/HEAD", second)
    assert codes(released) == [("P150", "prompts/greet/v2.yaml")]
    monkeypatch.setenv(variable, "stable")
    assert codes(released) == []
    released.git("update-ref", "refs/remotes/origin/stable", second)
    assert codes(released) == [("P150", "prompts/greet/v2.yaml")]


@pytest.mark.parametrize("name", ["gone", "--output=x", "a b", "*", "HEAD", "refs/heads/main", "ma*"])
def test_a_named_branch_that_is_not_there_ends_the_search(
    released: Scratch, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    released.write(PATH, CHANGED)
    monkeypatch.setenv("GITHUB_BASE_REF", name)
    (one,) = look(released)
    assert (one.code, one.severity, one.path) == ("P153", "warning", None)
    assert "fetch-depth: 0" in one.message


def test_in_ci_no_base_is_a_warning(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.write(PATH, V1)
    scratch.commit()
    monkeypatch.setenv("CI", "true")
    (one,) = look(scratch)
    assert (one.code, one.severity) == ("P153", "warning")
    assert "fetch-depth: 0" in one.message


def test_since_wins_and_must_resolve(released: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    released.write(PATH, CHANGED)
    released.commit()
    released.write("README.md", "z\n")
    released.commit()
    assert codes(released) == []
    monkeypatch.setenv("GITHUB_BASE_REF", "gone")
    assert codes(released, since="HEAD~2") == codes(released, since="HEAD~2", rev="HEAD~1") == [("P150", PATH)]
    assert codes(released, since="HEAD~1") == []
    with pytest.raises(GitError):
        look(released, since="gone")


def test_a_tag_named_like_a_branch_is_no_branch(released: Scratch) -> None:
    released.write(PATH, CHANGED)
    released.commit()
    for name in ("origin/main", "origin/HEAD", "origin/master"):
        released.git("tag", name, "HEAD~1")
    assert codes(released) == [("P150", PATH)]


def test_a_shallow_clone_has_no_base(tmp_path: Path, released: Scratch) -> None:
    clone = tmp_path / "clone"
    released.git("clone", "--quiet", "--depth", "1", released.root.as_uri(), str(clone))
    assert codes(Scratch(root=clone, command=released.command)) == [("P153", None)]


def test_a_catalog_in_a_folder(scratch: Scratch) -> None:
    scratch.write_all({"team/catalog.yaml": "format: 1\n", f"team/{PATH}": V1})
    scratch.commit()
    scratch.write("team/x", "x")
    scratch.commit()
    scratch.write(f"team/{PATH}", CHANGED)
    assert [(each.code, each.path) for each in look(scratch, root="team")] == [("P150", PATH)]
    scratch.commit()
    assert [(each.code, each.path) for each in look(scratch, root="team")] == [("P150", PATH)]
    assert [(each.code, each.path) for each in look(scratch, root="team", rev="HEAD")] == [("P150", PATH)]


# What counts as a change.


@pytest.mark.parametrize(
    "text",
    [
        V1 + "description: Greets.\nowners: [a]\ntags: [b]\nnotes: c\nx-y: {z: 1}\n",
        "version: v1\nmodel: {name: gpt-4o}\nid: greet\nsystem_prompt: 'Greet {{name}}.'\n",
        V1.replace("\n", "\r\n"),
        "id: greet\nmodel: gpt-4o\nmessages: [{role: system, content: 'Greet {{name}}.'}]\ntemplate: mustache\n",
        "# a comment\n" + V1,
    ],
)
def test_metadata_and_spelling_may_change(released: Scratch, text: str) -> None:
    released.write(PATH, text)
    assert codes(released) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("prompts/greet/v1.json", '{"id": "greet", "model": "gpt-4o", "system_prompt": "Greet {{name}}."}'),
        ("prompts/greet/v1.md", "---\nid: greet\nversion: v1\nmodel: gpt-4o\n---\nGreet {{name}}."),
    ],
)  # fmt: skip
def test_the_same_meaning_in_another_format(released: Scratch, path: str, text: str) -> None:
    (released.root / PATH).unlink()
    released.write(path, text)
    assert codes(released) == []
    released.write(path, text.replace("Greet", "Hail"))
    assert codes(released) == [("P150", path)]


def test_a_version_may_vanish_unless_a_label_points_to_it(released: Scratch) -> None:
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    released.write(REGISTRY, "greet: {production: v2, canary: {v2: 90, v1: 10}}\n")
    released.commit()
    (released.root / PATH).unlink()
    (one,) = look(released)
    assert (one.code, one.severity, one.path, one.artifact) == ("P151", "error", PATH, "greet@v1")
    assert "canary" in one.message
    released.write(REGISTRY, "greet: {production: v2}\n")
    assert codes(released) == []


def test_a_label_counts_in_the_checked_tree(released: Scratch) -> None:
    (released.root / PATH).unlink()
    released.write("prompts/greet/v2.yaml", V1.replace("v1", "v2"))
    assert codes(released) == []
    released.write(REGISTRY, "greet: {production: v1}\n")
    assert codes(released) == [("P151", PATH)]


def test_the_settings_may_have_moved_the_prompts(released: Scratch) -> None:
    released.write("catalog.yaml", "prompts: texts\n")
    released.write("texts/registry.yaml", "greet: {production: v1}\n")
    assert codes(released) == [("P151", "texts/greet/v1.yaml")]
    (released.root / "texts/greet").mkdir()
    (released.root / "texts/greet/v1.yaml").symlink_to("../../prompts/greet/v1.yaml")
    assert codes(released) == []
    (released.root / "texts/greet/v1.yaml").unlink()
    released.write("texts/greet/v1.yaml", CHANGED)
    assert codes(released) == [("P150", "texts/greet/v1.yaml")]


@pytest.mark.parametrize("broken", [b"\xff", b"id: [", b"id: greet\nversion: v1\n"])
def test_a_version_that_cannot_be_read_is_there(released: Scratch, broken: bytes) -> None:
    released.write(REGISTRY, "greet: {production: v1}\n")
    released.commit()
    released.write(PATH, broken)
    assert codes(released) == []


def test_a_link_in_place_of_a_version_is_there(released: Scratch) -> None:
    released.write(REGISTRY, "greet: {production: v1}\n")
    released.commit()
    (released.root / PATH).unlink()
    (released.root / PATH).symlink_to("nowhere")
    assert codes(released) == []


SHARED = "prompts/_shared/"
USING = "id: greet\nversion: v1\nsystem_prompt: 'Greet. {{> safety@v1}}{{> tone}}'\ntools: [search@v1, find]\n"
TOOL = "name: search\ndescription: Searches.\nparameters: {type: object}\n"


@pytest.fixture
def sharing(scratch: Scratch) -> Scratch:
    """A version that uses shared parts with a version and without, released."""
    scratch.write_all(
        {
            PATH: USING, f"{SHARED}partials/safety/v1.md": "Be safe.\n", f"{SHARED}partials/tone.md": "Be kind.\n",
            f"{SHARED}tools/search/v1.yaml": TOOL, f"{SHARED}tools/find.yaml": TOOL.replace("search", "find"),
            f"{SHARED}partials/free/v1.md": "Nobody uses it.\n", f"{SHARED}partials/loose.md": "Nobody uses it.\n",
        }
    )  # fmt: skip
    scratch.commit()
    return scratch


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("partials/safety/v1.md", "Be safer.\n", ["P150", "P152"]),
        ("partials/safety/v1.md", "Be safe.", ["P150", "P152"]),
        ("partials/safety/v1.md", "Be safe.\r\n", []), ("partials/free/v1.md", "x\n", ["P152"]),
        ("partials/tone.md", "Be kinder.\n", ["P150"]), ("partials/loose.md", "x\n", []),
        ("tools/search/v1.yaml", TOOL.replace("Searches", "Looks"), ["P150", "P152"]),
        ("tools/search/v1.yaml", TOOL + "owners: [a]\nnotes: x\nx-a: 1\nstrict: false\n", []),
        ("tools/search/v1.yaml", "parameters: {'type': object}\nname: search\ndescription: Searches.\n", []),
        ("tools/find.yaml", TOOL.replace("search", "find") + "strict: true\n", ["P150"]),
        ("tools/other.yaml", "name: other\n", []),
    ],
)  # fmt: skip
def test_shared_parts_are_frozen(sharing: Scratch, path: str, text: str, expected: list[str]) -> None:
    sharing.write(SHARED + path, text)
    found = look(sharing)
    assert [each.code for each in found] == expected
    assert {each.path for each in found} <= {SHARED + path}
    assert {each.severity for each in found} <= {"error"}
    name = path.split("/")[1].partition(".")[0]
    assert {each.hint for each in found} <= {f"take the change back and run `catalog bump --shared {name}`"}


def test_a_tool_file_that_comes_later_changes_what_named_it(scratch: Scratch) -> None:
    scratch.write(PATH, V1 + "tools: [search]\n")
    scratch.commit()
    scratch.write(f"{SHARED}tools/search.yaml", TOOL)
    assert codes(scratch) == [("P150", f"{SHARED}tools/search.yaml")]


def test_another_folder_of_prompts_keeps_what_was_released(released: Scratch) -> None:
    released.git("mv", "prompts", "texts")
    released.write("catalog.yaml", "prompts: texts\n")
    assert codes(released) == []
    released.write("texts/greet/v1.yaml", CHANGED)
    assert codes(released) == [("P150", "texts/greet/v1.yaml")]


def test_a_thousand_versions_that_vanish_take_no_time(scratch: Scratch) -> None:
    for number in range(1, 1001):
        scratch.write(f"prompts/greet/v{number}.yaml", V1.replace("v1", f"v{number}"))
    scratch.commit()
    for number in range(1, 1001):
        (scratch.root / f"prompts/greet/v{number}.yaml").unlink()
    scratch.write("prompts/other/v1.yaml", V1.replace("greet", "other"))
    assert codes(scratch) == []


@pytest.mark.parametrize("settings", ["catalog: shop\n", "format: 1\n"])
def test_a_catalog_that_moves_takes_its_released_versions_along(scratch: Scratch, settings: str) -> None:
    scratch.write_all({"catalog.yaml": settings, PATH: V1, "lib/catalog.yaml": "catalog: other\n", f"lib/{PATH}": V1})
    scratch.commit()
    scratch.git("switch", "-q", "-c", "feature")
    (scratch.root / "svc").mkdir()
    scratch.git("mv", "catalog.yaml", "prompts", "svc")
    scratch.commit("Move")
    assert look(scratch, root="svc") == []
    scratch.write(f"svc/{PATH}", CHANGED)
    for committed in (False, True):
        if committed:
            scratch.commit("Move and change")
        assert [(each.code, each.path) for each in look(scratch, root="svc")] == [("P150", PATH)]
    assert [each.code for each in look(scratch, root="svc", rev="HEAD")] == ["P150"]


def test_a_new_catalog_has_nothing_released(scratch: Scratch) -> None:
    scratch.write_all({"a/catalog.yaml": "format: 1\n", f"a/{PATH}": V1, "b/catalog.yaml": "catalog: b\n"})
    scratch.commit()
    scratch.write_all({"new/catalog.yaml": "format: 1\n", f"new/{PATH}": CHANGED})
    assert look(scratch, root="new") == []
