"""Compares the tools of two prompt versions by name: the model writes calls, the caller runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog_tool.diff.changes import Detail, detail
from catalog_tool.diff.messages import text_detail
from catalog_tool.diff.schema import SchemaChange, compare_schemas
from catalog_tool.diff.words import diff_texts

_TOOLS = "/tools"
_ALIKE = 0.4
"""Share of changed words in two descriptions up to which a tool that came is taken for one that went."""

Tool = Mapping[str, Any]


def compare_tools(old: Sequence[Tool], new: Sequence[Tool]) -> list[Detail]:
    """Every difference between two ``tools`` parts; pointers begin with ``/tools`` and count as in the new one."""
    before = {str(tool["name"]): (index, tool) for index, tool in enumerate(old)}
    after = {str(tool["name"]): (index, tool) for index, tool in enumerate(new)}
    renamed = _renames(
        [tool for name, (_, tool) in before.items() if name not in after],
        [tool for name, (_, tool) in after.items() if name not in before],
    )
    found: list[Detail] = []
    for name, (index, tool) in before.items():
        if name not in after and name not in renamed:
            message = f"the tool `{name}` went: its handler is no longer called"
            found.append(detail("tool-removed", f"{_TOOLS}/{index}", tool, None, message, also=(_TOOLS,)))
    origin = {target: name for name, target in renamed.items()}
    for name, (index, tool) in after.items():
        if name in before or name in origin:
            found.extend(_compare(before[origin.get(name, name)][1], tool, f"{_TOOLS}/{index}"))
        else:
            found.append(_added(tool, f"{_TOOLS}/{index}"))
    found.extend(_order([renamed.get(name, name) for name in before], list(after)))
    return found


def schema_details(changes: Sequence[SchemaChange]) -> Iterator[Detail]:
    """The changes of a schema as details."""
    for change in changes:
        yield Detail(*change[:8], also=change.also)


def _added(tool: Tool, path: str) -> Detail:
    name = tool["name"]
    if tool.get("dispatch") == "dynamic":
        message = f"the tool `{name}` came: it is dispatched dynamically, no handler has to be written"
        return detail("tool-added", path, None, tool, message, contract="minor", also=(_TOOLS,))
    message = f"the tool `{name}` came: the model may call a handler that does not exist yet"
    return detail("tool-added", path, None, tool, message, also=(_TOOLS,))


def _renames(gone: Sequence[Tool], come: Sequence[Tool]) -> dict[str, str]:
    """Old name → new name of tools that are else the same, or nearly so."""
    renamed: dict[str, str] = {}
    left = list(come)
    for tool in gone:
        twin = next((other for other in left if _alike(tool, other)), None)
        if twin is not None:
            renamed[str(tool["name"])] = str(twin["name"])
            left.remove(twin)
    return renamed


def _alike(old: Tool, new: Tool) -> bool:
    if len(old) == 1 or len(new) == 1:
        return False
    if old.get("parameters") and old.get("parameters") == new.get("parameters"):
        return True
    before, after = old.get("description"), new.get("description")
    return bool(before and after) and diff_texts(str(before), str(after)).share <= _ALIKE


def _compare(old: Tool, new: Tool, path: str) -> Iterator[Detail]:
    if old == new and list(old) == list(new) and _written(old) == _written(new):
        return
    name = new["name"]
    if old["name"] != name:
        message = f"the tool `{old['name']}` is now `{name}`: calls are dispatched by name"
        yield detail("tool-renamed", f"{path}/name", old["name"], name, message)
    for key, side in (("parameters", "tool-arguments"), ("returns", "tool-returns")):
        for item in _schema(old.get(key), new.get(key), f"{path}/{key}", side):
            yield item._replace(message=f"`{name}`: {item.message}")
    yield from _description(old.get("description"), new.get("description"), f"{path}/description", str(name))
    yield from _strict(old, new, f"{path}/strict")
    if old.get("dispatch") != new.get("dispatch"):
        message = f"`{name}` declares another way of dispatch: neither callers nor the model see it"
        yield detail("meta", f"{path}/dispatch", old.get("dispatch"), new.get("dispatch"), message, contract="patch")


def _written(tool: Tool) -> str:
    """The tool with the order of its properties."""
    return repr(tool)


def _schema(old: Any, new: Any, path: str, side: str) -> Iterator[Detail]:
    if old is None or new is None:
        if old is not None or new is not None:
            yield _first_or_last(old, new, path, side)
        return
    yield from schema_details(compare_schemas(old, new, side=side, base_pointer=path))


def _first_or_last(old: Any, new: Any, path: str, side: str) -> Detail:
    """A schema where there was none, or none where there was one: anything was accepted, or is now."""
    came = old is None
    if not compare_schemas({} if came else old, new if came else {}, side=side):
        return detail("schema-respelled", path, old, new, "a schema that accepts anything is as good as none")
    if side == "tool-returns":
        message = "results have a schema now: what the tool returned so far may not fit it"
        gone = "results have no schema any more: whatever the tool returned still fits"
        levels = {"contract": "major" if came else "minor"}
        return detail("tool-returns", path, old, new, message if came else gone, **levels)
    if came:
        message = "the arguments have a schema now: the handler sees a part of what it saw"
        return detail("tool-arg-narrowed", path, old, new, message)
    message = "the arguments have no schema any more: the handler may see anything"
    return detail("tool-arg-widened", path, old, new, message)


def _description(old: Any, new: Any, path: str, name: str) -> Iterator[Detail]:
    if old == new:
        return
    said, text = f"the description of `{name}` {'came' if old is None else 'went'}", None
    if old is not None and new is not None:
        wording = text_detail(path, str(old), str(new), f"the description of `{name}`")
        said, text = wording.message, wording.text
    yield detail("tool-text", path, old, new, f"{said}: models choose tools by it", text=text)


def _strict(old: Tool, new: Tool, path: str) -> Iterator[Detail]:
    before, after, name = old.get("strict", False), new.get("strict", False), new["name"]
    if before and not after:
        message = f"`{name}` is no longer strict: arguments may not fit the schema"
        yield detail("tool-strict-off", path, True, None, message)
    elif after and not before:
        message = f"`{name}` is strict now: arguments fit the schema"
        yield detail("tool-arg-narrowed", path, None, True, message)


def _order(old: list[str], new: list[str]) -> Iterator[Detail]:
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    if before != after:
        message = f"tools are listed in another order: {', '.join(after)}"
        yield detail("schema-order", _TOOLS, before, after, message)
