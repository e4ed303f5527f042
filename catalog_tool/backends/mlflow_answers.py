"""What MLflow's answers have to look like to be believed.

A list of nothing is an answer without any key. One that has other keys instead says something else (an
error that a proxy sent with status 200, say), and is not taken for an empty registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from catalog_tool.backends.mlflow_entities import ModelVersion, RegisteredModel
from catalog_tool.errors import BackendError

NEXT_PAGE = "next_page_token"
_SAID = 200
_NAMED = 3
"""How many keys of an odd answer are named."""


@contextmanager
def believed(place: str, what: str) -> Iterator[None]:
    """Raises ``BackendError`` where what is read within is not ``what`` it should be."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "is this an MLflow server's address, and is nothing between that answers for it?"
        said = repr(error)[:_SAID]
        raise BackendError(f"{place} answers with {what} that is none of MLflow's: {said}", hint=hint) from error


def listed(page: Mapping[str, Any], key: str) -> list[Any]:
    """The entries of one page of a list. Raises ``ValueError`` where the answer is no such page."""
    found = page.get(key)
    if found is None:
        others = sorted(str(name)[:40] for name in page.keys() - {key, NEXT_PAGE})
        if others:
            raise ValueError(f"no {key}, but {', '.join(others[:_NAMED])}")
        return []
    if not isinstance(found, list):
        raise ValueError(f"{key} is no list")
    return found


def version_of(item: Any) -> ModelVersion:
    """One version. Raises ``KeyError``, ``TypeError``, ``ValueError``, ``AttributeError`` for what is none."""
    return ModelVersion(_text(item["name"]), _number(item["version"]), tags_of(item))


def model_of(item: Any) -> RegisteredModel:
    """One registered name. Raises as ``version_of``."""
    aliases = {_text(found["alias"]): _number(found["version"]) for found in item.get("aliases") or ()}
    return RegisteredModel(_text(item["name"]), tags_of(item), aliases)


def tags_of(item: Any) -> dict[str, str]:
    """An entity's tags, of which an empty value is left out. Raises as ``version_of``."""
    return {_text(tag["key"]): _text(tag.get("value", "")) for tag in item.get("tags") or ()}


def texts_of(item: Any) -> dict[str, str]:
    """Tags that are written as one object. Raises as ``version_of``."""
    return {_text(key): _text(value) for key, value in (item or {}).items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: Any) -> int:
    """Numbers of versions are written as texts."""
    found = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if type(found) is not int or found < 1:
        raise ValueError(f"{value!r} is no version's number")
    return found
