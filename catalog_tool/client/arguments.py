"""The arguments of ``get``, checked once for each prompt."""

from __future__ import annotations

from catalog_tool.client.wanted import Wanted, is_digest
from catalog_tool.errors import UsageError
from catalog_tool.model import names


def wanted(name: object, label: object, version: object, *, keyed: bool) -> Wanted:
    """The arguments of ``get``, checked; where a version is given, labels say nothing.

    Raises ``UsageError``.
    """
    if not isinstance(name, str) or not names.is_prompt_id(name):
        raise UsageError(f"{name!r} is no prompt id", hint="ids look like support_agent or billing/refund")
    if version is not None:
        if not isinstance(version, str) or not (names.is_version(version) or is_digest(version)):
            raise UsageError(f"{version!r} is no version", hint="versions look like v2 or sha256:… (12 hex or more)")
        return Wanted(name, (), version)
    labels = (label,) if isinstance(label, str) else label
    if not isinstance(labels, list | tuple) or not labels:
        raise UsageError(f"{label!r} is no label", hint="give one label, or a list of labels in order")
    checked = []
    for item in labels:
        if not isinstance(item, str) or not names.is_label(item):
            raise UsageError(f"{item!r} is no label", hint="labels look like production or tenant_acme")
        checked.append(item)
    return Wanted(name, tuple(checked), None, keyed)
