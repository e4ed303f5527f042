"""The pages: what they show, to whom, and that nothing that is shown becomes anything but text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served_prompts import entry, until, write_bundle
from soak import SOAK

import catalog_tool
from catalog_tool.backends.audit import Move, chained
from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.canonical.identity import SkillFile, prompt_identity, skill_digest
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.errors import UnavailableError
from catalog_tool.model.addresses import version_address
from catalog_tool.model.target import Applied, Live, Run, Write
from catalog_tool.server.access import ANYBODY, Guard
from catalog_tool.server.app import App
from catalog_tool.server.holdings import hold
from catalog_tool.server.metrics import Board
from catalog_tool.server.origin import BundleOrigin, Origin, StoreOrigin
from catalog_tool.server.pages import ROWS
from catalog_tool.server.pages_html import el, flat, join, text
from catalog_tool.server.pages_shell import AT_ONCE, bearer_of, skill_url
from catalog_tool.server.pages_skills import SkillText, skill_body, skill_rows
from catalog_tool.server.pages_trail import SHOWN, sorted_trail, trail_section
from catalog_tool.server.routes import NAMES
from catalog_tool.server.service import Contents, Parts, Service
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import done, held

from .desk import GREET, Desk, InProcess, desk, filled
from .page_reader import Page, read_page

PROMPT = f"/ui/prompts/{GREET}"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`&amp;<!-- </title></style></pre>"
UNSEEN = "a\u202eb\u200bc\U000e0041\x1b[31m\x85"


def page_of(found: Desk, path: str, status: int = 200, **asked: Any) -> Page:
    """A page, read as every page is."""
    answer = found.get(path, **asked)
    assert answer.status_code == status, answer.text
    return read_page(answer)


def put_parts(name: str, version: str, parts: dict[str, Any], **meta: Any) -> Write:
    """The step that creates a version of any parts at all."""
    whole = {"messages": [], "model": {}, "output_schema": {}, "params": {}, "template": "mustache", "tools": [],
             "variables": {}, **parts}  # fmt: skip
    digest = prompt_identity(whole).digest
    entry = canonical_bytes({**whole, "digest": digest, "version_id": version_id(version, digest), "meta": meta})
    return Write(version_address(name, version), None, entry, marker='{"m":1}', applied=Applied(digest, ""))


def store_of(*writes: Write) -> MemoryStore:
    """A store that holds just this."""
    store = MemoryStore()
    backend = held(lambda prefix="": MemoryBackend(store, prefix))
    done(backend, *writes)
    backend.drop_lease("token-1")
    return store


def basic(secret: str, user: str = "me") -> dict[str, str]:
    """What a browser sends."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}


# What is shown ------------------------------------------------------------------------------------


def test_the_list_names_prompts_versions_labels_and_skills(open_desk: Desk) -> None:
    found = page_of(open_desk, "/")
    assert found.title == "Prompts · catalog"
    for said in (
        GREET,
        "review",
        "2 prompts",
        "Hello",
        "canary v1 60\u00a0%, v2 40\u00a0%",
        "production v1",
        "1 skill",
    ):
        assert (said in found.text) is (said != "Hello"), said
    assert {PROMPT, f"{PROMPT}?version=v2", "/ui/skills/pdf", "/ui/skills"} <= set(found.links)


def test_a_search_finds_every_word_anywhere(open_desk: Desk) -> None:
    for query, shown in (("GREET", True), ("greet STAGING", True), ("greet nowhere", False), ("review", False)):
        found = page_of(open_desk, f"/?{urlencode({'q': query})}")
        assert (PROMPT in found.links) is shown
        assert query in found.text
    assert "/ui/skills/pdf" in page_of(open_desk, "/?q=pdf").links
    assert "/ui/skills/pdf" in page_of(open_desk, "/ui/skills?q=forms").links
    assert "/ui/skills/pdf" not in page_of(open_desk, "/ui/skills?q=other").links


