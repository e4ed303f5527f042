"""Drift for people at a terminal, and for the Markdown of an issue."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.report.escape import for_terminal, inline_code

_WORDS = {
    "in_sync": "in sync", "drift": "drift: somebody changed it",
    "behind": "behind: git has been ahead for longer than allowed", "unknown": "unknown: it could not be looked at",
}  # fmt: skip
STATES = {
    "drifted": "edited on the target", "conflict": "edited on the target, and git changed it too",
    "missing": "deleted on the target", "prune_conflict": "git no longer has it, and it was edited on the target",
    "collision": "something else has this name", "pending": "git is ahead", "create": "not there yet",
    "override": "moved on purpose by a rollback", "converged": "already what git says now",
    "adopt": "equal, and not marked as ours", "prune": "git no longer has it", "gone": "gone on both sides",
    "foreign": "belongs to another catalog",
}  # fmt: skip
_LEFT_OUT = {
    "prune": "the target's settings leave it out",
    "prune_conflict": "the target's settings leave it out, and it was edited on the target",
}
_UNFIT = {
    "create": "not there, and stays so", "pending": "git is ahead, and stays so",
    "prune": "git no longer has it, and it stays",
}  # fmt: skip
_SUPERSEDED = "superseded: it was given a commit that this one does not descend from"
_GITS_MOVE = frozenset({"pending", "create", "adopt", "prune", "gone", "foreign"})
"""Where nobody changed the target, or only a marker: its last write is not since when it differs, nor by whom."""
_WRITTEN = frozenset({"pending", "create", "missing"})
"""What any sync writes, without being told to overwrite."""
REPORTED = frozenset({"drifted", "conflict", "missing", "prune_conflict", "collision"})
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
SHOWN = 100


def drift_text(document: Mapping[str, Any], messages: Mapping[str, str], *, color: bool) -> str:
    """The document of ``drift`` in words; ``messages`` says by target why nothing is known."""
    lines: list[str] = []
    for name, found in document["targets"].items():
        head = f"{for_terminal(name)}: {_answer(found)}"
        lines.append(f"{_BOLD}{head}{_RESET}" if color else head)
        if name in messages:
            lines.append(f"  {for_terminal(messages[name])}")
        if found.get("superseded"):
            lines.append(f"  {superseded_line(found['superseded'])}")
        lines.extend(f"  {line}" for line in _objects(found))
        if found["counts"]:
            lines.append(f"  {_counts(found['counts'])}")
        lines.extend(_advice(name, found))
    return "\n".join(lines) + "\n"


def _answer(found: Mapping[str, Any]) -> str:
    return _SUPERSEDED if found["status"] == "behind" and found.get("superseded") else _WORDS[found["status"]]


def superseded_line(superseded: Mapping[str, Any]) -> str:
    """Why a sync from this commit is refused, and what helps."""
    commit = for_terminal(str(superseded["commit"])[:12])
    if superseded["is_newer"]:
        return (
            f"this checkout is older than what the target was given ({commit}), so a sync is refused: update it first"
        )
    return (
        f"what the target was given ({commit}) is not in this commit's history, so a sync is refused: "
        "history was rewritten, or this is another branch"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def _objects(found: Mapping[str, Any]) -> Iterator[str]:
    objects = found["objects"]
    for item in objects[:SHOWN]:
        told = edited(item)
        by = f", by {for_terminal(told.by)}" if told.by else ""
        since = f", since {for_terminal(told.since)}" if told.since else ""
        words = state_words(item, found.get("superseded"))
        yield f"{for_terminal(item['object'])}  {item['state']}: {words}{since}{by}"
        if item.get("beneath"):
            continue
        if item["state"] in REPORTED or (item["state"] == "foreign" and item["expected"] != item["actual"]):
            yield f"    git says {shown_value(item['expected'])}, the target holds {held_value(item)}"
    if len(objects) > SHOWN:
        yield f"… and {len(objects) - SHOWN} more (see --format json)"


class Edited(NamedTuple):
    """Since when a target differs from what was written there, and by whom; empty where nobody says."""

    since: str
    by: str


def edited(item: Mapping[str, Any]) -> Edited:
    """What the target says of an edit; nothing, where it was not the target that changed."""
    if item["state"] in _GITS_MOVE:
        return Edited("", "")
    return Edited(str(item["since"] or ""), str(item["by"] or ""))


def state_words(item: Mapping[str, Any], superseded: Mapping[str, Any] | None) -> str:
    """What happened to an object, in words; git is not ahead of a target that was given another history."""
    if superseded and item["state"] == "pending":
        return "not what this commit says"
    if item.get("left_out") and item["state"] in _LEFT_OUT:
        return _LEFT_OUT[item["state"]]
    if item.get("beneath"):
        return f"says what git says, but {for_terminal(item['beneath'])} there is not git's"
    if item.get("meta_only") and item["state"] in REPORTED:
        return "what is told of it beside its files was edited on the target"
    if item.get("meta_only"):
        return "only its metadata are not git's, which the next sync writes"
    if item.get("unfit") and item["state"] in _UNFIT:
        return f"{_UNFIT[item['state']]}: the target {for_terminal(item['unfit'])}"
    return "ours, and marked as another catalog's" if item.get("ours") else STATES[item["state"]]


def shown_value(value: Any) -> str:
    """A label's value, or the short form of a digest, on one line."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return for_terminal(text[:19] if text.startswith("sha256:") else text)


