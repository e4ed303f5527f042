"""Labels that are nearly another one: a slip, unless both are meant to be alike."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_ALIKE = 0.85
"""From here on two labels are alike: ``prodution`` and ``production`` are, ``canary`` and ``canary_eu`` are not."""
_FAMILY = re.compile(r"[_-][^_-]*\Z|\d+\Z", re.ASCII)


def meant(label: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that a label that is not among them looks like; None: it looks like none.

    Labels of one family (``tenant_acme``, ``tenant_bolt``; ``experiment_1``, ``experiment_2``) are meant to be alike.
    """
    strange = sorted(other for other in known if _FAMILY.sub("", other) != _FAMILY.sub("", label))
    return next(iter(difflib.get_close_matches(label, strange, n=1, cutoff=_ALIKE)), None)
