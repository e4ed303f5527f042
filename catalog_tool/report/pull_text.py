"""What a pull brought, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.report.escape import for_terminal

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def pull_text(document: Mapping[str, Any], *, color: bool) -> str:
    """The document of ``pull`` in words, with what to do next."""
    target = for_terminal(document["target"])
    if document["status"] == "nothing":
        head = f"{target}: nothing to bring back"
    else:
        branch = for_terminal(document["branch"])
        verb = "is this already" if document["status"] == "unchanged" else "holds the edits"
        head = f"{target}: the branch {branch} {verb} ({document['commit'][:12]})"
    lines = [f"{_BOLD}{head}{_RESET}" if color else head]
    for change in document["changes"]:
        by = f", by {for_terminal(change['by'])}" if change["by"] else ""
        lines.append(f"  {for_terminal(change['object'])}: {for_terminal(change['what'])}{by}")
        lines.append(f"    {for_terminal(change['path'])}")
    lines += [f"  left: {for_terminal(left['object'])}: {for_terminal(left['reason'])}" for left in document["left"]]
    if document["commit"] is not None:
        lines.append(f"see it with `git diff HEAD...{for_terminal(document['branch'])}`, then review and merge it")
    return "\n".join(lines) + "\n"
