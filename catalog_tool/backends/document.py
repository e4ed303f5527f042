"""The state of a target in one document: what stores without transactions keep, and replace in one step.

An object store or a key-value store holds contents under keys that are never used twice, and one
document that says which of them count. Whoever replaces that document changes everything at once.

The document is JSON in gzip: markers repeat themselves, and every reader fetches it whole. Contents
are named ``<sha256 of the entry>-<12 hex>``, the second half being of the writer's lease and of the
address: a key that is no longer named is never named again, so that it may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from catalog_tool.backends.base import LabelEvent
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import parse_address
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.model.target import Applied, Lease, restored

FORMAT = 1
KIND = "catalog-target"
KEPT_WRITES = 64
"""How many writes a document names, so that a writer whose answer was lost finds its own."""
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 6
_REFERENCE = re.compile(r"[0-9a-f]{64}-[0-9a-f]{12}\Z", re.ASCII)
_HINT = "was it edited by hand?"
_Stored = TypeVar("_Stored")


class Row(NamedTuple):
    """What is known of one address.

    ``at`` refers to the content of a version or a skill, ``value`` is a label's; both None: only the
    inventory knows it. ``digest`` is what the entry claims. ``moved`` is the last word of the audit
    trail on a label: when (seconds), by whom, and the value it then got.
    """

    at: str | None = None
    value: str | None = None
    marker: str | None = None
    digest: str = ""
    moved: tuple[int, str, str | None] | None = None
    applied: Applied | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is an object, not only an inventory entry."""
        return self.at is not None or self.value is not None


@dataclass(slots=True, kw_only=True)
class Document:
    """The whole state. ``tail`` has the newest events of the audit trail, ``sealed`` refers to older ones in order.

    ``writes`` names the last writes; ``swept`` is when contents that nothing refers to were last looked for.
    """

    store_id: str
    rows: dict[str, Row] = field(default_factory=dict)
    control: Mapping[str, Any] | None = None
    lease: Lease | None = None
    generations: dict[str, int] = field(default_factory=dict)
    tail: list[LabelEvent] = field(default_factory=list)
    last: LabelEvent | None = None
    sealed: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    swept: int = 0

    def references(self) -> set[str]:
        """Every content that counts."""
        return {row.at for row in self.rows.values() if row.at is not None} | set(self.sealed)

    def packed(self) -> bytes:
        """The document as it is stored."""
        packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        return packer.compress(self.text().encode()) + packer.flush()

    def text(self) -> str:
        """The document as JSON: the same for the same state."""
        document = {
            "format": FORMAT,
            "kind": KIND,
            "store_id": self.store_id,
            "rows": {address: _row_json(row) for address, row in self.rows.items()},
            "control": self.control,
            "lease": self.lease,
            "generations": self.generations,
            "tail": self.tail,
            "last": self.last,
            "sealed": self.sealed,
            "writes": self.writes[-KEPT_WRITES:],
            "swept": self.swept,
        }
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _row_json(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row._asdict().items() if value is not None}


def unpacked(data: bytes, place: str) -> Document:
    """Read what ``packed`` wrote. Raises ``BackendError`` for what is none, and for a newer format."""
    try:
        document = json.loads(_inflated(data))
        found = document["format"]
        if type(found) is int and found > FORMAT:
            hint = "install a catalog-tool that knows it"
            raise BackendError(f"{place} has format {found}; this version knows {FORMAT}", hint=hint)
        if found != FORMAT or document["kind"] != KIND:
            raise ValueError("it is no state of a target")
        return _document(document)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        # The error's own words may show what is stored: its kind is enough.
        raise BackendError(f"{place}: the state cannot be read ({type(error).__name__})", hint=_HINT) from error


def _inflated(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    text = unpacker.decompress(data, BUNDLE_BYTES)
    if not unpacker.eof:
        raise ValueError("it is cut off, or too large")
    return text


def _document(document: Mapping[str, Any]) -> Document:
    lease, last = document["lease"], document["last"]
    free = [document["control"], document["tail"], last]  # values of any form stand in these: they have bytes, too
    json.dumps(free, ensure_ascii=False, allow_nan=False).encode()
    return Document(
        store_id=_text(document["store_id"]),
        rows={str(parse_address(_text(address))): _row(row) for address, row in document["rows"].items()},
        control=document["control"],
        lease=tuple_of(Lease, lease) if lease is not None else None,
        generations={_text(name): _count(number) for name, number in document["generations"].items()},
        tail=[tuple_of(LabelEvent, event) for event in document["tail"]],
        last=tuple_of(LabelEvent, last) if last is not None else None,
        sealed=[_reference(at) for at in document["sealed"]],
        writes=[_text(write) for write in document["writes"]],
        swept=_count(document["swept"]),
    )


def _row(row: Mapping[str, Any]) -> Row:
    applied, moved, at = row.get("applied"), row.get("moved"), row.get("at")
    return Row(
        at=_reference(at) if at is not None else None,
        value=_text(row["value"]) if "value" in row else None,
        marker=_text(row["marker"]) if "marker" in row else None,
        digest=_text(row.get("digest", "")),
        moved=(_count(moved[0]), _text(moved[1]), None if moved[2] is None else _text(moved[2]))
        if moved is not None
        else None,
        applied=tuple_of(Applied, applied) if applied is not None else None,
    )


def tuple_of(kind: type[_Stored], values: Sequence[Any]) -> _Stored:
    """One of the tuples that are stored as lists. Raises ``ValueError`` and ``TypeError`` for what is none."""
    return restored(kind, dict(zip(kind.__annotations__, values, strict=True)))


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a whole number is expected")
    return value


def _text(value: Any) -> str:
    """A text that has bytes: a lone surrogate, which JSON can spell, is a ``ValueError`` here and nowhere later."""
    if not isinstance(value, str):
        raise TypeError("text is expected")
    if not value.isascii():
        value.encode()
    return value


def _reference(value: Any) -> str:
    if not _REFERENCE.match(_text(value)):
        raise ValueError("a reference has another form")
    return str(value)


def reference(content: bytes, token: str, address: str) -> str:
    """How content that the holder of ``token`` puts at ``address`` is referred to."""
    own = hashlib.sha256(f"{token}\0{address}".encode(errors="surrogatepass")).hexdigest()
    return f"{hashlib.sha256(content).hexdigest()}-{own[:12]}"


def entry_key(at: str) -> str:
    """Where the entry of a version, the files' table of a skill or a part of the trail is stored."""
    return f"{at}/entry"


def file_key(at: str, sha256: str) -> str:
    """Where a skill's file is stored."""
    return f"{at}/{sha256}"


def owner(key: str) -> str:
    """The reference that a key belongs to."""
    return key.partition("/")[0]


def claimed_digest(entry: bytes) -> str:
    """The digest that an entry claims; empty where it claims none."""
    try:
        document = json.loads(entry)
    except (ValueError, RecursionError):
        return ""
    digest = document.get("digest") if isinstance(document, dict) else None
    return digest if isinstance(digest, str) and digest.isascii() and "\0" not in digest else ""
