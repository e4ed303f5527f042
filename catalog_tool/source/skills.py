"""One skill's folder to its front matter, body and files (design §3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from catalog_tool.canonical.identity import SkillFile
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.model.limits import NESTING
from catalog_tool.source.decoding import Decoded, Flaw, decode, place
from catalog_tool.source.front_matter import FIRST_LINE, read_front_matter, split_front_matter
from catalog_tool.source.positions import NOWHERE, Locator, Spot
from catalog_tool.source.skill_folders import A_SUBMODULE, SKILL_FILE, SkillFolder, path_refusal, printable
from catalog_tool.source.tree import EXECUTABLE, FILE, LINK, SUBMODULE

CLAUDE_CODE = "claude-code"
_LFS = b"version https://git-lfs.github.com/spec/"
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class ReadSkill(NamedTuple):
    """A skill as it stands; ``front`` is None where there is no usable front matter.

    ``text`` is SKILL.md after CRLF became LF, ``body`` what follows the front matter and
    ``body_line`` its first line; ``files`` are those that count, ``contents`` their bytes.
    """

    folder: SkillFolder
    front: dict[str, Any] | None
    text: str
    body: str
    body_line: int
    files: list[SkillFile]
    contents: dict[str, bytes]
    findings: list[Finding]
    locator: Locator | None

    def spot(self, key: str | None = None) -> Spot:
        """Where a front matter key stands, or the front matter's start."""
        if self.locator is None:
            return NOWHERE
        return self.locator.key([key]) if key is not None else Spot(1, 1)


def read_skill(folder: SkillFolder, contents: Mapping[str, bytes | Flaw], profile: str) -> ReadSkill:
    """Read a skill from the bytes of its files (by path inside the folder); a flaw says why one is not there."""
    findings = list(_path_findings(folder, profile))
    files, kept = _files(folder, contents, findings)
    skill_path = f"{folder.path}/{folder.skill_file}"
    data = kept.get(folder.skill_file)
    empty = ReadSkill(folder, None, "", "", 1, files, kept, findings, None)
    if data is None:
        return empty
    decoded = decode(data)
    _report(findings, skill_path, folder.key, decoded.flaws)
    if b"\r" in data and b"\r\n" in data:
        findings.append(_crlf(data, skill_path, folder.key))
    return empty if decoded.text is None else _read_markdown(empty, decoded, skill_path, profile)


def _crlf(data: bytes, path: str, key: str) -> Finding:
    before = data[: data.index(b"\r\n")].decode(errors="replace")
    line, column = place(before, len(before))
    message = "CRLF line ends: the digest counts them; save with LF"
    return finding("S217", message, path, line=line, column=column, artifact=key)


def _read_markdown(skill: ReadSkill, decoded: Decoded, path: str, profile: str) -> ReadSkill:
    text = decoded.text or ""
    halves = split_front_matter(text)
    lenient = profile == CLAUDE_CODE
    if halves.yaml is None:
        flaw = halves.flaw or Flaw("Y020", "no front matter", 1, 1)
        severity = WARNING if lenient else ERROR
        skill.findings.append(
            finding("S201", flaw.message, path, severity=severity, line=1, column=1, artifact=skill.folder.key)
        )
        return skill._replace(text=text, body=text)
    document = read_front_matter(halves.yaml)
    value = document.value
    if document.refused:
        value = _lenient_value(halves.yaml) if lenient else None
    softened = WARNING if document.refused and isinstance(value, dict) else None
    _report(skill.findings, path, skill.folder.key, document.flaws, softened)
    if value is None and not document.refused:
        value = {}
    if value is not None and not isinstance(value, dict):
        skill.findings.append(
            finding(
                "Y017",
                "the front matter holds no mapping",
                path,
                line=FIRST_LINE,
                column=1,
                artifact=skill.folder.key,
            )
        )
        value = None
    return skill._replace(
        front=value,
        text=text,
        body=halves.body,
        body_line=halves.body_line,
        locator=Locator(halves.yaml, first_line=FIRST_LINE),
    )


