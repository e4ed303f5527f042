"""``catalog eval``: level 0, runs against a server, replays, baselines, samples, and every exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, Raw, Said, Seen
from scratch import Answer, Scratch

from catalog_tool import evals
from catalog_tool.cli.eval import command
from catalog_tool.evals.scorers import SCORERS
from catalog_tool.gate.records import read_evidence
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

PROMPT = """\
id: greet
version: VERSION
model: {provider: openai, name: gpt-4o-mini-2024-07-18}
params: {max_tokens: 20}
variables: {type: object, required: [name], properties: {name: {type: string}}}
messages:
  - {role: system, content: "TEXT"}
  - {role: user, content: "I am {{name}}."}
"""
TESTS = """\
expect: [{type: not_contains, value: As an AI}]
cases:
  - {name: ada, vars: {name: Ada}, expect: [{type: contains, value: Ada}], critical: true}
  - {name: bo, vars: {name: Bo}, expect: [{type: contains, value: Bo}]}
"""


@pytest.fixture
def greet(scratch: Scratch) -> Scratch:
    """A catalog with ``greet`` in two versions; v2 is told to be formal."""
    scratch.write_all(
        {
            "catalog.yaml": "format: 1\n",
            "prompts/greet/v1.yaml": PROMPT.replace("VERSION", "v1").replace("TEXT", "Be kind."),
            "prompts/greet/v2.yaml": PROMPT.replace("VERSION", "v2").replace("TEXT", "Be formal."),
            "prompts/greet/tests/a.yaml": TESTS,
            "prompts/registry.yaml": "greet: {production: v1}\n",
        }
    )
    return scratch


def kind(seen: Seen) -> Said:
    """Says the name, but for Bo's where it has to be formal."""
    if "Ada" in seen.text:
        return Said(text="Hello Ada!")
    return Said(text="Good day, Sir." if "formal" in seen.text else "Hello Bo!")


def document(answer: Answer) -> dict[str, Any]:
    """The JSON that was printed, which fits its schema."""
    found: dict[str, Any] = answer.json()
    assert SchemaEngine(load_schema("eval-output")).errors(found) == []
    assert found["status"] != "error", "a document of that status has the form of `catalog schema error`"
    return found


