"""One skill read and checked by itself: all that its own files decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import SkillFile, skill_digest
from catalog_tool.checks.hostile_code import Kind, find_hostile
from catalog_tool.checks.markdown_links import DEAD, find_bad_links
from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.text import (
    LEAK,
    Lines,
    comment_findings,
    escaped_in,
    hide_secrets,
    place_findings,
    text_findings,
)
from catalog_tool.model.agent_limits import LISTING_ENTRY_CHARS
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.limits import CHARACTERS_A_TOKEN, SKILL_BODY_LINES, SKILL_BODY_TOKENS
from catalog_tool.model.skill import SkillVersion, listed_words
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.positions import NOWHERE, Spot
from catalog_tool.source.skill_folders import SkillFolder
from catalog_tool.source.skills import ReadSkill, read_skill

_BINARY = b"\0"
_DESCRIPTION = "\ndescription:"
_INSTRUCTIONS = (".md", ".mdx", ".txt")


class SkillRecord(NamedTuple):
    """What is kept of one skill; ``contents`` only while a build needs them.

    ``described_at`` is where its description stands, for what only the whole catalog says of it.
    """

    skill: SkillVersion
    findings: list[Finding]
    contents: dict[str, bytes]
    described_at: Spot = NOWHERE

    def bare(self) -> SkillRecord:
        """The record without contents."""
        return self._replace(contents={}) if self.contents else self


def record_skill(folder: SkillFolder, contents: Mapping[str, bytes | Flaw], profile: ProfileCheck) -> SkillRecord:
    """Read and check one skill from the bytes of its files, by path inside its folder."""
    read = read_skill(folder, contents, profile.profile)
    findings = read.findings
    findings.extend(profile.findings(read))
    findings.extend(_body_findings(read))
    known = {step for path in folder.files for step in _steps(path)}
    findings.extend(_link_findings(read.body, read.body_line, "", known, read))
    for path, data in read.contents.items():
        found = _file_findings(read, path, data, known)
        findings.extend(found)
        if any(each.code == LEAK for each in found):
            findings = hide_secrets(findings, data.decode(errors="replace"))
    if read.front is not None and "\\" in read.text:
        findings = hide_secrets(findings, "\n".join(_texts(read.front)))
    entry = _entry(read)
    digest = skill_digest(read.files)
    entry["digest"] = digest
    skill = SkillVersion(folder.key, folder.path, digest, tuple(map(_plain_file, read.files)), entry)
    return SkillRecord(skill, findings, read.contents, _description(read))


def _plain_file(file: SkillFile) -> tuple[str, str, str, int]:
    return file.path, file.mode, file.sha256, file.size


def _body_findings(read: ReadSkill) -> Iterator[Finding]:
    path, key = f"{read.folder.path}/{read.folder.skill_file}", read.folder.key
    lines, tokens = _lines(read.body), _tokens(read.body)
    if lines > SKILL_BODY_LINES or tokens > SKILL_BODY_TOKENS:
        message = (
            f"the body has {lines} lines and ~{tokens} tokens; agents load all of it at once: keep it under "
            f"{SKILL_BODY_LINES} lines and ~{SKILL_BODY_TOKENS} tokens and move the rest to files it links to"
        )
        yield finding("S220", message, path, line=read.body_line, column=1, artifact=key)
    if read.front is not None:
        yield from _front_findings(read, read.front, path)
    if "<" in read.text and "<!--" in read.text:
        yield from comment_findings(read.text, path, key)


def _lines(text: str) -> int:
    """Lines as an editor counts them: a final line end begins no other."""
    return text.count("\n") + (text[-1:] not in ("", "\n"))


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _front_findings(read: ReadSkill, front: Mapping[str, Any], path: str) -> Iterator[Finding]:
    chars = _listing_chars(front)
    if chars > LISTING_ENTRY_CHARS and front.get("disable-model-invocation") is not True:
        spot = _description(read)
        message = f"description and when_to_use have {chars} characters; agents list at most {LISTING_ENTRY_CHARS}"
        yield finding("S221", message, path, line=spot.line, column=spot.column, artifact=read.folder.key)
    if "\\" in read.text:
        yield from _escaped(read, front, path)


def _description(read: ReadSkill) -> Spot:
    """Where the description stands. Nearly always its key begins a line: then nothing has to be parsed for that."""
    front = read.text[: len(read.text) - len(read.body)]
    if front.count(_DESCRIPTION) == 1:
        return Spot(front.count("\n", 0, front.index(_DESCRIPTION)) + 2, 1)
    return read.spot("description")


def _escaped(read: ReadSkill, front: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """What the front matter spells as escapes: hidden characters and secrets, only in its values."""
    for key, value in front.items():
        for text in _texts([key, value]):
            for code, message in escaped_in(text, read.text):
                spot = read.spot(key)
                yield finding(code, message, path, line=spot.line, column=spot.column, artifact=read.folder.key)


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    pending = [value]
    for item in pending:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item


def _link_findings(text: str, first_line: int, inner: str, known: Collection[str], read: ReadSkill) -> list[Finding]:
    """Bad links of one Markdown text; ``inner`` is its file's path in the skill, empty for the skill's body."""
    if "]" not in text or ("](" not in text and "]:" not in text):  # one character is found ten times faster
        return []
    found = []
    for hit in find_bad_links(text, inner.rpartition("/")[0], known):
        shown = hit.target[:80]
        if hit.kind == DEAD:
            found.append((hit.offset, "S213", f"the link leads to `{shown}`, which is not in the skill"))
        else:
            message = f"the link to `{shown}` leaves the skill: an agent may not have it"
            found.append((hit.offset, "S214", message))
    path = f"{read.folder.path}/{inner or read.folder.skill_file}"
    return place_findings(found, Lines(text, first_line), path, read.folder.key) if found else []


def _steps(path: str) -> Iterator[str]:
    """A file and the folders it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _file_findings(read: ReadSkill, inner: str, data: bytes, known: Collection[str]) -> list[Finding]:
    """What stands in one file that nobody should miss. Binary files are not looked into."""
    if _BINARY in data[:8192]:
        return []
    text = data.decode(errors="replace")
    path, key = f"{read.folder.path}/{inner}", read.folder.key
    found = text_findings(text, path, key, raw=data)
    kind: Kind = "skill" if inner.lower().endswith(_INSTRUCTIONS) else "script"
    hostile = [
        (hit.start, "S230", f"{hit.rule}: read this before you trust the skill")
        for hit in find_hostile(text, kind=kind)
    ]
    if hostile:
        found += place_findings(hostile, Lines(text), path, key)
    if inner.endswith(".md") and inner != read.folder.skill_file:
        found += _link_findings(text, 1, inner, known, read)
    return found


