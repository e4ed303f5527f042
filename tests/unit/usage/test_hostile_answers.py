"""A Prometheus that means harm: every odd answer is one clear error, and none takes for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from catalog_tool.errors import BackendError
from catalog_tool.gate.watch_policy import read_watch
from catalog_tool.usage.activity import EventBook
from catalog_tool.usage.ledger import Ledger
from catalog_tool.usage.live_watch import Span, Subject, judge_version
from catalog_tool.usage.prometheus import PrometheusSource
from catalog_tool.usage.promql import PromQl
from catalog_tool.usage.source import Recorder
from catalog_tool.usage.web import DEADLINE, Asker, access_of
from catalog_tool.usage.windows import Window

HUGE = int("9" * 400)
WINDOW = Window(0, 10**15, 0)


def asker(answer: httpx.Response, **more: Any) -> Asker:
    return Asker(access_of("--prometheus", "http://server", {}), httpx.MockTransport(lambda _: answer), **more)


def said(result: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}, **more})


def test_an_answer_that_drips_in_ends() -> None:
    ticks = iter(range(0, 10**6, 50))

    def dripping() -> Iterator[bytes]:
        for sent in range(10**4):
            assert sent < DEADLINE, "it reads on and on"
            yield b" "

    slow = asker(httpx.Response(200, content=dripping()), clock=lambda: float(next(ticks)))
    with pytest.raises(BackendError, match="not whole after 300 seconds"):
        slow.get("/api", {})


@pytest.mark.parametrize(
    "answer",
    [
        said([{"metric": {}, "value": [0, HUGE]}]),
        said([{"metric": {}, "value": {"1": 1}}]),
        said([], warnings={"a": 1}),
        said([], warnings=3),
        said(7),
    ],
)
def test_a_number_that_is_none_is_no_answer(answer: httpx.Response) -> None:
    with pytest.raises(BackendError, match="in a form that is not Prometheus's"):
        PromQl(asker(answer), "server").value("up", 0)


@pytest.mark.parametrize(
    "series", [{"metric": {}, "value": [0, HUGE]}, {"metric": 3, "value": [0, "1"]}, {"metric": [], "value": [0, "1"]}]
)
def test_a_series_that_is_none_is_no_answer(series: object) -> None:
    source = PrometheusSource(asker(said([series])), "server")
    books = (EventBook(WINDOW, Ledger()), EventBook(WINDOW, Ledger()))
    with pytest.raises(BackendError, match="in a form that is not Prometheus's"):
        source.read(WINDOW, Recorder(WINDOW, *books), None)


def test_fewer_than_no_failures_are_none() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return said([{"metric": {}, "value": [0, "-500" if "status=~" in request.url.params["query"] else "100"]}])

    told = Asker(access_of("--prometheus", "http://server", {}), httpx.MockTransport(handler))
    policy = read_watch({"rules": {"error_rate": {"max": 0.1}}})
    subject, span = Subject("greet", "production", "v1-aaaaaaaaaaaa"), Span(1_795_000_000, 600)
    [check] = judge_version(PromQl(told, "server"), policy, (subject, span), None)
    assert (check.value, check.samples) == (0.0, 100)
