"""Steps on prompts of a Langfuse project: look, write, look at what came of it.

A POST whose answer was lost is never repeated blindly: the prompt is read back, and a version that
carries this write's own id is the one that was made. If two arrive after all, the second is taken away
by the next step on that prompt. A label's move can be repeated. Nothing here can be conditional on the
server: between the look and the write somebody else may change the same prompt, which the read-back of
the sync then shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from catalog_tool.backends import langfuse_document as document
from catalog_tool.backends.langfuse_api import LangfuseApi
from catalog_tool.backends.langfuse_capabilities import LABEL_PATTERN, NAME_CHARACTERS, NAME_PATTERN
from catalog_tool.backends.langfuse_memory import LATEST, Memory
from catalog_tool.backends.langfuse_messages import CHAT
from catalog_tool.backends.langfuse_reading import Held, Reader, entry_of
from catalog_tool.backends.langfuse_skills import Skills
from catalog_tool.backends.stored import label_value, unstorable
from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.errors import RefusedError, UnavailableError
from catalog_tool.model.addresses import LABEL, SKILL, parse_address
from catalog_tool.model.target import CHANGED, DONE, FAILED, Run, Write, Written

_NAME = re.compile(NAME_PATTERN)
_LABEL = re.compile(LABEL_PATTERN, re.ASCII)


class Steps:
    """Makes the steps of one call, and notes them in its memory."""

    def __init__(
        self, api: LangfuseApi, reader: Reader, memory: Memory, run: Run, skills: Skills | None = None
    ) -> None:
        self._api = api
        self._skills = skills
        self._reader = reader
        self.memory = memory
        self._run = run

    def announce(self, writes: Sequence[Write]) -> bool:
        """Note the skills that are about to be stored; whether there are any."""
        if self._skills is None:
            return False
        stored = [write for write in writes if write.entry is not None and parse_address(write.address).kind == SKILL]
        for write in stored:
            self._skills.announce(write, self.memory)
        return bool(stored)

    def make(self, write: Write) -> Written:
        """One step. Raises ``UnavailableError`` where it is not known whether it was made."""
        try:
            kind, name, part = parse_address(write.address)
            if kind == SKILL:
                return self._skill(write)
            self._check_name(write, self._reader.name_on(name))
            return self._label(write, name, part) if kind == LABEL else self._version(write, name, part)
        except RefusedError as error:
            return Written(write.address, FAILED, f"{error.message} ({error.hint})" if error.hint else error.message)

    def _skill(self, write: Write) -> Written:
        refusal = unstorable(write, write.address)
        if self._skills is None or refusal is not None:
            raise RefusedError(
                refusal or "a skill is named by its SKILL.md there, so a target with a prefix holds none"
            )
        return self._skills.make(write, self.memory)

    def _check_name(self, write: Write, outer: str) -> None:
        refusal = unstorable(write, outer)
        if refusal is not None:
            raise RefusedError(refusal)
        if len(outer) > NAME_CHARACTERS or not _NAME.fullmatch(outer):
            raise RefusedError(f"Langfuse takes no prompt named {outer[:80]!r}")

    def _version(self, write: Write, name: str, version: str) -> Written:
        held = self._tidy(name, self._reader.held(name))
        number = self._numbers(name, held).get(version)
        now = entry_of(write.address, held.stored[number], self.memory) if held and number else None
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if wanted is None:
            return self._remove(write, name, held, number)
        marker = held.stored[number].marker if held and number else None
        if write.entry is not None and now != write.entry:
            put = self._put(write, name, version, held, number)
            number, marker = put, marker if put == number else write.marker
        self._remember(write, name, version, number)
        if marker == write.marker:
            self.memory.markers.pop(write.address, None)
        return Written(write.address, DONE)

    def _numbers(self, name: str, held: Held | None) -> dict[str, int]:
        ids = self._reader.ids(name, held, self.memory) if held is not None else {}
        return {version: number for number, version in ids.items()}

    def _tidy(self, name: str, held: Held | None) -> Held | None:
        """Take away second versions that lost answers left behind."""
        if held is None:
            return None
        ids = self._reader.ids(name, held, self.memory)
        extra = [number for number in held.stored if number not in ids]
        for number in extra:
            self._api.delete(self._reader.name_on(name), number)
        return self._reader.held(name) if extra else held

    def _remove(self, write: Write, name: str, held: Held | None, number: int | None) -> Written:
        if held is not None and number is not None:
            pointing = sorted(label for label, at in held.labels.items() if at == number and label not in write.labels)
            if pointing:
                return Written(write.address, CHANGED, f"{pointing[0]} points to it")
            self._api.delete(self._reader.name_on(name), number)
            self._reader.forget(name)
        numbers = self.memory.numbers.get(name, {})
        numbers.pop(parse_address(write.address).part, None)
        for remembered in (self.memory.inventory, self.memory.markers, self.memory.metas):
            remembered.pop(write.address, None)
        return Written(write.address, DONE)

    def _put(self, write: Write, name: str, version: str, held: Held | None, number: int | None) -> int:
        """Store an entry; the number that has it then. What only metadata changes stays where it is."""
        entry = write.entry or b""
        if held is not None and number is not None:
            now = json.loads(entry_of(write.address, held.stored[number], self.memory))
            wanted = json.loads(entry)
            if {**now, "meta": None} == {**wanted, "meta": None}:
                self.memory.metas[write.address] = wanted.get("meta", {})
                return number
        made = self._create(write, name, version, held)
        self.memory.metas.pop(write.address, None)
        if held is not None and number is not None:
            outer = self._reader.name_on(name)
            labels = sorted(label for label, at in held.labels.items() if at == number)
            if labels:
                self._api.label(outer, made, labels)
            self._api.delete(outer, number)
            self._reader.forget(name)
        return made

    def _create(self, write: Write, name: str, version: str, held: Held | None) -> int:
        """One POST; where its answer was lost, the version that it made, if it did."""
        kind = held.bodies[max(held.bodies)].type if held is not None else CHAT
        entry = write.entry or b""
        mark = digest_of([self._run.token, write.address, entry.decode()])[7:31]
        body = document.request(self._reader.name_on(name), kind, version, entry, write.marker, mark)
        self._reader.forget(name)
        before = held.stored if held is not None else {}
        try:
            return self._api.create(body).number
        except UnavailableError:
            after = self._reader.held(name)
            made = [n for n, one in after.stored.items() if one.write == mark and n not in before] if after else []
            if not made:
                raise
            return min(made)

    def _remember(self, write: Write, name: str, version: str, number: int | None) -> None:
        if number is not None:
            self.memory.numbers.setdefault(name, {})[version] = number
        self._note(write)

    def _note(self, write: Write) -> None:
        if write.applied is None:
            self.memory.inventory.pop(write.address, None)
        else:
            self.memory.inventory[write.address] = write.applied
        if write.marker is None:
            self.memory.markers.pop(write.address, None)
        else:
            self.memory.markers[write.address] = write.marker

    def _label(self, write: Write, name: str, label: str) -> Written:
        held = self._tidy(name, self._reader.held(name))
        numbers = self._numbers(name, held)
        ids = {number: version for version, number in numbers.items()}
        at = held.labels.get(label) if held is not None else None
        now = canonical_bytes(ids.get(at)) if at is not None else None
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if wanted is None:
            return self._drop_label(write, now)
        value = label_value(wanted)
        if not isinstance(value, str):
            return Written(write.address, FAILED, "a label of Langfuse stands on one version, not on several")
        if value not in numbers:
            return Written(write.address, CHANGED, f"{value} is not there")
        if now != wanted:
            self._move(name, label, numbers[value])
        self._note(write)
        return Written(write.address, DONE)

    def _drop_label(self, write: Write, now: bytes | None) -> Written:
        if now is not None:
            return Written(write.address, FAILED, "Langfuse cannot take a label away, only move it")
        self.memory.inventory.pop(write.address, None)
        self.memory.markers.pop(write.address, None)
        return Written(write.address, DONE)

    def _move(self, name: str, label: str, number: int) -> None:
        if label == LATEST or not _LABEL.fullmatch(label):
            raise RefusedError(f"Langfuse takes no label named {label[:40]!r}, and `latest` is its own")
        self._reader.forget(name)
        body = self._api.label(self._reader.name_on(name), number, [label])
        if body is None or label not in body.labels:
            raise UnavailableError(f"{name} changed while {label} was moved")