def test_a_long_list_has_pages(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(ROWS + 1)]
    with desk(tmp_path, store=store_of(*(put_version(name, text="x") for name in names))) as found:
        first, second = page_of(found, "/?q=p"), page_of(found, "/?q=p&page=2")
        assert sum(link.startswith("/ui/prompts/") for link in set(first.links)) == 2 * ROWS
        assert sum(link.startswith("/ui/prompts/") for link in set(second.links)) == 2
        assert "/?q=p&page=2" in first.links
        assert "/?q=p&page=1" in second.links
        assert "not that long" in page_of(found, "/?page=3").text


def test_a_prompt_with_its_labels_versions_and_content(open_desk: Desk) -> None:
    found = page_of(open_desk, PROMPT)
    for said in (
        "Greets.",
        "team-support",
        "production",
        "Content of v1",
        "Hello {{name}}.",
        "temperature 0.1",
        "find",
    ):
        assert said in found.text
    assert f"{PROMPT}/diff?from=v1&to=v2" in found.links
    [compare] = [chosen for action, chosen in found.choices if action == f"{PROMPT}/diff"]
    assert compare == [[("v2", ""), ("v1", "selected")], [("v2", "selected"), ("v1", "")]]
    assert "Hi {{name}}." in page_of(open_desk, f"{PROMPT}?version=v2").text


def test_who_moved_a_label_when_and_why(guarded_desk: Desk) -> None:
    writer = guarded_desk.bearer("read", "write")
    before = page_of(guarded_desk, PROMPT, headers=writer)
    body = {"labels": {"production": "v2"}, "generation": 3, "reason": f"canary is good {EVIL[:40]}"}
    assert guarded_desk.put(f"/v1/prompts/{GREET}/labels", json=body, headers=writer).status_code == 200
    after = page_of(guarded_desk, PROMPT, headers=writer)
    event = guarded_desk.store.events[-1]
    for said in (event.actor, event.reason):
        assert said not in before.text
        assert after.text.count(said) == 2  # at the label, and in the trail
    assert "Content of v2" in after.text
    compared = f"{PROMPT}/diff?from=v1&to=v2"
    assert after.links.count(compared) == before.links.count(compared) + 1


def test_two_versions_are_compared_word_by_word_and_judged(open_desk: Desk) -> None:
    answer = open_desk.get(f"{PROMPT}/diff?from=v1&to=v2")
    found = read_page(answer)
    assert "<del>Hello</del><ins>Hi</ins>" in answer.text
    assert "contract patch" in found.text
    assert "text-wording" in found.text
    assert f"{PROMPT}/diff?from=v2&to=v1" in found.links
    assert "No difference." in page_of(open_desk, f"{PROMPT}/diff?from=v1&to=v1").text


def test_the_riskiest_change_comes_first(tmp_path: Path) -> None:
    needed = {"variables": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}}
    system = {"messages": [{"role": "system", "content": "Be kind."}]}
    writes = (
        put_parts(GREET, "v1", system),
        put_parts(GREET, "v2", {**needed, "messages": [{"role": "system", "content": "Be kind!"}]}),
    )
    with desk(tmp_path, store=store_of(*writes)) as found:
        page = page_of(found, f"{PROMPT}/diff?from=v1&to=v2").text
        assert page.index("var-required-added") < page.index("text-")


def test_content_stands_in_the_order_that_the_model_sees(open_desk: Desk, tmp_path: Path) -> None:
    schema = open_desk.get(PROMPT).text.partition("Output schema")[2]
    assert schema.index("&quot;b&quot;") < schema.index("&quot;a&quot;")
    examples = {"messages": [{"examples": [{"assistant": "Soon.", "user": "When?"}]}]}
    with desk(tmp_path, store=store_of(put_parts(GREET, "v1", examples))) as found:
        page = page_of(found, PROMPT).text
        assert page.index("When?") < page.index("Soon.")


def test_a_reason_is_told_only_of_the_value_that_it_was_given_for(tmp_path: Path) -> None:
    store = filled()
    told = [event._replace(reason=f"for {event.label}") for event in store.events]
    store.events[:] = [event._replace(after="v9") if event.label == "production" else event for event in told]
    with desk(tmp_path, store=store) as found:
        page = page_of(found, PROMPT).text
        assert (page.count("for staging"), page.count("for production")) == (2, 1)


def test_the_reader_knows_where_they_are(open_desk: Desk) -> None:
    for path, name in (("/", "Prompts"), ("/ui/skills", "Skills")):
        assert f'<a href="{path}" aria-current="page">{name}</a>' in open_desk.get(path).text


