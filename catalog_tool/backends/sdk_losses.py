"""What a platform's own SDK makes of a prompt version otherwise than it is meant, by platform.

Langfuse's ``compile`` and MLflow's ``format`` put values in for ``{{name}}`` and know little else. What they do
with the rest was tried with the SDKs themselves (langfuse 5.0, mlflow 3.17), and is again by the tests: nothing
is told that they render as we do. Our own client renders every version as it is meant, whatever the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_ASKED_FOR = re.compile(r"\{\{\s*[a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*\s*\}\}", re.ASCII)
"""What MLflow's ``format`` asks a value for."""
_UNSHOWN = ("name", "tool_calls", "tool_call_id")
"""Keys of a message that neither SDK gives."""
_NAMED = 2
_TAG_CHARACTERS = 30

Parts = Mapping[str, Any]


def langfuse_losses(parts: Parts) -> Iterator[str]:
    """What ``compile`` makes of a version's parts; each a clause that goes on a sentence about the target."""
    texts, template = list(_texts(parts["messages"])), parts["template"]
    if template == "none":
        kept = [tag for tag in _tags(texts) if _NAME.fullmatch(tag[2:-2].strip())]
        if kept:
            yield f"has an SDK that fills in {_some(kept)}, which `template: none` keeps, where somebody passes it"
    elif template == "jinja":
        foreign = [*_odd_tags(texts), *_jinja_marks(texts)]
        if foreign:
            yield f"has an SDK that knows no Jinja: {_some(foreign)} goes to the model as it is written"
    elif odd := list(_odd_tags(texts)):
        yield f"has an SDK that fills in plain {{{{name}}}} only, not {_some(odd)}"
    yield from _keys_lost(parts["messages"])
    if any(part.get("type") == "image" for part in _parts_of(parts["messages"])):
        yield "has an SDK that gives an image as the text [image: …]"


def mlflow_losses(parts: Parts) -> Iterator[str]:
    """What ``format`` makes of a version's parts; as ``langfuse_losses``."""
    texts, template = list(_texts(parts["messages"])), parts["template"]
    is_jinja = any("{%" in text and "%}" in text for text in _whole_texts(parts["messages"]))
    if template == "none":
        kept = [found.group() for text in texts for found in _ASKED_FOR.finditer(text)]
        if kept and not is_jinja:
            yield f"has an SDK that asks for a value of {_some(kept)}, which `template: none` keeps"
    elif template == "jinja":
        foreign = [] if is_jinja else [*_odd_tags(texts), *_jinja_marks(texts)]
        if foreign:
            yield f"has an SDK that takes for Jinja only what has {{% and %}}: {_some(foreign)} stays as it is written"
    elif odd := list(_odd_tags(texts)):
        yield f"has an SDK that fills in plain {{{{name}}}} only, not {_some(odd)}"
    if is_jinja and template != "jinja":
        yield "has an SDK that renders a text with {% and %} as Jinja"
    yield from _keys_lost(parts["messages"])
    yield from _unformatted(parts)


LOSSES: Mapping[str, Callable[[Parts], Iterator[str]]] = {"langfuse": langfuse_losses, "mlflow": mlflow_losses}
"""By the kind of store; kinds that are not here are read by our own client."""


def _unformatted(parts: Parts) -> Iterator[str]:
    """What ``format`` leaves out of a chat prompt, or fails at where it is given any value."""
    messages = parts["messages"]
    placeholders = [str(element["placeholder"]) for element in messages if "placeholder" in element]
    if placeholders:
        yield f"shows no placeholder ({', '.join(placeholders[:_NAMED])}): applications put those messages in"
    contents = [element.get("content") for element in messages if "role" in element]
    contents += [text for pair in _examples(messages) for text in pair]
    if parts["variables"] and any(isinstance(content, list) for content in contents):
        yield "has an SDK whose format() fails at a message that is a list of parts"
    if parts["variables"] and any(content is None for content in contents):
        yield "has an SDK whose format() fails at a message without content"


def _keys_lost(messages: Sequence[Parts]) -> Iterator[str]:
    lost = [key for key in _UNSHOWN if any(key in element for element in messages)]
    if lost:
        yield f"has an SDK that gives messages without {', '.join(lost)}"


def _odd_tags(texts: Sequence[str]) -> Iterator[str]:
    """Tags that are no plain name; with the third brace of ``{{{name}}}``."""
    return (tag for tag in _tags(texts) if not _PLAIN.fullmatch(tag[2:-2].strip()))


def _tags(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        end = 0
        while (start := text.find("{{", end)) >= 0 and (close := text.find("}}", start + 2)) >= 0:
            end = close + 2 + text.startswith("{{{", start) * text.startswith("}", close + 2)
            yield text[start:end]


def _jinja_marks(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for opening, closing in (("{%", "%}"), ("{#", "#}")):
            start = text.find(opening)
            end = text.find(closing, start) if start >= 0 else -1
            if end >= 0:
                yield text[start : end + 2]


def _some(found: Sequence[str]) -> str:
    """The first few of what was found, each once and on one line."""
    known = list(dict.fromkeys(" ".join(text.split()) for text in found))
    shown = [text if len(text) <= _TAG_CHARACTERS else f"{text[:_TAG_CHARACTERS]}…" for text in known[:_NAMED]]
    more = len(known) - _NAMED
    return " and ".join([", ".join(shown), *([f"{more} more"] if more > 0 else [])])


def _examples(messages: Sequence[Parts]) -> Iterator[tuple[Any, Any]]:
    for element in messages:
        yield from ((example["user"], example["assistant"]) for example in element.get("examples", ()))


def _contents(messages: Sequence[Parts]) -> Iterator[Any]:
    yield from (element.get("content") for element in messages)
    for pair in _examples(messages):
        yield from pair


def _whole_texts(messages: Sequence[Parts]) -> Iterator[str]:
    return (content for content in _contents(messages) if isinstance(content, str))


def _parts_of(messages: Sequence[Parts]) -> Iterator[Parts]:
    return (part for content in _contents(messages) if isinstance(content, list) for part in content)


def _texts(messages: Sequence[Parts]) -> Iterator[str]:
    yield from _whole_texts(messages)
    yield from (part["text"] for part in _parts_of(messages) if "text" in part)
