"""The values of the backend protocol as JSON, for the service's sync API and the ``http`` backend.

Bytes are text where they are UTF-8, else ``{"base64": …}``. Reading refuses what is of another shape with
``ValueError``: both ends read what a network sent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from catalog_tool.backends.base import LabelEvent
from catalog_tool.model.addresses import parse_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import Applied, Control, Lease, Live, Run, TargetState, Write, Written, restored

Json = Any
_Stored = TypeVar("_Stored")


def bytes_to_json(data: bytes | None) -> Json:
    """Text where it is UTF-8, base64 elsewhere, None for none."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def bytes_from_json(value: Json) -> bytes | None:
    """What ``bytes_to_json`` was given."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and isinstance(value.get("base64"), str):
        return base64.b64decode(value["base64"], validate=True)
    raise ValueError("bytes are a text, or an object with base64")


def _some_bytes(value: Json) -> bytes:
    found = bytes_from_json(value)
    if found is None:
        raise ValueError("bytes are missing")
    return found


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is missing")
    return value


def _text_or_none(value: Json) -> str | None:
    return None if value is None else _text(value)


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise ValueError("an object is missing")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("a list is missing")
    return value


def address_from_json(value: Json) -> str:
    """An address of one of the three kinds."""
    text = _text(value)
    parse_address(text)
    return text


def live_to_json(live: Live) -> Json:
    """One object as it was read."""
    return {**live._asdict(), "entry": bytes_to_json(live.entry)}


def live_from_json(value: Json) -> Live:
    """What ``live_to_json`` was given."""
    found = _object(value)
    told = (_text_or_none(found.get(name)) for name in ("marker", "since", "by"))
    return Live(address_from_json(found.get("address")), _some_bytes(found.get("entry")), *told)


def write_to_json(write: Write) -> Json:
    """One step."""
    contents = None if write.contents is None else {p: bytes_to_json(data) for p, data in write.contents.items()}
    return {
        "address": write.address,
        "seen": bytes_to_json(write.seen),
        "entry": bytes_to_json(write.entry),
        "contents": contents,
        "modes": None if write.modes is None else dict(write.modes),
        "marker": write.marker,
        "applied": None if write.applied is None else write.applied._asdict(),
        **({"labels": sorted(write.labels)} if write.labels else {}),
    }


def write_from_json(value: Json) -> Write:
    """What ``write_to_json`` was given."""
    found = _object(value)
    contents, modes, applied = found.get("contents"), found.get("modes"), found.get("applied")
    return Write(
        address=address_from_json(found.get("address")),
        seen=bytes_from_json(found.get("seen")),
        entry=bytes_from_json(found.get("entry")),
        contents=None if contents is None else {p: _some_bytes(data) for p, data in _object(contents).items()},
        modes=None if modes is None else {path: _text(mode) for path, mode in _object(modes).items()},
        marker=_text_or_none(found.get("marker")),
        applied=None if applied is None else _applied(applied),
        labels=frozenset(map(_text, _list(found.get("labels", [])))),
    )


def _applied(value: Json) -> Applied:
    found = _object(value)
    return Applied(_text(found.get("digest")), _text(found.get("meta", "")))


def written_from_json(value: Json) -> Written:
    """One step's outcome."""
    found = _object(value)
    return Written(_text(found.get("address")), _text(found.get("outcome")), _text_or_none(found.get("message")))


def run_from_json(value: Json) -> Run:
    """On whose behalf."""
    return _restored(Run, _object(value))


def _restored(kind: type[_Stored], found: Mapping[str, Json]) -> _Stored:
    try:
        return restored(kind, found)
    except TypeError as error:
        raise ValueError(str(error)) from error


def lease_from_json(value: Json) -> Lease:
    """Who may write."""
    return _restored(Lease, _object(value))


def control_from_json(value: Json) -> Control:
    """The control document."""
    return Control.from_json(_object(value))


def state_to_json(state: TargetState) -> Json:
    """All that a target remembers."""
    return {
        "store_id": state.store_id,
        "control": state.control.to_json(),
        "inventory": {address: applied._asdict() for address, applied in state.inventory.items()},
        "lease": None if state.lease is None else state.lease._asdict(),
    }


def state_from_json(value: Json) -> TargetState:
    """What ``state_to_json`` was given."""
    found = _object(value)
    lease = found.get("lease")
    return TargetState(
        store_id=_text(found.get("store_id")),
        control=control_from_json(found.get("control")),
        inventory={address: _applied(applied) for address, applied in _object(found.get("inventory")).items()},
        lease=None if lease is None else lease_from_json(lease),
    )


def event_from_json(value: Json) -> LabelEvent:
    """One event of the audit trail."""
    found = _object(value)
    if found.keys() != set(LabelEvent._fields):
        raise ValueError("an event has other fields")
    return _restored(LabelEvent, found)


def contents_to_json(contents: Mapping[str, tuple[str, bytes]]) -> Json:
    """A skill's files."""
    return {path: {"mode": mode, "content": bytes_to_json(data)} for path, (mode, data) in contents.items()}


def contents_from_json(value: Json) -> dict[str, tuple[str, bytes]]:
    """What ``contents_to_json`` was given."""
    return {
        path: (_text(_object(file).get("mode")), _some_bytes(_object(file).get("content")))
        for path, file in _object(value).items()
    }


def capabilities_to_json(capabilities: Capabilities) -> Json:
    """What the store behind the service can do."""
    found = asdict(capabilities)
    return {**found, "roles": None if capabilities.roles is None else sorted(capabilities.roles)}


def capabilities_from_json(value: Json) -> Capabilities:
    """What ``capabilities_to_json`` was given; fields that a newer service added are left out."""
    known = {field.name for field in fields(Capabilities)}
    found = {name: item for name, item in _object(value).items() if name in known}
    roles = found.get("roles")
    return Capabilities(**{**found, "roles": None if roles is None else frozenset(roles)})
