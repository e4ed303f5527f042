"""A prompt version as Langfuse stores it, and back: the whole artifact, byte for byte of meaning.

What the platform understands is where it looks for it: messages in ``prompt``, the model's name, params,
tools and output schema at the top of ``config``, as its own examples do. None of that is trusted to
survive: the server drops keys of messages, and its jsonb reorders keys and rounds numbers
(0.30000000000000004 came back as 0.3, 1.8e308 as null). So ``config.catalog_entry.rest`` holds the
canonical JSON of the entry as *text*, which nothing respells; messages only where ``prompt`` cannot hold
them whole. Each fact is read from one place: messages from ``prompt`` (or, where they were not whole,
from the rest if it shows as ``prompt`` does), everything else from the rest, if the visible ``config`` is
still what the rest shows, numbers compared to the 14 digits that surely survive. What differs was
edited there and wins.

The UI copies ``config`` into every version that somebody edits. ``catalog_entry.version`` then claims a
version that another number holds already: whose it is, is decided in ``langfuse_reading``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.backends import langfuse_messages as messages
from catalog_tool.backends.langfuse_api import BODY_BYTES, MESSAGE_CHARACTERS, Body
from catalog_tool.canonical.identity import PARTS, prompt_identity, written_order
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes, digest_of, version_id
from catalog_tool.errors import RefusedError
from catalog_tool.template.names import infer_variables
from catalog_tool.template.parse import parse

MARKER, ENTRY = "catalog", "catalog_entry"
"""Our keys of ``config``: the marker, and what the platform has no place for."""
_MARGIN = 2000
"""What name, marker and the rest of a request add."""
_MIRRORED = ("tools", "output_schema")
_RESERVED = frozenset({MARKER, ENTRY, "model", "provider", *_MIRRORED})
RESPELLED = 1e-14
"""By how much of itself a number may differ and still be the one that was sent: 15 digits survive there, rounded."""
_EMPTY: Mapping[str, Any] = {
    "messages": [], "model": {}, "output_schema": {}, "params": {}, "template": "mustache", "tools": [],
    "variables": {},
}  # fmt: skip

Json = Any


class Stored(NamedTuple):
    """One stored version, understood.

    ``entry`` is the entry of ``bundle.json`` as it was written, or as it was edited, then without
    claims. ``claim`` is the version that ``config`` says it is, None where it says nothing; ``untouched``
    that nothing visible differs from what was written; ``write`` names the write that made it.
    """

    entry: dict[str, Json]
    marker: str | None
    claim: str | None
    untouched: bool
    write: str | None = None

    def bytes_as(self, version: str) -> bytes:
        """The entry under its version's name. What was edited there claims the digest of what it holds now."""
        if self.untouched and self.claim == version:
            return canonical_bytes(self.entry)
        try:
            digest = prompt_identity(self.entry).digest
            return canonical_bytes({**self.entry, "digest": digest, "version_id": version_id(version, digest)})
        except (NotCanonicalError, KeyError, TypeError, AttributeError, RecursionError):
            return json.dumps(self.entry, sort_keys=True).encode()


def request(name: str, kind: str, version: str, entry: bytes, marker: str | None, write: str) -> dict[str, Json]:
    """The body of the POST that stores a version, without labels. Raises ``RefusedError`` for what cannot be stored."""
    document = _entry(entry)
    whole = messages.is_whole(document["messages"], kind)
    messages.check_placeholders(document["messages"])
    rest = {key: value for key, value in document.items() if key != "messages" or not whole}
    config = _mirror(document)
    if marker is not None:
        config[MARKER] = _marker_value(marker)
    prompt = messages.shown(document["messages"], kind)
    config[ENTRY] = {
        "version": version,
        "version_id": document.get("version_id"),
        "rest": canonical_bytes(rest).decode(),
        "shown": digest_of(prompt),
        "write": write,
    }
    said = f"catalog: {version} {str(document.get('digest', ''))[:19]}"
    commit = _commit(marker)
    return {
        "name": name,
        "type": kind,
        "prompt": prompt,
        "config": config,
        "labels": [],
        "commitMessage": (f"{said} of {commit}" if commit else said)[:MESSAGE_CHARACTERS],
    }


def refusal(version: str, entry: bytes) -> str | None:
    """Why no new prompt can hold a version; None where it can."""
    try:
        body = request("name", messages.CHAT, version, entry, None, "")
    except RefusedError as error:
        return error.message
    size = len(json.dumps(body, ensure_ascii=False).encode())
    return None if size + _MARGIN <= BODY_BYTES else f"{size:,} bytes are more than one request takes"


def understood(body: Body) -> Stored:
    """What a stored version is; anything at all can be read."""
    try:
        return _understood(body)
    except RecursionError:  # nested deeper than anything of ours
        return Stored({**_EMPTY, "messages": messages.taken(body.prompt), "meta": {}}, None, None, untouched=False)


def _understood(body: Body) -> Stored:
    config = body.config if isinstance(body.config, dict) else {}
    ours = config.get(ENTRY)
    rest = _rest(ours)
    marker = marker_text(config.get(MARKER))
    if rest is None or not isinstance(ours, dict):
        return Stored(_foreign(body, config), marker, None, untouched=False)
    claim, write = _text(ours, "version"), _text(ours, "write")
    same_text = ours.get("shown") == _digest(messages.seen(body.prompt))
    entry = {"messages": messages.taken(body.prompt), **rest}
    visible = {key: value for key, value in config.items() if key not in (MARKER, ENTRY)}
    if same_text and _same(_mirror(entry), visible):
        return Stored(entry, marker, claim, untouched=True, write=write)
    return Stored(_edited(entry, body, visible, same_text=same_text), marker, claim, untouched=False, write=write)


