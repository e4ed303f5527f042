"""How a drift alert is worded: an issue, its comments, a chat's message, and Alertmanager's labels.

Drift and lateness are told apart in every place: the one is somebody's edit, the other a sync that failed or
never ran, and what has to be run is not the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.clock import iso
from catalog_tool.report.diff_markdown import code, prose
from catalog_tool.report.drift_text import (
    OLDER_ALL_THE_SAME,
    REPORTED,
    edited,
    is_somebodys,
    put_back_line,
    shown_value,
    state_words,
    superseded_line,
    sync_line,
    to_bring,
    to_put_back,
    to_write,
)
from catalog_tool.report.escape import fence, for_actions_log, for_markdown, for_terminal
from catalog_tool.report.findings_text import counted
from catalog_tool.report.markdown_cut import cut_markdown
from catalog_tool.sync.alarm import CLOSED, OPENED, REOPENED, Alarm, Remembered, Situation
from catalog_tool.sync.drift import BEHIND, DRIFT
from catalog_tool.sync.forge_marker import BLIND_ALERT

ROWS = 50
NAMES = 20
_TITLE_CHARS = 200
_SENTENCES = {
    DRIFT: "Somebody changed this target: it is not what was last applied to it.",
    BEHIND: "Nobody changed this target, but git has been ahead of it for longer than allowed: "
    "a sync failed, or never ran.",
}
_SUPERSEDED = "This target is not what this commit says, and was given a commit that this one does not descend from."
_ALERT_NAMES = {DRIFT: "CatalogDrift", BEHIND: "CatalogBehind"}
BLIND_NAME = "CatalogUnreachable"


class Facts(NamedTuple):
    """What an alert says besides the objects.

    ``said`` is what the failed look printed, ``run_url`` the run that looked, ``failed_run`` the sync that
    failed, ``now`` seconds.
    """

    catalog: str
    run_url: str
    failed_run: str
    said: str
    now: int


def alert_title(alarm: Alarm, facts: Facts) -> str:
    """The issue's title, the same whatever the alarm is at the moment."""
    what = "cannot be looked at" if alarm.kind == BLIND_ALERT else "is not what git says"
    return for_terminal(f"Catalog {facts.catalog}: {alarm.situation.target} {what}")[:_TITLE_CHARS]


def alert_body(alarm: Alarm, facts: Facts, limit: int) -> str:
    """The issue's body without its marker, at most ``limit`` bytes; ends with a line feed."""
    body = _blind(alarm, facts) if alarm.kind == BLIND_ALERT else _drift(alarm, facts)
    text = for_actions_log("\n".join(body) + "\n")
    end = f"\n<sub>Looked at {iso(facts.now)}{f' · [run]({facts.run_url})' if facts.run_url else ''}</sub>\n"
    return cut_markdown(text, limit - len(end.encode())) + end


def _drift(alarm: Alarm, facts: Facts) -> Iterator[str]:
    situation = alarm.situation
    name = code(situation.target)
    if not alarm.is_raised:
        yield f"The target {name} is what git says, and what was last applied to it."
        return
    yield f"**{_sentence(situation)}**"
    yield ""
    yield f"Target {name}, {counted(len(situation.concerned), 'object')}."
    yield ""
    yield from _table(situation)
    if situation.superseded:
        yield from (f"{prose(superseded_line(situation.superseded))}.", "")
    if situation.status == BEHIND:
        yield from _catch_up(situation, facts)
    else:
        yield from _take_sides(situation, situation.concerned)


def _sentence(situation: Situation) -> str:
    return _SUPERSEDED if situation.superseded and situation.status == BEHIND else _SENTENCES[situation.status]


def _table(situation: Situation) -> Iterator[str]:
    """One row an object; who and when only where somebody changed the target and it said either."""
    objects = situation.concerned
    told = any(any(edited(item)) for item in objects[:ROWS])
    yield f"| object | what happened | git says | the target holds |{' since, by |' if told else ''}"
    yield f"| --- | --- | --- | --- |{' --- |' if told else ''}"
    for item in objects[:ROWS]:
        held = _value(item["actual"])
        held += f", which git has as {item['elsewhere']}" if item.get("elsewhere") else ""
        cells = [
            for_markdown(text) for text in (state_words(item, situation.superseded), _value(item["expected"]), held)
        ]
        known = [for_markdown(text) for text in edited(item) if text]
        cells += ["<br>".join(known) or "not known"] if told else []
        yield f"| {code(str(item['object']))} | {' | '.join(cells)} |"
    if len(objects) > ROWS:
        yield f"\n… and {len(objects) - ROWS} more."
    yield ""


def _value(value: Any) -> str:
    """A label's split in words, a digest by its first characters, everything else as ``catalog drift`` shows it."""
    try:
        return ", ".join(f"{part['version']} {part['weight']:g} %" for part in value)
    except (TypeError, KeyError, ValueError):
        return shown_value(value).removeprefix("sha256:")


def _take_sides(situation: Situation, objects: list[Mapping[str, Any]]) -> Iterator[str]:
    """The lines to paste, for each way out that there is."""
    name = for_terminal(shlex.quote(situation.target))
    same = [item for item in objects if item["expected"] is not None and item["expected"] == item["actual"]]
    equal = [item for item in same if not item.get("beneath")]
    if to_bring(objects):
        yield from ("If the edit is right, bring it to git for review:", "")
        yield fence(f"catalog pull {name}", "sh")
    if to_put_back(objects):
        kept = to_put_back(objects)[:ROWS]
        yield from ("If git is right, put back exactly what was seen here:", "")
        if any(map(is_somebodys, kept)):
            yield from ("A version that somebody made there under git's name is lost by that: pull it first.", "")
        yield fence("\n".join(put_back_line(situation.target, item, situation.superseded) for item in kept), "sh")
    if to_write(objects):
        yield from ("What was deleted, or is behind, any sync writes:", "")
        yield fence(sync_line(situation.target, situation.superseded), "sh")
    if equal:
        yield from ("What equals git already only has to be marked as ours:", "")
        names = " ".join(for_terminal(shlex.quote(str(item["object"]))) for item in equal[:ROWS])
        yield fence(f"catalog adopt {name} {names}", "sh")


