"""Our own prompts in a Langfuse project: ``.catalog-state`` and the inventory beside it.

The platform has no compare-and-swap, but it numbers the versions of a name one by one, and that is
enough for one. Each version of ``.catalog-state`` names in ``after`` the version it was made from. Of
several made from the same one the lowest number counts, and whoever finds his own behind it has lost,
takes it away and starts again. Readers follow the same rule, so all agree, and a version that somebody
made in the UI by editing ours (a copy, which names what ours named) counts for nobody.

Only numbers that were read are ever deleted, never the last one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from catalog_tool.backends.langfuse_api import ConflictError, LangfuseApi, Row
from catalog_tool.backends.langfuse_memory import Memory, unpacked
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.target import Lease

STATE, INVENTORY = ".catalog-state", ".catalog-inventory-"
"""Names that no prompt of a catalog can have: they follow the target's prefix."""
NO_ROWS: Mapping[str, Row] = {}
TRIES = 8
PAUSE_SECONDS = 0.05
_KEY = "catalog_state"
_TEXT = "catalog-tool keeps here what it last wrote to this project. Editing it has no effect; deleting it loses track."


_OURS = re.compile(r".*(?:\.catalog-state|\.catalog-inventory-[0-9]+)", re.DOTALL)


def is_state(name: str) -> bool:
    """Whether a prompt of the project is a state of this tool, below whatever prefix."""
    return _OURS.fullmatch(name) is not None


class Head(NamedTuple):
    """One version of the state. ``number`` 0 is a project that was never synced.

    ``parts`` are number and sha256 of each text of the memory.
    """

    number: int
    store_id: str = ""
    lease: Lease | None = None
    control: Any = None
    parts: tuple[tuple[int, str], ...] = ()
    nonce: str = ""