def _report(
    findings: list[Finding],
    path: str,
    key: str,
    flaws: tuple[Flaw, ...] | list[Flaw],
    severity: str | None = None,
) -> None:
    findings.extend(
        finding(flaw.code, flaw.message, path, severity=severity, line=flaw.line, column=flaw.column, artifact=key)
        for flaw in flaws
    )


def _lenient_value(text: str) -> Any:
    """What an agent's own YAML reader makes of a front matter that strict reading refuses, or None."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if not _is_harmless(text, loader):
            return None
        return _as_json(yaml.load(text, Loader=loader))  # noqa: S506 - SafeLoader either way
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _is_harmless(text: str, loader: Any) -> bool:
    """Whether building the value costs no more than its text: bounded depth, and aliases of scalars only."""
    depth = 0
    scalars = set()
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent):
            scalars.add(event.anchor)
        if depth > NESTING or (isinstance(event, yaml.AliasEvent) and event.anchor not in scalars):
            return False
    return True


def _as_json(value: Any) -> Any:
    """The value with JSON's types only. Raises ValueError for text that no output of ours can hold."""
    if isinstance(value, dict):
        return {_as_json(str(key)): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if _NO_TEXT.search(text):
        raise ValueError("NUL or a lone surrogate")
    return text


def _path_findings(folder: SkillFolder, profile: str) -> Iterator[Finding]:
    """Links, names that cannot exist everywhere, and kinds of files that are no part of a skill."""
    seen: dict[str, str] = {}
    for inner, entry in sorted(folder.files.items()):
        path = printable(f"{folder.path}/{inner}")
        if entry.mode == LINK:
            severity = WARNING if profile == CLAUDE_CODE else ERROR
            message = "a symbolic link: it is left out and never followed"
            yield finding("S215", message, path, severity=severity, artifact=folder.key)
            continue
        reason = _refusal(inner, entry.mode) or _same_but_for_case(inner, seen)
        if reason is not None:
            yield finding("S216", reason, path, artifact=folder.key)
        if "/" not in inner and inner != SKILL_FILE and inner.casefold() == "skill.md":
            yield finding("S211", f"agents read `SKILL.md`, not `{inner}`", path, artifact=folder.key)


def _refusal(inner: str, mode: str) -> str | None:
    if mode == SUBMODULE:
        return A_SUBMODULE
    if mode not in (FILE, EXECUTABLE):
        return "neither a file nor a folder"
    return path_refusal(inner)


def _same_but_for_case(inner: str, seen: dict[str, str]) -> str | None:
    """Why a system that ignores case would mix this file, or a folder it is in, with one seen before."""
    step = len(inner)
    while step > 0:
        name = inner[:step]
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            return f"`{name}` differs from `{other}` in case only"
        step = inner.rfind("/", 0, step)
    return None


def _files(
    folder: SkillFolder, contents: Mapping[str, bytes | Flaw], findings: list[Finding]
) -> tuple[list[SkillFile], dict[str, bytes]]:
    """The files that the digest counts, and their contents; those that are refused have been reported."""
    files: list[SkillFile] = []
    kept: dict[str, bytes] = {}
    for inner, entry in folder.files.items():
        if entry.mode not in (FILE, EXECUTABLE) or path_refusal(inner) is not None:
            continue
        data = contents.get(inner)
        path = f"{folder.path}/{inner}"
        if isinstance(data, bytes):
            if data.startswith(_LFS) and len(data) < 1024:
                findings.append(finding("S216", "a Git LFS pointer, not the file itself", path, artifact=folder.key))
            files.append(SkillFile(inner, entry.mode, hashlib.sha256(data).hexdigest(), len(data)))
            kept[inner] = data
        elif data is not None:
            findings.append(finding(data.code, data.message, path, artifact=folder.key))
    files.sort(key=lambda file: file.path.encode())
    return files, kept
