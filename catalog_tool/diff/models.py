"""Judges another model: snapshot, family, floating name, and what the new one cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.diff.changes import Detail, detail
from catalog_tool.diff.model_table import AS_OF, IMAGES, MODELS, SCHEMA, TOOLS, Facts
from catalog_tool.diff.tokens import estimated_tokens
from catalog_tool.model.model_names import family_of, is_floating_name

_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

Parts = Mapping[str, Any]


def compare_models(old: Parts, new: Parts, models: Mapping[str, Facts] = MODELS) -> Iterator[Detail]:
    """Differences of the ``model`` part, and what the new version asks of a model that cannot do it.

    ``old`` and ``new`` are all parts; ``models`` is the table to judge by.
    """
    before, after = old["model"], new["model"]
    if before != after:
        yield from _changed(before, after)
    known = _missing(old, models)
    for what, said in _missing(new, models).items():
        if what not in known:
            message = f"{said} (as of {AS_OF}): calls fail"
            yield detail(
                "model-capability", "/model/name", before.get("name"), after.get("name"), message, op="changed"
            )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Detail]:
    for key in sorted({*before, *after} - {"name", "provider"}):
        if before.get(key) != after.get(key):
            message = f"`{key}` of the model changed: every evaluation has to be run again"
            yield detail("model-snapshot", f"/model/{key}", before.get(key), after.get(key), message)
    old, new = before.get("name"), after.get("name")
    if old != new:
        yield _name(old, new)
    if before.get("provider") != after.get("provider"):
        message = f"the provider is {_named(after.get('provider'))} now, it was {_named(before.get('provider'))}"
        yield detail("model-family", "/model/provider", before.get("provider"), after.get("provider"), message)


def _named(value: Any) -> str:
    return f"`{value}`" if value is not None else "not said"


def _name(old: Any, new: Any) -> Detail:
    path = "/model/name"
    if old is None or new is None or family_of(old) != family_of(new):
        message = f"the model is {_named(new)} now, it was {_named(old)}: another family"
        return detail("model-family", path, old, new, message)
    if is_floating_name(new) and not is_floating_name(old):
        message = f"`{new}` is not pinned, `{old}` was: the provider may change what is behind it"
        return detail("model-floating", path, old, new, message)
    message = f"`{new}` is another snapshot of the family of `{old}`: every evaluation has to be run again"
    return detail("model-snapshot", path, old, new, message)


def _missing(parts: Parts, models: Mapping[str, Facts]) -> dict[str, str]:
    """What the version's model cannot do for it: a word, and the sentence's beginning."""
    name = parts["model"].get("name")
    facts = _facts(name, models) if isinstance(name, str) else None
    if facts is None:
        return {}
    found = {
        what: f"`{name}` does not take {what}, which the prompt uses" for what in sorted(facts.lacks & _used(parts))
    }
    asked = [parts["params"][key] for key in _LENGTHS if isinstance(parts["params"].get(key), int)]
    tokens = estimated_tokens(parts) + max(asked, default=0)
    if tokens > facts.context:
        found["context"] = f"the prompt and its answer take ~{tokens} tokens, `{name}` has {facts.context}"
    return found


def _facts(name: str, models: Mapping[str, Facts]) -> Facts | None:
    plain = name.rpartition("/")[2]
    return models.get(plain) or models.get(family_of(plain))


def _used(parts: Parts) -> set[str]:
    used = {what for what, key in ((TOOLS, "tools"), (SCHEMA, "output_schema")) if parts.get(key)}
    contents = [message.get("content") for message in parts["messages"]]
    images = any(
        isinstance(part, dict) and part.get("type") == "image"
        for content in contents
        if isinstance(content, list)
        for part in content
    )
    return used | ({IMAGES} if images else set())
