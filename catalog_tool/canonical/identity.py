"""Identity of prompt versions, skills and bundles (design §4).

A digest can be recomputed from whatever is served: every function here takes plain JSON values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.canonical.jcs import canonical_members, digest_of, digest_of_bytes

HASH_VERSION = 1
PARTS = ("messages", "model", "output_schema", "params", "template", "tools", "variables")
"""The seven parts that every prompt version has. ``order`` is an eighth where it is not empty."""
META_KEYS = ("description", "owners", "tags")
TOOL_KEYS = ("name", "description", "parameters", "returns", "strict", "dispatch")

_HOLDERS = frozenset({dict, list})
_NOT_SCHEMAS = frozenset({"default", "const", "enum", "examples"})


class PartBytes(NamedTuple):
    """A prompt version's identity with the bytes it was computed from."""

    digest: str
    parts: dict[str, bytes]


def prompt_parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The seven parts of ``parts`` and, where it is not empty, ``order``."""
    chosen = {name: parts[name] for name in PARTS}
    order = parts["order"] if "order" in parts else written_order(parts)
    if order:
        chosen["order"] = order
    return chosen


def prompt_identity(parts: Mapping[str, Any], *, is_plain: bool = False) -> PartBytes:
    """Digest and canonical bytes of a prompt version.

    ``parts`` has the seven parts, in canonical form; ``order`` is computed from the written order
    of ``properties`` where it is not given. ``is_plain`` as in ``canonical_members``. Raises
    ``NotCanonicalError``.
    """
    encoded = canonical_members(prompt_parts(parts), is_plain=is_plain)
    return PartBytes(digest_of_parts(encoded), encoded)


def digest_of_parts(encoded: Mapping[str, bytes]) -> str:
    """The digest of a prompt version from the canonical bytes of each part."""
    inner = []
    for name in sorted(encoded):
        data = encoded[name]
        known = _FREQUENT.get(data) if len(data) <= _LONGEST_FREQUENT else None
        inner.append(f'"{name}":"{known or digest_of_bytes(data)}"')
    return digest_of_bytes(b'{"hv":1,"kind":"prompt","parts":{' + ",".join(inner).encode() + b"}}")


_FREQUENT = {data: digest_of_bytes(data) for data in (b"[]", b"{}", b'"mustache"', b'"none"', b'"jinja"')}
_LONGEST_FREQUENT = max(map(len, _FREQUENT))


def written_order(parts: Mapping[str, Any]) -> dict[str, list[str]]:
    """``{JSON pointer: [keys as written]}`` for every ``properties`` map that is not written sorted.

    Looks at ``output_schema`` and at tools' ``parameters``, because models write fields in the
    schema's order (design §4, ``order``).
    """
    found: dict[str, list[str]] = {}
    if parts.get("output_schema"):
        found.update(_orders("/output_schema", parts["output_schema"]))
    for index, tool in enumerate(parts.get("tools") or ()):
        if isinstance(tool, dict) and tool.get("parameters"):
            found.update(_orders(f"/tools/{index}/parameters", tool["parameters"]))
    return found


def _orders(pointer: str, schema: Any) -> Iterator[tuple[str, list[str]]]:
    pending: list[tuple[str, Any]] = [(pointer, schema)]
    for at, value in pending:
        if type(value) is list:
            pending.extend((f"{at}/{n}", item) for n, item in enumerate(value) if type(item) in _HOLDERS)
        elif type(value) is dict:
            for key, child in value.items():
                if type(child) not in _HOLDERS or key in _NOT_SCHEMAS or key.startswith("x-"):
                    continue
                inner = f"{at}/{_escape(key)}"
                if key == "properties" and type(child) is dict:
                    keys = list(child)
                    if keys != _sorted(keys):
                        yield inner, keys
                    pending.extend((f"{inner}/{_escape(name)}", child[name]) for name in keys)
                else:
                    pending.append((inner, child))


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def _sorted(keys: list[str]) -> list[str]:
    """Keys by UTF-16 code units; code points sort ASCII alike, without an encoding a key."""
    return sorted(keys) if "".join(keys).isascii() else sorted(keys, key=_utf16)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def restore_order(parts: dict[str, Any]) -> dict[str, Any]:
    """The same parts with ``properties`` in the written order again, for models and exporters."""
    for pointer, keys in parts.get("order", {}).items():
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        holder: Any = parts
        for step in steps[:-1]:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        written = holder[steps[-1]]
        holder[steps[-1]] = {key: written[key] for key in keys}
    return parts


def meta_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with a prompt but never counts: description, owners, tags, ``x-*``."""
    return {key: value for key, value in document.items() if key in META_KEYS or key.startswith("x-")}


class SkillFile(NamedTuple):
    """One file of a skill as its digest sees it; ``sha256`` is 64 hex, ``size`` bytes."""

    path: str
    mode: str
    sha256: str
    size: int


def sorted_files(files: Iterable[SkillFile]) -> list[SkillFile]:
    """Files by UTF-8 path, the order of every list of files."""
    return sorted(files, key=lambda file: file.path.encode())


def skill_digest(files: Iterable[SkillFile]) -> str:
    """The digest of a skill from its files."""
    listed = [
        {"mode": file.mode, "path": file.path, "sha256": file.sha256, "size": file.size} for file in sorted_files(files)
    ]
    return digest_of({"hv": HASH_VERSION, "kind": "skill", "files": listed}, is_plain=True)


def bundle_digest(
    labels: Mapping[str, Mapping[str, Any]],
    prompts: Mapping[str, Mapping[str, str]],
    skills: Mapping[str, str],
) -> str:
    """The digest of a bundle: labels, the digests of prompt versions, the digests of skills.

    No time and no commit enter, so a squash merge keeps it. Prompts without labels or without
    versions are left out of the map that would be empty.
    """
    return digest_of(
        {
            "hv": HASH_VERSION,
            "kind": "bundle",
            "labels": {name: dict(value) for name, value in labels.items() if value},
            "prompts": {name: dict(value) for name, value in prompts.items() if value},
            "skills": dict(skills),
        }
    )


def label_value(split: Sequence[tuple[str, float | int]]) -> Any:
    """A label in canonical form: ``"v2"``, or the list of versions and weights, stable first."""
    if len(split) == 1:
        return split[0][0]
    return [{"version": version, "weight": weight} for version, weight in split]