def test_a_line_that_only_ended_is_seen(tmp_path: Path) -> None:
    texts = ("one\ntwo\n", "one\n\ntwo\n")
    writes = (put_version(version=f"v{number}", text=said) for number, said in enumerate(texts, 1))
    with desk(tmp_path, store=store_of(*writes)) as found:
        assert "<ins>↵\n</ins>" in found.get(f"{PROMPT}/diff?from=v1&to=v2").text


def test_a_skill_with_owners_cost_files_and_text(tmp_path: Path) -> None:
    front = (
        "---\nname: pdf\ndescription: Fill PDF forms.\nwhen_to_use: Now.\ndisable-model-invocation: {}\n---\n# PDF\n"
    )
    told = {"false": "~5 tokens of every request, 19 characters", "true": "the model is not told of it"}
    for hidden, cost in told.items():
        (tmp_path / hidden).mkdir()
        files = {"SKILL.md": front.format(hidden).encode(), "a.sh": b"echo"}
        with desk(tmp_path / hidden, store=store_of(put_skill(files=files))) as found:
            page = page_of(found, "/ui/skills/pdf")
            for said in (cost, "Fill PDF forms.", "nobody is named", "a.sh", "# PDF", "skills/pdf"):
                assert said in page.text
            listed = page_of(found, "/ui/skills").text
            assert "~4 tokens" in listed
            assert "15 of 8,000 characters" in listed


def test_a_list_of_skills_over_the_budget_says_who_pays(tmp_path: Path) -> None:
    writes = []
    for number in range(8):
        made = put_skill(f"s{number}")
        entry = (made.entry or b"").replace(b"Fill PDF forms.", b"x" * (1500 if number else 1600))
        writes.append(made._replace(entry=entry))
    with desk(tmp_path, store=store_of(*writes)) as found:
        page = page_of(found, "/ui/skills").text
        assert "4 descriptions would be cut short or left out: s0, s5, s6, s7." in page
        assert "~384 tokens" in page  # 1,600 characters of which an entry shows 1,536


@contextmanager
def serving(origin: Origin, contents: Contents, folder: Path) -> Iterator[tuple[InProcess, Service]]:
    """A service on an origin, without a store for writes."""
    service = Service(Parts(origin, None, contents, Guard(None), Board(folder / "board", NAMES)))
    with closing(InProcess(App(service))) as client:
        assert until(lambda: service.keeper.is_ready)
        yield client, service


