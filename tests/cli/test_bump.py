"""``catalog bump``: the next version is the highest one but for its number, and nobody's file is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from scratch import Answer, CatalogCommand, Scratch

from catalog_tool.errors import UsageError
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.schemas import schema_text
from catalog_tool.source.version_value import with_version

FOLDER = "prompts/support_agent"
FULL = """\
# version: v2 is what the comment says
id: support_agent   # our first
version:   v2       # since March; not v1

description: "version: v2"
x-version: {version: v2}
system_prompt: |
  version: v2
  Say v2 twice:   v2
"""
TOOL = """\
# yaml-language-server: $schema=../../../schemas/tool.schema.json
name: search_kb
description: Search.
parameters: {type: object}
"""
ESCAPED = '{"id": "escaped", "version": "v1", "system_prompt": "{{> \\u0073afety@v1}}"}'
TOOLED = "id: tooled\nversion: v1\nsystem_prompt: Go.\ntools: [search_kb, ticket@v3]\n"


def document(answer: Answer) -> dict[str, Any]:
    assert (answer.code, answer.err) == (0, "")
    value: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text("bump-output"))).validate(value)
    return value


def test_only_the_version_changes(scratch: Scratch) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: Old.\n")
    scratch.write(f"{FOLDER}/v2.yaml", FULL)
    value = document(scratch.run("bump", "support_agent", "--format", "json"))
    assert value == {
        "format": 1,
        "status": "ok",
        "kind": "prompt",
        "name": "support_agent",
        "from": "v2",
        "to": "v3",
        "created": [f"{FOLDER}/v3.yaml"],
    }
    new = (scratch.root / f"{FOLDER}/v3.yaml").read_text()
    assert new == FULL.replace("version:   v2  ", "version:   v3  ")
    assert (scratch.root / f"{FOLDER}/v2.yaml").read_text() == FULL
    codes = [found["code"] for found in scratch.run("validate", "--format", "json").json()["findings"]]
    assert "P141" in codes  # until it is edited, both say the same
    assert not {"P101", "P105"} & set(codes)


def test_versions_are_counted_and_not_sorted(scratch: Scratch) -> None:
    for number in (1, 2, 9, 10):
        scratch.write(f"{FOLDER}/v{number}.yaml", f"id: support_agent\nversion: v{number}\nsystem_prompt: {number}\n")
    assert document(scratch.run("bump", "support_agent", "--format", "json"))["to"] == "v11"
    assert "system_prompt: 10\n" in (scratch.root / f"{FOLDER}/v11.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "v1.yaml",
            "{id: a, version: v1, x-a: {version: v1}}\n",
            "{id: a, version: v2, x-a: {version: v1}}\n",
        ),
        ("v1.yaml", "x-a:\n  version: v1\nversion: 'v1'\n", "x-a:\n  version: v1\nversion: 'v2'\n"),
        ("v1.yaml", 'id: a\n"version": "v1"', 'id: a\n"version": "v2"'),
        ("v1.yaml", "version:\n  v1\nid: a\n", "version:\n  v2\nid: a\n"),
        ("v1.yaml", "id: a\r\nversion: v1\r\n", "id: a\nversion: v2\n"),
        ("v1.yaml", "\ufeffid: 'é😀'\nversion: v1\n", "id: 'é😀'\nversion: v2\n"),
        ("v1.yaml", "{'é😀': x, version: v1}", "{'é😀': x, version: v2}"),
        ("v1.yaml", "id: a\n", "id: a\n"),
        (
            "v1.json",
            '{"a": {"version": "v1"},\n\t"version" : "v1" }',
            '{"a": {"version": "v1"},\n\t"version" : "v2" }',
        ),
        ("v1.json", '{"version":"\\u0076\\u0031","n":1.0}', '{"version":"v2","n":1.0}'),
        ("v1.json", '{"a": [1, {"b": "}"}], "version": "v1"}', '{"a": [1, {"b": "}"}], "version": "v2"}'),
        ("v1.json", '{"id": "a"}', '{"id": "a"}'),
        (
            "v1.md",
            "---\nid: a\nversion: v1\n---\nversion: v1\n---\nversion: v1\n",
            "---\nid: a\nversion: v2\n---\nversion: v1\n---\nversion: v1\n",
        ),
        (
            "v1.md",
            "---\ndescription: Use it: always\nversion: v1\n---\nversion: v1\n",
            "---\ndescription: Use it: always\nversion: v2\n---\nversion: v1\n",
        ),
    ],
)
def test_the_edit_is_precise(name: str, text: str, expected: str) -> None:
    assert with_version(SourceDocument(f"prompts/a/{name}", text.encode()), "v2") == expected


@pytest.mark.parametrize("text", ["version: >-\n  v1\n", 'version: "\\x761"\n', "version: |\n  v1\n"])
def test_a_version_that_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not written on one line"):
        with_version(SourceDocument("prompts/a/v1.yaml", text.encode()), "v2")


_keys = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
_values = st.one_of(_keys, st.integers(-99, 99), st.booleans(), st.just("v7"), st.lists(_keys, max_size=3))


@given(before=st.dictionaries(_keys, _values, max_size=4), after=st.dictionaries(_keys, _values, max_size=4),
       indent=st.sampled_from([None, 0, 3, "\t"]))  # fmt: skip
def test_in_json_every_other_value_stays(
    before: dict[str, Any], after: dict[str, Any], indent: int | str | None
) -> None:
    value = {**before, "version": "v7", **{key: item for key, item in after.items() if key != "version"}}
    value["version"] = "v7"
    source = SourceDocument("prompts/a/v7.json", json.dumps(value, indent=indent).encode())
    if source.value is not None:
        assert json.loads(with_version(source, "v8")) == {**value, "version": "v8"}


def test_the_file_keeps_its_kind(scratch: Scratch) -> None:
    scratch.write("prompts/a/v1.md", "---\nid: a\nversion: v1\n---\nBe brief.\n")
    scratch.write("prompts/b/v1.json", '{"id": "b", "version": "v1", "system_prompt": "Be brief."}')
    for name, path in (("a", "prompts/a/v2.md"), ("b", "prompts/b/v2.json")):
        assert document(scratch.run("bump", name, "--format", "json"))["created"] == [path]
    assert {found["code"] for found in scratch.run("validate", "--format", "json").json()["findings"]} <= {
        "P141",
        "P142",
        "P153",
    }


def test_a_number_is_never_used_twice(scratch: Scratch) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: One.\n")
    scratch.write(f"{FOLDER}/v2.yaml", "id: support_agent\nversion: v2\nsystem_prompt: Two.\n")
    scratch.commit()
    (scratch.root / f"{FOLDER}/v2.yaml").unlink()
    assert document(scratch.run("bump", "support_agent", "--format", "json"))["to"] == "v3"
    (scratch.root / f"{FOLDER}/v3.yaml").unlink()
    scratch.git("checkout", "--quiet", "-b", "topic")
    scratch.commit("Remove v2")
    assert document(scratch.run("bump", "support_agent", "--format", "json"))["to"] == "v3"
    assert "One." in (scratch.root / f"{FOLDER}/v3.yaml").read_text()
    assert scratch.run("validate").code == 0


def test_a_number_of_head_is_not_used_twice_where_no_branch_is_the_base(scratch: Scratch) -> None:
    scratch.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: One.\n")
    scratch.write(f"{FOLDER}/v2.yaml", "id: support_agent\nversion: v2\nsystem_prompt: Two.\n")
    scratch.commit()
    (scratch.root / f"{FOLDER}/v2.yaml").unlink()
    assert document(scratch.run("bump", "support_agent", "--format", "json"))["to"] == "v3"


def test_what_git_ignores_is_not_overwritten(scratch: Scratch) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: One.\n")
    scratch.write(".gitignore", "v2.yaml\n")
    scratch.write(f"{FOLDER}/v2.yaml", "mine")
    answer = scratch.run("bump", "support_agent")
    assert answer.code == 2
    assert f"{FOLDER}/v2.yaml exists already" in answer.err
    assert (scratch.root / f"{FOLDER}/v2.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("suport_agent", "no prompt suport_agent", "did you mean support_agent?"),
        ("zzz", "no prompt zzz", "catalog list"),
        ("support_agent@v1", "leave @v1 out", "catalog bump support_agent"),
        ("notes", "skills have no versions", "skills/notes/SKILL.md"),
        ("safety", "shared part", "catalog bump --shared safety"),
    ],
)
def test_an_unknown_prompt(scratch: Scratch, name: str, message: str, hint: str) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: One.\n")
    scratch.write("skills/notes/SKILL.md", "---\nname: notes\ndescription: Takes notes.\n---\n")
    scratch.write("prompts/_shared/partials/safety/v1.md", "Be safe.\n")
    answer = scratch.run("bump", name, "--format", "json")
    assert answer.code == 2
    error = answer.json()["error"]
    assert message in error["message"]
    assert hint in error["hint"]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"id: support_agent\nversion: [v1\n", b"a: 1\na: 2\n", b"- v1\n", b"", b"a: \0\n"],
)
def test_a_file_that_cannot_be_read_is_not_copied(scratch: Scratch, data: bytes) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", data)
    answer = scratch.run("bump", "support_agent")
    assert answer.code == 2
    assert f"{FOLDER}/v1.yaml" in answer.err
    assert "mend it first" in answer.err
    assert not (scratch.root / f"{FOLDER}/v2.yaml").exists()


def test_two_files_for_the_highest_version(scratch: Scratch) -> None:
    scratch.write(f"{FOLDER}/v1.yaml", "id: support_agent\nversion: v1\nsystem_prompt: One.\n")
    scratch.write(f"{FOLDER}/v1.json", '{"id": "support_agent", "version": "v1", "system_prompt": "One."}')
    answer = scratch.run("bump", "support_agent")
    assert answer.code == 2
    assert "keep one of them" in answer.err


def test_outside_git_and_what_it_says(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("init", cwd=tmp_path).code == 0
    answer = catalog_command("bump", "ticket_summary", cwd=tmp_path)
    assert answer.out.startswith("ticket_summary: v1 → v2\n  prompts/ticket_summary/v2.yaml\n")
    assert "point a label at v2 in registry.yaml" in answer.out
    assert "catalog bump ticket_summary" in (tmp_path / "prompts/ticket_summary/v2.yaml").read_text()


@pytest.fixture
def shared(scratch: Scratch) -> Scratch:
    """A catalog whose prompts use shared parts in every way."""
    scratch.write_all(
        {
            "prompts/_shared/partials/safety/v1.md": "Be safe.\n",
            "prompts/_shared/partials/safety/v2.md": "Be very safe.\r\n",
            "prompts/_shared/partials/legal.md": "Be lawful. {{> safety@v1}}\n",
            "prompts/_shared/partials/search_kb.md": "Search first.\n",
            "prompts/_shared/tools/search_kb.yaml": TOOL,
            "prompts/_shared/tools/ticket/v3.json": '{"name": "ticket", "parameters": {"type": "object"}}',
            "prompts/direct/v1.yaml": "id: direct\nversion: v1\nsystem_prompt: '{{> safety@v2}}'\n",
            "prompts/direct/v10.yaml": "id: direct\nversion: v10\nsystem_prompt: 'x {{> safety@v1}}'\n",
            "prompts/direct/v9.yaml": "id: direct\nversion: v9\nsystem_prompt: 'none'\n",
            "prompts/nested/v1.yaml": "id: nested\nversion: v1\nsystem_prompt: '{{> legal}}'\n",
            "prompts/escaped/v1.json": ESCAPED,
            "prompts/named/v1.yaml": "id: named\nversion: v1\nsystem_prompt: safety search_kb\n",
            "prompts/tooled/v1.yaml": TOOLED,
            "prompts/bare/v1.yaml": "id: bare\nversion: v1\nsystem_prompt: Go.\ntools: [ticket]\n",
        }
    )
    return scratch


def test_the_next_partial_and_who_uses_it(shared: Scratch) -> None:
    value = document(shared.run("bump", "--shared", "safety", "--format", "json"))
    assert value == {
        "format": 1,
        "status": "ok",
        "kind": "shared",
        "name": "safety",
        "from": "v2",
        "to": "v3",
        "created": ["prompts/_shared/partials/safety/v3.md"],
        "dependents": ["direct@v1", "direct@v10", "escaped@v1", "nested@v1"],
    }
    assert (shared.root / "prompts/_shared/partials/safety/v3.md").read_bytes() == b"Be very safe.\n"


def test_people_see_by_which_reference(shared: Scratch) -> None:
    answer = shared.run("bump", "--shared", "safety")
    assert (answer.code, answer.err) == (0, "")
    assert "partials/safety: v2 → v3\n  prompts/_shared/partials/safety/v3.md\n" in answer.out
    assert "Used by:\n  direct@v1  (safety@v2)\n  direct@v10  (safety@v1)\n" in answer.out
    assert "write {{> safety@v3}}" in answer.out


def test_an_unversioned_part_becomes_v1(shared: Scratch) -> None:
    value = document(shared.run("bump", "--shared", "legal", "--format", "json"))
    assert (value["from"], value["to"], value["dependents"]) == (None, "v1", ["nested@v1"])
    assert (shared.root / "prompts/_shared/partials/legal/v1.md").read_text() == "Be lawful. {{> safety@v1}}\n"


def test_an_unversioned_tool_becomes_v1_and_still_finds_its_schema(shared: Scratch) -> None:
    value = document(shared.run("bump", "--shared", "tools/search_kb", "--format", "json"))
    assert value["created"] == ["prompts/_shared/tools/search_kb/v1.yaml"]
    assert value["dependents"] == ["tooled@v1"]
    new = (shared.root / "prompts/_shared/tools/search_kb/v1.yaml").read_text()
    assert new == TOOL.replace("=../../../", "=../../../../")


def test_a_bare_tool_name_is_no_dependent(shared: Scratch) -> None:
    value = document(shared.run("bump", "--shared", "ticket", "--format", "json"))
    assert (value["to"], value["dependents"]) == ("v4", ["tooled@v1"])
    assert value["created"] == ["prompts/_shared/tools/ticket/v4.json"]


def test_a_partial_and_a_tool_of_one_name(shared: Scratch) -> None:
    answer = shared.run("bump", "--shared", "search_kb")
    assert answer.code == 2
    assert "say which: partials/search_kb or tools/search_kb" in answer.err
    value = document(shared.run("bump", "--shared", "partials/search_kb", "--format", "json"))
    assert value["created"] == ["prompts/_shared/partials/search_kb/v1.md"]
    assert value["dependents"] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("safty", "did you mean safety?"),
        ("safety@v1", "catalog bump --shared safety"),
        ("zzz", "_shared/partials"),
    ],
)
def test_an_unknown_shared_part(shared: Scratch, name: str, hint: str) -> None:
    answer = shared.run("bump", "--shared", name)
    assert (answer.code, answer.out) == (2, "")
    assert hint in answer.err


def test_a_released_number_of_a_shared_part_is_not_used_twice(shared: Scratch) -> None:
    shared.commit()
    (shared.root / "prompts/_shared/partials/safety/v2.md").unlink()
    assert document(shared.run("bump", "--shared", "safety", "--format", "json"))["to"] == "v3"


def test_prompts_that_cannot_be_read_are_named(shared: Scratch) -> None:
    shared.write("prompts/broken/v1.yaml", "id: broken\nsystem_prompt: ['{{> safety@v1}}'\n")
    answer = shared.run("bump", "--shared", "safety", "--format", "json")
    assert answer.code == 0
    assert "prompts/broken/v1.yaml cannot be read" in answer.err


def test_a_link_out_of_the_catalog_is_not_followed(scratch: Scratch) -> None:
    outside = scratch.root.parent / "outside"
    outside.mkdir()
    scratch.write("prompts/_shared/tools/kb.yaml", TOOL.replace("search_kb", "kb"))
    (scratch.root / "prompts/_shared/tools/kb").symlink_to(outside)
    assert scratch.run("bump", "--shared", "kb").code == 2
    assert list(outside.iterdir()) == []
