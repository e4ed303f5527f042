"""Checks of other packages: entry points in the group ``catalog_tool.checks`` (design §11).

A check is a function that takes one ``Subject`` and returns (or yields) findings. It is installed by
whoever runs the catalog, never by the catalog itself; it may read what is checked and nothing tells it
more. One that fails, or answers nonsense, is one finding, C330.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog_tool.model.codes import finding
from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.model.skill import SkillVersion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "catalog_tool.checks"
FINDINGS = 10_000
"""Findings that are taken from one check."""
_CODE = re.compile(r"[A-Z]{2,}[0-9]+", re.ASCII)
_MARK = GROUP.encode()


class Prompt(NamedTuple):
    """A prompt version that can be used; ``path`` is from the catalog's root, ``entry`` its part of the bundle."""

    id: str
    version: str
    path: str
    digest: str
    owners: tuple[str, ...]
    entry: bytes

    @property
    def parts(self) -> dict[str, Any]:
        """What ``bundle.json`` holds of it: messages, variables, tools, …, ``meta``."""
        value: dict[str, Any] = json.loads(self.entry)
        return value


class Subject(NamedTuple):
    """What a check looks at: everything that could be read of one catalog.

    ``labels`` maps a prompt's id to its labels in canonical form; ``read`` gives the bytes of a file of the
    catalog by its path from the root, None where there is none or it is too large.
    """

    prompts: Sequence[Prompt]
    skills: Sequence[SkillVersion]
    labels: Mapping[str, Mapping[str, Any]]
    read: Callable[[str], bytes | None]


Check = Callable[[Subject], Iterable[Finding]]


def installed() -> list[EntryPoint]:
    """The checks of other packages, by name; empty in about a millisecond where there is none."""
    if not any(_is_marked(folder) for folder in sys.path):
        return []
    from importlib.metadata import entry_points  # costs more than a whole run, so only when needed

    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))


def _is_marked(folder: str) -> bool:
    """Whether an installed distribution in a folder of ``sys.path`` mentions the group."""
    try:
        with os.scandir(folder) as found:
            return any(_mentions(Path(item.path, "entry_points.txt")) for item in found if item.name.endswith("-info"))
    except OSError:
        return False


def _mentions(path: Path) -> bool:
    try:
        return _MARK in path.read_bytes()
    except OSError:
        return False


def external_findings(checks: Sequence[EntryPoint], subject: Subject) -> Iterator[Finding]:
    """What the checks of other packages find. Whatever they print goes to stderr; never raises for their sake."""
    for entry in checks:
        try:
            with redirect_stdout(sys.stderr):
                check: Check = entry.load()
                found = list(islice(check(subject), FINDINGS))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code: its failure is one finding, ours go on
            yield _failed(entry, f"failed: {type(error).__name__}: {error}")
            continue
        wrong = next((text for item in found if (text := _nonsense(item))), None)
        if wrong is not None:
            yield _failed(entry, f"answered {wrong}")
        yield from (Finding(*item) for item in found if not _nonsense(item))


def _failed(entry: EntryPoint, what: str) -> Finding:
    hint = "mend or remove the package that provides it"
    return finding("C330", f"the check `{entry.name}` ({entry.value}) {what}"[:500], hint=hint)


def _nonsense(item: object) -> str | None:
    """Why something is no finding that a report could show, or None."""
    if not isinstance(item, tuple) or len(item) != len(Finding._fields):
        return "something that is no Finding"
    code, severity, message, path, line, column, artifact, hint = item
    if not isinstance(code, str) or _CODE.fullmatch(code) is None:
        return "a finding whose code is not two or more capital letters and a number"
    if severity not in (ERROR, WARNING, INFO):
        return f"a finding {code} whose severity is not error, warning or info"
    if not isinstance(message, str) or not all(
        text is None or isinstance(text, str) for text in (path, artifact, hint)
    ):
        return f"a finding {code} with something that is no text"
    if not all(number is None or (type(number) is int and number > 0) for number in (line, column)):
        return f"a finding {code} at a place that does not count from 1"
    return None
