"""Sources: what each reads, and that what it cannot trust is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from client_trials import Clock, still_client
from scratch import Scratch
from served_prompts import Said, bundle_bytes, entry, serving, write_bundle

from catalog_tool.client import BadAnswerError, ClientError, PromptNotFoundError, SourceUnavailableError
from catalog_tool.client.sources import SOURCES, Options, open_source
from catalog_tool.client.sources.base import version_by_digest
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import UsageError

NAME = "billing/refund"
FILES = {
    "catalog.yaml": ("format: 1\ncatalog: shop\ntargets:\n  live: {backend: sqlite, path: live.sqlite}\n"),
    f"prompts/{NAME}/v1.yaml": f"id: {NAME}\nversion: v1\nmodel: gpt-4o\nsystem_prompt: One {{{{name}}}}\n",
    f"prompts/{NAME}/v2.yaml": f"id: {NAME}\nversion: v2\nmodel: gpt-4o\nsystem_prompt: Two {{{{name}}}}\n",
    "prompts/registry.yaml": f"{NAME}:\n  production: v1\n  canary: {{v1: 50, v2: 50}}\n",
}


class TestRealOutputs:
    """What this tool builds and syncs is what the client reads."""

    @pytest.fixture
    def built(self, scratch: Scratch) -> Scratch:
        scratch.write_all(FILES)
        scratch.commit()
        assert scratch.run("build").code == 0
        return scratch

    @pytest.mark.parametrize(
        "address", ["file://{dist}", "file://{dist}/bundle.json", "sqlite:///{dist}/bundle.sqlite"]
    )
    def test_a_bundle(self, address: str, built: Scratch) -> None:
        dist = built.root / "dist"
        digest = json.loads((dist / "bundle.json").read_bytes())["digest"]
        for pinned in (None, digest):
            with still_client(address.format(dist=dist), Clock(), bundle_digest=pinned) as client:
                prompt = client.get(NAME)
                assert prompt.render(name="Ann") == [{"role": "system", "content": "One Ann"}]
                assert (prompt.bundle, prompt.generation, prompt.model) == (digest, None, {"name": "gpt-4o"})
                assert {client.get(NAME, "canary", key=f"user-{n}").version for n in range(20)} == {"v1", "v2"}
                assert client.get(NAME, "canary").version == "v1"
                assert client.get(NAME, version=client.get(NAME, version="v2").digest[:20]).version == "v2"
        other = still_client(address.format(dist=dist), Clock(), bundle_digest="sha256:" + "0" * 64)
        with other as client, pytest.raises(BadAnswerError, match="is wanted"):
            client.get(NAME)

    def test_a_sqlite_target_with_generations(self, built: Scratch) -> None:
        synced = built.run("sync", "live")
        assert synced.code == 0, synced
        clock = Clock()
        with still_client(f"sqlite:///{built.root}/live.sqlite", clock) as client:
            first = client.get(NAME)
            assert first.version == "v1"
            assert first.generation is not None
            built.write("prompts/registry.yaml", f"{NAME}:\n  production: v2\n")
            built.commit()
            moved = built.run("sync", "live", "--prune")
            assert moved.code == 0, moved
            clock.now += 100
            client.tick()
            second = client.get(NAME)
            assert second.version == "v2"
            assert second.generation is not None
            assert second.generation > first.generation

    def test_a_build_that_replaces_the_folder_is_seen(self, built: Scratch) -> None:
        clock = Clock()
        clients = [
            still_client(f"{scheme}://{slash}{built.root}/dist/{name}", clock)
            for scheme, slash, name in (("file", "", ""), ("sqlite", "/", "bundle.sqlite"))
        ]
        assert [client.get(NAME).version for client in clients] == ["v1", "v1"]
        built.write("prompts/registry.yaml", f"{NAME}:\n  production: v2\n")
        assert built.run("build").code == 0
        clock.now += 100
        for client in clients:
            client.tick()
        assert [client.get(NAME).version for client in clients] == ["v2", "v2"]
        for client in clients:
            client.close()


class TestFile:
    def test_relative_addresses_are_from_where_the_client_was_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_bundle(tmp_path / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry()}})
        monkeypatch.chdir(tmp_path)
        with still_client("file://bundle.json", Clock()) as client:
            monkeypatch.chdir("/")
            assert client.get(NAME).version == "v1"

    def test_an_unchanged_file_is_not_read_again(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry()}})
        clock = Clock()
        with still_client(f"file://{tmp_path}", clock) as client:
            client.get(NAME)
            clock.now += 100
            client.tick()
            assert client.counters()["unchanged"] == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda _: b"[]", "no JSON object"),
            (lambda data: data[:-1], "no JSON"),
            (lambda data: data.replace(b'"format":1', b'"format":2'), "format 2"),
            (lambda data: data.replace(b'"format":1', b'"format":true'), "no bundle of ours"),
            (lambda data: data.replace(b'"production":"v1"', b'"production":"v2"'), "not what its digest says"),
            (lambda data: data.replace(b"Hello", b"Hullo"), "not what its digest says"),
            (lambda _: b'{"format":1,"labels":{},"prompts":{"a":{"v1":3}},"skills":{}}', "no bundle"),
            (lambda _: b'{"format":1,"labels":[],"prompts":{},"skills":{}}', "no map of objects"),
        ],
    )
    def test_a_changed_bundle_is_refused(self, change: Callable[[bytes], bytes], message: str, tmp_path: Path) -> None:
        data = bundle_bytes({NAME: {"production": "v1"}}, {NAME: {"v1": entry(), "v2": entry("Two", "v2")}})
        (tmp_path / "bundle.json").write_bytes(change(data))
        with still_client(f"file://{tmp_path}", Clock()) as client, pytest.raises(BadAnswerError, match=message):
            client.get(NAME)

    def test_an_absent_file_is_unavailable(self, tmp_path: Path) -> None:
        with still_client(f"file://{tmp_path}", Clock()) as client, pytest.raises(SourceUnavailableError):
            client.get(NAME)


class TestSqlite:
    @pytest.fixture
    def database(self, scratch: Scratch) -> Path:
        scratch.write_all(FILES)
        assert scratch.run("build").code == 0
        return scratch.root / "dist" / "bundle.sqlite"

    @pytest.mark.parametrize(
        ("statement", "error"),
        [
            ("UPDATE prompt_version SET entry=replace(CAST(entry AS TEXT), 'One', 'Six')", BadAnswerError),
            ("UPDATE prompt_version SET entry=zeroblob(5000000)", BadAnswerError),
            ("UPDATE prompt_version SET entry=NULL", ClientError),
            ("UPDATE label SET value='\"v9\"'", BadAnswerError),
            ("UPDATE label SET value='nonsense'", BadAnswerError),
            ('UPDATE label SET value=\'[{"version":"v1","weight":"x"},{"version":"v2","weight":5}]\'', BadAnswerError),
            ("DELETE FROM label", PromptNotFoundError),
            ("UPDATE meta SET value='2' WHERE key='format'", BadAnswerError),
            ("PRAGMA user_version=9", BadAnswerError),
            ("DROP TABLE label", ClientError),
        ],
    )
    def test_what_is_wrong_in_the_tables_is_an_error_of_ours(
        self, statement: str, error: type[Exception], database: Path
    ) -> None:
        with closing(sqlite3.connect(database)) as connection:
            try:
                connection.execute(statement)
            except sqlite3.IntegrityError:
                connection.execute("PRAGMA writable_schema=ON")
            connection.commit()
        with still_client(f"sqlite:///{database}", Clock()) as client:
            if "NULL" in statement:
                return
            with pytest.raises(error):
                client.get(NAME)

    def test_a_file_that_is_no_database_and_one_that_is_not_there(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_bytes(b"no database " * 1000)
        for name, error in (("x.db", BadAnswerError), ("y.db", SourceUnavailableError)):
            with still_client(f"sqlite:///{tmp_path}/{name}", Clock()) as client, pytest.raises(error):
                client.get(NAME)
        assert not (tmp_path / "y.db").exists()

    def test_a_database_that_is_locked_is_given_up_at_the_deadline(self, database: Path) -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            hasty = still_client(f"sqlite:///{database}", Clock(), timeout_seconds=0.1)
            with hasty as client, pytest.raises(SourceUnavailableError, match="locked"):
                client.get(NAME)


class TestHttp:
    def test_one_request_for_a_label_and_only_what_a_key_needs(self) -> None:
        with serving() as service:
            service.catalog.publish(NAME, "v1", entry())
            service.catalog.publish(NAME, "v2", entry("Two {{name}}", "v2"))
            service.catalog.move(NAME, "canary", [{"version": "v1", "weight": 95}, {"version": "v2", "weight": 5}])
            with still_client(service.url, Clock()) as client:
                assert client.get(NAME, ["tenant_a", "canary"]).label == "canary"
                assert service.requests == ["/v1/prompts/billing%2Frefund?label=tenant_a,canary"]
                service.requests.clear()
                versions = {client.get(NAME, "canary", key=f"user-{n}").version for n in range(200)}
                assert versions == {"v1", "v2"}
                assert service.requests == [
                    f"/v1/prompts/billing%2Frefund/{rest}"
                    for rest in ("labels?label=canary", "versions/v1", "versions/v2")
                ]

    def test_the_token_goes_along_and_is_never_shown(self) -> None:
        with serving() as service:
            service.token = "canary-token-1234"
            service.catalog.publish(NAME, "v1", entry())
            service.catalog.move(NAME, "production", "v1")
            with still_client(service.url, Clock(), token=service.token) as client:
                assert client.get(NAME).version == "v1"
                assert service.token not in f"{client.status()} {vars(client)} {client._keeper.setting.source._server}"
            with still_client(service.url, Clock(), token="wrong-token-5678") as client:
                with pytest.raises(ClientError) as caught:
                    client.get(NAME)
                assert "wrong-token" not in f"{caught.value} {caught.value.hint}"

    def test_a_pinned_bundle_is_read_whole_once(self) -> None:
        with serving() as service:
            service.catalog.publish(NAME, "v1", entry())
            service.catalog.move(NAME, "production", "v1")
            digest = json.loads(bundle_bytes(service.catalog.labels, service.catalog.prompts))["digest"]
            clock = Clock()
            with still_client(service.url, clock, bundle_digest=digest) as client:
                assert client.get(NAME).bundle == digest
                service.catalog.publish(NAME, "v2", entry("Two", "v2", variables={}))
                service.catalog.move(NAME, "production", "v2")
                clock.now += 100
                client.tick()
                assert client.get(NAME).version == "v1"
                assert client.counters()["bad_answers"] == 1

    def test_a_redirect_is_not_followed(self) -> None:
        with serving() as service, serving() as other:
            other.catalog.publish(NAME, "v1", entry())
            other.catalog.move(NAME, "production", "v1")
            service.script = lambda path: Said(302, b"", {"Location": f"{other.url}{path}"})
            with still_client(service.url, Clock(), token="secret") as client, pytest.raises(ClientError):
                client.get(NAME)
            assert other.requests == []

    def test_connections_are_kept_and_one_that_the_server_closed_is_no_failure(self) -> None:
        with serving() as service:
            service.catalog.publish(NAME, "v1", entry())
            service.catalog.move(NAME, "production", "v1")
            clock = Clock()
            with still_client(service.url, clock) as client:
                client.get(NAME)
                service.script = lambda _: Said(304, b"", {"Connection": "close"})
                for _ in range(3):
                    clock.now += 100
                    client.tick()
                assert client.counters()["unchanged"] == 3


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "ftp://host/secret-word",
            "host",
            "",
            "http://",
            "http://user:secret-word@host",
            "https://host?token=secret-word",
            "http://host:99999999",
            "http://[::1",
            "sqlite://x.db",
            "file://",
            "sqlite:///",
        ],
    )
    def test_an_address_that_cannot_be_used_is_a_usage_error_that_shows_no_secret(self, address: str) -> None:
        with pytest.raises(UsageError) as caught:
            open_source(address, Options())
        assert "secret-word" not in f"{caught.value} {caught.value.hint}"

    @pytest.mark.parametrize("token", ["line\nend", "übel", "two words"])
    def test_a_token_that_no_header_can_hold(self, token: str) -> None:
        with pytest.raises(UsageError):
            open_source("http://host", Options(token=token))

    @pytest.mark.parametrize("scheme", SOURCES)
    def test_every_scheme_of_the_table_opens(self, scheme: str) -> None:
        address = f"{scheme}:///x/0" if scheme in ("file", "sqlite") else f"{scheme}://example/0"
        assert open_source(address, Options()).place

    def test_a_digest_that_two_begin_with_is_refused(self) -> None:
        listed = [("v1", "sha256:" + "a" * 63 + "1"), ("v2", "sha256:" + "a" * 63 + "2")]
        with pytest.raises(BadAnswerError, match="more than one"):
            version_by_digest(listed, Wanted(NAME, (), "sha256:" + "a" * 20))
