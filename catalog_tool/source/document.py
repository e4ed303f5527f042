"""One parsed file: its value, what was wrong in it, and where each of its values stands."""

from __future__ import annotations

import posixpath
from typing import Any

from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.source.decoding import NOT_NORMAL, Decoded, Flaw, decode, normal_form_flaw, place
from catalog_tool.source.front_matter import FIRST_LINE, read_front_matter, split_front_matter
from catalog_tool.source.positions import NOWHERE, Locator, Path, Spot
from catalog_tool.source.strict_json import read_json
from catalog_tool.source.strict_yaml import WARNINGS, Document, read_yaml

BODY = "system_prompt"
"""What the body of a Markdown version stands for."""
TEAM_RULE = "P143"
"""A version that breaks the team's own schema can be read and built all the same, where `rules` allows it."""


class SourceDocument:
    """A YAML, JSON or Markdown file of the catalog that holds one mapping.

    ``value`` is None where the file cannot be used; ``findings`` says why. ``text`` is what was
    decoded (CRLF as LF), or None.
    """

    def __init__(self, path: str, data: bytes, *, artifact: str | None = None) -> None:
        self.path = path
        self.artifact = artifact
        self.value: dict[str, Any] | None = None
        self.findings: list[Finding] = []
        self.is_plain = False
        self._body: tuple[str, int] | None = None
        self._yaml: tuple[str, int] | None = None
        self._locator: Locator | None = None
        decoded = decode(data)
        self.text = decoded.text
        self._flaws(decoded.flaws)
        if decoded.text is not None:
            self._read(decoded)

    def _read(self, decoded: Decoded) -> None:
        text = decoded.text or ""
        document = self._parse(text)
        if document is None:
            return
        self._flaws(document.flaws)
        abnormal = normal_form_flaw(text)
        if abnormal is not None:
            self._flaws([abnormal])
        if document.refused:
            return
        self.is_plain = document.is_plain
        if isinstance(document.value, dict):
            self.value = document.value
            if self._body is not None:
                self._add_body()
            if abnormal is None and "\\" in text and ("\\u" in text or "\\U" in text):
                self._check_escapes()
        else:
            what = "is empty" if document.value is None else "holds no mapping at its top"
            self.findings.append(
                finding(
                    "Y017",
                    f"the file {what}: `key: value` lines are expected",
                    self.path,
                    line=1,
                    column=1,
                    artifact=self.artifact,
                )
            )

    def _parse(self, text: str) -> Document | None:
        suffix = posixpath.splitext(self.path)[1]
        if suffix == ".json":
            self._yaml = (text, 1)
            return read_json(text)
        if suffix != ".md":
            self._yaml = (text, 1)
            return read_yaml(text)
        halves = split_front_matter(text)
        if halves.yaml is None or halves.flaw is not None:
            self._flaws([halves.flaw] if halves.flaw else [])
            return None
        dropped = len(halves.body) - len(halves.body.lstrip("\n"))
        self._body = (halves.body[dropped:], halves.body_line + dropped)
        document = read_front_matter(halves.yaml)
        self._yaml = (document.recovered or halves.yaml, FIRST_LINE)
        return document._replace(value={}) if document.value is None and not document.refused else document

    def _check_escapes(self) -> None:
        """Text whose escapes alone spell what is not in normal form C: ``"e\\u0301"``."""
        pending: list[tuple[list[str | int], Any]] = [([], self.value)]
        for path, value in pending:
            if isinstance(value, dict):
                pending.extend(([*path, key], item) for key, item in value.items())
            elif isinstance(value, list):
                pending.extend(([*path, index], item) for index, item in enumerate(value))
            elif isinstance(value, str) and normal_form_flaw(value) is not None:
                self.report("Y026", NOT_NORMAL, self.at(path))
                return

    def _add_body(self) -> None:
        if self.value is None or self._body is None:
            return
        if BODY in self.value:
            message = "`system_prompt` in the front matter and a body: the body is the system prompt"
            self.report("P101", message, self.key([BODY]))
        elif self._body[0]:
            self.value[BODY] = self._body[0]

    def _flaws(self, flaws: list[Flaw] | tuple[Flaw, ...]) -> None:
        self.findings.extend(
            finding(flaw.code, flaw.message, self.path, line=flaw.line, column=flaw.column, artifact=self.artifact)
            for flaw in flaws
        )

    def report(self, code: str, message: str, spot: Spot = NOWHERE, **more: str) -> None:
        """Add a finding at a place of this file."""
        self.findings.append(
            finding(code, message, self.path, line=spot.line, column=spot.column, artifact=self.artifact, **more)
        )

    @property
    def is_blank(self) -> bool:
        """Whether the file could be decoded and holds nothing but blank lines and comments."""
        lines = self.text.split("\n") if self.text is not None else ["unread"]
        return all(not line.strip() or line.lstrip().startswith("#") for line in lines)

    @property
    def clean(self) -> bool:
        """Whether nothing has been found without which the file cannot be used; a team's own rule is none."""
        return all(found.severity != "error" or found.code == TEAM_RULE for found in self.findings)

    def key(self, path: Path) -> Spot:
        """Where the last key of ``path`` stands."""
        return self._locate().key(path)

    def at(self, path: Path) -> Spot:
        """Where the value at ``path`` starts."""
        if self._body is not None and list(path) == [BODY]:
            return Spot(self._body[1], 1)
        return self._locate().value(path)

    def inside(self, path: Path, offset: int) -> Spot:
        """Where a code point of the string at ``path`` stands."""
        if self._body is not None and list(path) == [BODY]:
            line, column = place(self._body[0], offset)
            return Spot(self._body[1] + line - 1, column)
        return self._locate().inside(path, offset)

    def _locate(self) -> Locator:
        if self._locator is None:
            text, first_line = self._yaml or ("", 1)
            self._locator = Locator(text, first_line=first_line)
        return self._locator


def pointer_path(pointer: str, value: Any) -> list[str | int]:
    """The steps of an RFC 6901 pointer into ``value``, indexes as numbers."""
    steps: list[str | int] = []
    for raw in pointer.split("/")[1:]:
        step: str | int = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            step = int(step)
            value = value[step] if step < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        steps.append(step)
    return steps


__all__ = ["BODY", "WARNINGS", "SourceDocument", "pointer_path"]
