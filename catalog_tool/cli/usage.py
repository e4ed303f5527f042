"""``catalog usage``: which skills are alive."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, lazily, place_of, tell, wants_color
from catalog_tool.cli.progress import progress
from catalog_tool.clock import now
from catalog_tool.errors import UsageError
from catalog_tool.source.history_times import parse_time
from catalog_tool.source.schema_words import nearest
from catalog_tool.usage.collect import Question, usage
from catalog_tool.usage.decommission import POLICIES, Wish, propose, shown
from catalog_tool.usage.hooks import HookSource
from catalog_tool.usage.listed import Listed, listed_at, listed_in_file, with_plugins
from catalog_tool.usage.loki import SELECTOR, LokiSource
from catalog_tool.usage.otlp import OtlpSource
from catalog_tool.usage.prometheus import PrometheusSource
from catalog_tool.usage.result import UsageResult
from catalog_tool.usage.source import Source
from catalog_tool.usage.verdicts import IDLE
from catalog_tool.usage.web import Asker, access_of
from catalog_tool.usage.windows import window_of

EPILOG = """\b
Examples:
  catalog usage --otlp telemetry.jsonl
  catalog usage --loki http://localhost:3100 --prometheus http://localhost:9090
  catalog usage --hooks ~/.claude/skill-usage.jsonl --format html > usage.html
  catalog usage --otlp telemetry.jsonl.gz --fail-on stale --fail-on never
  catalog usage --otlp telemetry.jsonl --propose
  catalog usage --print-hook > .claude/hooks/skill_result.py

Credentials come from the environment: CATALOG_LOKI_TOKEN, or _USER and _PASSWORD, _TENANT, _HEADERS
(name=value,…), and the same with CATALOG_PROMETHEUS_. Silence counts only where somebody listened: whatever
is missing makes a skill unmeasurable, never stale.

