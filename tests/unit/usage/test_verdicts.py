"""Every trap of silence ends in the right verdict, and none in a false ``stale``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.usage.activity import Activity
from catalog_tool.usage.agent_telemetry import reports_typed_calls
from catalog_tool.usage.hooks import HookSource
from catalog_tool.usage.listed import ListedPrompt
from catalog_tool.usage.marketplaces import PluginId
from catalog_tool.usage.plugin_hash import plugin_id_hash
from catalog_tool.usage.verdicts import UNDATED
from catalog_tool.usage.windows import DAY, SECOND, duration, query_duration, window_of

from .made import NOW, SECONDS, ago, call, join, listed, nano, point, reason, skill, span, verdicts, write

OLD = {"first_commit": SECONDS - 10 * 86_400}


def lines(*days: float, name: str = "a", **more: Any) -> list[dict[str, Any]]:
    return [call(name, ago(days=day), **more) for day in days]


def undated(name: str, time: str | None = "0") -> dict[str, Any]:
    made = call(name, ago(days=1))
    made["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].update(timeUnixNano=time, observedTimeUnixNano=time)
    return made


@pytest.mark.parametrize(
    ("last", "status"),
    [(0, "active"), (29, "active"), (30, "active"), (30.01, "stale"), (60, "stale"), (None, "never")],
)
def test_the_border_between_active_stale_and_never(tmp_path: Path, last: float | None, status: str) -> None:
    made = lines(1, 80) + (lines(last, name="b") if last is not None else [])
    assert verdicts(join(listed(skill("a"), skill("b")), write(tmp_path / "l", made)))["b"] == status


@pytest.mark.parametrize(("hidden", "status"), [(10, "never"), (11, "unmeasurable")])
@pytest.mark.parametrize("name", ["custom_skill", "third-party"])
def test_more_than_half_hidden(tmp_path: Path, hidden: int, status: str, name: str) -> None:
    made = [*lines(*range(1, 101, 10)), *lines(*range(1, hidden + 1), name=name)]
    result = join(listed(skill("a"), skill("b")), write(tmp_path / "l", made), since="110d")
    assert verdicts(result) == {"a": "active", "b": status}
    assert result.status == ("unknown" if status == "unmeasurable" else "stale")
    assert "hide" in reason(result, "b") or "no skill's name" in reason(result, "b")


def test_one_hidden_call_and_one_session_are_told_as_one(tmp_path: Path) -> None:
    offer = span(ago(days=1), {"langfuse.observation.skills_available": ["b"]})
    made = [*lines(1, 2, 80), *lines(3, name="custom_skill"), offer]
    why = reason(join(listed(skill("a"), skill("b")), write(tmp_path / "l", made)), "b")
    assert why.endswith("though 1 session offered it; 1 call hides its skill's name")


def test_retention_shorter_than_the_stale_window(tmp_path: Path) -> None:
    result = join(listed(skill("a"), skill("b")), write(tmp_path / "l", lines(1, 29)))
    assert verdicts(result) == {"a": "active", "b": "unmeasurable"}
    assert reason(result, "b") == "the data reach back 29 days only, less than the stale window of 30 days"
    assert result.status == "unknown"


def test_what_lies_before_the_window_shows_how_far_the_data_reach(tmp_path: Path) -> None:
    result = join(listed(skill("a"), skill("b")), write(tmp_path / "l", lines(1, 29, 95)))
    assert (verdicts(result)["b"], result.rows[1].activity.calls) == ("never", 2)


class TestWithoutATime:
    @pytest.mark.parametrize("time", ["0", "1795000000", "1795000000000", None])
    def test_an_activation_shows_nothing_and_is_a_doubt(self, tmp_path: Path, time: str | None) -> None:
        for days, expected in ((29, "the data reach back 29 days only"), (80, UNDATED)):
            source = write(tmp_path / "l", [undated("b", time), *lines(1, days)])
            result = join(listed(skill("a"), skill("b")), source)
            assert verdicts(result) == {"a": "active", "b": "unmeasurable"}
            assert expected in reason(result, "b")
            assert (result.status, result.sources[0].start) == ("unknown", nano(ago(days=days)))

    @pytest.mark.parametrize("name", ["b", "anthropic-skills:b"])
    def test_it_is_a_doubt_of_the_skill_that_it_names_and_of_no_other(self, tmp_path: Path, name: str) -> None:
        source = write(tmp_path / "l", [undated(name), undated(name), undated("a"), *lines(1, 80)])
        result = join(listed(skill("a"), skill("b"), skill("c")), source)
        assert verdicts(result) == {"a": "active", "b": "unmeasurable", "c": "never"}
        assert (result.exit_code(("never",)), result.doubts, result.status) == (1, [UNDATED], "unknown")
        assert result.notes == ["3 events carry no time, or one in another unit than nanoseconds, and show no use"]

    def test_of_an_active_skill_it_is_a_note_and_no_doubt(self, tmp_path: Path) -> None:
        result = join(listed(skill("a"), skill("c")), write(tmp_path / "l", [undated("a"), *lines(1, 80)]))
        assert (result.status, result.doubts) == ("stale", [])
        assert result.notes == ["1 event carries no time, or one in another unit than nanoseconds, and shows no use"]

    @pytest.mark.parametrize(("hidden", "status"), [(1, "never"), (2, "never"), (3, "unmeasurable")])
    def test_one_that_tells_no_name_either_counts_among_those_that_hide_it(
        self, tmp_path: Path, hidden: int, status: str
    ) -> None:
        source = write(tmp_path / "l", [*[undated("custom_skill")] * hidden, *lines(1, 80)])
        assert verdicts(join(listed(skill("a"), skill("b")), source))["b"] == status

    def test_a_prompt_is_doubted_like_a_skill(self, tmp_path: Path) -> None:
        asked = [span(ago(days=day), {"gen_ai.prompt.name": "greet"}, traceId=str(day)) for day in (1, 80)]
        asked.append(span(ago(days=1), {"gen_ai.prompt.name": "old"}, endTimeUnixNano="0"))
        known = [ListedPrompt(name, ("v1",), (), SECONDS - 300 * 86_400) for name in ("greet", "old", "silent")]
        result = join(listed(prompts=known), write(tmp_path / "l", [*asked, *lines(1, 80)]))
        shown = {row.name: row.verdict.status for row in result.prompts}
        assert shown == {"greet": "active", "old": "unmeasurable", "silent": "never"}

    def test_a_point_or_a_span_does_not_make_everything_old(self, tmp_path: Path) -> None:
        old = ago(days=40_000)
        made = [span(old, {"session.id": "s"}, endTimeUnixNano="0"), *lines(1, 80)]
        for time, value in ((old, 7.0), (ago(days=2), 9.0)):
            made.append(point("claude_code.cost.usage", time, value, temporality=2, skill__name="a"))
        (row,) = join(listed(skill("a")), write(tmp_path / "l", made)).rows
        assert row.spending.cost == 9.0
        only = join(listed(skill("a")), write(tmp_path / "m", made[:1]))
        assert only.doubts == ["no source reports calls in 90 days: is telemetry on, are the names right?"]


def test_telemetry_that_has_stopped(tmp_path: Path) -> None:
    result = join(listed(skill("a")), write(tmp_path / "l", lines(40, 60)))
    assert verdicts(result) == {"a": "unmeasurable"}
    assert reason(result, "a") == "nothing at all has arrived for 40 days"


def test_no_activity_at_all(tmp_path: Path) -> None:
    result = join(listed(skill("a")), write(tmp_path / "l", []))
    assert (verdicts(result), result.status, result.exit_code(("never",))) == ({"a": "unmeasurable"}, "unknown", 0)


@pytest.mark.parametrize(("born", "status"), [(29, "unmeasurable"), (31, "never"), (None, "unmeasurable")])
def test_a_skill_that_is_too_new_or_without_history(tmp_path: Path, born: int | None, status: str) -> None:
    first = None if born is None else SECONDS - born * 86_400
    result = join(listed(skill("a"), skill("b", first_commit=first)), write(tmp_path / "l", lines(1, 80)))
    assert verdicts(result)["b"] == status
    assert result.status == ("stale" if status == "never" else "ok")


def test_active_wins_over_too_new(tmp_path: Path) -> None:
    result = join(listed(skill("a", **OLD)), write(tmp_path / "l", lines(1)))
    assert (verdicts(result), result.status) == ({"a": "active"}, "ok")


class TestClients:
    def test_one_that_reports_no_typed_calls(self, tmp_path: Path) -> None:
        made = [*lines(1, 80), *lines(2, version="2.1.125")]
        catalog = listed(skill("a"), skill("b"), skill("c", user_invocable=False))
        result = join(catalog, write(tmp_path / "l", made))
        assert verdicts(result) == {"a": "active", "b": "unmeasurable", "c": "never"}
        assert "2.1.125" in reason(result, "b")

    def test_one_that_has_not_been_heard_in_the_stale_window(self, tmp_path: Path) -> None:
        made = [*lines(1, 80), *lines(50, version="2.1.125")]
        assert verdicts(join(listed(skill("a"), skill("b")), write(tmp_path / "l", made)))["b"] == "never"

    @pytest.mark.parametrize(
        ("version", "tells"),
        [("2.1.125", False), ("2.1.126", True), ("2.2.0", True), ("1.9.999", False), ("", True), ("dev", True)],
    )
    def test_versions(self, version: str, tells: bool) -> None:  # noqa: FBT001 - a table's column
        assert reports_typed_calls(version) is tells


class TestNames:
    def test_two_skills_with_one_name_are_never_told_apart(self, tmp_path: Path) -> None:
        twins = listed(skill("deploy", path="web/deploy"), skill("deploy", path="api/deploy"), skill("a"))
        for days in ((1, 80), (50, 80)):
            made = [*lines(*days, name="deploy"), *lines(1, 80)]
            result = join(twins, write(tmp_path / "l", made))
            assert [row.verdict.status for row in result.rows if row.name == "deploy"] == ["unmeasurable"] * 2
            assert "is also the telemetry name of deploy (" in reason(result, "deploy")
            assert result.coverage.shared_calls == 2

    @pytest.mark.parametrize(
        ("owners", "sums"), [((("x",), ("x",)), {"x": 11.0}), ((("x",), ("y", "x")), {"x": 11.0, "y": 0.5}),
        ((("x",), ("y",)), {"x": 0.5, "y": 0.5}), (((), ()), {"": 11.0}), (((), ("y",)), {"": 0.5, "y": 0.5})],
    )  # fmt: skip
    def test_what_came_under_a_shared_name_counts_once(
        self, tmp_path: Path, owners: tuple[tuple[str, ...], ...], sums: dict[str, float]
    ) -> None:
        places = [f"{home}/.claude/skills/deploy" for home in ("web", "api")]
        twins = [skill("deploy", path=path, owners=owned) for path, owned in zip(places, owners, strict=True)]
        costs = (("deploy", 10.0), ("web:deploy", 0.5), ("api:deploy", 0.5))
        made = [point("claude_code.cost.usage", ago(days=40), cost, skill__name=name) for name, cost in costs]
        made += [*lines(35, 80, name="deploy"), *lines(50, name="web:deploy"), *lines(1, 80)]
        result = join(listed(skill("a", owners=("z",)), *twins), write(tmp_path / "l", made))
        summary = result.summary()
        assert (summary["cost_usd"], summary["activations"], summary["triggers"]) == (11.0, 5, {"proactive": 5})
        assert {row.owner: row.cost for row in result.owners if row.owner != "z"} == sums
        rows = [row.to_json(result.window) for row in result.rows if row.name == "deploy"]
        assert [row["cost_usd"] for row in rows] == [10.5, 10.5]
        assert sorted(row["activations"] for row in rows) == [2, 3]
        assert {(row["shared_activations"], row["shared_cost_usd"]) for row in rows} == {(2, 10.0)}
        assert (result.coverage.shared_calls, result.coverage.shared_cost) == (2, 10.0)

    @pytest.mark.parametrize("shared", [50, 1])
    @pytest.mark.parametrize("order", [("deploy", "web:deploy"), ("web:deploy", "deploy")])
    def test_use_under_a_name_of_its_own_is_use_whatever_it_shares(
        self, tmp_path: Path, order: tuple[str, str], shared: int
    ) -> None:
        days = {"deploy": shared, "web:deploy": 2}
        twins = [skill("deploy", path=f"{home}/.claude/skills/deploy") for home in ("web", "api")]
        made = [line for name in order for line in lines(days[name], name=name)]
        result = join(listed(*twins), write(tmp_path / "l", [*made, *lines(80, name="z")]))
        shown = [(row.verdict.status, row.activity.calls) for row in result.rows if row.skill is not None]
        assert sorted(shown) == [("active", 2), ("unmeasurable", 1)]
        active = next(row for row in result.rows if row.verdict.status == "active")
        assert active.skill is twins[0]
        assert active.verdict.reason == "last used 2 days ago; what came under deploy may be another skill's"
        assert active.last == nano(ago(days=2))

    def test_two_skills_with_one_name_that_nobody_calls(self, tmp_path: Path) -> None:
        twins = listed(skill("deploy", path="web/deploy"), skill("deploy", path="api/deploy"))
        result = join(twins, write(tmp_path / "l", lines(1, 80)))
        assert [row.verdict.status for row in result.rows] == ["never", "never", "unlisted"]

    @pytest.mark.parametrize("name", ["apps/web:deploy", "anthropic-skills:deploy", "deploy"])
    def test_nested_and_synced_forms(self, tmp_path: Path, name: str) -> None:
        one = skill("deploy", path="apps/web/.claude/skills/deploy")
        result = join(listed(one), write(tmp_path / "l", lines(1, 80, name=name)))
        assert verdicts(result) == {"deploy": "active"}

    def test_two_forms_of_one_skill_add_up(self, tmp_path: Path) -> None:
        made = [*lines(1, 2, name="deploy"), *lines(3, 80, name="anthropic-skills:deploy")]
        (row,) = join(listed(skill("deploy")), write(tmp_path / "l", made)).rows
        assert (row.activity.calls, row.activity.sessions, sum(row.activity.days or [])) == (4, 4, 4)

    def test_a_plugins_skill_is_not_the_projects_of_that_name(self, tmp_path: Path) -> None:
        result = join(listed(skill("deploy")), write(tmp_path / "l", lines(1, 80, name="acme:deploy")))
        assert verdicts(result) == {"deploy": "never", "acme:deploy": "unlisted"}

    def test_a_hidden_name_is_opened_by_its_plugins_hash(self, tmp_path: Path) -> None:
        market = {"plugin__name": "acme", "marketplace__name": "Acme-Internal"}
        digest = plugin_id_hash("acme", "Acme-Internal")
        made = lines(80, name="other:x", **market)
        made += lines(1, 2, name="third-party", plugin_id_hash=digest)
        result = join(listed(skill("acme:deploy")), write(tmp_path / "l", made))
        assert verdicts(result)["acme:deploy"] == "active"
        assert result.coverage.hidden_calls == 0

    def test_a_hidden_name_of_a_plugin_with_several_skills(self, tmp_path: Path) -> None:
        made = [*lines(1, 80), *lines(2, name="custom_skill", plugin_id_hash=plugin_id_hash("acme"))]
        result = join(listed(skill("acme:one"), skill("acme:two")), write(tmp_path / "l", made))
        assert [verdicts(result)[name] for name in ("acme:one", "acme:two")] == ["unmeasurable"] * 2
        assert result.coverage.hidden_calls == 1

    def test_the_hash_is_the_agents(self) -> None:
        assert plugin_id_hash("acme", "X") == plugin_id_hash("acme", "x") != plugin_id_hash("acme")
        whole = hashlib.sha256(b"pdf@m" + b"claude-plugin-telemetry-v1").hexdigest()
        assert plugin_id_hash("pdf", "m") == whole[:16]

    def test_a_bundled_skill_says_where_it_is_from(self, tmp_path: Path) -> None:
        made = lines(1, 80, name="simplify", skill__source="bundled")
        assert "from bundled" in reason(join(listed(), write(tmp_path / "l", made)), "simplify")


class TestHooks:
    def test_calls_and_results(self, tmp_path: Path) -> None:
        made = [
            {"event": "skill_activated", "skill": "a", "time": ago(days=day).isoformat(), "session_id": f"s{day}"}
            for day in (1, 2, 80)
        ]
        made += [
            {"event": "skill_result", "skill": "a", "outcome": outcome, "time": 1_795_000_000, "id": outcome}
            for outcome in ("success", "failure", "failure")
        ]
        (tmp_path / "h").write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
        (row,) = join(listed(skill("a")), HookSource(str(tmp_path / "h"))).rows
        assert (row.activity.calls, row.failures) == (3, (2, 1))
        assert row.verdict.status == "active"

    def test_where_telemetry_tells_of_the_same_session_hooks_are_witnesses_only(self, tmp_path: Path) -> None:
        witness = {"event": "skill_activated", "skill": "a", "time": ago(days=1, minutes=-1).isoformat()}
        made = [{**witness, "session_id": session} for session in ("s", "other")]
        (tmp_path / "h").write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
        telemetry = write(tmp_path / "l", [call("a", ago(days=1), session="s"), *lines(80)])
        (row,) = join(listed(skill("a")), HookSource(str(tmp_path / "h")), telemetry).rows
        assert row.activity.calls == 3

    @pytest.mark.parametrize(
        ("told", "kept", "calls"),
        [("toolbox:a", "a", 2), ("a", "toolbox:a", 2), ("anthropic-skills:a", "toolbox:a", 2), ("b", "a", 3),
         ("other:a", "a", 3), ("custom_skill", "a", 3)],
    )  # fmt: skip
    def test_a_witness_may_know_the_skill_by_another_of_its_names(
        self, tmp_path: Path, told: str, kept: str, calls: int
    ) -> None:
        payload = {"hook_event_name": "PostToolUse", "tool_name": "Skill", "tool_input": {"skill": kept}}
        made = [{**payload, "session_id": session, "time": ago(days=1).isoformat()} for session in ("s", "other")]
        (tmp_path / "h").write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
        telemetry = write(tmp_path / "l", [call(told, ago(days=1), session="s")])
        ours = skill("a", plugins=(PluginId("toolbox", "market"),))
        result = join(listed(ours, skill("b")), HookSource(str(tmp_path / "h")), telemetry)
        assert result.coverage.calls == calls
        assert result.coverage.sessions == 2

    def test_what_tells_several_skills_apart_is_no_witness_of_a_name_of_all(self, tmp_path: Path) -> None:
        payload = {"event": "skill_activated", "skill": "acme:one", "session_id": "s", "time": ago(days=1).isoformat()}
        (tmp_path / "h").write_text(json.dumps(payload) + "\n", encoding="utf-8")
        hidden = call("custom_skill", ago(days=1), session="s", plugin_id_hash=plugin_id_hash("acme"))
        hooks, telemetry = HookSource(str(tmp_path / "h")), write(tmp_path / "l", [hidden, *lines(80)])
        result = join(listed(skill("acme:one"), skill("acme:two")), hooks, telemetry)
        assert verdicts(result)["acme:one"] == "active"

    def test_payloads_alone_do_not_show_typed_calls(self, tmp_path: Path) -> None:
        payload = {
            "hook_event_name": "PostToolUse",
            "tool_name": "Skill",
            "tool_input": {"skill": "a"},
            "session_id": "s",
        }
        made = [{**payload, "timestamp": ago(days=day).timestamp() * scale} for day, scale in ((1, 1), (80, 1000))]
        made.append({**payload, "ts": int(ago(days=3).timestamp()) * 10**6})
        made.append({**payload, "ts": int(ago(days=4).timestamp()) * 10**9})
        (tmp_path / "h").write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
        result = join(listed(skill("a"), skill("b")), HookSource(str(tmp_path / "h")))
        assert verdicts(result) == {"a": "active", "b": "unmeasurable"}
        assert (result.rows[1].activity.calls, result.sources[0].status) == (4, "ok")

    @pytest.mark.parametrize(
        "bad",
        [
            {"event": "skill_activated", "skill": "a"}, {"event": "other", "skill": "a", "time": 1}, {"time": "soon"},
            {"event": "skill_result", "skill": "a", "outcome": "so so", "time": 1},
            {"event": "skill_result", "time": 1}, {"event": "skill_activated", "skill": "a", "time": 0},
            {"event": "skill_activated", "skill": "a", "time": -1.5},
            {"event": "skill_activated", "skill": "a", "time": 9e17},
        ],
    )  # fmt: skip
    def test_lines_that_are_none(self, tmp_path: Path, bad: dict[str, Any]) -> None:
        (tmp_path / "h").write_text(json.dumps(bad) + "\n", encoding="utf-8")
        assert join(listed(), HookSource(str(tmp_path / "h"))).sources[0].status == "partial"


class TestSpans:
    def test_successful_loads_count_and_failed_ones_do_not(self, tmp_path: Path) -> None:
        tool = {"gen_ai.tool.name": "Skill", "session.id": "s"}
        langfuse = {"langfuse.observation.type": "TOOL"}
        made = [
            span(ago(days=1), {**tool, "gen_ai.tool.call.arguments": '{"skill": "a"}'}),
            span(ago(days=2), {**tool, "gen_ai.skill.name": "a"}),
            span(ago(days=3), {**langfuse, "langfuse.observation.input": '{"name": "a"}'}, name="load_skill"),
            span(ago(days=4), {**tool, "gen_ai.skill.name": "a"}, status={"code": 2}),
            span(ago(days=5), {**tool, "gen_ai.skill.name": "a", "langfuse.observation.level": "ERROR"}),
            span(ago(days=6), {"gen_ai.tool.name": "Bash", "gen_ai.skill.name": "a"}),
            *lines(80, name="b"),
        ]  # fmt: skip
        result = join(listed(skill("a")), write(tmp_path / "l", made))
        assert result.rows[-1].activity.calls == 3

    @pytest.mark.parametrize("offered", [["a", "b"], '["a", {"name": "b"}]'])
    def test_what_was_offered_and_never_taken(self, tmp_path: Path, offered: Any) -> None:
        made = [
            span(ago(days=day), {"langfuse.observation.skills_available": offered}, traceId=str(day)) for day in (1, 2)
        ]
        result = join(listed(skill("a"), skill("b")), write(tmp_path / "l", [*made, *lines(1, 80)]))
        assert reason(result, "b").endswith("though 2 sessions offered it")
        assert verdicts(result)["b"] == "never"

    def test_prompts_get_the_same_report(self, tmp_path: Path) -> None:
        def asked(day: float, name: str, version: str, **more: Any) -> dict[str, Any]:
            known = {"gen_ai.prompt.name": name, "gen_ai.prompt.version": version, "gen_ai.usage.input_tokens": 10}
            return span(ago(days=day), known, traceId=f"{name}{day}", **more)

        made = [
            asked(1, "greet", "2"), asked(2, "greet", "v2-3f9a1c0b77de"), asked(80, "greet", "v1", status={"code": 2}),
            asked(50, "old", "v1"), asked(3, "foreign", "v1"),
        ]  # fmt: skip
        known = [ListedPrompt(name, ("v1",), (), SECONDS - 300 * 86_400) for name in ("greet", "old", "silent")]
        known.append(ListedPrompt("new", ("v1",), (), SECONDS - 86_400))
        result = join(listed(prompts=known), write(tmp_path / "l", made))
        rows = {row.name: row for row in result.prompts}
        assert {name: row.verdict.status for name, row in rows.items()} == {
            "silent": "never", "old": "stale", "new": "unmeasurable", "foreign": "unlisted", "greet": "active",
        }  # fmt: skip
        assert rows["greet"].activity.details == {"v1": 1, "v2": 2}
        assert (rows["greet"].activity.failed, rows["greet"].spending.tokens) == (1, {"input": 30.0})

    def test_prompts_that_nobody_measures_make_no_rows(self, tmp_path: Path) -> None:
        known = [ListedPrompt("greet", ("v1",), (), SECONDS - 300 * 86_400)]
        assert not join(listed(prompts=known), write(tmp_path / "l", lines(1, 80))).prompts


class TestNumbers:
    def test_cost_a_call_by_owner_and_listing_of_idle_skills(self, tmp_path: Path) -> None:
        catalog = listed(skill("a", owners=("x", "y")), skill("b", owners=("x",)), skill("c", owners=()))
        made = [
            *lines(1, 2, 3, 80),
            point("claude_code.cost.usage", ago(days=1), 2.0, skill__name="a", session__id="s"),
        ]
        made.append(point("claude_code.token.usage", ago(days=1), 300, skill__name="a", type="input"))
        result = join(catalog, write(tmp_path / "l", made))
        row = next(row for row in result.rows if row.name == "a").to_json(result.window)
        assert (row["cost_per_call_usd"], row["tokens_per_call"], row["results"]) == (0.5, 75, None)
        owners = {owner.owner: owner.to_json() for owner in result.owners}
        assert (owners["x"]["skills"], owners["x"]["idle"], owners["x"]["cost_usd"]) == (2, 1, 2.0)
        assert (owners["y"]["idle_listing_tokens"], owners[""]["cost_usd"]) == (0, None)
        assert result.summary()["idle_listing_tokens"] == 80

    def test_adoption_since_the_skill_and_its_version_appeared(self, tmp_path: Path) -> None:
        first, last = SECONDS - 60 * 86_400, SECONDS - 10 * 86_400
        made = [*lines(55, 20, 5, 1), *lines(85, name="z")]
        result = join(listed(skill("a", first_commit=first, last_commit=last)), write(tmp_path / "l", made))
        adoption = next(row for row in result.rows if row.name == "a").to_json(result.window)["adoption"]
        assert (adoption["days_to_first_use"], adoption["activations_of_version"]) == (5, 2)
        assert sum(adoption["weeks"]) == 4
        assert (len(adoption["weeks"]), adoption["weeks"][-1]) == (13, 2)

    def test_calls_by_day_are_unknown_together_with_totals(self) -> None:
        for first, then in ((None, [1]), ([1], None)):
            both = Activity(calls=1, days=first)
            both.add(Activity(calls=1, days=then))
            assert (both.calls, both.days) == (2, None)
        fresh = Activity()
        fresh.add(Activity(calls=1, days=[1]))
        assert fresh.days == [1]

    def test_every_name_comes_up_exactly_once(self, tmp_path: Path) -> None:
        names = [f"n{number}" for number in range(40)]
        made = [line for name in names[20:] for line in lines(1, 80, name=name)]
        result = join(listed(*(skill(name) for name in names[:30])), write(tmp_path / "l", made))
        assert sorted(row.name for row in result.rows) == sorted(names)
        assert sum(row.activity.calls for row in result.rows) == 40


class TestWindows:
    @pytest.mark.parametrize("text", ["", "30", "d", "-3d", "3.5d", "3y", "0d", "999999999w", "３d", "3d\n"])
    def test_durations_that_are_none(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a duration"):
            duration("--since", text)

    @pytest.mark.parametrize(
        ("text", "seconds"), [("5s", 5), ("5m", 300), ("2h", 7200), ("3d", 259_200), ("1w", 604_800)]
    )
    def test_durations(self, text: str, seconds: int) -> None:
        assert duration("--since", text) == seconds

    def test_a_window_that_is_not_longer_than_the_stale_one(self) -> None:
        for since in ("30d", "29d"):
            with pytest.raises(UsageError, match="is not longer"):
                window_of(since, "30d", SECONDS)

    def test_days_are_counted_back_from_the_end(self) -> None:
        window = window_of("49h", "1d", SECONDS)
        assert (window.days, window.day(window.end), window.day(window.end - DAY), window.day(window.start + 1)) == (
            3,
            2,
            1,
            0,
        )
        assert window.end == int(NOW.timestamp()) * SECOND

    def test_durations_of_queries(self) -> None:
        assert [query_duration(seconds) for seconds in (90, 3600, 86_400, 90_000, 120)] == [
            "90s",
            "1h",
            "1d",
            "25h",
            "2m",
        ]
