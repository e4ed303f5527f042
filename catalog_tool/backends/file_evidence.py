"""Evidence in a ``file`` target: ``evidence/<sha256 of the prompt's name>/<content>.<record>.json``, plain files.

Both parts of a file's name are the 64 hex of a digest. The pointer knows nothing of them: nothing that is
served depends on evidence, and nothing removes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

from catalog_tool.backends.evidence import KeptEvidence
from catalog_tool.backends.file_folder import EVIDENCE, Folder

_NAME = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{64})\.json", re.ASCII)
_PREFIX = "sha256:"


def add_record(folder: Folder, record: KeptEvidence) -> bool:
    """Add a record, whose prompt is the name on the target; False where other bytes stand there already."""
    with folder.locked(create=True):
        place = _folder_of(record.prompt)
        name = f"{record.subject.removeprefix(_PREFIX)}.{record.digest.removeprefix(_PREFIX)}.json"
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name} is not made of two digests")
        return folder.add_file(place, name, record.data)


def records_about(folder: Folder, name: str) -> Iterator[KeptEvidence]:
    """The records about the prompt that has this name on the target."""
    place = _folder_of(name)
    for file in folder.names_in(place):
        found = _NAME.fullmatch(file)
        if found is not None:
            data = folder.read_file(place, file) or b""
            yield KeptEvidence(name, _PREFIX + found[1], _PREFIX + found[2], data)


def _folder_of(name: str) -> tuple[str, str]:
    return EVIDENCE, sha256(name.encode()).hexdigest()
