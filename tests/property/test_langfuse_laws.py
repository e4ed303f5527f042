"""Laws of a version on Langfuse: what is written comes back whatever the server respells, and an edit is seen."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langfuse_store import jsonb
from prompt_values import SCALARS, TEXTS, prompts

from catalog_tool.backends.langfuse_api import Body
from catalog_tool.backends.langfuse_document import request, understood
from catalog_tool.canonical.identity import PARTS, prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes, version_id


def entry_of(written: dict[str, Any]) -> bytes:
    parts = {part: written[part] for part in PARTS if part != "variables"} | {"variables": {}}
    identity = prompt_identity(parts)
    meta = {key: value for key, value in written.items() if key not in PARTS}
    claims = {"digest": identity.digest, "version_id": version_id("v3", identity.digest), "meta": meta}
    return canonical_bytes({**{part: json.loads(data) for part, data in identity.parts.items()}, **claims})


def stored(entry: bytes, **changed: Any) -> Body:
    """The version as the server gives it back, with something changed at its UI."""
    sent = json.loads(json.dumps(request("x", "chat", "v3", entry, '{"m":1}', "w")))
    body = {**sent, **changed}
    return Body("x", 7, "chat", jsonb(body["prompt"]), jsonb(body["config"]), frozenset(), "", "API")


@given(prompts())
def test_what_is_written_comes_back(written: dict[str, Any]) -> None:
    entry = entry_of(written)
    found = understood(stored(entry))
    assert (found.bytes_as("v3"), found.marker, found.claim, found.untouched) == (entry, '{"m":1}', "v3", True)


@given(prompts(), TEXTS, st.integers(0, 9))
def test_an_edited_message_is_seen_and_the_rest_kept(written: dict[str, Any], text: str, at: int) -> None:
    entry = entry_of(written)
    sent = request("x", "chat", "v3", entry, None, "w")["prompt"]
    index = at % len(sent)
    edited = [*sent[:index], {"role": "user", "content": text + "!"}, *sent[index + 1 :]]
    found = understood(stored(entry, prompt=edited))
    if edited == sent:
        return
    now, before = json.loads(found.bytes_as("v7")), json.loads(entry)
    assert not found.untouched
    assert now["digest"] == prompt_identity(now).digest != before["digest"]
    assert {key: now[key] for key in ("model", "params", "tools", "output_schema", "meta")} == {
        key: before[key] for key in ("model", "params", "tools", "output_schema", "meta")
    }


@given(prompts(), st.sampled_from(["temperature", "new", "top_p", "stop", "model"]), SCALARS)
def test_an_edited_config_is_seen_and_the_rest_kept(written: dict[str, Any], key: str, value: Any) -> None:
    entry = entry_of(written)
    config = request("x", "chat", "v3", entry, None, "w")["config"]
    found = understood(stored(entry, config={**config, key: value}))
    if found.untouched:
        kept = jsonb(config.get(key, "absent"))
        assert kept == jsonb(value) or abs(kept - value) <= 1e-14 * abs(value)
        return
    now, before = json.loads(found.bytes_as("v7")), json.loads(entry)
    holder, name = ("model", "name") if key == "model" else ("params", key)
    assert now[holder][name] == jsonb(value)
    assert now["messages"] == before["messages"]
    assert {k: v for k, v in now["params"].items() if k != key} == {
        k: v for k, v in before["params"].items() if k != key
    }


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=12), TEXTS)
def test_anything_at_all_can_be_read(config: Any, text: str) -> None:
    for prompt in (text, [], [{"role": "user", "content": text}], [{"type": "placeholder", "name": text}], [config]):
        for odd in (config, {"catalog": config, "catalog_entry": config, "model": config, "tools": config}):
            found = understood(Body("x", 1, "chat", prompt, odd, frozenset(), "", ""))
            assert json.loads(found.bytes_as("v1"))["messages"] is not None
