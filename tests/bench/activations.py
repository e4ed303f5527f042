"""A measure of ``usage``: OTLP lines read, joined and judged, against a bare loop that decodes the same lines.

Run as a module it is the floor: ``python -m tests.bench.activations FILE`` reads every line and decodes it
with the standard library's ``json``, which is what the tool itself decodes with. With a catalog as well,
``... FILE CATALOG``, it reads as ``usage`` does and prints what joining and judging alone cost, in seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from catalog_tool.usage.activity import EventBook
from catalog_tool.usage.collect import Question, answer
from catalog_tool.usage.ledger import Ledger
from catalog_tool.usage.listed import listed_in_file
from catalog_tool.usage.otlp import OtlpSource
from catalog_tool.usage.source import Recorder
from catalog_tool.usage.windows import window_of

from .measure import REPOSITORY, Cost, environment, interleaved, spend
from .rows import Row
from .setting import Setting, discarded

NOW = 1_790_000_000
_TRIGGERS = ("user-slash", "claude-proactive", "nested-skill")
_DAY = 86_400
_FEW = 1_000_000
"""Activations up to which a measure is taken more than once."""


def write_lines(path: Path, count: int, skills: int, seed: int) -> None:
    """``count`` activations of ``skills`` skills over 60 days, one a line, as a collector writes them."""
    random = Random(seed)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number in range(count):
            file.write(_line(number, count, skills, random))


def _line(number: int, count: int, skills: int, random: Random) -> str:
    time = (NOW - 60 * _DAY + 60 * _DAY * number // count) * 1_000_000_000 + random.randrange(10**9)
    attributes = {
        "user.id": f"{random.getrandbits(160):040x}",
        "organization.id": "f8853de1-2213-5c5d-8a28-80320a016edd",
        "terminal.type": "xterm-256color",
        "session.id": f"5be6128e-18c2-4797-a142-{number // 8:012x}",
        "event.name": "skill_activated",
        "event.timestamp": "2026-11-19T12:21:00.531Z",
        "event.sequence": str(number),
        "prompt.id": f"{random.getrandbits(128):032x}",
        "skill.name": f"skill-{random.randrange(skills)}",
        "invocation_trigger": _TRIGGERS[number % 3],
        "skill.source": "projectSettings",
    }
    record = {
        "timeUnixNano": str(time),
        "observedTimeUnixNano": str(time + 1_000_000),
        "body": {"stringValue": "claude_code.skill_activated"},
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "traceId": "",
        "spanId": "",
    }
    resource = {"service.name": "claude-code", "service.version": "2.1.217", "os.type": "linux", "host.arch": "amd64"}
    scope = {"scope": {"name": "com.anthropic.claude_code.events", "version": "2.1.217"}, "logRecords": [record]}
    known = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    line = {"resourceLogs": [{"resource": {"attributes": known}, "scopeLogs": [scope]}]}
    return json.dumps(line, separators=(",", ":")) + "\n"


def write_catalog(path: Path, skills: int) -> None:
    """A ``skills-catalog.json`` of that many skills, a year old, of which the telemetry knows most."""
    entries = [
        {
            "name": f"skill-{number}", "telemetry_names": [f"skill-{number}"], "path": f"skills/skill-{number}",
            "digest": f"sha256:{number:064x}", "owners": [f"team-{number % 40}"], "listing_chars": 300,
            "model_invocable": True, "user_invocable": True, "first_commit_at": "2025-09-01T00:00:00Z",
            "last_commit_at": "2026-01-01T00:00:00Z",
        }
        for number in range(skills)
    ]  # fmt: skip
    document = {"format": 1, "kind": "skills-catalog", "digest": f"sha256:{0:064x}", "skills": entries}
    path.write_text(json.dumps(document), encoding="utf-8")


def activations(setting: Setting) -> list[Row]:
    """``usage`` of twenty activations for each of ``--size``: 200,000; with ``--size 250000`` five million."""
    count = setting.size * 20
    skills = _skills(count)
    small = _measured(setting, count // 10, skills).usage
    large, floor, join = _measured(setting, count, skills)
    what = f"usage of {count:,} activations of {skills:,} skills"
    grown = f"memory of usage, {count:,} activations"
    return [
        Row(f"{what}, cpu", large.cpu, "json.loads of each line", floor.cpu, "s", 2),
        Row("joining and judging alone, cpu", join, "json.loads of each line", floor.cpu, "s", 0.05),
        Row(grown, large.peak / 2**20, f"of {count // 10:,}", small.peak / 2**20, "MiB", 1.5),
    ]


def _skills(count: int) -> int:
    """As many skills as keep the contract's proportion: 10,000 for five million activations."""
    return max(count // 500, 1)


class _Found(NamedTuple):
    """What ``usage`` costs, its floor, and seconds of processor time of the join alone."""

    usage: Cost
    floor: Cost
    join: float


def _measured(setting: Setting, count: int, skills: int) -> _Found:
    path, catalog = setting.scratch / f"activity-{count}.jsonl", setting.scratch / f"catalog-{count}.json"
    write_lines(path, count, skills, setting.seed)
    write_catalog(catalog, skills)
    asked = (
        "usage",
        "--otlp",
        str(path),
        "--catalog",
        str(catalog),
        "--now",
        "2026-09-21T14:13:20",
        "--format",
        "json",
    )
    trials = {
        "usage": lambda: spend([*setting.tool, *asked], REPOSITORY),
        "floor": lambda: spend([sys.executable, "-m", "tests.bench.activations", str(path)], REPOSITORY),
    }
    if count <= _FEW:
        found = interleaved(setting.runs, {name: discarded(trial) for name, trial in trials.items()})
    else:
        found = interleaved(1, trials)
    command = [sys.executable, "-m", "tests.bench.activations", str(path), str(catalog)]
    told = subprocess.run(command, cwd=REPOSITORY, env=environment(), check=True, capture_output=True, text=True)
    path.unlink()
    return _Found(found["usage"], found["floor"], float(told.stdout))


def decode_all(path: Path) -> int:
    """The floor: how many lines hold an object."""
    count = 0
    with path.open("rb") as file:
        for line in file:
            count += isinstance(json.loads(line), dict)
    return count


def join_cost(path: str, catalog: str) -> float:
    """Seconds of processor time that joining and judging take once everything is read."""
    window = window_of("90d", "30d", NOW)
    with Ledger() as skills, Ledger() as prompts:
        recorder = Recorder(window, EventBook(window, skills), EventBook(window, prompts))
        report = OtlpSource(path).read(window, recorder, None)
        tallies = recorder.skills.tally(), recorder.prompts.tally()
    listed = listed_in_file(catalog)
    begun = time.process_time()
    answer(listed, Question(window), recorder, [report], tallies)
    return time.process_time() - begun


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(join_cost(sys.argv[1], sys.argv[2]))
    else:
        decode_all(Path(sys.argv[1]))
