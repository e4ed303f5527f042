"""The page about S3 and DynamoDB says what the code does, and its policies allow what is asked for and no more."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from moto_server import BUCKET, CREDENTIALS, TABLE, MotoServer

import catalog_tool
from catalog_tool.backends import aws, dynamodb, s3
from catalog_tool.backends.document_backend import SWEEP_SECONDS
from catalog_tool.backends.document_contents import WORKERS
from catalog_tool.backends.registry import BACKENDS
from catalog_tool.backends.slow_answers import SLOWEST
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, done

pytest_plugins = ["services"]

PAGE = (Path(catalog_tool.__file__).parent / "docs" / "targets-cloud.md").read_text(encoding="utf-8")
ACTIONS = {"ListObjectsV2": "ListBucket"}


def section(name: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {name}\n")[2], flags=re.MULTILINE)[0]


def policies(name: str) -> list[set[str]]:
    """The actions of each policy of a section: of a sync, then of a reader."""
    documents = [json.loads(text) for text in re.findall(r"```json\n(.+?)```", section(name), re.DOTALL)]
    return [
        {action.partition(":")[2] for statement in document["Statement"] for action in statement["Action"]}
        for document in documents
    ]


def test_the_numbers_are_the_codes() -> None:
    words = " ".join(PAGE.split())
    for said in (
        f"most {aws.PREFIX_BYTES} bytes",
        f"at most {aws.CONNECT_SECONDS} s for a connection, {aws.READ_SECONDS} s for data",
        f"{aws.ANSWER_SECONDS} s for the whole answer (a second more for each {SLOWEST // 1024} KiB",
        f"at most {aws.TRIES} times",
        f"most {WORKERS} requests",
        f"{dynamodb.ITEM_BYTES:,} bytes",
        f"after {SWEEP_SECONDS / 3600:g} hours",
        f"each {s3.CAPABILITIES.batch} changes",
    ):
        assert said in words
    for name in (s3.STATE, s3.OBJECTS, s3.PROBE):
        assert f"`{name}" in words


def test_the_commands_are_the_codes() -> None:
    assert dynamodb.create_command("acme-prompts") in PAGE
    for name in ("s3", "dynamodb"):
        assert f"pip install 'catalog-tool[{BACKENDS[name].extra}]'" in section(name)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", ["s3", "dynamodb"])
@pytest.mark.usefixtures("credentials")
def test_the_policies_allow_what_is_asked_for_and_no_more(name: str, moto_server: MotoServer) -> None:
    prefix = moto_server.new_prefix()
    options = {"bucket": BUCKET, "table": TABLE, "prefix": prefix, "endpoint_url": moto_server.url}
    with closing({"s3": s3, "dynamodb": dynamodb}[name].connect(options)) as backend:
        asked: set[str] = set()

        def note(model: Any, **_: Any) -> None:
            asked.add(ACTIONS.get(model.name, model.name))

        backend._blobs._client.meta.events.register("before-call", note)  # type: ignore[attr-defined]
        sync_policy, reader = policies(name)
        skill, version = put_skill(), put_version()
        backend.load()
        backend.take_lease(LEASE)
        done(backend, version, skill, put_label("v1"), Write(skill.address, skill.entry))
        backend._sweep(backend._document()[0])  # type: ignore[arg-type]
        backend._blobs.remove("none")
        backend._blobs.remove(next(iter(backend._blobs.listed()))[0])
        backend.drop_lease(LEASE.token)
        assert asked == sync_policy
        asked.clear()
        done_reading = (backend.load(), list(backend.scan()), list(backend.events()), backend.generations())
        assert done_reading
        assert asked == reader
