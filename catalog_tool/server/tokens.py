"""Tokens of the service: what they look like, what they may do, and the file that holds their hashes.

A token is ``ctlg_<id>_<secret><check>``: ten characters that name it in lists and logs, 43 of a secret with 256
bits from the system's generator, and six of a checksum (CRC-32 of all before it), by which a scanner can
tell a token from a look-alike. Stored is the SHA-256 of the whole token. A slow password hash would
protect guessable secrets; 256 random bits cannot be guessed, so it would only cost time on every request.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalog_tool.errors import UsageError

SCOPES = ("read", "write", "sync", "metrics")
"""``read`` prompts and skills; ``write`` versions and labels; ``sync`` the sync protocol, and everything that
``read`` and ``write`` may; ``metrics`` nothing but ``/metrics``."""
ALL_LABELS = ("*",)
_FORM = re.compile(r"ctlg_([a-z0-9]{10})_[A-Za-z0-9]{43}([A-Za-z0-9]{6})", re.ASCII)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LABEL_GLOB = re.compile(r"[a-z0-9_*?-]{1,36}", re.ASCII)
_SECRET_BYTES = 32
_FILE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token as it is stored. Times are seconds since the epoch; ``expires_at`` None: never.

    ``labels`` are globs: the labels that it may read and move.
    """

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    labels: tuple[str, ...]
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_good(self, now: float) -> bool:
        """Whether it is neither expired nor revoked."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {**found, "scopes": list(self.scopes), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, document: Any) -> Token:
        """Read what ``to_json`` wrote. Raises ``ValueError``."""
        try:
            found = {name: document[name] for name in cls.__slots__}
            token = cls(**{**found, "scopes": tuple(found["scopes"]), "labels": tuple(found["labels"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"a token is not of this form: {error}") from error
        texts = (token.id, token.name, token.hash, *token.scopes, *token.labels)
        numbers = (token.created_at, token.expires_at or 0, token.revoked_at or 0)
        if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
            raise ValueError("a token's field is of the wrong type")
        return token


def hash_of(secret: str) -> str:
    """What is stored of a token."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"


def id_of(secret: str) -> str | None:
    """The id inside a token; None for anything that is not of its form or fails its checksum."""
    found = _FORM.fullmatch(secret)
    return found[1] if found is not None and _check(secret[:-6]) == found[2] else None


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


def new_secret() -> str:
    """A token nobody has yet."""
    identity = "".join(secrets.choice(_ID_DIGITS) for _ in range(10))
    head = f"ctlg_{identity}_{_base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES), 'big'), 43)}"
    return head + _check(head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new token shall be; ``seconds`` is how long it lives, None: for ever."""

    name: str
    scopes: Sequence[str]
    labels: Sequence[str] = ALL_LABELS
    seconds: int | None = None


class TokenFile:
    """The file of tokens: JSON, readable by its owner only, replaced as a whole.

    Where ``path`` is a link, the file that it leads to is meant.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Token]:
        """All tokens; none where there is no file. Raises ``UsageError`` for a file that cannot be trusted."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o022:
                    raise UsageError(f"{self.path} can be written by others", hint=f"chmod 600 {self.path}")
                data = file.read(_FILE_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}", hint="name the file of tokens with --tokens") from error
        return _parsed(self.path, data)

    def _file(self) -> Path:
        """What is replaced: never a link, or the service would go on reading the file behind it."""
        try:
            return self.path.resolve()
        except (OSError, RuntimeError) as error:  # a ring of links
            raise UsageError(f"{self.path} leads nowhere", hint="name the file of tokens with --tokens") from error

    def stamp(self) -> object:
        """A value that changes with the file; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def create(self, wish: Wish, now: int) -> tuple[str, Token]:
        """A new token: its text, which is shown once and stored nowhere, and what is stored. Raises ``UsageError``."""
        _check_wish(wish)
        secret = new_secret()
        token = Token(
            id=id_of(secret) or "",
            name=wish.name,
            hash=hash_of(secret),
            scopes=tuple(dict.fromkeys(wish.scopes)),
            labels=tuple(dict.fromkeys(wish.labels)),
            created_at=now,
            expires_at=None if wish.seconds is None else now + wish.seconds,
        )
        with self._locked():
            self._write([*self.read(), token])
        return secret, token

    def revoke(self, identity: str, now: int) -> Token:
        """Mark a token as revoked; its line stays, so that logs can be read. Raises ``UsageError``.

        Of several with one name the one that is still good is meant: a name is used again after a rotation.
        """
        with self._locked():
            tokens = self.read()
            found = _meant(identity, tokens, now)
            revoked = replace(found, revoked_at=found.revoked_at or now)
            self._write([revoked if token is found else token for token in tokens])
        return revoked

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, by a lock on the folder."""
        parent = self._file().parent
        try:
            parent.mkdir(mode=0o700, exist_ok=True)
            folder = os.open(parent, os.O_RDONLY)
        except OSError as error:
            raise UsageError(f"{parent}: {error.strerror}", hint="make the folder of the file") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, tokens: Sequence[Token]) -> None:
        document = {"format": 1, "tokens": [token.to_json() for token in tokens]}
        real = self._file()
        handle, name = tempfile.mkstemp(prefix=".tokens-", dir=real.parent)  # 0600 from the start
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(document, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(real)
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise UsageError(f"{self.path}: {error.strerror}", hint="nothing was written") from error


def _meant(identity: str, tokens: Sequence[Token], now: int) -> Token:
    """The token of this id, else the good one of this name, else the last of it. Raises ``UsageError``."""
    named = [token for token in tokens if token.id == identity] or [token for token in tokens if token.name == identity]
    if not named:
        raise UsageError(f"there is no token {identity!r}", hint="see `catalog token list`")
    good = [token for token in named if token.is_good(now)]
    if len(good) > 1:
        raise UsageError(f"{len(good)} good tokens are named {identity!r}", hint="name one by its id")
    return good[0] if good else named[-1]


def _parsed(path: Path, data: bytes) -> list[Token]:
    try:
        document = json.loads(data)
        if len(data) > _FILE_BYTES or not isinstance(document, dict):
            raise ValueError("it is no file of tokens")
        if document.get("format") != 1:
            raise ValueError(f"format {document.get('format')} is not one this tool reads (1)")
        return [Token.from_json(item) for item in document["tokens"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="make one with `catalog token create`") from error


def _check_wish(wish: Wish) -> None:
    if not 0 < len(wish.name) <= 100 or not wish.name.isprintable():
        raise UsageError("a token's name has 1 to 100 printable characters", hint="name who uses it: ci, web-app")
    unknown = [scope for scope in wish.scopes if scope not in SCOPES]
    if unknown or not wish.scopes:
        raise UsageError(f"there is no scope {', '.join(unknown) or ''}".rstrip(), hint=f"one of {', '.join(SCOPES)}")
    wrong = [glob for glob in wish.labels if not _LABEL_GLOB.fullmatch(glob)]
    if wrong or not wish.labels:
        raise UsageError(f"{', '.join(wrong) or 'nothing'} is no pattern of labels", hint="production, tenant_*")
