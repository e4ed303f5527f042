"""Recorded answers as a transport for httpx, and a small Loki over the entries that the real one was given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parents[2] / "fixtures"
Key = tuple[str, str, tuple[tuple[str, str], ...]]


def exchanges(name: str) -> list[dict[str, Any]]:
    """The exchanges of ``loki/04-counts`` and the like."""
    found: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["exchanges"]
    return found


def response(recorded: Mapping[str, Any]) -> httpx.Response:
    """A recorded answer as httpx gives it."""
    body = recorded["body"]
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    return httpx.Response(recorded["status"], headers=recorded["headers"], text=text)


class Replay:
    """Answers what was recorded, by method, path and query; refuses what was not. ``seen`` is what was asked."""

    def __init__(self, *names: str, tenant: str | None = None) -> None:
        self.seen: list[httpx.Request] = []
        self._answers: dict[Key, Mapping[str, Any]] = {}
        for name in names:
            for exchange in exchanges(name):
                asked = exchange["request"]
                if tenant is None or asked["headers"].get("x-scope-orgid") == tenant:
                    query = tuple(sorted((key, str(value)) for key, value in asked["query"].items()))
                    self._answers.setdefault((asked["method"], asked["path"], query), exchange["response"])

    def add(self, query: str, time: str, result: list[Any], path: str = "/api/v1/query") -> None:
        """An answer of our own, for a query that nobody recorded."""
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        key = ("GET", path, (("query", query), ("time", time)))
        self._answers[key] = {"status": 200, "headers": {"content-type": "application/json"}, "body": body}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        key = (request.method, request.url.path, tuple(sorted(request.url.params.multi_items())))
        if key not in self._answers:
            raise AssertionError(f"nobody recorded {key}")
        return response(self._answers[key])

    def queries(self) -> list[str]:
        """The queries that were asked, in order."""
        return [request.url.params.get("query", "") for request in self.seen]


_FILTER = re.compile(r'event_name="([^"]+)"')
_SERVICE = re.compile(r'service_name=(~?)"([^"]+)"')
_RANGE = re.compile(r"\[(\d+)([smhd])\]")
_BY = re.compile(r"by \(([a-z_, ]+)\)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LIMIT = (30 * 24 + 1) * 3600 * 10**9


class LittleLoki:
    """As much of a Loki as ``usage`` asks for, over OTLP bodies; held against the recorded answers by a test."""

    def __init__(self, bodies: Iterable[str], tenant: str | None = None) -> None:
        self.entries = sorted(entry for body in bodies for entry in _entries(json.loads(body)))
        self.seen: list[httpx.Request] = []
        self._tenant = tenant
        self.hidden: Callable[[str], bool] = lambda _: False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if self._tenant is not None and request.headers.get("x-scope-orgid") is None:
            return httpx.Response(401, text="no org id\n")
        mine = self._tenant is None or request.headers["x-scope-orgid"] == self._tenant
        query, asked = request.url.params["query"], request.url.params
        found = [entry for entry in self.entries if mine and _matches(query, json.loads(entry[1]))]
        if request.url.path.endswith("/query_range"):
            return self._range(found, int(asked["start"]), int(asked["end"]), int(asked["limit"]))
        return _instant(query, found, int(asked["time"]))

    def _range(self, found: list[tuple[int, str]], start: int, end: int, limit: int) -> httpx.Response:
        if end - start > _LIMIT:
            return httpx.Response(400, text="the query time range exceeds the limit (limit: 30d1h)")
        if limit > 5000:
            return httpx.Response(400, text="max entries limit per query exceeded")
        page = [entry for entry in found if start <= entry[0] < end][::-1][:limit]
        streams = [
            {"stream": json.loads(labels), "values": [[str(time), "claude_code.event"]]}
            for time, labels in page
            if not self.hidden(labels)
        ]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "streams", "result": streams}})


def _entries(body: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
    for group in body["resourceLogs"]:
        resource = group["resource"]["attributes"]
        for scope in group["scopeLogs"]:
            for record in scope["logRecords"]:
                pairs = [*resource, *record["attributes"]]
                labels = {item["key"].replace(".", "_"): str(next(iter(item["value"].values()))) for item in pairs}
                yield int(record["timeUnixNano"]), json.dumps(labels, sort_keys=True)


def _matches(query: str, labels: Mapping[str, str]) -> bool:
    event, service = _FILTER.search(query), _SERVICE.search(query)
    if event is not None and labels.get("event_name") != event[1]:
        return False
    if 'plugin_id_hash!=""' in query and not labels.get("plugin_id_hash"):
        return False
    if 'skill_name=~"custom_skill|third-party"' in query and labels["skill_name"] not in (
        "custom_skill",
        "third-party",
    ):
        return False
    if service is None:
        return True
    name = labels.get("service_name", "")
    return re.fullmatch(service[2], name) is not None if service[1] else name == service[2]


def _instant(query: str, found: list[tuple[int, str]], time: int) -> httpx.Response:
    length = _RANGE.search(query)
    assert length is not None, query
    start = time - int(length[1]) * _UNITS[length[2]] * 10**9
    inside = [(at, json.loads(labels)) for at, labels in found if start < at <= time]
    by = _BY.search(query)
    keys = [key.strip() for key in by[1].split(",")] if by is not None else []
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for at, labels in inside:
        groups.setdefault(tuple((key, labels[key]) for key in keys if key in labels), []).append(at // 10**9)
    measure = {"c": len, "a": max, "i": min}["c" if "count_over_time" in query else "a" if "max_over" in query else "i"]
    result = [{"metric": dict(key), "value": [time // 10**9, str(measure(times))]} for key, times in groups.items()]
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})
