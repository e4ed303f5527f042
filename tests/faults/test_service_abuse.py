"""A service on real sockets: names that climb, requests that drip, flood or bomb, and odd conditions.

Whatever is sent, healthy requests are answered, nothing outside the store is touched, and nothing fails.
"""

from __future__ import annotations

import gzip
import random
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path

import httpx
import pytest
from running_service import Running, catalog_of, running
from soak import SOAK

from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.client import AccessRefusedError, PromptClient, SourceUnavailableError
from catalog_tool.server.access import Need
from catalog_tool.server.routes import ROUTES
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import done, held

NAME = "support/greet"
SECRET = "root:x:0:0:geheime-datei"
ODD = [
    "..", "../secret.txt", "../../../../etc/passwd", "%2e%2e%2fsecret.txt", "%252e%252e%252fsecret.txt",
    "..%5csecret.txt", "..\\secret.txt", "%00", "a%00b", "%0d%0aX-Odd:%201", "%ff%fe", "%c0%ae%c0%ae/", "con", "nul",
    ".git/config", "SKILL.md%00.png", "~root", "$HOME", "{0}", "%s%n", "__proto__", "constructor", "a" * 3000,
    "%F0%9F%98%80", "'%20OR%201=1--", "support/greet;x=1", "support/greet%3Fa", "//evil.example/",
    "file:///etc/passwd", "support//greet", "support/greet/", "%",
]  # fmt: skip


DRIPS = ("slow headers", "slow body", "slow read")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, str]]]:
    folder = catalog_of(tmp_path_factory.mktemp("abused"), "backend: sqlite, path: store.db")
    (folder / "secret.txt").write_text(SECRET, "utf-8")
    backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
    done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"), put_skill())
    backend.drop_lease("token-1")
    backend.close()
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="all", scopes=["read", "write", "sync", "metrics"]), 0)
    with running(folder, "--tokens", str(tokens.path)) as found:
        yield found, {"Authorization": f"Bearer {secret}"}


