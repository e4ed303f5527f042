"""``catalog schema``: every schema by name, and the page of findings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scratch import CatalogCommand, Scratch

from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.model.codes import CODES
from catalog_tool.source.code_pages import code_section, codes_page
from catalog_tool.source.schemas import schema_names, schema_text

PAGE = """\
# Findings

## P113 undeclared variable

Severity: error

```yaml
## P114 in a fence is no heading
```

### How to mend

Declare it.

## P114 unused variable

See P113.
"""


def test_without_a_name_all_are_listed(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("schema", cwd=tmp_path)
    assert (answer.code, answer.err) == (0, "")
    listed = [line.split(maxsplit=1) for line in answer.out.splitlines()]
    assert [name for name, _ in listed] == schema_names()
    assert ["prompt", "Prompt version"] in listed


@pytest.mark.parametrize("name", ["prompt", "prompt.schema.json", "schemas/prompt.schema.json"])
def test_a_schema_is_printed_as_it_is(catalog_command: CatalogCommand, tmp_path: Path, name: str) -> None:
    answer = catalog_command("schema", name, cwd=tmp_path)
    assert (answer.code, answer.out) == (0, schema_text("prompt"))
    Draft202012Validator.check_schema(json.loads(answer.out))


def test_an_unknown_schema(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("schema", "promt", cwd=tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean prompt?" in answer.err
    answer = catalog_command("schema", "P113", cwd=tmp_path)
    assert answer.code == 2
    assert "catalog schema --codes P113" in answer.err


@pytest.mark.parametrize(
    ("asked", "code", "kind"),
    [
        ("history nope", 2, "usage"),
        ("history nope --rev nowhere", 3, "git"),
        ("comment", 2, "usage"),
        ("watch nope", 2, "usage"),
        ("alert nope.json", 2, "usage"),
        ("usage", 2, "usage"),
        ("usage --no-such-option", 2, "usage"),
    ],
)
def test_an_error_has_the_one_form_whatever_the_command(scratch: Scratch, asked: str, code: int, kind: str) -> None:
    scratch.write("catalog.yaml", "catalog: acme\n")
    scratch.commit()
    refused = scratch.run(*asked.split(), "--format", "json")
    assert refused.code == code, refused.err
    document = refused.json()
    Draft202012Validator(json.loads(schema_text("error"))).validate(document)
    assert (document["status"], document["error"]["kind"]) == ("error", kind)


def test_the_help_says_what_errors_look_like(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    told = " ".join(catalog_command("schema", "--help", cwd=tmp_path).out.split())
    assert 'with "status": "error" has the form of `catalog schema error`, whatever the command' in told
    listed = catalog_command("schema", cwd=tmp_path).out
    assert "Error of any command" in listed


def test_the_page_of_findings(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("schema", "--codes", cwd=tmp_path).out == codes_page()
    answer = catalog_command("schema", "--codes", "p113", cwd=tmp_path)
    assert (answer.code, answer.out) == (0, code_section("P113"))
    assert answer.out.startswith("## P113 ")


def test_every_code_has_its_section() -> None:
    for code in CODES:
        section = code_section(code)
        assert section.startswith(f"## {code} "), code
        assert section.count("\n## ") == 0, code


def test_a_section_ends_at_the_next_heading(tmp_path: Path) -> None:
    page = tmp_path / "checks.md"
    page.write_text(PAGE)
    assert code_section("P113", page) == PAGE[PAGE.index("## P113") : PAGE.index("\n## P114 unused")]
    assert code_section("P114", page) == PAGE[PAGE.index("## P114 unused") :]
    with pytest.raises(CatalogError, match="says nothing of P115"):
        code_section("P115", page)


def test_an_installation_without_the_page(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="missing from this installation"):
        codes_page(tmp_path / "checks.md")


def test_an_unknown_code() -> None:
    with pytest.raises(UsageError, match="there is no finding P1") as refused:
        code_section("P1")
    assert "prints them all" in refused.value.hint
