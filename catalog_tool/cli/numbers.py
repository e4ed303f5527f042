"""Numbers on the command line: finite and in plain ASCII. Python's own reading takes ``nan``, ``1_0`` and ``５`` too.

``nan`` above all: it is neither below nor above any bound, so a range of click's lets it pass.
"""

from __future__ import annotations

import math
import re
from typing import Any

import click

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Finite(click.types.FloatParamType):
    """A finite number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that was typed. Raises click's own error for anything else."""
        if isinstance(value, str) and not (_PLAIN.fullmatch(value) and math.isfinite(float(value))):
            self.fail(f"{value!r} is not a finite number in plain digits.", param, ctx)
        return float(super().convert(value, param, ctx))


class FiniteRange(Finite, click.FloatRange):
    """A finite number within bounds."""


class Share(FiniteRange):
    """A weight in per cent: above 0, at most 100, in hundredths (design §2.2)."""

    def __init__(self) -> None:
        super().__init__(0, 100, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The weight that was typed. Raises click's own error for anything else: a rounded one moves other callers."""
        share = super().convert(value, param, ctx)
        if round(share, 2) != share:
            self.fail(f"{value} has more than two decimals.", param, ctx)
        return share
