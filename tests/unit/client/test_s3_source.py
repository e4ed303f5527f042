"""The client on a target that the s3 backend wrote, tested against moto's server: not AWS."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from client_trials import Clock, still_client
from moto_server import BUCKET, CREDENTIALS, MotoServer
from scratch import Scratch

from catalog_tool.backends.document import entry_key, unpacked
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.s3 import connect
from catalog_tool.client import (
    AccessRefusedError,
    BadAnswerError,
    PromptClient,
    PromptNotFoundError,
    SourceUnavailableError,
)
from catalog_tool.client.budget import Budget
from catalog_tool.client.sources import Options, open_source
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import UsageError
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, done

pytest_plugins = ["services"]

NAME = "support/greet"
SPLIT = [{"version": "v1", "weight": 50}, {"version": "v2", "weight": 50}]


@pytest.fixture(autouse=True)
def environment(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": moto_server.url}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix(moto_server: MotoServer) -> str:
    return moto_server.new_prefix()


@pytest.fixture
def address(prefix: str) -> str:
    return f"s3://{BUCKET}/{prefix}"


@pytest.fixture
def target(prefix: str) -> DocumentBackend:
    """A target with two versions and three labels, whose lease is held."""
    backend = connect({"bucket": BUCKET, "prefix": prefix})
    backend.take_lease(LEASE)
    done(backend, put_version(text="One"), put_version(version="v2", text="Two"), put_version("other", text="Other"))
    done(backend, put_label("v1"), put_label(SPLIT, "canary"), put_label("v1", name="other"))
    return backend


class Asked:
    """Counts a client's requests by key and status."""

    def __init__(self, source: Any) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        events = source._client.meta.events
        events.register("before-parse.s3.GetObject", self._note)

    def _note(self, response_dict: dict[str, Any], **_: Any) -> None:
        self.answers[("", response_dict["status_code"])] += 1

    def taken(self) -> dict[int, int]:
        """The statuses since the last call."""
        found = {status: number for (_, status), number in self.answers.items()}
        self.answers.clear()
        return found


def budget(seconds: float = 5.0) -> Budget:
    return Budget(Clock(), seconds, 1)


def test_labels_versions_and_digests(address: str, target: DocumentBackend) -> None:
    with still_client(address, Clock()) as client:
        prompt = client.get(NAME)
        assert (prompt.render(), prompt.generation) == ([{"role": "system", "content": "One"}], 2)
        assert {client.get(NAME, "canary", key=f"user-{number}").version for number in range(20)} == {"v1", "v2"}
        assert client.get(NAME, ["none", "production"]).label == "production"
        assert client.get(NAME, version=client.get(NAME, version="v2").digest[:20]).version == "v2"
        for missing in ({"label": "none"}, {"version": "v9"}):
            with pytest.raises(PromptNotFoundError):
                client.get(NAME, **missing)
    assert target.load().store_id


def test_a_moved_label_arrives(address: str, target: DocumentBackend) -> None:
    clock = Clock()
    with still_client(address, clock) as client:
        assert client.get(NAME).version == "v1"
        done(target, put_label("v2", seen="v1"))
        clock.now += 100
        client.tick()
        assert (client.get(NAME).version, client.get(NAME).generation) == ("v2", 3)


def test_what_did_not_change_costs_one_small_answer(address: str, target: DocumentBackend) -> None:
    source = open_source(address, Options())
    wanted = Wanted(NAME, ("production",), None, False)
    first = source.read(wanted, None, budget())
    assert first is not None
    asked = Asked(source)
    assert source.read(wanted, first.validator, budget()) is None
    assert asked.taken() == {304: 1}
    done(target, put_label(SPLIT, name="other", seen="v1")._replace(entry=b'"v1"', seen=b'"v1"', marker="new"))
    target.take_lease(LEASE)  # the state is another one, and nothing of this prompt changed
    assert source.read(wanted, first.validator, budget()) is None
    assert asked.taken() == {200: 1}
    done(target, put_label("v2", seen="v1"))
    assert (source.read(wanted, first.validator, budget()) or first).value == "v2"
    assert asked.taken() == {200: 2}
    source.close()


def test_many_threads_share_one_reading_of_the_state(address: str, target: DocumentBackend) -> None:
    del target
    with PromptClient(address, cache_dir=False, timeout_seconds=20) as client:
        found: list[str] = []
        names = [NAME, "other"] * 8
        barrier = threading.Barrier(len(names))

        def work(name: str) -> None:
            barrier.wait()
            found.append(client.get(name).version)

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["v1"] * len(names)


