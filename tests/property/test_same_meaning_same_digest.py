"""The same meaning gives the same digest however it is written, and no other meaning gives it (design §4)."""

from __future__ import annotations

import copy
import json
import os
from random import Random
from typing import Any

from hypothesis import event, given, note, settings
from hypothesis import strategies as st
from prompt_values import prompts
from reading import digest, read
from spellings import Writer

from catalog_tool.source.parts import PARAMS
from catalog_tool.source.strict_yaml import PurePythonParser, read_yaml

CASES = 10_000 if os.environ.get("CATALOG_SOAK") == "1" else 1_000
RANDOMS = st.randoms(use_true_random=False)
COUNTED = ("messages", "model", "params", "tools", "output_schema")


def other_form(prompt: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same prompt in another form: the short one as far as it goes, defaults left out or written."""
    short = copy.deepcopy(prompt)
    messages = short["messages"]
    if len(messages) == 1 and random.random() < 0.7:
        short["system_prompt"] = short.pop("messages")[0]["content"]
    for message in messages:
        if message.get("required") is True and random.random() < 0.5:
            del message["required"]
    if short["model"].keys() == {"name"} and random.random() < 0.5:
        short["model"] = short["model"]["name"]
    for name in [name for name in short["params"] if name in PARAMS]:
        if random.random() < 0.5:
            short[name] = short["params"].pop(name)
    short["tools"] = [_other_tool(tool, random) for tool in short["tools"]]
    for name, absent in (("params", {}), ("tools", []), ("output_schema", {}), ("template", "mustache")):
        if short[name] == absent and random.random() < 0.5:
            del short[name]
    if random.random() < 0.3:
        short["notes"] = "For the reader."
    return short


def _other_tool(tool: Any, random: Random) -> Any:
    if tool == "create_ticket" and random.random() < 0.5:
        return {"name": tool, "tags": ["x"]}
    if isinstance(tool, dict) and not tool.get("strict", False) and random.random() < 0.5:
        return {**{key: item for key, item in tool.items() if key != "strict"}, "notes": ["n"]}
    return tool


def written(prompt: dict[str, Any], random: Random) -> tuple[bytes, str]:
    """The prompt as a file, and the file's name."""
    writer = Writer(random)
    kind = random.choice(["yaml", "yaml", "json", "md"])
    if kind == "json":
        return writer.bytes(writer.json(prompt)), "p/v1.json"
    body = prompt.get("system_prompt", "")
    if kind == "md" and body and body[0] != "\n" and "\r" not in body:
        rest = {key: value for key, value in prompt.items() if key != "system_prompt"}
        # An empty front matter still needs its two lines.
        front = writer.yaml(rest).removeprefix("---\n") if rest else ""
        return writer.bytes(f"---\n{front}---\n{random.choice(['', chr(10) * 2])}{body}"), "p/v1.md"
    return writer.bytes(writer.yaml(prompt)), "p/v1.yaml"


@settings(max_examples=CASES)
@given(prompts(), RANDOMS)
def test_the_same_meaning_keeps_the_digest(prompt: dict[str, Any], random: Random) -> None:
    expected = digest(json.dumps(prompt), "p/v1.json")
    data, file = written(other_form(prompt, random), random)
    note(f"{file}: {data!r}")
    event(file)
    found = read(data, file)
    assert found.version is not None, found.document.findings
    assert found.version.digest == expected


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of everything that may be changed: scalars, and lists that are not empty."""
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += leaves(item, (*path, key))
    elif isinstance(value, list):
        found += [path] if value else []
        for index, item in enumerate(value):
            found += leaves(item, (*path, index))
    else:
        found.append(path)
    return found


def changed(value: Any, random: Random) -> Any:
    """Something that means something else."""
    if isinstance(value, list):
        return value[:-1]
    if isinstance(value, str):
        return random.choice([value + "x", value + "\n", " " + value, value + "\u0301", value + "é"])
    if value is None or isinstance(value, bool):
        return random.choice([other for other in (None, True, False, 0, "") if other is not value])
    return random.choice([value + 1 + abs(value), value - 1 - abs(value), str(value)])


@settings(max_examples=CASES)
@given(prompts(), RANDOMS)
def test_any_change_of_meaning_changes_the_digest(prompt: dict[str, Any], random: Random) -> None:
    before = digest(json.dumps(prompt), "p/v1.json")
    other = copy.deepcopy(prompt)
    part = random.choice([name for name in COUNTED if leaves(prompt[name])])
    *steps, last = (part, *random.choice(leaves(prompt[part])))
    holder: Any = other
    for step in steps:
        holder = holder[step]
    holder[last] = changed(holder[last], random)
    note(f"{[*steps, last]}: {holder[last]!r}")
    found = read(json.dumps(other), "p/v1.json").version
    event("refused" if found is None else "read")
    is_same = last == "strict" and holder[last] in (False, None)
    assert found is None or is_same or found.digest != before


@settings(max_examples=CASES // 10)
@given(prompts(), RANDOMS)
def test_the_written_order_of_fields_is_meaning(prompt: dict[str, Any], random: Random) -> None:
    other = copy.deepcopy(prompt)
    other["output_schema"] = schema = {"properties": {"b": {}, "a": {}, "c": {}}}
    first = digest(json.dumps(other), "p/v1.json")
    names = list(schema["properties"])
    random.shuffle(names)
    schema["properties"] = {name: schema["properties"][name] for name in names}
    assert (digest(json.dumps(other), "p/v1.json") == first) == (names == ["b", "a", "c"])


@settings(max_examples=CASES // 10)
@given(prompts(), st.sampled_from(["description", "owners", "tags", "notes", "x-note"]))
def test_metadata_never_changes_the_digest(prompt: dict[str, Any], key: str) -> None:
    before = digest(json.dumps(prompt), "p/v1.json")
    value = ["other"] if key in ("owners", "tags") else "other"
    assert digest(json.dumps({**prompt, key: value}), "p/v1.json") == before


def same_value(first: Any, second: Any) -> bool:
    """Whether two values are the same, and not only equal: ``1`` is not ``True``, the order counts."""
    return json.dumps(first) == json.dumps(second)


def check_both_parsers(text: str) -> None:
    """libyaml's events and PyYAML's own: one value, or a refusal, never another value."""
    fast, slow = read_yaml(text), read_yaml(text, parser=PurePythonParser)
    event(f"{'refused' if fast.refused else 'read'}, {'refused' if slow.refused else 'read'}")
    assert fast.refused or slow.refused or same_value(fast.value, slow.value)


@settings(max_examples=CASES // 5)
@given(prompts(), RANDOMS)
def test_without_libyaml_a_written_prompt_is_the_same(prompt: dict[str, Any], random: Random) -> None:
    text = Writer(random).yaml(prompt)
    note(text)
    fast, slow = read_yaml(text), read_yaml(text, parser=PurePythonParser)
    assert not fast.refused
    assert not slow.refused
    assert same_value(fast.value, slow.value)


@settings(max_examples=CASES)
@given(st.text(" \n\n:-#'\"[]{}|>!&*?,%@`~\t\\<=ab1.0é\ufeff\u2028", max_size=30))
def test_without_libyaml_no_text_has_another_value(text: str) -> None:
    check_both_parsers(text)


@settings(max_examples=CASES // 5)
@given(prompts(), RANDOMS, st.text("\n :-#'\"[]{}|>\t", max_size=2))
def test_without_libyaml_no_damaged_prompt_has_another_value(
    prompt: dict[str, Any], random: Random, damage: str
) -> None:
    text = Writer(random).yaml(prompt)
    at = random.randrange(len(text) + 1)
    broken = text[:at] + damage + text[at + random.randrange(2) :]
    note(broken)
    check_both_parsers(broken)
