"""Structured logs: one JSON object a line. Never a prompt's text, a token, a query or a header.

What is logged is named field by field at the call; there is no way to log a request or an answer as such.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from traceback import extract_tb

LOGGER = logging.getLogger("catalog_tool.server")
_LONGEST = 500
_DEEPEST = 5
"""Frames of an error that are named, the innermost last."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event, process, and the fields of the call."""

    def format(self, record: logging.LogRecord) -> str:
        """Texts are cut, and what JSON escapes is escaped: a line is always one line."""
        fields = getattr(record, "fields", {})
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        head = {"at": stamp, "level": record.levelname.lower(), "event": record.getMessage(), "pid": os.getpid()}
        if record.exc_info is not None and record.exc_info[0] is not None:
            # The kind of error and where, never its text: that may hold what was being read.
            head["error"] = record.exc_info[0].__name__
            head["where"] = [f"{Path(at.filename).name}:{at.lineno}" for at in extract_tb(record.exc_info[2])][
                -_DEEPEST:
            ]
        return json.dumps(head | fields, default=str)


def log(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log one event with its fields."""
    short = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in fields.items()}
    LOGGER.log(level, event, extra={"fields": short})


def log_failure(error: Exception, **fields: object) -> None:
    """Log an error that nobody foresaw: its kind and where, not its text."""
    LOGGER.error("failed", exc_info=error, extra={"fields": fields})


def log_to_stderr() -> None:
    """Send the service's log to stderr, as JSON lines, and nothing elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
