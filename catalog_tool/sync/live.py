"""What a target really holds: content read back and hashed again (design §8).

A digest that a store claims is never trusted. An entry whose own claim is not what its content
hashes to counts as something else: whoever serves it would serve a lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.backends.base import Backend, Expecting, Numbering
from catalog_tool.canonical.identity import SkillFile, prompt_identity, skill_digest
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes, digest_of_bytes, version_id
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, parse_address
from catalog_tool.model.target import Live
from catalog_tool.sync.wanted import Desired, meta_digest


class Fingerprint(NamedTuple):
    """The digest of an object's content (of a label: its value's canonical JSON), and of its metadata.

    ``claim`` is the digest that a skill's entry names, which may be none of its files'.
    """

    digest: str
    meta: str = ""
    claim: str | None = None


def scan_whole(backend: Backend, desired: Desired) -> Iterator[Live]:
    """All that a target holds, read to the last byte; a store that numbers versions is told git's (``Numbering``)."""
    if isinstance(backend, Numbering):
        versions = (wanted for wanted in desired.objects.values() if wanted.address.startswith(VERSION))
        backend.reserve({wanted.address: wanted.digest for wanted in versions})
    return backend.scan()


def scan_knowing(backend: Backend, desired: Desired) -> Iterator[Live]:
    """The same; a store that can prove what it holds by hash is told what git has (``Expecting``)."""
    if isinstance(backend, Expecting):
        backend.expect({address: wanted.entry for address, wanted in desired.objects.items()})
    return scan_whole(backend, desired)


def fingerprint(address: str, entry: bytes) -> Fingerprint:
    """Hash what is stored. Content that is no artifact at all gets the digest of its bytes."""
    try:
        document = json.loads(entry)
        if address.startswith(LABEL):
            return Fingerprint(canonical_bytes(document).decode())
        return _of_artifact(address, document) or Fingerprint(digest_of_bytes(entry))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonicalError):
        return Fingerprint(digest_of_bytes(entry))


def _of_artifact(address: str, document: Any) -> Fingerprint | None:
    """None where the entry's own claims are not what it holds.

    Of a skill the files count: whoever edits one leaves the entry's digest as it was.
    """
    if address.startswith(SKILL):
        digest = skill_digest(SkillFile(**item) for item in document["files"])
        return Fingerprint(digest, meta_digest(address, document), str(document["digest"]))
    digest = prompt_identity(document).digest
    version = parse_address(address).part
    claims = document["digest"] == digest and document["version_id"] == version_id(version, digest)
    return Fingerprint(digest, meta_digest(address, document)) if claims else None
