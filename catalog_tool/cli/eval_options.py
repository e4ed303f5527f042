"""The options of ``catalog eval``, in groups: whom to ask, who judges, how much it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from catalog_tool.cli.numbers import FiniteRange
from catalog_tool.evals.budget import Limits
from catalog_tool.evals.endpoint import KEY_VARIABLE
from catalog_tool.evals.judge import FORMS
from catalog_tool.evals.protocols import PROTOCOLS
from catalog_tool.evals.session import Options

_Command = TypeVar("_Command", bound=Callable[..., Any])
_ENDPOINT_VARIABLE = "CATALOG_EVAL_ENDPOINT"
_COUNT = click.IntRange(1)

_WHOM = (
    click.option(
        "--endpoint",
        metavar="URL",
        envvar=_ENDPOINT_VARIABLE,
        help=f"Server to ask, such as http://localhost:11434/v1, or openai, or anthropic. [env: {_ENDPOINT_VARIABLE}]",
    ),
    click.option("--protocol", type=click.Choice(tuple(PROTOCOLS)), help="How it is spoken to; by default as it fits."),
    click.option("--model", metavar="NAME", help="Model to ask, instead of the one that the prompt names."),
    click.option(
        "--api-key-env",
        "key_variable",
        metavar="NAME",
        help=f"Environment variable with the key. By default {KEY_VARIABLE}, and a provider's own for its own server.",
    ),
    click.option("--cache", metavar="DIR", help="Keep answers here, and take from here what was asked before."),
    click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="Ask each case so often."),
    click.option("--stream", is_flag=True, help="Stream, and measure the first token and the pace; warms up once."),
    click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests at once."),
    click.option(
        "--timeout", type=FiniteRange(0.1, 3600), default=120.0, show_default=True, help="Seconds for an answer."
    ),
)
_JUDGES = (
    click.option("--judge-model", metavar="NAME", help="Model that judges what no rule can."),
    click.option("--judge-endpoint", metavar="URL", help="Its server, where it is another one."),
    click.option("--judge-key-env", "judge_key_variable", metavar="NAME", help="Variable with the key for it."),
    click.option(
        "--judge-form",
        type=click.Choice(FORMS),
        default=FORMS[0],
        show_default=True,
        help="How it writes verdicts; prometheus and flow are for the models of that name.",
    ),
    click.option("--votes", type=click.IntRange(1, 15), default=1, show_default=True, help="Verdicts for each answer."),
    click.option("--embedding-model", metavar="NAME", help="Model that measures similarity."),
    click.option("--embedding-endpoint", metavar="URL", help="Its server, where it is another one."),
)
_LIMITS = (
    click.option("--max-requests", type=_COUNT, help="Stop before the next request, retries and judges counted."),
    click.option("--max-tokens", type=_COUNT, help="Stop before so many tokens, in and out, are exceeded."),
    click.option("--max-cost", type=FiniteRange(0, min_open=True), help="Stop before so many US dollars are."),
    click.option("--prices", metavar="FILE", help="Prices of models that the tool does not know, as JSON."),
)


def asking_options(command: _Command) -> _Command:
    """Add all of them to a command."""
    for option in reversed((*_WHOM, *_JUDGES, *_LIMITS)):
        command = option(command)
    return command


def options_from(asked: Mapping[str, Any], policy: str | None = None) -> Options:
    """What was typed, as a run takes it; ``policy`` is the digest of the labels' policies."""
    same = (
        "endpoint", "protocol", "model", "key_variable", "judge_endpoint", "judge_model", "judge_form",
        "judge_key_variable", "votes", "embedding_endpoint", "embedding_model", "stream",
    )  # fmt: skip
    return Options(
        **{name: asked[name] for name in same},
        cache=Path(asked["cache"]) if asked["cache"] else None,
        repetitions=asked["repeat"],
        threads=asked["concurrency"],
        deadline_seconds=asked["timeout"],
        limits=Limits(requests=asked["max_requests"], tokens=asked["max_tokens"], cost_usd=asked["max_cost"]),
        prices=Path(asked["prices"]) if asked["prices"] else None,
        policy=policy,
    )
