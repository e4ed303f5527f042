"""A share of production calls, as JSON lines, for whoever evaluates later.

    client = PromptClient(source, tuning=Tuning(samples=SampleSettings("samples.jsonl")))
    with client.get("support_agent").observe() as call:
        sample = call.sample(input=messages, output=text)
    client.feedback(sample, score=1, comment="helpful")      # when the user has said so

Redacting, encoding and writing happen in a thread of their own. A caller never waits: where the queue
is full the sample is dropped and counted.
"""

from __future__ import annotations

import json
import os
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog_tool import semconv
from catalog_tool.client.observe import metric_labels, recorder_of
from catalog_tool.client.redaction import redacted, redacted_value
from catalog_tool.clock import iso
from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.prompt import Prompt
    from catalog_tool.client.status import Counters

_DRAIN_SECONDS = 2.0
_IDLE_SECONDS = 1.0
_REMEMBERED = 10_000
_COMMENT_CHARACTERS = 2000


class SampleSettings(NamedTuple):
    """``path``: the file that lines are appended to. ``share``: of all calls, 0 to 1.

    ``redact`` is called with every text before it is written; None writes texts as they are.
    ``queue``: how many may wait to be written.
    """

    path: str | os.PathLike[str]
    share: float = 0.01
    redact: Callable[[str], str] | None = redacted
    queue: int = 1000
    random: Callable[[], float] = random.random


class Samples:
    """Writes the samples of one client. One line is one write, so that processes may share a file."""

    def __init__(self, setting: SampleSettings, counters: Counters) -> None:
        if not 0 <= setting.share <= 1:
            raise UsageError(f"the share of samples is {setting.share!r}", hint="a number from 0 to 1")
        self._setting = setting
        self._counters = counters
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(setting.queue)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._labels: dict[str, tuple[Mapping[str, str], Any]] = {}

    def offer(self, prompt: Prompt, model: str, given: Any, output: Any, scores: Mapping[str, float]) -> str | None:
        """Take the call as a sample, or not; its id where it was taken."""
        if self._setting.random() >= self._setting.share:
            return None
        found = uuid.UUID(bytes=os.urandom(16), version=4).hex
        line = {
            "kind": "sample",
            "id": found,
            "prompt": prompt.id,
            semconv.PROMPT_VERSION_ID: prompt.version_id,
            "digest": prompt.digest,
            "label": prompt.label,
            "model": model,
            "input": given,
            "output": output,
            "scores": dict(scores),
        }
        if not self._put(line):
            return None
        if len(self._labels) >= _REMEMBERED:
            self._labels.pop(next(iter(self._labels)), None)
        self._labels[found] = (metric_labels(prompt, model), prompt._around.recorder)
        return found

    def feedback(self, sample_id: Any, score: Any, comment: str) -> None:
        """Join a verdict with a sample; as a metric too where this process took the sample lately."""
        if not isinstance(score, int | float) or isinstance(score, bool) or not -1e9 < score < 1e9:
            raise UsageError(f"score is {score!r}", hint="a number; 0 to 1 by custom")
        if not isinstance(sample_id, str) or not sample_id:
            raise UsageError("sample_id is no sample's id", hint="call.sample returns it, or None where none was taken")
        self._put(
            {"kind": "feedback", "sample": sample_id[:64], "score": score, "comment": comment[:_COMMENT_CHARACTERS]}
        )
        labels, chosen = self._labels.get(sample_id, (None, None))
        recorder = recorder_of(chosen) if labels is not None else None
        if labels is not None and recorder is not None:
            recorder.score(labels, semconv.FEEDBACK, float(score))

    def _put(self, line: dict[str, Any]) -> bool:
        self._ensure()
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._counters.add("samples_dropped")
            return False
        return True

    def _ensure(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="catalog-samples", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        """Write until told to end, or until there has been nothing to write for a while."""
        while True:
            try:
                line = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                return
            if line is None:
                return
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        redact = self._setting.redact or str
        document = {"format": 1, "at": iso(int(time.time()))} | {
            key: redacted_value(value, redact) if key in ("input", "output", "comment") else value
            for key, value in line.items()
        }
        try:
            text = json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            handle = os.open(self._setting.path, flags, 0o600)
            try:
                os.write(handle, text.encode() + b"\n")
            finally:
                os.close(handle)
        except (OSError, ValueError, TypeError, RecursionError):
            self._counters.add("samples_failed")
            return
        self._counters.add("samples_written")

    def close(self) -> None:
        """Write what waits, for a moment at most, and end the thread."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            try:
                self._queue.put(None, timeout=_DRAIN_SECONDS)
            except queue.Full:
                return
            thread.join(_DRAIN_SECONDS)

    def forked(self) -> None:
        """In a child process: what waits is the parent's to write."""
        self._queue = queue.Queue(self._setting.queue)
        self._lock = threading.Lock()
        self._thread = None
