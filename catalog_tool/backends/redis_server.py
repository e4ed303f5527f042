"""One connection to a Redis server, through redis-py: whole round trips, transactions, and clear errors.

redis-py's own repeating is off: an answer that was lost is the caller's to think about, and inside a
transaction redis-py reports it as a conflict, which it is not.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.retry import Retry

from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError

URL_VARIABLE = "REDIS_URL"
"""Where Redis clients look for an address that was not given."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
"""How long the server may stay silent, not how long an answer may take. Callers ask five times: a server that hangs is
given up after half a minute, one that stands still for less is waited for."""
_PIECE = 65_536
"""How many bytes are sent at once: ``sendall`` has to be done within the time that a silence may last."""
_PAUSE_SECONDS = 0.02
_FORM = "redis://[user:password@]host:6379/0, rediss://… with TLS, or unix:///path/to/socket?db=0"
_OPTIONS = ("db", "ssl_")
_UNDERWAY = 200_000


class _Modest:
    """Leaves little with the system to send, so that a slow line is not taken for a silent server."""

    def _connect(self) -> Any:
        opened = super()._connect()  # type: ignore[misc]  # of the class beside it
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNDERWAY)
        return opened


class _Tcp(_Modest, Connection): ...


class _Tls(_Modest, SSLConnection): ...


_CLASSES = {"redis": _Tcp, "rediss": _Tls, "unix": UnixDomainSocketConnection}
Command = tuple[Any, ...]
Result = TypeVar("Result")


class Decided(NamedTuple):
    """What a transaction writes, and what came of it."""

    commands: Sequence[Command]
    result: Any


class RedisServer:
    """A server at ``url``. Nothing is opened before the first question.

    A transaction that others disturb is tried again for ``patience`` seconds; the server may stay silent for
    ``silence`` seconds. Raises ``UsageError`` for what is no address; the message does not show it, for it may
    hold a password.
    """

    def __init__(self, url: str, patience: float = 10.0, silence: float = ANSWER_SECONDS) -> None:
        scheme, options = _options(url)
        self.database = int(options.get("db", 0))
        self._place = _place(scheme, options)
        self._password = str(options.get("password") or "")
        self._patience = patience
        timeouts = {"socket_timeout": silence, "health_check_interval": 0, "retry": Retry(NoBackoff(), 0)}
        if scheme != "unix":
            timeouts |= {"socket_connect_timeout": min(silence, CONNECT_SECONDS), "socket_keepalive": True}
        settings = {"protocol": 2, "decode_responses": False, **timeouts, **options}
        self._connection: Any = _CLASSES[scheme](**settings)

    def place(self) -> str:
        """Host, port and database; nothing else of what was given."""
        return self._place

    def ask(self, *commands: Command) -> list[Any]:
        """One round trip; an answer for each command. Raises ``BackendError`` for the first that is an error."""
        try:
            self._connection.send_packed_command(_pieces(self._connection.pack_commands(commands)))
            answers = [self._answer() for _ in commands]
        except redis.RedisError as error:
            self.close()
            raise self._told(error) from error
        except BaseException:
            self.close()  # what is still on its way would be taken for the next answer
            raise
        for answer in answers:
            if isinstance(answer, Exception):
                raise self._told(answer) from answer
        return answers

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error

    def together(self, *commands: Command) -> list[Any]:
        """The answers to several questions at one moment."""
        *_, answers = self.ask(("MULTI",), *commands, ("EXEC",))
        return self._checked(answers)

    def _checked(self, answers: Sequence[Any]) -> list[Any]:
        for answer in answers:
            if isinstance(answer, Exception):
                raise self._told(answer) from answer
        return list(answers)

    def transact(self, watched: Sequence[str], decide: Callable[[], Decided]) -> Any:
        """Write what ``decide`` says, if none of the keys was touched since it began to look; else it looks again.

        ``decide`` asks as it likes and raises to change nothing. Raises ``UnavailableError`` where others
        were faster for too long.
        """
        until = time.monotonic() + self._patience
        attempt = 0
        while True:
            self.ask(("WATCH", *watched))
            try:
                commands, result = decide()
            except BaseException:
                self.close()  # ends the watch too
                raise
            if not commands:
                self.ask(("UNWATCH",))
                return result
            *_, answers = self.ask(("MULTI",), *commands, ("EXEC",))
            if answers is not None:
                self._checked(answers)
                return result
            if time.monotonic() > until:
                what = f"{self.place()}: others wrote at the same time for {self._patience:g} s"
                raise UnavailableError(what, hint="try again")
            attempt = min(attempt + 1, 5)
            time.sleep(random.uniform(0, _PAUSE_SECONDS * attempt))  # noqa: S311 - a pause, not a secret

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        self._connection.disconnect()

    def _told(self, error: Exception) -> BackendError:
        """The one clear error for one of redis-py's."""
        text = " ".join(str(error).split())
        text = text.replace(self._password, "***") if self._password else text
        for kinds, words, trouble, message, hint in _TROUBLES:
            if isinstance(error, kinds) and (not words or text.upper().startswith(words)):
                return trouble(f"{self.place()}: {message} ({text})", hint=hint)
        return BackendError(f"{self.place()}: {text}")


