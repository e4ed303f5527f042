"""Stores and servers that mean harm: only the client's own errors leave a source, so that the last good one is kept."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, ClientError
from catalog_tool.client.sources import Options, open_source
from catalog_tool.client.wanted import Wanted

META, GENERATION, LABELS = b"*3\r\n$6\r\ntarget\r\n$1\r\n1\r\n$1\r\ns\r\n", b"$1\r\n1\r\n", b'*1\r\n$4\r\n"v1"\r\n'
ODD = (
    b"$-1\r\n", b":3\r\n", b"+OK\r\n", b"-WRONGTYPE Operation against a key\r\n", b"*0\r\n", b"*1\r\n$-1\r\n",
    b"*2\r\n:1\r\n:2\r\n", b"$1\r\n\xff\r\n", b"*1\r\n:3\r\n", b"*3\r\n:1\r\n:2\r\n:3\r\n",
)  # fmt: skip


class Redis:
    """Answers a transaction and HGET with what it was given."""

    def __init__(self, parts: tuple[bytes, bytes, bytes], hget: bytes) -> None:
        self._parts = parts
        self._hget = hget

    def serve(self, listening: socket.socket) -> None:
        """One connection, until it ends."""
        connection, _ = listening.accept()
        queued = None
        with connection, connection.makefile("rb") as said:
            while head := said.readline():
                words = [said.read(int(said.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]
                if words[0] == b"MULTI":
                    queued, answer = 0, b"+OK\r\n"
                elif words[0] == b"EXEC":
                    answer, queued = b"*%d\r\n%b" % (queued or 0, b"".join(self._parts[: queued or 0])), None
                elif queued is not None:
                    queued, answer = queued + 1, b"+QUEUED\r\n"
                else:
                    answer = self._hget
                connection.sendall(answer)


def read(address: str, wanted: Wanted) -> object:
    with closing(open_source(address, Options())) as source:
        return source.read(wanted, None, Budget(time.monotonic, 5.0, 9))


@contextmanager
def redis(parts: tuple[bytes, bytes, bytes], hget: bytes) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=Redis(parts, hget).serve, args=(listening,), daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
        thread.join(timeout=10)


@pytest.mark.parametrize("place", ["meta", "generation", "labels", "hget"])
@pytest.mark.parametrize("odd", ODD)
def test_a_redis_that_answers_anything(place: str, odd: bytes) -> None:
    parts = (
        odd if place == "meta" else META,
        odd if place == "generation" else GENERATION,
        odd if place == "labels" else LABELS,
    )
    with redis(parts, odd if place == "hget" else b"$-1\r\n") as address, pytest.raises(ClientError):
        read(address, Wanted("greet", ("production",)))


def test_a_key_that_somebody_made_of_another_type_is_named() -> None:
    with redis((META, GENERATION, ODD[3]), b"$-1\r\n") as address, pytest.raises(BadAnswerError, match="WRONGTYPE"):
        read(address, Wanted("greet", ("production",)))


@contextmanager
def service(answers: Mapping[str, object]) -> Iterator[str]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path.partition("?")[0].rpartition("/")[2], {})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("version", ["\ud800", "v1\r\nX: y", "../..", "%2e%2e"])
def test_a_service_whose_labels_name_no_version(version: str) -> None:
    value = [{"version": version, "weight": 60}, {"version": "v2", "weight": 40}]
    found = {"id": "greet", "generation": 1, "store_id": "s", "labels": {"production": value}}
    with service({"labels": found}) as address:
        answer = read(address, Wanted("greet", ("production",), keyed=True))
    assert answer is not None  # its parts are verified next, and refused
