"""The samples of production calls that a client wrote, read from where the last run ended.

The file grows while it is read, may be cut off, swapped, or full of what somebody else wrote. Lines
that are none of ours are counted and passed over; a last line without its end waits for the next run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog_tool.errors import UsageError
from catalog_tool.evals.publish import write_whole
from catalog_tool.gate.records import kept_text
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.semconv import PROMPT_VERSION_ID
from catalog_tool.source.strict_json import read_json

_HEAD_BYTES = 4096
_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One recorded call; ``scores`` are the application's own, ``end`` is the offset behind its line."""

    id: str
    prompt: str
    version_id: str
    digest: str
    given: Any
    output: Any
    end: int
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A verdict of a user on a sample; ``version_id`` is None where the sample is not in the file."""

    sample: str
    score: float
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Scores of one metric and version, added up."""

    count: int = 0
    sum: float = 0.0

    def plus(self, value: float) -> Total:
        """With one more."""
        return Total(count=self.count + 1, sum=self.sum + value)

    @property
    def mean(self) -> float:
        """The mean; ``count`` is above 0."""
        return self.sum / self.count


Totals = Mapping[tuple[str, str], Total]
"""By version id and metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a file has been scored for one prompt, and what came of it.

    ``head`` tells the file from one that took its place; ``prompt`` is empty before the first run.
    """

    prompt: str = ""
    head: str = ""
    head_bytes: int = 0
    offset: int = 0
    totals: Totals = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is new in a file: samples and feedback in its order, lines that could not be read, where it ends."""

    samples: tuple[Sample, ...]
    feedback: tuple[Feedback, ...]
    unreadable: int
    end: int


def read_watermark(path: Path, prompt: str) -> Watermark:
    """The watermark of a prompt, a new one where there is none.

    Raises ``UsageError`` for a file that is none, or another prompt's: what it has passed over would never be
    scored, and its totals are not this prompt's.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Watermark(prompt=prompt)
    except OSError as error:
        raise UsageError(f"--watermark {path}: {error.strerror}") from error
    read = read_json(data.decode("utf-8", "replace"))
    value = read.value if not read.refused and isinstance(read.value, dict) else {}
    try:
        totals = {(t["version_id"], t["metric"]): Total(count=t["count"], sum=t["sum"]) for t in value["totals"]}
        if value["format"] != 1:
            raise KeyError("format")
        mark = Watermark(
            prompt=value["prompt"],
            head=value["head"],
            head_bytes=value["head_bytes"],
            offset=int(value["offset"]),
            totals=totals,
        )
    except (KeyError, TypeError, ValueError) as error:
        hint = "delete it to score all samples again"
        raise UsageError(f"--watermark {path} is no watermark of ours", hint=hint) from error
    if mark.prompt != prompt:
        raise UsageError(f"--watermark {path} is another prompt's, not that of {prompt}", hint="name one a prompt")
    return mark


def write_watermark(path: Path, mark: Watermark) -> None:
    """Write it whole. Raises ``OSError``."""
    document = {
        "format": 1,
        "prompt": mark.prompt,
        "head": mark.head,
        "head_bytes": mark.head_bytes,
        "offset": mark.offset,
        "totals": [
            {"version_id": version, "metric": metric, "count": total.count, "sum": total.sum}
            for (version, metric), total in sorted(mark.totals.items())
        ],
    }
    write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


def beginning(path: Path) -> tuple[str, int]:
    """A digest of a file's first bytes, and how many they are."""
    head = _opened(path, 0, _HEAD_BYTES)
    return hashlib.sha256(head).hexdigest(), len(head)


def start_of(path: Path, mark: Watermark) -> int:
    """Where to go on: the watermark's offset, or 0 where the file is another one now."""
    head = _opened(path, 0, mark.head_bytes)
    same = len(head) == mark.head_bytes and hashlib.sha256(head).hexdigest() == mark.head
    return mark.offset if mark.head and same and path.stat().st_size >= mark.offset else 0


def read_new(path: Path, start: int, prompt: str) -> Batch:
    """Samples and feedback of one prompt from ``start`` on, whole lines only. Raises ``UsageError``."""
    samples: list[Sample] = []
    verdicts: list[Feedback] = []
    unreadable, end = 0, start
    for line, end in _lines(path, start):
        value = _value(line)
        found = None if value is None else _sample(value, end) or _feedback(value)
        if isinstance(found, Sample):
            samples.extend([found] if found.prompt == prompt else [])
        elif found is not None:
            verdicts.append(found)
        elif line.strip():
            unreadable += 1
    return Batch(
        samples=tuple(samples), feedback=_joined(path, verdicts, samples, prompt), unreadable=unreadable, end=end
    )


def _joined(path: Path, verdicts: list[Feedback], samples: list[Sample], prompt: str) -> tuple[Feedback, ...]:
    """Feedback with the version it is about; for samples of earlier runs the file is read from its start."""
    known = {sample.id: sample.version_id for sample in samples}
    wanted = {verdict.sample for verdict in verdicts} - known.keys()
    if wanted:
        for line, end in _lines(path, 0):
            value = _value(line)
            sample = None if value is None else _sample(value, end)
            if sample is not None and sample.id in wanted and sample.prompt == prompt:
                known[sample.id] = sample.version_id
    joined = (
        Feedback(sample=each.sample, score=each.score, version_id=known[each.sample])
        for each in verdicts
        if each.sample in known
    )
    return tuple(joined)


def _lines(path: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """Whole lines and the offset behind each; one that is too long comes empty but for a mark."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            at = start
            while True:
                line = file.readline(PARSED_FILE_BYTES)
                at += len(line)
                if not line.endswith(b"\n"):
                    rest = _skip(file) if len(line) == PARSED_FILE_BYTES else None
                    if rest is None:
                        return
                    at += rest
                    line = b"?"
                yield line, at
    except OSError as error:
        raise UsageError(f"--samples {path}: {error.strerror}") from error


def _skip(file: Any) -> int | None:
    """Bytes up to and with the line's end; None where it has none yet."""
    size = 0
    while piece := file.readline(PARSED_FILE_BYTES):
        size += len(piece)
        if piece.endswith(b"\n"):
            return size
    return None


def _opened(path: Path, start: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except OSError as error:
        raise UsageError(f"--samples {path}: {error.strerror}", hint="the file that a client writes") from error


def _value(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value.get("format") == 1 else None


def _sample(value: Mapping[str, Any], end: int) -> Sample | None:
    texts = [value.get(key) for key in ("id", "prompt", PROMPT_VERSION_ID, "digest")]
    if value.get("kind") != "sample" or not all(isinstance(text, str) and text for text in texts):
        return None
    scores = value.get("scores")
    given = scores if isinstance(scores, dict) else {}
    numbers = {kept_text(key, _NAME_CHARACTERS): float(n) for key, n in given.items() if key and _is_number(n)}
    name, prompt, version, digest = (kept_text(str(text), 400) for text in texts)
    return Sample(
        id=name,
        prompt=prompt,
        version_id=version,
        digest=digest,
        given=value.get("input"),
        output=value.get("output"),
        end=end,
        scores=numbers,
    )


def _feedback(value: Mapping[str, Any]) -> Feedback | None:
    sample, score = value.get("sample"), value.get("score")
    if value.get("kind") != "feedback" or not isinstance(sample, str) or not _is_number(score):
        return None
    return Feedback(sample=sample, score=float(str(score)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