def test_a_bundle_has_no_trail(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    write_bundle(path, {"greet": {"production": "v1"}}, {"greet": {"v1": entry("Hello")}})
    origin = BundleOrigin(path)
    with serving(origin, origin.contents, tmp_path) as (client, _):
        page = read_page(client.request("GET", "/ui/prompts/greet"))
        assert "The trail of moves cannot be shown: a bundle is served here" in page.text
        assert "Hello" in page.text


def test_a_skill_of_other_types_is_shown() -> None:
    files = [{"path": "a", "mode": 7, "sha256": None, "size": 1234}]
    claimed = {"digest": skill_digest(SkillFile(**file) for file in files), "files": files}  # type: ignore[arg-type]
    odd = {**claimed, "description": ["d"], "owners": 5, "tags": {"t": 1}, "path": None}
    [skill] = hold("s", [Live("skills/odd", canonical_bytes(odd))], {}).skills.values()
    shown = Page(join([*skill_body(skill, SkillText(None, "not here")), skill_rows([skill])])).text
    for said in ("1,234", '["d"]', "5", '{"t": 1}', "not here", "7"):
        assert said in shown


def test_a_skill_without_contents_or_with_others_says_so(tmp_path: Path) -> None:
    store = MemoryBackend(filled())
    other = {"SKILL.md": ("100644", b"other words")}
    with serving(StoreOrigin(store), lambda _: dict(other), tmp_path) as (client, _):
        page = read_page(client.request("GET", "/ui/skills/pdf"))
        assert "SKILL.md changes just now" in page.text
        assert "other words" not in page.text
        other.clear()
        assert "holds no contents of skills" in read_page(client.request("GET", "/ui/skills/pdf")).text


class Losing(MemoryBackend):
    """A store that is lost when it is told so."""

    is_lost = False

    def generations(self) -> dict[str, int]:
        if self.is_lost:
            raise UnavailableError("gone")
        return dict(super().generations())


def test_a_lost_store_is_said_and_what_it_held_is_shown(tmp_path: Path) -> None:
    store = Losing(filled())
    with serving(StoreOrigin(store), lambda _: {}, tmp_path) as (client, service):
        assert "does not answer" not in read_page(client.request("GET", PROMPT)).text
        store.is_lost = True
        assert until(lambda: not service.keeper.is_ready)
        page = read_page(client.request("GET", PROMPT))
        assert "The store does not answer just now." in page.text
        assert "Hello" in page.text


def test_every_link_and_every_choice_leads_somewhere(open_desk: Desk) -> None:
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        found = page_of(open_desk, path)
        seen.add(path)
        targets = {urljoin(path, link).partition("#")[0] for link in found.links}
        for action, chosen in found.choices:
            pairs = [(a, b) for a, _ in chosen[0] for b, _ in chosen[1]] if chosen else []
            targets |= {f"{action}?from={a}&to={b}" for a, b in pairs} or {action}
        waiting += targets - seen - set(waiting)
    assert {"/", "/ui/skills", "/ui/skills/pdf", PROMPT, f"{PROMPT}/diff?from=v2&to=v1"} <= seen


def test_an_id_that_ends_in_diff_has_its_page_and_its_comparisons(tmp_path: Path) -> None:
    name = f"{GREET}/diff"
    writes = [put_version(name, version, f"of {name} {version}") for version in ("v1", "v2")]
    writes += [put_version(text="short"), put_version(version="v2", text="shorter")]
    with desk(tmp_path, store=store_of(*writes)) as found:
        assert f"of {name} v2" in page_of(found, f"/ui/prompts/{name}").text
        assert f"of {name} v1" in page_of(found, f"/ui/prompts/{name}?version=v1").text
        assert "shorter" in page_of(found, f"{PROMPT}/diff?from=v1&to=v2").text
        assert f"{name} v1 → v2" in page_of(found, f"/ui/prompts/{name}/diff?from=v1&to=v2").title


# What is hostile ----------------------------------------------------------------------------------


def hostile_parts(evil: str) -> dict[str, Any]:
    """A version with the text wherever a text can be."""
    return {
        "messages": [
            {"role": "system", "content": f"{{{{{evil}}}}} {evil}", "name": evil},
            {"role": evil, "content": [{"type": "text", "text": evil}, {"type": "image", "url": evil}]},
            {"examples": [{"user": evil, "assistant": evil}]},
            {"placeholder": evil, "required": False},
            {"role": "assistant", "tool_calls": [{"id": evil, "name": evil, "arguments": {evil: evil}}]},
        ],
        "variables": {"type": "object", "required": [evil], "properties": {evil: {"type": evil, "default": evil,
                      "description": evil, "enum": [evil]}}},
        "tools": [{"name": evil, "description": evil, "parameters": {evil: evil}}, {"name": evil}],
        "output_schema": {"properties": {evil: {"type": evil}}},
        "model": {"name": evil},
        "params": {evil: evil},
    }  # fmt: skip


@pytest.fixture(params=[EVIL, UNSEEN], ids=["markup", "unseen"])
def hostile_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    evil: str = request.param
    meta = {"description": evil, "owners": [evil], "tags": [evil], f"x-{evil}": {evil: evil}}
    other = hostile_parts(f"{evil}!")
    skill = put_skill(f"s{evil}".replace("/", ""), {"SKILL.md": evil.encode(), f"d/{evil}": b""})
    entry = canonical_bytes({"path": evil, "owners": [evil], "tags": [evil], "description": evil})
    writes = (
        put_parts(GREET, "v1", hostile_parts(evil), **meta),
        put_parts(GREET, "v2", other, **{**meta, "description": "none", f"x-{evil}": 1}),
        put_label("v1"),
        skill._replace(entry=_with(skill.entry or b"", entry)),
    )
    store = store_of(*writes)
    store.events[:] = [event._replace(actor=evil, reason=evil, before=evil, after=[evil]) for event in store.events]
    with desk(tmp_path, store=store) as found:
        yield found, evil


def _with(entry_: bytes, more: bytes) -> bytes:
    return canonical_bytes({**json.loads(entry_), **json.loads(more)})


def test_hostile_text_is_text_in_every_place(hostile_desk: tuple[Desk, str]) -> None:
    found, evil = hostile_desk
    skill = quote(f"s{evil}".replace("/", ""), safe="")
    paths = ["/", PROMPT, f"{PROMPT}?version=v2", f"{PROMPT}/diff?from=v1&to=v2", "/ui/skills", f"/ui/skills/{skill}"]
    for path in paths:
        page = page_of(found, path)
        if evil is EVIL:
            assert "<script>alert(1)</script>" in page.text
        else:
            assert "U+202E" in page.text
            assert "U+E0041" in page.text
    trail = page_of(found, PROMPT).text
    assert "The trail is not as it was written: event 1" in trail


def test_hostile_names_in_the_address(open_desk: Desk) -> None:
    for evil in (EVIL, UNSEEN):
        found = page_of(open_desk, f"/?{urlencode({'q': evil})}")
        assert "0 of 2 prompts" in found.text
        page_of(open_desk, f"/ui/skills?{urlencode({'q': evil})}")
        whole = quote(evil, safe="")
        for path in (f"/ui/prompts/{whole}", f"/ui/skills/{whole}", f"/ui/prompts/{quote(evil)}/diff"):
            assert open_desk.get(path).status_code == 404
        for query, status in (({"version": evil[:20]}, 404), ({"version": evil * 9}, 400)):
            read = page_of(open_desk, f"{PROMPT}?{urlencode(query)}", status)
            assert evil not in read.text
        page_of(open_desk, f"{PROMPT}/diff?{urlencode({'from': evil[:20], 'to': 'v1'})}", 404)


ODD = (
    [{"role": "system", "content": None}, "text", 7, None, [], {"content": {"a": 1}}],
    [{"role": ["x"], "content": [1, {"type": "text"}]}, {"examples": "no"}, {"placeholder": 3}],
    [],
)


def test_what_no_prompt_file_holds_is_shown_and_not_compared(tmp_path: Path) -> None:
    writes = [put_parts("odd", f"v{n}", {"messages": odd}) for n, odd in enumerate(ODD, 1)]
    shapes = {"variables": [1], "tools": {"a": 1}, "model": "m", "params": [2], "template": 5, "output_schema": "s"}
    writes += [put_parts("odd", "v9", shapes, description=["d"], owners={"a": 1}, tags=7), put_label("v9", name="odd")]
    with desk(tmp_path, store=store_of(*writes)) as found:
        versions = found.service.holdings.prompts["odd"].versions
        assert "v9" in versions
        for version in versions:
            page_of(found, f"/ui/prompts/odd?version={version}")
            page_of(found, f"/ui/prompts/odd/diff?from={version}&to=v9")
        assert '["d"]' in page_of(found, "/").text


@given(st.data())
@settings(max_examples=500 if SOAK else 50, deadline=None)
def test_no_request_breaks_a_page(some_desk: Desk, data: st.DataObject) -> None:
    word = st.one_of(st.text(max_size=30), st.sampled_from(["v1", "v2", "v9", "1", "2", "0", "-1", "9999999999", EVIL]))
    paths = ["/", PROMPT, f"{PROMPT}/diff", "/ui/skills", "/ui/skills/pdf", "/ui/prompts/", "/ui/x"]
    path = data.draw(st.sampled_from(paths))
    more = data.draw(st.one_of(st.just(""), word.filter(lambda text: text.isprintable())))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(["q", "page", "version", "from", "to"]), word), max_size=3))
    query = urlencode(pairs, errors="surrogatepass")
    answer = some_desk.get(f"{path}{quote(more, errors='surrogatepass')}?{query}")
    assert answer.status_code in (200, 400, 404)
    if answer.headers["content-type"].startswith("text/html"):
        read_page(answer)


