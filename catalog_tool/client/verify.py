"""An answer becomes something that may be given out, or is refused.

Whatever a source sends, digests are recomputed from what was sent (design §4); nothing that a store
or a server says of itself is believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog_tool.canonical.identity import PARTS, prompt_identity, restore_order
from catalog_tool.canonical.jcs import NotCanonicalError, version_id
from catalog_tool.client.errors import BadAnswerError
from catalog_tool.client.prompt import Origin, Prompt
from catalog_tool.client.sources.base import versions_of
from catalog_tool.client.wanted import is_digest
from catalog_tool.errors import UsageError
from catalog_tool.model import names
from catalog_tool.rollout import Router
from catalog_tool.template import infer_variables, parse
from catalog_tool.template.nodes import Template

if TYPE_CHECKING:
    from catalog_tool.client.prompt import Surroundings
    from catalog_tool.client.sources.base import Answer
    from catalog_tool.client.wanted import Wanted

_HUNDREDTHS = 10_000
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Held(NamedTuple):
    """What was verified: the prompts of one answer, and how a key chooses among them."""

    router: Router
    prompts: dict[str, Prompt]
    label: str
    generation: int | None
    store_id: str | None
    validator: str | None
    document: bytes

    def prompt(self, key: str | None) -> Prompt:
        """The prompt for a key; the stable version without one. Raises ``UsageError``."""
        if key is None:
            return self.prompts[self.router.stable]
        if not isinstance(key, str):
            raise UsageError(f"key is {type(key).__name__}", hint="pass a string: a user, tenant or session")
        return self.prompts[self.router.version(key)]


def verified(answer: Answer, wanted: Wanted, around: Surroundings) -> Held:
    """Everything in ``answer`` checked against ``wanted`` and itself. Raises ``BadAnswerError``."""
    if wanted.version is None and answer.label not in wanted.labels:
        raise BadAnswerError(f"{wanted}: the answer is for label {str(answer.label)[:40]!r}")
    split = _split(answer.value, wanted)
    needed = [version for version, _ in split] if wanted.keyed else [split[0][0]]
    origin = Origin(
        name=wanted.name,
        label=answer.label or None,
        bundle=answer.bundle if isinstance(answer.bundle, str) else None,
        generation=_generation(answer, wanted),
    )
    prompts = {version: _prompt(answer.entries.get(version), version, origin, around) for version in needed}
    _is_the_one_asked_for(prompts[split[0][0]], wanted)
    store = answer.store_id
    if store is not None and not isinstance(store, str):
        raise BadAnswerError(f"{wanted}: store_id is no text")
    router = Router(wanted.name, split if wanted.keyed else split[:1])
    return Held(router, prompts, answer.label, origin.generation, store, answer.validator, _document(answer, needed))


def _split(value: Any, wanted: Wanted) -> list[tuple[str, float | int]]:
    found = versions_of(value)
    if not all(names.is_version(version) for version in found) or len(set(found)) != len(found):
        raise BadAnswerError(f"{wanted}: a label's value names what is no version, or one twice")
    if isinstance(value, str) or len(found) == 1:
        return [(found[0], 100)]
    weights: list[Any] = [part.get("weight") if isinstance(part, dict) else None for part in value]
    if not all(type(weight) in (int, float) and 0 < weight < 100 for weight in weights):
        raise BadAnswerError(f"{wanted}: a label's weights are no per cents")
    if sum(round(weight * 100) for weight in weights) != _HUNDREDTHS:
        raise BadAnswerError(f"{wanted}: a label's weights do not sum to 100")
    return list(zip(found, weights, strict=True))


def _generation(answer: Answer, wanted: Wanted) -> int | None:
    found = answer.generation
    if found is None:
        return None
    if type(found) is not int or found < 0:
        raise BadAnswerError(f"{wanted}: generation is no whole number")
    return found


def _prompt(entry: Any, version: str, origin: Origin, around: Surroundings) -> Prompt:
    what = f"{origin.name}@{version}"
    if not isinstance(entry, Mapping):
        raise BadAnswerError(f"{what}: the answer holds no such version")
    missing = [part for part in PARTS if part not in entry]
    if missing:
        raise BadAnswerError(f"{what}: the answer lacks {', '.join(missing)}")
    parts = {part: entry[part] for part in PARTS} | ({"order": entry["order"]} if "order" in entry else {})
    try:
        identity = prompt_identity(parts)
    except (NotCanonicalError, TypeError) as error:
        raise BadAnswerError(f"{what}: the answer is no canonical prompt") from error
    if identity.digest != entry.get("digest"):
        raise BadAnswerError(
            f"{what}: the text is not what its digest says",
            hint="it was changed on the way or in the store, or the server is newer than this client",
        )
    if entry.get("version_id", version_id(version, identity.digest)) != version_id(version, identity.digest):
        raise BadAnswerError(f"{what}: the version id is not the digest's")
    return Prompt(version, identity.digest, _ordered(parts, identity.parts, what), origin, around)


def _ordered(parts: dict[str, Any], encoded: dict[str, bytes], what: str) -> dict[str, bytes]:
    """The parts' canonical bytes, but tools and output schema in the order their author wrote."""
    order = encoded.pop("order", None)
    if order is None:
        return encoded
    try:
        chosen = {name: json.loads(encoded[name]) for name in ("tools", "output_schema")}
        restored = restore_order({**chosen, "order": parts.get("order") or json.loads(order)})
        return encoded | {name: _PLAIN.encode(restored[name]).encode() for name in chosen}
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise BadAnswerError(f"{what}: the written order names what is not there") from error


