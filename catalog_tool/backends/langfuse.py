"""Langfuse as a target: prompts with their labels, by its public API.

Docs: ``docs/langfuse.md``. What a project cannot do is in ``CAPABILITIES``: a label cannot be taken away or
split, nothing can be made conditional, and nobody with an API key can be kept from editing. ``latest``
is the server's and is never touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.langfuse_api import CONCURRENCY, TIMEOUT_SECONDS, LangfuseApi
from catalog_tool.backends.langfuse_capabilities import CAPABILITIES, NAME_CHARACTERS
from catalog_tool.backends.langfuse_memory import Memory
from catalog_tool.backends.langfuse_reading import Reader
from catalog_tool.backends.langfuse_skills import Skills
from catalog_tool.backends.langfuse_state import Head, StateStore
from catalog_tool.backends.langfuse_writing import Steps
from catalog_tool.backends.patience import timeout_of
from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import BackendError, LeaseLostError, UnavailableError, UsageError
from catalog_tool.model.addresses import SKILL, parse_address
from catalog_tool.model.target import (
    LEASE_SECONDS,
    RENEW_SECONDS,
    Control,
    Lease,
    Live,
    Run,
    TargetState,
    Write,
    Written,
)

__all__ = ["CAPABILITIES", "LangfuseBackend", "connect"]

SETTINGS = ("url", "public_key", "secret_key", "prefix", "timeout")
ENVIRONMENT = {
    "url": ("LANGFUSE_BASE_URL", "LANGFUSE_HOST"),
    "public_key": ("LANGFUSE_PUBLIC_KEY",),
    "secret_key": ("LANGFUSE_SECRET_KEY",),
}
"""What stands for a setting that is not in ``catalog.yaml``: the variables of Langfuse's own SDK."""
LOADS = 4
"""How often the state is read again that another sync replaced meanwhile."""