@pytest.fixture(scope="module")
def some_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("pages")) as found:
        yield found


# Who sees what ------------------------------------------------------------------------------------


def test_a_browser_gives_a_token_as_its_password(guarded_desk: Desk) -> None:
    secret = guarded_desk.bearer("read")["Authorization"].removeprefix("Bearer ")
    asked = guarded_desk.get("/")
    assert asked.headers["www-authenticate"] == 'Basic realm="catalog", charset="UTF-8"'
    assert "password" in page_of(guarded_desk, "/", 401).text
    page_of(guarded_desk, PROMPT, headers=basic(secret))
    page_of(guarded_desk, PROMPT, headers=basic(secret, user=""))
    page_of(guarded_desk, PROMPT, 401, headers=basic(secret[:-1]))
    page_of(guarded_desk, PROMPT, 401, headers={"Authorization": f"Basic {secret}"})
    page_of(guarded_desk, PROMPT, 403, headers=basic(guarded_desk.bearer("metrics")["Authorization"][7:]))


def test_what_a_browser_sends_by_itself_cannot_write_or_ask_the_api(guarded_desk: Desk) -> None:
    secret = guarded_desk.bearer("read", "write", "sync")["Authorization"].removeprefix("Bearer ")
    body = {"labels": {"production": "v2"}, "generation": 3, "reason": ""}
    assert guarded_desk.put(f"/v1/prompts/{GREET}/labels", json=body, headers=basic(secret)).status_code == 401
    assert guarded_desk.get("/v1/prompts", headers=basic(secret)).status_code == 401
    for path in ("/", PROMPT, "/ui/skills"):
        answer = guarded_desk.client.request("POST", path, headers=basic(secret))
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET"


