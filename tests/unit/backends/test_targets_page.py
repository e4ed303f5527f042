"""docs/targets.md says what the backends do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import catalog_tool
from catalog_tool.backends import file, postgres, redis_keys, redis_reading, sql_postgres, sqlite
from catalog_tool.backends import redis as redis_backend
from catalog_tool.backends.file_folder import EVIDENCE, LOCK, OBJECTS, POINTER, TRAIL, UNFINISHED
from catalog_tool.backends.redis_server import URL_VARIABLE
from catalog_tool.backends.stored import NAME_BYTES
from catalog_tool.client.sources import SOURCES
from catalog_tool.errors import UnavailableError
from catalog_tool.sync.conformance.samples import put_version
from catalog_tool.sync.conformance.store import RUN, done, held, live

DOCS = Path(catalog_tool.__file__).parent / "docs"
PAGE = (DOCS / "targets.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_there_is_a_section_for_each() -> None:
    backends = [file.CAPABILITIES, sqlite.CAPABILITIES, postgres.CAPABILITIES, redis_backend.CAPABILITIES]
    assert list(SECTIONS) == [*(found.backend for found in backends), "memory"]
    assert f"{NAME_BYTES:,} bytes" in PAGE


@pytest.mark.parametrize(
    ("backend", "setting"), [("file", "path"), ("sqlite", "path"), ("postgres", "url"), ("redis", "url")]
)
def test_every_setting_has_its_row_and_its_client(backend: str, setting: str) -> None:
    assert re.search(rf"^\| `{setting}` \| [^|]+ \| [^|]+ \|$", SECTIONS[backend], re.MULTILINE)
    schemes = {"postgres": "postgresql"}
    scheme = schemes.get(backend, backend)
    assert scheme in SOURCES
    assert f"Client: `{scheme}://" in SECTIONS[backend]


def test_the_store_for_tests_is_used_as_shown() -> None:
    [code] = re.findall(r"```python\n(.+?)```", SECTIONS["memory"], re.DOTALL)
    shown: dict[str, Any] = {}
    exec(code, shown)
    assert held(lambda prefix: shown["staging" if prefix else "backend"]).load().lease is not None
    done(shown["backend"], put_version())
    assert set(live(shown["unlucky"])) == {put_version().address}
    with pytest.raises(UnavailableError, match="the answer was lost"):
        shown["unlucky"].write([put_version("lost")], RUN)
    assert len(live(shown["backend"])) == 2
    assert live(shown["staging"]) == {}


def test_where_things_are_is_said() -> None:
    for name in (POINTER, OBJECTS, TRAIL, LOCK, UNFINISHED, EVIDENCE):
        assert f"| `{name}" in SECTIONS["file"]
    keys = {*redis_keys.OBJECTS.values(), *redis_keys.MARKERS.values(), redis_keys.META, redis_keys.FILE}
    keys |= {redis_keys.GENERATION, redis_keys.EVENT, redis_keys.MOVED}
    keys |= {key("PREFIX") for key in (redis_keys.inventory_key, redis_keys.control_key, redis_keys.lease_key)}
    assert {key for key in keys if f"`{key}`" not in SECTIONS["redis"]} == set()
    for table in ("inventory", "control", "lease", "generation", "label_event", "evidence"):
        assert f"`{table}`" in SECTIONS["sqlite"]
    assert f"schema `{sql_postgres.SCHEMA}`" in SECTIONS["postgres"]


def test_what_roles_need_is_what_the_tests_run() -> None:
    for grants in (sql_postgres.WRITER_GRANTS, sql_postgres.READER_GRANTS):
        assert f"```sql\n{grants.format(role='NAME').strip()}\n```" in SECTIONS["postgres"]
    for acl in (redis_keys.WRITER_ACL, redis_keys.READER_ACL):
        assert f"```text\n{acl.format(user='NAME', password='SECRET').strip()}\n```" in SECTIONS["redis"]


def test_where_news_are_told_and_how_much_is_read_at_once() -> None:
    assert f"`{postgres.CHANNEL}`" in SECTIONS["postgres"]
    assert f"`{redis_keys.channel(0).removesuffix('0')}DATABASE`" in SECTIONS["redis"]
    assert f"files come {redis_reading.FILES_AT_ONCE} a request" in SECTIONS["redis"]
    assert f"`{URL_VARIABLE}`" in SECTIONS["redis"]
    assert f"{redis_backend.CAPABILITIES.batch:,} versions is one transaction" in SECTIONS["redis"]
    assert file.GRACE_SECONDS == 3600
    assert "an hour after" in SECTIONS["file"]


def test_links_lead_somewhere() -> None:
    for target, anchor in re.findall(r"\]\(([a-z-]+\.md)?(#[a-z]+)?\)", PAGE):
        assert not target or (DOCS / target).is_file()
        assert not anchor or anchor.removeprefix("#") in SECTIONS
