"""``catalog history``: events, what was live, and what each step means by the rules of ``catalog diff``."""

from __future__ import annotations

import re
from typing import Any

import pytest
from scratch import Scratch

from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

V1 = "model: gpt-4o-2024-08-06\nsystem_prompt: |\n  Greet {{guest}}.\n  Never mention the price.\n"
V2 = V1.replace("Never mention", "Avoid to mention")
TOOL = "tools: [{name: pour, parameters: {type: object, properties: {size: {type: string}}}}]\n"
TIMES = ("2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z")


@pytest.fixture
def bar(scratch: Scratch) -> Scratch:
    """v1 is live, v2 came and went live, v3 came with a tool and gets a tenth of the callers."""
    scratch.write_all({"prompts/greeter/v1.yaml": V1, "prompts/registry.yaml": "greeter:\n  production: v1\n"})
    scratch.commit("Open the bar", when=TIMES[0])
    scratch.write("prompts/greeter/v2.yaml", V2)
    scratch.commit("Avoid it")
    scratch.write("prompts/registry.yaml", "greeter:\n  production: v2\n")
    scratch.commit("Release v2")
    scratch.write_all(
        {
            "prompts/greeter/v3.yaml": V2 + TOOL,
            "prompts/registry.yaml": "greeter:\n  production: {v2: 90, v3: 10}\n",
        }
    )
    scratch.commit("Let it pour")
    return scratch


def history(scratch: Scratch, *arguments: str) -> dict[str, Any]:
    """The JSON answer, which fits its schema."""
    got = scratch.run("history", "greeter", *arguments, "--format", "json")
    assert (got.code, got.err) == (0, "")
    document: dict[str, Any] = got.json()
    assert SchemaEngine(load_schema("history-output")).errors(document) == []
    return document


def judgements(document: dict[str, Any]) -> dict[tuple[str, str], list[tuple[str, str, str, str]]]:
    """(subject, name of the change) → (from, to, contract, behaviour) of each judgement."""
    return {
        (event["subject"], change["name"]): [
            (found["from"], found["to"], found["contract"], found["behaviour"]) for found in change["judgements"]
        ]
        for event in document["events"]
        for change in event["changes"]
    }


def test_each_version_is_judged_against_the_one_before_and_each_move_by_what_it_deploys(bar: Scratch) -> None:
    assert judgements(history(bar)) == {
        ("Let it pour", "v3"): [("v2", "v3", "major", "high")],
        ("Let it pour", "production"): [("v2", "v3", "major", "high")],
        ("Release v2", "production"): [("v1", "v2", "patch", "high")],
        ("Avoid it", "v2"): [("v1", "v2", "patch", "high")],
        ("Open the bar", "v1"): [],
        ("Open the bar", "production"): [],
    }


def test_the_sentence_is_the_one_that_diff_says(bar: Scratch) -> None:
    event = history(bar)["events"][0]
    (found,) = next(change for change in event["changes"] if change["kind"] == "version")["judgements"]
    (change,) = bar.run("diff", "greeter@v2", "greeter@v3", "--format", "json").json()["changes"]
    assert (found["summary"], found["step"]) == (change["details"][0]["message"], change["contract"])


def test_people_read_it_below_each_change(bar: Scratch) -> None:
    said = bar.run("history", "greeter").out
    assert re.search(
        r"^  added version v2\n    v1 → v2: contract patch, behaviour high: the system message: "
        r"“Never” became “Avoid to” \(~\d+ % of the words\); lines that say “never” changed$",
        said,
        re.MULTILINE,
    )


def test_a_version_that_was_changed_after_its_release_says_so(bar: Scratch) -> None:
    bar.write("prompts/greeter/v2.yaml", V2.replace("Greet", "Welcome"))
    bar.commit("Touch up v2")
    (found,) = history(bar)["events"][0]["changes"][0]["judgements"]
    assert (found["from"], found["to"], found["contract"], found["step"]) == ("v2", "v2", "major", "major")
    assert "changed after its release" in found["summary"]
    assert "“Greet” became “Welcome”" in found["summary"]


def test_only_metadata_is_no_step(bar: Scratch) -> None:
    bar.write("prompts/greeter/v3.yaml", V2 + TOOL + "owners: [ada]\n")
    bar.commit("Who owns it")
    assert judgements(history(bar))["Who owns it", "v3"] == [("v3", "v3", "none", "none")]


def test_shared_parts_are_those_of_the_commit(bar: Scratch) -> None:
    bar.write_all({"prompts/_shared/partials/tone.md": "Be kind.\n", "prompts/greeter/v4.yaml": V2 + TOOL})
    bar.write("prompts/greeter/v5.yaml", (V2 + TOOL).replace("price.\n", "price.\n  {{> tone}}\n"))
    bar.commit("A tone")
    bar.write("prompts/_shared/partials/tone.md", "Be strict.\n")
    bar.commit("Another tone")
    found = judgements(history(bar))
    assert found["A tone", "v5"] == [("v4", "v5", "patch", "medium")]
    events = history(bar)["events"]
    assert "“Be kind.” came" in next(
        change["judgements"][0]["summary"] for change in events[1]["changes"] if change["name"] == "v5"
    )
    assert found["Another tone", "partials/tone"] == [("v5", "v5", "major", "high")]


