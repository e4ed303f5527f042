"""MLflow's REST API, as far as prompts need it: bounded answers, and each failure as what it is.

Nothing an answer says is believed beyond its size: bodies are bounded, a request has a deadline as a
whole, redirects are not followed, and what the server says of an error is clipped. An empty list is
left out of an answer, a missing alias is a 400, everything else missing a 404 with an ``error_code``;
a 404 without one comes from something that is no MLflow.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from catalog_tool.backends.http_silence import no_answer
from catalog_tool.backends.mlflow_answers import NEXT_PAGE, believed, listed, model_of, version_of
from catalog_tool.backends.mlflow_entities import ModelVersion, RegisteredModel
from catalog_tool.errors import BackendError, RefusedError, TimedOutError, UnavailableError

ANSWER_BYTES = 512 * 1024 * 1024
"""The largest answer that is read: one search holds every version of a registry."""
VERSIONS_A_PAGE = 200_000
"""The most that a search of versions gives at once."""
MODELS_A_PAGE = 1000
"""The most that a search of registered models gives at once."""
PAGES = 1000
"""The most pages of one list."""
CONNECT_SECONDS = 10.0
_UNREACHED = "is the server up, and is its address the target's `url`, else that of MLFLOW_TRACKING_URI?"
READ_SECONDS = 30.0
"""How long the server may stay silent."""
ANSWERS_OF_SILENCE = 4
"""How many times the silence that is allowed one answer may take as a whole."""
EXCERPT_CHARACTERS = 300

IS_PROMPT = "mlflow.prompt.is_prompt"
PROMPTS = f"tag.`{IS_PROMPT}` = 'true'"
SOURCE = "dummy-source"
"""What a version's source has to be where it is a prompt's: any other is refused."""

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_NO_NAME = re.compile(r"\(name=([^)]*)\)\. Error: Registered Model with name=\1 not found\.")
"""How a server on a file store refuses a version of a name that is not registered: with a 500."""
_REDIRECTS = range(300, 400)


class MissingError(RefusedError):
    """The registered name or its version is not there."""


class ExistsError(RefusedError):
    """The registered name is there already."""


class NoRouteError(BackendError):
    """The server does not know the address: it is no MLflow, or one that cannot do this yet."""


class MlflowApi:
    """One server. ``client`` carries its address, credentials and timeouts; ``place`` is what messages call it."""

    def __init__(self, client: httpx.Client, place: str) -> None:
        self._answer_seconds = ANSWERS_OF_SILENCE * (client.timeout.read or READ_SECONDS)
        self._client = client
        self.place = place

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def versions(self, condition: str = "") -> list[ModelVersion]:
        """Every prompt version that meets a condition of MLflow's filter language, each once."""
        found: dict[tuple[str, int], ModelVersion] = {}
        with believed(self.place, "a list of versions"):
            for item in self._pages("model-versions", "model_versions", condition, VERSIONS_A_PAGE):
                version = version_of(item)
                found[version.name, version.number] = version
        return list(found.values())

    def models(self, condition: str = "") -> list[RegisteredModel]:
        """Every registered prompt that meets a condition, each once."""
        with believed(self.place, "a list of registered names"):
            items = self._pages("registered-models", "registered_models", condition, MODELS_A_PAGE)
            return list({model.name: model for model in map(model_of, items)}.values())

    def model(self, name: str) -> RegisteredModel | None:
        """One registered name, prompt or not; None where there is none."""
        try:
            answer = self._call("GET", "registered-models/get", query={"name": name})
        except MissingError:
            return None
        with believed(self.place, "a registered name"):
            return model_of(answer["registered_model"])

    def create_model(self, name: str, tags: Mapping[str, str]) -> None:
        """Register a name. Raises ``ExistsError``."""
        self._call("POST", "registered-models/create", {"name": name, "tags": _pairs(tags)})

    def create_version(self, name: str, tags: Mapping[str, str], description: str = "") -> ModelVersion:
        """A new version as it was stored, under the next number. Raises ``MissingError`` for an unknown name."""
        body = {"name": name, "source": SOURCE, "tags": _pairs({IS_PROMPT: "true", **tags}), "description": description}
        answer = self._call("POST", "model-versions/create", body)
        with believed(self.place, "a version"):
            return version_of(answer["model_version"])

    def delete_version(self, name: str, number: int) -> None:
        """Delete a version, and with it the aliases that point to it; nothing happens where it is gone."""
        try:
            self._call("DELETE", "model-versions/delete", {"name": name, "version": str(number)})
        except MissingError:
            return

    def set_tag(self, name: str, number: int, key: str, value: str) -> None:
        """Set a version's tag. Raises ``MissingError``."""
        body = {"name": name, "version": str(number), "key": key, "value": value}
        self._call("POST", "model-versions/set-tag", body)

    def delete_tag(self, name: str, number: int, key: str) -> None:
        """Delete a version's tag, if it is there. Raises ``MissingError`` for an unknown version."""
        self._call("DELETE", "model-versions/delete-tag", {"name": name, "version": str(number), "key": key})

    def set_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a registered name's tag. Raises ``MissingError``."""
        self._call("POST", "registered-models/set-tag", {"name": name, "key": key, "value": value})

    def delete_model_tag(self, name: str, key: str) -> None:
        """Delete a registered name's tag, if it is there."""
        self._call("DELETE", "registered-models/delete-tag", {"name": name, "key": key})

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Point an alias to a version. Raises ``MissingError`` where that is not there."""
        self._call("POST", "registered-models/alias", {"name": name, "alias": alias, "version": str(number)})

    def delete_alias(self, name: str, alias: str) -> None:
        """Delete an alias, if it is there."""
        self._call("DELETE", "registered-models/alias", {"name": name, "alias": alias})

    def _pages(self, what: str, key: str, condition: str, size: int) -> Iterator[Any]:
        query = {"filter": f"{PROMPTS} AND {condition}" if condition else PROMPTS, "max_results": str(size)}
        query["order_by"] = "name ASC"
        seen: set[str] = set()
        while True:
            page = self._call("GET", f"{what}/search", query=query)
            yield from listed(page, key)
            token = page.get(NEXT_PAGE)
            if not token:
                return
            if not isinstance(token, str):
                raise BackendError(f"{self.place} names no next page of {what}")
            if token in seen or len(seen) >= PAGES:
                raise BackendError(f"{self.place} gives pages of {what} again and again")
            seen.add(token)
            query["page_token"] = token

    def _call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        return self.call(method, f"api/2.0/mlflow/{path}", json=body, params=query)

    def call(self, method: str, path: str, **content: Any) -> Any:
        """One request below the server's address; ``content`` as httpx takes it. The answer's JSON object."""
        response, data = self._exchange(method, path, content)
        document = self._judged(response, data)
        if document is None:
            raise UnavailableError(f"{self.place} answers with something that is no JSON object")
        return document

    def data(self, path: str) -> bytes:
        """A stored file's bytes."""
        response, data = self._exchange("GET", path, {})
        self._judged(response, data)
        return data

    def _exchange(self, method: str, path: str, content: Mapping[str, Any]) -> tuple[httpx.Response, bytes]:
        request = self._client.build_request(method, path, **content)
        started = time.monotonic()
        try:
            response = self._client.send(request, stream=True)
            try:
                return response, self._body(response, started)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise no_answer(self.place, error, hint=_UNREACHED, client=self._client) from error
        except httpx.HTTPError as error:
            raise BackendError(f"{self.place} answers in a way that is no HTTP: {error}") from error

    def _body(self, response: httpx.Response, started: float) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > ANSWER_BYTES:
                raise BackendError(f"an answer of {self.place} is larger than {ANSWER_BYTES} bytes")
            if time.monotonic() - started > self._answer_seconds:
                raise TimedOutError(f"{self.place} took longer than {self._answer_seconds:g} s for one answer")
            chunks.append(chunk)
        return b"".join(chunks)

    def _judged(self, response: httpx.Response, data: bytes) -> dict[str, Any] | None:
        """The JSON object of a good answer, None where it holds none. Raises what a bad one means."""
        status = response.status_code
        document = _document(data)
        if status == httpx.codes.OK:
            return document
        code = str((document or {}).get("error_code", ""))
        said = _excerpt((document or {}).get("message") or data.decode(errors="replace"))
        if status == httpx.codes.INTERNAL_SERVER_ERROR and _NO_NAME.search(said):
            raise MissingError(said)
        if status in _AGAIN:
            raise UnavailableError(f"{self.place} answers {status}: {said}", retry_after=_retry_after(response))
        if status in _REDIRECTS:
            raise BackendError(f"{self.place} redirects", hint="set `url` to where the server really is")
        if status in (401, 403):
            raise RefusedError(f"{self.place} refuses the credentials ({status}): {said}")
        if code == "RESOURCE_DOES_NOT_EXIST":
            raise MissingError(said)
        if code == "RESOURCE_ALREADY_EXISTS":
            raise ExistsError(said)
        if document is None and data.lstrip().startswith(b"{"):
            raise UnavailableError(f"an answer of {self.place} was cut: {said}")
        if not code:
            kind = NoRouteError if status in (404, 405) else BackendError
            raise kind(f"{self.place} answers {status}: {said}", hint="is this an MLflow server's address?")
        raise RefusedError(f"{self.place} refuses: {said}")


def _document(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _excerpt(text: Any) -> str:
    flat = " ".join(str(text).split())
    return flat if len(flat) <= EXCERPT_CHARACTERS else flat[:EXCERPT_CHARACTERS] + "…"


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of ``Retry-After``, in either of its forms; None for none and for what is neither."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def quoted(text: str) -> str | None:
    """A value of the filter language, or None for one that cannot be written in it."""
    if "\\" in text or not text.isprintable():
        return None
    if "'" not in text:
        return f"'{text}'"
    return None if '"' in text else f'"{text}"'
