"""``catalog usage``: read every source, join, judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from catalog_tool.errors import BackendError
from catalog_tool.usage.activity import EventBook, Tally
from catalog_tool.usage.join import Heard, coverage_of, join_prompts, join_skills, owner_rows
from catalog_tool.usage.ledger import Ledger
from catalog_tool.usage.listed import Listed
from catalog_tool.usage.meters import combined
from catalog_tool.usage.resolver import Resolver
from catalog_tool.usage.result import Coverage, SkillRow, UsageResult
from catalog_tool.usage.source import FAILED, Progress, Recorder, Source, SourceReport
from catalog_tool.usage.verdicts import UNDATED, Evidence, ground_of
from catalog_tool.usage.windows import Window


class Question(NamedTuple):
    """What is asked. ``owner``: only this owner's skills; the empty string: everybody's."""

    window: Window
    owner: str = ""


def usage(
    listed: Listed, sources: Sequence[Source], question: Question, progress: Progress | None = None
) -> UsageResult:
    """Join the catalog with what the sources tell. A source that fails is part of the answer, not an error."""
    window = question.window
    with Ledger() as skill_events, Ledger() as prompt_events:
        recorder = Recorder(window, EventBook(window, skill_events), EventBook(window, prompt_events))
        reports = [_read(source, window, recorder, progress) for source in sources]
        resolver = Resolver(listed.skills, recorder.marketplaces)
        tallies = recorder.skills.tally(resolver.skill_of), recorder.prompts.tally()
    return answer(listed, question, recorder, reports, tallies)


def answer(
    listed: Listed,
    question: Question,
    recorder: Recorder,
    reports: Sequence[SourceReport],
    tallies: tuple[Tally, Tally],
) -> UsageResult:
    """Join and judge what was recorded."""
    window = question.window
    heard = Heard(tallies[0], combined(recorder.meter.spendings(), recorder.totals), recorder.origins)
    prompts = Heard(tallies[1], recorder.prompt_meter.spendings(), {})
    resolver = Resolver(listed.skills, recorder.marketplaces)
    coverage = coverage_of(heard, resolver)
    ground = ground_of(_evidence(recorder, reports, coverage), window)
    prompt_calls = sum(activity.calls for activity in prompts.tally.names.values())
    prompt_evidence = Evidence(reports, prompt_calls, 0, recorder.prompts.earliest, recorder.heard, True, True, {})
    rows = join_skills(listed.skills, heard, resolver, ground)
    kept = [row for row in rows if _is_owned(row, question.owner)]
    return UsageResult(
        window=window,
        sources=reports,
        rows=kept,
        prompts=[
            row
            for row in join_prompts(listed, prompts, ground_of(prompt_evidence, window))
            if not question.owner or (row.prompt is not None and question.owner in row.prompt.owners)
        ],
        owners=owner_rows(kept),
        coverage=coverage,
        doubts=[*(doubt.reason for doubt in ground.doubts), *_undated(kept)],
        notes=_notes(listed, recorder, sum(sum(tally.undated.values()) for tally in tallies)),
    )


def _read(source: Source, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:
    try:
        return source.read(window, recorder, progress)
    except BackendError as error:
        message = f"{error.message} ({error.hint})" if error.hint else error.message
        return SourceReport(source.kind, FAILED, message=message)


def _is_owned(row: SkillRow, owner: str) -> bool:
    return not owner or (row.skill is not None and owner in row.skill.owners)


def _evidence(recorder: Recorder, reports: Sequence[SourceReport], coverage: Coverage) -> Evidence:
    return Evidence(
        sources=reports,
        calls=coverage.calls,
        hidden_calls=coverage.hidden_calls,
        earliest=recorder.skills.earliest,
        heard=recorder.heard,
        tells_calls=recorder.tells_calls,
        tells_typed=recorder.tells_typed,
        old_clients=recorder.clients,
        undated=coverage.undated,
        hidden_undated=coverage.hidden_undated,
    )


def _undated(rows: Sequence[SkillRow]) -> list[str]:
    return [UNDATED] if any(row.verdict.reason == UNDATED for row in rows) else []


def _notes(listed: Listed, recorder: Recorder, undated: int) -> list[str]:
    notes = []
    if undated:
        told, show = (f"{undated} events carry", "show") if undated > 1 else ("1 event carries", "shows")
        notes.append(f"{told} no time, or one in another unit than nanoseconds, and {show} no use")
    if listed.undated:
        notes.append(f"no skill's age is known: {listed.undated}")
    overlaps = recorder.skills.overlaps
    if overlaps:
        names = f"{overlaps} names" if overlaps > 1 else "1 name"
        notes.append(
            f"totals and single calls were told of {names}: the larger count is shown, for they may be the same"
        )
    again = recorder.meter.began_again
    if again:
        many = f"{again} counters" if again > 1 else "1 counter"
        notes.append(f"{many} began again inside a session; what came after was added")
    return notes
