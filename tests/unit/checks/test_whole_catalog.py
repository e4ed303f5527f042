"""What only the whole catalog shows: duplicates, owners, the listing, overlap, and the rules of a team."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog_tool.checks.inspection import Options, inspect
from catalog_tool.model.finding import Finding
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {{name}}.\n"


def skill(name: str, description: str = "Does one thing well. Use when that is asked.", more: str = "") -> str:
    """A SKILL.md."""
    return f"---\nname: {name}\ndescription: {description}\n{more}---\n# {name}\n"


@pytest.fixture
def write(tmp_path: Path) -> Path:
    """The root of a catalog without git."""
    (tmp_path / "skills").mkdir()
    return tmp_path


def look(
    root: Path, files: Mapping[str, str] | None = None, *codes: str, overlap: bool = False, profile: str | None = None
) -> list[Finding]:
    """The findings with these codes (all, where none is named) after writing files."""
    for path, text in (files or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    found = inspect(tree_of(find_root(str(root)), None), Options(profile=profile, overlap=overlap)).findings
    return [each for each in found if not codes or each.code in codes]


def test_two_skills_of_one_name(write: Path) -> None:
    files = {"skills/pdf/SKILL.md": skill("pdf"), ".claude/skills/pdf/SKILL.md": skill("pdf")}
    (one,) = look(write, files, "S210")
    assert (one.severity, one.path, one.artifact) == ("error", "skills/pdf/SKILL.md", "pdf")
    assert ".claude/skills/pdf" in one.message


def test_the_same_folder_through_a_link_is_no_duplicate(write: Path) -> None:
    (write / ".claude").mkdir()
    (write / ".claude/skills").symlink_to("../skills")
    assert look(write, {"skills/pdf/SKILL.md": skill("pdf")}, "S210", "S215", "S212") == []


def test_plugins_tell_skills_apart(write: Path) -> None:
    manifest = ".claude-plugin/plugin.json"
    files = {
        "catalog.yaml": "skills: [skills, plugins/*/skills]\n",
        "skills/pdf/SKILL.md": skill("pdf"),
        "plugins/one/skills/pdf/SKILL.md": skill("pdf"),
        "plugins/two/skills/pdf/SKILL.md": skill("pdf"),
        f"plugins/two/{manifest}": '{"name": "second"}',
    }
    assert look(write, files, "S210", "S203") == []
    (write / f"plugins/one/{manifest}").parent.mkdir()
    (one,) = look(write, {f"plugins/one/{manifest}": '{"name": "second"}'}, "S210")
    assert one.artifact == "second:pdf"


@pytest.mark.parametrize(
    ("glob", "folder", "key"),
    [
        ("tools/one/skills", "tools/one", "named:pdf"), ("skills", "", "named:pdf"), ("tools/one", "tools/one", "pdf"),
        ("'**/skills'", "tools/one", "named:pdf"),
    ],
)  # fmt: skip
def test_the_manifest_of_a_plugin_stands_beside_its_skills(write: Path, glob: str, folder: str, key: str) -> None:
    root = f"{folder}/" if folder else ""
    place = "" if glob == "tools/one" else "skills/"
    files = {
        "catalog.yaml": f"skills: [{glob}]\n",
        f"{root}{place}pdf/SKILL.md": skill("pdf"),
        f"{root}.claude-plugin/plugin.json": '{"name": "named"}',
    }
    assert [each.artifact for each in look(write, files, "S224")] == [key]


def test_a_skill_that_is_a_link_to_any_folder_of_the_catalog(write: Path) -> None:
    (write / ".claude/skills").mkdir(parents=True)
    (write / ".claude/skills/pdf").symlink_to("../../shared/pdf")
    (write / ".claude/skills/twice").symlink_to("pdf")
    (write / "shared").mkdir()
    (write / "shared/pdf").symlink_to("../impl/pdf-forms")
    found = look(write, {"impl/pdf-forms/SKILL.md": skill("pdf") + "[a](dead.md)\n"})
    assert [(each.code, each.path, each.artifact) for each in found] == [
        ("S224", "impl/pdf-forms/SKILL.md", "pdf"), ("S213", "impl/pdf-forms/SKILL.md", "pdf"),
    ]  # fmt: skip


def test_a_configured_folder_that_is_a_link_to_any_folder_of_the_catalog(write: Path) -> None:
    (write / "skills").rmdir()
    (write / "skills").symlink_to("agents/all")
    assert look(write, {"agents/all/pdf/SKILL.md": skill("pdf"), "agents/other/x/SKILL.md": "x"}, "S224", "S215")[
        0
    ].path


def test_a_label_on_what_cannot_be_read_does_not_dangle(write: Path) -> None:
    (write / "prompts/greet").mkdir(parents=True)
    (write / "prompts/greet/v2.yaml").symlink_to("v1.yaml")
    files = {"prompts/greet/v1.yaml": PROMPT, "prompts/registry.yaml": "greet: {production: v2}\n"}
    assert [each.code for each in look(write, files, "C311", "Y024")] == ["Y024"]


def unowned(root: Path, files: Mapping[str, str]) -> dict[str | None, str]:
    """Severity by artifact that nobody owns."""
    return {each.artifact: each.severity for each in look(root, files, "P142", "S224")}


ARTIFACTS = {"prompts/greet/v1.yaml": PROMPT, "skills/pdf/SKILL.md": skill("pdf"), "skills/doc/SKILL.md": skill("doc")}


def test_nobody_owns_anything_is_a_note(write: Path) -> None:
    assert unowned(write, ARTIFACTS) == {"greet": "info", "pdf": "info", "doc": "info"}


def test_one_owner_anywhere_makes_it_a_warning(write: Path) -> None:
    owned = {"skills/pdf/SKILL.md": skill("pdf", more="metadata: {owner: team-docs}\n")}
    assert unowned(write, {**ARTIFACTS, **owned}) == {"greet": "warning", "doc": "warning"}
    owned = {"prompts/greet/v1.yaml": PROMPT + "owners: [team-a]\n"}
    assert unowned(write, {**ARTIFACTS, **owned}) == {"pdf": "warning", "doc": "warning"}


@pytest.mark.parametrize("place", [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"])
def test_codeowners_own_where_the_field_does_not(write: Path, place: str) -> None:
    files = {**ARTIFACTS, place: "/prompts/ @org/prompts\n/skills/pdf/ @org/docs\n"}
    assert unowned(write, files) == {"doc": "warning"}


def test_an_explicit_nobody_in_codeowners(write: Path) -> None:
    assert unowned(write, {**ARTIFACTS, "CODEOWNERS": "* @all\n/skills/pdf/\n"}) == {"pdf": "warning"}


def test_the_highest_version_answers_for_a_prompt(write: Path) -> None:
    files = {
        "prompts/greet/v9.yaml": PROMPT.replace("v1", "v9") + "owners: [a]\n",
        "prompts/greet/v10.yaml": PROMPT.replace("v1", "v10"),
    }
    (one,) = look(write, files, "P142")
    assert one.path == "prompts/greet/v10.yaml"


def listing(
    root: Path, settings: Mapping[str, object] | None, length: int, count: int, more: str = ""
) -> list[Finding]:
    """What is said of the listing where ``count`` skills have descriptions of ``length`` characters."""
    files = {f"skills/s{number}/SKILL.md": skill(f"s{number}", "x" * length, more) for number in range(count)}
    if settings is not None:
        files[".claude/settings.json"] = json.dumps(settings)
    return look(root, files, "S221", "S223", profile="claude-code")


def test_the_listing_against_the_agents_own_budget(write: Path) -> None:
    assert listing(write, None, 1000, 8) == []
    (one,) = listing(write, None, 1000, 9)
    assert (one.code, one.severity, one.path) == ("S223", "warning", None)
    assert all(text in one.message for text in ("9000", "8000", "1% of 200,000 tokens"))


def test_a_fraction_in_the_settings_is_named(write: Path) -> None:
    (one,) = listing(write, {"skillListingBudgetFraction": 0.005}, 1000, 5)
    assert all(text in one.message for text in ("5000", "4000", "skillListingBudgetFraction", ".claude/settings.json"))
    assert listing(write, {"skillListingBudgetFraction": 0.02}, 1000, 16) == []


@pytest.mark.parametrize("name", ["maxSkillDescriptionChars", "skillListingMaxDescChars"])
def test_a_smaller_limit_of_one_entry_is_named(write: Path, name: str) -> None:
    (one,) = listing(write, {name: 500}, 501, 1)
    assert (one.code, one.artifact, one.path) == ("S221", "s0", "skills/s0/SKILL.md")
    assert all(text in one.message for text in ("500", "501", name, ".claude/settings.json"))
    assert (one.line, one.column) == (3, 1)
    assert listing(write, {name: 500}, 900, 1)[0].code == "S221"
    assert [each.code for each in listing(write, {name: 500}, 900, 16)] == ["S221"] * 16


@pytest.mark.parametrize("name", ["maxSkillDescriptionChars", "skillListingMaxDescChars"])
def test_another_limit_of_one_entry_counts_for_long_entries_too(write: Path, name: str) -> None:
    more = f"when_to_use: {'x' * 1000}\n"
    assert listing(write, {name: 3000}, 1000, 1, more) == []
    (one,) = listing(write, {name: 500}, 1000, 1, more)
    assert name in one.message
    assert (one.line, one.column) == (3, 1)
    assert listing(write, None, 1000, 1, more + "disable-model-invocation: true\n") == []


@pytest.mark.parametrize(
    "settings", [{"skillListingBudgetFraction": value} for value in (0, -1, 2, True, "x", None, [])] + [{}]
)
def test_settings_that_make_no_sense_are_passed_over(write: Path, settings: Mapping[str, object]) -> None:
    assert [each.code for each in listing(write, settings, 1000, 9)] == ["S223"]


@pytest.mark.parametrize("text", ["[]", "{", "\x00", '"x"', "[" * 5000])
def test_settings_that_are_no_object_are_passed_over(write: Path, text: str) -> None:
    assert look(write, {".claude/settings.json": text, "skills/pdf/SKILL.md": skill("pdf")}, "S223", "S221") == []


def test_skills_that_only_people_start_are_not_listed(write: Path) -> None:
    assert listing(write, None, 1000, 9, more="disable-model-invocation: true\n") == []


def test_overlap_is_looked_for_only_where_asked(write: Path) -> None:
    text = "Reviews Python pull requests for naming, tests, error handling and security before a merge."
    files = {f"skills/{name}/SKILL.md": skill(name, text) for name in ("code-reviewer", "merge-checker")}
    assert [each.code for each in look(write, files, "S222", overlap=True)][:1] == ["S222"]
    assert look(write, files, "S222", overlap=False) == []


def test_names_that_are_easily_confused(write: Path) -> None:
    files = {f"skills/{name}/SKILL.md": skill(name) for name in ("code-review", "code-reviews")}
    assert [each.code for each in look(write, files, "S212")] == ["S212"]


RULES = """\
rules:
  S224: {severity: error, reason: everything has an owner here}
  S206: {severity: ignore, reason: our agent knows these}
  S213: {severity: info}
