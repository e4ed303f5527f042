"""The rules that a change is judged by: contract and behaviour (design §7).

*Contract*: can code that worked with the old version fail? *Behaviour*: how likely does what the
model writes change? The caller is the application that fetches, fills, runs tools and parses. Where
a rule's level depends on more than the rule, the record holds the usual level and ``note`` says what
moves it. Severities can be overridden per rule, so ids are never reused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

CONTRACT_LEVELS = ("none", "patch", "minor", "major")
"""Contract levels, the harmless one first."""
BEHAVIOUR_LEVELS = ("none", "low", "medium", "high")
"""Behaviour levels, the harmless one first."""

_RANK = {level: rank for levels in (CONTRACT_LEVELS, BEHAVIOUR_LEVELS) for rank, level in enumerate(levels)}


class Rule(NamedTuple):
    """One row of the table: what changed in which part, how bad that usually is, and why."""

    id: str
    part: str
    change: str
    contract: str
    behaviour: str
    why: str
    note: str = ""


def rank(level: str) -> int:
    """How bad a contract or behaviour level is, from 0; ``KeyError`` for any other word."""
    return _RANK[level]


def worst(levels: Iterable[str]) -> str:
    """The worst of contract levels, or of behaviour levels; ``none`` where there are none."""
    return max(levels, key=rank, default="none")


def at_least(level: str, threshold: str) -> bool:
    """Whether a level is as bad as a threshold of the same scale, as ``--fail-on`` asks."""
    return rank(level) >= rank(threshold)


def _rules(part: str, *rows: tuple[str, ...]) -> tuple[Rule, ...]:
    """Rules of one part, from (id, change, contract, behaviour, why[, note])."""
    return tuple(Rule(row[0], part, *row[1:]) for row in rows)


RULES: tuple[Rule, ...] = (
    *_rules(
        "variables",
        (
            "var-required-added",
            "a required variable came, or an optional one became required",
            "major",
            "high",
            "callers of the old version do not pass it",
        ),
        (
            "var-optional-added",
            "an optional variable came",
            "minor",
            "medium",
            "callers of the old version need not know it",
        ),
        (
            "var-widened",
            "a required variable became optional, or more values are accepted",
            "minor",
            "low",
            "whatever was valid is still valid",
        ),
        ("var-narrowed", "fewer values are accepted", "major", "low", "values that worked are refused"),
        (
            "var-removed",
            "a variable went",
            "minor",
            "high",
            "what callers still pass for it has no effect",
            "major where undeclared variables are refused",
        ),
        (
            "var-renamed",
            "a variable went and one like it came",
            "major",
            "low",
            "callers have to pass the new name",
        ),
        (
            "var-default",
            "a default came, went or changed",
            "minor",
            "high",
            "callers that relied on it get another text",
        ),
        ("var-text", "only a description changed", "patch", "none", "it is never rendered"),
    ),
    *_rules(
        "placeholders",
        (
            "placeholder-required",
            "a required placeholder came or has another name",
            "major",
            "high",
            "the caller has to supply it",
        ),
        (
            "placeholder-optional",
            "an optional placeholder came or went",
            "minor",
            "high",
            "a caller that knows it gets other messages",
        ),
    ),
    *_rules(
        "tools",
        (
            "tool-added",
            "a tool came",
            "major",
            "high",
            "the model may call a handler that does not exist yet",
            "minor where the prompt declares dynamic dispatch",
        ),
        ("tool-removed", "a tool went", "minor", "high", "its handler is no longer called"),
        ("tool-renamed", "a tool has another name", "major", "high", "calls are dispatched by name"),
        (
            "tool-arg-added",
            "an argument came",
            "minor",
            "medium",
            "the handler receives something it does not know",
            "major where the old schema refused undeclared arguments",
        ),
        (
            "tool-arg-dropped",
            "an argument went, has another name, or became optional",
            "major",
            "medium",
            "the handler may miss what it needs",
        ),
        (
            "tool-arg-narrowed",
            "an optional argument became required, or fewer values are possible",
            "minor",
            "medium",
            "the handler sees a part of what it saw",
        ),
        (
            "tool-arg-widened",
            "more values are possible",
            "major",
            "medium",
            "the handler sees values that it never saw",
        ),
        (
            "tool-returns",
            "the schema of a tool's result changed",
            "minor",
            "medium",
            "callers write results, as they write variables",
            "contract as the variables' rules say: major where a result that was valid is refused",
        ),
        ("tool-text", "a description changed", "patch", "high", "models choose tools by it"),
        (
            "tool-strict-off",
            "strict arguments were turned off",
            "major",
            "medium",
            "arguments may no longer fit the schema",
        ),
    ),
    *_rules(
        "output",
        (
            "output-form",
            "text became JSON or JSON text, or the schema went",
            "major",
            "high",
            "whatever parses the answer breaks",
        ),
        (
            "output-loosened",
            "a field went or became optional, or more values are possible",
            "major",
            "medium",
            "consumers see what they never saw",
        ),
        (
            "output-optional-added",
            "an optional field came",
            "minor",
            "low",
            "consumers that read only what they know go on",
            "major where the old schema refused undeclared fields",
        ),
        (
            "output-tightened",
            "a field is required now, or fewer values are possible",
            "minor",
            "medium",
            "consumers see a part of what they saw",
        ),
        ("output-text", "a description changed", "patch", "medium", "the model reads it"),
    ),
    *_rules(
        "model",
        (
            "model-snapshot",
            "another pinned snapshot of the same family",
            "patch",
            "high",
            "every evaluation has to be run again",
        ),
        ("model-family", "another family or provider", "minor", "high", "price, tokens and interface differ"),
        (
            "model-capability",
            "the new model lacks what the prompt uses, or is too small for it",
            "major",
            "high",
            "calls fail",
            "an unknown model is not judged",
        ),
        (
            "model-floating",
            "a pinned name became a floating one",
            "minor",
            "high",
            "the provider may change what is behind it",
        ),
    ),
    *_rules(
        "params",
        (
            "params-sampling",
            "temperature, top_p, a penalty or the seed changed",
            "patch",
            "medium",
            "answers are drawn from another distribution",
            "behaviour high for a step over 0.3",
        ),
        (
            "params-cut",
            "fewer tokens allowed, or other stop sequences",
            "minor",
            "high",
            "answers may be cut off",
        ),
        ("params-raised", "more tokens allowed", "patch", "low", "answers may cost more"),
    ),
    *_rules(
        "messages",
        (
            "text-wording",
            "the wording changed",
            "patch",
            "medium",
            "no code depends on it",
            "behaviour high over 20 % of the tokens, or where a line commands or forbids",
        ),
        (
            "text-space",
            "only white space changed, same rendering after trimming",
            "patch",
            "low",
            "a provider's prefix cache still starts anew",
        ),
        (
            "text-structure",
            "a message came or went, or roles are in another order",
            "minor",
            "high",
            "the conversation has another shape",
        ),
        ("text-example", "an example changed", "patch", "high", "examples steer strongly"),
    ),
    *_rules(
        "template",
        (
            "template-engine",
            "another template engine",
            "minor",
            "high",
            "the same text may render differently",
            "behaviour none where all tests render the same",
        ),
    ),
    *_rules(
        "shared",
        (
            "shared-part",
            "a partial or a tool file changed",
            "none",
            "none",
            "many prompts may hold it",
            "levels are those of the dependents' own changes; every dependent is listed",
        ),
    ),
    *_rules(
        "any schema",
        (
            "schema-respelled",
            "the same set of values, written another way",
            "patch",
            "low",
            "nothing else is accepted or refused",
        ),
    ),
    *_rules(
        "tools, output",
        (
            "schema-order",
            "properties are written in another order",
            "patch",
            "medium",
            "models write fields in the schema's order",
        ),
    ),
    *_rules(
        "any schema",
        (
            "undecided",
            "a change that could not be judged",
            "major",
            "medium",
            "nothing proves that it is harmless",
        ),
    ),
    *_rules(
        "skill",
        (
            "skill-routing",
            "name, description, trigger fields or who may invoke it",
            "patch",
            "high",
            "it is chosen for other requests",
            "major where the name changed",
        ),
        (
            "skill-permission",
            "allowed tools, hooks, shell lines run at load, or model",
            "minor",
            "high",
            "it may do more than was reviewed",
            "major where rights were added",
        ),
        ("skill-code", "scripts, executables or their mode", "minor", "high", "other code is run"),
        ("skill-content", "body, references or assets", "patch", "medium", "other instructions"),
    ),
    *_rules(
        "metadata",
        (
            "meta",
            "description, owners, tags or other metadata",
            "none",
            "none",
            "not part of what is deployed",
        ),
    ),
    *_rules(
        "tests",
        (
            "test-weakened",
            "a case or evidence went, an assertion or a rule was loosened, or a threshold lowered",
            "none",
            "none",
            "a change could pass that should not",
            "always shown",
        ),
    ),
    *_rules(
        "labels",
        (
            "label-moved",
            "a label points elsewhere or is split otherwise",
            "none",
            "none",
            "a rollout, not a version",
            "shown in a section of its own",
        ),
    ),
)
"""Every rule, in the order of the documentation."""

RULE: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in RULES})
"""The rules by id."""
