"""Skills in a Langfuse project: experimental, by ``/api/public/unstable/skills`` as its SDK (5.0) describes it.

A skill there has versions that never change, each a list of text files with the hashes that the server
computed, so nothing is downloaded to compare. What is served by default, and so what counts as live, is
the version labelled ``production``, or the last one where there is none. The platform names a skill by its
SKILL.md, knows no mode of a file and keeps no owners: those are remembered beside the inventory.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from catalog_tool.backends.langfuse_api import MESSAGE_CHARACTERS, PAGE, AbsentError, LangfuseApi
from catalog_tool.backends.langfuse_memory import LATEST, Memory
from catalog_tool.backends.stored import skill_entry_with
from catalog_tool.canonical.identity import SkillFile, skill_digest
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError, RefusedError, UnavailableError
from catalog_tool.model.addresses import SKILL, parse_address, skill_address
from catalog_tool.model.target import CHANGED, DONE, Live, Write, Written

PRODUCTION = "production"
HASHES = 50
"""Files whose contents one request may ask for."""
_SKILLS = "/api/public/unstable/skills"
_PLAIN = "100644"
_VERSIONS = _PAGES = 1000


class Manifest(NamedTuple):
    """One stored version: ``files`` gives base64 of the SHA-256 and size in bytes, by path."""

    number: int
    files: Mapping[str, tuple[str, int]]
    labels: tuple[str, ...]
    message: str
    description: str
    created_at: str
    created_by: str


class Skills:
    """Reads and writes skills. A target with a prefix holds none: a skill's name is what its SKILL.md says."""

    def __init__(self, api: LangfuseApi) -> None:
        self._api = api

    def scan(self, memory: Memory, only: Collection[str] | None) -> Iterator[Live]:
        """The skills; none where the server has no such API, unless some were written to it."""
        try:
            names = (
                self._names() if only is None else [parse_address(one).name for one in only if one.startswith(SKILL)]
            )
            for name in names:
                manifest = self._live(name)
                if manifest is not None:
                    yield self._shown(name, manifest, memory)
        except AbsentError as error:
            if any(address.startswith(SKILL) for address in memory.inventory):
                raise BackendError(f"the skills API that held {len(memory.skills)} skills is gone") from error

    def _names(self) -> list[str]:
        found: list[str] = []
        for page in range(1, _PAGES + 1):
            answer = self._api.ask("GET", _SKILLS, query={"page": str(page), "limit": str(PAGE)}) or {}
            try:
                found += [str(item["name"]) for item in answer["data"]]
                is_last = page >= answer["meta"]["totalPages"]
            except (KeyError, TypeError) as error:
                raise BackendError(f"a list of skills that is none: {error!r}") from error
            if len(set(found)) != len(found) or not (answer["data"] or is_last):
                raise UnavailableError("the list of skills changed while it was read")
            if is_last:
                return found
        raise BackendError(f"a list of skills has more than {_PAGES} pages")

    def _live(self, name: str) -> Manifest | None:
        return self._manifest(name, {"label": PRODUCTION}) or self._manifest(name, {"label": LATEST})

    def _manifest(self, name: str, query: Mapping[str, str]) -> Manifest | None:
        answer = self._api.ask("GET", f"{_SKILLS}/{quote(name, safe='')}", query=query)
        return None if answer is None else _manifest(answer)

    def _shown(self, name: str, manifest: Manifest, memory: Memory) -> Live:
        address = skill_address(name)
        listed, entry = _explained(name, manifest, memory)
        marker = memory.markers.get(address) or (manifest.message if manifest.message.startswith("{") else None)
        by = manifest.created_by if manifest.created_by not in ("API", "") else None
        return Live(address, skill_entry_with(canonical_bytes(entry), listed), marker, manifest.created_at or None, by)

    def announce(self, write: Write, memory: Memory) -> None:
        """Note what is about to be stored: a crash between the files and the inventory leaves nothing unexplained."""
        if write.entry is not None:
            name = parse_address(write.address).name
            memory.skills[name] = {**memory.skills.get(name, {}), "next": _noted(write.entry, write)}

    def contents(self, name: str, memory: Memory) -> dict[str, tuple[str, bytes]]:
        """A skill's files, each with the hash that the manifest gives. Raises ``BackendError`` where one has not."""
        manifest = self._live(name)
        if manifest is None:
            raise BackendError(f"{name} is not on the target any more")
        texts = self._texts(sorted({digest for digest, _ in manifest.files.values()}))
        modes = {file["path"]: file["mode"] for file in _explained(name, manifest, memory)[0]}
        return {path: (modes[path], texts[digest]) for path, (digest, _) in manifest.files.items()}

    def _texts(self, hashes: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for at in range(0, len(hashes), HASHES):
            query = {"sha256Hashes": ",".join(hashes[at : at + HASHES])}
            answer = self._api.ask("GET", f"{_SKILLS}/files/content", query=query) or {}
            for item in answer.get("data", []):
                found[str(item["sha256Hash"])] = str(item["content"]).encode()
        for digest in hashes:
            if digest not in found or _hash(found[digest]) != digest:
                raise BackendError(f"a file of a skill ({digest}) is not what its hash says")
        return found

    def make(self, write: Write, memory: Memory) -> Written:
        """One step. Raises ``RefusedError`` and ``UnavailableError``."""
        try:
            return self._make(write, memory)
        except AbsentError as error:
            why = "this Langfuse has no skills API (it is experimental there)"
            raise RefusedError(f"{why}: set `skills: false` for the target") from error

    def _make(self, write: Write, memory: Memory) -> Written:
        name = parse_address(write.address).name
        manifest = self._live(name)
        now = self._shown(name, manifest, memory).entry if manifest is not None else None
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if wanted is None:
            self._remove(name)
            for remembered in (memory.inventory, memory.markers):
                remembered.pop(write.address, None)
            memory.skills.pop(name, None)
            return Written(write.address, DONE)
        if write.entry is not None and now != write.entry:
            self._put(write, name, manifest)
        if write.entry is not None:
            memory.skills[name] = _noted(write.entry, write)
        if write.applied is None:
            memory.inventory.pop(write.address, None)
        else:
            memory.inventory[write.address] = write.applied
        if write.marker is not None:
            memory.markers[write.address] = write.marker
        return Written(write.address, DONE)

    def _remove(self, name: str) -> None:
        """Version by version, each read before it goes."""
        for _ in range(_VERSIONS):
            last = self._manifest(name, {"label": LATEST})
            if last is None:
                return
            self._api.ask("DELETE", f"{_SKILLS}/{quote(name, safe='')}/versions/{last.number}")

    def _put(self, write: Write, name: str, manifest: Manifest | None) -> None:
        """A new version with these files, labelled; nothing where only what the platform does not keep differs."""
        contents = write.contents or {}
        hashes = {path: _hash(_text(path, data).encode()) for path, data in contents.items()}
        _check_name(name, contents)
        if manifest is None or _hashes(manifest) != hashes:
            known = {*_hashes(manifest).values()} if manifest is not None else set()
            files = [
                {"path": path, "sha256Hash": hashes[path]} if hashes[path] in known
                else {"path": path, "content": _text(path, data)}
                for path, data in sorted(contents.items())
            ]  # fmt: skip
            last = self._manifest(name, {"label": LATEST})
            made = last is not None and _hashes(last) == hashes  # by a step that was cut off before the label
            manifest = last if last is not None and made else self._create(name, files, hashes, write.marker)
        if PRODUCTION not in manifest.labels:
            labels = [*(label for label in manifest.labels if label != LATEST), PRODUCTION]
            path = f"{_SKILLS}/{quote(name, safe='')}/versions/{manifest.number}"
            if self._api.ask("PATCH", path, body={"labels": labels}) is None:
                raise UnavailableError(f"{name} changed while it was written")

    def _create(
        self, name: str, files: list[dict[str, str]], hashes: Mapping[str, str], marker: str | None
    ) -> Manifest:
        """One POST; where its answer was lost, the last version, if it holds these files."""
        message = marker if marker is not None and len(marker) <= MESSAGE_CHARACTERS else "catalog"
        try:
            answer = self._api.ask("POST", _SKILLS, body={"files": files, "commitMessage": message})
        except UnavailableError:
            last = self._manifest(name, {"label": LATEST})
            if last is None or _hashes(last) != hashes:
                raise
            return last
        if not isinstance(answer, dict) or answer.get("name") != name:
            raise BackendError(f"the skill {name} was stored under another name", hint="what does its SKILL.md say?")
        return _manifest(answer)


def _manifest(answer: Mapping[str, Any]) -> Manifest:
    try:
        files = {str(file["path"]): (str(file["sha256Hash"]), int(file["contentLength"])) for file in answer["files"]}
        labels = tuple(map(str, answer["labels"]))
        said = (str(answer.get(key) or "") for key in ("commitMessage", "description", "createdAt", "createdBy"))
        return Manifest(int(answer["version"]), files, labels, *said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackendError(f"a skill that is none of Langfuse's: {error!r}") from error


def _hashes(manifest: Manifest) -> dict[str, str]:
    return {path: digest for path, (digest, _) in manifest.files.items()}


def _noted(entry: bytes, write: Write) -> dict[str, Any]:
    """What is remembered of a skill: all that Langfuse has no place for."""
    kept = {key: value for key, value in json.loads(entry).items() if key != "files"}
    return {"entry": kept, "modes": dict(write.modes or {})}


def _explained(name: str, manifest: Manifest, memory: Memory) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The files with their modes, and the entry without them: of the write of ours that stored them, if one did."""
    known = memory.skills.get(name, {})
    for one in (known, known.get("next", {})):
        listed = _listed(manifest, one.get("modes", {}))
        digest = skill_digest(SkillFile(**file) for file in listed)
        if one.get("entry", {}).get("digest") == digest:
            return listed, one["entry"]
    listed = _listed(manifest, known.get("modes", {}))
    claimed = known.get("entry") or _foreign(name, manifest)
    return listed, {**claimed, "digest": skill_digest(SkillFile(**file) for file in listed)}


def _listed(manifest: Manifest, modes: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        return [
            {"mode": modes.get(path, _PLAIN), "path": path, "sha256": base64.b64decode(digest).hex(), "size": size}
            for path, (digest, size) in sorted(manifest.files.items(), key=lambda item: item[0].encode())
        ]
    except ValueError as error:
        raise BackendError(f"a hash that is none: {error}") from error


def _foreign(name: str, manifest: Manifest) -> dict[str, Any]:
    """The entry of a skill that was never ours, without its digest."""
    return {"description": manifest.description, "owners": [], "path": f"skills/{name}", "tags": []}


def _hash(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _text(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} is no text in UTF-8, and Langfuse keeps text only") from error
    if "\0" in text:
        raise RefusedError(f"{path} holds NUL, which Langfuse cannot store")
    return text


def _check_name(name: str, contents: Mapping[str, bytes]) -> None:
    """The server names a skill by its SKILL.md, so another name there would make another skill."""
    lines = contents.get("SKILL.md", b"").decode(errors="replace").partition("\n---")[0].splitlines()
    said = [line.removeprefix("name:").strip().strip("\"'") for line in lines if line.startswith("name:")]
    if said != [name]:
        raise RefusedError(
            f"Langfuse would not name this skill {name}: its SKILL.md says {', '.join(said) or 'nothing'}"
        )
