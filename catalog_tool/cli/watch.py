"""``catalog watch``: a live version that does worse than its stable one is moved back on the target."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from catalog_tool.cli import complete
from catalog_tool.cli.context import answer, format_option, place_of, wants_color
from catalog_tool.cli.label_moves import LabelDesk, shelf_of
from catalog_tool.cli.live_rollback import (
    LiveOrder,
    back_from,
    free_branch,
    live_session,
    roll_back_live,
    subject_of,
    word_of,
)
from catalog_tool.cli.stopping import stopping
from catalog_tool.cli.watching import BREACH, ROLLED_BACK, UNKNOWN, WAITING, Watched, watched_label
from catalog_tool.clock import iso, now
from catalog_tool.errors import BackendError, CatalogError, GitError, UsageError
from catalog_tool.gate.watch_policy import WatchPolicy, watch_policies
from catalog_tool.model.labels import LabelValue
from catalog_tool.report.escape import for_json
from catalog_tool.report.json_document import json_document
from catalog_tool.report.watch_text import watch_text
from catalog_tool.source.base import merged_commit
from catalog_tool.source.resolve import open_catalog, unknown_name, versions_of
from catalog_tool.source.root import Place
from catalog_tool.source.tree import RevisionTree
from catalog_tool.sync.live_move import LiveLabel, read_label
from catalog_tool.usage.live_watch import Span
from catalog_tool.usage.promql import PromQl
from catalog_tool.usage.web import Asker, access_of

EPILOG = """\b
Examples:
  catalog watch prod --prometheus http://prometheus:9090            look once; nothing is moved
  catalog watch prod --act                                          for cron: look once, roll back on a breach
  catalog watch prod --act --interval 60s                           until it is stopped
  catalog watch prod support_agent --label production --format json