Exit codes: 0 whatever was found, 1 with --fail-on, 2 wrong usage, 3 a source could not be read.
"""

_OWNERS_SHOWN = 20
"""How many owners an error names."""
_COMMAND_OPTIONS = (
    click.option(
        "--catalog", "catalog_file", metavar="FILE", help="Skills of this skills-catalog.json, not the work tree's."
    ),
    click.option(
        "--otlp", multiple=True, metavar="FILE", help="OTLP JSON lines of a collector; - is stdin. Repeatable."
    ),
    click.option("--hooks", multiple=True, metavar="FILE", help="JSON lines of hooks; - is stdin. Repeatable."),
    click.option("--loki", metavar="URL", help="A Grafana Loki."),
    click.option(
        "--loki-selector", metavar="SELECTOR", default=SELECTOR, show_default=True, help="Where logs stand there."
    ),
    click.option("--prometheus", metavar="URL", help="A Prometheus, for cost and tokens."),
    click.option("--since", default="90d", show_default=True, metavar="DURATION", help="How far to look back."),
    click.option(
        "--stale-after", default="30d", show_default=True, metavar="DURATION", help="Unused for so long is stale."
    ),
    click.option("--now", "until", metavar="TIME", help="Look back from this time (ISO 8601) instead of now."),
    click.option("--owner", metavar="OWNER", default="", help="Only this owner's skills."),
    click.option(
        "--fail-on", multiple=True, type=click.Choice(IDLE), help="Exit 1 for a skill of this status. Repeatable."
    ),
    click.option("--propose", "wants_proposal", is_flag=True, help="Write a branch that takes skills never used out."),
    click.option(
        "--policy", type=click.Choice(POLICIES), default=POLICIES[0], show_default=True, help="How, with --propose."
    ),
    click.option("--branch", default="", metavar="NAME", help="The branch to make, with --propose."),
    click.option("--print-hook", "wants_hook", is_flag=True, help="Print the hook that lets skills report results."),
)


def _options(function: Any) -> Any:
    for option in reversed(_COMMAND_OPTIONS):
        function = option(function)
    return function


@click.command("usage", epilog=EPILOG)
@_options
@format_option("text", "json", "csv", "markdown", "html")
@click.pass_context
def command(ctx: click.Context, /, output: str, **asked: Any) -> int:
    """Which skills are alive: the catalog joined with activity."""
    if asked["wants_hook"]:
        answer(Path(str(lazily("usage.skill_result_hook:__file__"))).read_text(encoding="utf-8"))
        return 0
    if asked["wants_proposal"] and asked["catalog_file"]:
        raise UsageError("--propose needs the catalog of the work tree", hint="leave --catalog out")
    moment = parse_time(asked["until"]) if asked["until"] else now()
    window = window_of(asked["since"], asked["stale_after"], moment)
    with ExitStack() as stack:
        sources = _sources(stack, asked)
        listed = _listed(ctx, asked["catalog_file"])
        _refuse_unknown_owner(listed, asked["owner"])
        result = usage(listed, sources, Question(window, asked["owner"]), progress("reading activity"))
    answer(_report(ctx, result, output))
    if result.failed:
        tell("a source could not be read: no skill is called stale or unused by this run")
    if asked["wants_proposal"]:
        _propose(ctx, result, Wish(asked["policy"], asked["branch"]))
    return result.exit_code(asked["fail_on"])


def _sources(stack: ExitStack, asked: dict[str, Any]) -> list[Source]:
    sources: list[Source] = [OtlpSource(name) for name in asked["otlp"]]
    sources += [HookSource(name) for name in asked["hooks"]]
    if sum(source.name == "-" for source in sources) > 1:
        raise UsageError("only one source can be stdin")
    if asked["loki"]:
        access = access_of("--loki", asked["loki"], os.environ)
        sources.append(LokiSource(stack.enter_context(Asker(access)), access.host, asked["loki_selector"]))
    if asked["prometheus"]:
        access = access_of("--prometheus", asked["prometheus"], os.environ)
        sources.append(PrometheusSource(stack.enter_context(Asker(access)), access.host))
    if not sources:
        hint = "name at least one of --otlp, --hooks, --loki, --prometheus"
        raise UsageError("no source of activity is named", hint=hint)
    return sources


def _listed(ctx: click.Context, file: str | None) -> Listed:
    place = place_of(ctx)
    return with_plugins(listed_in_file(file), place) if file is not None else listed_at(place)


def _refuse_unknown_owner(listed: Listed, owner: str) -> None:
    """A guard that asks for an owner whom nobody knows would pass for ever."""
    known = listed.owners
    if owner and owner not in known:
        near = nearest(owner, list(known))
        shown = f"{', '.join(known[:_OWNERS_SHOWN])}{', …' * (len(known) > _OWNERS_SHOWN)}"
        hint = f"did you mean {near}?" if near else f"owners are: {shown}" if known else "nothing in it has an owner"
        raise UsageError(f"--owner {owner}: nobody of that name owns anything in the catalog", hint=hint)


def _report(ctx: click.Context, result: UsageResult, output: str) -> str:
    if output == "json":
        return str(lazily("report.json_document:json_document")(result.to_json()))
    if output == "text":
        at_terminal = sys.stdout.isatty() or os.environ.get("COLUMNS")
        width = shutil.get_terminal_size((120, 24)).columns if at_terminal else 120
        return str(lazily("report.usage_text:usage_text")(result, width=width, color=wants_color(ctx)))
    return str(lazily(f"report.usage_{output}:usage_{output}")(result))


def _propose(ctx: click.Context, result: UsageResult, wish: Wish) -> None:
    place = place_of(ctx)
    globs = lazily("source.catalog_files:find_catalog")(lazily("source.tree:tree_of")(place, None)).settings.skills
    proposal = propose(place, globs, result, wish)
    if proposal is None:
        tell("nothing to propose: no skill is known to be unused")
        return
    tell("\n".join(shown(proposal)))
    if proposal.commits:
        tell(f"look at it with `git log -p HEAD..{proposal.branch}`; nothing else was touched")
