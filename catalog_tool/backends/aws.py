"""What the backends on AWS's interfaces share: clients, places and errors. boto3 is imported here and nowhere else."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
)
from botocore.exceptions import ClientError as ClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from catalog_tool.backends.aws_waiting import bound_answers
from catalog_tool.backends.stored import storable_text
from catalog_tool.errors import BackendError, RefusedError, TimedOutError, UnavailableError, UsageError

CONNECT_SECONDS = 3
READ_SECONDS = 10
ANSWER_SECONDS = 20
"""How long a whole answer may take, and a second more for each ``slow_answers.SLOWEST`` bytes of it."""
TRIES = 3
"""How often botocore makes one request: one that is not answered ends within about 40 s."""
PREFIX_BYTES = 400
_REGION = "us-east-1"
"""What services that are not AWS's are told where no region is set: most do not look at it."""


class Timeouts(NamedTuple):
    """Seconds for a connection, for each wait for data and for a whole answer, and how often a request is made."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    tries: int = TRIES
    answer: float = ANSWER_SECONDS


def endpoint_of(service: str, given: Any) -> str | None:
    """The endpoint that is set, here or in the environment as for boto3's own clients; None: AWS's.

    Raises ``UsageError``; the message does not show the URL, which may hold a password.
    """
    is_ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    names = () if is_ignored else (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL")
    found = given or next((os.environ[name] for name in names if os.environ.get(name)), None)
    if found is None:
        return None
    hint = "endpoint_url: https://host[:port]; credentials come as for the aws command"
    if not isinstance(found, str):
        raise UsageError("`endpoint_url` is no text", hint=hint)
    try:
        parts = urlsplit(found)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and parts.username is None and parts.password is None and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("`endpoint_url` is no plain URL of a server", hint=hint)
    return found


def client(service: str, endpoint_url: str | None, connections: int, timeouts: Timeouts | None = None) -> Any:
    """A client of the service; nothing is contacted yet.

    Credentials and region come from where boto3's own clients take them, the region also from
    ``AWS_REGION``, which other tools of AWS read. Raises ``UsageError``.
    """
    waits = timeouts or Timeouts()
    config = Config(
        connect_timeout=waits.connect,
        read_timeout=waits.read,
        retries={"total_max_attempts": waits.tries, "mode": "standard"},
        max_pool_connections=connections,
        # Other services have buckets in the path only, and do not know AWS's newer checksums.
        s3={"addressing_style": "path"} if endpoint_url else None,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="catalog-tool",
    )
    try:
        session = boto3.session.Session()
        region = session.region_name or os.environ.get("AWS_REGION") or (_REGION if endpoint_url else None)
        made = session.client(service, endpoint_url=endpoint_url, region_name=region, config=config)
        bound_answers(made, waits.answer)
        return made
    except NoRegionError as error:
        raise UsageError(
            f"no AWS region is set for {service}", hint="set AWS_DEFAULT_REGION, or endpoint_url"
        ) from error
    except ProfileNotFound as error:
        raise UsageError("AWS_PROFILE names a profile that is not there", hint="see `aws configure list`") from error
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"the settings of AWS cannot be used ({type(error).__name__})") from error


def checked_prefix(options: Mapping[str, Any]) -> str:
    """The prefix without slashes at its ends. Raises ``UsageError``."""
    prefix = options.get("prefix") or ""
    if not isinstance(prefix, str) or storable_text(prefix) != prefix or len(prefix.encode()) > PREFIX_BYTES:
        raise UsageError(f"`prefix` is no text of at most {PREFIX_BYTES} bytes", hint="prefix: prompts/production")
    return prefix.strip("/")


def where(endpoint_url: str | None) -> str:
    """The server, for people: nothing where it is AWS's."""
    return f" at {urlsplit(endpoint_url).netloc}" if endpoint_url else ""


def server_time(answer: Mapping[str, Any]) -> float:
    """Seconds since the epoch by the server's clock, from the answer's headers; ours where it says nothing."""
    try:
        date: str = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()


def code_of(error: ClientError) -> str:
    """The error's code, fit to be shown: whatever answered chose it."""
    return re.sub(r"[^A-Za-z0-9]", "", str(error.response.get("Error", {}).get("Code", "")))[:60]