What is watched stands under `labels.NAME.watch` in catalog.yaml, of the revision that --rev names (HEAD).
Where Prometheus is: --prometheus or CATALOG_PROMETHEUS_URL; how to log in: CATALOG_PROMETHEUS_TOKEN, _USER and
_PASSWORD, _TENANT, _HEADERS. A label that was rolled back is left alone until git catches up.
Exit codes: 0 healthy, not enough samples yet, or rolled back before; 1 a breach (with --act: rolled back);
2 wrong usage; 3 it could not be looked at, which is never healthy; 130 stopped. With --interval only a first round that
is wrong ends it: what cannot be read later, such as a HEAD that is broken for a moment, is told and looked at again.
"""
WORST_FIRST = (UNKNOWN, ROLLED_BACK, BREACH, "override", WAITING, "healthy")
EXIT_CODES = {UNKNOWN: 3, ROLLED_BACK: 1, BREACH: 1}
STOPPED = 130


class Asked(NamedTuple):
    """What to look at, and whether to act on it."""

    target: str
    prompts: tuple[str, ...]
    label: str | None
    revision: str
    acts: bool


@click.command("watch", epilog=EPILOG)
@click.argument("target", metavar="TARGET", shell_complete=complete.targets)
@click.argument("prompts", nargs=-1, metavar="[ID]...")
@click.option("--label", metavar="LABEL", shell_complete=complete.labels, help="Only this label.")
@click.option("--prometheus", metavar="URL", envvar="CATALOG_PROMETHEUS_URL", help="Where Prometheus answers.")
@click.option("--act", "acts", is_flag=True, help="Roll back on a breach; without it nothing is moved.")
@click.option("--once", is_flag=True, help="Look once (the default).")
@click.option("--interval", metavar="DURATION", help="Look again and again: 60s, 5m.")
@click.option("--rev", "revision", metavar="REV", default="HEAD", help="Take this git revision instead of HEAD.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, target: str, prompts: tuple[str, ...], output: str, **given: Any) -> int:
    """Roll back a live version that does worse than its stable one."""
    if given["once"] and given["interval"] is not None:
        raise UsageError("--once and --interval cannot both be meant")
    if not given["prometheus"]:
        raise UsageError("watch needs a Prometheus", hint="give --prometheus URL, or set CATALOG_PROMETHEUS_URL")
    asked = Asked(target, prompts, given["label"], given["revision"], given["acts"])
    place = place_of(ctx)
    access = access_of("--prometheus", given["prometheus"], os.environ)
    with Asker(access) as asker:
        prometheus = PromQl(asker, access.host)
        if given["interval"] is None:
            document = _round(place, asked, prometheus)
            answer(json_document(document) if output == "json" else watch_text(document, color=wants_color(ctx)))
            return EXIT_CODES.get(str(document["status"]), 0)
        return _again_and_again(ctx, _rounds(place, asked, prometheus), given["interval"], output)


def _again_and_again(ctx: click.Context, rounds: Iterator[dict[str, Any]], interval: str, output: str) -> int:
    """Rounds until a signal: one document a line, or one paragraph a round."""
    seconds = duration_seconds("--interval", interval)
    with stopping() as stop:
        while not stop.is_asked():
            document = next(rounds)
            line = for_json(json.dumps(document, ensure_ascii=False)) + "\n"
            answer(line if output == "json" else watch_text(document, color=wants_color(ctx)))
            sys.stdout.flush()
            stop.wait(seconds)
    return STOPPED


def _rounds(place: Place, asked: Asked, prometheus: PromQl) -> Iterator[dict[str, Any]]:
    """Round after round, without an end. CatalogError: the first one was asked for wrongly.

    What the first round could read may be missing or broken in a later one: that is told, and the next one looks
    again, because who watches for months must not miss a breach for the sake of a moment.
    """
    yield _round(place, asked, prometheus)
    while True:
        try:
            yield _round(place, asked, prometheus)
        except CatalogError as error:
            yield {**_document(asked, UNKNOWN, now(), ()), "message": error.message}


def _round(place: Place, asked: Asked, prometheus: PromQl) -> dict[str, Any]:
    """Look at every watched label once, and act where that was asked."""
    at = now()
    found = [_looked(place, asked, prometheus, desk, policy, at) for desk, policy in _desks(place, asked)]
    statuses = {one.status for one in found}
    return _document(asked, next(status for status in WORST_FIRST if status in statuses), at, found)


def _document(asked: Asked, status: str, at: int, found: Sequence[Watched]) -> dict[str, Any]:
    """What a round says."""
    return {
        "format": 1,
        "status": status,
        "target": asked.target,
        "at": iso(at),
        "acts": asked.acts,
        "labels": [one.to_json() for one in found],
    }


def _desks(place: Place, asked: Asked) -> Iterator[tuple[LabelDesk, WatchPolicy]]:
    """Every watched label of the catalog. UsageError: there is none."""
    if place.git is None:
        raise GitError(f"{place.root} is not in a git repository", hint="what a label had before is read from git")
    catalog = open_catalog(place, asked.revision)
    files = catalog.files
    policies = watch_policies(files.settings)
    for prompt in asked.prompts:
        if not versions_of(files, prompt):
            raise unknown_name(files, prompt)
    wanted = [
        (prompt, label)
        for prompt, values in sorted(files.labels.items())
        for label in sorted(values)
        if label in policies and asked.label in (None, label) and (not asked.prompts or prompt in asked.prompts)
    ]
    if not wanted:
        hint = "write `watch: {}` under the label in catalog.yaml, and commit it"
        raise UsageError("no label of these is watched", hint=hint)
    commit = merged_commit(catalog.tree) if isinstance(catalog.tree, RevisionTree) else None
    shelf = shelf_of(place, catalog, commit)
    for prompt, label in wanted:
        yield LabelDesk(catalog, prompt, label, None, shelf), policies[label]


def _looked(
    place: Place, asked: Asked, prometheus: PromQl, desk: LabelDesk, policy: WatchPolicy, at: int
) -> Watched:  # fmt: skip
    """One label. A failure to look is ``unknown``, and the others are still looked at."""
    found = Watched(desk.prompt, desk.label, UNKNOWN)
    try:
        with live_session(place, desk, asked.target) as session:
            try:
                named, catalog = (desk.prompt, desk.label), desk.catalog.files.settings.catalog or ""
                live = read_label(session, catalog, named, word_of(place, desk))
            except UsageError as error:
                return found._replace(message=error.message)
        back, nowhere = _way_back(desk, live)
        found = watched_label(prometheus, policy, desk, live, back, Span(at, policy.window))
        if found.status != BREACH or not asked.acts:
            return found
        if back is None:
            return found._replace(message=f"{found.message}; it cannot be rolled back: {nowhere}")
        branch = free_branch(place, subject_of(desk), at)
        order = LiveOrder(asked.target, None, f"watch: {found.message}", branch, expected=live.value)
        done = roll_back_live(place, desk, order)
        return found._replace(status=ROLLED_BACK, rollback={**done.to_json(), "to": done.wanted.to_json()})
    except (BackendError, GitError) as error:
        return found._replace(status=UNKNOWN, message=error.message)


def _way_back(desk: LabelDesk, live: LiveLabel) -> tuple[LabelValue | None, str]:
    """What a rollback would make of the label, or None and why not."""
    try:
        return back_from(desk, live, None), ""
    except UsageError as error:
        return None, error.message


def duration_seconds(option: str, text: str) -> int:
    """``5m`` → 300. Raises ``UsageError``."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isascii() and number.isdigit()) or not 0 < int(number) <= 100_000:
        raise UsageError(f"{option} {text}: write a number and s, m or h, for example 60s")
    return int(number) * units[unit]