def _is_the_one_asked_for(prompt: Prompt, wanted: Wanted) -> None:
    asked = wanted.version
    if asked is None:
        return
    matches = prompt.digest.startswith(asked) if is_digest(asked) else prompt.version == asked
    if not matches:
        raise BadAnswerError(f"{wanted}: the answer is {prompt.version_id}")


def _document(answer: Answer, needed: list[str]) -> bytes:
    """What is kept on disk, as JSON: the answer without what was not verified."""
    kept = (*PARTS, "order", "digest")
    entries = {
        version: {key: value for key, value in answer.entries[version].items() if key in kept} for version in needed
    }
    told = {"generation": answer.generation, "store_id": answer.store_id, "bundle": answer.bundle}
    kept_value = answer.value if len(needed) > 1 else needed[0]
    document = {"label": answer.label, "value": kept_value, "entries": entries, **told}
    return _PLAIN.encode(document).encode("utf-8", "surrogatepass")


def fallback_prompt(name: str, fallback: Any, around: Surroundings) -> Prompt:
    """A prompt made of what the caller gives for the worst case.

    A text is the system's message, a list the messages, a mapping the parts (absent ones are empty).
    Its version is ``fallback``, so that traces and metrics tell it apart. Raises ``UsageError``.
    """
    if isinstance(fallback, Prompt):
        return fallback
    given = {"messages": [{"role": "system", "content": fallback}]} if isinstance(fallback, str) else fallback
    given = {"messages": list(given)} if isinstance(given, list | tuple) else given
    if not isinstance(given, Mapping) or not isinstance(given.get("messages"), list):
        raise UsageError("fallback is a text, a list of messages, or an object with 'messages'")
    parts: dict[str, Any] = {"model": {}, "output_schema": {}, "params": {}, "template": "mustache", "tools": []}
    parts |= {part: value for part, value in given.items() if part in PARTS}
    if "variables" not in parts:
        parts["variables"] = infer_variables(_templates(parts)).variables
    try:
        identity = prompt_identity(parts)
    except (NotCanonicalError, TypeError) as error:
        raise UsageError("fallback holds what is no JSON") from error
    encoded = {part: data for part, data in identity.parts.items() if part != "order"}
    return Prompt("fallback", identity.digest, encoded, Origin(name=name, is_fallback=True), around)


def _templates(parts: Mapping[str, Any]) -> list[Template]:
    if parts["template"] != "mustache":
        return []
    texts = [message.get("content") for message in parts["messages"] if isinstance(message, Mapping)]
    return [parse(text) for text in texts if isinstance(text, str)]
