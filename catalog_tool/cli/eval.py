"""``catalog eval``: what the golden tests of a prompt say of a version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.complete import references, targets
from catalog_tool.cli.context import answer, format_option, place_of, tell
from catalog_tool.cli.eval_options import asking_options, options_from
from catalog_tool.cli.eval_places import check_files, places_for, write
from catalog_tool.cli.progress import progress
from catalog_tool.errors import BackendError, UsageError
from catalog_tool.evals.comparison import compare, status_of
from catalog_tool.evals.golden import GoldenCase, GoldenSet, read_golden
from catalog_tool.evals.offline import PromptLook, look_at_prompt, newest_versions, status_of_all
from catalog_tool.evals.runner import evaluate
from catalog_tool.evals.sample_runs import (
    SampleRun,
    Scoring,
    append_text,
    for_samples,
    golden_lines,
    metrics_text,
    score_samples,
)
from catalog_tool.evals.samples import (
    Batch,
    Watermark,
    beginning,
    read_new,
    read_watermark,
    start_of,
    write_watermark,
)
from catalog_tool.evals.session import Session
from catalog_tool.evals.snapshots import snapshot_bytes, snapshot_path
from catalog_tool.gate.judge import policies_of
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.eval_json import evaluation_document, offline_document, samples_document
from catalog_tool.report.eval_text import evaluation_text, offline_text, samples_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.resolve import OpenCatalog, open_catalog, parse_reference, read_version, resolve_prompt
from catalog_tool.source.resolve import versions_of as version_files
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog eval --level0                            every prompt, without a model: for pull requests
  catalog eval support_agent@v3 --endpoint http://localhost:11434/v1 --model llama3.2
  catalog eval support_agent@v3 --baseline support_agent@production --endpoint openai \\
      --cache .eval-cache --max-cost 2 --out prompts/support_agent/evidence
  catalog eval support_agent@v3 --endpoint openai --store prod      evidence on a target instead of in git
  catalog eval support_agent@v3 --cache .eval-cache      replay: no key, no request
  catalog eval support_agent --samples samples.jsonl --min-new 50 --rubric answer_relevance \\
      --judge-model gpt-4.1-mini --endpoint openai --metrics scores.prom

Keys come from the environment only. Evidence is what `catalog gate` decides by; nothing is written
without --out, --store, --cache, --update-snapshots or --samples.
Exit codes: 0 passed, 1 a case failed, 2 wrong usage, 3 a case could not be asked or judged.
"""
_EXITS = {"pass": 0, "done": 0, "waiting": 0, "fail": 1, "indeterminate": 3, "unknown": 3}


@click.command("eval", epilog=EPILOG)
@click.argument("reference", metavar="[REF]", required=False, shell_complete=references)
@click.option("--baseline", metavar="REF", help="Run this version on the same cases, and compare.")
@click.option("--level0", is_flag=True, help="Only what needs no model; without REF the newest version of all.")
@click.option("--update-snapshots", is_flag=True, help="Record how the cases render (with --level0).")
@click.option("--case", "cases", multiple=True, metavar="NAME", help="Only this case; repeatable.")
@click.option("--out", metavar="DIR", help="Write evidence here, one file a run.")
@click.option("--store", metavar="TARGET", shell_complete=targets, help="Keep evidence on this target, by digest.")
@asking_options
@click.option("--samples", metavar="FILE", help="Score the production samples of this file instead.")
@click.option("--min-new", type=click.IntRange(1), default=50, show_default=True, help="Wait for so many new ones.")
@click.option("--rubric", "rubrics", multiple=True, metavar="NAME", help="Judge samples by this too; repeatable.")
@click.option("--watermark", metavar="FILE", help="How far the samples are scored; FILE.ID.watermark.json by default.")
@click.option("--metrics", metavar="FILE", help="Write all scores as Prometheus metrics by version id.")
@click.option("--cases-out", metavar="FILE", help="Add samples that did not pass as golden cases (JSON lines).")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, reference: str | None, output: str, **asked: Any) -> int:
    """Run the golden tests of a prompt version, and make evidence of it."""
    _refuse_combinations(reference, asked)
    place = place_of(ctx)
    if asked["level0"]:
        return _level_zero(place, reference, output, record=asked["update_snapshots"])
    if reference is None:
        raise UsageError("which version?", hint="catalog eval support_agent@v3, or --level0 for all prompts")
    wanted = parse_reference(reference)
    catalog = open_catalog(place, wanted.revision)
    version = resolve_prompt(catalog, wanted).version
    if asked["samples"]:
        return _samples(catalog, version, output, asked)
    return _evaluation(place, catalog, version, output, asked)


def _refuse_combinations(reference: str | None, asked: Mapping[str, Any]) -> None:
    modes = [name for name in ("level0", "samples") if asked[name]]
    if len(modes) > 1:
        raise UsageError("--level0 and --samples are two different things")
    if asked["update_snapshots"] and not asked["level0"]:
        raise UsageError("--update-snapshots records what --level0 renders", hint="give both")
    if modes and (asked["out"] or asked["store"] or asked["baseline"]):
        raise UsageError(f"--out, --store and --baseline do not go with --{modes[0]}: it asks no model for answers")
    if asked["cases"] and (modes or asked["out"] or asked["store"]):
        raise UsageError("--case is for trying: no evidence is made of some cases only")
    if asked["update_snapshots"] and reference is not None and parse_reference(reference).revision:
        raise UsageError("renderings are recorded in the work tree", hint="leave the revision out")


