"""``catalog gate``: may this version have that label? A decision, with every reason."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.complete import labels, prompt_ids, versions
from catalog_tool.cli.context import answer, format_option, place_of, rev_option, wants_color
from catalog_tool.cli.label_moves import (
    EVIDENCE_FROM,
    LabelDesk,
    desk_for,
    evidence_option,
    judging_by,
    released_value,
    shelf_of,
)
from catalog_tool.cli.numbers import Share
from catalog_tool.cli.records import RECORD_OPTIONS, RecordOptions, record_options, records_of
from catalog_tool.clock import now
from catalog_tool.errors import UsageError
from catalog_tool.gate.decide import decide, decide_again
from catalog_tool.gate.decision import ALLOW, DENY, INDETERMINATE, NOTED, Decision, Question, Reason
from catalog_tool.gate.in_toto import statement
from catalog_tool.gate.judge import ask, with_evidence
from catalog_tool.gate.moves import Move, promoted
from catalog_tool.gate.policy import read_policy
from catalog_tool.gate.shelf import Sources
from catalog_tool.report.gate_json import gate_document
from catalog_tool.report.gate_text import gate_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.new_files import NewFile, create
from catalog_tool.source.root import Place

EXIT_CODES = {ALLOW: 0, DENY: 1, INDETERMINATE: 3}

EPILOG = """\b
Examples:
  catalog gate support_agent v3 --label production
  catalog gate support_agent v3 --label production --weight 5
  catalog gate support_agent v3 --label production --candidate run.json --format json
  catalog gate support_agent v3 --label production --evidence-from prod
  catalog gate support_agent v3 --label production --candidate results.json --from promptfoo --keep
  catalog gate support_agent v3 --label production --candidate run.json --again   is it still as good?
  catalog gate support_agent v3 --label production --statement v3.intoto.json   for signing

Evidence is read from prompts/ID/evidence, with --evidence-from from a target too: the newest run of exactly
this content. If the label has been moved
to VERSION already, since the base of your branch, that move is judged; else the one that `promote` would make.
Exit codes: 0 allow, 1 deny, 2 wrong usage, 3 indeterminate (the label does not move either).
"""


@click.command("gate", epilog=EPILOG)
@click.argument("name", metavar="ID", shell_complete=prompt_ids)
@click.argument("version", metavar="VERSION", shell_complete=versions)
@click.option("--label", metavar="LABEL", required=True, shell_complete=labels, help="The label that is to move.")
@click.option("--weight", type=Share(), help="The share that VERSION is to get.")
@record_options
@evidence_option
@click.option("--again", is_flag=True, help="Judge what the label has already by a new run: --candidate is it.")
@click.option("--statement", metavar="FILE", help="Write VERSION's record as an in-toto statement to FILE, a new one.")
@rev_option
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context, /, name: str, version: str, label: str, *, weight: float | None, again: bool, **asked: Any
) -> int:
    """May this version have that label? A decision, with every reason."""
    if again and (weight is not None or asked["candidate"] is None):
        raise UsageError("--again judges a new run, and no move", hint="name the run with --candidate, and no --weight")
    place = place_of(ctx)
    desk = desk_for(place, asked["revision"], name, label, version)
    with judging_by(place, desk, asked[EVIDENCE_FROM]) as desk:
        question, sources = _held(desk, version) if again else _question(place, desk, version, weight)
        given = records_of(question, desk.catalog, RecordOptions(**{name: asked.pop(name) for name in RECORD_OPTIONS}))
        question = with_evidence(question, sources, given.candidate, given.baseline)
    decision = decide_again(question) if again else decide(question)
    if asked["statement"] is not None:
        _write_statement(question, asked["statement"])
    if asked["output"] == "json":
        answer(json_document(gate_document(question, decision, has_policy=desk.policy is not None)))
    else:
        answer(gate_text(question, _with_note(decision, desk), color=wants_color(ctx)))
    return EXIT_CODES[decision.status]


def _question(place: Place, desk: LabelDesk, version: str, weight: float | None) -> tuple[Question, Sources]:
    """The move that the tree makes already, compared with the base; else the one that a promotion would make."""
    policy = desk.policy or read_policy({})
    base, released = released_value(desk)
    if weight is None and desk.current is not None and base is not None:
        made = Move(desk.prompt, desk.label, released, desk.current)
        if version in made.gaining():
            then = desk.sources_since(base, shelf_of(place, desk.catalog, base))
            return ask(made, version, policy, then, now()), then
    wanted = promoted(desk.current, version, weight, policy)
    sources = desk.sources
    return ask(Move(desk.prompt, desk.label, desk.current, wanted), version, policy, sources, now()), sources


def _held(desk: LabelDesk, version: str) -> tuple[Question, Sources]:
    """What the label has already, compared with what git knows of it."""
    if desk.current is None or version not in desk.current.versions:
        message = f"{desk.prompt}@{desk.label} does not point to {version}"
        raise UsageError(message, hint="leave --again out to judge a move")
    move = Move(desk.prompt, desk.label, desk.current, desk.current)
    return ask(move, version, desk.policy or read_policy({}), desk.sources, now()), desk.sources


def _write_statement(question: Question, path: str) -> None:
    evidence = question.record.evidence
    if evidence is None or evidence.prompt.digest != question.candidate.digest:
        raise UsageError("there is no evidence about this content to make a statement of", hint="run `catalog eval`")
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100 - links stay as typed
    create(Path(folder), NewFile(name, json_document(statement(evidence))))


def _with_note(decision: Decision, desk: LabelDesk) -> Decision:
    if desk.policy is not None:
        return decision
    message = f"{desk.label} has no gate in catalog.yaml: the defaults were asked, and nothing enforces them"
    return replace(decision, reasons=(*decision.reasons, Reason(rule="policy", outcome=NOTED, message=message)))
