"""``validate``, with what earlier runs found out (filled in by ``memory``)."""

from __future__ import annotations

from typing import Any

from catalog_tool.checks.validation import Request
from catalog_tool.checks.validation import validate as validate_anew
from catalog_tool.model.validation import Validation
from catalog_tool.source.root import Place


def validate(place: Place, **asked: Any) -> Validation:
    """Find everything that is wrong; ``asked`` are the fields of ``Request``."""
    return validate_anew(place, Request(**asked))