class StateStore:
    """Reads and writes the state below a prefix."""

    def __init__(self, api: LangfuseApi, prefix: str) -> None:
        self._api = api
        self._name = prefix + STATE
        self._parts = prefix + INVENTORY
        self._tag = f"catalog-state-{hashlib.sha256(prefix.encode()).hexdigest()[:12]}" if prefix else "catalog-state"
        self._memory: tuple[tuple[tuple[int, str], ...], Memory] = ((), Memory())
        self.versions: dict[str, tuple[int, ...]] = {}

    def is_ours(self, name: str) -> bool:
        """Whether a prompt of the project is one of these, below this prefix."""
        return name == self._name or name.startswith(self._parts)

    def read(self) -> tuple[Head, Mapping[str, Row]]:
        """The state that counts now, and the rows of all of it: one request, but where somebody took our tag away."""
        rows = {row.name: row for row in self._api.rows(tag=self._tag) if self.is_ours(row.name)}
        head = self._head_of(rows.get(self._name) or self._api.row(self._name))
        self.versions |= {name: row.versions for name, row in rows.items()}
        return head, rows

    def head(self) -> Head:
        """The state that counts now."""
        return self._head_of(self._api.row(self._name))

    def _head_of(self, row: Row | None) -> Head:
        if row is None:
            self.versions = {}
            return Head(0)
        self.versions[self._name] = row.versions
        top = _document(row.config)
        before = row.versions[-2] if len(row.versions) > 1 else None
        if top is not None and before in (None, top["after"]):
            return _head(row.versions[-1], top)
        return self._settled(row)

    def _settled(self, row: Row) -> Head:
        """Which of several versions counts: from one that follows its neighbour, upwards by ``after``."""
        found: dict[int, dict[str, Any]] = {}
        for at in range(len(row.versions) - 1, -1, -1):
            number = row.versions[at]
            body = self._api.version(self._name, number)
            document = _document(body.config) if body is not None else None
            if document is None:
                continue
            found[number] = document
            if at == 0 or document["after"] == row.versions[at - 1]:
                return _follow(number, found)
        raise BackendError(f"{self._name} on the target is none of ours", hint="was it edited by hand?")

    def memory(self, head: Head, rows: Mapping[str, Row] = NO_ROWS) -> Memory:
        """The memory that a head names; ``rows`` are what ``read`` gave with it.

        Raises ``UnavailableError`` where another sync replaced it meanwhile.
        """
        if head.parts == self._memory[0]:
            return self._memory[1]
        texts = []
        for index, (number, digest) in enumerate(head.parts):
            name = f"{self._parts}{index}"
            text = self._part(name, number, rows)
            if text is None or hashlib.sha256(text.encode()).hexdigest() != digest:
                raise UnavailableError(f"{name} on the target is not what {self._name} says")
            texts.append(text)
        self._memory = (head.parts, unpacked(texts))
        return self._memory[1]

    def _part(self, name: str, number: int, rows: Mapping[str, Row]) -> str | None:
        """One text; the list has it already where it is the last version, as it nearly always is."""
        row = rows.get(name) or self._api.row(name)
        if row is None:
            return None
        self.versions[name] = row.versions
        if row.versions[-1] == number:
            config = row.config
        else:
            body = self._api.version(name, number)
            config = body.config if body is not None else None
        text = config.get("data") if isinstance(config, dict) else None
        return text if isinstance(text, str) else None

    def forget(self) -> None:
        """Read the memory from the project again."""
        self._memory = ((), Memory())

    def save(self, head: Head, memory: Memory) -> Head:
        """Write a memory beside a head that names it; the head itself is not written yet."""
        texts = memory.packed()
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        if digests == [digest for _, digest in head.parts]:
            return head
        parts = []
        for index, (text, digest) in enumerate(zip(texts, digests, strict=True)):
            same = index < len(head.parts) and head.parts[index][1] == digest
            parts.append(head.parts[index] if same else (self._create(f"{self._parts}{index}", {"data": text}), digest))
        self._memory = (tuple(parts), memory)
        return head._replace(parts=tuple(parts))

    def update(self, change: Callable[[Head], Head | None]) -> Head:
        """Replace the head by what ``change`` makes of it, as one step; None leaves it. Gives the head that counts."""
        for _ in range(TRIES):
            row = self._api.row(self._name)
            head = self._head_of(row)
            wanted = change(head)
            if wanted is None:
                return head
            made = self._put(head, wanted)
            if made is not None:
                self._prune(made, head, row)
                return made
            time.sleep(PAUSE_SECONDS)
        raise UnavailableError(f"others write {self._name} all the time")

    def _put(self, head: Head, wanted: Head) -> Head | None:
        """Write one version and see whether it counts; None where somebody else was first."""
        wanted = wanted._replace(nonce=uuid.uuid4().hex, store_id=head.store_id or uuid.uuid4().hex)
        try:
            number = self._create(self._name, {_KEY: _written(wanted, head.number)})
        except ConflictError:
            return None
        if number == head.number + 1:
            return wanted._replace(number=number)
        counts = self.head()
        if counts.nonce == wanted.nonce:
            return counts
        with contextlib.suppress(BackendError):
            self._api.delete(self._name, number)
        return None

    def _create(self, name: str, config: dict[str, Any]) -> int:
        """Make one version; where the answer was lost, look whether it is there before anybody tries again."""
        mark = config.get(_KEY) or config["data"]
        said = {"type": "text", "prompt": _TEXT, "labels": [], "tags": [self._tag], "commitMessage": "state"}
        body = {"name": name, "config": config, **said}
        try:
            return self._api.create(body).number
        except ConflictError:
            raise
        except UnavailableError:
            row = self._api.row(name)
            if row is None or not isinstance(row.config, dict) or (row.config.get(_KEY) or row.config["data"]) != mark:
                raise
            return row.versions[-1]

    def _prune(self, made: Head, before: Head, row: Row | None) -> None:
        """Take away what was read and counts no more; what fails here is done by the next sync."""
        with contextlib.suppress(BackendError):
            for number in row.versions if row is not None else ():
                if number not in (made.number, before.number) and number < made.number:
                    self._api.delete(self._name, number)
            if made.parts == before.parts:
                return
            for index in range(max(len(made.parts), len(before.parts))):
                kept = {head.parts[index][0] for head in (made, before) if index < len(head.parts)}
                name = f"{self._parts}{index}"
                found = self._api.row(name)
                for number in found.versions[:-1] if found is not None else ():
                    if number not in kept:
                        self._api.delete(name, number)


def _written(head: Head, after: int) -> dict[str, Any]:
    """A head as it is stored: one text, which nothing respells, beside what the order of versions needs."""
    text = json.dumps(
        {
            "store_id": head.store_id,
            "lease": head.lease._asdict() if head.lease else None,
            "control": head.control,
            "parts": head.parts,
        }
    )
    return {"format": 1, "after": after, "nonce": head.nonce, "text": text}


def _document(config: Any) -> dict[str, Any] | None:
    found = config.get(_KEY) if isinstance(config, dict) else None
    if not isinstance(found, dict) or type(found.get("after")) is not int or not isinstance(found.get("text"), str):
        return None
    return found


def _follow(number: int, found: dict[int, dict[str, Any]]) -> Head:
    """From a version that counts to the last that does."""
    while True:
        following = [other for other, document in found.items() if other > number and document["after"] == number]
        if not following:
            return _head(number, found[number])
        number = min(following)


def _head(number: int, document: dict[str, Any]) -> Head:
    if document.get("format") != 1:
        raise BackendError(f"the target was written in format {document.get('format')} by a newer catalog-tool")
    try:
        said = json.loads(document["text"])
        lease = Lease(**said["lease"]) if said["lease"] else None
        parts = tuple((int(part[0]), str(part[1])) for part in said["parts"])
        if not isinstance(said["store_id"], str):
            raise TypeError("the store's id is no text")
        return Head(number, said["store_id"], lease, said["control"], parts, str(document.get("nonce")))
    except (ValueError, KeyError, TypeError) as error:
        raise BackendError(f"{STATE} on the target cannot be read: {error}", hint="was it edited by hand?") from error
