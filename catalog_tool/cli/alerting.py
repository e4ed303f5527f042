"""Telling people about alarms: an issue, a chat, Alertmanager; one that fails does not silence the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from catalog_tool.backends.alert_sinks import send_alerts, send_webhook
from catalog_tool.backends.forge import Forge, NotAllowedError
from catalog_tool.cli.hosted import sequence, warn
from catalog_tool.errors import CatalogError
from catalog_tool.report.alert_words import Facts, alert_body, alert_news, alert_title, chat_text, manager_alerts
from catalog_tool.sync.alarm import NEWS, Alarm, AlarmMemory, memory_of, transition
from catalog_tool.sync.alarm_issue import Issued, Words, keep_issue
from catalog_tool.sync.announce import LIMIT
from catalog_tool.sync.forge_marker import Marker, marked
from catalog_tool.sync.timing import SYSTEM, persistently

WEBHOOK_VARIABLE = "CATALOG_WEBHOOK_URL"
NOT_ALLOWED, FAILED = "not_allowed", "failed"


class Told(NamedTuple):
    """One alarm and what became of its issue; ``is_known``: everybody who should know has been told."""

    alarm: Alarm
    action: str
    url: str
    is_known: bool


def words_for(alarm: Alarm, facts: Facts) -> Words:
    """The alarm as its issue says it, within the forge's limit with the marker."""
    marker = marked(Marker(alarm.kind, facts.catalog, alarm.situation.target, sequence(), memory_of(alarm)), "")
    return Words(
        alert_title(alarm, facts),
        alert_body(alarm, facts, LIMIT - len(marker.encode())),
        lambda action, before: alert_news(alarm, action, before, facts),
    )


def tell_all(alarms: Iterable[Alarm], facts: Facts, forge: Forge | None, memory: AlarmMemory) -> list[Told]:
    """Bring every issue up to date, and send what is news to the chat that the environment names."""
    return [_tell(alarm, facts, forge, memory) for alarm in alarms]


def _tell(alarm: Alarm, facts: Facts, forge: Forge | None, memory: AlarmMemory) -> Told:
    known = True
    issued = Issued(transition(alarm, memory.said(alarm)), "")
    if forge is not None and alarm.is_raised is not None:
        try:
            issued = keep_issue(forge, facts.catalog, alarm, words_for(alarm, facts), (sequence(), SYSTEM))
        except NotAllowedError as error:
            warn(f"{error.message}; the alert is in the job summary only ({error.hint})")
            issued = Issued(NOT_ALLOWED, "")
        except CatalogError as error:
            warn(f"the issue could not be kept: {error.message}")
            issued, known = Issued(FAILED, ""), False
    webhook = os.environ.get(WEBHOOK_VARIABLE)
    if webhook and (issued.action in NEWS or (issued.action in (FAILED, NOT_ALLOWED) and alarm.is_raised)):
        text = chat_text(alarm, issued.action, facts, issued.url)
        known = _try("the webhook", lambda: send_webhook(webhook, text)) and known
    return Told(alarm, issued.action, issued.url, known)


def tell_manager(url: str | None, alarms: list[Alarm], facts: Facts, lasts_seconds: int) -> bool:
    """Send all alarms to Alertmanager, which is how it learns that they still hold; whether that worked."""
    alerts = manager_alerts(alarms, facts, lasts_seconds)
    if url is None or not alerts:
        return True
    return _try("Alertmanager", lambda: send_alerts(url, [*alerts]))


def _try(what: str, send: Callable[[], None]) -> bool:
    try:
        persistently(SYSTEM, send)
    except CatalogError as error:
        warn(f"{what} could not be told: {error.message}")
        return False
    return True
