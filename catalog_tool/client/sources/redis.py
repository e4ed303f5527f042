"""``redis://``: a ``redis`` target (``backends.redis_keys`` says what lies where).

One prompt under one label is two round trips: its label, generation and the store's id at one moment,
then the version. Label moves are heard by SUBSCRIBE, in the moment they are made.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from catalog_tool.backends.redis_keys import FORMAT, GENERATION, META, OBJECTS, channel
from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, SourceUnavailableError
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.base import Answer, Hear, LabelRow, answer_from_rows
from catalog_tool.client.sources.bundle import decoded
from catalog_tool.client.sources.redis_wire import Wire, redis_address
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import UsageError
from catalog_tool.model.addresses import LABEL, VERSION

CONNECT_SECONDS = 5.0
_IDLE = 4
_PAGE = "1000"
_META = ("HMGET", META, "kind", "format", "store_id")
Result = TypeVar("Result")


class RedisSource:
    """One Redis server. Connections are kept between reads; one more is open while somebody listens."""

    pushes = True
    quiet_seconds = 15.0
    """How long a stream of changes says nothing before it is asked whether it is still there, and has to answer."""

    def __init__(self, address: str, options: Options) -> None:
        self._address = redis_address(address)
        if options.bundle_digest is not None:
            hint = "name a bundle, a file or sqlite target, or a config service"
            raise UsageError("bundle_digest cannot be held against a redis target", hint=hint)
        self._lock = threading.Lock()
        self._idle: list[Wire] = []
        self._stream: Wire | None = None
        self._closed = False
        self.place = self._address.place

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``. The answer is cheap, so there is no validator."""
        del validator
        return self._on_wire(budget, lambda wire: answer_from_rows(_Hashes(wire, wanted, budget, self.place), wanted))

    def _on_wire(self, budget: Budget, read: Callable[[Wire], Result]) -> Result:
        with self._lock:
            wire = self._idle.pop() if self._idle else None
        try:
            if wire is not None:
                wire.left = budget.left
                with contextlib.suppress(ConnectionError):  # the server had closed it; the same is asked anew
                    return self._kept(wire, read)
            budget.remaining()
            return self._kept(Wire(self._address, budget.left), read)
        except TimeoutError as error:
            raise SourceUnavailableError(f"{self.place}: no answer before the deadline") from error
        except OSError as error:
            raise SourceUnavailableError(f"{self.place}: {error.strerror or type(error).__name__}") from error

    def _kept(self, wire: Wire, read: Callable[[Wire], Result]) -> Result:
        """The answer; the connection is kept only after a whole one."""
        with contextlib.ExitStack() as unless_kept:
            unless_kept.callback(wire.close)
            try:
                found = read(wire)
            except (TypeError, ValueError, AttributeError, LookupError) as error:
                words = f"{self.place}: the answer has another form than Redis gives ({type(error).__name__})"
                raise BadAnswerError(words, hint="is this a Redis server?") from error
            with self._lock:
                if len(self._idle) < _IDLE and not self._closed:
                    self._idle.append(wire)
                    unless_kept.pop_all()
            return found

    def listen(self, hear: Hear) -> None:
        """``Source.listen``: SUBSCRIBE."""
        try:
            wire = Wire(self._address, _within(CONNECT_SECONDS))
            with self._lock:
                if self._closed:
                    wire.close()
                    return
                self._stream = wire
            self._hear_all(wire, hear)
        except OSError as error:
            raise SourceUnavailableError(f"{self.place}: the stream of changes was cut") from error

    def _hear_all(self, wire: Wire, hear: Hear) -> None:
        try:
            wire.ask(("SUBSCRIBE", channel(self._address.database)))
            hear(None, None)
            while True:
                wire.left = _within(self.quiet_seconds)
                said = wire.wait(self.quiet_seconds)
                if said is None:
                    wire.left = _within(self.quiet_seconds)
                    wire.send(("PING",))
                    if (said := wire.wait(self.quiet_seconds)) is None:
                        raise TimeoutError("the server is silent")
                _tell(said, hear)
        finally:
            self._stream = None
            wire.close()

    def forked(self) -> None:
        """``Source.forked``."""
        self._lock = threading.Lock()
        idle, self._idle = self._idle, []
        stream, self._stream = self._stream, None
        for wire in (*idle, *([stream] if stream is not None else [])):
            wire.let_go()

    def close(self) -> None:
        """``Source.close``."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            stream = self._stream
        for wire in idle:
            wire.close()
        if stream is not None:
            stream.cut()

    def __del__(self) -> None:
        for wire in getattr(self, "_idle", ()):  # a client that is forgotten rather than closed
            wire.close()


def _within(seconds: float) -> Callable[[], float]:
    until = time.monotonic() + seconds
    return lambda: until - time.monotonic()


def _tell(said: Any, hear: Hear) -> None:
    """What cannot be read is no news: the next poll finds what it meant."""
    if not isinstance(said, list) or len(said) != 3 or said[0] != b"message":
        return
    try:
        found = json.loads(said[2])
    except (ValueError, TypeError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("id"), str):
        generation = found.get("generation")
        hear(found["id"], generation if type(generation) is int else None)


class _Hashes:
    """``Rows`` of one server, as far as one wanted prompt needs them."""

    def __init__(self, wire: Wire, wanted: Wanted, budget: Budget, what: str) -> None:
        self._wire = wire
        self._wanted = wanted
        self._budget = budget
        self._what = what

    def _ask(self, *commands: tuple[str, ...]) -> list[Any]:
        self._budget.spend()
        return self._wire.ask(*commands)

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``, of the labels that are wanted."""
        labels = self._wanted.labels
        asked = [("HMGET", OBJECTS[LABEL], *(f"{name}@{label}" for label in labels))] if labels else []
        *_, answers = self._ask(("MULTI",), _META, ("HGET", GENERATION, name), *asked, ("EXEC",))
        if not isinstance(answers, list) or len(answers) != 2 + len(asked):
            raise BadAnswerError(f"{self._what}: the server did not answer everything")
        meta, generation, *values = answers
        store_id = self._store_id(meta)
        found = zip(labels, values[0], strict=True) if values else ()
        decoded_labels = {
            label: decoded(b'{"value":%b}' % value, f"{self._what}, label {label}").get("value")
            for label, value in found
            if value is not None
        }
        is_number = generation is None or generation.isdigit()
        return LabelRow(decoded_labels, int(generation or 0) if is_number else generation, store_id)

    def _store_id(self, meta: Any) -> str:
        kind, found, store_id = meta
        if kind != b"target" or not store_id:
            hint = "is the database right, and was it synced?"
            raise BadAnswerError(f"{self._what} is no target of ours", hint=hint)
        if found != str(FORMAT).encode():
            hint = "a newer catalog-tool wrote it: update this client"
            raise BadAnswerError(f"{self._what} has format {str(found)[:20]}", hint=hint)
        return str(store_id.decode("utf-8", "replace"))

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``."""
        [data] = self._ask(("HGET", OBJECTS[VERSION], f"{name}@{version}"))
        return None if data is None else decoded(data, f"{self._what}: {name}@{version}")

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``: the one reading that walks through all versions, on the server's side."""
        pattern = "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in name)
        cursor, found = b"0", {}
        while True:
            [[cursor, rows]] = self._ask(
                ("HSCAN", OBJECTS[VERSION], _text(cursor), "MATCH", f"{pattern}@*", "COUNT", _PAGE)
            )
            for field, data in zip(rows[::2], rows[1::2], strict=True):
                version = _text(field).rpartition("@")[2]
                found[version] = str(decoded(data, f"{self._what}: {name}@{version}").get("digest"))
            if cursor == b"0":
                return sorted(found.items())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
