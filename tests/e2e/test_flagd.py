"""What ``catalog export flagd`` writes, read by flagd's own evaluators: Python's, and JavaScript's with its schema."""

from __future__ import annotations

import copy
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import node_packages
import pytest
from scratch import Scratch

from catalog_tool.rollout import Router

JAVASCRIPT = Path(__file__).parent / "flagd_js"
PROMPT = "id: support/greet\nversion: {version}\nmodel: m\nsystem_prompt: x\n"
CANARY, BETA, PRODUCTION = (f"support/greet@{label}" for label in ("canary", "beta", "production"))
SPLIT = {"v1": 60, "v2": 37.5, "v3": 2.5}
REGISTRY = "support/greet:\n  production: v1\n  canary: {{v1: {0}, v2: 37.5, v3: {1}}}\n  beta: {{v1: 60, v2: 40}}\n"
USERS = [f"user-{number}" for number in range(1000)]
Variants = dict[str, list[str]]
Evaluator = Callable[[dict[str, Any], Sequence[str], Sequence[str | None]], Variants]


def in_python(flags: dict[str, Any], keys: Sequence[str], users: Sequence[str | None]) -> Variants:
    """flagd's evaluator for Python: each flag's variants of the users; None is a user whom nobody names."""
    core = pytest.importorskip("openfeature.contrib.tools.flagd.core", reason="pip install openfeature-flagd-core")
    from openfeature.evaluation_context import EvaluationContext

    evaluator = core.FlagdCore()
    evaluator.set_flags(flags)
    return {
        key: [evaluator.resolve_string_value(key, "nothing", EvaluationContext(user)).variant for user in users]
        for key in keys
    }


def in_javascript(flags: dict[str, Any], keys: Sequence[str], users: Sequence[str | None]) -> Variants:
    """flagd's evaluator for JavaScript, which refuses what its schema refuses."""
    folder = node_packages.needed(JAVASCRIPT, "flags were not held against flagd's schema")
    done = subprocess.run(
        ["node", str(JAVASCRIPT / "evaluate.cjs")],
        cwd=folder,
        input=json.dumps({"flags": flags, "keys": keys, "users": users}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    found: Variants = json.loads(done.stdout)
    return found


def exported(scratch: Scratch, stable: float = SPLIT["v1"], candidate: float = SPLIT["v3"]) -> dict[str, Any]:
    """The flags of a prompt of three versions."""
    for version in SPLIT:
        scratch.write(f"prompts/support/greet/{version}.yaml", PROMPT.format(version=version))
    scratch.write("prompts/registry.yaml", REGISTRY.format(stable, candidate))
    found: dict[str, Any] = scratch.run("export", "flagd").json()
    return found


@pytest.mark.parametrize("evaluator", [in_python, in_javascript])
def test_a_thousand_users_are_shared_out_by_the_weights(scratch: Scratch, evaluator: Evaluator) -> None:
    """Within four standard deviations of the binomial distribution; and others than ours, as the manual says."""
    flags = exported(scratch)
    found = evaluator(flags, [CANARY, PRODUCTION], USERS)
    counts = Counter(found[CANARY])
    for version, weight in SPLIT.items():
        share = weight / 100
        assert abs(counts[version] - 1000 * share) < 4 * (1000 * share * (1 - share)) ** 0.5, counts
    assert set(found[PRODUCTION]) == {"v1"}
    router = Router("support/greet", list(SPLIT.items()))
    same = sum(router.version(user) == theirs for user, theirs in zip(USERS, found[CANARY], strict=True))
    by_chance = 10 * sum((weight / 10) ** 2 for weight in SPLIT.values())
    assert abs(same - by_chance) < 4 * 16, "two hashes that know nothing of each other agree as often as chance does"


@pytest.mark.parametrize("evaluator", [in_python, in_javascript])
def test_who_names_no_user_gets_the_stable_version(scratch: Scratch, evaluator: Evaluator) -> None:
    assert evaluator(exported(scratch), [CANARY, PRODUCTION], [None, ""]) == {
        CANARY: ["v1", "v1"],
        PRODUCTION: ["v1", "v1"],
    }


@pytest.mark.parametrize("evaluator", [in_python, in_javascript])
def test_raising_a_candidate_moves_nobody_out_of_one(scratch: Scratch, evaluator: Evaluator) -> None:
    """As with our own bucketing: the last candidate grows at the cost of the stable version alone."""
    before = evaluator(exported(scratch), [CANARY], USERS)[CANARY]
    after = evaluator(exported(scratch, 50, 12.5), [CANARY], USERS)[CANARY]
    moves = Counter((old, new) for old, new in zip(before, after, strict=True) if old != new)
    assert set(moves) == {("v1", "v3")}


@pytest.mark.parametrize("evaluator", [in_python, in_javascript])
def test_a_prompts_labels_choose_alike(scratch: Scratch, evaluator: Evaluator) -> None:
    """Who is a candidate under one label is one under each other label of that prompt with as large a share."""
    found = evaluator(exported(scratch), [CANARY, BETA], USERS)
    assert [one == "v1" for one in found[CANARY]] == [one == "v1" for one in found[BETA]]


def test_flagds_evaluators_differ_among_themselves(scratch: Scratch) -> None:
    """What the manual and the command say of it: when this fails, both are to be corrected."""
    flags = exported(scratch)
    assert in_python(flags, [CANARY], USERS) != in_javascript(flags, [CANARY], USERS)
    assert "differ among themselves" in scratch.run("export", "flagd").err


def test_the_published_schema_refuses_what_is_no_flag(scratch: Scratch) -> None:
    """The schema on trial is one: our document passes in the tests above, and a broken one does not."""
    flags = exported(scratch)
    for damage in ({"state": "on"}, {"variants": {}}, {"targeting": {"fractional": [["v1", "many"]]}}):
        broken = copy.deepcopy(flags)
        broken["flags"][CANARY].update(damage)
        with pytest.raises(ValueError, match="ParseError"):
            in_javascript(broken, [CANARY], USERS[:1])
