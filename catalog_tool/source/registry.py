"""``prompts/registry.yaml`` to labels (design §2.2)."""

from __future__ import annotations

from typing import Any

from catalog_tool.model.finding import Finding
from catalog_tool.model.labels import Labels, LabelValue
from catalog_tool.model.names import is_label, is_prompt_id, is_version
from catalog_tool.source.document import SourceDocument

HUNDRED = 10_000
"""100 per cent in hundredths, the unit weights are checked in."""


def read_registry(path: str, data: bytes) -> tuple[Labels, SourceDocument, list[Finding]]:
    """The labels that can be used, the document (for places), and everything that is wrong."""
    document = SourceDocument(path, data)
    labels: Labels = {}
    if document.value is None:
        return labels, document, [] if document.is_blank else document.findings
    for name, written in document.value.items():
        if name == "format" and not isinstance(written, dict):
            if written is True or written != 1:
                document.report("Y023", f"format {written!r} is not one this tool reads (1)", document.at(["format"]))
            continue
        if not is_prompt_id(name):
            document.report("C310", f"`{name}` is not a prompt id", document.key([name]))
        elif not isinstance(written, dict):
            document.report("C310", f"`{name}` needs labels: `production: v1`", document.at([name]))
        else:
            labels[name] = _labels(document, name, written)
    return labels, document, document.findings


def _labels(document: SourceDocument, name: str, written: dict[str, Any]) -> dict[str, LabelValue]:
    found = {}
    for label, value in written.items():
        if not is_label(label):
            rule = "lower-case letters, digits, `_`, `-`, at most 36, never `latest` or a version"
            message = f"`{label}` is not a label: {rule}"
            document.report("C313", message, document.key([name, label]))
            continue
        parsed = _value(document, [name, label], value)
        if parsed is not None:
            found[label] = parsed
    return found


def _value(document: SourceDocument, path: list[str], value: Any) -> LabelValue | None:
    if isinstance(value, str) and is_version(value):
        return LabelValue(((value, 100),))
    if isinstance(value, dict) and value:
        return _split(document, path, value)
    document.report("C310", "a label points to a version (`v2`) or to a split (`{v2: 95, v3: 5}`)", document.at(path))
    return None


def _split(document: SourceDocument, path: list[str], written: dict[str, Any]) -> LabelValue | None:
    total = 0
    good = True
    for version, weight in written.items():
        if not is_version(version):
            document.report("C310", f"`{version}` is not a version", document.key([*path, version]))
            good = False
            continue
        hundredths = _hundredths(weight)
        if hundredths is None:
            message = f"the weight of {version} is a per cent above 0 with at most two decimals"
            document.report("C312", message, document.at([*path, version]))
            good = False
        total += hundredths or 0
    if good and total != HUNDRED:
        document.report("C312", f"the weights sum to {total / 100:g}, not 100", document.at(path))
        good = False
    return LabelValue(tuple(written.items())) if good else None


def _hundredths(weight: Any) -> int | None:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 100:
        return None
    hundredths = round(weight * 100)
    return hundredths if hundredths / 100 == weight else None
