"""A generated month of seven skills of this repository: a scratch repository with back-dated commits, and telemetry.

    python tests/demo_activity.py DIR

writes ``DIR/repository`` (the skills, committed half a year before), ``DIR/telemetry.jsonl`` (OTLP lines as a
collector's file exporter writes them: activations, cost, tokens) and ``DIR/hooks.jsonl`` (what the skills
said of their own work), and prints the command that joins them. Nothing is random: the same folder comes
out every time. The data are invented; they reach back 34 days, past the stale window of 30.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = timedelta(days=34)
CALLS = {"code-reviewer": 14, "pr-describer": 13, "test-scaffolder": 13, "dep-auditor": 10, "changelog-updater": 7}
"""Skills of the catalog that are used, with how often."""
NEVER = ("legacy-formatter", "db-migration-helper")
UNLISTED = {"superpowers:executing-plans": 9}
FAILS_EVERY_OTHER_RUN = "dep-auditor"
REPORT_RESULTS = ("dep-auditor", "test-scaffolder")

_TRIGGERS = ("user-slash", "claude-proactive", "claude-proactive", "nested-skill")
_COST = {"code-reviewer": 0.42, "pr-describer": 0.08, "test-scaffolder": 0.31, "dep-auditor": 0.19}
_FIRST_COMMIT = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


class Call(NamedTuple):
    """One invented activation."""

    number: int
    skill: str
    run: int
    time: datetime
    session: str


def calls() -> list[Call]:
    """All activations, oldest first, spread over the span; every skill comes up early and late."""
    planned = [(run / count, skill, run) for skill, count in (CALLS | UNLISTED).items() for run in range(count)]
    total = len(planned)
    return [
        Call(number, skill, run, NOW - SPAN + SPAN * number / total + timedelta(minutes=7), f"demo-{number // 2:04d}")
        for number, (_, skill, run) in enumerate(sorted(planned))
    ]


def write(folder: Path) -> list[str]:
    """Write everything below ``folder``; the arguments of ``catalog`` that join it."""
    _write_repository(folder / "repository")
    made = calls()
    _write_lines(folder / "telemetry.jsonl", [line for call in made for line in _telemetry(call)])
    _write_lines(folder / "hooks.jsonl", [line for call in made for line in _results(call)])
    files = ["--otlp", str(folder / "telemetry.jsonl"), "--hooks", str(folder / "hooks.jsonl")]
    return ["-C", str(folder / "repository"), "usage", *files, "--now", NOW.isoformat().replace("+00:00", "Z")]


def _write_repository(root: Path) -> None:
    root.mkdir(parents=True)
    _git(root, _FIRST_COMMIT, "init", "--quiet", "--initial-branch", "main")
    (root / "catalog.yaml").write_text("format: 1\ncatalog: demo\n", encoding="utf-8")
    for number, skill in enumerate((*CALLS, *NEVER)):
        shutil.copytree(REPOSITORY / "skills" / skill, root / "skills" / skill)
        when = _FIRST_COMMIT + timedelta(days=number)
        _git(root, when, "add", "--all")
        _git(root, when, "commit", "--quiet", "--message", f"Add the skill {skill}")


def _git(root: Path, when: datetime, *arguments: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    person = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Demo"), ("EMAIL", "demo@example.org"), ("DATE", when.isoformat()))
    }
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=root, env=kept | person | config, check=True)


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")


def _telemetry(call: Call) -> Iterator[dict[str, Any]]:
    """The log record of an activation, and what its session cost so far."""
    plugin, _, _ = call.skill.rpartition(":")
    source = {"skill.source": "plugin", "plugin.name": plugin} if plugin else {"skill.source": "projectSettings"}
    attributes = {
        "session.id": call.session,
        "event.name": "skill_activated",
        "event.sequence": call.number,
        "skill.name": call.skill,
        "invocation_trigger": _TRIGGERS[call.run % len(_TRIGGERS)],
        **source,
    }
    record = {"timeUnixNano": _nano(call.time), "body": {"stringValue": "claude_code.skill_activated"}}
    yield _wrapped("resourceLogs", "scopeLogs", {"logRecords": [record | {"attributes": _pairs(attributes)}]})
    if call.skill in _COST:
        tokens = {"input": 900, "output": 600, "cacheRead": 24_000, "cacheCreation": 2_500}
        metrics = [_sum("claude_code.cost.usage", call, {}, _COST[call.skill])]
        metrics += [_sum("claude_code.token.usage", call, {"type": kind}, count) for kind, count in tokens.items()]
        yield _wrapped("resourceMetrics", "scopeMetrics", {"metrics": metrics})


def _wrapped(group: str, scopes: str, content: Mapping[str, Any]) -> dict[str, Any]:
    resource = {"attributes": _pairs({"service.name": "claude-code", "service.version": "2.1.217"})}
    return {group: [{"resource": resource, scopes: [{"scope": {"name": "com.anthropic.claude_code"}, **content}]}]}


def _sum(name: str, call: Call, more: Mapping[str, Any], value: float) -> dict[str, Any]:
    attributes = _pairs({"session.id": call.session, "skill.name": call.skill, **more})
    point = {"attributes": attributes, "timeUnixNano": _nano(call.time + timedelta(minutes=1)), "asDouble": value}
    return {"name": name, "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point]}}


def _results(call: Call) -> Iterator[dict[str, Any]]:
    """What a skill that reports its results said at the end of its work."""
    if call.skill in REPORT_RESULTS:
        failed = call.skill == FAILS_EVERY_OTHER_RUN and call.run % 2 == 1
        yield {
            "event": "skill_result",
            "skill": call.skill,
            "outcome": "failure" if failed else "success",
            "time": (call.time + timedelta(minutes=2)).isoformat(),
            "session_id": call.session,
            "id": f"demo-result-{call.number}",
        }


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", int: "intValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in attributes.items()]


def _nano(time: datetime) -> str:
    return str(int(time.timestamp()) * 1_000_000_000)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/demo_activity.py DIR")
    print(shlex.join(["catalog", *write(Path(sys.argv[1]).absolute())]))
