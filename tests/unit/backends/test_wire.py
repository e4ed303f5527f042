"""The protocol's values cross the wire unchanged, and what is of another shape is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.backends import wire
from catalog_tool.backends.base import LabelEvent
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import Applied, Control, LastSync, Lease, Live, Override, Restore, TargetState, Write

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BYTES = st.binary(max_size=40) | TEXT.map(str.encode)
ADDRESS = st.sampled_from(["prompts/a/b@v1", "labels/a@production", "skills/plugin:name"])
APPLIED = st.none() | st.builds(Applied, TEXT, TEXT)
FILES = st.none() | st.dictionaries(TEXT, BYTES, max_size=3)
WRITES = st.builds(
    Write, ADDRESS, st.none() | BYTES, st.none() | BYTES, FILES, st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
    st.none() | TEXT, APPLIED,
)  # fmt: skip
LIVES = st.builds(Live, ADDRESS, BYTES, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT)


def sent(value: Any) -> Any:
    """What the other side gets."""
    return json.loads(json.dumps(value))


@given(WRITES)
def test_steps(write: Write) -> None:
    assert wire.write_from_json(sent(wire.write_to_json(write))) == write


@given(LIVES)
def test_objects(live: Live) -> None:
    assert wire.live_from_json(sent(wire.live_to_json(live))) == live


@given(st.dictionaries(TEXT, st.tuples(TEXT, BYTES), max_size=3))
def test_files(contents: dict[str, tuple[str, bytes]]) -> None:
    assert wire.contents_from_json(sent(wire.contents_to_json(contents))) == contents


def test_what_a_target_remembers() -> None:
    control = Control(
        catalog="acme",
        last=LastSync(None, "sha256:0", 7),
        overrides={"labels/a@b": Override('"v1"', None, "ada", "why", 3)},
        restores={"labels/a@b": Restore(2, 9)},
    )
    lease = Lease("t", "ci", "host", 1, 2, 3.5)
    for held in (lease, None):
        state = TargetState(store_id="s", control=control, inventory={"skills/x": Applied("d", "m")}, lease=held)
        assert wire.state_from_json(sent(wire.state_to_json(state))) == state
    event = LabelEvent(1, 2, "a", "b", "c", "d", None, [{"version": "v1", "weight": 5}], 3, "sha256:0")
    assert wire.event_from_json(sent(event._asdict())) == event
    found = Capabilities(backend="x", roles=frozenset({"system", "user"}), batch=7)
    assert wire.capabilities_from_json(sent({**wire.capabilities_to_json(found), "of_tomorrow": 1})) == found


@pytest.mark.parametrize(
    "value",
    [None, 1, [], "x", {}, {"address": "nowhere"}, {"address": "prompts/a@v1", "seen": 7},
     {"address": "prompts/a@v1", "entry": {"base64": "%%%"}}, {"address": "prompts/a@v1", "contents": ["a"]},
     {"address": "prompts/a@v1", "contents": {"a": None}}, {"address": "prompts/a@v1", "applied": {"digest": 1}},
     {"address": "prompts/a@v1", "modes": {"a": 1}}, {"address": "prompts/a@v1", "marker": 1}],
)  # fmt: skip
def test_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.write_from_json(value)


@pytest.mark.parametrize("read", [wire.live_from_json, wire.lease_from_json, wire.run_from_json, wire.state_from_json])
def test_nothing_is_nothing(read: Any) -> None:
    for value in (None, [], {}, {"address": 1, "token": 1, "store_id": 1}):
        with pytest.raises(ValueError, match=r"."):
            read(value)
