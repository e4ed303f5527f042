"""Compares and judges the parts of two prompt versions, without knowing where they come from."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import PARTS, restore_order
from catalog_tool.diff.changes import Detail, detail, same_json
from catalog_tool.diff.messages import compare_messages, text_detail
from catalog_tool.diff.models import compare_models
from catalog_tool.diff.rules import worst
from catalog_tool.diff.schema import compare_schemas
from catalog_tool.diff.structure import differences
from catalog_tool.diff.tools import compare_tools, schema_details

STEP = 0.3
"""A step of a sampling parameter above which other answers are likely."""
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_k", "min_p")
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_FORMS = ("response_format",)
_ORDERED = ("tools", "output_schema")

Parts = Mapping[str, Any]


class Judgement(NamedTuple):
    """The worst levels of what changed between two versions, and one sentence with the worst thing."""

    contract: str
    behaviour: str
    summary: str


def judge_versions(old_parts: Parts, new_parts: Parts) -> Judgement:
    """What one version is to the next: ``PromptVersion.decoded()`` of both in, levels and a sentence out."""
    details = compare_parts(old_parts, new_parts)
    return Judgement(
        worst(item.contract for item in details),
        worst(item.behaviour for item in details),
        summary_of(details),
    )


def summary_of(details: Sequence[Detail]) -> str:
    """The worst thing in a sentence, and how many others there are."""
    first = max(details, key=lambda item: item.risk, default=None)
    if first is None:
        return "nothing that counts changed"
    return first.message + (f" (and {len(details) - 1} more)" if len(details) > 1 else "")


def compare_parts(old_parts: Parts, new_parts: Parts, *, same_rendering: bool | None = None) -> list[Detail]:
    """Every difference between two versions' canonical parts (with ``order``, where there is one).

    ``same_rendering``: whether all golden tests render the same; None where there are none. Each part
    that differs is named by at least one detail: what no rule accounts for is ``undecided``.
    """
    if all(same_json(old_parts.get(name), new_parts.get(name)) for name in (*PARTS, "order")):
        return []
    old, new = _written(old_parts), _written(new_parts)
    found = [
        *compare_messages(old["messages"], new["messages"]),
        *_variables(old["variables"], new["variables"]),
        *compare_tools(old["tools"], new["tools"]),
        *_output(old["output_schema"], new["output_schema"]),
        *compare_models(old, new),
        *_params(old["params"], new["params"]),
        *_template(old["template"], new["template"], same_rendering=same_rendering),
    ]  # fmt: skip
    return [*found, *_unaccounted(old, new, found)]


def _written(parts: Parts) -> dict[str, Any]:
    """The parts with properties in the written order, as models see them; the given ones stay as they are."""
    found = dict(parts)
    if found.get("order"):
        found |= {name: copy.deepcopy(found[name]) for name in _ORDERED}
        restore_order(found)
    return found


def _variables(old: Any, new: Any) -> Iterator[Detail]:
    return schema_details(compare_schemas(old, new, side="variables", base_pointer="/variables"))


def _output(old: Any, new: Any) -> Iterator[Detail]:
    path = "/output_schema"
    if bool(old) == bool(new):
        yield from schema_details(compare_schemas(old, new, side="output", base_pointer=path))
    elif new:
        message = "the answer is JSON with a schema now, it was text: whatever parses it breaks"
        yield detail("output-form", path, None, new, message)
    else:
        message = "the output schema went, the answer is text now: whatever parses it breaks"
        yield detail("output-form", path, old, None, message)


def _params(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Detail]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if not same_json(before, after):
            yield _param(name, before, after)


def _param(name: str, before: Any, after: Any) -> Detail:
    path, said = f"/params/{_escaped(name)}", f"`{name}` {_moved(before, after)}"
    if name in _FORMS:
        return detail("output-form", path, before, after, f"{said}: whatever parses the answer may break")
    if name in _LENGTHS:
        raised = after is None or (before is not None and after > before)
        if raised:
            return detail("params-raised", path, before, after, f"{said}: answers may be longer and cost more")
        return detail("params-cut", path, before, after, f"{said}: answers may be cut off")
    if name == "stop":
        return detail("params-cut", path, before, after, f"{said}: answers may end elsewhere")
    levels = {"behaviour": "high"} if _far(name, before, after) else {}
    message = f"{said}: answers are drawn from another distribution"
    return detail("params-sampling", path, before, after, message, **levels)


def _moved(before: Any, after: Any) -> str:
    if before is None:
        return f"is {_shown(after)} now, it was left to the provider"
    if after is None:
        return f"was {_shown(before)} and is left to the provider now"
    return f"went from {_shown(before)} to {_shown(after)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _far(name: str, before: Any, after: Any) -> bool:
    """Whether a sampling parameter made a big step; where the provider's default is one end, nobody knows."""
    if name not in _SAMPLING:
        return False
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after)]
    return not all(numbers) or round(abs(after - before), 9) > STEP


def _template(old: Any, new: Any, *, same_rendering: bool | None) -> Iterator[Detail]:
    if old == new:
        return
    if same_rendering:
        message = f"the template engine is `{new}` now, it was `{old}`; every golden test renders the same"
        yield detail("template-engine", "/template", old, new, message, behaviour="none")
        return
    why = (
        "no golden test shows whether texts render the same"
        if same_rendering is None
        else "golden tests render differently"
    )
    message = f"the template engine is `{new}` now, it was `{old}`: {why}"
    yield detail("template-engine", "/template", old, new, message)


def _unaccounted(old: Parts, new: Parts, found: Sequence[Detail]) -> Iterator[Detail]:
    """A part that differs and that no detail names: never silently the same."""
    named = {path.split("/")[1] for item in found for path in (item.path, *item.also) if path}
    for name in PARTS:
        if name not in named and not same_json(old.get(name), new.get(name)):
            message = f"`{name}` differs in a way that could not be judged"
            yield detail("undecided", f"/{name}", old.get(name), new.get(name), message)
    if not found and old.get("order") != new.get("order"):
        message = "the written order of properties differs in a way that could not be judged"
        yield detail("undecided", "/order", old.get("order"), new.get("order"), message)


def compare_meta(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Detail]:
    """Differences of description, owners, tags and ``x-*``, which no digest counts."""
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        path = f"/{_escaped(name)}"
        if isinstance(before, str) and isinstance(after, str):
            text = text_detail(path, before, after, f"`{name}`").text
            yield detail("meta", path, before, after, f"`{name}` changed", text=text)
        elif not name.startswith("x-"):
            yield detail("meta", path, before, after, f"`{name}` {_meta_verb(before, after)}")
        else:
            for place in differences(before, after):
                inside = "".join(f"/{_escaped(key)}" for key in place.path)
                said = f"`{'.'.join((name, *place.path))}` {_meta_verb(place.before, place.after)}"
                yield detail("meta", f"{path}{inside}", place.before, place.after, said)


def _meta_verb(before: Any, after: Any) -> str:
    return "came" if before is None else "went" if after is None else "changed"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
