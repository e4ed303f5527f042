"""Bucketing: a key (user, tenant, session) to one of 10,000 slots, a slot to a version (design §2.2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import sha256

SLOTS = 10_000
"""A slot is a hundredth of a per cent."""
_DOMAIN = b"catalog-bucket-v1\0"


def slot(salt: str, key: str) -> int:
    """The slot of ``key``, 0 to 9999: the first 32 bits of a SHA-256, scaled.

    ``slot = (u32be(sha256("catalog-bucket-v1\\0" + salt + "\\0" + key)[0:4]) * 10000) >> 32``; salt and
    key are UTF-8, lone surrogates as they are.
    """
    data = b"%b%b\0%b" % (_DOMAIN, salt.encode("utf-8", "surrogatepass"), key.encode("utf-8", "surrogatepass"))
    return int.from_bytes(sha256(data).digest()[:4], "big") * SLOTS >> 32


def _bound(end: int) -> bytes:
    """What the hash of every key in a slot below ``end`` is less than.

    Its first 32 bits are below one number, and bytes compare as big-endian numbers do: no arithmetic is left
    for the moment of asking. Nothing is beyond the last slot, nor a hash beyond 33 bytes of ones.
    """
    return (((end << 32) + SLOTS - 1) // SLOTS).to_bytes(4, "big") if end < SLOTS else b"\xff" * 33


class Router:
    """A label's split, ready to be asked often; immutable and safe to share between threads.

    Candidates own slots from 0 upwards in listed order and the stable version owns the rest, so that
    raising the weight of the last-listed candidate moves nobody out of a candidate.
    """

    __slots__ = ("_bounds", "_prefix", "_versions", "stable")

    def __init__(self, salt: str, split: Sequence[tuple[str, float | int]]) -> None:
        """``salt`` is the prompt id; ``split`` has (version, per cent), the stable version first."""
        self.stable = split[0][0]
        self._prefix = b"%b%b\0" % (_DOMAIN, salt.encode("utf-8", "surrogatepass"))
        self._versions = (*(version for version, _ in split[1:]), self.stable)
        self._bounds: list[bytes] = []
        end = 0
        for _, weight in split[1:]:
            end += round(weight * (SLOTS // 100))
            self._bounds.append(_bound(end))

    def version(self, key: str) -> str:
        """The version that ``key`` gets, the same on every machine."""
        digest = sha256(self._prefix + key.encode("utf-8", "surrogatepass")).digest()
        return self._versions[bisect_right(self._bounds, digest)]