class LangfuseBackend:
    """``base.Backend`` on one project. ``clock`` gives seconds since the epoch; without ``skills`` it holds none."""

    def __init__(
        self,
        api: LangfuseApi,
        public_key: str,
        prefix: str = "",
        *,
        skills: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        holds_skills = skills and (CAPABILITIES.skills_below_prefix or not prefix)
        self.capabilities = CAPABILITIES if holds_skills else replace(CAPABILITIES, skills=False)
        self._skills = Skills(api)
        self._api = api
        self._public_key = public_key
        self._clock = clock
        self._state = StateStore(api, prefix)
        self._reader = Reader(api, prefix, self._state)
        self._loaded: Memory | None = None

    def place(self) -> str:
        """The server, and the public key, which is what names the project."""
        return f"{self._api.url} {self._public_key}"

    def load(self) -> TargetState:
        """What is remembered; a project that was never synced is empty."""
        head, memory = self._remembered()
        self._loaded = memory
        try:
            control = Control.from_json(head.control)
        except ValueError as error:
            raise BackendError(str(error)) from error
        return TargetState(
            store_id=head.store_id, control=control, inventory=dict(memory.inventory), lease=self._lease(head)
        )

    def _remembered(self) -> tuple[Head, Memory]:
        for _ in range(LOADS - 1):
            head, rows = self._state.read()
            try:
                return head, self._state.memory(head, rows)
            except UnavailableError:  # another sync wrote between the two reads
                if self._state.head().number == head.number:
                    raise
        head, rows = self._state.read()
        return head, self._state.memory(head, rows)

    def expect(self, entries: Mapping[str, bytes]) -> None:
        """What git has, by address, for the next ``scan``: what is proven to hold the same is not fetched.

        Prompts that neither git nor the inventory knows are counted then, not read.
        """
        self._reader.expected = entries

    def reserve(self, versions: Mapping[str, str]) -> None:
        """The names that git has: no version that somebody else made goes by one of them."""
        self._reader.reserved = versions

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """The objects; read to the end before the first is given."""
        memory = self._loaded if self._loaded is not None else self._remembered()[1]
        self._loaded = None
        asked = only if only is not None else self._reader.expected
        wants_skills = asked is None or any(address.startswith(SKILL) for address in (*asked, *memory.inventory))
        try:
            found = list(self._reader.scan(memory, only))
        finally:
            self._reader.expected = None
        if self.capabilities.skills and wants_skills:
            found += self._skills.scan(memory, only)
        yield from found

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files."""
        return self._skills.contents(parse_address(address).name, self._remembered()[1])

    def _lease(self, head: Head) -> Lease | None:
        held = head.lease
        return held if held is not None and held.expires_at > self._clock() else None

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix, settled by the order of versions (``langfuse_state``)."""

        def take(head: Head) -> Head | None:
            held = self._lease(head)
            if held is not None and held.token not in (lease.token, instead_of):
                return None
            return head._replace(lease=lease._replace(expires_at=round(self._clock() + LEASE_SECONDS, 3)))

        self._loaded = None
        held = self._state.update(take).lease
        if held is None:
            raise UnavailableError(f"the lease on {self.place()} came and went")
        return held

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours."""

        def drop(head: Head) -> Head | None:
            return head._replace(lease=None) if head.lease is not None and head.lease.token == token else None

        self._state.update(drop)

    def _hold(self, head: Head, token: str) -> Head:
        held = self._lease(head)
        if held is None or held.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")
        return head

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document; at the end of a sync, note how the project looks too."""
        head, memory = self._remembered()
        self._hold(head, token)
        if control.journal is None and control.last is not None:
            memory = memory.copy()
            self._reader.census(memory)
        self._save(head, memory, token, control.to_json())

    def _save(self, head: Head, memory: Memory, token: str, control: Any = None) -> Head:
        self._loaded = None
        noted = self._state.save(head, memory)

        def change(now: Head) -> Head:
            self._hold(now, token)
            return now._replace(parts=noted.parts, control=now.control if control is None else control)

        return self._state.update(change)

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """The steps, prompts side by side, then the inventory; where one fails, that of the steps that were made."""
        head, memory = self._remembered()
        self._hold(head, run.token)
        skills = self._skills if self.capabilities.skills else None
        steps = Steps(self._api, self._reader, memory.copy(), run, skills)
        if steps.announce(writes):
            head = self._save(head, steps.memory, run.token)
        try:
            return self._made(steps, writes, run)
        finally:
            self._save(head, steps.memory, run.token)

    def _made(self, steps: Steps, writes: Sequence[Write], run: Run) -> list[Written]:
        """Make the steps of one prompt one after the other; the server refuses two at a time."""
        by_name: dict[str, list[int]] = {}
        for index, write in enumerate(writes):
            by_name.setdefault(parse_address(write.address).name, []).append(index)
        found: dict[int, Written] = {}

        def make(indexes: list[int]) -> None:
            for index in indexes:
                found[index] = steps.make(writes[index])

        renewed = time.monotonic()
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for future in as_completed([pool.submit(make, indexes) for indexes in by_name.values()]):
                future.result()
                if time.monotonic() - renewed > RENEW_SECONDS:
                    self._renew(run.token)
                    renewed = time.monotonic()
        return [found[index] for index in range(len(writes))]

    def _renew(self, token: str) -> None:
        def renew(head: Head) -> Head:
            lease = self._hold(head, token).lease
            assert lease is not None  # noqa: S101 - _hold said so
            return head._replace(lease=lease._replace(expires_at=round(self._clock() + LEASE_SECONDS, 3)))

        self._state.update(renew)

    def generations(self) -> Mapping[str, int]:
        """None: the platform counts no moves."""
        return {}

    def events(self) -> Iterator[LabelEvent]:
        """None: the platform keeps no trail that can be read."""
        return iter(())

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def connect(
    options: Mapping[str, Any], transport: httpx.BaseTransport | None = None, *, skills: bool = True
) -> LangfuseBackend:
    """Open a project. Nothing is asked yet. Raises ``UsageError`` where a setting is missing or unknown."""
    unknown = sorted(options.keys() - {*SETTINGS})
    if unknown:
        raise UsageError(f"a langfuse target has no setting {unknown[0]!r}", hint=f"known: {', '.join(SETTINGS)}")
    found = {key: _setting(options, key) for key in ENVIRONMENT}
    if not is_web_address(found["url"]):
        raise UsageError("the `url` of a langfuse target is no address of a server", hint="https://cloud.langfuse.com")
    parts = urlsplit(found["url"])
    if "@" in parts.netloc:
        raise UsageError("the url of a langfuse target holds credentials", hint="use public_key and secret_key")
    if parts.query or parts.fragment:  # it is shown, and a key may stand there
        raise UsageError("the url of a langfuse target goes on behind its path", hint="https://cloud.langfuse.com")
    known = _from_environment("url")
    if known and known.rstrip("/") != found["url"].rstrip("/") and not options.get("secret_key"):
        raise UsageError(
            f"the secret key of the environment is for {known}, not for {found['url']}",
            hint="leave out url, or set public_key and secret_key in catalog.yaml, as ${NAME}",
        )
    prefix = str(options.get("prefix") or "")
    if prefix.startswith((".", "/")) or "//" in prefix or "\0" in prefix or len(prefix) > NAME_CHARACTERS // 2:
        raise UsageError(f"{prefix!r} cannot begin the name of a prompt on Langfuse", hint="for example `staging/`")
    timeout = timeout_of(options, TIMEOUT_SECONDS)
    api = LangfuseApi(found["url"], found["public_key"], found["secret_key"], transport, timeout)
    return LangfuseBackend(api, found["public_key"], prefix, skills=skills)


def _setting(options: Mapping[str, Any], key: str) -> str:
    value = options.get(key) or _from_environment(key)
    if not isinstance(value, str) or not value:
        raise UsageError(
            f"a langfuse target needs {key}",
            hint=f"set it to ${{{ENVIRONMENT[key][0]}}} in catalog.yaml, or set that variable",
        )
    return value


def _from_environment(key: str) -> str:
    return next((os.environ[name] for name in ENVIRONMENT[key] if os.environ.get(name)), "")
