"""One skill read and checked by itself: all that its own files decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import SkillFile, skill_digest
from catalog_tool.checks.agent_limits import LISTING_ENTRY_CHARS
from catalog_tool.checks.hostile_code import Kind, find_hostile
from catalog_tool.checks.markdown_links import DEAD, find_bad_links
from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.text import Lines, comment_findings, place_findings, text_findings
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.limits import CHARACTERS_A_TOKEN, SKILL_BODY_LINES, SKILL_BODY_TOKENS
from catalog_tool.model.skill import SkillVersion
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder
from catalog_tool.source.skills import ReadSkill, read_skill

_BINARY = b"\0"


class SkillRecord(NamedTuple):
    """What is kept of one skill; ``contents`` only while a build needs them."""

    skill: SkillVersion
    findings: list[Finding]
    contents: dict[str, bytes]


def record_skill(
    folder: SkillFolder, contents: Mapping[str, bytes | Flaw], profile: ProfileCheck
) -> SkillRecord:
    """Read and check one skill from the bytes of its files, by path inside its folder."""
    read = read_skill(folder, contents, profile.profile)
    findings = read.findings
    findings.extend(profile.findings(read))
    findings.extend(_body_findings(read))
    for path, data in read.contents.items():
        findings.extend(_file_findings(read, path, data))
    entry = _entry(read)
    digest = skill_digest(read.files)
    entry["digest"] = digest
    skill = SkillVersion(folder.key, folder.path, digest, tuple(map(_plain_file, read.files)), entry)
    return SkillRecord(skill, findings, read.contents)


def _plain_file(file: SkillFile) -> tuple[str, str, str, int]:
    return file.path, file.mode, file.sha256, file.size


def _body_findings(read: ReadSkill) -> Iterator[Finding]:
    path, key = f"{read.folder.path}/{SKILL_FILE}", read.folder.key
    lines = read.body.count("\n") + 1
    tokens = -(-len(read.body) // CHARACTERS_A_TOKEN)
    if lines > SKILL_BODY_LINES or tokens > SKILL_BODY_TOKENS:
        message = (
            f"the body has {lines} lines and ~{tokens} tokens; agents load all of it at once: keep it under "
            f"{SKILL_BODY_LINES} lines and ~{SKILL_BODY_TOKENS} tokens and move the rest to files it links to"
        )
        yield finding("S220", message, path, line=read.body_line, artifact=key)
    if read.front is not None:
        chars = _listing_chars(read.front)
        if chars > LISTING_ENTRY_CHARS:
            spot = read.spot("description")
            message = f"description and when_to_use have {chars} characters; agents list at most {LISTING_ENTRY_CHARS}"
            yield finding("S221", message, path, line=spot.line, column=spot.column, artifact=key)
    if "](" in read.body:
        yield from _link_findings(read, path)
    if "<!--" in read.text:
        yield from comment_findings(read.text, path, key)


def _link_findings(read: ReadSkill, path: str) -> Iterator[Finding]:
    known = set(read.contents)
    known.update(folder for name in read.contents if "/" in name for folder in _folders(name))
    found = []
    for hit in find_bad_links(read.body, "", known):
        if hit.kind == DEAD:
            found.append(
                (hit.offset, "S213", f"the link leads to `{hit.target[:80]}`, which is not in the skill")
            )
        else:
            found.append(
                (
                    hit.offset,
                    "S214",
                    f"the link to `{hit.target[:80]}` leaves the skill: an agent may not have it",
                )
            )
    if found:
        yield from place_findings(found, Lines(read.body, read.body_line), path, read.folder.key)


def _folders(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _file_findings(read: ReadSkill, inner: str, data: bytes) -> list[Finding]:
    if _BINARY in data[:8192]:
        return []
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return []
    path, key = f"{read.folder.path}/{inner}", read.folder.key
    found = text_findings(text, path, key, raw=data)
    kind: Kind = "skill" if inner.endswith((".md", ".mdx", ".txt")) else "script"
    hostile = [
        (hit.start, "S230", f"{hit.rule}: read this before you trust the skill")
        for hit in find_hostile(text, kind=kind)
    ]
    return found + place_findings(hostile, Lines(text), path, key) if hostile else found


def _listing_chars(front: Mapping[str, Any]) -> int:
    return sum(
        len(front[name]) for name in ("description", "when_to_use") if isinstance(front.get(name), str)
    )


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
        "owners": _words(metadata.get("owners", metadata.get("owner"))),
        "tags": _words(metadata.get("tags")),
        "license": _text(front.get("license")),
        "files": len(read.files),
        "size_bytes": sum(file.size for file in read.files),
        "body_lines": read.body.count("\n") + 1 if read.body else 0,
        "listing_chars": min(chars, LISTING_ENTRY_CHARS),
        "description_chars": chars,
        "tokens_estimate": -(-len(read.body) // CHARACTERS_A_TOKEN),
        "allowed_tools": _words(front.get("allowed-tools")),
        "user_invocable": front.get("user-invocable") is not False,
        "model_invocable": front.get("disable-model-invocation") is not True,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _words(value: Any) -> list[str]:
    """``a b``, ``a, b`` or a list, as a list; commas and spaces inside brackets do not split."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    if not isinstance(value, str):
        return []
    words, depth, word = [], 0, ""
    for character in value:
        depth += (character in "([") - (character in ")]")
        if character in ", \n\t" and depth <= 0:
            words.append(word)
            word = ""
        else:
            word += character
    return [word for word in (*words, word) if word]
