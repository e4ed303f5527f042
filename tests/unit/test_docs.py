"""The manual says what the code does: every code, limit, setting, table and deviation is on its page."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import catalog_tool
from catalog_tool.bundle import database, discovery, document, skills_catalog, writer
from catalog_tool.diff.occasions import KNOWN
from catalog_tool.model import agent_limits, limits
from catalog_tool.model.codes import CODES
from catalog_tool.source.schemas import load_schema, schema_names
from catalog_tool.stores.sqlite_schema import USER_VERSION, create_bundle_database
from catalog_tool.sync.limits import LIMITS
from catalog_tool.sync.states import State

PACKAGE = Path(catalog_tool.__file__).parent
TESTS = Path(__file__).parent.parent
SECTION = re.compile(r"^## ([A-Z][0-9]{3}) (.+)\n\nSeverity: (error|warning|info)(;.*)?\n\n", re.MULTILINE)
PARAGRAPHS = ("**What.** ", "**Why.** ", "**How to mend.** ", "**How to mend.**\n")


def page(name: str) -> str:
    return (PACKAGE / "docs" / f"{name}.md").read_text(encoding="utf-8")


@cache
def codes_in_source() -> frozenset[str]:
    """Every string in the package that has the form of a code, the table itself aside."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name == "codes.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(text for text in found if re.fullmatch(r"[YPSC][0-9]{3}", text, re.ASCII))


class TestFindings:
    def test_every_code_has_its_section_with_title_and_severity_in_the_tables_order(self) -> None:
        sections = [(code, severity, title) for code, title, severity, _ in SECTION.findall(page("checks"))]
        assert sections == [(code, *entry) for code, entry in CODES.items()]

    def test_every_heading_of_the_second_level_that_looks_like_a_code_is_a_section(self) -> None:
        text = page("checks")
        assert len(re.findall(r"^## [A-Z][0-9]{3}\b", text, re.MULTILINE)) == len(SECTION.findall(text))

    @pytest.mark.parametrize("code", CODES)
    def test_a_section_says_what_why_and_how_to_mend(self, code: str) -> None:
        body = re.split(r"^#{1,2} ", page("checks").partition(f"\n## {code} ")[2], flags=re.MULTILINE)[0]
        said = [start.strip() for line in body.split("\n") for start in PARAGRAPHS if f"{line}\n".startswith(start)]
        assert said == ["**What.**", "**Why.**", "**How to mend.**"]

    def test_every_code_in_the_source_is_in_the_table(self) -> None:
        assert codes_in_source() <= set(CODES)

    @pytest.mark.parametrize("code", CODES)
    def test_every_code_of_the_table_is_reported_somewhere(self, code: str) -> None:
        assert code in codes_in_source()


