"""Globs over paths: ``*`` does not cross ``/``, a step ``**`` does (design §3; gitignore's rules too).

Patterns are hostile input: each wildcard but the last of a step, and each run of steps but the last,
is matched where it fits first and never again, so that no pattern makes the matcher try again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

_ANY_STEPS = "(?:[^/]+/)*?"


def glob_source(glob: str) -> str:
    """A glob as the source of a regular expression for a whole path."""
    runs: list[list[str]] = [[]]
    for step in glob.split("/"):
        if step == "**":
            runs.append([])
        else:
            runs[-1].append(_step(step))
    first, *rest = ["/".join(run) for run in runs]
    if not rest:
        return first
    end = "(?:/.*)?" if not rest[-1] else ""
    inner = [run for run in rest if run]
    if not inner:
        return first + end if first else ".*"
    head = first + "/" if first else ""
    middle = "".join(f"(?>{_ANY_STEPS}{run}/)" for run in inner[:-1])
    return head + middle + _ANY_STEPS + inner[-1] + end


def globs_matcher(globs: Collection[str]) -> Callable[[str], bool]:
    """Whether a whole text is matched by any of several globs."""
    if "**" in globs:
        return lambda _: True
    pattern = re.compile("|".join(f"(?:{glob_source(glob)})" for glob in globs) or r"(?!)")
    return lambda text: pattern.fullmatch(text) is not None


def _step(step: str) -> str:
    """One step: the text between two stars is found first come, the last star takes what is left."""
    first, *rest = [re.escape(text).replace(r"\?", "[^/]") for text in re.split(r"\*+", step)]
    if not rest:
        return first
    return first + "".join(f"(?>[^/]*?{text})" for text in rest[:-1] if text) + "[^/]*" + rest[-1]
