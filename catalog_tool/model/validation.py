"""What ``validate`` answers: light enough to be recalled without any of the machinery that found it."""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.model.finding import ERROR, WARNING, Finding


class Validation(NamedTuple):
    """All findings, sorted, and how much was read: prompts, versions and skills."""

    findings: list[Finding]
    read: dict[str, int]

    def summary(self) -> dict[str, int]:
        """The counts of design §5."""
        errors = sum(found.severity == ERROR for found in self.findings)
        warnings = sum(found.severity == WARNING for found in self.findings)
        return {**self.read, "errors": errors, "warnings": warnings}

    def is_invalid(self, *, strict: bool) -> bool:
        """Whether there are errors, or with ``strict`` warnings."""
        bad = (ERROR, WARNING) if strict else (ERROR,)
        return any(found.severity in bad for found in self.findings)
