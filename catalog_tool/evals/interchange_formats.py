"""Every form of results that is read, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from catalog_tool.errors import UsageError
from catalog_tool.evals.interchange import USUAL_THRESHOLD, Imported, Reader
from catalog_tool.evals.interchange_promptfoo import read_promptfoo
from catalog_tool.evals.interchange_readers import read_deepeval, read_inspect, read_json_lines, read_junit

READERS: Mapping[str, Reader] = {
    "promptfoo": read_promptfoo,
    "junit": read_junit,
    "deepeval": read_deepeval,
    "inspect": read_inspect,
    "jsonl": read_json_lines,
}


def read_results(form: str, data: bytes, threshold: float = USUAL_THRESHOLD) -> Imported:
    """What the bytes of another tool's file say.

    ``threshold``: from which score a case passes where the form has no verdicts. Raises ``UsageError`` for an
    unknown form, ``MalformedError`` where the bytes are not of that form.
    """
    if form not in READERS:
        raise UsageError(f"results of {form!r} are not read", hint=f"one of {', '.join(READERS)}")
    return READERS[form](data, threshold)
