"""What an answer cost, where the model's price is known. An unknown price is None, never 0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog_tool.errors import UsageError
from catalog_tool.evals.answer import Tokens
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.model_names import family_of
from catalog_tool.source.decoding import decode
from catalog_tool.source.strict_json import read_json

DATA = Path(__file__).resolve().parent / "data" / "model_prices.json"
_MILLION = 1_000_000
_KEYS = frozenset({"input", "output", "cached_input"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens; ``cached_input`` None: nothing is known of a discount."""

    input: float
    output: float
    cached_input: float | None = None

    def of(self, tokens: Tokens) -> float:
        """The price of one answer in US dollars."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = max(tokens.input - tokens.cached, 0)
        seen = tokens.input - fresh
        return (fresh * self.input + seen * cached + tokens.output * self.output) / _MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Prices by model; ``as_of`` is the day (``YYYY-MM-DD``) on which they were looked up."""

    as_of: str
    models: Mapping[str, Price]

    def of(self, model: str) -> Price | None:
        """The price of a model by its name, or by its name without what pins it to a snapshot; None: unknown."""
        return self.models.get(model) or self.models.get(family_of(model))

    def with_more(self, more: PriceList) -> PriceList:
        """These, and those of ``more`` before them."""
        return PriceList(as_of=max(self.as_of, more.as_of), models={**self.models, **more.models})


@lru_cache(maxsize=1)
def known_prices() -> PriceList:
    """The list that comes with this package."""
    return _list(json.loads(DATA.read_text(encoding="utf-8")), DATA.name)


def prices_from(path: Path) -> PriceList:
    """A list of one's own, in the same form, on top of ours. Raises ``UsageError`` for a file that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--prices {path}: {error.strerror}") from error
    decoded = decode(data) if len(data) <= PARSED_FILE_BYTES else None
    read = read_json(decoded.text) if decoded is not None and decoded.text is not None else None
    if read is None or read.refused:
        raise UsageError(f"--prices {path} is no JSON")
    return known_prices().with_more(_list(read.value, str(path)))


def _list(value: Any, name: str) -> PriceList:
    models = value.get("models") if isinstance(value, dict) else None
    as_of = value.get("as_of") if isinstance(value, dict) else None
    if not isinstance(models, dict) or not isinstance(as_of, str) or value.get("format") != 1:
        raise UsageError(f"{name} is no list of prices", hint="see catalog_tool/evals/data/model_prices.json")
    return PriceList(as_of=as_of, models={model: _price(entry, f"{name}: {model}") for model, entry in models.items()})


def _price(entry: Any, where: str) -> Price:
    known = isinstance(entry, dict) and {"input", "output"} <= entry.keys() <= _KEYS
    if not known or not all(_is_amount(amount) for amount in entry.values()):
        raise UsageError(f"{where}: `input` and `output` are US dollars for a million tokens")
    return Price(**entry)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MILLION
