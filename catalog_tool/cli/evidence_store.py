"""A target as a place for evidence: what ``eval --store`` writes to and ``--evidence-from`` reads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from catalog_tool.backends.evidence import KeepsEvidence
from catalog_tool.errors import UsageError
from catalog_tool.gate.shelf import Sources
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.settings import Settings
from catalog_tool.source.resolve import open_catalog
from catalog_tool.source.root import Place
from catalog_tool.sync.targets import open_target


@contextlib.contextmanager
def evidence_on(place: Place, settings: Settings, name: str) -> Iterator[TargetEvidence]:
    """The evidence on a target. UsageError: there is no such target, or its kind keeps none."""
    target = open_target(place, settings, name)
    with contextlib.closing(target.backend) as backend:
        if not isinstance(backend, KeepsEvidence):
            kind = target.settings["backend"]
            raise UsageError(
                f"the target {name} ({kind}) keeps no evidence",
                hint="keep it in git (--out prompts/ID/evidence), or on a file, sqlite or postgres target",
            )
        yield TargetEvidence(name, backend)


@contextlib.contextmanager
def adding_evidence(place: Place, name: str) -> Iterator[Callable[[Sources, Sequence[str]], Sources]]:
    """What puts a target's evidence beside a shelf's, by the settings of the work tree."""
    settings = open_catalog(place, None).files.settings
    with evidence_on(place, settings, name) as found:
        yield found.beside