def _listing_chars(front: Mapping[str, Any]) -> int:
    return sum(len(front[name]) for name in ("description", "when_to_use") if isinstance(front.get(name), str))


def _entry(read: ReadSkill) -> dict[str, Any]:
    front = read.front or {}
    written = front.get("metadata")
    metadata: dict[str, Any] = written if isinstance(written, dict) else {}
    chars = _listing_chars(front)
    return {
        "name": read.folder.key,
        "telemetry_names": [read.folder.key],
        "description": _text(front.get("description")),
        "path": read.folder.path,
        "owners": _people(metadata.get("owners", metadata.get("owner"))),
        "tags": listed_words(metadata.get("tags")),
        "license": _text(front.get("license")),
        "files": len(read.files),
        "size_bytes": sum(file.size for file in read.files),
        "body_lines": _lines(read.body),
        "listing_chars": min(chars, LISTING_ENTRY_CHARS),
        "description_chars": chars,
        "tokens_estimate": _tokens(read.body),
        "allowed_tools": listed_words(front.get("allowed-tools")),
        "user_invocable": front.get("user-invocable") is not False,
        "model_invocable": front.get("disable-model-invocation") is not True,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _people(value: Any) -> list[str]:
    """Owners: ``team-a, Jane Doe`` or a list; names have spaces, so only ``@a @b`` is parted at them."""
    if not isinstance(value, str):
        return listed_words(value)
    parts = [part.strip() for part in value.split(",")]
    return [name for part in parts for name in (part.split() if part.startswith("@") else [part]) if name]