def _text(ours: Mapping[str, Json], key: str) -> str | None:
    value = ours.get(key)
    return value if isinstance(value, str) else None


def _digest(prompt: Json) -> str | None:
    try:
        return digest_of(prompt)
    except NotCanonicalError:
        return None


def _entry(entry: bytes) -> dict[str, Json]:
    try:
        document = json.loads(entry)
        if not isinstance(document, dict) or any(part not in document for part in PARTS):
            raise RefusedError("Langfuse holds prompts only, and this entry is none")
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the entry is no JSON: {error}") from error
    _check_values(document)
    return document


def _check_values(value: Json) -> None:
    """Refuse what the server answers with 500, or drops: NUL, lone surrogates, the key ``__proto__``."""
    pending = [value]
    for item in pending:
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            if "__proto__" in item:
                raise RefusedError("Langfuse drops the key __proto__ without a word")
            pending += [*item.keys(), *item.values()]


def _check_text(text: str) -> None:
    if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise RefusedError("Langfuse cannot store NUL or a lone surrogate")


def _mirror(entry: Mapping[str, Json]) -> dict[str, Json]:
    """What people and applications see of model, params, tools and output schema at the top of ``config``."""
    model = entry["model"]
    found = {key: value for key, value in entry["params"].items() if key not in _RESERVED}
    if isinstance(model.get("name"), str):
        found["model"] = model["name"]
    if isinstance(model.get("provider"), str):
        found["provider"] = model["provider"]
    return found | {key: entry[key] for key in _MIRRORED if entry[key]}


def _edited(entry: dict[str, Json], body: Body, visible: Mapping[str, Json], *, same_text: bool) -> dict[str, Json]:
    """The entry with what was changed there."""
    before = _mirror(entry)
    changed = {
        key for key in {*before, *visible}
        if (key in before) != (key in visible) or not _same(before.get(key), visible.get(key))
    }  # fmt: skip
    made = {**entry, "model": dict(entry["model"]), "params": dict(entry["params"])}
    for key in changed:
        if key in _MIRRORED:
            made[key] = visible.get(key, _EMPTY[key])
            continue
        holder = made["model"] if key in ("model", "provider") else made["params"]
        name = "name" if key == "model" else key
        if key in visible:
            holder[name] = visible[key]
        else:
            holder.pop(name, None)
    if not same_text:
        made["messages"] = messages.edited(entry["messages"], body.prompt)
        made["variables"] = messages.variables_of(entry["template"], entry["variables"], made["messages"])
    if changed.intersection(_MIRRORED):
        made["order"] = written_order(made)
    return {key: value for key, value in made.items() if key != "order" or value}


def _foreign(body: Body, config: Mapping[str, Json]) -> dict[str, Json]:
    """A version that was never ours, as it would be in a catalog."""
    entry = {**_EMPTY, "messages": messages.taken(body.prompt), "meta": {}}
    visible = {key: value for key, value in config.items() if key not in (MARKER, ENTRY)}
    if not isinstance(visible.get("tools", []), list):
        visible.pop("tools")
    made = _edited(entry, body, visible, same_text=True)
    texts = [one["content"] for one in made["messages"] if "content" in one]
    return {**made, "variables": infer_variables([parse(text) for text in texts]).variables}


def _same(one: Json, other: Json) -> bool:
    """Whether two values are the same but for how a jsonb column spells their numbers."""
    if type(one) in (int, float) and other is None:
        return _is_lost(one)
    if type(one) in (int, float) and type(other) in (int, float):
        return math.isclose(one, other, rel_tol=RESPELLED, abs_tol=0)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _is_lost(number: float) -> bool:
    """Whether a number is written back as null: rounded to 15 digits it is beyond the largest float."""
    return math.isinf(float(f"{float(number):.15g}"))


def _rest(ours: Json) -> dict[str, Json] | None:
    text = ours.get("rest") if isinstance(ours, dict) else None
    if not isinstance(text, str):
        return None
    try:
        rest = json.loads(text)
    except (ValueError, RecursionError):
        return None
    needed = {*PARTS} - {"messages"}
    shapes = {"model": dict, "params": dict, "variables": dict, "output_schema": dict, "tools": list, "template": str}
    if not isinstance(rest, dict) or not needed <= rest.keys():
        return None
    return rest if all(isinstance(rest[key], shape) for key, shape in shapes.items()) else None


def _marker_value(marker: str) -> Json:
    """The marker as an object, for people to read; as text where only that keeps it byte for byte."""
    try:
        value = json.loads(marker)
        if isinstance(value, dict) and canonical_bytes(value).decode() == marker:
            return value
    except (ValueError, RecursionError, NotCanonicalError):
        pass
    return marker


def marker_text(value: Json) -> str | None:
    """The marker as it was written, from what ``config`` holds; None where it holds none."""
    if value is None or isinstance(value, str):
        return value
    try:
        return canonical_bytes(value).decode()
    except NotCanonicalError:
        return None


def _commit(marker: str | None) -> str | None:
    value = _marker_value(marker) if marker is not None else None
    commit = value.get("commit") if isinstance(value, dict) else None
    return commit if isinstance(commit, str) else None
