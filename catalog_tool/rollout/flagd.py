"""Labels as flags of flagd: which version a user gets, for those who ask a flag service anyway.

A flag's key is ``ID@LABEL``, its variants are versions, as over OFREP. A weighted label becomes flagd's
``fractional`` over ``targetingKey``, candidates first, weights in hundredths of a per cent. What is hashed begins
with the prompt's id, as in our own bucketing and unlike flagd's default (the flag's key): so the labels of a
prompt choose alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.model.labels import Labels, LabelValue
from catalog_tool.rollout.bucket import SLOTS

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
LOST_ALWAYS = (
    "texts, models, tools and digests stay here: a flag only names a version, and whoever reads it fetches that itself",
    "generations: a reader cannot tell an older answer from a newer one",
)
LOST_WITH_WEIGHTS = (
    "who gets which version: flagd hashes a key another way (MurmurHash3, not SHA-256), so the share is the same and"
    " the people are others than those whom our client and service choose; flagd's evaluators may differ among"
    " themselves (that of Python hashes since 2.0 another encoding of the key than that of JavaScript)",
    "shares below 1 % where flagd is older than its high-precision buckets: it counts in hundreds",
)


class Flags(NamedTuple):
    """A flagd document, and what of the labels is not in it: sentences."""

    document: dict[str, Any]
    lost: list[str]


def flags_of(labels: Labels, version_ids: Mapping[tuple[str, str], str]) -> Flags:
    """Every label as a flag; ``version_ids`` by (prompt id, version), for the flags' metadata.

    Two prompts never share a flag: an id holds no ``@``.
    """
    flags = {
        f"{name}@{label}": _flag(name, label, value, version_ids)
        for name, found in sorted(labels.items())
        for label, value in sorted(found.items())
    }
    is_split = any(len(value.split) > 1 for found in labels.values() for value in found.values())
    lost = [*LOST_ALWAYS, *(LOST_WITH_WEIGHTS if is_split else ())]
    return Flags({"$schema": SCHEMA, "flags": flags}, lost)


def _flag(name: str, label: str, value: LabelValue, version_ids: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    known = {version: version_ids.get((name, version)) for version in value.versions}
    flag: dict[str, Any] = {
        "state": "ENABLED",
        "variants": {version: version for version in value.versions},
        "defaultVariant": value.stable,
        "metadata": {
            "prompt": name,
            "label": label,
            **{f"version_id_{version}": found for version, found in known.items() if found},
        },
    }
    if len(value.split) > 1:
        candidates = value.split[1:]
        weights = [[version, round(weight * (SLOTS // 100))] for version, weight in (*candidates, value.split[0])]
        # Without a key nothing is hashed: flagd then falls back to the default variant, as our client does.
        flag["targeting"] = {
            "if": [
                {"var": "targetingKey"},
                {"fractional": [{"cat": [name, {"var": "targetingKey"}]}, *weights]},
                None,
            ]
        }
    return flag