class TestPages:
    @pytest.mark.parametrize("path", sorted((PACKAGE / "docs").glob("*.md")), ids=lambda path: path.stem)
    def test_what_a_page_leads_to_is_there(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([a-z-]*)(?:\.md)?(?:#([a-z0-9-]+))?\)", text):
            headings = re.findall(r"^#+ (.+)$", page(target or path.stem), re.MULTILINE)
            slugs = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, f"{target}#{anchor}"
        for named in re.findall(r"catalog_tool(/[a-z0-9_/]+\.[a-z]+)", text):
            assert (PACKAGE / named[1:]).is_file(), named


class TestDiff:
    def test_every_rule_has_its_row_with_both_levels(self) -> None:
        told = re.findall(r"^\| `([a-z-]+)` \| .+? \| ([a-z]+) \| ([a-z]+) \| ", page("diff"), re.MULTILINE)
        assert sorted(told) == sorted((rule.id, rule.contract, rule.behaviour) for rule in KNOWN.values())


class TestSync:
    def test_every_state_has_its_row(self) -> None:
        told = re.findall(r"^\| `([a-z_]+)` \| .+ \| .+ \|$", page("sync").partition("## Whose side")[0], re.MULTILINE)
        assert told == [state.value for state in State]

    def test_the_limits_are_those_of_the_engine(self) -> None:
        told = re.findall(r"^\| `([a-z]+)` \| (\d+) \| (\d+) % \|", page("sync"), re.MULTILINE)
        assert told == [(kind, str(floor), f"{share * 100:.0f}") for kind, (floor, share) in LIMITS.items()]


class TestLimits:
    @pytest.mark.parametrize("name", [name for name in dir(limits) if name.isupper()])
    def test_every_limit_is_listed_with_its_number(self, name: str) -> None:
        assert re.search(rf"^\| `{name}` \| {getattr(limits, name):,}\b", page("limits"), re.MULTILINE)

    def test_no_limit_is_listed_that_is_none(self) -> None:
        listed = re.findall(r"^\| `([A-Z_]+)` \|", page("limits"), re.MULTILINE)
        assert sorted(listed) == [name for name in dir(limits) if name.isupper()]

    def test_the_limits_of_agents_are_named(self) -> None:
        text = " ".join(page("limits").split())
        assert f"{agent_limits.LISTING_ENTRY_CHARS:,} characters" in text
        assert f"{agent_limits.CONTEXT_TOKENS:,} tokens" in text
        for setting in (
            agent_limits.BUDGET_SETTING,
            *agent_limits.ENTRY_SETTINGS,
            agent_limits.SETTINGS_FILE,
        ):
            assert f"`{setting}`" in text


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key that a schema knows, at any depth, with its own schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from properties(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for key, item in schema.items():
            if key not in ("examples", "default", "const", "enum", "if"):
                yield from properties(item)


SETTINGS = load_schema("catalog")


class TestSettings:
    @pytest.mark.parametrize("key", sorted({key for key, _ in properties(SETTINGS)}))
    def test_every_key_is_described(self, key: str) -> None:
        assert f"`{key}`" in page("catalog")

    @pytest.mark.parametrize("key", sorted(SETTINGS["properties"]))
    def test_every_key_of_the_top_level_has_a_row_with_its_default(self, key: str) -> None:
        row = re.search(rf"^\| `{key}` \| ([^|]+) \|", page("catalog"), re.MULTILINE)
        assert row is not None
        default = SETTINGS["properties"][key].get("default")
        if isinstance(default, list):
            assert row[1] == f"`[{', '.join(default)}]`"
        elif default is not None:
            assert row[1] == f"`{default}`"

    def test_the_defaults_of_a_target_are_the_schemas(self) -> None:
        target = SETTINGS["properties"]["targets"]["additionalProperties"]["properties"]
        part = page("catalog").partition("## `targets`")[2]
        for key, schema in target.items():
            if "default" in schema:
                shown = json.dumps(schema["default"]).replace('"', "'" if isinstance(schema["default"], list) else "")
                assert f"| `{key}` | `{shown}` |" in part


class TestFormats:
    def test_every_table_and_column_of_the_database_is_described(self, tmp_path: Path) -> None:
        connection = create_bundle_database(tmp_path / "bundle.sqlite")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            row = re.search(rf"^\| `{table}` \| (.+) \|$", page("formats"), re.MULTILINE)
            assert row is not None, table
            assert re.findall(r"`([a-z0-9_]+)`", row[1])[: len(columns)] == columns
        connection.close()
        assert f"`PRAGMA user_version` is {USER_VERSION}" in page("formats")

    def test_the_query_on_the_page_runs(self, tmp_path: Path) -> None:
        create_bundle_database(tmp_path / "bundle.sqlite").execute("COMMIT").connection.close()
        query = re.search(r"```sql\n(.+?)```", page("formats"), re.DOTALL)
        assert query is not None
        connection = sqlite3.connect(tmp_path / "bundle.sqlite")
        assert connection.execute(query[1]).fetchall() == []
        connection.close()

    def test_every_file_of_a_build_is_described(self) -> None:
        names = (
            document.NAME,
            database.NAME,
            skills_catalog.CATALOG_NAME,
            skills_catalog.CSV_NAME,
            writer.MANIFEST,
        )
        for name in (*names, f"{discovery.FOLDER}/index.json"):
            assert f"| `{name}` |" in page("formats")

    def test_the_schemas_named_exist(self) -> None:
        named = re.findall(r"`(?:catalog schema )?([a-z-]+)`", page("formats").partition("```text")[0])
        assert set(named) - {"catalog build"} <= set(schema_names())

    def test_every_deviation_from_mustache_is_listed_with_its_reason(self) -> None:
        suite = (TESTS / "unit" / "template" / "test_mustache_suite.py").read_text(encoding="utf-8")
        used = set(re.findall(r"Deviation\(\s*([A-Z_]{2,})", suite))
        reasons = dict(re.findall(r'^([A-Z_]+) = "(.+)"$', suite, re.MULTILINE))
        assert used
        for name in used:
            assert f" {reasons[name]} |" in page("formats"), name
