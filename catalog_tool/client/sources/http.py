"""``http(s)://``: the config service's API (design §9).

One label without a key is one request. With a key the labels are read first, because the choice
among the versions of a weighted label is made here, and then each version that it names; the labels
are named in that request, so that one that cannot be had ends it, as it does without a key. With a
bundle's digest the whole bundle is read and verified as one.

The standard library's HTTP is used, not httpx: it loads in a tenth of the time, and a deadline over
the whole exchange (headers and body that drip) is a few lines on its socket, which httpx has no
setting for. No proxy is used and no redirect followed: the token goes to this server and nowhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import (
    AccessRefusedError,
    BadAnswerError,
    RequestRefusedError,
    SourceUnavailableError,
)
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.base import (
    ANSWER_BYTES,
    Answer,
    Hear,
    answer_from_rows,
    not_found,
    version_by_digest,
    versions_of,
)
from catalog_tool.client.sources.bundle import Bundle, check_format, decoded
from catalog_tool.client.sources.events import Stream
from catalog_tool.client.sources.exchange import Exchange, Reply, Server
from catalog_tool.client.wanted import Wanted, is_digest
from catalog_tool.errors import UsageError
from catalog_tool.model.limits import BUNDLE_BYTES


class HttpSource:
    """One config service."""

    pushes = True

    def __init__(self, address: str, options: Options) -> None:
        self._server = _server(address, options.token)
        self._digest = options.bundle_digest
        self._exchange = Exchange(self._server)
        self._stream = Stream(self._server)
        self._bundle: tuple[str, Bundle] | None = None
        self._lock = threading.Lock()
        self.place = self._server.place

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``; validators are ETags."""
        if self._digest is not None:
            return self._from_bundle(wanted, validator, self._digest, budget)
        if wanted.version is not None:
            return self._version(wanted, budget)
        if wanted.keyed:
            return self._split(wanted, validator, budget)
        query = urlencode({"label": ",".join(wanted.labels)}, safe=",")
        reply = self._get(wanted, f"?{query}", budget, validator)
        if reply is None:
            return None
        body = _object(reply, wanted)
        version = body.get("version")
        if not isinstance(version, str):
            raise BadAnswerError(f"{wanted}: the answer names no version")
        return _answer(body, str(body.get("label")), version, {version: body})._replace(validator=reply.etag)

    def _version(self, wanted: Wanted, budget: Budget) -> Answer:
        version = wanted.version or ""
        if is_digest(version):
            body = _object(self._got(wanted, "/versions", budget), wanted)
            version = version_by_digest(_digests(body, wanted), wanted)
        body = _object(self._got(wanted, f"/versions/{version}", budget), wanted)
        return _answer(body, "", version, {version: body})

    def _split(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        query = urlencode({"label": ",".join(wanted.labels)}, safe=",")
        reply = self._get(wanted, f"/labels?{query}", budget, validator)
        if reply is None:
            return None
        body = _object(reply, wanted)
        labels = body.get("labels")
        if not isinstance(labels, Mapping):
            raise BadAnswerError(f"{wanted}: the answer has no labels")
        label = next((label for label in wanted.labels if labels.get(label) is not None), None)
        if label is None:
            raise not_found(wanted)
        value = labels[label]
        entries = {
            version: _object(
                self._got(wanted, f"/versions/{quote(version, safe='', errors='replace')}", budget), wanted
            )
            for version in versions_of(value)
        }
        return _answer(body, label, value, entries)._replace(validator=reply.etag)

    def _from_bundle(self, wanted: Wanted, validator: str | None, digest: str, budget: Budget) -> Answer | None:
        with self._lock:
            known = self._bundle
        reply = self._exchange.get("/v1/bundle", known[0] if known else None, budget, BUNDLE_BYTES)
        _check(reply, wanted)
        if reply.status != 304 or known is None:
            bundle = Bundle(_object(reply, wanted), "/v1/bundle", digest)
            known = (reply.etag or bundle.digest or "", bundle)
            with self._lock:
                self._bundle = known
        return None if known[0] == validator else answer_from_rows(known[1], wanted)._replace(validator=known[0])

    def _get(self, wanted: Wanted, rest: str, budget: Budget, validator: str | None) -> Reply | None:
        """A reply about the prompt; None for 304."""
        path = f"/v1/prompts/{quote(wanted.name, safe='')}{rest}"
        reply = self._exchange.get(path, validator, budget, ANSWER_BYTES)
        _check(reply, wanted)
        if reply.status == 304 and validator is None:
            raise BadAnswerError(f"{wanted}: the server says unchanged, and was not asked that")
        return None if reply.status == 304 else reply

    def _got(self, wanted: Wanted, rest: str, budget: Budget) -> Reply:
        reply = self._get(wanted, rest, budget, None)
        if reply is None:
            raise BadAnswerError(f"{wanted}: the server says unchanged, and was not asked that")
        return reply

    def listen(self, hear: Hear) -> None:
        """``Source.listen``: server-sent events."""
        self._stream.listen(hear)

    def forked(self) -> None:
        """``Source.forked``."""
        self._lock = threading.Lock()
        self._exchange.forked()
        self._stream.forked()

    def close(self) -> None:
        """``Source.close``."""
        self._stream.close()
        self._exchange.close()


def _server(address: str, token: str | None) -> Server:
    """Raises ``UsageError``, which never repeats the address: it may hold a password."""
    try:
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise UsageError("the source is no URL", hint="https://host[:port][/path]") from error
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        hint = "https://host[:port][/path], and the token as token=…"
        raise UsageError("the source is no plain URL of a config service", hint=hint)
    if token is not None and (not token.isascii() or not token.isprintable() or " " in token):
        raise UsageError("the token holds what a header cannot", hint="was a line end copied with it?")
    return Server(parts.scheme == "https", host, port, parts.path.rstrip("/"), token)


def _check(reply: Reply, wanted: Wanted) -> None:
    status = reply.status
    if status in (200, 304):
        return
    if status in (401, 403):
        hint = "is the token given, and may it read this prompt and label?"
        raise AccessRefusedError(f"{wanted}: the server answered {status}", hint=hint)
    if status in (404, 410):
        raise not_found(wanted)
    words = f"{wanted}: the server answered {status}"
    if status in (408, 425, 429) or status >= 500:
        raise SourceUnavailableError(words, retry_after=reply.retry_after)
    raise RequestRefusedError(words, hint="is this the address of a config service?")


def _object(reply: Reply, wanted: Wanted) -> dict[str, Any]:
    kind = reply.content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise BadAnswerError(f"{wanted}: the answer is {kind[:60]}, not JSON", hint="is there a proxy in between?")
    body = decoded(reply.body, f"the answer to {wanted}")
    if "format" in body:
        check_format(body["format"], f"the answer to {wanted}")
    if body.get("id", wanted.name) != wanted.name:
        raise BadAnswerError(f"{wanted}: the answer is about another prompt")
    return body


def _answer(body: Mapping[str, Any], label: str, value: Any, entries: Mapping[str, Any]) -> Answer:
    return Answer(label, value, entries, body.get("generation"), body.get("store_id"), body.get("bundle"))


def _digests(body: Mapping[str, Any], wanted: Wanted) -> list[tuple[str, str]]:
    found = body.get("versions")
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise BadAnswerError(f"{wanted}: the answer has no versions")
    return [(str(item.get("version")), str(item.get("digest"))) for item in found]
