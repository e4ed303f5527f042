"""People and MLflow's own program beside us: edits as its page makes them, fidelity, and how much is asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from mlflow_server import MlflowServer

from catalog_tool.backends.mlflow import MlflowBackend
from catalog_tool.backends.mlflow_api import IS_PROMPT, MlflowApi
from catalog_tool.backends.mlflow_memory import STATE_NAME, inventory_tag
from catalog_tool.backends.mlflow_prompts import version_tags
from catalog_tool.backends.mlflow_text import KIND, MODEL_CONFIG, RESPONSE_FORMAT, TEXT
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.model.addresses import LABEL, VERSION, label_address, parse_address, version_address
from catalog_tool.model.target import DONE, FAILED, Applied, Write
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, session, wanted
from catalog_tool.sync.conformance.samples import FIRST, Sample, put_version
from catalog_tool.sync.conformance.store import RUN, held
from catalog_tool.sync.live import fingerprint, scan_knowing
from catalog_tool.sync.markers import marker_text

pytest_plugins = ["services"]

V1, V2 = version_address("support/greet", "v1"), version_address("support/greet", "v2")
PRODUCTION = label_address("support/greet", "production")


class Counted(httpx.HTTPTransport):
    """Counts what is asked."""

    count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        return super().handle_request(request)


class Page:
    """What MLflow's page does to one prefix, by its own API and names."""

    def __init__(self, server: MlflowServer, prefix: str) -> None:
        self.prefix = prefix.replace("/", ".")
        self.transport = Counted()
        self.client = httpx.Client(base_url=f"{server.url}/", transport=self.transport)
        self.api = MlflowApi(self.client, server.url)
        self.backend = MlflowBackend(self.client, server.url, prefix, skills=server.has_skills)

    def connect(self, prefix: str = "") -> MlflowBackend:
        assert prefix == ""
        return self.backend

    def name(self, prompt: str) -> str:
        return self.prefix + prompt.replace("/", ".")

    def states(self, sample: Sample) -> dict[str, str]:
        desired = wanted(self.backend, sample)
        found = compare(desired, self.backend.load(), self.backend.scan())
        return {item.address: item.state.value for item in found.observed}

    def entry(self, address: str) -> dict[str, Any]:
        [item] = self.backend.scan({address})
        found: dict[str, Any] = json.loads(item.entry)
        assert fingerprint(address, item.entry).digest == found["digest"]
        return found


@pytest.fixture
def page(mlflow_server: MlflowServer) -> Iterator[Page]:
    made = Page(mlflow_server, mlflow_server.new_prefix())
    with closing(made.backend):
        yield made


@pytest.fixture
def synced(page: Page) -> Page:
    assert sync_target(session(page.backend), wanted(page.backend, FIRST), OPTIONS).status == "done"
    return page


def test_edits_of_a_text_and_of_its_settings_are_drift(synced: Page) -> None:
    api, name = synced.api, synced.name("support/greet")
    api.set_tag(name, 2, TEXT, "Be brief, {{name}}, in {{tone}}.")
    assert synced.states(FIRST) == {V2: "drifted"}
    found = synced.entry(V2)
    assert found["messages"] == [{"role": "system", "content": "Be brief, {{name}}, in {{tone}}."}]
    api.set_tag(name, 2, TEXT, "Be brief.\n")
    assert synced.states(FIRST) == {}
    api.set_tag(name, 1, MODEL_CONFIG, '{"model_name": "other", "temperature": 0.1, "top_k": 3, "seed": null}')
    api.set_tag(name, 2, RESPONSE_FORMAT, '{"type": "object", "properties": {"z": {}, "a": {}}}')
    assert synced.states(FIRST) == {V1: "drifted", V2: "drifted"}
    assert synced.entry(V1)["params"] == {"temperature": 0.1, "top_k": 3}
    assert synced.entry(V1)["model"] == {"name": "other", "x-limit": 2**53 - 1}
    assert synced.entry(V2)["order"] == {"/output_schema/properties": ["z", "a"]}


def test_the_same_json_spelled_differently_is_no_drift(synced: Page) -> None:
    name = synced.name("support/greet")
    [version] = [found for found in synced.api.versions(f"name = '{name}'") if found.number == 1]
    for key in (MODEL_CONFIG, RESPONSE_FORMAT):
        value = json.loads(version.tags[key])
        synced.api.set_tag(name, 1, key, json.dumps(value, indent=3, sort_keys=True))
    synced.api.set_tag(name, 1, "mlflow.prompt.associatedRunIds", "[1]")
    synced.api.set_model_tag(name, "_mlflow_experiment_ids", ",0,")
    assert synced.states(FIRST) == {}


