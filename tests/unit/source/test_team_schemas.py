"""The schemas of a team: what keeps one of them from being applied is told, at its place."""

from __future__ import annotations

import pytest
from scratch import Scratch

from catalog_tool.model.finding import Finding
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

SETTINGS = "catalog: acme\nschemas:\n  prompt: schemas/team.json\n"
TEAM = "schemas/team.json"


def find(scratch: Scratch, schema: str | None, settings: str = SETTINGS) -> CatalogFiles:
    scratch.write_all({"catalog.yaml": settings, "prompts/a/v1.yaml": "system_prompt: x\n"})
    if schema is not None:
        scratch.write(TEAM, schema)
    return find_catalog(tree_of(find_root(str(scratch.root)), None))


def told(found: Finding) -> tuple[str, str, str | None, int | None, int | None]:
    return found.code, found.severity, found.path, found.line, found.column


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("^(a+)+$", "nested quantifiers"),
        ("^(?!x)foo", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        (r"(a)\\1", "a back-reference"),
        (r"^(?!x)a\\-b", "look-ahead"),
        ("a{1,99999}", "no count"),
        ("x" * 2001, "longer than 2,000 characters"),
    ],
)
def test_a_pattern_that_is_not_evaluated_is_a_warning_where_it_stands(scratch: Scratch, pattern: str, why: str) -> None:
    files = find(scratch, f'{{\n  "properties": {{"description": {{"pattern": "{pattern}"}}}}\n}}\n')
    (one,) = files.findings
    assert told(one) == ("P122", "warning", TEAM, 2, 45)
    assert why in one.message
    assert "prompt" in files.team_schemas  # all the rest of it still counts


@pytest.mark.parametrize("pattern", ["([", "(", ")", "*a", "a{2,1}", "[z-a]", r"\\", "a**", "(?i)x", "(?P<n>x)"])
def test_a_pattern_that_is_no_regular_expression_is_an_error(scratch: Scratch, pattern: str) -> None:
    files = find(scratch, f'{{"properties":\n  {{"description": {{"pattern": "{pattern}"}}}}}}\n')
    (one,) = files.findings
    assert told(one) == ("C306", "error", TEAM, 2, 31)
    assert "no regular expression" in one.message
    assert files.team_schemas == {}


def test_patterns_of_names_stand_at_their_keys(scratch: Scratch) -> None:
    files = find(scratch, '{"patternProperties": {\n  "(?=a)b": {},\n  "([": {"type": "string"}\n}}\n')
    assert [told(found)[:1] + told(found)[3:] for found in files.findings] == [("P122", 2, 3), ("C306", 3, 3)]


def test_unknown_keywords_and_linear_patterns_are_nobodys_business(scratch: Scratch) -> None:
    schema = '{"properties": {"description": {"pattern": "^[A-Z].*", "patern": "(["}, "pattern": true}}'
    files = find(scratch, schema)
    assert files.findings == []
    assert list(files.team_schemas) == ["prompt"]


def test_a_schema_of_another_draft_is_used_and_told(scratch: Scratch) -> None:
    files = find(scratch, '{"$schema": "http://json-schema.org/draft-07/schema#"}')
    assert [told(found) for found in files.findings] == [("P125", "warning", TEAM, 1, 13)]
    assert "prompt" in files.team_schemas


@pytest.mark.parametrize(
    ("schema", "place"),
    [('{"properties":\n  {"a": {"type": "strng"}}}', (2, 18)), ('{\n"$ref": "http://example.org/x"}', (2, 9))],
)
def test_what_is_wrong_with_a_schema_has_its_place(scratch: Scratch, schema: str, place: tuple[int, int]) -> None:
    (one,) = find(scratch, schema).findings
    assert told(one) == ("C306", "error", TEAM, *place)


def test_a_missing_schema_is_told_where_it_is_named(scratch: Scratch) -> None:
    (one,) = find(scratch, None).findings
    assert told(one) == ("C306", "error", "catalog.yaml", 3, 11)
    assert one.message == "the schema schemas/team.json does not exist"


def test_a_folder_and_a_link_are_no_schemas(scratch: Scratch) -> None:
    scratch.write(f"{TEAM}/inner.json", "{}")
    (one,) = find(scratch, None).findings
    assert (told(one), one.message) == (
        ("C306", "error", "catalog.yaml", 3, 11), "the schema schemas/team.json is a folder",
    )  # fmt: skip
    scratch.write("schemas/real.json", "{}")
    (scratch.root / "schemas/link.json").symlink_to("real.json")
    (one,) = find(scratch, None, SETTINGS.replace("team", "link")).findings
    assert (told(one)[:3], "link" in one.message) == (("C306", "error", "catalog.yaml"), True)


def test_a_schema_too_large_to_read_is_told_twice_once_where_it_is_named(scratch: Scratch) -> None:
    found = find(scratch, " " * (1024 * 1024 + 1)).findings
    assert [(each.code, each.path) for each in found] == [("Y002", TEAM), ("C306", "catalog.yaml")]
    assert found[1].message.endswith("cannot be read")


def test_no_rule_leaves_a_schema_out_without_a_word(scratch: Scratch) -> None:
    double = '{"required": [],\n "required": ["owners"]}'
    assert [found.code for found in find(scratch, double).findings] == ["Y008"]
    rules = "rules: {Y008: {severity: ignore, reason: x}}\n"
    assert [told(found) for found in find(scratch, double, SETTINGS + rules).findings] == [
        ("C306", "error", "catalog.yaml", 3, 11), ("Y008", "error", TEAM, 2, 2),
    ]  # fmt: skip
