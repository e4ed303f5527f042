"""A label that was moved in git, or would be, or may not be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from catalog_tool.gate.judge import Judgement
from catalog_tool.gate.moves import Move
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.gate_text import gate_text, move_text
from catalog_tool.source.registry_edit import RegistryEdit

DONE, PLANNED, UNCHANGED = "done", "planned", "unchanged"


def label_move_document(status: str, move: Move, path: str, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """What ``catalog promote`` and ``rollback`` print with ``--format json``."""
    return {
        "format": 1,
        "status": status,
        "prompt": move.prompt,
        "label": move.label,
        "from": None if move.current is None else move.current.to_json(),
        "to": move.wanted.to_json(),
        "path": path,
        "decisions": [{"version": judged.version, **judged.decision.to_json()} for judged in judgements],
    }


def label_move_text(status: str, move: Move, path: str, judgements: Sequence[Judgement], *, color: bool) -> str:
    """One line on what became of the label, below what the gates said."""
    said = "".join(gate_text(judged.question, judged.decision, color=color) for judged in judgements)
    change = f"{move.label} of {move.prompt}: {move_text(move.current)} → {move_text(move.wanted)}"
    lines = {
        DONE: f"{change}\n  {for_terminal(path)}\n",
        PLANNED: f"{change}\n  {for_terminal(path)} would change; nothing was written\n",
        UNCHANGED: f"{move.label} of {move.prompt} is {move_text(move.current)} already: nothing to do\n",
    }
    return said + lines.get(status, f"{change}: refused, nothing was written\n")


_LIVE = {"moved": DONE, "planned": PLANNED, "unchanged": UNCHANGED}


def live_document(move: Move, path: str, live: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a label that was moved on a target first; ``live`` says where, by whom, why, and the branch."""
    return {**label_move_document(_LIVE[live["status"]], move, path, ()), "live": dict(live)}


def live_text(move: Move, live: Mapping[str, Any]) -> str:
    """What happened on the target, and what is left to do in git."""
    change = f"{move.label} of {move.prompt} on {for_terminal(live['target'])}"
    moved = f"{change}: {move_text(move.current)} → {move_text(move.wanted)}"
    if live["status"] == "planned":
        return f"{moved}\n  nothing was moved\n"
    head = moved if live["status"] == "moved" else f"{change} is {move_text(move.wanted)} already"
    lines = [head, f"  by {for_terminal(live['by'])}: {for_terminal(live['reason'])}"]
    if live["branch"] is None:
        return "\n".join([*lines, "  git says so already", ""])
    branch = for_terminal(live["branch"])
    lines += [f"  an override until git catches up: {live['commit'][:12]} on {branch} does", "  to bring git along:"]
    return "\n".join([*lines, f"    git push origin '{branch}'   and merge it", ""])


def edit_text(edit: RegistryEdit) -> str:
    """The lines of the registry that change, as a diff."""
    before = (edit.before or b"").decode(errors="replace").splitlines()
    after = edit.after.decode(errors="replace").splitlines()
    lines = difflib.unified_diff(before, after, edit.path, edit.path, lineterm="", n=2)
    return "".join(f"  {for_terminal(line)}\n" for line in lines)
