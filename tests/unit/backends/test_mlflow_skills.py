"""Skills in MLflow's skill registry, where the server has one; and what a server without one says."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow_server import MlflowServer

from catalog_tool.backends.mlflow import MlflowBackend
from catalog_tool.backends.mlflow_skills import LACKING, organization_of
from catalog_tool.canonical.interop import mlflow_digest
from catalog_tool.model.addresses import skill_address
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, session, wanted
from catalog_tool.sync.conformance.samples import FIRST, SKILL_FILES, Sample, put_skill
from catalog_tool.sync.conformance.store import RUN, held

pytest_plugins = ["services"]

PDF = skill_address("pdf")
TWO = {("greet", "v1"): "Be brief.", ("greet", "v2"): "Be warm."}
SAMPLE = Sample({("greet", "v1"): "Be brief."}, {}, FIRST.skills)


class Registry:
    """The skill registry by its own API, in the organization of one prefix; counts what our backend asks."""

    def __init__(self, server: MlflowServer, prefix: str) -> None:
        self.count = 0
        self.client = httpx.Client(base_url=f"{server.url}/", event_hooks={"request": [self._count]})
        self.url, self.prefix = server.url, prefix
        self.backend = MlflowBackend(self.client, server.url, prefix)
        self.organization = organization_of(prefix)
        self.path = f"api/3.0/mlflow/skills/@{self.organization}/pdf"

    def _count(self, _: httpx.Request) -> None:
        self.count += 1

    def connect(self, prefix: str = "") -> MlflowBackend:
        assert prefix == ""
        return self.backend

    def ask(self, method: str, path: str, **content: Any) -> Any:
        return self.client.request(method, self.path + path, **content).raise_for_status().json()

    def register(self, files: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        digest = mlflow_digest(files.items()).removeprefix("sha256:")
        metadata = json.dumps({"name": "pdf", "organization": self.organization, "digest": digest, "status": "active"})
        parts = {"metadata": (None, metadata), "content": ("content.tar.gz", buffer.getvalue(), "application/gzip")}
        self.ask("POST", "/versions", files=parts)

    def states(self) -> dict[str, str]:
        desired = wanted(self.backend, SAMPLE)
        found = compare(desired, self.backend.load(), self.backend.scan())
        return {item.address: item.state.value for item in found.observed}


@pytest.fixture
def registry(mlflow_server: MlflowServer) -> Iterator[Registry]:
    made = Registry(mlflow_server, mlflow_server.new_prefix())
    with closing(made.backend):
        yield made


@pytest.fixture
def synced(registry: Registry, mlflow_server: MlflowServer) -> Registry:
    if not mlflow_server.has_skills:
        pytest.skip("THIS MLFLOW HAS NO SKILL REGISTRY: install 3.18 or newer, or name its program as CATALOG_MLFLOW")
    assert sync_target(session(registry.backend), wanted(registry.backend, SAMPLE), OPTIONS).status == "done"
    return registry


def test_a_server_without_the_registry_says_so(registry: Registry, mlflow_server: MlflowServer) -> None:
    if mlflow_server.has_skills:
        pytest.skip("this MLflow has a skill registry")
    result = sync_target(session(registry.backend), wanted(registry.backend, FIRST), OPTIONS)
    assert result.status == "partial"
    failed = {action.object: action.reason for action in result.actions if action.outcome == "failed"}
    assert failed == {PDF: LACKING}
    prompts = FIRST._replace(skills={})
    assert plan_target(session(registry.backend), wanted(registry.backend, prompts), OPTIONS).status == "unchanged"


@pytest.mark.usefixtures("synced")
def test_the_first_skill_of_a_target_is_seen_at_once(mlflow_server: MlflowServer) -> None:
    other = Registry(mlflow_server, mlflow_server.new_prefix())
    with closing(other.backend) as backend:
        sync_target(session(backend), wanted(backend, SAMPLE._replace(skills={})), OPTIONS)
        assert sync_target(session(backend), wanted(backend, SAMPLE), OPTIONS).status == "done"
        assert PDF in {live.address for live in backend.scan()}


def test_a_skill_that_only_the_inventory_lacks_is_seen(synced: Registry) -> None:
    """A sync that broke off between a skill and the inventory: later ones remember prompts, and still look for it."""
    sync_target(session(synced.backend), wanted(synced.backend, SAMPLE._replace(versions=TWO)), OPTIONS)
    synced.backend._memory.remember(PDF, None)
    with closing(Registry(MlflowServer(synced.url, Path(), has_skills=True), synced.prefix).backend) as fresh:
        assert plan_target(session(fresh), wanted(fresh, SAMPLE._replace(versions=TWO)), OPTIONS).status == "unchanged"


def test_a_plan_compares_digests_and_downloads_nothing(synced: Registry) -> None:
    before = synced.count
    assert plan_target(session(synced.backend), wanted(synced.backend, SAMPLE), OPTIONS).status == "unchanged"
    assert synced.count - before == 4
    version = synced.ask("GET", "/aliases/latest")
    assert f"sha256:{version['digest']}" == mlflow_digest(SKILL_FILES.items())


def test_what_others_register_is_drift_and_can_be_pulled(synced: Registry) -> None:
    edited = {**SKILL_FILES, "SKILL.md": b"---\nname: pdf\ndescription: Other.\n---\n"}
    synced.register(edited)
    assert synced.states() == {PDF: "drifted"}
    assert {path: data for path, (_, data) in synced.backend.contents(PDF).items()} == edited
    synced.register(dict(SKILL_FILES))
    assert synced.states() == {}


def test_content_that_mlflow_does_not_hold_is_drift(synced: Registry) -> None:
    source = {"source_type": "git", "source": "https://git.example.org/skills.git", "ref": "main"}
    synced.ask("POST", "/versions", json={**source, "digest": "0" * 64, "status": "active"})
    assert synced.states() == {PDF: "drifted"}


def test_a_version_taken_back_or_deleted_is_named(synced: Registry) -> None:
    synced.ask("PATCH", "/versions/1", json={"status": "draft"})
    synced.ask("DELETE", "/versions/1")
    assert synced.states() == {PDF: "missing"}
    assert sync_target(session(synced.backend), wanted(synced.backend, SAMPLE), OPTIONS).status == "done"
    assert_holds(synced.backend, SAMPLE)
    synced.client.delete(synced.path).raise_for_status()
    assert synced.states() == {PDF: "missing"}


def test_a_crash_between_tags_and_content_leaves_nothing_unknown(synced: Registry) -> None:
    second = put_skill(files={"SKILL.md": b"---\nname: pdf\ndescription: New.\n---\n"})
    digest = mlflow_digest((second.contents or {}).items()).removeprefix("sha256:")
    key = f"catalog.entry.{digest[:32]}.0"
    synced.ask("POST", "/tags", json={"key": key, "value": (second.entry or b"").decode()})
    assert synced.states() == {}
    synced.register(dict(second.contents or {}))
    assert synced.states() == {PDF: "drifted"}
    [live] = synced.backend.scan({PDF})
    assert live.entry == second.entry


def test_names_that_the_registry_does_not_take_are_refused(synced: Registry) -> None:
    for name in ("plugin:pdf", "a" * 65):
        [found] = held(synced.connect).write([put_skill(name)], RUN)
        assert found.outcome == "failed"


@pytest.mark.parametrize(
    ("prefix", "organization"),
    [("", ""), ("staging/", "staging"), ("a/b-c/", "a.b-c"), ("e0-", None), ("A/", None), ("a--b/", None)],
)
def test_a_prefix_is_an_organization(prefix: str, organization: str | None) -> None:
    found = organization_of(prefix)
    if organization is None:
        assert found.startswith("prefix-")
        assert len(found) <= 64
    else:
        assert found == organization