def test_aliases_moved_made_and_deleted_are_named(synced: Page) -> None:
    name = synced.name("support/greet")
    synced.api.set_alias(name, "production", 2)
    synced.api.set_alias(name, "Champion", 1)
    synced.api.delete_alias(name, "staging")
    assert synced.states(FIRST) == {
        PRODUCTION: "drifted",
        label_address("support/greet", "staging"): "missing",
        label_address("support/greet", "Champion"): "unmanaged",
    }
    assert {found.entry for found in synced.backend.scan({PRODUCTION})} == {b'"v2"'}


def test_a_deleted_version_takes_its_aliases_along(synced: Page) -> None:
    synced.api.delete_version(synced.name("support/greet"), 2)
    staging = label_address("support/greet", "staging")
    assert synced.states(FIRST) == {V2: "missing", staging: "missing"}
    assert sync_target(session(synced.backend), wanted(synced.backend, FIRST), OPTIONS).status == "done"
    assert_holds(synced.backend, FIRST)


def test_copies_and_what_others_made_are_nobodys(synced: Page) -> None:
    name = synced.name("support/greet")
    first = next(found for found in synced.api.versions(f"name = '{name}'") if found.number == 1)
    synced.api.create_version(name, first.tags)
    synced.api.create_model(synced.name("copied"), {IS_PROMPT: "true"})
    synced.api.create_version(synced.name("copied"), first.tags)
    synced.api.create_model(synced.name("Their Prompt"), {IS_PROMPT: "true"})
    synced.api.create_version(synced.name("Their Prompt"), {TEXT: "Hi {{ name }}", KIND: "text"})
    assert synced.states(FIRST) == {
        version_address("support/greet", "v3"): "unmanaged",
        version_address("copied", "v1"): "unmanaged",
        version_address("Their Prompt", "v1"): "unmanaged",
    }
    theirs = synced.entry(version_address("Their Prompt", "v1"))
    assert theirs["variables"]["required"] == ["name"]
    assert theirs["template"] == "mustache"


def test_a_version_made_there_neither_takes_gits_next_name_nor_is_taken_for_it(synced: Page) -> None:
    name = synced.name("support/greet")
    synced.api.create_version(name, {TEXT: "EXPERIMENT", KIND: "text"})
    synced.api.set_alias(name, "production", 3)
    git = FIRST._replace(
        versions={**FIRST.versions, ("support/greet", "v3"): "Be very brief."},
        labels={**FIRST.labels, ("support/greet", "production"): "v3"},
    )  # fmt: skip
    desired = wanted(synced.backend, git)
    assert sync_target(session(synced.backend), desired, OPTIONS).status == "partial"
    with closing(
        MlflowBackend(synced.client, "there", synced.prefix, skills=synced.backend.capabilities.skills)
    ) as new:
        found = compare(desired, new.load(), scan_knowing(new, desired))
        assert {item.address: item.state.value for item in found.observed} == {
            PRODUCTION: "conflict", version_address("support/greet", "mlflow-3"): "unmanaged",
        }  # fmt: skip
        theirs = replace(OPTIONS, overwrite={PRODUCTION: "mlflow-3"})
        assert sync_target(session(new), desired, theirs).status == "done"
        texts = {found.number: found.tags[TEXT] for found in synced.api.versions(f"name = '{name}'")}
        assert (texts[3], texts[4]) == ("EXPERIMENT", "Be very brief.")
        model = synced.api.model(name)
        assert model is not None
        assert model.aliases["production"] == 4


def test_another_catalogs_prompt_is_foreign(synced: Page) -> None:
    owner = marker_text("others", V1, Applied("sha256:" + "0" * 64), None)
    synced.api.set_tag(synced.name("support/greet"), 1, "catalog.marker", owner)
    assert synced.states(FIRST) == {V1: "foreign"}


def test_a_model_of_that_name_is_never_touched(page: Page) -> None:
    page.api.create_model(page.name("support/greet"), {})
    result = sync_target(session(page.backend), wanted(page.backend, FIRST), OPTIONS)
    assert result.status == "partial"
    failed = {action.object: action.reason or "" for action in result.actions if action.outcome == "failed"}
    assert "no prompt" in failed[V1]
    assert page.api.versions(f"name = '{page.name('support/greet')}'") == []


