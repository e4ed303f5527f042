"""What of a catalog a target cannot hold, told before anything is sent: from what its kind declares.

Nothing is connected and no driver is needed: kinds that hold everything are known by name, the others
say what they can do in a module that imports no driver. A kind whose text has a shape of its own
brings ``refusal(version, entry)`` in its mapping's module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from catalog_tool.backends.sdk_losses import LOSSES
from catalog_tool.backends.stored import label_value
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
from catalog_tool.model.capabilities import Capabilities

_PACKAGE = "catalog_tool.backends"
_DECLARED: Mapping[str, str] = {"mlflow": "mlflow_capabilities", "langfuse": "langfuse_capabilities"}
"""Kinds that cannot hold everything, and the module below this package with their ``CAPABILITIES``."""
_REFUSING: Mapping[str, str] = {"mlflow": "mlflow_prompts", "langfuse": "langfuse_document"}
"""Kinds whose mapping refuses single versions, and its module."""

_UNLIMITED: Mapping[str, Any] = {
    "label_delete": True, "version_delete": True, "weighted_labels": True, "skills": True, "version_bytes": None,
    "text_characters": None, "name_characters": None, "name_pattern": None, "label_pattern": None,
    "skill_pattern": None, "roles": None,
}  # fmt: skip
"""What a target declares that holds everything: nothing of it is looked at then."""

Fitness = Callable[[str, bytes | None], str | None]
"""Given an address and its entry (None: the object shall go), why a target cannot do that; None where it can."""


def declared(backend: str) -> Capabilities | None:
    """What a kind of store says of itself; None where it holds everything, and for kinds of other packages."""
    module = _DECLARED.get(backend)
    if module is None:
        return None
    found: Capabilities = import_module(f"{_PACKAGE}.{module}").CAPABILITIES
    return found


def fits_all(_address: str, _entry: bytes | None) -> str | None:
    """The fitness of a target that holds everything."""
    return None


def fitness(capabilities: Capabilities, prefix: str = "") -> Fitness:
    """The fitness of a target with these capabilities, whose names begin with ``prefix``."""
    if all(getattr(capabilities, name) == value for name, value in _UNLIMITED.items()):
        return fits_all

    def judge(address: str, entry: bytes | None) -> str | None:
        return next(problems(capabilities, address, entry, prefix), None)

    return judge


def problems(capabilities: Capabilities, address: str, entry: bytes | None, prefix: str = "") -> Iterator[str]:
    """Everything that keeps an object from being stored so, or from being removed; each a clause without a subject."""
    found = parse_address(address)
    if found.kind == SKILL:
        yield from _bad_skill(capabilities, found, entry)
        return
    if entry is None:
        yield from _lasting(capabilities, found)
        return
    yield from _bad_name(capabilities, prefix + found.name)
    judge = _bad_label if found.kind == LABEL else _bad_version
    yield from judge(capabilities, found, entry)


def _bad_skill(capabilities: Capabilities, found: Address, entry: bytes | None) -> Iterator[str]:
    pattern = capabilities.skill_pattern
    if not capabilities.skills:
        yield "has no skills"
    elif entry is not None and pattern is not None and not re.fullmatch(pattern, found.name, re.ASCII):
        yield f"does not take the skill's name {found.name}"


def _lasting(capabilities: Capabilities, found: Address) -> Iterator[str]:
    if found.kind == LABEL and not capabilities.label_delete:
        way = ": it goes with the version it stands on" if capabilities.labels_go_with_version else ""
        yield f"cannot remove a label, only move it{way}"
    if found.kind != LABEL and not capabilities.version_delete:
        yield "cannot remove a version"


def _bad_name(capabilities: Capabilities, name: str) -> Iterator[str]:
    longest = capabilities.name_characters
    if longest is not None and len(name) > longest:
        yield f"takes names of {longest} characters, {name[:40]}… has {len(name)}"
    if capabilities.name_pattern is not None and not re.fullmatch(capabilities.name_pattern, name, re.ASCII):
        yield f"does not take the name {name}"


def _bad_label(capabilities: Capabilities, found: Address, entry: bytes) -> Iterator[str]:
    if capabilities.label_pattern is not None and not re.fullmatch(capabilities.label_pattern, found.part, re.ASCII):
        yield f"does not take the label {found.part}"
    if not capabilities.weighted_labels and not isinstance(label_value(entry), str):
        yield "cannot split a label between versions"


def _bad_version(capabilities: Capabilities, found: Address, entry: bytes) -> Iterator[str]:
    if capabilities.version_bytes is not None and len(entry) > capabilities.version_bytes:
        yield f"takes versions of {capabilities.version_bytes:,} bytes, this one has {len(entry):,}"
    messages = json.loads(entry).get("messages", [])
    if capabilities.roles is not None:
        strange = sorted({str(message["role"]) for message in messages if "role" in message} - capabilities.roles)
        if strange:
            yield f"has no messages of the role {strange[0]}"
    module = _REFUSING.get(capabilities.backend)
    if module is not None:
        refused: str | None = import_module(f"{_PACKAGE}.{module}").refusal(found.part, entry)
        if refused is not None:
            yield f"cannot hold it: {refused}"
    elif capabilities.text_characters is not None:
        yield from _long_text(messages, capabilities.text_characters)


def _long_text(messages: list[Any], longest: int) -> Iterator[str]:
    size = max((len(text) for text in _texts(messages)), default=0)
    if size > longest:
        yield f"takes texts of {longest:,} characters, this one has {size:,}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def loses(capabilities: Capabilities, address: str, entry: bytes) -> str | None:
    """What a target that takes a version does not keep of it; None for nothing."""
    if capabilities.metadata or parse_address(address).kind in (LABEL, SKILL):
        return None
    meta = json.loads(entry).get("meta", {})
    return f"does not keep {', '.join(sorted(meta))}" if meta else None


def misrendered(capabilities: Capabilities, address: str, entry: bytes) -> Iterator[str]:
    """What the platform's own SDK makes of a version otherwise than it is meant; clauses without a subject."""
    told = LOSSES.get(capabilities.backend)
    if told is not None and parse_address(address).kind == VERSION:
        yield from told(json.loads(entry))


def rendering(capabilities: Capabilities) -> Fitness:
    """For plans: the first thing that the platform's SDK makes otherwise of what is stored; None for nothing."""

    def judge(address: str, entry: bytes | None) -> str | None:
        return None if entry is None else next(misrendered(capabilities, address, entry), None)

    return judge if capabilities.backend in LOSSES else fits_all
