"""Laws of the comparison of prompt versions and catalogs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.canonical.identity import prompt_identity, written_order
from catalog_tool.diff.catalogs import Names, compare_catalogs
from catalog_tool.diff.parts import compare_parts, judge_versions
from catalog_tool.diff.rules import CONTRACT_LEVELS
from catalog_tool.diff.sides import TreeSide
from catalog_tool.source.tree import WorkTree

ROOT = Path(__file__).parents[2]
NAMES = st.sampled_from(["query", "limit", "city", "cities", "a/b", "c~d"])
TEXTS = st.sampled_from(
    ["Greet the guest.", "Never greet.\nOffer tea.", "Offer tea.  \n", "Greet {{city}}.", "", "One two three four."]
)
SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 1},
        {"enum": ["a", "b"]},
        {"type": ["string", "null"], "description": "Words."},
        {"type": "string", "default": "x"},
        {"const": True},
        {"const": 1},
    ]
)


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, SCALARS, max_size=3))
    found: dict[str, Any] = {"type": "object", "properties": properties}
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    if required:
        found["required"] = required
    if draw(st.booleans()):
        found["additionalProperties"] = False
    return found


@st.composite
def tools(draw: st.DrawFn, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name}
    for key, values in (
        ("description", TEXTS),
        ("parameters", schemas()),
        ("returns", schemas()),
        ("strict", st.just(True)),
        ("dispatch", st.just("dynamic")),
    ):
        if draw(st.booleans()):
            found[key] = draw(values)
    return found


@st.composite
def tool_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(["pour", "bill", "seat"]), unique=True, max_size=3))
    return [draw(tools(name)) for name in names]


PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
    st.sampled_from(
        [{"type": "image", "url": "https://example.org/1"}, {"type": "image", "url": "https://example.org/2"}]
    ),
)
SPOKEN = st.builds(
    lambda role, content, more: {"role": role, "content": content, **more},
    st.sampled_from(["system", "user", "assistant", "developer"]),
    st.one_of(TEXTS, st.lists(PARTS, min_size=1, max_size=2)),
    st.sampled_from([{}, {"name": "ada"}, {"tool_calls": [{"id": "1", "name": "pour", "arguments": {"hot": True}}]}]),
)
EXAMPLES = st.builds(
    lambda pairs: {"examples": [{"user": user, "assistant": said} for user, said in pairs]},
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3),
)
HELD = st.builds(
    lambda name, required: {"placeholder": name, "required": required},
    st.sampled_from(["history", "turns", "notes"]),
    st.booleans(),
)


@st.composite
def prompts(draw: st.DrawFn) -> dict[str, Any]:
    """Seven parts in canonical form, and ``order`` where it is not empty: as they are served."""
    parts = {
        "messages": draw(st.lists(st.one_of(SPOKEN, EXAMPLES, HELD), max_size=4)),
        "model": draw(
            st.sampled_from([{}, {"name": "gpt-4o"}, {"name": "gpt-4"}, {"provider": "x", "name": "gpt-4o-2024-08-06"}])
        ),
        "output_schema": draw(st.one_of(st.just({}), schemas())),
        "params": draw(
            st.dictionaries(
                st.sampled_from(["temperature", "max_tokens", "seed", "stop", "a/b"]),
                st.sampled_from([1, 0, True, 0.5, 200]),
                max_size=3,
            )
        ),
        "template": draw(st.sampled_from(["mustache", "none"])),
        "tools": draw(tool_lists()),
        "variables": draw(st.one_of(st.just({}), schemas())),
    }
    order = written_order(parts)
    served: dict[str, Any] = {name: json.loads(data) for name, data in prompt_identity(parts).parts.items()}
    assert served.get("order", {}) == order
    return served


def differences(old: Any, new: Any, pointer: str = "") -> Iterator[str]:
    """Every pointer at which two values differ; a list whose length changed counts as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in old and key in new:
                yield from differences(old[key], new[key], inner)
            else:
                yield inner
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{pointer}/{index}")
    elif json.dumps(old) != json.dumps(new):
        yield pointer


def is_named(pointer: str, names: set[str]) -> bool:
    """Whether a pointer, one above it or one below it is among the names."""
    return any(pointer == name or pointer.startswith(f"{name}/") or name.startswith(f"{pointer}/") for name in names)


@settings(max_examples=200)
@given(prompts())
def test_a_version_against_itself_is_empty(parts: dict[str, Any]) -> None:
    assert compare_parts(parts, copy.deepcopy(parts)) == []
    assert judge_versions(parts, parts)[:2] == ("none", "none")


@settings(max_examples=300)
@given(prompts(), prompts())
def test_every_difference_is_named(old: dict[str, Any], new: dict[str, Any]) -> None:
    details = compare_parts(old, new)
    names = {path for item in details for path in (item.path, *item.also)}
    content = {name: old[name] for name in old if name != "order"}, {name: new[name] for name in new if name != "order"}
    for pointer in differences(*content):
        assert is_named(pointer, names), (pointer, names)
    assert not any("could not be judged" in item.message for item in details)  # the net under the rules
    if old != new:
        assert details


@settings(max_examples=200)
@given(prompts(), prompts())
def test_a_digest_that_changed_is_never_without_a_step(old: dict[str, Any], new: dict[str, Any]) -> None:
    same = prompt_identity(old).digest == prompt_identity(new).digest
    contract = judge_versions(old, new).contract
    assert contract in CONTRACT_LEVELS
    assert (contract == "none") == same


@settings(max_examples=150)
@given(prompts(), prompts())
def test_levels_are_never_below_those_of_any_detail(old: dict[str, Any], new: dict[str, Any]) -> None:
    found, details = judge_versions(old, new), compare_parts(old, new)
    assert found.summary
    assert all(CONTRACT_LEVELS.index(item.contract) <= CONTRACT_LEVELS.index(found.contract) for item in details)


def test_our_own_catalog_against_itself_is_empty() -> None:
    sides = [TreeSide(WorkTree(ROOT)) for _ in range(2)]  # read apart: nothing on disk has a blob to compare by
    assert compare_catalogs(sides[0], sides[1], Names(None, None)).to_json()["status"] == "same"
