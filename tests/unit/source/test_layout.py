"""What each path below the prompts folder is (design §2)."""

from __future__ import annotations

import pytest

from catalog_tool.source.layout import PromptLayout, lay_out_prompts
from catalog_tool.source.tree import EXECUTABLE, FILE, LINK, SPECIAL, SUBMODULE, Entry


def layout(*paths: str, mode: str = FILE, folder: str = "prompts") -> PromptLayout:
    return lay_out_prompts(dict.fromkeys(paths, Entry(mode, None)), folder)


def codes(found: PromptLayout) -> list[tuple[str, str | None]]:
    return [(each.code, each.path) for each in found.findings]


def test_everything_in_its_place() -> None:
    found = layout(
        "catalog.yaml",
        "prompts/README.md",
        "prompts/_shared/partials/safety.md",
        "prompts/_shared/partials/safety/v1.md",
        "prompts/_shared/partials/team/tone/v12.md",
        "prompts/_shared/tools/search_kb.yaml",
        "prompts/_shared/tools/search_kb/v1.yaml",
        "prompts/_shared/tools/send/v2.json",
        "prompts/billing/refund/v1.md",
        "prompts/billing/v10.json",
        "prompts/billing/v9.yaml",
        "prompts/registry.yaml",
        "prompts/support/README.md",
        "prompts/support/evidence/v1.json",
        "prompts/support/notes.txt",
        "prompts/support/tests/a.yaml",
        "prompts/support/tests/b.jsonl",
        "prompts/support/v1.yaml",
        "promptsx/a/v1.yaml",
    )
    assert [(file.id, file.version) for file in found.versions] == [
        ("billing/refund", "v1"),
        ("billing", "v10"),
        ("billing", "v9"),
        ("support", "v1"),
    ]
    assert found.registry == "prompts/registry.yaml"
    assert sorted(found.partials) == ["safety", "safety@v1", "team/tone@v12"]
    assert sorted(found.tools) == ["search_kb", "search_kb@v1", "send@v2"]
    assert found.tests == {"support": ["prompts/support/tests/a.yaml", "prompts/support/tests/b.jsonl"]}
    assert found.evidence == {"support": ["prompts/support/evidence/v1.json"]}
    assert found.findings == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("prompts/a/v1.yml", "P103"),
        ("prompts/a/v1.YAML", "P103"),
        ("prompts/a/v01.yaml", "P103"),
        ("prompts/a/V1.yaml", "P103"),
        ("prompts/a/draft.yaml", "P103"),
        ("prompts/a/v0.md", "P103"),
        ("prompts/a/tests/data.json", "P103"),
        ("prompts/v1.yaml", "P103"),
        ("prompts/registry.yml", "P103"),
        ("prompts/Support/v1.yaml", "P102"),
        ("prompts/a/v2/v1.yaml", "P102"),
        ("prompts/tests/v1.yaml", "P102"),
        ("prompts/labels/v1.yaml", "P102"),
        ("prompts/con/v1.yaml", "P102"),
        ("prompts/a b/v1.yaml", "P102"),
        ("prompts/_shared/v1.yaml", "P103"),
        ("prompts/_shared/partials/safety.txt", "P103"),
        ("prompts/_shared/partials/v1.md", "P103"),
        ("prompts/_shared/tools/Search/v1.yaml", "P103"),
        ("prompts/_shared/other/x.md", "P103"),
    ],
)
def test_what_is_not_read(path: str, code: str) -> None:
    found = layout(path)
    assert codes(found) == [(code, path)]
    assert (found.versions, found.partials, found.tools, found.registry) == ([], {}, {}, None)


@pytest.mark.parametrize("mode", [LINK, SUBMODULE, SPECIAL])
def test_only_regular_files_are_read(mode: str) -> None:
    found = layout("prompts/a/v1.yaml", mode=mode)
    assert codes(found) == [("Y024", "prompts/a/v1.yaml")]
    assert found.versions == []


def test_an_executable_file_is_a_file() -> None:
    assert [file.id for file in layout("prompts/a/v1.yaml", mode=EXECUTABLE).versions] == ["a"]


def test_two_files_for_one_version() -> None:
    found = layout("prompts/a/v1.yaml", "prompts/a/v1.json", "prompts/a/v1.md", "prompts/b/v1.yaml")
    assert codes(found) == [("P104", "prompts/a/v1.md"), ("P104", "prompts/a/v1.yaml")]
    shared = layout("prompts/_shared/tools/a/v1.json", "prompts/_shared/tools/a/v1.yaml")
    assert codes(shared) == [("P104", "prompts/_shared/tools/a/v1.yaml")]


def test_another_folder() -> None:
    assert [file.id for file in layout("x/y/a/v1.yaml", "prompts/b/v1.yaml", folder="x/y").versions] == ["a"]


@pytest.mark.parametrize("inner", ["notes.txt", "v1.yaml", "deep/down/v2.md"])
def test_a_folder_in_place_of_a_versions_file(inner: str) -> None:
    found = layout("prompts/a/v1.yaml", f"prompts/a/v6.yaml/{inner}", f"prompts/a/v6.yaml/x/{inner}")
    assert codes(found) == [("Y024", "prompts/a/v6.yaml")]
    assert "a folder" in found.findings[0].message
    assert [file.path for file in found.versions] == ["prompts/a/v1.yaml"]
    assert [(file.id, file.version) for file in found.unreadable] == [("a", "v6")]


@pytest.mark.parametrize("path", ["prompts/v1.yaml/a.txt", "prompts/a/tests/v1.yaml/a.txt", "prompts/a/v01.yaml/a.txt"])
def test_other_folders_with_such_names_are_no_versions(path: str) -> None:
    assert codes(layout(path)) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a/tests/d.json", "`.yaml` or `.jsonl`"), ("a/evidence/e.yaml", "`.json` files"),
        ("registry.yml", "`registry.yaml`"), ("Registry.yaml", "`registry.yaml`"), ("registry.json", "`registry.yaml`"),
        ("v1.yaml", "`PROMPT/v1.yaml`"), ("a/v1.yml", "named `.yaml`"), ("helper.yaml", "named `v1.yaml`"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_read_is_told_what_would_be(path: str, told: str) -> None:
    (found,) = layout(f"prompts/{path}").findings
    assert (found.code, told in found.message) == ("P103", True)