def _pieces(packed: Iterable[bytes]) -> Iterator[memoryview]:
    """The same bytes, never many at once."""
    for chunk in packed:
        view = memoryview(chunk)
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]


class _Trouble(NamedTuple):
    """What an error means for people; ``words``, where there are any, are how its text begins."""

    kinds: type[Exception]
    words: tuple[str, ...]
    trouble: type[BackendError]
    message: str
    hint: str = ""


_TROUBLES = (
    _Trouble(
        redis.AuthenticationError, (), RefusedError, "the server refused the password", "check the user and password"
    ),
    _Trouble(
        redis.exceptions.NoPermissionError, (), RefusedError, "the user may not do this", "docs/targets.md has the ACLs"
    ),
    _Trouble(
        redis.ResponseError, ("NOAUTH", "WRONGPASS"), RefusedError, "the server wants a password", "give it in the url"
    ),
    _Trouble(
        redis.ResponseError, ("NOPERM",), RefusedError, "the user may not do this", "docs/targets.md has the ACLs"
    ),
    _Trouble(redis.ReadOnlyError, (), BackendError, "the server only reads", "name the primary, not a replica"),
    _Trouble(
        redis.ResponseError, ("WRONGTYPE",), BackendError, "a key of ours holds something else", "was it made by hand?"
    ),
    _Trouble(redis.ResponseError, ("OOM",), BackendError, "the server has no memory left", "nothing was written"),
    _Trouble(redis.ResponseError, ("MISCONF",), BackendError, "the server cannot save to its disk", "see its log"),
    _Trouble(
        redis.ResponseError, ("MOVED", "CROSSSLOT"), BackendError, "it is a cluster", "name a server that is not one"
    ),
    _Trouble(
        redis.ConnectionError, (), UnavailableError, "the server did not answer", "is it up, and its address right?"
    ),
    _Trouble(redis.TimeoutError, (), UnavailableError, "the server did not answer in time"),
)
"""The first that fits wins; ``AuthenticationError`` is a ``ConnectionError`` too."""


def _options(url: str) -> tuple[str, dict[str, Any]]:
    scheme = url.partition("://")[0]
    try:
        options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]  # redis-py says nothing of it
        int(options.get("db", 0))
    except (ValueError, TypeError):
        raise UsageError("the `url` of a redis target is none", hint=_FORM) from None
    options.pop("connection_class", None)
    known = {"host", "port", "path", "username", "password"}
    for name in options:
        if name not in known and not name.startswith(_OPTIONS):
            raise UsageError(f"the `url` of a redis target may not set {name[:40]!r}", hint=_FORM)
    if scheme == "unix" and not options.get("path"):
        raise UsageError("the `url` of a redis target names no socket", hint=_FORM)
    return scheme, options


def _place(scheme: str, options: Mapping[str, Any]) -> str:
    if scheme == "unix":
        return f"redis {options['path']}/{options.get('db', 0)}"
    return f"redis {options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}"


def address(url: object) -> str:
    """The address to use: the one given, else the environment's, else this machine's. Raises ``UsageError``."""
    if url is not None and not isinstance(url, str):
        raise UsageError("the `url` of a redis target is none", hint=_FORM)
    return url or os.environ.get(URL_VARIABLE) or "redis://localhost:6379/0"
