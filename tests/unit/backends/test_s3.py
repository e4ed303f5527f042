"""The s3 backend, tested against moto's server: not AWS, and no other store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from moto_server import BUCKET, CREDENTIALS, MotoServer

from catalog_tool.backends.aws import Timeouts, client
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.s3 import CAPABILITIES, OBJECTS, STATE, S3Blobs
from catalog_tool.backends.s3 import connect as connect_s3
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.samples import put_version
from catalog_tool.sync.conformance.store import LEASE, done, live
from unit.backends.document_conformance import Hand, OnMoto

pytest_plugins = ["services"]


class Aged(S3Blobs):
    """A bucket in which everything was stored ``age`` seconds earlier, and that was found to be good before."""

    age = 0.0

    def check(self) -> None:
        """``TestConditions`` does."""

    def listed(self) -> Iterator[tuple[str, float]]:
        for key, age in super().listed():
            yield key, age + self.age


class S3Hand:
    """``Hand`` by boto3's client, below a prefix."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def _get(self, name: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=BUCKET, Key=f"{self._prefix}/{name}")["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None

    def state(self) -> bytes | None:
        return self._get(STATE)

    def put_state(self, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"{self._prefix}/{STATE}", Body=data)

    def keys(self) -> set[str]:
        root = f"{self._prefix}/{OBJECTS}"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=root)
        return {item["Key"][len(root) :] for page in pages for item in page.get("Contents", ())}

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"{self._prefix}/{OBJECTS}{key}", Body=data)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=f"{self._prefix}/{OBJECTS}{key}")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def s3(moto_server: MotoServer) -> Iterator[Any]:
    """One client for all: making one takes longer than most tests."""
    with closing(moto_server.client("s3")) as client:
        yield client


@pytest.fixture
def prefix(moto_server: MotoServer) -> str:
    return moto_server.new_prefix()


@pytest.fixture
def hand(s3: Any, prefix: str) -> Hand:
    return S3Hand(s3, prefix)


@pytest.fixture
def connect(s3: Any, prefix: str) -> Connect:
    root = prefix

    def opened(prefix: str = "", age: float = 0.0) -> DocumentBackend:
        blobs = Aged(s3, BUCKET, f"{root}/{prefix}".strip("/"))
        blobs.age = age
        return DocumentBackend(blobs, CAPABILITIES)

    return opened


class TestS3AgainstMoto(OnMoto):
    pass


def options(server: MotoServer, prefix: str) -> dict[str, Any]:
    return {"bucket": BUCKET, "prefix": prefix, "endpoint_url": server.url}


