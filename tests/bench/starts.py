"""Measures of small work: a start, a file against peers, a thousand findings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import floor_schemas
from .measure import REPOSITORY, Cost, interleaved, spend
from .peers import peer
from .rows import Row
from .setting import BENCH, Setting, discarded

_MANY = 4
_PEER_PROMPTS = 2000
_PEER_SKILLS = 10_000
"""Enough files that what is compared is the work and not the start of the process."""
_PEER_RUNS = 3
_ANY_ANSWER = (0, 1)


class Rival(NamedTuple):
    """A peer: how many times less than it we may take, a catalog, what is in it, its own command on that."""

    name: str
    times: int
    root: Path
    files: str
    command: tuple[str, ...]


def start(setting: Setting) -> list[Row]:
    """``catalog --help``, and ``validate`` of one small catalog, against a bare click program."""
    root = setting.pristine(2, 2)
    cache = setting.cache("small", fresh=True)
    trials: dict[str, Callable[[], Cost]] = {
        "help": lambda: spend([*setting.tool, "--help"], REPOSITORY),
        "bare help": lambda: setting.bare_click("--help"),
        "cold": lambda: setting.cold(root, "validate"),
        "warm": lambda: setting.catalog_command(root, cache, "validate"),
        "bare": setting.bare_click,
    }
    found = interleaved(setting.runs * _MANY, {name: discarded(trial) for name, trial in trials.items()})
    compared = (
        ("catalog --help", "help", "bare click --help", "bare help", 1.2),
        ("validate a small catalog, nothing cached", "cold", "bare click", "bare", 1.8),
        ("validate a small catalog, seen before", "warm", "bare click", "bare", 1.8),
    )
    return [
        Row(f"{what}, {unit}", measured * 1000, f"{floor}, {unit}", base * 1000, "ms", target)
        for what, name, floor, floor_name, target in compared
        for unit, measured, base in (
            ("cpu", found[name].cpu, found[floor_name].cpu),
            ("wall", found[name].wall, found[floor_name].wall),
        )
    ]


def peers(setting: Setting) -> list[Row]:
    """``validate`` of files against other programs on the same files, nothing cached, start included."""
    prompts = setting.catalog(min(_PEER_PROMPTS, setting.size), 0)
    # skills_ref reads a skill's SKILL.md and nothing else: the same files are skills of one file.
    skills = setting.catalog(0, min(_PEER_SKILLS, setting.size), "--alone")
    files = [str(path) for path in sorted(prompts.glob("prompts/*/*/v*.yaml"))]
    schema = setting.scratch / "prompt.schema.json"
    schema.write_text(json.dumps(floor_schemas.prompt_schema()), "utf-8")
    folders = list(skills.glob("skills/*"))
    script = str(BENCH / "peer_skills.py")
    rivals = (
        Rival(
            "check-jsonschema",
            20,
            prompts,
            f"{len(files):,} prompts",
            ("check-jsonschema", "--schemafile", str(schema), *files),
        ),
        Rival("yamllint", 30, prompts, f"{len(files):,} prompts", ("yamllint", "-d", "relaxed", *files)),
        Rival("skills-ref", 20, skills, f"{len(folders):,} skills", ("python", script, f"{skills}/skills")),
    )
    return [row for rival in rivals for row in _against(setting, rival)]


def _against(setting: Setting, rival: Rival) -> list[Row]:
    """One row, or none where the peer cannot be had."""
    place = peer(rival.name)
    if place is None:
        return []
    program, *arguments = rival.command
    found = interleaved(
        min(setting.runs, _PEER_RUNS),
        {
            "tool": discarded(lambda: setting.cold(rival.root, "validate")),
            "peer": lambda: spend([f"{place}/bin/{program}", *arguments], REPOSITORY, codes=_ANY_ANSWER),
        },
    )
    what = f"validate {rival.files}, cpu"
    return [Row(what, found["tool"].cpu, f"{rival.name}, cpu", found["peer"].cpu, "s", 1 / rival.times)]


def findings(setting: Setting) -> list[Row]:
    """A thousand findings as plain text, in one process: the median of twenty times, against 5 ms."""
    report = setting.scratch / "findings.json"
    try:
        spend([sys.executable, "-m", "tests.bench.thousand", str(report)], REPOSITORY)
        measured = float(json.loads(report.read_bytes())["seconds"])
    finally:
        report.unlink(missing_ok=True)
    return [Row("1,000 findings as text, wall", measured * 1000, "5 ms, as named", 5.0, "ms", 1.0)]