def test_what_cannot_be_read_is_unknown_and_not_the_same(bar: Scratch) -> None:
    bar.write("prompts/greeter/v4.yaml", "system_prompt: [\n")
    bar.commit("Oops")
    (found,) = history(bar)["events"][0]["changes"][0]["judgements"]
    assert (found["contract"], found["behaviour"], found["step"]) == (None, None, None)
    assert "v3 → v4: a version cannot be read\n" in bar.run("history", "greeter").out


def test_a_version_that_does_not_exist_is_no_unreadable_one(bar: Scratch) -> None:
    bar.write("prompts/registry.yaml", "greeter:\n  production: v9\n")
    bar.commit("Too far")
    bar.write("prompts/registry.yaml", "greeter:\n  production: v3\n")
    bar.commit("Back")
    said = bar.run("history", "greeter", "--label", "production").out
    assert "v2 → v9: v9 does not exist at this commit\n" in said
    assert "v9 → v3: v9 does not exist at this commit\n" in said
    assert "cannot be read" not in said
    live = bar.run("history", "greeter", "--rev", "HEAD~1", "--at", "2030-01-01").out
    assert "  production: v9  v9 (missing or unusable)  (commit " in live
    (found,) = history(bar)["events"][1]["changes"][0]["judgements"]
    assert (found["to"], found["contract"], found["behaviour"], found["step"]) == ("v9", None, None, None)


def test_the_prompts_folder_moved(bar: Scratch) -> None:
    before = history(bar, "--label", "production", "--at", TIMES[1])
    everything = history(bar)
    bar.write("catalog.yaml", "format: 1\nprompts: texts/live\n")
    (bar.root / "texts").mkdir()
    bar.git("mv", "prompts", "texts/live")
    bar.commit("Tidy up")
    assert history(bar, "--label", "production", "--at", TIMES[1]) == before
    assert history(bar) == everything
    bar.write("texts/live/registry.yaml", "greeter:\n  production: v3\n")
    bar.commit("All of them")
    newest, *older = history(bar)["events"]
    assert older == everything["events"]
    (change,) = newest["changes"]
    assert (change["path"], change["to"]) == ("texts/live/registry.yaml", "v3")
    assert [(said["from"], said["to"], said["contract"]) for said in change["judgements"]] == [("v2", "v3", "major")]


def test_labels_that_cannot_be_read_are_told_with_the_commit(bar: Scratch) -> None:
    bar.write("prompts/registry.yaml", "greeter:\n  production: [\n")
    broken = bar.commit("Oops")
    bar.write("prompts/registry.yaml", "greeter:\n  production: v3\n")
    bar.commit("Mend")
    said = bar.run("history", "greeter", "--label", "production").out
    assert f"{broken[:12]}\n  Oops\n  its labels in prompts/registry.yaml cannot be read\n" in said
    assert "  Mend\n  its labels in prompts/registry.yaml can be read again\n  label production: v2 " in said
    told = history(bar)["events"][1]
    assert (told["commit"], [(change["kind"], change["op"]) for change in told["changes"]]) == (
        broken, [("registry", "unreadable")],
    )  # fmt: skip
    got = bar.run("history", "greeter", "--label", "beta")
    assert (got.code, got.out) == (2, "")
    assert f"never had the label 'beta' in a registry that can be read; {broken[:12]} cannot" in got.err


def test_only_the_newest_are_judged_as_many_as_asked(bar: Scratch) -> None:
    found = judgements(history(bar, "--judged", "2"))
    assert [key for key, said in found.items() if said] == [("Let it pour", "v3"), ("Let it pour", "production")]
    assert not any(judgements(history(bar, "--judged", "0")).values())


def test_one_label_and_a_time(bar: Scratch) -> None:
    document = history(bar, "--label", "production", "--at", TIMES[1])
    assert [change["name"] for event in document["events"] for change in event["changes"]] == ["production"] * 3
    assert document["live"]["production"]["value"] == "v1"
    assert document["at"] == TIMES[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("leaver",), 2, "no commit holds"),
        (("greeter", "--label", "beta"), 2, "never had the label"),
        (("greeter", "--at", "soon"), 2, "soon"),
        (("greeter", "--rev", "nowhere"), 3, "nowhere"),
    ],
)
def test_wrong_questions(bar: Scratch, arguments: tuple[str, ...], code: int, said: str) -> None:
    got = bar.run("history", *arguments)
    assert (got.code, got.out) == (code, "")
    assert said in got.err