def held_value(item: Mapping[str, Any]) -> str:
    """What the target holds, and which version has that content in git: then there is nothing to bring."""
    known = item.get("elsewhere")
    return f"{shown_value(item['actual'])}{f', which git has as {known}' if known else ''}"


def to_bring(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Edits that git does not have and that a pull brings: no version, skill or prompt that is gone on either side."""
    return [item for item in objects if item["state"] in REPORTED and not item.get("elsewhere") and _is_brought(item)]


def _is_brought(item: Mapping[str, Any]) -> bool:
    is_label = str(item["object"]).startswith("labels/")
    if item.get("meta_only"):
        return False
    return item["state"] != "prune_conflict" and (is_label or item["state"] != "missing")


def to_put_back(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What only a sync that is told to overwrite it takes; a label that only waits for its version is not among it."""
    named = [item for item in objects if not item.get("beneath")]
    return [item for item in named if (item["state"] in REPORTED and item["state"] != "missing") or item.get("ours")]


def is_somebodys(item: Mapping[str, Any]) -> bool:
    """Whether git's side would destroy a version that was never git's, and that git has nowhere."""
    is_version = str(item["object"]).startswith("prompts/")
    return is_version and item["state"] == "collision" and not item.get("elsewhere")


def to_write(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What any sync writes."""
    return [item for item in objects if item["state"] in _WRITTEN and not item.get("unfit")]


def _advice(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The lines to paste: for the runtime's side, and for git's."""
    objects, superseded = found["objects"], found.get("superseded")
    if to_bring(objects):
        yield "  to bring the edits to git:"
        yield f"    catalog pull {for_terminal(shlex.quote(name))}"
    kept = to_put_back(objects)[:SHOWN]
    for words, is_lost in ((PUT_BACK, False), (PUT_BACK_LOST, True)):
        lines = [put_back_line(name, item, superseded) for item in kept if is_somebodys(item) == is_lost]
        yield from [f"  {words}:", *(f"    {line}" for line in lines)] if lines else ()
    if superseded and (to_write(objects) or not superseded["is_newer"]):
        yield f"  {OLDER_ALL_THE_SAME}:"
        yield f"    {sync_line(name, superseded)}"
    elif to_write(objects):
        yield "  to write what git is ahead by, or what was deleted there:"
        yield f"    {sync_line(name, None)}"


PUT_BACK = "to put back what git says"
PUT_BACK_LOST = "to put git's in place of a version that somebody made there, and that git does not have"
OLDER_ALL_THE_SAME = "if this commit is to win all the same"
_OLDER = " --allow older"


def sync_line(name: str, superseded: Mapping[str, Any] | None) -> str:
    """What writes all that any sync writes; a history that the target does not have must be allowed."""
    return f"catalog sync {for_terminal(shlex.quote(name))}{_OLDER if superseded else ''}"


def put_back_line(name: str, item: Mapping[str, Any], superseded: Mapping[str, Any] | None) -> str:
    """What puts git's side back on one object; where git has it no more, that deletes it and nothing else."""
    gone = f" --prune --only {for_terminal(shlex.quote(str(item['object'])))}" if item["expected"] is None else ""
    return f"{sync_line(name, superseded)}{gone} --overwrite {for_terminal(overwrite_argument(item))}"


def overwrite_argument(item: Mapping[str, Any]) -> str:
    """``OBJECT=DIGEST`` for a shell."""
    actual = item["actual"]
    token = "absent" if actual is None else actual if isinstance(actual, str) else _canonical(actual)
    return shlex.quote(f"{item['object']}={token}")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def drift_markdown(document: Mapping[str, Any], messages: Mapping[str, str]) -> str:
    """The body of an issue: what drifted, since when, and what to run."""
    lines: list[str] = []
    for name, found in document["targets"].items():
        lines += [f"## {inline_code(name)}: {_answer(found)}", ""]
        if name in messages:
            lines += [inline_code(messages[name]), ""]
        if found.get("superseded"):
            lines += [inline_code(superseded_line(found["superseded"])), ""]
        if found["objects"]:
            lines += ["| object | state | git says | the target holds | since | by |", "|---|---|---|---|---|---|"]
            lines += [_row(item, found.get("superseded")) for item in found["objects"][:SHOWN]]
            if len(found["objects"]) > SHOWN:
                lines += ["", f"… and {len(found['objects']) - SHOWN} more."]
            lines.append("")
        if found["counts"]:
            lines += [_counts(found["counts"]) + ".", ""]
        advice = [line.strip() for line in _advice(name, found)]
        if advice:
            shown = [line if line.startswith("catalog ") else f"# {line.rstrip(':')}" for line in advice]
            lines += ["```sh", *shown, "```", ""]
    return "\n".join(lines)


def _row(item: Mapping[str, Any], superseded: Mapping[str, Any] | None) -> str:
    told = edited(item)
    cells = [
        inline_code(item["object"]),
        f"{item['state']}: {state_words(item, superseded)}",
        inline_code(shown_value(item["expected"])),
        inline_code(held_value(item)),
        inline_code(told.since) if told.since else "",
        inline_code(told.by) if told.by else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