def test_nonsense_in_our_tags_is_drift_and_no_crash(synced: Page) -> None:
    name = synced.name("support/greet")
    synced.api.set_tag(name, 1, "catalog.entry.0", "{not json")
    synced.api.set_tag(name, 2, "catalog.meta", "[")
    assert synced.states(FIRST) == {V1: "drifted", V2: "pending"}
    synced.api.set_tag(name, 2, "catalog.meta", "{}")
    synced.api.set_tag(name, 2, "catalog.version_id", "v2-000000000000")
    assert synced.states(FIRST)[V2] == "drifted"
    synced.api.set_tag(name, 2, KIND, "chat")
    assert synced.states(FIRST)[V2] == "drifted"


CHAT = [
    {"role": "system", "content": "Help {{name}}."},
    {"examples": [{"user": "Where?", "assistant": "Here."}]},
    {"placeholder": "history", "required": False},
    {
        "role": "user",
        "content": [{"type": "text", "text": "{{q}}"}, {"type": "image", "url": "https://a.example/{{i}}"}],
    },
    {"role": "assistant", "tool_calls": [{"id": "1", "name": "find", "arguments": {"q": "é"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "none"},
]


def chat_version(messages: list[Any], version: str = "v1", name: str = "chat") -> Write:
    """The step that creates a version of these messages."""
    parts = {
        "messages": messages, "model": {"name": "m", "provider": "p"}, "output_schema": {}, "params": {"stop": ["x"]},
        "template": "mustache", "tools": [], "variables": {},
    }  # fmt: skip
    digest = prompt_identity(parts).digest
    entry = canonical_bytes({**parts, "digest": digest, "version_id": version_id(version, digest), "meta": {}})
    return Write(version_address(name, version), None, entry, marker='{"m":1}', applied=Applied(digest))


def test_a_chat_comes_back_whole_and_its_edits_with_it(page: Page) -> None:
    backend, write = held(page.connect), chat_version(CHAT)
    assert backend.write([write], RUN)[0].outcome == DONE
    [live] = backend.scan({write.address})
    assert live.entry == write.entry
    [stored] = page.api.versions(f"name = '{page.name('chat')}'")
    shown = json.loads(stored.tags[TEXT])
    assert [message["role"] for message in shown] == ["system", "user", "assistant", "user", "assistant", "tool"]
    assert shown[3]["content"][1] == {"type": "image_url", "image_url": {"url": "https://a.example/{{i}}"}}
    assert shown[4]["tool_calls"][0]["function"] == {"name": "find", "arguments": '{"q": "é"}'}
    shown[0]["content"] = "Help {{name}} now."
    page.api.set_tag(page.name("chat"), 1, TEXT, json.dumps(shown))
    assert page.entry(write.address)["messages"] == [{**CHAT[0], "content": "Help {{name}} now."}, *CHAT[1:]]
    page.api.set_tag(page.name("chat"), 1, TEXT, json.dumps(shown[3:4]))
    assert page.entry(write.address)["messages"] == [CHAT[3]]


TEXTS = (
    "", " ", "one\r\ntwo\rthree\n", "end\n\n\n", "\ta\t", "naïve 東京 🙂 👩‍💻 cafe\u0301", "\ufeff\u200b\u2028\u00a0",
    "{{a}} {{{b}}} { {c} } {% d %}", "'q' \"q\" `q` \\n %s $1 <b> -- ;", "x" * 100_000, "東" * 100_000,
)  # fmt: skip


def test_every_text_comes_back_as_it_was(page: Page) -> None:
    backend = held(page.connect)
    writes = [put_version("texts", f"v{number}", text) for number, text in enumerate(TEXTS, 1)]
    for write in writes:
        assert backend.write([write], RUN)[0].outcome == DONE
    assert {live.address: live.entry for live in backend.scan()} == {write.address: write.entry for write in writes}


def test_deep_schemas_floats_and_big_integers_come_back(page: Page) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for depth in range(12):
        schema = {"type": "object", "properties": {f"z{depth}": schema, "a": {"minimum": -1e-7, "maximum": 2**53 - 1}}}
    entry = json.loads(put_version().entry or b"")
    parts = {**entry, "output_schema": schema, "params": {"temperature": 0.1 + 0.2, "seed": -(2**53 - 1)}}
    del parts["order"]
    identity = prompt_identity(parts)
    order = {"order": json.loads(identity.parts["order"])}
    claims = {"digest": identity.digest, "version_id": version_id("v1", identity.digest)}
    write = put_version()._replace(entry=canonical_bytes({**parts, **order, **claims}))
    backend = held(page.connect)
    assert backend.write([write], RUN)[0].outcome == DONE
    [live] = backend.scan({write.address})
    assert live.entry == write.entry
    assert fingerprint(live.address, live.entry).digest == identity.digest
    [stored] = page.api.versions(f"name = '{page.name('support/greet')}'")
    assert list(json.loads(stored.tags[RESPONSE_FORMAT])["properties"]) == ["z11", "a"]


def test_what_mlflow_would_change_is_refused_before_it_is_sent(page: Page) -> None:
    backend = held(page.connect)
    for write, words in (
        (put_version(text="x" * 100_001), "100,001"),
        (put_version()._replace(entry=(put_version(text="A").entry or b"").replace(b'"A"', b'"\\ud800"')), "canonical"),
        (put_version(text="a\0b"), "NUL"),
        (put_version("a" * 260), "MLflow takes 256"),
        (put_version("a.b"), "no place"),
    ):
        [found] = backend.write([write], RUN)
        assert (found.outcome, words in (found.message or "")) == (FAILED, True), found
    assert list(backend.scan()) == []


def test_meta_changes_by_itself(synced: Page) -> None:
    before = {live.address: live for live in synced.backend.scan()}[V2]
    held(synced.connect)
    entry = canonical_bytes({**json.loads(before.entry), "meta": {"description": "New."}})
    write = Write(V2, before.entry, entry, marker=before.marker, applied=Applied("x"))
    counted = synced.transport.count
    assert synced.backend.write([write], RUN)[0].outcome == DONE
    assert synced.transport.count - counted == 4  # look twice, one tag, the inventory
    assert synced.entry(V2)["meta"] == {"description": "New."}


def test_a_plan_of_a_thousand_prompts_asks_twice(mlflow_server: MlflowServer, page: Page) -> None:
    sample = Sample(
        {(f"many/p{number}", "v1"): f"Text {number}." for number in range(1000)},
        {(f"many/p{number}", "production"): "v1" for number in range(1000)},
    )
    desired = wanted(page.backend, sample)
    _fill(mlflow_server, page, desired.objects)
    before = page.transport.count
    assert plan_target(session(page.backend), desired, OPTIONS).status == "unchanged"
    assert page.transport.count - before <= 2


def _fill(server: MlflowServer, page: Page, objects: Any) -> None:
    """What a sync leaves there, put straight into the server's database: two thousand objects in a moment."""
    models, model_tags, aliases, versions, tags, inventory = [], [], [], [], [], []
    for address, item in objects.items():
        kind, name, part = parse_address(address)
        outer, applied = page.name(name), Applied(item.digest, item.meta)
        marker = marker_text("acme", address, applied, None)
        inventory.append(inventory_tag(address, applied))
        if kind == VERSION:
            models.append((outer,))
            model_tags.append((outer, IS_PROMPT, "true"))
            versions.append((outer, 1))
            made = {IS_PROMPT: "true", **version_tags(part, item.entry, marker)}
            tags.extend((outer, 1, key, value) for key, value in made.items())
        elif kind == LABEL:
            aliases.append((outer, part, 1))
            model_tags.append((outer, f"catalog.marker.{part}", marker))
    state = page.name(STATE_NAME)
    page.api.create_model(state, {})
    page.api.create_version(state, {"catalog.kind": "state", "catalog.store_id": "1", **dict(inventory)})
    with closing(sqlite3.connect(server.database, timeout=30)) as database, database:
        into = "INSERT INTO {} (workspace, {}) VALUES ('default', {})"
        for table, columns, rows in (
            ("registered_models", "name, creation_time, last_updated_time", [(*row, 1, 1) for row in models]),
            ("registered_model_tags", "name, key, value", model_tags),
            ("registered_model_aliases", "name, alias, version", aliases),
            ("model_versions", "name, version, source, current_stage, status, creation_time, last_updated_time",
             [(*row, "dummy-source", "None", "READY", 1, 1) for row in versions]),
            ("model_version_tags", "name, version, key, value", tags),
        ):  # fmt: skip
            marks = ", ".join("?" * (columns.count(",") + 1))
            database.executemany(into.format(table, columns, marks), rows)
