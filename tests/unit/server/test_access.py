"""Every route of the router's own list, without, with wrong, expired and other tokens; labels; the file's changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.server.access import FORBIDDEN, READ_ONLY, UNKNOWN, Guard, Need
from catalog_tool.server.routes import ROUTES, Route
from catalog_tool.server.tokens import TokenFile, Wish, new_secret

from .desk import EVERYTHING, GREET, Desk, desk

GUARDED = [route for route in ROUTES if route.need is not Need.NONE]
SCOPE_OF = {Need.READ: {"read", "sync"}, Need.WRITE: {"write", "sync"}, Need.SYNC: {"sync"}, Need.METRICS: {"metrics"}}
ENDLESS = {"events"}
"""Routes whose good answer does not end: asked on a real server elsewhere."""


def url_of(route: Route) -> str:
    """A path of this route that exists."""
    known = {"{id:path}": GREET, "{version}": "v1", "{name}": "pdf", "{path:path}": "SKILL.md", "{key:path}": GREET}
    path = route.path
    for parameter, value in known.items():
        path = path.replace(parameter, value)
    return path


def answered(desk: Desk, route: Route, headers: dict[str, str]) -> Any:
    """The route's answer to an empty body."""
    return desk.client.request(route.method, url_of(route), headers=headers)


def test_the_router_knows_every_need() -> None:
    assert {route.need for route in GUARDED} == set(SCOPE_OF)
    assert {route.name for route in ROUTES if route.need is Need.NONE} == {"health", "ready", "openapi"}
    assert len({(route.method, route.path) for route in ROUTES}) == len({route.name for route in ROUTES}) == len(ROUTES)


def test_without_tokens_a_write_is_told_what_is_missing() -> None:
    guard = Guard(None)
    assert guard.decide(Need.WRITE, None, b"127.0.0.1:8484") is READ_ONLY
    assert "catalog token create" in READ_ONLY.detail
    assert guard.decide(Need.WRITE, None, b"elsewhere.example") is FORBIDDEN


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_no_route_without_a_good_token(guarded_desk: Desk, route: Route) -> None:
    good = guarded_desk.bearer(*EVERYTHING)["Authorization"]
    expired = guarded_desk.bearer(*EVERYTHING, seconds=1)["Authorization"]
    revoked = guarded_desk.bearer(*EVERYTHING)["Authorization"]
    assert guarded_desk.tokens is not None
    guarded_desk.tokens.revoke(revoked[12:22], 2_000_000)
    guarded_desk.reload()
    wrong = [None, "", "Bearer", "Bearer x", f"Bearer {new_secret()}", good[:-1], f"{good}x", expired, revoked]
    wrong += [good.replace("Bearer", "Basic"), good.removeprefix("Bearer "), good.upper(), f"Bearer {'é' * 20}"]
    answers = [
        answered(guarded_desk, route, {} if header is None else {"Authorization": header.encode("latin-1")})
        for header in wrong
    ]
    assert {found.status_code for found in answers} == {401}
    assert len({(found.content, tuple(sorted(found.headers.items()))) for found in answers}) == 1


@pytest.mark.parametrize("route", [one for one in GUARDED if one.name not in ENDLESS], ids=lambda route: route.name)
def test_no_route_with_another_scope(guarded_desk: Desk, route: Route) -> None:
    bodies = set()
    for scope in EVERYTHING:
        found = answered(guarded_desk, route, guarded_desk.bearer(scope))
        if scope in SCOPE_OF[route.need]:
            assert found.status_code not in (401, 403, 500)
        else:
            assert found.status_code == 403
            bodies.add(found.content)
    assert len(bodies) == 1


def test_what_is_no_route_is_not_told_to_strangers(guarded_desk: Desk) -> None:
    reader = guarded_desk.bearer("read")
    assert guarded_desk.get("/nowhere").status_code == 401
    assert guarded_desk.client.request("DELETE", "/v1/prompts").status_code == 401
    assert guarded_desk.get("/nowhere", headers=reader).status_code == 404


def test_the_answer_that_lies_ready_is_guarded_too(guarded_desk: Desk) -> None:
    reader = guarded_desk.bearer("read")
    path = f"/v1/prompts/{GREET}?label=production"
    for _ in range(2):
        assert guarded_desk.get(path, headers=reader).status_code == 200
    for headers, status in (
        ({}, 401),
        (guarded_desk.bearer("metrics"), 403),
        (guarded_desk.bearer("read", labels=("staging",)), 403),
    ):
        assert guarded_desk.get(path, headers=headers).status_code == status


