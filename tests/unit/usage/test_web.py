"""Asking a server: what is tried again, what is final, and secrets that are never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from catalog_tool.errors import BackendError, UsageError
from catalog_tool.usage.web import LONGEST_WAIT, TRIES, Asker, access_of

URL = "http://server:3100/base/"
SECRET = "s3cr3t-canary"


def asker(
    handler: Callable[[httpx.Request], httpx.Response], slept: list[float] | None = None, **environ: str
) -> Asker:
    waits = slept if slept is not None else []
    return Asker(access_of("--loki", URL, environ), httpx.MockTransport(handler), sleep=waits.append)


def answers(*given: Any) -> tuple[Callable[[httpx.Request], httpx.Response], list[httpx.Request]]:
    left, seen = list(given), []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(answer, text="busy")

    return handler, seen


@pytest.mark.parametrize("first", [429, 502, 503, 504, httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_what_may_pass_is_tried_again(first: int | Exception) -> None:
    handler, seen = answers(first, httpx.Response(200, json={"status": "success"}))
    slept: list[float] = []
    assert asker(handler, slept).get("/x", {"a": "b c"}) == {"status": "success"}
    assert [str(request.url) for request in seen] == ["http://server:3100/base/x?a=b+c"] * 2
    assert len(slept) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 422, 500, 301])
def test_what_is_final_is_asked_once(code: int) -> None:
    handler, seen = answers(code)
    with pytest.raises(BackendError, match=f"server:3100 answered {code}: busy"):
        asker(handler).get("/x", {})
    assert len(seen) == 1


def test_tries_end() -> None:
    handler, seen = answers(httpx.ConnectError("refused"))
    with pytest.raises(BackendError, match="no answer: refused"):
        asker(handler).get("/x", {})
    assert len(seen) == TRIES


@pytest.mark.parametrize(("asked", "waited"), [("3", 3.0), ("999999999", LONGEST_WAIT)])
def test_retry_after_is_honoured_within_bounds(asked: str, waited: float) -> None:
    slept: list[float] = []
    handler, _ = answers(httpx.Response(429, headers={"retry-after": asked}), httpx.Response(200, json={}))
    asker(handler, slept).get("/x", {})
    assert slept == [waited]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"null", b"[" * 50_000, b'{"a":' + b"1" * 6000 + b"}"])
def test_a_success_that_is_no_object_is_none(body: bytes) -> None:
    handler, _ = answers(httpx.Response(200, content=body))
    with pytest.raises(BackendError, match="no JSON object"):
        asker(handler).get("/x", {})


def test_an_answer_is_bounded() -> None:
    handler, _ = answers(httpx.Response(200, json={"a": "x" * 2000}))
    small = Asker(access_of("--loki", URL, {}), httpx.MockTransport(handler), limit=1000)
    with pytest.raises(BackendError, match="larger than 1,000 bytes"):
        small.get("/x", {})


class TestCredentials:
    @pytest.mark.parametrize(
        ("environ", "header", "value"),
        [
            ({"CATALOG_LOKI_TOKEN": SECRET}, "authorization", f"Bearer {SECRET}"),
            ({"CATALOG_LOKI_USER": "u", "CATALOG_LOKI_PASSWORD": "p"}, "authorization", "Basic dTpw"),
            ({"CATALOG_LOKI_TENANT": "team-a"}, "x-scope-orgid", "team-a"),
            ({"CATALOG_LOKI_HEADERS": "X-One=1,x-key=a%2Cb%3D"}, "x-key", "a,b="),
        ],
    )
    def test_they_come_from_the_environment(self, environ: dict[str, str], header: str, value: str) -> None:
        handler, seen = answers(httpx.Response(200, json={}))
        asker(handler, **environ).get("/x", {})
        assert seen[0].headers[header] == value

    def test_they_never_show_in_an_error(self) -> None:
        handler, _ = answers(401)
        with pytest.raises(BackendError) as caught:
            asker(handler, CATALOG_LOKI_TOKEN=SECRET).get("/x", {})
        assert SECRET not in json.dumps([caught.value.message, caught.value.hint])

    def test_an_address_that_holds_them_is_refused_without_showing_them(self) -> None:
        with pytest.raises(UsageError) as caught:
            access_of("--loki", f"http://user:{SECRET}@host:1", {})
        assert SECRET not in caught.value.message + caught.value.hint
        assert "CATALOG_LOKI_USER" in caught.value.hint

    @pytest.mark.parametrize("value", ["two\nlines", "näme"])
    def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(self, value: str) -> None:
        handler, _ = answers(httpx.Response(200, json={}))
        try:
            asker(handler, CATALOG_LOKI_TENANT=value).get("/x", {})
        except (UsageError, BackendError) as error:
            assert value not in error.message  # noqa: PT017 - either refusal will do

    @pytest.mark.parametrize("url", ["localhost:3100", "ftp://host", "http://", "file:///etc/passwd", "http://["])
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(UsageError, match="needs the address of a server"):
            access_of("--loki", url, {})
