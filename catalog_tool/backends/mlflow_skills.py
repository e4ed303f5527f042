"""Skills in MLflow's skill registry (3.18, experimental there and here).

What consumers get by ``skills:/NAME`` is the latest version, so that is what counts as there: a version
that somebody registers beside us is drift. Before content is uploaded, the skill's tags say what that
content is: entry and marker, by MLflow's own digest of the files, so that a crash in between leaves
nothing that cannot be told. Reading compares digests and downloads only what no tag of ours explains.
MLflow records the digest that whoever registers claims, and keeps no modes: those are in the entry.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from catalog_tool.backends.mlflow_answers import NEXT_PAGE, believed, listed, texts_of
from catalog_tool.backends.mlflow_api import PAGES, ExistsError, MissingError, MlflowApi, NoRouteError
from catalog_tool.backends.mlflow_prompts import CHUNK_CHARACTERS, MARKER_TAG
from catalog_tool.backends.stored import skill_entry_of
from catalog_tool.canonical.identity import SkillFile, skill_digest
from catalog_tool.canonical.interop import mlflow_digest
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError, RefusedError
from catalog_tool.model.addresses import skill_address
from catalog_tool.model.target import Live, Write

ORGANIZATION_CHARACTERS = 64
_ORGANIZATION = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*", re.ASCII)
_ROUTE = "api/3.0/mlflow/skills"
_FILES = "api/2.0/mlflow-artifacts/artifacts"
_STORED = "mlflow-artifacts:/"
_A_PAGE = "1000"
_MOST_FILES = 10_000
_PLAIN = "100644"
LACKING = "this MLflow server has no skill registry, it begins with MLflow 3.18"

Files = Mapping[str, tuple[str, bytes]]


class LackingError(RefusedError):
    """The server has no skill registry."""


class Latest(NamedTuple):
    """A skill as consumers get it: MLflow's digest (64 hex), where its files are, and the skill's tags."""

    digest: str
    source: str
    tags: Mapping[str, str]

    def entry(self) -> bytes | None:
        """The entry that our tags give for this content; None where they know nothing of it."""
        text = "".join(_chunks_of(self.tags, self.digest))
        return text.encode() if text else None


class SkillRegistry:
    """The skills of one target: those of one organization, which stands for the target's prefix."""

    def __init__(self, api: MlflowApi, prefix: str) -> None:
        self._api = api
        self._organization = organization_of(prefix)

    def _path(self, name: str, *rest: str) -> str:
        scope = [f"@{self._organization}"] if self._organization else []
        return "/".join([_ROUTE, *scope, quote(name, safe=""), *(quote(part, safe="") for part in rest)])

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """All skills, or those of these names; two requests a skill and one for each thousand."""
        for name, skill in self._skills():
            if (only is None or name in only) and (latest := self._latest(name, skill)) is not None:
                yield Live(skill_address(name), self.entry_of(name, latest), latest.tags.get(MARKER_TAG))

    def _skills(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each skill's name, and what the list says of it."""
        query = {"filter_string": f"organization = '{self._organization}'", "max_results": _A_PAGE}
        for _ in range(PAGES):
            page = self._asked("GET", _ROUTE, params=query)
            with believed(self._api.place, "a list of skills"):
                found = [(str(item["name"]), item) for item in listed(page, "skills")]
            yield from found
            token = page.get(NEXT_PAGE)
            if not token or token == query.get("page_token"):
                return
            query["page_token"] = token
        raise BackendError("the list of skills has no end")

    def _asked(self, method: str, path: str, **content: Any) -> Any:
        try:
            return self._api.call(method, path, **content)
        except NoRouteError as error:
            raise LackingError(LACKING, hint="write `skills: false` under this target, or upgrade it") from error

    def latest(self, name: str) -> Latest | None:
        """A skill as it is there now; None for none, and for one without a version to use."""
        try:
            skill = self._asked("GET", self._path(name))
        except MissingError:
            return None
        return self._latest(name, skill)

    def _latest(self, name: str, skill: Mapping[str, Any]) -> Latest | None:
        try:
            version = self._asked("GET", self._path(name, "aliases", "latest"))
        except MissingError:
            return None
        return Latest(str(version.get("digest")), str(version.get("source")), self._tags_of(skill))

    def _tags_of(self, skill: Mapping[str, Any]) -> dict[str, str]:
        with believed(self._api.place, "a skill"):
            return texts_of(skill.get("tags"))

    def entry_of(self, name: str, latest: Latest) -> bytes:
        """The entry of what is there; content that our tags do not know is downloaded and listed."""
        known = latest.entry()
        if known is not None:
            return known
        try:
            files = self.files(latest)
        except RefusedError as error:
            return canonical_bytes({"digest": latest.digest, "source": latest.source, "unreadable": error.message})
        listed = [
            SkillFile(path, mode, hashlib.sha256(data).hexdigest(), len(data)) for path, (mode, data) in files.items()
        ]
        claimed = {"digest": skill_digest(listed), "name": name, "description": None}
        return skill_entry_of(canonical_bytes(claimed), files)

    def files(self, latest: Latest) -> Files:
        """A skill's files with their modes. Raises ``RefusedError`` for content that MLflow does not hold itself."""
        if not latest.source.startswith(_STORED):
            raise RefusedError(f"its content is elsewhere: {latest.source}")
        root = latest.source.removeprefix(_STORED)
        with believed(self._api.place, "a skill with tags"):
            entry = json.loads(latest.entry() or b"{}")
            modes = {str(item["path"]): str(item["mode"]) for item in entry.get("files", ())}
        try:
            paths = list(self._walk(root, ""))
            return {path: (modes.get(path, _PLAIN), self._api.data(_stored(root, path))) for path in paths}
        except NoRouteError as error:
            raise RefusedError("the server does not serve artifacts") from error

    def _walk(self, root: str, inner: str) -> Iterator[str]:
        pending, count = [inner], 0
        while pending:
            folder = pending.pop()
            answer = self._api.call("GET", _FILES, params={"path": f"{root}/{folder}".rstrip("/")})
            with believed(self._api.place, "a list of files"):
                found = answer.get("files") or ()
                entries = [(f"{folder}/{item['path']}".lstrip("/"), item.get("is_dir")) for item in found]
            for path, is_folder in entries:
                count += 1
                if count > _MOST_FILES:
                    raise BackendError(f"a skill there has more than {_MOST_FILES} files")
                if is_folder:
                    pending.append(path)
                else:
                    yield path

    def put(self, name: str, write: Write, latest: Latest | None) -> None:
        """Make a skill hold a step's content: tags first, content after them, what is left over last."""
        contents = write.contents or {}
        digest = mlflow_digest(contents.items()).removeprefix("sha256:")
        tags = _entry_tags(digest, (write.entry or b"").decode())
        before = self._tags(name, latest)
        for key, value in tags.items():
            self._set(name, before, key, value)
        self.mark(name, before, write.marker)
        if latest is None or latest.digest != digest:
            self._upload(name, digest, contents)
        for key in before:
            if key.startswith("catalog.entry.") and key not in tags:
                self._unset(name, key)

    def _tags(self, name: str, latest: Latest | None) -> Mapping[str, str]:
        """The skill's tags, made with it where it is not there yet."""
        if latest is not None:
            return latest.tags
        with contextlib.suppress(ExistsError):
            self._asked("POST", _ROUTE, json={"name": name, "organization": self._organization})
        return self._tags_of(self._asked("GET", self._path(name)))

    def mark(self, name: str, before: Mapping[str, str], marker: str | None) -> None:
        """Set or remove the marker."""
        if marker is not None:
            self._set(name, before, MARKER_TAG, marker)
        elif MARKER_TAG in before:
            self._unset(name, MARKER_TAG)

    def _set(self, name: str, before: Mapping[str, str], key: str, value: str) -> None:
        if before.get(key) != value:
            self._asked("POST", self._path(name, "tags"), json={"key": key, "value": value})

    def _unset(self, name: str, key: str) -> None:
        with contextlib.suppress(MissingError):
            self._asked("DELETE", self._path(name, "tags", key))

    def _upload(self, name: str, digest: str, contents: Mapping[str, bytes]) -> None:
        metadata = {"name": name, "organization": self._organization, "digest": digest, "status": "active"}
        parts = {
            "metadata": (None, json.dumps(metadata), "application/json"),
            "content": ("content.tar.gz", _archive(contents), "application/gzip"),
        }
        self._asked("POST", self._path(name, "versions"), files=parts)

    def delete(self, name: str) -> None:
        """Delete a skill with all its versions; nothing happens where it is gone."""
        with contextlib.suppress(MissingError):
            self._asked("DELETE", self._path(name))


def organization_of(prefix: str) -> str:
    """The organization that stands for a prefix: ``staging/`` is ``staging``; one that none can be called, its hash."""
    if not prefix:
        return ""
    plain = prefix.removesuffix("/").replace("/", ".")
    if prefix.endswith("/") and len(plain) <= ORGANIZATION_CHARACTERS and _ORGANIZATION.fullmatch(plain):
        return plain
    return f"prefix-{hashlib.sha256(prefix.encode()).hexdigest()[:32]}"


def _stored(root: str, path: str) -> str:
    return f"{_FILES}/{quote(f'{root}/{path}', safe='/@')}"


def _entry_tags(digest: str, text: str) -> dict[str, str]:
    starts = range(0, len(text), CHUNK_CHARACTERS)
    return {_key(digest, number): text[start : start + CHUNK_CHARACTERS] for number, start in enumerate(starts)}


def _key(digest: str, number: int) -> str:
    return f"catalog.entry.{digest[:32]}.{number}"


def _chunks_of(tags: Mapping[str, str], digest: str) -> Iterator[str]:
    number = 0
    while (text := tags.get(_key(digest, number))) is not None:
        yield text
        number += 1


def _archive(contents: Mapping[str, bytes]) -> bytes:
    """A gzipped tar, the same bytes for the same files."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in sorted(contents.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