def test_a_token_for_some_labels(guarded_desk: Desk) -> None:
    some = guarded_desk.bearer("read", "write", labels=("stag*",))
    asked = {
        f"/v1/prompts/{GREET}?label=staging": 200,
        f"/v1/prompts/{GREET}?label=staging,production": 403,
        f"/v1/prompts/{GREET}": 403,
        f"/v1/prompts/{GREET}/labels?label=staging": 200,
        f"/v1/prompts/{GREET}/labels?label=production,staging": 403,
        f"/v1/prompts/{GREET}/versions/v2": 200,
        f"/v1/prompts/{GREET}/versions/v1": 403,
        "/v1/bundle": 403,
    }
    assert {path: guarded_desk.get(path, headers=some).status_code for path in asked} == asked
    assert guarded_desk.get(f"/v1/prompts/{GREET}/labels", headers=some).json()["labels"] == {"staging": "v2"}
    versions = guarded_desk.get(f"/v1/prompts/{GREET}/versions", headers=some).json()["versions"]
    assert [item["version"] for item in versions] == ["v2"]
    flags = guarded_desk.post("/ofrep/v1/evaluate/flags", json={"context": {}}, headers=some).json()["flags"]
    assert [flag["key"] for flag in flags] == [f"{GREET}@staging"]
    body = {"labels": {"production": "v2"}, "generation": 3}
    assert guarded_desk.put(f"/v1/prompts/{GREET}/labels", json=body, headers=some).status_code == 403


def test_without_tokens_only_this_machines_names_are_answered(open_desk: Desk) -> None:
    for host, status in (("localhost:80", 200), ("127.0.0.1:8484", 200), ("[::1]:1", 200), ("evil.example", 403)):
        assert open_desk.get("/v1/prompts", headers={"Host": host}).status_code == status
        assert open_desk.get(f"/v1/prompts/{GREET}", headers={"Host": host}).status_code == status


def test_a_file_that_goes_leaves_no_token_good_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    secret, _ = file.create(Wish(name="a", scopes=["read"]), 0)
    guard = Guard(file)
    header = f"Bearer {secret}".encode()

    def is_good() -> bool:
        guard.forget()
        return guard.decide(Need.READ, header, None) is not UNKNOWN

    assert is_good()
    kept = file.path.read_bytes()
    file.path.write_bytes(kept[:40])
    assert is_good()
    file.path.write_bytes(kept)
    file.path.unlink()
    assert not is_good()


def test_a_worker_that_begins_on_a_broken_file_waits_for_a_good_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another worker goes on with the tokens that it has: this one must neither end the service nor say 401."""
    file = TokenFile(tmp_path / "tokens.json")
    secret, _ = file.create(Wish(name="a", scopes=["read"]), 0)
    bearer = {"Authorization": f"Bearer {secret}"}
    file.path.chmod(0o666)
    with desk(tmp_path, tokens=True) as found, caplog.at_level("INFO", "catalog_tool.server"):
        for path in (f"/v1/prompts/{GREET}", "/v1/prompts", "/nowhere", "/"):
            found.reload()
            assert found.get(path, headers=bearer).status_code == 503
        assert found.get("/readyz").json() == {"status": "tokens unreadable"}
        file.path.chmod(0o600)  # neither the time of the content nor its size is another
        found.reload()
        assert found.get("/readyz").status_code == 200
        assert found.get(f"/v1/prompts/{GREET}", headers=bearer).status_code == 200
        assert found.get(f"/v1/prompts/{GREET}").status_code == 401
    told = [record.message for record in caplog.records if record.message.startswith("tokens_")]
    assert told == ["tokens_read"], "it was told once, when the worker began"


def test_a_token_that_expires_while_the_service_runs(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    secret, _ = file.create(Wish(name="a", scopes=["read"], seconds=60), 1000)
    now = [1059.0]
    guard = Guard(file, clock=lambda: now[0])
    assert guard.decide(Need.READ, f"Bearer {secret}".encode(), None) is not UNKNOWN
    now[0] = 1060.0
    assert guard.decide(Need.READ, f"Bearer {secret}".encode(), None) is UNKNOWN


def test_the_file_holds_no_token(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    secret, token = file.create(Wish(name="a", scopes=["read"]), 0)
    text = file.path.read_text("utf-8")
    assert secret not in text
    assert secret[16:] not in text
    assert json.loads(text)["tokens"][0]["hash"] == token.hash
