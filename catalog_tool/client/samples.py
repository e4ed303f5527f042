"""A share of production calls, as JSON lines, for whoever evaluates later.

    client = PromptClient(source, tuning=Tuning(samples=SampleSettings("samples.jsonl")))
    with client.get("support_agent").observe() as call:
        sample = call.sample(input=messages, output=text)
    client.feedback(sample, score=1, comment="helpful")      # when the user has said so

What was given is copied at once, so that a conversation that goes on does not change its sample. Redacting,
encoding and writing happen in a thread of their own. A caller never waits: where the queue is full the sample
is dropped and counted. What waits at a process's orderly end is written then.
"""

from __future__ import annotations

import contextlib
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
from catalog_tool.client.observe import finite, metric_labels, recorder_of
from catalog_tool.client.redaction import redacted, redacted_value
from catalog_tool.clock import iso
from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.prompt import Prompt
    from catalog_tool.client.status import Counters

DRAIN_SECONDS = 2.0
"""How long ``Samples.close`` goes on writing."""
_IDLE_SECONDS = 1.0
_REMEMBERED = 10_000
_COMMENT_CHARACTERS = 2000
_GIVEN = ("input", "output", "comment")
"""What callers hand over: copied, and redacted."""


class SampleSettings(NamedTuple):
    """``path``: the file that lines are appended to. ``share``: of all calls, 0 to 1.

    ``redact`` is called with every text before it is written; None writes texts as they are. Where it raises,
    the sample is counted as failed and not written. ``queue``: how many may wait to be written.
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

    def offer(self, prompt: Prompt, model: str, given: Any, output: Any, scores: Any) -> str | None:
        """Take the call as a sample, or not; its id where it was taken. ``scores``: those that are numbers, by name."""
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
            "scores": scores,
        }
        copied = self._changed(line, str)
        if copied is None or not self._put(copied):
            return None
        if len(self._labels) >= _REMEMBERED:
            self._labels.pop(next(iter(self._labels)), None)
        self._labels[found] = (metric_labels(prompt, model), prompt._around.recorder)
        return found

    def feedback(self, sample_id: Any, score: Any, comment: str | None) -> None:
        """Join a verdict with a sample; as a metric too where this process took the sample lately.

        Of a call that is no sample (None) nothing is kept.
        """
        if not isinstance(score, int | float) or isinstance(score, bool) or not -1e9 < score < 1e9:
            raise UsageError(f"score is {score!r}", hint="a number; 0 to 1 by custom")
        if sample_id is None:
            return
        if not isinstance(sample_id, str) or not sample_id:
            raise UsageError("sample_id is no sample's id", hint="call.sample returns it, or None where none was taken")
        said = (comment or "")[:_COMMENT_CHARACTERS]
        self._put({"kind": "feedback", "sample": sample_id[:64], "score": score, "comment": said})
        labels, chosen = self._labels.get(sample_id, (None, None))
        recorder = recorder_of(chosen) if labels is not None else None
        if labels is not None and recorder is not None:
            recorder.score(labels, semconv.FEEDBACK, float(score))

    def _put(self, line: dict[str, Any]) -> bool:
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._counters.add("samples_dropped")
            return False
        finally:
            self._ensure()
        return True

    def _ensure(self) -> None:
        """A thread that writes; where none is to be had the next line, or the end, tries again."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="catalog-samples", daemon=True)
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        while (line := self._next()) is not None:
            self._write(line)

    def _next(self) -> dict[str, Any] | None:
        """What to write; None where the thread is to end: it was told so, or had nothing to write for a while."""
        while True:
            try:
                line = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                line = None
            if line is not None:
                return line
            with self._lock:  # who puts a line looks for a thread after it: it finds none, or this one sees the line
                if self._queue.empty():
                    self._thread = None
                    return None

    def _write(self, line: dict[str, Any]) -> None:
        redacted_line = self._changed(line, self._setting.redact or str)
        if redacted_line is None:
            return
        document = {"format": 1, "at": iso(int(time.time()))} | redacted_line
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

    def _changed(self, line: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any] | None:
        """A copy of the line with every text changed; None, and counted, where that cannot be."""
        try:
            found = {key: redacted_value(item, change) if key in _GIVEN else item for key, item in line.items()}
            return found | {"scores": _numbers(line["scores"])} if "scores" in line else found
        except Exception:  # noqa: BLE001 - other people's objects and functions: they stop no call, and no text is shown
            self._counters.add("samples_failed")
            return None

    def close(self, seconds: float = DRAIN_SECONDS) -> None:
        """Write what waits, for ``seconds`` at most, and end the thread."""
        end = time.monotonic() + seconds
        thread = self._thread
        if thread is not None and thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=max(0.0, seconds))
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                return
        with contextlib.suppress(queue.Empty):  # what a thread that is no more has left
            while time.monotonic() < end:
                line = self._queue.get_nowait()
                if line is not None:
                    self._write(line)

    def forked(self) -> None:
        """In a child process: what waits is the parent's to write."""
        self._queue = queue.Queue(self._setting.queue)
        self._lock = threading.Lock()
        self._thread = None


def _numbers(scores: Any) -> dict[str, float]:
    """The scores that are finite numbers: one that is none costs neither the sample nor the call."""
    found = {str(name): finite(value) for name, value in scores.items()} if isinstance(scores, Mapping) else {}
    return {name: value for name, value in found.items() if value is not None}
