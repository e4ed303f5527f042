"""The langfuse backend beside people who use the platform: what they do is named, and their work is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import httpx
import pytest
from langfuse_server import PUBLIC, SECRET, LangfuseServer, Seen

from catalog_tool.backends.fitness import fitness
from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.backends.langfuse import connect as connect_langfuse
from catalog_tool.backends.langfuse_capabilities import CAPABILITIES
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.target import CHANGED, DONE, FAILED, Applied, Write
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.samples import FIRST, SECOND, put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, live
from catalog_tool.sync.markers import marker_text
from catalog_tool.sync.plan import PlanOptions
from catalog_tool.sync.wanted import WantedObject

from .langfuse_work import OPTIONS, Ui, desired, opened, sdk, session, states

GREET = "support/greet"
V1, V2, V3 = (f"prompts/{GREET}@v{number}" for number in (1, 2, 3))
PRODUCTION, STAGING = (f"labels/{GREET}@{label}" for label in ("production", "staging"))
OURS = (".catalog-state", ".catalog-inventory-0")


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def backend(server: LangfuseServer) -> Iterator[LangfuseBackend]:
    with closing(opened(server)) as backend:
        yield backend


@pytest.fixture
def synced(server: LangfuseServer, backend: LangfuseBackend) -> Ui:
    """The first sample is synced; somebody is at the UI."""
    assert sync_target(session(backend), desired(FIRST), OPTIONS).status == "done"
    return Ui(server)


def both(server: LangfuseServer) -> list[dict[str, str]]:
    """What a process that knows nothing sees, in each of the two ways of reading."""
    with closing(opened(server)) as fresh:
        known = states(fresh, FIRST)
    with closing(opened(server)) as fresh:
        wanted, state = desired(FIRST), fresh.load()
        plain = {item.address: item.state.value for item in compare(wanted, state, fresh.scan()).observed}
    return [known, plain]


@pytest.mark.usefixtures("synced")
def test_nothing_changed(server: LangfuseServer) -> None:
    assert both(server) == [{}, {}]


def test_a_text_edited_is_a_version_of_somebody(synced: Ui, server: LangfuseServer) -> None:
    number = synced.edit(GREET, 1, [{"role": "system", "content": "Be rude, {{name}}."}])
    assert both(server) == [{V3: "unmanaged"}] * 2
    synced.move(GREET, number, "production")
    assert both(server) == [{V3: "unmanaged", PRODUCTION: "drifted"}] * 2


def test_a_config_edited_is_a_version_of_somebody(synced: Ui, server: LangfuseServer, backend: LangfuseBackend) -> None:
    number = synced.edit(GREET, 1, None, "production", temperature=0.9)
    assert both(server) == [{V3: "unmanaged", PRODUCTION: "drifted"}] * 2
    entry = json.loads(live(backend)[V3].entry)
    assert entry["params"]["temperature"] == 0.9
    assert entry["params"]["seed"] == -(2**53 - 1)
    assert entry["digest"] == prompt_identity(entry).digest
    assert entry["version_id"].startswith("v3-")
    assert live(backend)[V3].by == "user-1"
    assert synced.at(GREET, "latest") == number


def test_a_copy_without_a_change_is_a_version_of_somebody(synced: Ui, server: LangfuseServer) -> None:
    synced.edit(GREET, 1)
    assert both(server) == [{V3: "unmanaged"}] * 2


def test_a_label_moved_is_drift(synced: Ui, server: LangfuseServer) -> None:
    synced.move(GREET, 2, "production")
    assert both(server) == [{PRODUCTION: "drifted"}] * 2


def test_a_version_deleted_is_missing_with_its_labels(synced: Ui, server: LangfuseServer) -> None:
    synced.delete(GREET, 2)
    assert both(server) == [{V2: "missing", STAGING: "missing"}] * 2


def test_a_version_deleted_and_made_anew_is_drift(synced: Ui, server: LangfuseServer) -> None:
    """The number of a deleted top version is given again; what has it now is not what was written."""
    synced.delete(GREET, 2)
    assert synced.edit(GREET, 1, [{"role": "user", "content": "other"}], "staging") == 2
    assert both(server) == [{V2: "drifted"}] * 2


def test_a_copied_prompt_is_somebodys(synced: Ui, server: LangfuseServer) -> None:
    one = synced.project.prompts[GREET].versions[1]
    synced.create("copy/of", one.prompt, "production", config=one.config)
    assert both(server) == [{"prompts/copy/of@v1": "unmanaged", "labels/copy/of@production": "unmanaged"}] * 2


def test_a_prompt_of_another_catalog_is_foreign(synced: Ui, server: LangfuseServer) -> None:
    owner = json.loads(marker_text("others", "prompts/theirs@v1", Applied("sha256:" + "0" * 64), None))
    synced.create("theirs", [{"role": "user", "content": "x"}], config={"catalog": owner})
    assert both(server) == [{"prompts/theirs@v1": "foreign"}] * 2


def test_our_state_edited_there_changes_nothing(synced: Ui, server: LangfuseServer, backend: LangfuseBackend) -> None:
    """The editor copies the config; the copy names what ours named, so it counts for nobody."""
    state = synced.project.prompts[OURS[0]].versions
    synced.edit(OURS[0], max(state), "something else")
    assert both(server) == [{}, {}]
    assert sync_target(session(backend), desired(SECOND), OPTIONS).status == "done"
    assert len(synced.project.prompts[OURS[0]].versions) <= 2


def test_taking_gits_side_restores_text_and_labels(
    synced: Ui, server: LangfuseServer, backend: LangfuseBackend
) -> None:
    synced.delete(GREET, 2)
    synced.edit(GREET, 1, [{"role": "user", "content": "other"}], "staging")
    [found] = list(backend.scan({V2}))
    told = json.loads(found.entry)["digest"]
    assert sync_target(session(backend), desired(FIRST), PlanOptions(overwrite={V2: told})).status == "done"
    assert both(server) == [{}, {}]
    number = synced.at(GREET, "staging")
    assert number is not None
    assert synced.texts(GREET)[number] == [{"role": "system", "content": "Be brief.\n"}]


@pytest.mark.usefixtures("synced")
def test_latest_and_tags_are_never_written(server: LangfuseServer, backend: LangfuseBackend) -> None:
    sync_target(session(backend), desired(SECOND), OPTIONS)
    for seen in server.seen:
        body = seen.body or {}
        assert "latest" not in [*body.get("labels", []), *body.get("newLabels", [])]
        assert "tags" not in body or body["name"].startswith(".catalog-")
        assert seen.query.get("version") != "0"
        assert seen.method != "DELETE" or int(seen.query["version"]) >= 1


def test_requests_and_answers_are_the_sdks(synced: Ui, server: LangfuseServer) -> None:
    types = sdk("prompts.types")
    posted = [seen.body for seen in server.seen if seen.method == "POST"]
    assert posted
    for body in posted:
        model = types.CreateChatPromptRequest if body["type"] == "chat" else types.CreateTextPromptRequest
        assert sdk("core.pydantic_utilities").parse_obj_as(model, body).commit_message
    with httpx.Client() as client:
        api = sdk("client").LangfuseAPI(base_url=server.url, username=PUBLIC, password=SECRET, httpx_client=client)
        listed, state = api.prompts.list(), api.prompts.get(OURS[0], label="latest")
        one = api.prompts.get("support%2Fgreet", version=1)
    assert {row.name for row in listed.data} == {GREET, "review", *OURS}
    assert isinstance(one, types.Prompt_Chat)
    assert str(one.commit_message).startswith("catalog: v1 sha256:")
    assert isinstance(state, types.Prompt_Text)
    assert "catalog-tool" in state.prompt
    assert synced.at(GREET, "production") == 1


def test_the_state_is_pruned_and_never_wholly(synced: Ui, backend: LangfuseBackend) -> None:
    for sample in (SECOND, SECOND, SECOND):
        sync_target(session(backend), desired(sample), OPTIONS)
    assert [len(synced.project.prompts[name].versions) for name in OURS] == [2, 2]


def parts(**changed: object) -> dict[str, object]:
    return {
        "messages": [{"role": "system", "content": "x"}], "model": {}, "output_schema": {}, "params": {},
        "template": "none", "tools": [], "variables": {},
    } | changed  # fmt: skip


def put(parts: dict[str, object], name: str = "odd", version: str = "v1") -> Write:
    digest = prompt_identity(parts).digest
    entry = {**parts, "digest": digest, "version_id": version_id(version, digest), "meta": {}}
    return Write(f"prompts/{name}@{version}", None, canonical_bytes(entry), marker='{"m":1}', applied=Applied(digest))


def deep(levels: int) -> dict[str, object]:
    found: dict[str, object] = {"type": "string"}
    for _ in range(levels):
        found = {"type": "object", "properties": {"b": found, "a": {"type": "number"}}}
    return found


FIDELITY = {
    "line ends": parts(messages=[{"role": "user", "content": "a\r\nb\rc\n\n\n\t \u2028\x0b\x85"}]),
    "unicode": parts(messages=[{"role": "user", "content": "naïve cafe\u0301 東京 👩\u200d💻 \ufeff\u202e"}]),
    "braces": parts(messages=[{"role": "user", "content": "{{ {{{x}}} {{> p}} }} \\n \"q\" %s $1 </script>"}]),
    "references": parts(messages=[{"role": "user", "content": "@@@langfusePrompt:name=x@@@ @@@ @@@"}]),
    "empty": parts(messages=[{"role": "assistant", "content": ""}]),
    "no messages": parts(messages=[]),
    "floats": parts(params={"a": 0.1 + 0.2, "b": 1.7976931348623157e308, "c": 5e-324, "d": 1e21, "e": 1e-7, "f": 2.5}),
    "integers": parts(params={"a": 2**53 - 1, "b": -(2**53 - 1), "z": 0, "10": 1, "9": [1, None, True, {}]}),
    "deep schema": parts(output_schema=deep(12), order={"/output_schema/properties": ["b", "a"]}),
    "reserved words": parts(params={"model": "x", "tools": 1, "catalog": {"a": 1}, "catalog_entry": None}),
    "tool calls": parts(
        messages=[
            {"role": "assistant", "tool_calls": [{"id": "c1", "name": "find", "arguments": {"q": 0.1}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
            {"role": "user", "name": "al", "content": [{"type": "text", "text": "s"}, {"type": "image", "url": ""}]},
            {"examples": [{"user": "hi", "assistant": "ho"}]},
            {"placeholder": "history", "required": False},
            {"role": "developer", "content": "d"},
        ],
        model={"provider": "openai", "name": "m", "x": 0.30000000000000004},
        tools=[{"name": "find", "parameters": deep(3), "strict": True}],
        template="mustache",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FIDELITY))
def test_what_is_written_is_read_back_with_the_same_digest(server: LangfuseServer, name: str) -> None:
    write = put(FIDELITY[name])
    with closing(opened(server)) as backend:
        backend.take_lease(LEASE)
        assert [found.outcome for found in backend.write([write], RUN)] == [DONE]
    with closing(opened(server)) as fresh:
        found = live(fresh)[write.address]
    assert (found.entry, found.marker) == (write.entry, '{"m":1}')
    assert fitness(CAPABILITIES)(write.address, write.entry) is None


REFUSED = {
    "NUL": parts(messages=[{"role": "user", "content": "a\0b"}]),
    "__proto__": parts(output_schema={"properties": {"__proto__": {"type": "string"}}}),
    "a placeholder's name": parts(messages=[{"placeholder": "chat-history", "required": True}]),
    "a megabyte": parts(messages=[{"role": "user", "content": '"' * 600_000}]),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_stored_is_never_sent(server: LangfuseServer, backend: LangfuseBackend, name: str) -> None:
    backend.take_lease(LEASE)
    server.forget()
    write = put(REFUSED[name])
    [found] = backend.write([write], RUN)
    assert (found.outcome, bool(found.message)) == (FAILED, True)
    assert "odd" not in server.project.prompts
    assert not [seen for seen in server.seen if seen.method == "POST" and (seen.body or {}).get("name") == "odd"]
    assert fitness(CAPABILITIES)(write.address, write.entry) is not None


@pytest.mark.parametrize("name", ["..", ".", "new", "a|b", "a//b", "x" * 256, "<b>x"])
def test_names_that_cannot_be_addressed_are_refused(
    server: LangfuseServer, backend: LangfuseBackend, name: str
) -> None:
    backend.take_lease(LEASE)
    [found] = backend.write([put(parts(), name)], RUN)
    assert found.outcome == FAILED
    assert set(server.project.prompts) <= set(OURS)


def test_a_split_label_and_a_label_that_goes_are_refused(backend: LangfuseBackend) -> None:
    backend.take_lease(LEASE)
    done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
    split = put_label([{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}], seen="v1")
    latest, going = put_label("v1", "latest"), Write(PRODUCTION, b'"v1"')
    assert [found.outcome for found in backend.write([split, latest, going], RUN)] == [FAILED] * 3
    assert live(backend)[PRODUCTION].entry == b'"v1"'


def test_a_prompt_that_is_a_text_there_stays_one(server: LangfuseServer, backend: LangfuseBackend) -> None:
    Ui(server).create(GREET, "Hello {{name}}", kind="text")
    backend.take_lease(LEASE)
    fits = put(parts(messages=[{"role": "system", "content": "Be brief.\n"}]), GREET, "v2")
    not_fits = put(parts(messages=[{"role": "user", "content": "x"}]), GREET, "v3")
    written = backend.write([fits, not_fits], RUN)
    assert [found.outcome for found in written] == [DONE, FAILED]
    assert "a type stays until the prompt is deleted there whole" in (written[1].message or "")
    assert live(backend)[V2].entry == fits.entry
    found = json.loads(live(backend)[V1].entry)
    assert found["messages"] == [{"role": "system", "content": "Hello {{name}}"}]
    assert found["variables"]["required"] == ["name"]


def test_a_version_that_others_need_is_not_deleted(server: LangfuseServer, backend: LangfuseBackend) -> None:
    backend.take_lease(LEASE)
    child = put_version("child", text="c")
    done(backend, child)
    server.project.prompts["child"].type = "text"
    Ui(server).create("parent", "see @@@langfusePrompt:name=child|version=1@@@", kind="text")
    [found] = backend.write([Write(child.address, child.entry)], RUN)
    assert (found.outcome, "depending" in str(found.message)) == (FAILED, True)


def test_two_at_once_take_the_lease_once(server: LangfuseServer) -> None:
    """Both read the same state; the second to write finds the first before it."""
    with closing(opened(server)) as one, closing(opened(server)) as two:
        raced: list[str] = []

        def fault(seen: Seen) -> None:
            if seen.method == "POST":
                server.fault = lambda _: None
                raced.append(two.take_lease(LEASE._replace(token="other")).token)

        server.fault = fault
        assert one.take_lease(LEASE).token == "other"
        assert raced == ["other"]
        assert (one.load().lease or LEASE).token == "other"


def test_a_database_that_is_down_is_never_an_empty_project(server: LangfuseServer, backend: LangfuseBackend) -> None:
    server.database_down = True
    for look in (
        backend.load,
        lambda: list(backend.scan()),
        lambda: list(backend.scan({V1})),
        lambda: backend.take_lease(LEASE),
    ):
        with pytest.raises(UnavailableError):
            look()


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"secret_key": "sk-lf-other"}, RefusedError, "public_key and secret_key"),
        ({"url": "{url}/elsewhere"}, BackendError, "without a path"),
        ({"url": "ftp://x"}, UsageError, "https://"),
        ({"url": "https://a:b@x"}, UsageError, "secret_key"),
        ({"prefix": "/x"}, UsageError, "staging/"),
        ({"color": "red"}, UsageError, "prefix"),
    ],
)
def test_wrong_settings_say_what_is_wrong(
    server: LangfuseServer, settings: dict[str, str], error: type[BackendError], said: str
) -> None:
    given = {"url": server.url, "public_key": PUBLIC, "secret_key": SECRET} | settings
    given["url"] = given["url"].format(url=server.url)
    with pytest.raises(error) as raised, closing(connect_langfuse(given)) as backend:
        backend.load()
    assert said in raised.value.hint
    assert SECRET not in str(raised.value) + raised.value.hint


def test_the_sdks_variables_stand_for_settings(server: LangfuseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="needs url"):
        connect_langfuse({})
    for name, value in (("HOST", server.url), ("PUBLIC_KEY", PUBLIC), ("SECRET_KEY", SECRET)):
        monkeypatch.setenv(f"LANGFUSE_{name}", value)
    with closing(connect_langfuse({})) as backend:
        assert live(backend) == {}
        assert backend.place() == f"{server.url} {PUBLIC}"
    with pytest.raises(UsageError, match=r"not for https://elsewhere\.example"):  # the key stays with its host
        connect_langfuse({"url": "https://elsewhere.example"})


def test_a_version_that_points_nowhere_is_not_labelled(backend: LangfuseBackend) -> None:
    backend.take_lease(LEASE)
    assert [found.outcome for found in backend.write([put_label("v7")], RUN)] == [CHANGED]


def test_prompts_that_nobody_can_address_are_passed_over(synced: Ui, server: LangfuseServer) -> None:
    for name in (".", ".."):
        synced.create(name, "x", kind="text")
    assert both(server) == [{}, {}]


def test_catalogs_in_one_project_do_not_see_each_others_state(server: LangfuseServer) -> None:
    with closing(opened(server)) as plain, closing(opened(server, "team-a/")) as other:
        assert sync_target(session(other), desired(FIRST), OPTIONS).status == "done"
        assert all(address.partition("/")[2].startswith("team-a/") for address in live(plain))
        assert ".catalog" not in " ".join(live(plain))


def test_a_prompt_that_was_there_is_adopted(server: LangfuseServer, backend: LangfuseBackend) -> None:
    """Equal to git's: it becomes ours as it is, and metadata of git's is kept beside it."""
    Ui(server).create("old", "Hello {{name}}", "production", kind="text", config={"model": "m"})
    [live_one] = list(backend.scan({"prompts/old@v1"}))
    entry = json.loads(live_one.entry) | {"meta": {"description": "Greets."}}
    wanted = dict(desired(FIRST).objects)
    digest = entry["digest"]
    wanted["prompts/old@v1"] = WantedObject("prompts/old@v1", digest, canonical_bytes(entry))
    wanted["labels/old@production"] = WantedObject("labels/old@production", '"v1"', b'"v1"')
    git = replace(desired(FIRST), objects=wanted)
    result = sync_target(session(backend), git, OPTIONS)
    assert result.status == "done"
    assert {action.state.value for action in result.actions if "/old@" in action.object} == {"adopt"}
    assert list(server.project.prompts["old"].versions) == [1]
    with closing(opened(server)) as fresh:
        assert plan_target(session(fresh), git, OPTIONS).status == "unchanged"
        assert live(fresh)["prompts/old@v1"].entry == canonical_bytes(entry)


def test_a_number_that_somebody_has_is_not_in_the_way_and_the_label_on_it_is(
    server: LangfuseServer, backend: LangfuseBackend
) -> None:
    Ui(server).create(GREET, [{"role": "user", "content": "mine"}], "production")
    result = sync_target(session(backend), desired(FIRST), OPTIONS)
    found = {action.object: action.state.value for action in result.actions if action.outcome == "skipped"}
    assert (result.status, found) == ("partial", {f"labels/{GREET}@production": "collision"})
    assert server.project.prompts[GREET].versions[1].prompt == [{"role": "user", "content": "mine"}]
    assert Ui(server).at(GREET, "production") == 1
    assert states(backend, FIRST) == {
        f"labels/{GREET}@production": "collision", f"prompts/{GREET}@langfuse-1": "unmanaged",
    }  # fmt: skip


def test_a_read_that_was_begun_is_not_believed_after_a_write(backend: LangfuseBackend) -> None:
    backend.take_lease(LEASE)
    backend.load()
    done(backend, put_version(), put_label("v1"))
    assert {item.marker for item in backend.scan()} == {'{"m":1}', '{"m":2}'}