"""


def test_the_rules_of_a_team(write: Path) -> None:
    text = skill("pdf", more="model: sonnet\n") + "[a](dead.md)\n"
    before = {each.code: each.severity for each in look(write, {"skills/pdf/SKILL.md": text})}
    after = {each.code: each.severity for each in look(write, {"catalog.yaml": RULES})}
    assert before == {"S206": "warning", "S213": "warning", "S224": "info"}
    assert after == {"S213": "info", "S224": "error"}


def test_findings_are_sorted_and_the_same_every_time(write: Path) -> None:
    files = {f"skills/{name}/SKILL.md": f"---\nname: X\n---\n[a](b)\n[c](d) {name}\n" for name in "cab"}
    found = look(write, files)
    assert found == sorted(found, key=Finding.order)
    assert found == look(write)
    assert len(set(found)) == len(found)


REGISTRY = "prompts/registry.yaml"


@pytest.mark.parametrize(
    ("code", "registry", "place"),
    [
        ("Y008", "greet:\n  production: v1\n  production: v1\n", (3, 3)),
        ("Y007", "greet: [\n", (2, 1)),
        ("Y017", "- greet\n", (1, 1)),
        ("Y023", "format: 2\ngreet: {production: v1}\n", (1, 9)),
        ("C310", "greet: {production: 1}\n", (1, 21)),
        ("C311", "greet: {production: v2}\n", (1, 21)),
        ("C312", "greet: {production: {v1: 0}}\n", (1, 26)),
        ("C313", "greet: {latest: v1}\n", (1, 9)),
        ("C314", "meet: {production: v1}\n", (1, 1)),
    ],
)
@pytest.mark.parametrize("severity", ["ignore", "info", "warning"])
def test_no_rule_lets_a_label_vanish_or_point_nowhere(
    write: Path, code: str, registry: str, place: tuple[int, int], severity: str
) -> None:
    rules = f"rules: {{{code}: {{severity: {severity}, reason: x}}, C315: {{severity: ignore, reason: x}}}}\n"
    found = look(write, {"catalog.yaml": rules, "prompts/greet/v1.yaml": PROMPT, REGISTRY: registry})
    (refused,) = [each for each in found if each.severity == "error"]
    assert (refused.code, refused.path, refused.line, refused.column) == ("C315", REGISTRY, *place)
    assert code in refused.message
    assert [each.severity for each in found if each.code == code] == ([] if severity == "ignore" else [severity])


def test_an_error_of_the_registry_that_no_rule_is_about_is_told_once(write: Path) -> None:
    files = {"catalog.yaml": "rules: {C311: {severity: error}}\n", "prompts/greet/v1.yaml": PROMPT}
    (one,) = look(write, {**files, REGISTRY: "greet: {production: v2}\n"}, "C311", "C315")
    assert one.code == "C311"


def test_a_registry_that_is_a_link_is_refused_whatever_the_rules_say(write: Path) -> None:
    (write / "prompts").mkdir()
    (write / REGISTRY).symlink_to("labels.yaml")
    rules = "rules: {Y024: {severity: ignore, reason: x}}\n"
    assert [each.path for each in look(write, {"catalog.yaml": rules}, "C315")] == [REGISTRY]


def test_what_hides_in_the_registry_may_be_ignored_for_its_labels_are_read(write: Path) -> None:
    rules = "rules: {Y030: {severity: ignore, reason: x}}\n"
    files = {"catalog.yaml": rules, "prompts/greet/v1.yaml": PROMPT, REGISTRY: "greet: {production: v1} # \u202e\n"}
    assert look(write, files, "Y030", "C315") == []
    assert [each.code for each in look(write, {"catalog.yaml": ""}, "Y030")] == ["Y030"]


def test_a_version_that_is_a_link_is_missing_from_no_bundle_unseen(write: Path) -> None:
    (write / "prompts/greet").mkdir(parents=True)
    (write / "prompts/greet/v1.yaml").symlink_to("v2.yaml")
    (one,) = look(write, {"catalog.yaml": "rules: {Y024: {severity: ignore, reason: x}}\n"}, "P107", "Y024")
    assert (one.code, one.severity, one.path, one.artifact) == ("P107", "error", "prompts/greet/v1.yaml", "greet@v1")


def test_a_file_of_a_skill_that_is_not_read_is_missing_from_no_bundle_unseen(write: Path) -> None:
    large = "skills/pdf/data/large.bin"
    files = {"skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fill PDF forms.\n---\n", large: "x"}
    rules = {"catalog.yaml": "rules: {Y002: {severity: ignore, reason: x}}\n"}
    assert look(write, files | rules, "Y002", "S218") == []
    (write / large).write_bytes(bytes(SKILL_FILE_BYTES + 1))
    (one,) = look(write, rules, "Y002", "S218")
    assert (one.code, one.severity, one.path, one.artifact) == ("S218", "error", large, "pdf")
    lowered = {"catalog.yaml": "rules: {Y002: {severity: info}, S218: {severity: info}}\n"}
    assert [(each.code, each.severity) for each in look(write, lowered, "Y002", "S218")] == [
        ("S218", "error"), ("Y002", "info"),
    ]  # fmt: skip
    assert [each.code for each in look(write, {"catalog.yaml": ""}, "Y002", "S218")] == ["Y002"]


SKILL_TEXT = "---\nname: pdf\ndescription: Fill PDF forms.\n---\n"


@pytest.mark.parametrize("severity", ["ignore", "warning"])
@pytest.mark.parametrize(
    ("code", "told", "files"),
    [
        ("P104", "P107", {"prompts/greet/v1.yaml": PROMPT, "prompts/greet/v1.json": "{}"}),
        ("P102", "P107", {"prompts/Foo/v1.yaml": PROMPT}),
        ("S210", "S218", {"skills/pdf/SKILL.md": SKILL_TEXT, ".claude/skills/pdf/SKILL.md": SKILL_TEXT}),
        ("S216", "S218", {"skills/pdf/SKILL.md": SKILL_TEXT, "skills/pdf/A.md": "a", "skills/pdf/a.md": "b"}),
    ],
)
def test_no_rule_lets_a_build_leave_something_out(
    write: Path, code: str, told: str, files: dict[str, str], severity: str
) -> None:
    rules = {"catalog.yaml": f"rules: {{{code}: {{severity: {severity}, reason: x}}}}\n"}
    (one,) = look(write, files | rules, told)
    assert (one.severity, code in one.message) == ("error", True)
    assert look(write, {"catalog.yaml": ""}, told) == []
    assert [each.severity for each in look(write, None, code)] == ["error"]


def test_a_tool_whose_file_is_broken_is_told_as_that_alone(write: Path) -> None:
    files = {
        "prompts/_shared/tools/look.yaml": "name: look\nparamters: {}\n",
        "prompts/_shared/tools/find.yaml": "name: find\nparamters: {}\n",
        "prompts/greet/v1.yaml": PROMPT + "tools: [look, find]\n",
    }
    found = look(write, files, "P106", "P131", "P132")
    assert {each.code for each in found} == {"P106"}


def test_a_team_may_lower_its_own_schema(write: Path) -> None:
    files = {
        "catalog.yaml": "schemas: {prompt: p.json}\nrules: {P143: {severity: warning, reason: new}}\n",
        "p.json": '{"required": ["owners"]}', "prompts/greet/v1.yaml": PROMPT,
    }  # fmt: skip
    assert [(each.code, each.severity) for each in look(write, files, "P107", "P143")] == [("P143", "warning")]
    found = inspect(tree_of(find_root(str(write)), None), Options())
    assert (found.has_errors, bool(found.versions[0].digest)) == (False, True)


KEY = "AKIA" + "Z7QX2M4LP9RT5KVN"


@pytest.mark.parametrize(
    ("name", "text", "places"),
    [
        ("v1.yaml", PROMPT + 'description: "\\u0041' + KEY[1:] + '"\n', [(5, 14)]),
        ("v1.yaml", PROMPT + f'description: "{KEY} \\t"\n', [(5, 15)]),
        ("v1.yaml", PROMPT + f'description: "{KEY} \\x41{KEY[1:]}"\n', [(5, 15)]),
        ("v1.json", '{"id": "greet", "version": "v1",\n "system_prompt": "\\u0041' + KEY[1:] + '"}', [(2, 19)]),
        ("v1.yaml", PROMPT + 'meta:\n  "\\x41' + KEY[1:] + '": x\n', [(6, 3)]),
    ],
)  # fmt: skip
def test_a_secret_that_escapes_spell_is_found_once(
    write: Path, name: str, text: str, places: list[tuple[int, int]]
) -> None:
    found = look(write, {f"prompts/greet/{name}": text})
    assert [(each.line, each.column) for each in found if each.code == "Y040"] == places
    assert not [each for each in found if KEY[1:] in each.message]


def test_a_registry_that_is_not_read_is_refused_whatever_the_rules_say(write: Path) -> None:
    rules = "prompts: ai\nrules: {Y002: {severity: ignore, reason: x}}\n"
    (one,) = look(write, {"catalog.yaml": rules, "ai/registry.yaml": "#" * (1024 * 1024 + 1)}, "C315", "Y002")
    assert (one.code, one.severity, one.path, one.line) == ("C315", "error", "ai/registry.yaml", None)
    assert "Y002" in one.message
