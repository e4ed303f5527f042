"""What a client raises. Every one of them is a ``BackendError``, so one ``except`` is enough.

    BackendError
    └── ClientError                   the prompt cannot be given; ``fallback=`` would have been used
        ├── SourceUnavailableError    no answer in time; ``retry_after`` is what the server asked for
        │   └── RequestRefusedError   the server answered, and the request will not succeed as it is
        ├── AccessRefusedError        401 or 403: the token is missing, wrong, or not for this
        ├── PromptNotFoundError       the source answered: there is no such prompt, version or label
        ├── BadAnswerError            the answer cannot be trusted: its digest, shape, size or version
        │   └── OlderAnswerError      a replica that lags behind what was seen already
        ├── StalePromptError          the last good prompt is older than ``max_stale_seconds``
        └── ClosedClientError         ``close`` was called

Wrong arguments are a ``UsageError``, and what cannot be rendered a ``RenderError``: both are mistakes
in the calling program, for which no fallback is used. No message holds a token or a prompt's text.
"""

from __future__ import annotations

from typing import Self

from catalog_tool.errors import BackendError


class ClientError(BackendError):
    """The prompt cannot be given."""

    kind = "client"

    def again(self) -> Self:
        """The same error anew: one that is remembered and raised often would collect tracebacks."""
        return type(self)(self.message, hint=self.hint)


class SourceUnavailableError(ClientError):
    """The source did not answer in time, or said that it cannot now. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after

    def again(self) -> Self:
        """The same error anew."""
        return type(self)(self.message, hint=self.hint, retry_after=self.retry_after)


class RequestRefusedError(SourceUnavailableError):
    """The server answered with a status that asking again at once will not change."""


class AccessRefusedError(ClientError):
    """401 or 403."""


class PromptNotFoundError(ClientError):
    """There is no such prompt, version or label."""


class BadAnswerError(ClientError):
    """The answer is not what it should be; nothing of it is used."""


class OlderAnswerError(BadAnswerError):
    """The answer has a lower generation than one seen before in the same store."""


class StalePromptError(ClientError):
    """What there is is too old to be used."""


class ClosedClientError(ClientError):
    """The client was closed."""
