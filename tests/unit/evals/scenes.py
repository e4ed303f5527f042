"""A scene, an answer and the parts of a prompt for tests of scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog_tool.evals.answer import Answer, Message, ToolCall
from catalog_tool.evals.golden import GoldenCase
from catalog_tool.evals.prices import Price
from catalog_tool.evals.scene import Scene
from catalog_tool.evals.scorers import score_answer
from catalog_tool.gate.evidence import Check

PARTS: dict[str, Any] = {
    "messages": [{"role": "user", "content": "{{question}}"}],
    "variables": {"type": "object", "properties": {"question": {"type": "string"}, "passages": {"type": "array"}}},
    "tools": [{"name": "search_kb"}, {"name": "create_ticket", "parameters": {"type": "object"}}],
    "output_schema": {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}},
}


class Bench:
    """A judge that says what it is told to; an ``Exception`` stands for a vote that crashed."""

    usual_votes = 1

    def __init__(self, *says: str | Exception, form: str = "json") -> None:
        self.says = says
        self.form = form
        self.asked: list[Sequence[Message]] = []

    def votes(self, messages: Sequence[Message], count: int) -> list[str | Exception]:
        self.asked.append(messages)
        return [self.says[number % len(self.says)] for number in range(count)]


class Vectors:
    """Embeddings from a table of texts."""

    def __init__(self, table: dict[str, list[float]]) -> None:
        self.table = table

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self.table[text] for text in texts]


def said(text: str = "", *tools: tuple[str, str], **more: Any) -> Answer:
    """An answer."""
    return Answer(text=text, tool_calls=tuple(ToolCall(name=name, arguments=text) for name, text in tools), **more)


def score(expectation: dict[str, Any], answer: Answer | str, **more: Any) -> Check:
    """The verdict on an answer, as a run gives it."""
    variables = more.pop("variables", {})
    price: Price | None = more.pop("price", None)
    scene = Scene(
        case=GoldenCase(name="case", path="", variables=variables),
        parts=more.pop("parts", PARTS),
        messages=[{"role": "user", "content": "Where is my order?"}],
        price=price,
        judge=more.pop("judge", None),
        embedding=more.pop("embedding", None),
    )
    return score_answer(expectation, said(answer) if isinstance(answer, str) else answer, scene)
