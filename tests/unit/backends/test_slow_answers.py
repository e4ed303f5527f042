"""Answers that come in drops, each before a time-out of one wait would end it: they are given up all the same."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from catalog_tool.backends import aws
from catalog_tool.backends.http import HttpBackend
from catalog_tool.backends.slow_answers import SLOWEST, Waited, in_time
from catalog_tool.errors import TimedOutError

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFF\r\n"
SECONDS = 0.3
WAITS = aws.Timeouts(connect=5, read=5, tries=1, answer=SECONDS)
Asking = Callable[[str], object]


@contextlib.contextmanager
def trickling(start: bytes, drop: bytes = b" ") -> Iterator[str]:
    """A server that answers everybody with ``start`` and then a drop in time, again and again, while it is wanted."""
    wanted = threading.Event()

    def answer(end: socket.socket) -> None:
        with end, contextlib.suppress(OSError):
            end.recv(65536)
            end.sendall(start)
            while not wanted.wait(0.02):
                end.sendall(drop)

    def take(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=take, args=(server,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            wanted.set()
            server.shutdown(socket.SHUT_RDWR)


def state_of_a_service(url: str) -> object:
    with contextlib.closing(HttpBackend(url, None, answer_seconds=SECONDS)) as backend:
        return backend.load()


def objects_of_a_service(url: str) -> object:
    with contextlib.closing(HttpBackend(url, None, answer_seconds=SECONDS)) as backend:
        return list(backend.scan())


def object_in_a_bucket(url: str) -> object:
    with aws.clear_errors("s3"):
        return aws.client("s3", url, 1, WAITS).get_object(Bucket="bucket", Key="x")["Body"].read()


def list_of_a_bucket(url: str) -> object:
    with aws.clear_errors("s3"):
        return aws.client("s3", url, 1, WAITS).list_objects_v2(Bucket="bucket")


def item_of_a_table(url: str) -> object:
    with aws.clear_errors("dynamodb"):
        return aws.client("dynamodb", url, 1, WAITS).get_item(TableName="table", Key={"pk": {"S": "x"}})


def give_up(asking: Asking, start: bytes, drop: bytes = b" ") -> None:
    started = time.monotonic()
    with trickling(start, drop) as url, pytest.raises(TimedOutError):
        asking(url)
    assert SECONDS <= time.monotonic() - started < 20


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.parametrize("start", [HEAD, CHUNKED], ids=["sized", "chunked"])
@pytest.mark.parametrize(
    "asking", [state_of_a_service, objects_of_a_service, object_in_a_bucket, list_of_a_bucket, item_of_a_table]
)
def test_a_body_that_trickles_is_given_up(asking: Asking, start: bytes) -> None:
    give_up(asking, start)


@pytest.mark.parametrize("asking", [object_in_a_bucket, list_of_a_bucket, item_of_a_table])
def test_headers_that_trickle_are_given_up(asking: Asking) -> None:
    give_up(asking, b"HTTP/1.1 200 OK\r\nx: ", b"y")


def test_what_comes_fast_enough_may_take_its_time() -> None:
    waited = Waited(10)
    assert not any(waited.is_over(1, SLOWEST) for _ in range(1000))
    assert not waited.is_over(10, 0)
    assert waited.is_over(0.1, 0)


def test_what_came_fast_does_not_pay_for_a_trickle() -> None:
    waited = Waited(10)
    assert not waited.is_over(0, 1000 * SLOWEST)
    assert waited.is_over(10.1, 1)


def test_what_the_reader_does_meanwhile_does_not_count() -> None:
    def read_slowly() -> Iterator[bytes]:
        for chunk in in_time(iter([b"x"] * 5), 0.05, "the server"):
            threading.Event().wait(0.03)
            yield chunk

    assert list(read_slowly()) == [b"x"] * 5