def test_only_what_is_a_password_becomes_a_token() -> None:
    assert bearer_of(None) is None
    assert bearer_of(b"Bearer x") == b"Bearer x"
    assert bearer_of(b"basic " + base64.b64encode(b"a:b:c")) == b"Bearer b:c"
    for malformed in (b"Basic", b"Basic ", b"Basic ###", b"Basic " + base64.b64encode(b"nothing")):
        assert bearer_of(malformed) == malformed


def test_a_token_for_some_labels_sees_those_and_their_versions(guarded_desk: Desk) -> None:
    some = guarded_desk.bearer("read", labels=("stag*",))
    for path in ("/", PROMPT, f"{PROMPT}/diff?from=v2&to=v2"):
        found = page_of(guarded_desk, path, headers=some)
        assert "staging" in found.text
        assert not re.search("production|canary", found.text)
        assert not any("v1" in link for link in found.links)
    assert "0 of 2 prompts" in page_of(guarded_desk, "/?q=canary", headers=some).text
    page_of(guarded_desk, f"{PROMPT}?version=v1", 403, headers=some)
    page_of(guarded_desk, f"{PROMPT}/diff?from=v1&to=v2", 403, headers=some)
    assert "may be seen" in page_of(guarded_desk, "/ui/prompts/review", headers=some).text


def test_a_move_from_a_version_that_is_not_seen_has_no_comparison(guarded_desk: Desk) -> None:
    all_labels, some = guarded_desk.bearer("read", "write"), guarded_desk.bearer("read", labels=("staging",))
    body = {"labels": {"staging": "v1"}, "generation": 3, "reason": "back"}
    assert guarded_desk.put(f"/v1/prompts/{GREET}/labels", json=body, headers=all_labels).status_code == 200
    compared = f"{PROMPT}/diff?from=v2&to=v1"
    assert compared in page_of(guarded_desk, PROMPT, headers=all_labels).links
    found = page_of(guarded_desk, PROMPT, headers=some)
    assert "v2 → v1" in found.text
    assert compared not in found.links


def test_what_is_not_there_is_told_by_a_page(open_desk: Desk) -> None:
    for path, status in (
        ("/ui/prompts/nobody", 404),
        ("/ui/prompts/nobody/diff?from=v1&to=v2", 404),
        (f"{PROMPT}?version=v9", 404),
        (f"{PROMPT}/diff?from=v1&to=v9", 404),
        (f"{PROMPT}/diff?from=v1", 400),
        (f"{PROMPT}/diff", 404),
        ("/ui/skills/nobody", 404),
        ("/ui", 404),
        ("/ui/", 404),
        ("/ui/nowhere/at/all?q=1", 404),
        ("/ui/skills/", 404),
        ("/?page=0", 400),
        ("/?page=x", 400),
        (f"/?q={'x' * 201}", 400),
        ("/?q=a&q=b", 400),
    ):
        found = page_of(open_desk, path, status)
        assert "/" in found.links, path
    assert "No page has this address." in page_of(open_desk, "/ui/nowhere", 404).text
    for path in ("/uix", "/v1/nowhere", "/nowhere"):
        assert open_desk.get(path).headers["content-type"] == "application/problem+json", path


