"""S3 and DynamoDB as moto plays them: a process of the tests' own on loopback, gone at the end.

moto looks at a condition and then writes, with nothing in between that keeps others out; the real
services do both at once. So requests are handled one at a time here. It is not AWS: what passes here
was tested against moto's server, and the manual says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

PACKAGE = "moto (pip install 'moto[server]')"
BUCKET = "tests"
TABLE = "tests"
REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "kennwort-der-tests",
    "AWS_DEFAULT_REGION": REGION,
}


@dataclass(slots=True)
class MotoServer:
    """A running server. Each test takes a prefix of its own."""

    port: int
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def new_prefix(self) -> str:
        """A prefix that nobody used yet."""
        return f"t{next(self._numbers)}"

    def client(self, service: str) -> Any:
        """boto3's own client, for what a test does behind the backend's back."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


def is_there() -> bool:
    """Whether moto's server can be started."""
    return all(importlib.util.find_spec(name) is not None for name in ("moto", "boto3", "werkzeug", "flask"))


@contextlib.contextmanager
def running() -> Iterator[MotoServer]:
    """A server with one bucket and one table. It ends when its standard input does, so it never outlives the tests."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        server = MotoServer(int(process.stdout.readline()))
        server.client("s3").create_bucket(Bucket=BUCKET)
        create_table(server, TABLE)
        yield server
    finally:
        process.terminate()
        process.communicate()


def create_table(server: MotoServer, name: str) -> None:
    """A table as the manual's command makes it."""
    server.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def serve() -> None:
    """Handle requests until standard input ends; prints the port first."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as the real services keep them

        def log(self, *_: object) -> None:  # type: ignore[override]
            pass

    application, one = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def in_turn(environ: Any, start: Any) -> list[bytes]:
        with one:
            return [b"".join(application(environ, start))]

    server = make_server("127.0.0.1", 0, in_turn, threaded=True, request_handler=Quiet)
    print(server.port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    serve()