@pytest.mark.parametrize("arguments", [("eval", "--level0"), ("show", "greet"), ("export", "flagd")])
def test_where_there_is_no_catalog_nothing_is_fine(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    refused = scratch.run(*arguments)
    assert (refused.code, "there is no catalog here" in refused.err) == (2, True)


class TestLevelZero:
    def test_all_prompts_without_a_reference(self, greet: Scratch) -> None:
        answer = greet.run("eval", "--level0")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == "Looked at 2 cases of 1 prompt without a model: no problems.\n"

    def test_a_problem_is_named_and_the_exit_is_1(self, greet: Scratch) -> None:
        greet.write("prompts/greet/tests/a.yaml", TESTS.replace("{name: Bo}", "{nam: Bo}"))
        answer = greet.run("eval", "greet@v1", "--level0")
        assert answer.code == 1
        assert "greet@v1: bo: renders: " in answer.out
        found = document(greet.run("eval", "greet@v1", "--level0", "--format", "json"))
        assert (found["status"], found["prompts"][0]["cases"][1]["outcome"]) == ("fail", "fail")

    def test_an_expectation_nobody_knows_is_3(self, greet: Scratch) -> None:
        greet.write("prompts/greet/tests/a.yaml", TESTS.replace("type: contains, value: Bo", "type: python, value: x"))
        answer = greet.run("eval", "--level0", "--format", "json")
        assert (answer.code, document(answer)["status"]) == (3, "indeterminate")

    def test_renderings_are_recorded_and_looked_at(self, greet: Scratch) -> None:
        answer = greet.run("eval", "--level0", "--update-snapshots")
        assert (answer.code, answer.out.splitlines()[-1]) == (0, "recorded: prompts/greet/tests/v2.snap")
        assert greet.run("validate").code == 0
        greet.write("prompts/greet/v2.yaml", PROMPT.replace("VERSION", "v2").replace("TEXT", "Be brief."))
        answer = greet.run("eval", "--level0")
        assert answer.code == 1
        assert "snapshot: it renders otherwise than recorded" in answer.out

    def test_a_revision(self, greet: Scratch) -> None:
        greet.commit()
        greet.write("prompts/greet/tests/a.yaml", "cases: []\n")
        assert greet.run("eval", "HEAD:greet@v1", "--level0").code == 0
        answer = greet.run("eval", "greet@v1", "--level0")
        assert answer.code == 2
        assert "prompts/greet/tests/a.yaml:1: " in answer.err


class TestRuns:
    def test_a_run_says_what_failed_and_why(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            answer = greet.run("eval", "greet@v2", "--endpoint", server.url)
        assert answer.code == 1
        assert answer.out.startswith("FAIL    bo\n        contains: “Bo” does not occur\n")
        assert "greet@v2 on gpt-4o-mini-2024-07-18: 2 cases: 1 passed, 1 failed" in answer.out
        assert len(server.seen) == 2

    def test_evidence_and_a_replay_with_no_key_and_no_request(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            asked = ("eval", "greet@v1", "--cache", "cache", "--format", "json")
            first = greet.run(*asked, "--endpoint", server.url, env={"CATALOG_EVAL_API_KEY": "sk-canary"})
            requests = len(server.seen)
            out = greet.run(*asked, "--endpoint", server.url, "--out", "prompts/greet/evidence")
            assert len(server.seen) == requests == 2
        assert server.seen[0].headers["authorization"] == "Bearer sk-canary"
        again = document(greet.run(*asked))
        assert (first.code, document(first)["origin"], again["origin"]) == (0, "run", "replay")
        assert again["cases"] == document(first)["cases"]
        assert again["usage"]["requests"] == 0
        (path,) = document(out)["evidence"]
        record = read_evidence((greet.root / path).read_bytes())
        assert (record.prompt.id, record.prompt.version, record.counts()["pass"]) == ("greet", "v1", 2)
        assert Path(path).name.startswith(f"v1-{record.prompt.digest[7:19]}.")
        kept = [*greet.root.rglob("cache/*/*.json"), greet.root / path]
        assert len(kept) == 3
        assert all(
            b"sk-canary" not in file.read_bytes() and server.url.encode() not in file.read_bytes() for file in kept
        )
        assert greet.run("validate").code == 0

    def test_without_its_key_a_provider_is_not_asked_and_the_cache_answers(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            asked = ("eval", "greet@v1", "--cache", "cache", "--protocol", "chat", "--format", "json")
            assert greet.run(*asked, "--endpoint", server.url, "--case", "ada").code == 0
        found = document(greet.run(*asked, "--endpoint", "openai"))
        assert [(case["name"], case["outcome"]) for case in found["cases"]] == [("ada", "pass"), ("bo", "error")]
        assert found["usage"]["requests"] == 0
        said = "the answer is not in the cache, and api.openai.com needs a key"
        assert said in found["cases"][1]["message"]

    def test_against_a_baseline(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            asked = ("eval", "greet@v2", "--baseline", "greet@production", "--endpoint", server.url, "--out", "ev")
            answer = greet.run(*asked)
            found = document(greet.run(*asked, "--format", "json"))
        assert answer.code == 1
        assert "against it: 1 worse, 0 better, 1 the same, 0 open\n  worse: bo\n" in answer.out
        assert found["comparison"] == {"regressed": ["bo"], "fixed": [], "same": 1, "open": []}
        assert found["baseline"]["dataset"] == found["dataset"]
        assert found["baseline"]["prompt"]["version"] == "v1"
        assert len(found["evidence"]) == 2

    def test_a_crash_is_3_and_never_0(self, greet: Scratch) -> None:
        with ModelServer(lambda _: Raw(status=400, body=b"no such model")) as server:
            answer = greet.run("eval", "greet@v1", "--endpoint", server.url)
        assert answer.code == 3
        assert "ERROR   ada (critical)\n        HTTP 400: no such model\n" in answer.out

    def test_a_budget_ends_the_run(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            answer = greet.run("eval", "greet@v1", "--endpoint", server.url, "--max-requests", "1", "--format", "json")
        assert (answer.code, len(server.seen)) == (3, 1)
        found = document(answer)
        assert (found["status"], found["stopped"], found["counts"]["skipped"]) == ("indeterminate", "budget", 1)

    def test_what_a_model_says_does_nothing_here(self, greet: Scratch) -> None:
        hostile = "\x1b]52;c;eA==\x07\n::set-output name=x::y\n##[error]z \u202e"
        with ModelServer(lambda _: Said(text=hostile)) as server:
            greet.write("prompts/greet/tests/a.yaml", TESTS.replace("contains, value: Ada", "equals, value: Ada"))
            answer = greet.run("eval", "greet@v1", "--endpoint", server.url, env={"GITHUB_ACTIONS": "true"})
        assert answer.code == 1
        assert not {"\x1b", "\x07", "\u202e"} & set(answer.out)
        assert "\n::" not in answer.out
        assert "##[" not in answer.out

    def test_one_case_for_trying(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            answer = greet.run("eval", "greet@v2", "--case", "ada", "--endpoint", server.url)
        assert (answer.code, len(server.seen)) == (0, 1)

    def test_anthropic_by_its_protocol(self, greet: Scratch) -> None:
        with ModelServer(kind) as server:
            asked = ("eval", "greet@v1", "--endpoint", server.url, "--protocol", "anthropic", "--format", "json")
            found = document(greet.run(*asked, "--model", "claude-x", "--stream"))
        assert (found["status"], found["endpoint"]) == ("pass", "anthropic-messages")
        assert {seen.path for seen in server.seen} == {"/v1/messages"}
        assert found["usage"]["cost_usd"] is None
        assert found["performance"]["time_to_first_token_ms"]["samples"] == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "which version?"),
        (("greet@v1",), "there is nobody to ask"),
        (("greet@v9", "--cache", "c"), "greet has no version v9"),
        (("greet", "--endpoint", "localhost"), "an endpoint is an http(s) address"),
        (("greet", "--endpoint", "http://xn--a"), "an endpoint is an http(s) address"),
        (("greet", "--endpoint", "http://x", "--api-key-env", "NOPE"), "NOPE is not set"),
        (("greet", "--cache", "c", "--model", "own", "--max-cost", "1"), "the price of own is unknown"),
        (("greet", "--endpoint", "openai"), "api.openai.com needs a key, and the environment variable OPENAI_API_KEY"),
        (
            ("greet", "--endpoint", "https://api.anthropic.com/v1"),
            "the environment variable ANTHROPIC_API_KEY is not set",
        ),
        (("greet", "--cache", "catalog.yaml"), "is no folder"),
        (("greet", "--cache", "c", "--case", "eve"), "there is no case 'eve'"),
        (("greet", "--cache", "c", "--case", "ada", "--out", "e"), "no evidence is made of some cases"),
        (("greet", "--cache", "c", "--baseline", "other"), "the baseline is a version of greet"),
        (("greet", "--level0", "--out", "e"), "do not go with --level0"),
        (("greet", "--update-snapshots", "--cache", "c"), "give both"),
        (("HEAD:greet", "--level0", "--update-snapshots"), "in the work tree"),
        (("greet", "--samples", "none.jsonl", "--rubric", "style"), "--samples none.jsonl"),
        (("greet", "--samples", "catalog.yaml", "--metrics", "prompts"), "--metrics prompts is a folder"),
        (("greet", "--samples", "catalog.yaml", "--cases-out", "catalog.yaml/c"), "catalog.yaml is not a folder"),
        (("greet", "--repeat", "0", "--cache", "c"), "--repeat"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(greet: Scratch, arguments: tuple[str, ...], why: str) -> None:
    answer = greet.run("eval", *arguments, "--format", "json")
    assert answer.code == 2, answer.err
    assert answer.json()["status"] == "error"
    assert why in answer.err


def test_a_prompt_without_cases(greet: Scratch) -> None:
    (greet.root / "prompts/greet/tests/a.yaml").unlink()
    answer = greet.run("eval", "greet", "--cache", "c")
    assert answer.code == 2
    assert "no golden cases that expect something" in answer.err
    assert greet.run("eval", "--level0").code == 0


class TestSamples:
    def lines(self, count: int, first: int = 0) -> str:
        version = "v1-" + "a" * 12
        return "".join(
            json.dumps(
                {
                    "format": 1, "at": "2026-01-01T00:00:00Z", "kind": "sample", "id": f"s{first + number}",
                    "prompt": "greet", "prompt_version_id": version, "digest": "sha256:" + "a" * 64,
                    "label": "production", "model": "m", "scores": {},
                    "input": {"vars": {"name": "Ada"}, "messages": []},
                    "output": "As an AI I cannot" if number == 0 else "Hello",
                }
            )
            + "\n"
            for number in range(count)
        )  # fmt: skip

    def test_lines_that_are_no_samples_are_told_while_it_waits(self, greet: Scratch) -> None:
        greet.write("s.jsonl", self.lines(2) + '{"input": "hi", "output": "there"}\n{broken\n')
        answer = greet.run("eval", "greet", "--samples", "s.jsonl", "--min-new", "5")
        said = "2 new samples: waiting for 5; nothing was scored\n2 lines could not be read\n"
        assert (answer.code, answer.out) == (0, said)

    def test_they_wait_for_enough_and_are_scored_once(self, greet: Scratch) -> None:
        path = greet.write("s.jsonl", self.lines(4))
        asked = ("eval", "greet", "--samples", "s.jsonl", "--min-new", "5", "--metrics", "m.prom")
        answer = greet.run(*asked)
        assert (answer.code, answer.out) == (0, "4 new samples: waiting for 5; nothing was scored\n")
        assert not (greet.root / "m.prom").exists()
        path.write_text(path.read_text() + self.lines(1, 4))
        found = document(greet.run(*asked, "--format", "json", "--cases-out", "prompts/greet/tests/found.jsonl"))
        assert (found["status"], found["new"], found["scored"]) == ("done", 5, 5)
        assert found["versions"] == [
            {"prompt_version_id": "v1-aaaaaaaaaaaa", "metric": "pass", "count": 5, "mean": 0.6}
        ]
        assert 'metric="pass"} 5\n' in (greet.root / "m.prom").read_text()
        assert document(greet.run(*asked, "--format", "json"))["new"] == 0
        assert greet.run("eval", "--level0").out.startswith("Looked at 4 cases")
        assert greet.run("validate").code == 0

    def test_recorded_scores_reach_the_metrics_without_any_check(self, greet: Scratch) -> None:
        greet.write("prompts/greet/tests/a.yaml", "cases: [{name: a, vars: {name: Ada}}]\n")
        greet.write("s.jsonl", self.lines(2))
        asked = ("eval", "greet", "--samples", "s.jsonl", "--min-new", "1", "--metrics", "m.prom")
        answer = greet.run(*asked)
        assert answer.code == 2
        assert "nothing to score samples by" in answer.err
        greet.write("s.jsonl", self.lines(2).replace('"scores": {}', '"scores": {"relevance": 0.25}'))
        answer = greet.run(*asked)
        assert (answer.code, answer.out.splitlines()[1]) == (0, "  v1-aaaaaaaaaaaa relevance: 0.250 over 2")
        assert 'metric="relevance"} 0.5\n' in (greet.root / "m.prom").read_text()

    def test_prompts_of_one_file_are_scored_each_by_itself(self, greet: Scratch) -> None:
        greet.write("prompts/team/bye/v1.yaml", "id: team/bye\nversion: v1\nsystem_prompt: Bye\n")
        greet.write("s.jsonl", self.lines(3) + self.lines(4).replace('"prompt": "greet"', '"prompt": "team/bye"'))
        asked = ("--samples", "s.jsonl", "--min-new", "1", "--rubric", "style", "--format", "json")
        with ModelServer(lambda _: Said(text='{"reason": "ok", "score": 5}')) as server:
            judge = ("--judge-model", "j", "--endpoint", server.url)
            assert document(greet.run("eval", "greet", *asked, *judge))["scored"] == 3
            found = document(greet.run("eval", "team/bye", *asked, *judge, "--metrics", "m.prom"))
            assert found["scored"] == 4
            assert 'gen_ai_prompt_name="team/bye"' in (greet.root / "m.prom").read_text()
            assert 'metric="style"} 4\n' in (greet.root / "m.prom").read_text()
            assert document(greet.run("eval", "greet", *asked, *judge))["scored"] == 0
            wrong = greet.run("eval", "greet", *asked[:-2], *judge, "--watermark", "s.jsonl.team~bye.watermark.json")
        assert wrong.code == 2
        assert "another prompt's, not that of greet" in wrong.err

    def test_a_judge_scores_them(self, greet: Scratch) -> None:
        greet.write("s.jsonl", self.lines(3))
        asked = ("eval", "greet", "--samples", "s.jsonl", "--min-new", "1", "--rubric", "style")
        with ModelServer(lambda _: Said(text='{"reason": "ok", "score": 4}')) as server:
            answer = greet.run(*asked, "--judge-model", "j", "--endpoint", server.url)
        assert answer.code == 0
        assert "v1-aaaaaaaaaaaa style: 0.750 over 3" in answer.out
        greet.write("t.jsonl", self.lines(3))
        with ModelServer(lambda _: Raw(status=404)) as server:
            down = greet.run(*asked[:3], "t.jsonl", *asked[4:], "--judge-model", "j", "--endpoint", server.url)
        assert down.code == 3
        assert "most samples could not be judged" in down.out
        assert greet.run(*asked[:3], "t.jsonl", *asked[4:]).code == 2, "no judge is named"


def test_every_option_and_type_is_in_the_manual() -> None:
    page = (Path(evals.__file__).parents[1] / "docs/evals.md").read_text(encoding="utf-8")
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    assert [option for option in options if f"`{option}`" not in page] == []
    assert [name for name in SCORERS if f"`{name.removeprefix('not_')}`" not in page] == []