def test_a_changed_content_is_refused_and_the_good_one_kept(
    address: str, target: DocumentBackend, moto_server: MotoServer, prefix: str
) -> None:
    clock = Clock()
    with closing(moto_server.client("s3")) as by_hand, still_client(address, clock) as client:
        assert client.get(NAME).version == "v1"
        done(target, put_label("v2", seen="v1"))
        state = unpacked(by_hand.get_object(Bucket=BUCKET, Key=f"{prefix}/state.json.gz")["Body"].read(), "here")
        key = f"{prefix}/objects/{entry_key(state.rows[f'prompts/{NAME}@v2'].at or '')}"
        by_hand.put_object(Bucket=BUCKET, Key=key, Body=(put_version(text="Evil").entry or b"")[:-1] + b" }")
        for change in (
            lambda: None,
            lambda: by_hand.put_object(Bucket=BUCKET, Key=key, Body=b"["),
            lambda: by_hand.delete_object(Bucket=BUCKET, Key=key),
            lambda: by_hand.put_object(Bucket=BUCKET, Key=f"{prefix}/state.json.gz", Body=b"no state"),
            lambda: by_hand.delete_object(Bucket=BUCKET, Key=f"{prefix}/state.json.gz"),
        ):
            change()
            before = client.counters()
            clock.now += 1000
            client.tick()
            assert client.get(NAME).version == "v1"
            assert sum(client.counters().values()) > sum(before.values())
        with pytest.raises((BadAnswerError, SourceUnavailableError)):
            client.get("other")


def test_one_bundle_and_no_other(scratch: Scratch, address: str, prefix: str, moto_server: MotoServer) -> None:
    settings = f"{{backend: s3, bucket: {BUCKET}, prefix: {prefix}, endpoint_url: '{moto_server.url}'}}"
    scratch.write("catalog.yaml", f"format: 1\ncatalog: shop\ntargets:\n  live: {settings}\n")
    scratch.write("prompts/a/v1.yaml", "id: a\nversion: v1\nmodel: m\nsystem_prompt: One\n")
    scratch.write("prompts/registry.yaml", "a:\n  production: v1\n")
    scratch.write("skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n")
    scratch.commit()
    synced = scratch.run("sync", "live", env=CREDENTIALS)
    assert synced.code == 0, synced
    again = scratch.run("sync", "live", "--format", "json", env=CREDENTIALS).json()
    assert again["status"] == "unchanged"
    with still_client(address, Clock(), bundle_digest=again["bundle"]) as client:
        assert client.get("a").version == "v1"
    other = still_client(address, Clock(), bundle_digest="sha256:" + "0" * 64)
    with other as client, pytest.raises(BadAnswerError, match="is wanted"):
        client.get("a")


def test_what_is_not_there_is_said(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with still_client(address, Clock()) as client, pytest.raises(SourceUnavailableError, match="nothing is there"):
        client.get(NAME)
    with still_client("s3://nowhere/x", Clock()) as client, pytest.raises(SourceUnavailableError, match="NoSuchBucket"):
        client.get(NAME)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with still_client(address, Clock()) as client, pytest.raises(SourceUnavailableError, match="no answer"):
        client.get(NAME)


def test_without_credentials(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with still_client(address, Clock()) as client, pytest.raises(AccessRefusedError, match="no credentials"):
        client.get(NAME)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with still_client(address, Clock()) as client, pytest.raises(SourceUnavailableError, match="AWS_PROFILE"):
        client.get(NAME)


@pytest.mark.parametrize(
    "wrong", ["s3://", "s3://a/b", "s3://me:kennwort@bucket/p", "s3://bucket/p?kennwort=1", "s3://bucket:80/kennwort"]
)
def test_addresses_that_are_none(wrong: str) -> None:
    with pytest.raises(UsageError) as told:
        open_source(wrong, Options())
    assert told.value.hint
    assert "kennwort" not in told.value.message + told.value.hint


def test_without_the_extra_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from catalog_tool.client import PromptClient\n"
        "from catalog_tool.errors import UsageError\n"
        "try: PromptClient('s3://bucket/p', cache_dir=False)\n"
        "except UsageError as error: print(error.message, error.hint, sep='|')\n"
    )
    kept = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept)
    assert done.stdout == "s3:// needs boto3, which is not installed|pip install 'catalog-tool[s3]'\n"