def test_a_stranger_to_a_page_that_is_not_there_is_asked_for_a_password(guarded_desk: Desk) -> None:
    assert guarded_desk.get("/ui/nowhere").headers["www-authenticate"].startswith("Basic ")
    secret = guarded_desk.bearer("read")["Authorization"].removeprefix("Bearer ")
    page_of(guarded_desk, "/ui/nowhere", 404, headers=basic(secret))
    assert guarded_desk.get("/nowhere", headers=basic(secret)).status_code == 401, "only pages take a password"


def test_a_page_that_is_known_is_not_sent_again(open_desk: Desk) -> None:
    first = open_desk.get(PROMPT)
    again = open_desk.get(PROMPT, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert open_desk.client.request("HEAD", PROMPT).status_code == 200


def test_what_is_damaged_is_named_and_not_shown(tmp_path: Path) -> None:
    broken = put_version(version="v2", text="secret words")
    broken = broken._replace(entry=(broken.entry or b"").replace(b"secret words", b"forged words"))
    with desk(tmp_path, store=store_of(put_version(text="fine"), broken)) as found:
        assert "cannot be served" in page_of(found, "/").text
        page = page_of(found, PROMPT)
        assert "v2" in page.text
        assert "forged" not in page_of(found, f"{PROMPT}?version=v2", 503).text
        assert "fine" in page.text


# The trail ----------------------------------------------------------------------------------------


def moves(count: int, label: str = "production") -> list[Any]:
    """A sound trail of one label."""
    events: list[Any] = []
    for number in range(1, count + 1):
        run = Run("token", f"actor {number}", f"reason {number}", number)
        events.append(chained(events[-1] if events else None, Move(GREET, label, None, f"v{number}", number), run))
    return events


def test_the_newest_moves_are_shown_first_and_a_gap_is_named() -> None:
    events = moves(SHOWN + 5)
    prompt = hold("s", MemoryBackend(filled()).scan(), {}).prompts[GREET]
    found = sorted_trail(events)
    assert (found.flaw, found.counts[GREET], len(found.moves[GREET])) == (None, SHOWN + 5, SHOWN)
    shown = Page(str(trail_section(found, prompt, ANYBODY))).text
    assert shown.index(f"reason {SHOWN + 5}") < shown.index("reason 6")
    assert "reason 5" not in shown.replace("reason 5", "", 11)
    assert "5 older moves are not shown." in shown
    cut = sorted_trail([*events[:3], *events[4:]])
    assert cut.flaw == "event 4 is missing: 5 follows"
    assert cut.counts[GREET] == SHOWN + 4


def test_the_manual_has_the_numbers() -> None:
    section = (Path(catalog_tool.__file__).parent / "docs" / "service.md").read_text("utf-8").partition("## Pages")[2]
    assert f"the newest {SHOWN} moves" in section
    assert f"draws {AT_ONCE} pages at a time" in section


# HTML ---------------------------------------------------------------------------------------------


def test_only_markup_of_ours_is_markup() -> None:
    assert el("p", "<b>", title='"<', class_="a", hidden=False) == '<p title="&quot;&lt;" class="a">&lt;b&gt;</p>'
    assert el("p", el("b", "x") + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"
    assert join(["a<", el("wbr"), None], " ") == "a&lt; <wbr>"
    assert flat("a\u202eb👩\u200d💻") == "aU+202Eb👩\u200d💻"
    assert "a hidden A" in text("\U000e0041")
    assert "\ud800" not in text("\ud800")
    assert skill_url("a/b") is None
    assert skill_url("..") is None
    assert skill_url("plugin:name") == "/ui/skills/plugin%3Aname"
