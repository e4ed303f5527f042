"""What a scorer may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.answer import Answer, Message
from catalog_tool.evals.golden import GoldenCase
from catalog_tool.evals.prices import Price
from catalog_tool.gate.evidence import ERROR, FAIL, PASS, Check


class Judging(Protocol):
    """A model that gives verdicts (``judge.ModelJudge``)."""

    def votes(self, messages: Sequence[Message], count: int) -> list[str | Exception]:
        """The text of each vote, or why there is none."""

    @property
    def form(self) -> str:
        """How its verdicts are written: ``json``, ``prometheus`` or ``flow``."""

    @property
    def usual_votes(self) -> int:
        """How many votes are taken where an expectation does not say."""


class Embedding(Protocol):
    """A model that turns texts into vectors (``model_client.EmbeddingClient``)."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text. Raises ``AskError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One case as it was asked: the prompt's parts, the messages sent, and who can be asked about the answer."""

    case: GoldenCase
    parts: Mapping[str, Any]
    messages: Sequence[Message]
    price: Price | None = None
    judge: Judging | None = None
    embedding: Embedding | None = None


Score = Callable[[Expectation, Answer, Scene], Check]


def check(expectation: Expectation, *, holds: bool, message: str = "", score: float | None = None) -> Check:
    """``pass``, or ``fail`` with ``message``."""
    return Check(
        type=expectation["type"], outcome=PASS if holds else FAIL, score=score, message=None if holds else message
    )


def error(expectation: Expectation, message: str) -> Check:
    """Nothing could be found out."""
    return Check(type=expectation["type"], outcome=ERROR, message=message)


def quoted(value: Any, most: int = 80) -> str:
    """A value as a message shows it, shortened."""
    text = value if isinstance(value, str) else str(value)
    return f"“{text if len(text) <= most else text[: most - 1] + '…'}”"