def _catch_up(situation: Situation, facts: Facts) -> Iterator[str]:
    objects = situation.concerned
    if facts.failed_run:
        yield from (f"The last sync failed: [its run]({facts.failed_run}).", "")
    elif not situation.superseded:
        yield from ("No failed run of the sync is known: it may never have run, or may not be asked about.", "")
    if to_write(objects):
        again = "When its reason is gone, run it again, or by hand"
        yield from (f"{OLDER_ALL_THE_SAME.capitalize() if situation.superseded else again}:", "")
        yield fence(sync_line(situation.target, situation.superseded), "sh")
    yield from _take_sides(situation, [item for item in objects if item["state"] in REPORTED or item.get("ours")])


def _blind(alarm: Alarm, facts: Facts) -> Iterator[str]:
    situation = alarm.situation
    name = code(situation.target)
    if not alarm.is_raised:
        yield f"The target {name} can be looked at again. Whether it drifted is in an issue of its own."
        return
    yield "**This target could not be looked at: whether it drifted is not known.**"
    yield ""
    yield f"Target {name}; looks that failed in a row: {situation.failures}."
    yield ""
    if facts.said.strip():
        yield fence(facts.said[-2_000:].strip())
    yield "See what stands in the way:"
    yield ""
    yield fence(f"catalog drift {for_terminal(shlex.quote(situation.target))}", "sh")


def alert_news(alarm: Alarm, action: str, before: Remembered | None, facts: Facts) -> str:
    """A comment on the issue: what is new since the last one."""
    run = f"\n\n[run]({facts.run_url})" if facts.run_url else ""
    return for_actions_log("\n".join(_news(alarm, action, before))) + f"{run}\n"


def _news(alarm: Alarm, action: str, before: Remembered | None) -> Iterator[str]:
    if action == CLOSED:
        yield "It can be looked at again." if alarm.kind == BLIND_ALERT else "Clean again: the target is what git says."
        return
    if alarm.kind == BLIND_ALERT:
        yield f"It cannot be looked at again: {counted(alarm.situation.failures, 'look')} failed in a row."
        return
    yield f"**{'It is back. ' if action == REOPENED else ''}{_sentence(alarm.situation)}**"
    yield ""
    now, old = alarm.situation.names, set(before.names if before is not None and action != REOPENED else ())
    yield from _listed("new", [name for name in now if name not in old])
    yield from _listed("still", [name for name in now if name in old])
    yield from _listed("no longer", sorted(old - set(now)))


def _listed(word: str, names: list[str]) -> Iterator[str]:
    yield from (f"- {word}: {for_markdown(name)}" for name in names[:NAMES])
    if len(names) > NAMES:
        yield f"- {word}: {len(names) - NAMES} more"


def chat_text(alarm: Alarm, action: str, facts: Facts, url: str) -> str:
    """One message for a chat, in Slack's text form: its three special characters are escaped.

    Source: Slack's "Formatting text for app surfaces", which asks for ``&``, ``<`` and ``>``.
    """
    situation = alarm.situation
    head = f"Catalog {facts.catalog}, target {situation.target}: "
    if action == CLOSED:
        said = "it can be looked at again" if alarm.kind == BLIND_ALERT else "clean again"
    elif alarm.kind == BLIND_ALERT:
        said = f"could not be looked at {situation.failures} times in a row; whether it drifted is not known"
    else:
        names = ", ".join(situation.names[:5]) + (" …" if len(situation.names) > 5 else "")
        word = "drift, somebody changed it" if situation.status == DRIFT else "behind, git is ahead of it"
        said = f"{'' if action == OPENED else 'still or again ' if action != REOPENED else 'again '}{word}: {names}"
    link = url or facts.run_url
    text = for_terminal(head + said) + (f"\n{link}" if link else "")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def manager_alerts(raised: list[Alarm], facts: Facts, lasts: int) -> list[dict[str, Any]]:
    """Every alarm as an alert of Alertmanager: a raised one ends ``lasts`` seconds from now unless sent again.

    A status that does not hold is sent too, as one that has ended: Alertmanager then says it is resolved.
    """
    alerts = []
    for alarm in raised:
        if alarm.is_raised is None:
            continue
        names = [BLIND_NAME] if alarm.kind == BLIND_ALERT else list(_ALERT_NAMES.values())
        current = BLIND_NAME if alarm.kind == BLIND_ALERT else _ALERT_NAMES.get(alarm.situation.status)
        for name in names:
            holds = bool(alarm.is_raised) and name == current
            alerts.append(_manager_alert(alarm, name, facts, facts.now + lasts if holds else facts.now))
    return alerts


def _manager_alert(alarm: Alarm, name: str, facts: Facts, ends: int) -> dict[str, Any]:
    objects = ", ".join(alarm.situation.names[:NAMES])
    alert: dict[str, Any] = {
        "labels": {"alertname": name, "catalog": facts.catalog, "target": alarm.situation.target},
        "annotations": {"summary": alert_title(alarm, facts), "objects": for_terminal(objects)},
        "endsAt": iso(ends),
    }
    if ends > facts.now:  # without a start Alertmanager takes the end for it; it keeps the first of several
        alert["startsAt"] = iso(facts.now)
    if facts.run_url:
        alert["generatorURL"] = facts.run_url
    return alert