def spoken(service: Running, data: bytes, seconds: float = 15.0) -> bytes:
    """Send bytes, read until the end or the deadline."""
    found = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=seconds) as line:
        line.settimeout(seconds)
        try:
            line.sendall(data)
            while chunk := line.recv(65536):
                found += chunk
        except OSError:
            pass
    return found


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as bytes; the server closes after it."""
    told = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace") + body


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 for none."""
    head = answer.split(b" ", 2)
    return int(head[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def test_no_name_climbs_out_of_the_store(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    before = sorted(path.name for path in found.log.parent.iterdir())
    places = [route for route in ROUTES if "{" in route.path and route.need is not Need.NONE]
    for route in places:
        for odd in ODD:
            path = route.path
            for parameter in ("{id:path}", "{version}", "{name}", "{path:path}", "{key:path}"):
                path = path.replace(parameter, odd)
            answer = spoken(found, request(route.method, path, {**bearer, "Content-Type": "application/json"}, b"{}"))
            assert status_of(answer) in (200, 400, 404, 405, 413, 414, 422), (path, answer[:200])
            assert SECRET.encode() not in answer
            assert b"X-Odd" not in answer.split(b"\r\n\r\n")[0]
    query = spoken(found, request("GET", f"/v1/prompts/{NAME}?label=..%2f..&key=%00", bearer))
    assert status_of(query) == 400
    assert sorted(path.name for path in found.log.parent.iterdir()) == before


def healthy(service: Running, bearer: dict[str, str], ending: threading.Event, seconds: list[float]) -> None:
    """Ask as an honest client until told to stop, noting how long each answer took."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        while not ending.wait(0.01):
            started = time.monotonic()
            assert client.get(f"{service.url}/v1/prompts/{NAME}", headers=bearer).status_code == 200
            seconds.append(time.monotonic() - started)


def kept_silent(service: Running, bearer: dict[str, str]) -> float:
    """Ask once on a connection, keep it, say nothing: seconds until the service closes it."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=12) as line:
        line.sendall(request("GET", "/healthz", bearer).replace(b"Connection: close\r\n", b""))
        assert b"200 OK" in line.recv(65536)
        started = time.monotonic()
        while line.recv(65536):
            pass
        return time.monotonic() - started


def slow_body(service: Running, bearer: dict[str, str]) -> tuple[int, float]:
    """Promise a body and never send it: the status, and after how many seconds."""
    headers = {**bearer, "Content-Type": "application/json", "Content-Length": "1000"}
    started = time.monotonic()
    answer = spoken(service, request("PUT", f"/v1/prompts/{NAME}/labels", headers), 20)
    return status_of(answer), time.monotonic() - started


def test_whoever_keeps_the_service_waiting_is_cut_off_and_others_are_served(
    service: tuple[Running, dict[str, str]],
) -> None:
    found, bearer = service
    ending, seconds = threading.Event(), list[float]()
    asking = threading.Thread(target=healthy, args=(found, bearer, ending, seconds))
    with ExitStack() as stack:
        stack.callback(ending.set)
        pool = stack.enter_context(ThreadPoolExecutor(2))
        body, silence = pool.submit(slow_body, found, bearer), pool.submit(kept_silent, found, bearer)
        lines = []
        for number in range(900 if SOAK else 300):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", found.port), timeout=20))
            line.sendall((b"", b"GET /v1/prompts HTTP/1.1\r\nHost: loc", b"GET / HTTP/1.1\r\n")[number % 3])
            lines.append(line)
        asking.start()
        opened = time.monotonic()
        for line in lines:
            line.settimeout(max(0.1, opened + 10 - time.monotonic()))
            while line.recv(4096):
                pass
        took = time.monotonic() - opened
        assert took < 10, f"idle lines were closed after {took:.1f} s"
        assert silence.result() < 10
        status, after = body.result()
        assert (status in (0, 408), after < 15) == (True, True)
    asking.join()
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(f"{len(seconds)} healthy requests beside {len(lines)} half-open: p99 {p99 * 1000:.0f} ms")
    assert p99 < 0.2


@pytest.mark.parametrize("attack", [("-H", "-t", "GET"), ("-B", "-t", "PUT"), ("-X", "-w", "1", "-y", "64")], ids=DRIPS)
def test_slowhttptest_keeps_nobody_waiting(service: tuple[Running, dict[str, str]], attack: tuple[str, ...]) -> None:
    """900 lines on which headers, a body or the reading of the answer drip: ten minutes of the three in all."""
    program = shutil.which("slowhttptest")
    if program is None:
        pytest.skip("SLOWHTTPTEST IS NOT THERE: apt-get install slowhttptest; the attacks by sockets ran all the same")
    found, bearer = service
    length, lines = (200, "900") if SOAK else (5, "300")
    command = [program, *attack, "-c", lines, "-r", "200", "-i", "2", "-l", str(length), "-p", "3", "-u", found.url]
    ending, seconds, said = threading.Event(), list[float](), ""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(healthy, found, bearer, ending, seconds)
        try:
            until = time.monotonic() + length
            while time.monotonic() < until:  # it ends early where every line has been cut: then once more
                said += subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout
        finally:
            ending.set()
        asking.result()
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(f"{len(seconds)} healthy requests beside {lines} lines of {attack[0]}: p99 {p99 * 1000:.0f} ms")
    plain = re.sub(r"\x1b\[[\d;]*m", "", said)
    assert set(re.findall(r"service available:\s+(\w+)", plain)) == {"YES"}, plain[-500:]
    assert p99 < 0.2


def test_headers_and_bodies_that_are_too_large(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    label_path, json_kind = f"/v1/prompts/{NAME}/labels", {"Content-Type": "application/json"}
    many = {f"X-{number}": "a" for number in range(10_000)}
    assert status_of(spoken(found, request("GET", "/v1/prompts", {**bearer, **many}))) in (0, 400, 431)
    assert status_of(spoken(found, request("GET", "/v1/prompts", {**bearer, "X": "a" * 200_000}))) in (0, 400, 431)
    big = b'{"labels": {"a": "' + b"a" * 10_000_000 + b'"}}'
    assert status_of(spoken(found, request("PUT", label_path, {**bearer, **json_kind}, big))) in (0, 413)
    claimed = request("PUT", label_path, {**bearer, **json_kind, "Content-Length": "9" * 15})
    assert status_of(spoken(found, claimed)) in (400, 413)
    bomb = gzip.compress(b" " * 5_000_000)
    packed = request("PUT", label_path, {**bearer, **json_kind, "Content-Encoding": "gzip"}, bomb)
    assert status_of(spoken(found, packed)) == 415
    assert found.get("/v1/prompts", headers=bearer).status_code == 200


def test_a_chunked_body_has_the_same_limit(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    lines = "".join(f"{name}: {value}\r\n" for name, value in bearer.items())
    head = f"PUT /v1/prompts/{NAME}/labels HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{lines}\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert status_of(spoken(found, head.encode() + chunk * 40 + b"0\r\n\r\n", 5)) in (0, 413)


def test_requests_in_a_row_are_answered_in_their_order(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    paths = [f"/v1/prompts/{NAME}/versions/v1", "/healthz", f"/v1/prompts/{NAME}/versions/v2"]
    data = b"".join(request("GET", path, bearer).replace(b"Connection: close\r\n", b"") for path in paths[:-1])
    answer = spoken(found, data + request("GET", paths[-1], bearer))
    places = [answer.find(part) for part in (b'"version":"v1"', b'"status":"ok"', b'"version":"v2"')]
    assert -1 not in places
    assert places == sorted(places)


def test_odd_conditions_are_200_or_304_as_they_should(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    rng = random.Random(7)
    with httpx.Client(trust_env=False, timeout=10, headers=bearer, base_url=found.url) as client:
        tag = client.get(f"/v1/prompts/{NAME}").headers["etag"]
        pieces = [tag, f"W/{tag}", '"x"', "*", "", ",", " ", '"', tag[:-1], tag.upper(), "\\", "W/", "é", "a" * 9000]
        for _ in range(10_000 if SOAK else 300):
            chosen = [rng.choice(pieces) for _ in range(rng.randrange(1, 5))]
            header = ", ".join(chosen).strip()
            odd = {"Range": rng.choice(["bytes=0-1", "bytes=9-1", "x"]), "Cache-Control": rng.choice(["no-cache", "="])}
            answer = client.get(f"/v1/prompts/{NAME}", headers={"If-None-Match": header.encode("latin-1"), **odd})
            named = [name.strip().removeprefix("W/") for name in header[:8000].split(",")]
            assert answer.status_code == (304 if tag in named or "*" in named else 200), header[:200]
            assert answer.headers["etag"] == tag
            assert bool(answer.content) == (answer.status_code == 200)


def test_the_service_is_still_the_same(service: tuple[Running, dict[str, str]]) -> None:
    found, bearer = service
    said = found.said()
    assert found.process.poll() is None
    assert '"event": "failed"' not in said
    assert bearer["Authorization"][7:] not in said
    assert 'status="5xx"' not in found.get("/metrics", headers=bearer).text
    assert Path("/proc").exists() is False or len(list(Path(f"/proc/{found.process.pid}/fd").iterdir())) < 200


def test_with_a_key_nobody_gets_another_label_for_one_that_cannot_be_had(tmp_path: Path) -> None:
    """A client chooses by a key itself, from the labels that it is told: one that is missing there is not absent."""
    folder = catalog_of(tmp_path / "served", "backend: sqlite, path: store.db")
    with closing(held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))) as store:
        done(store, put_version(text="One"), put_version(version="v2", text="Two"), put_label("v1"))
        done(store, put_label("v2", "tenant_acme"))
        store.drop_lease("token-1")
    with closing(sqlite3.connect(folder / "store.db")) as connection, connection:
        connection.execute("UPDATE prompt_version SET entry = replace(CAST(entry AS TEXT), 'Two', 'Six')")
    tokens = TokenFile(folder / "tokens.json")
    everything, _ = tokens.create(Wish(name="all", scopes=["read"]), 0)
    production, _ = tokens.create(Wish(name="some", scopes=["read"], labels=["production"]), 0)
    cases = [(everything, SourceUnavailableError), (production, AccessRefusedError)]
    with running(folder, "--tokens", "tokens.json") as service:
        for token, refusal in cases:
            with PromptClient(service.url, token=token, cache_dir=False) as client:
                for labels, key in product((["tenant_acme", "production"], "tenant_acme"), (None, "user-1")):
                    with pytest.raises(refusal):
                        client.get(NAME, labels, key=key)
                assert client.get(NAME, key="user-1").version == "v1"