def status_of(error: ClientError) -> int:
    """The HTTP status, 0 where there is none."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


class Trouble(NamedTuple):
    """What a code of AWS means for people."""

    kind: type[BackendError]
    message: str
    hint: str = ""


_BUSY = Trouble(UnavailableError, "the service asks to wait", "fewer syncs at once, or more capacity")
_KEYS = Trouble(RefusedError, "the credentials are not accepted", "check them with `aws sts get-caller-identity`")
_OLD = Trouble(RefusedError, "the credentials have expired", "log in again")
_DENIED = Trouble(RefusedError, "the credentials do not allow this", "docs/targets-cloud.md has the permissions")
_TROUBLES = {
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "AllAccessDisabled": _DENIED,
    "ExpiredToken": _OLD,
    "ExpiredTokenException": _OLD,
    "IncompleteSignature": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "InvalidClientTokenId": _KEYS,
    "InvalidToken": _KEYS,
    "MissingAuthenticationToken": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "UnrecognizedClientException": _KEYS,
    "PermanentRedirect": Trouble(BackendError, "the bucket is in another region", "set AWS_DEFAULT_REGION"),
    "AuthorizationHeaderMalformed": Trouble(BackendError, "the bucket is in another region", "set AWS_DEFAULT_REGION"),
    "RequestTimeTooSkewed": Trouble(BackendError, "the clock here is wrong", "set it: requests are signed with it"),
    "ThrottlingException": _BUSY,
    "Throttling": _BUSY,
    "SlowDown": _BUSY,
    "SlowDownRead": _BUSY,
    "SlowDownWrite": _BUSY,
    "ProvisionedThroughputExceededException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "RequestThrottled": _BUSY,
    "RequestThrottledException": _BUSY,
    "TooManyRequestsException": _BUSY,
    "RequestTimeout": Trouble(UnavailableError, "the service waited in vain"),
    "OperationAborted": Trouble(UnavailableError, "somebody else wrote at the same time"),
    "TransactionConflictException": Trouble(UnavailableError, "somebody else wrote at the same time"),
}
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def _refusal(place: str, error: ClientError, known: Mapping[str, Trouble]) -> BackendError:
    """The one clear error for an answer that is one. The service's own words may hold keys: they are not shown."""
    code, status = code_of(error), status_of(error)
    words = f"{code or 'an error'}, status {status}"
    trouble = known.get(code) or _TROUBLES.get(code)
    if trouble is None and status == 403:
        trouble = _DENIED
    if trouble is None and status in _LATER:
        trouble = Trouble(UnavailableError, "the service did not answer")
    if trouble is None:
        return BackendError(f"{place}: the service refused ({words})")
    message = f"{place}: {trouble.message} ({words})"
    if issubclass(trouble.kind, UnavailableError):
        return UnavailableError(message, hint=trouble.hint, retry_after=_retry_after(error))
    return trouble.kind(message, hint=trouble.hint)


def _retry_after(error: ClientError) -> float | None:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    said = str(headers.get("retry-after", ""))
    return float(said) if said.isascii() and said.isdigit() and len(said) < 10 else None


@contextmanager
def clear_errors(place: str, known: Mapping[str, Trouble] | None = None) -> Iterator[None]:
    """Turn every error of the driver into one of ours. ``known`` has the codes that say more to one service."""
    try:
        yield
    except ClientError as error:
        raise _refusal(place, error, known or {}) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise RefusedError(f"{place}: no credentials were found", hint=hint) from error
    except (CredentialRetrievalError, TokenRetrievalError) as error:
        raise RefusedError(f"{place}: the credentials could not be had", hint="log in again") from error
    except (NoConnectionError, HTTPClientError, IncompleteReadError) as error:
        hint = "is the server up, and its address right?"
        kind = TimedOutError if isinstance(error, ConnectTimeoutError | ReadTimeoutError) else UnavailableError
        raise kind(f"{place}: no answer ({type(error).__name__})", hint=hint) from error
    except BotoCoreError as error:
        raise BackendError(f"{place}: {type(error).__name__}") from error
    except OSError as error:
        raise UnavailableError(f"{place}: the connection was lost") from error