def _level_zero(place: Place, reference: str | None, output: str, *, record: bool) -> int:
    wanted = parse_reference(reference) if reference else None
    catalog = open_catalog(place, wanted.revision if wanted else None)
    versions = [resolve_prompt(catalog, wanted).version] if wanted else newest_versions(catalog)
    looks = [look_at_prompt(catalog, version) for version in versions]
    written: list[str] = []
    if record:
        written = [path for look in looks if (path := _recorded(place, catalog, look)) is not None]
        looks = [look_at_prompt(open_catalog(place, None), version) for version in versions]
    document = offline_document(looks, written)
    answer(json_document(document) if output == "json" else offline_text(looks, written))
    return _EXITS[status_of_all(looks)]


def _recorded(place: Place, catalog: OpenCatalog, look: PromptLook) -> str | None:
    """Write a version's renderings where it has any; its path from the catalog's root."""
    if not any(case.messages is not None for case in look.cases):
        return None
    path = snapshot_path(catalog.files.settings.prompts, look.version)
    write(Path(place.root) / path, snapshot_bytes(look.cases))
    return path


def _evaluation(
    place: Place, catalog: OpenCatalog, version: PromptVersion, output: str, asked: Mapping[str, Any]
) -> int:
    golden = read_golden(catalog, version.id)
    golden = (golden.named(asked["cases"]) if asked["cases"] else golden).scored()
    if not golden.cases:
        hint = f"add cases with `expect` to {catalog.files.settings.prompts}/{version.id}/tests/, or try --level0"
        raise UsageError(f"{version.id} has no golden cases that expect something", hint=hint)
    other = _baseline(place, version, asked["baseline"])
    with (
        places_for(place, catalog.files.settings, version.id, asked) as places,
        Session(options_from(asked, policies_of(catalog.files.settings).digest), os.environ) as session,
    ):
        asking = session.asking(version, golden, progress("asking"))
        against = session.asking(other, golden, progress("asking the baseline")) if other else None
        candidate = evaluate(version, golden, asking)
        baseline = evaluate(other, golden, against) if other and against else None
        written, troubles = places.keep(record for record in (candidate, baseline) if record is not None)
    compared = compare(candidate, baseline) if baseline else None
    if output == "json":
        answer(json_document(evaluation_document(candidate, baseline, compared, written)))
    else:
        answer(evaluation_text(candidate, baseline, compared, written))
    for trouble in troubles:
        tell(f"error: {for_terminal(trouble)}")
    return 3 if troubles else _EXITS[status_of(candidate)]


def _baseline(place: Place, version: PromptVersion, reference: str | None) -> PromptVersion | None:
    if reference is None:
        return None
    wanted = parse_reference(reference)
    if wanted.name != version.id:
        raise UsageError(f"the baseline is a version of {version.id}, not of {wanted.name}")
    return resolve_prompt(open_catalog(place, wanted.revision), wanted).version


def _samples(catalog: OpenCatalog, version: PromptVersion, output: str, asked: Mapping[str, Any]) -> int:
    check_files(asked)
    path = Path(asked["samples"])
    mark_path = Path(asked["watermark"] or f"{path}.{version.id.replace('/', '~')}.watermark.json")
    mark = read_watermark(mark_path, version.id)
    start = start_of(path, mark)
    batch = read_new(path, start, version.id)
    head, size = beginning(path)
    mark = replace(mark, head=head, head_bytes=size, offset=start)
    if len(batch.samples) < asked["min_new"]:
        run = SampleRun(new=len(batch.samples), mark=mark, waiting_for=asked["min_new"], unreadable=batch.unreadable)
    else:
        run = _scored(catalog, version, (batch, mark), asked)
        _publish(run, batch, version, mark_path, asked)
    answer(json_document(samples_document(run)) if output == "json" else samples_text(run))
    return _EXITS[run.status]


def _scored(
    catalog: OpenCatalog, version: PromptVersion, found: tuple[Batch, Watermark], asked: Mapping[str, Any]
) -> SampleRun:
    expectations = for_samples(read_golden(catalog, version.id), asked["rubrics"])
    if not expectations and not any(sample.scores for sample in found[0].samples) and not found[0].feedback:
        hint = "name a --rubric, or put `expect` at the top of a file in tests/"
        raise UsageError("there is nothing to score samples by", hint=hint)
    every = GoldenSet(cases=(GoldenCase(name="samples", path="", expect=expectations),), files=())
    files = version_files(catalog.files, version.id)
    parts = {each.digest: each.decoded() for each in (read_version(catalog, file) for file in files)}
    with Session(options_from(asked), os.environ) as session:
        scoring = Scoring(
            expectations=expectations,
            parts=parts,
            judge=session.judge(every),
            embedding=session.embedding(every),
            threads=asked["concurrency"],
            progress=progress("scoring"),
            spent=lambda: session.budget.spent,
        )
        return score_samples(*found, scoring)


def _publish(run: SampleRun, batch: Batch, version: PromptVersion, mark_path: Path, asked: Mapping[str, Any]) -> None:
    """Cases first and the watermark last: what a crash leaves undone is done again."""
    if asked["cases_out"]:
        lines, lacking = golden_lines(run, batch)
        try:
            append_text(Path(asked["cases_out"]), lines)
        except OSError as error:
            raise BackendError(f"{asked['cases_out']} cannot be written: {error.strerror}") from error
        if lacking:
            tell(f'{lacking} samples carry no `vars` and cannot become cases: record input as {{"vars", "messages"}}')
    if asked["metrics"]:
        write(Path(asked["metrics"]), metrics_text(version.id, run.mark.totals).encode())
    try:
        write_watermark(mark_path, run.mark)
    except OSError as error:
        raise BackendError(f"{mark_path} cannot be written: {error.strerror}") from error
