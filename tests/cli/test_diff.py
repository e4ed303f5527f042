"""``catalog diff`` as its users run it: what is compared, what is answered, and with which exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scratch import Scratch

from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

V1 = "model: gpt-4o-2024-08-06\nsystem_prompt: |\n  Greet {{guest}}.\n  Never mention the price.\n"
V2 = V1.replace("Never mention", "Avoid to mention")
TESTS = "cases:\n  - {name: ada, vars: {guest: Ada}, expect: [{type: contains, value: Ada}]}\n"
SKILL = "---\nname: pour\ndescription: Pours drinks when a guest asks.\n---\n# Pour\n\nPour slowly.\n"
TOOL = "tools: [{name: pour, parameters: {type: object, properties: {size: {type: string}}}}]\n"


@pytest.fixture
def bar(scratch: Scratch) -> Scratch:
    """A catalog with one prompt, its test, its label and one skill, committed on ``main``."""
    scratch.write_all(
        {
            "prompts/greeter/v1.yaml": V1,
            "prompts/greeter/tests/names.yaml": TESTS,
            "prompts/registry.yaml": "greeter:\n  production: v1\n",
            "skills/pour/SKILL.md": SKILL,
        }
    )
    scratch.commit("Open the bar")
    return scratch


def answer(scratch: Scratch, *arguments: str) -> dict[str, Any]:
    """The JSON answer, which fits its schema."""
    got = scratch.run("diff", *arguments, "--format", "json")
    assert (got.code, got.err) == (0, "")
    document: dict[str, Any] = got.json()
    assert SchemaEngine(load_schema("diff-output")).errors(document) == []
    return document


def rules(document: dict[str, Any]) -> list[str]:
    return [item["rule"] for change in document["changes"] for item in change["details"]]


def test_nothing_changed_is_said_in_two_words(bar: Scratch) -> None:
    got = bar.run("diff", "HEAD")
    assert (got.code, got.out, got.err) == (0, "No changes.\n", "")
    document = answer(bar, "HEAD..HEAD")
    assert (document["status"], document["changes"]) == ("same", [])
    assert bar.run("diff", "HEAD", "--format", "markdown").out == "No changes.\n"


def test_where_there_is_no_catalog_nothing_is_called_unchanged(scratch: Scratch) -> None:
    scratch.write_all({"svc/prompts/ask/v1.yaml": V1, "docs/readme.md": "x\n"})
    scratch.commit()
    scratch.write("svc/prompts/ask/v1.yaml", V2)
    scratch.commit()
    for at in ((), ("-C", "docs")):
        found = scratch.run(*at, "diff", "HEAD~1..HEAD", "--fail-on", "patch")
        assert (found.code, found.out) == (2, "")
        assert "there is no catalog here" in found.err
    assert scratch.run("-C", "svc", "diff", "HEAD~1..HEAD", "--fail-on", "patch").code == 1
    assert scratch.run("-C", "svc", "diff", "HEAD..HEAD").code == 0


def test_the_work_tree_is_compared_with_the_base_by_default(bar: Scratch) -> None:
    base = bar.git("rev-parse", "HEAD")
    bar.git("checkout", "--quiet", "-b", "work")
    bar.write("prompts/greeter/v2.yaml", V2)
    document = answer(bar)
    assert (document["base"], document["head"]) == (base, None)
    (change,) = document["changes"]
    assert (change["artifact"], change["op"], change["from"], change["to"]) == ("greeter", "modified", "v1", "v2")
    assert rules(document) == ["text-wording"]
    assert "“Never” became “Avoid to”" in change["details"][0]["message"]
    assert document["summary"]["comparisons"][0]["against"] == ["highest", "production"]
    assert document["summary"]["steps"] == {"greeter": "patch"}
    bar.commit("Avoid it")
    assert rules(answer(bar)) == ["text-wording"]


def test_without_a_base_nothing_is_called_clean(bar: Scratch) -> None:
    got = bar.run("diff", "--format", "json")
    assert got.code == 3
    assert got.json()["error"]["kind"] == "git"
    assert "there is no base" in got.err


def test_revisions_are_given_as_a_range_or_apart(bar: Scratch) -> None:
    bar.git("tag", "opened")
    bar.write("prompts/greeter/v2.yaml", V2)
    bar.commit("Avoid it")
    document = answer(bar, "opened..HEAD")
    assert (document["base"], document["head"]) == ("opened", "HEAD")
    assert answer(bar, "opened", "HEAD")["changes"] == document["changes"]
    assert answer(bar, "opened..")["changes"] == document["changes"]
    back = answer(bar, "HEAD", "opened")
    assert rules(back) == ["artifact-removed"]


def test_three_dots_mean_the_merge_base(bar: Scratch) -> None:
    bar.git("checkout", "--quiet", "-b", "work")
    bar.write("prompts/greeter/v2.yaml", V2)
    bar.commit("Avoid it")
    bar.git("checkout", "--quiet", "main")
    bar.write("prompts/leaver/v1.yaml", "system_prompt: Say goodbye.\n")
    bar.commit("Another prompt")
    assert rules(answer(bar, "main...work")) == ["text-wording"]
    assert sorted(rules(answer(bar, "main..work"))) == ["artifact-removed", "text-wording"]


def test_two_references_of_any_revisions(bar: Scratch) -> None:
    bar.git("tag", "opened")
    bar.write("prompts/greeter/v2.yaml", V2 + "temperature: 0.9\n")
    bar.write("prompts/registry.yaml", "greeter:\n  production: v2\n")
    document = answer(bar, "greeter@v1", "greeter@v2")
    assert sorted(rules(document)) == ["params-sampling", "text-wording"]
    assert answer(bar, "opened:greeter@production", "greeter@production")["changes"] == document["changes"]
    assert answer(bar, "greeter@v1", "greeter@v1")["status"] == "same"


def test_two_bundles(bar: Scratch) -> None:
    assert bar.run("build", "--out", "../old").code == 0
    bar.write("prompts/greeter/v2.yaml", V2)
    bar.write("prompts/registry.yaml", "greeter:\n  production: v2\n")
    bar.write("skills/pour/scripts/pour.sh", "echo pour\n")
    assert bar.run("build", "--out", "../new").code == 0
    document = answer(bar, "../old/bundle.json", "../new/bundle.json")
    assert sorted(rules(document)) == ["label-moved", "skill-code", "text-wording"]
    assert answer(bar, "../old/bundle.json", "../old/bundle.json")["status"] == "same"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("HEAD", "greeter@v1"), "both have to be of one kind"),
        (("greeter@v1",), "compared with another one"),
        (("dist/bundle.json",), "compared with another one"),
        (("a", "b", "c"), "at most two things"),
        (("a..b", "c"), "one range"),
        (("missing.json", "missing.json"), "No such file"),
        (("greeter@v1", "greeter@v9"), "no version v9"),
        (("HEAD", "--render", "missing.yaml"), "No such file"),
        (("HEAD", "--fail-on", "none"), "none"),
    ],
)
def test_wrong_usage(bar: Scratch, arguments: tuple[str, ...], said: str) -> None:
    got = bar.run("diff", *arguments)
    assert got.code == 2
    assert said in got.err


@pytest.mark.parametrize("revision", ["nowhere", "nowhere..HEAD", "HEAD...nowhere", "main@{9}", "--output=x"])
def test_a_revision_that_is_not_there(bar: Scratch, revision: str) -> None:
    got = bar.run("diff", "--format", "json", "--", revision)
    assert got.code == 3
    assert got.json()["status"] == "error"
    assert not (bar.root / "x").exists()


def test_fail_on_decides_the_exit_code_and_nothing_else_does(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V1 + TOOL)
    assert bar.run("diff", "HEAD").code == 0
    for level, code in (("patch", 1), ("minor", 1), ("major", 1)):
        assert bar.run("diff", "HEAD", "--fail-on", level).code == code
    bar.write("prompts/greeter/v2.yaml", V2)
    assert [bar.run("diff", "HEAD", "--fail-on", level).code for level in ("patch", "minor", "major")] == [1, 0, 0]
    bar.write("prompts/greeter/v2.yaml", V1 + "description: only this\n")
    assert bar.run("diff", "HEAD", "--fail-on", "patch").code == 0


def test_a_released_version_that_changed_breaks(bar: Scratch) -> None:
    bar.write("prompts/greeter/v1.yaml", V2)
    document = answer(bar, "HEAD")
    assert rules(document)[0] == "released-changed"
    assert document["summary"]["contract"] == "major"
    assert bar.run("diff", "HEAD", "--fail-on", "major").code == 1


def test_an_override_shows_and_ends(bar: Scratch) -> None:
    rule = "rules:\n  tool-added: {severity: minor, reason: handlers ship first, until: '2026-03-01'}\n"
    bar.write("prompts/greeter/v2.yaml", V1 + TOOL)
    bar.write("catalog.yaml", rule)
    before, after = ({"SOURCE_DATE_EPOCH": str(day)} for day in (1_772_323_200, 1_772_409_600))
    got = bar.run("diff", "HEAD", "--fail-on", "major", "--format", "json", env=before)
    (item,) = [item for item in got.json()["changes"][0]["details"] if item["rule"] == "tool-added"]
    assert item["contract"] == "minor"
    assert item["waiver"] == {"contract": "major", "reason": "handlers ship first", "until": "2026-03-01"}
    assert got.code == 0
    assert "waived until 2026-03-01: handlers ship first" in bar.run("diff", "HEAD", env=before).out
    assert bar.run("diff", "HEAD", "--fail-on", "major", env=after).code == 1


def test_what_reads_alike_and_says_something_else_has_its_own_row(bar: Scratch) -> None:
    text = "model: gpt-4o-2024-08-06\nsystem_prompt: |\n  Be {}.\n  {} sharing of account data.\n"
    bar.write("prompts/greeter/v1.yaml", text.format("kind", "Forbid"))
    bar.write("prompts/greeter/v2.yaml", text.format("kind", "Allow"))
    bar.commit("Two of them, the second not live")
    bar.write("prompts/greeter/v3.yaml", text.format("nice", "Encourage"))
    first, second = answer(bar, "HEAD")["changes"]
    assert [item["message"] for item in first["details"]] == [item["message"] for item in second["details"]]
    for output in ("text", "markdown"):
        said = bar.run("diff", "HEAD", "--format", output).out
        assert "the same against" not in said
        assert "Forbid" in said
        assert "Allow" in said
    bar.write("prompts/greeter/v2.yaml", text.format("kind", "Forbid"))
    assert "the same against v1, to which production points" in bar.run("diff", "HEAD").out


def test_whatever_the_settings_ask_for_less_is_told(bar: Scratch) -> None:
    bar.write("schemas/team.json", '{"type": "object", "required": ["owners"]}')
    settings = "skill_profile: {}\nschemas: {{prompt: schemas/team.json}}\nlabels:\n  production: {{{}}}\n"
    bar.write("catalog.yaml", settings.format("upload", "on_drift: restore, watch: {for: 1m}"))
    bar.commit("Rules")
    bar.write("schemas/team.json", '{"type": "object"}')
    (item,) = answer(bar, "HEAD")["changes"][0]["details"]
    assert item["message"] == "the team's schema for a prompt accepts more now, or nobody can tell: `/required`"
    bar.write("schemas/team.json", '{"required": ["owners"], "type": "object", "title": "Ours"}')
    assert answer(bar, "HEAD")["status"] == "same"
    bar.write("catalog.yaml", settings.format("portable", "on_drift: report"))
    assert sorted(rules(answer(bar, "HEAD"))) == ["test-weakened"] * 3
    said = bar.run("diff", "HEAD", "--format", "markdown").out
    assert said.startswith("**Rules are relaxed.**")
    assert "- watch of label `production`: a label that somebody moved" in said
    assert "it is no longer watched" in said
    assert "- `rules in catalog.yaml`: skills are read as `portable` now, which refuses less than `upload`" in said


def test_a_label_says_what_it_deploys(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V1 + "temperature: 0.9\n")
    bar.commit("Warmer")
    bar.write("prompts/registry.yaml", "greeter:\n  production: {v1: 90, v2: 10}\n")
    (change,) = answer(bar, "HEAD")["changes"]
    assert (change["artifact"], change["kind"], change["contract"]) == ("greeter@production", "label", "none")
    (deploys,) = change["details"][0]["deploys"]
    assert (deploys["from"], deploys["to"], deploys["behaviour"]) == ("v1", "v2", "high")


def test_every_dependent_of_a_shared_part_is_listed(bar: Scratch) -> None:
    text = "system_prompt: |\n  Greet.\n  {{> safety}}\n"
    bar.write_all({"prompts/_shared/partials/safety.md": "Share nothing.\n", "prompts/a/v1.yaml": text})
    bar.write_all({"prompts/b/v1.yaml": text, "prompts/c/v1.yaml": "system_prompt: Greet.\n"})
    bar.commit("Share a part")
    bar.write("prompts/_shared/partials/safety.md", "Share little.\n")
    document = answer(bar, "HEAD")
    assert document["summary"]["shared"] == [
        {"part": "partials/safety", "op": "modified", "dependents": ["a@v1", "b@v1"]}
    ]
    assert {change["artifact"] for change in document["changes"]} == {"_shared/partials/safety", "a", "b"}


def test_golden_inputs_are_rendered_and_a_file_of_values_instead(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V2.replace("{{guest}}", "{{guest}} and {{friend}}"))
    (render,) = answer(bar, "HEAD")["summary"]["renders"]
    assert render["case"] == "ada"
    assert "Greet Ada." in render["before"]
    assert render["after"] is None
    assert "friend" in render["after_error"]
    bar.write("values.yaml", "guest: Ada\nfriend: Bob\n")
    (render,) = answer(bar, "HEAD", "--render", "values.yaml")["summary"]["renders"]
    assert "Greet Ada and Bob." in render["after"]
    shown = bar.run("diff", "HEAD", "--render", "values.yaml").out
    assert re.search(r"\+ Greet Ada and Bob\.", shown)


def test_the_result_can_go_to_a_file(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V2)
    got = bar.run("diff", "HEAD", "--format", "json", "--output", "out.json")
    assert (got.code, got.out) == (0, "")
    assert json.loads((bar.root / "out.json").read_text("utf-8"))["status"] == "changed"
    got = bar.run("diff", "HEAD", "--output", "no/such/folder")
    assert got.code == 2


def test_wide_terminals_show_old_and_new_side_by_side(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V2)
    wide = bar.run("diff", "HEAD", env={"COLUMNS": "160"}).out
    narrow = bar.run("diff", "HEAD", env={"COLUMNS": "80"}).out
    assert re.search(r"^ +- Never mention the price\. +\+ Avoid to mention the price\.$", wide, re.MULTILINE)
    assert re.search(r"^ +- Never mention the price\.$", narrow, re.MULTILINE)
    assert all(len(line) <= 80 for line in narrow.split("\n"))


def test_what_breaks_is_annotated(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V1 + TOOL)
    got = bar.run("diff", "HEAD", "--format", "github").out
    assert got.startswith("::error file=prompts/greeter/v2.yaml,line=")
    assert "the tool `pour` came" in got
    document = bar.run("diff", "HEAD", "--format", "sarif").json()
    (result,) = document["runs"][0]["results"]
    assert result["ruleId"] == "tool-added"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "prompts/greeter/v2.yaml"
    assert place["region"]["startLine"] == 5
    bar.write("prompts/greeter/v2.yaml", V2)
    assert bar.run("diff", "HEAD", "--format", "github").out.startswith("1 prompt: contract patch, behaviour high")
    assert bar.run("diff", "HEAD", "--format", "sarif").json()["runs"][0]["results"] == []


HOSTILE = "\x1b[31m @octocat #1 </details><img src=x> ```\n::error::x\n##[error]y\n~~~~~\n\u202e|a|b|\n"


def test_hostile_text_does_nothing_anywhere(bar: Scratch) -> None:
    text = json.dumps(HOSTILE * 3)
    bar.write("prompts/greeter/v2.json", json.dumps({"system_prompt": HOSTILE, "description": HOSTILE}))
    bar.write("prompts/evil/v1.yaml", f"system_prompt: {text.replace(chr(0x7F), '')}\n")
    log = {"GITHUB_ACTIONS": "true"}
    for form in ("text", "json", "markdown", "github", "sarif"):
        got = bar.run("diff", "HEAD", "--format", form, env=log)
        assert got.code == 0
        assert "\x1b" not in got.out
        assert "\u202e" not in got.out
        assert "##[" not in got.out
        if form in ("text", "github"):
            assert not re.search(r"^\s*::(?!error file=|warning file=)", got.out, re.MULTILINE)


def test_a_comment_is_never_too_long_nor_cut_inside_a_fence(bar: Scratch) -> None:
    for number in range(60):
        bar.write(f"prompts/p{number}/v1.yaml", f"system_prompt: {json.dumps('a line of text here ' * 5)}\n")
    bar.commit("Many")
    for number in range(60):
        lines = "".join(f"line {n} of {number} says ``` and more words than before\n" for n in range(200))
        bar.write(f"prompts/p{number}/v2.yaml", f"system_prompt: {json.dumps(lines)}\n")
    got = bar.run("diff", "HEAD", "--format", "markdown").out
    assert 40_000 < len(got.encode()) <= 60_000
    assert "the comment would be too long" in got
    open_fence = ""
    for line in got.split("\n"):
        bar_of = re.match(r"^(`{3,}|~{3,})", line)
        if not open_fence and bar_of:
            open_fence = bar_of[1]
        elif open_fence and line == open_fence:
            open_fence = ""
    assert open_fence == ""


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("prompts/registry.yaml", "greeter:\n  production: [\n"),
        ("catalog.yaml", "prompts: [\n"),
        ("catalog.yaml", "no: 1\n"),
    ],
)
def test_what_cannot_be_read_is_neither_the_same_nor_gone(bar: Scratch, path: str, content: str) -> None:
    bar.write(path, content)
    got = bar.run("diff", "HEAD", "--format", "json")
    assert (got.code, got.json()["status"]) == (2, "error")
    assert got.err.startswith(f"error: {path}:")
    bar.commit("Break it")
    bar.git(
        "revert",
        "--no-edit",
        "HEAD",
        env={f"GIT_{who}_{key}": "a@b" for who in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")},
    )
    got = bar.run("diff", "HEAD~1..HEAD")
    assert (got.code, got.out) == (2, "")
    assert got.err.startswith(f"error: at HEAD~1: {path}:")


def test_outside_git_there_is_nothing_to_compare_with(bar: Scratch, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "prompts").mkdir(parents=True)
    got = bar.command("diff", cwd=folder)
    assert got.code == 3
    assert "git" in got.err
