"""What every protocol gives: a request's body, and the answer in a response or in a stream of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Interface

from catalog_tool.evals.answer import Answer, Question
from catalog_tool.source.strict_json import read_json

OUTPUT_NAME = "output"
"""What the schema of an answer is called where a protocol wants a name."""
RESERVED = frozenset({"model", "messages", "input", "stream", "stream_options", "n", "tools", "background", "store"})
"""Keys of a request that a prompt's ``params`` cannot set."""


class Collector(Interface):
    """Puts a streamed answer together."""

    def take(self, event: Mapping[str, Any]) -> bool:
        """One event; True where it brought something of the answer. Raises ``BadAnswerError``."""

    def answer(self) -> Answer:
        """What came. Raises ``BadAnswerError`` where the stream broke off before its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """``kind`` is what evidence calls it, ``path`` the end of its address.

    ``body`` makes the request, ``streamed`` the one that asks for a stream, ``read`` takes a whole
    response. ``key_header`` carries the key after ``key_prefix``; ``headers`` go with every request.
    """

    kind: str
    path: str
    body: Callable[[Question], dict[str, Any]]
    streamed: Callable[[dict[str, Any]], dict[str, Any]]
    read: Callable[[Any], Answer]
    collector: Callable[[], Collector]
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    headers: tuple[tuple[str, str], ...] = ()


def plain_params(params: Mapping[str, Any], renamed: Mapping[str, str | None]) -> dict[str, Any]:
    """A prompt's ``params`` for a request: as written, but for other names; None drops one."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        target = renamed.get(name, name)
        if target is not None and target not in RESERVED:
            found[target] = value
    return found


def content_parts(content: Any) -> list[Mapping[str, Any]]:
    """A message's content as parts, whichever way it is written."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, list) else []


def content_text(content: Any) -> str:
    """The text of a message's content; images leave nothing."""
    return "".join(part.get("text", "") for part in content_parts(content))


def arguments_text(arguments: Any) -> str:
    """Arguments of a written tool call as JSON text."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)


def arguments_value(arguments: Any) -> Any:
    """Arguments of a written tool call as a value; an empty object where they are not JSON."""
    if not isinstance(arguments, str):
        return arguments or {}
    read = read_json(arguments)
    return {} if read.refused else read.value