class TestSettings:
    def test_the_endpoint_may_come_from_the_environment(
        self, moto_server: MotoServer, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_server.url)
        with closing(connect_s3({"bucket": BUCKET, "prefix": f"/{prefix}/"})) as backend:
            backend.take_lease(LEASE)
            done(backend, put_version())
        assert backend.place() == f"s3://{BUCKET}/{prefix} at 127.0.0.1:{moto_server.port}"
        with closing(connect_s3(options(moto_server, prefix))) as again:
            assert set(live(again)) == {put_version().address}

    def test_as_for_the_aws_command_it_may_be_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        with closing(connect_s3({"bucket": "abc"})) as backend:
            assert backend.place() == "s3://abc"
        with closing(connect_s3({"bucket": "abc", "endpoint_url": "http://127.0.0.1:2"})) as backend:
            assert backend.place() == "s3://abc at 127.0.0.1:2"

    def test_a_bucket_without_a_prefix(self, moto_server: MotoServer, s3: Any) -> None:
        s3.create_bucket(Bucket="whole")
        with closing(connect_s3({"bucket": "whole", "endpoint_url": moto_server.url})) as backend:
            backend.take_lease(LEASE)
            done(backend, put_version())
            assert backend.place() == f"s3://whole at 127.0.0.1:{moto_server.port}"
        names = [item["Key"] for item in s3.list_objects_v2(Bucket="whole")["Contents"]]
        assert [name.split("/")[0] for name in names] == ["objects", "probe", "state.json.gz"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"bucket": 7},
            {"bucket": "a/b"},
            {"bucket": "abc", "prefix": "\0"},
            {"bucket": "abc", "prefix": "x" * 401},
            {"bucket": "abc", "endpoint_url": "ftp://host"},
            {"bucket": "abc", "endpoint_url": "http://me:kennwort@host"},
            {"bucket": "abc", "endpoint_url": "http://host:99999999"},
            {"bucket": "abc", "endpoint_url": 7},
        ],
    )
    def test_settings_that_cannot_be_used(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as told:
            connect_s3(wrong)
        assert told.value.hint
        assert "kennwort" not in f"{told.value.message} {told.value.hint}"


class Careless:
    """A client of a store that takes no notice of conditions."""

    def __init__(self, client: Any, error: Exception | None = None) -> None:
        self._client = client
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_object(self, **given: Any) -> Any:
        conditions = [given.pop(name) for name in ("IfMatch", "IfNoneMatch") if name in given]
        if conditions and self._error is not None:
            raise self._error
        return self._client.put_object(**given)


class TestConditions:
    def test_a_store_that_ignores_them_is_refused_before_anything_is_written(self, s3: Any, prefix: str) -> None:
        backend = DocumentBackend(S3Blobs(Careless(s3), BUCKET, prefix), CAPABILITIES)
        with pytest.raises(BackendError, match="ignores conditional writes") as told:
            backend.take_lease(LEASE)
        assert "If-Match" in told.value.hint
        assert S3Hand(s3, prefix).state() is None

    def test_so_is_one_that_does_not_know_them(self, s3: Any, prefix: str) -> None:
        unknown = s3.exceptions.ClientError(
            {"Error": {"Code": "NotImplemented"}, "ResponseMetadata": {"HTTPStatusCode": 501}}, "PutObject"
        )
        backend = DocumentBackend(S3Blobs(Careless(s3, unknown), BUCKET, prefix), CAPABILITIES)
        with pytest.raises(BackendError, match="ignores conditional writes"):
            backend.take_lease(LEASE)

    def test_one_that_obeys_is_asked_once(self, moto_server: MotoServer, prefix: str) -> None:
        with closing(connect_s3(options(moto_server, prefix))) as backend:
            for _ in range(2):
                assert backend.take_lease(LEASE).token == LEASE.token


def test_more_than_one_page_of_contents_is_listed(moto_server: MotoServer, prefix: str, hand: Hand) -> None:
    """S3 gives 1,000 keys a page; here it is asked for ten."""
    pages: list[str] = []

    def few(params: dict[str, Any], **_: Any) -> None:
        params["MaxKeys"] = 10
        pages.append(params.get("ContinuationToken", ""))

    with closing(moto_server.client("s3")) as client:
        client.meta.events.register("before-parameter-build.s3.ListObjectsV2", few)
        blobs = S3Blobs(client, BUCKET, prefix)
        wanted = {f"{number:064}-aaaaaaaaaaaa/entry" for number in range(35)}
        for key in wanted:
            blobs.write(key, b"")
        listed = list(blobs.listed())
    assert {key for key, _ in listed} == wanted == hand.keys()
    assert (len(listed), len(set(pages))) == (len(wanted), 4)
    assert all(-5 < age < 600 for _, age in listed)


class TestErrors:
    def test_a_bucket_that_is_not_there(self, moto_server: MotoServer) -> None:
        with closing(connect_s3({"bucket": "nowhere", "endpoint_url": moto_server.url})) as backend:
            for call in (backend.load, lambda: list(backend.scan()), lambda: backend.take_lease(LEASE)):
                with pytest.raises(BackendError, match="no such bucket") as told:
                    call()
                assert told.value.hint == "aws s3api create-bucket --bucket nowhere"

    def test_a_server_that_is_down_may_be_asked_again(self) -> None:
        down = {"bucket": "abc", "endpoint_url": "http://127.0.0.1:1"}
        with closing(connect_s3(down)) as backend, pytest.raises(UnavailableError, match="no answer"):
            backend.load()

    def test_without_credentials(
        self, moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in CREDENTIALS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        there = {"bucket": "abc", "endpoint_url": moto_server.url}
        with closing(connect_s3(there)) as backend, pytest.raises(RefusedError, match="no credentials"):
            backend.load()
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(UsageError, match="AWS_PROFILE"):
            connect_s3({"bucket": "abc", "endpoint_url": moto_server.url})


class Answering:
    """An S3 that answers every request with one error, as a server on loopback."""

    def __init__(self, status: int, code: str, headers: dict[str, str]) -> None:
        body = f"<Error><Code>{code}</Code><Message>{CREDENTIALS['AWS_SECRET_ACCESS_KEY']}</Message></Error>".encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "after"),
    [
        (503, "SlowDown", UnavailableError, 7.0),
        (429, "TooManyRequests", UnavailableError, 7.0),
        (500, "InternalError", UnavailableError, 7.0),
        (409, "OperationAborted", UnavailableError, 7.0),
        (403, "AccessDenied", RefusedError, None),
        (403, "InvalidAccessKeyId", RefusedError, None),
        (400, "ExpiredToken", RefusedError, None),
        (403, "RequestTimeTooSkewed", BackendError, None),
        (501, "NotImplemented", BackendError, None),
        (400, "Odd\x1b[2J::error::", BackendError, None),
    ],
)
def test_each_error_has_its_class(status: int, code: str, kind: type[BackendError], after: float | None) -> None:
    with Answering(status, code, {"Retry-After": "7"}) as url:
        made = client("s3", url, 1, Timeouts(tries=1))
        backend = DocumentBackend(S3Blobs(made, BUCKET, "p"), CAPABILITIES)
        with closing(backend), pytest.raises(BackendError) as told:
            backend.load()
    assert type(told.value) is kind
    assert getattr(told.value, "retry_after", None) == after
    shown = f"{told.value.message} {told.value.hint}"
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in shown
    assert shown.isprintable()
