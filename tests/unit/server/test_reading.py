"""What the read routes answer, on the router's path and on the short one."""

from __future__ import annotations

import hashlib

import pytest

from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.model.target import Write
from catalog_tool.rollout import Router
from catalog_tool.server.keeper import RARE
from catalog_tool.sync.conformance.samples import SKILL_FILES, put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN

from .desk import GREET, SPLIT, Desk


def test_a_prompt_by_label_is_all_of_it(open_desk: Desk) -> None:
    for _ in range(2):  # the second answer lies ready
        found = open_desk.get(f"/v1/prompts/{GREET}?label=production")
        body = found.json()
        assert found.status_code == 200
        assert (body["id"], body["version"], body["label"], body["generation"]) == (GREET, "v1", "production", 3)
        assert body["store_id"] == open_desk.store.store_id
        assert body["digest"] == prompt_identity(body).digest
        assert body["version_id"] == f"v1-{body['digest'][7:19]}"
        assert body["system_prompt"] == "Hello {{name}}."
        assert "meta" not in body
        assert found.headers["etag"] == f'"v1-{body["digest"][7:]}-production-3"'
        assert found.headers["content-length"] == str(len(found.content))


def test_production_is_meant_where_no_label_is_named(open_desk: Desk) -> None:
    assert open_desk.get(f"/v1/prompts/{GREET}").json()["label"] == "production"


def test_ids_are_the_same_raw_and_quoted(open_desk: Desk) -> None:
    assert open_desk.get("/v1/prompts/support%2Fgreet").json() == open_desk.get("/v1/prompts/support/greet").json()


def test_the_first_label_that_the_prompt_has_wins(open_desk: Desk) -> None:
    for _ in range(2):
        assert open_desk.get(f"/v1/prompts/{GREET}?label=tenant_acme,staging,production").json()["label"] == "staging"
    assert open_desk.get(f"/v1/prompts/{GREET}?label=tenant_acme").status_code == 404


def test_orders_of_labels_that_a_reader_makes_up_push_out_only_each_other(open_desk: Desk) -> None:
    current = open_desk.service.keeper.current
    for number in range(5):
        for query in ("", "?label=staging", f"?label=made_up_{number},staging"):
            assert open_desk.get(f"/v1/prompts/{GREET}{query}").status_code == 200
    usual = [(f"/v1/prompts/{GREET}", query) for query in (b"", b"label=staging")]
    assert len(current.rare) == 5
    assert all(key in current.answers and key not in current.rare for key in usual)
    oldest, before = current.rare[0], len(current.answers)
    for number in range(2 * RARE):
        current.keep_rare(number, None)
    assert len(current.rare) == RARE
    assert len(current.answers) == before - 5 + RARE
    assert oldest not in current.answers
    assert all(key in current.answers for key in usual)
    current.keep_rare(2 * RARE - 1, None)
    assert len(current.rare) == RARE, "one that is kept already is not kept twice"


def test_a_label_that_cannot_be_served_is_never_fallen_through(open_desk: Desk) -> None:
    open_desk.store.objects[f"labels/{GREET}@staging"].entry = b'"v9"'
    open_desk.service.keeper.refresh()
    for path in (GREET, f"{GREET}/labels"):
        assert open_desk.get(f"/v1/prompts/{path}?label=staging,production").status_code == 503
        assert open_desk.get(f"/v1/prompts/{path}?label=production").status_code == 200
    listed = open_desk.get(f"/v1/prompts/{GREET}/labels").json()
    assert (sorted(listed["labels"]), listed["damaged"]) == (["canary", "production"], ["staging"])


def test_labels_that_are_asked_for_by_name_have_to_be_there(open_desk: Desk) -> None:
    for query, status in (("staging,production", 200), ("nobody,staging", 200), ("nobody", 404), ("Odd", 400)):
        assert open_desk.get(f"/v1/prompts/{GREET}/labels?label={query}").status_code == status


def test_content_that_is_not_its_digest_is_never_served(open_desk: Desk) -> None:
    stored = open_desk.store.objects[f"prompts/{GREET}@v1"]
    stored.entry = stored.entry.replace(b"Hello", b"Howdy")
    open_desk.service.keeper.refresh()
    for path in (f"{GREET}", f"{GREET}/versions/v1"):
        assert open_desk.get(f"/v1/prompts/{path}").status_code == 503
    assert open_desk.get(f"/v1/prompts/{GREET}/versions/v2").status_code == 200
    assert open_desk.get("/v1/bundle").status_code == 503


@pytest.mark.parametrize("key", ["user-0", "user-1", "café", ""])
def test_a_key_gets_what_every_client_computes(open_desk: Desk, key: str) -> None:
    expected = Router(GREET, [("v1", 60), ("v2", 40)]).version(key)
    found = open_desk.get(f"/v1/prompts/{GREET}", params={"label": "canary", "key": key})
    assert found.json()["version"] == expected


def test_without_a_key_a_weighted_label_gives_its_stable_version(open_desk: Desk) -> None:
    assert open_desk.get(f"/v1/prompts/{GREET}?label=canary").json()["version"] == "v1"


def test_what_the_caller_has_is_not_sent_again(open_desk: Desk) -> None:
    paths = ["", f"/{GREET}", f"/{GREET}/versions", f"/{GREET}/versions/v1", f"/{GREET}/labels"]
    urls = [*(f"/v1/prompts{path}" for path in paths), "/v1/skills", "/v1/skills/pdf", "/v1/skills/pdf/files/SKILL.md"]
    for url in (*urls, "/v1/bundle", f"/v1/prompts/{GREET}", "/openapi.json"):
        tag = open_desk.get(url).headers["etag"]
        for header in (tag, f'"other", W/{tag}', "*"):
            same = open_desk.get(url, headers={"If-None-Match": header})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert open_desk.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_moved_label_has_another_etag_even_where_the_version_is_the_same(open_desk: Desk) -> None:
    before = open_desk.get(f"/v1/prompts/{GREET}")
    backend_label = put_label("v1", "staging", seen="v2")
    _write(open_desk, backend_label)
    after = open_desk.get(f"/v1/prompts/{GREET}", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["generation"]) == (200, 4)


def _write(desk: Desk, *writes: Write) -> None:
    backend = MemoryBackend(desk.store)
    backend.take_lease(LEASE)
    backend.write(writes, RUN)
    backend.drop_lease(LEASE.token)
    desk.service.keeper.refresh()


def test_versions_come_in_the_order_of_their_numbers(open_desk: Desk) -> None:
    _write(open_desk, *(put_version(version=f"v{number}", text=f"{number}") for number in (10, 9, 3)))
    found = open_desk.get(f"/v1/prompts/{GREET}/versions").json()
    assert found["id"] == GREET
    assert [item["version"] for item in found["versions"]] == ["v1", "v2", "v3", "v9", "v10"]
    assert all(item["version_id"] == f"{item['version']}-{item['digest'][7:19]}" for item in found["versions"])


def test_labels_and_lists(open_desk: Desk) -> None:
    labels = {"canary": SPLIT, "production": "v1", "staging": "v2"}
    found = open_desk.get(f"/v1/prompts/{GREET}/labels").json()
    told = {"id": GREET, "generation": 3, "store_id": open_desk.store.store_id}
    assert found == {**told, "labels": labels, "damaged": []}
    listed = open_desk.get("/v1/prompts").json()["prompts"]
    assert [(item["id"], item["versions"]) for item in listed] == [("review", ["v1"]), (GREET, ["v1", "v2"])]


def test_skills_and_their_files_byte_for_byte(open_desk: Desk) -> None:
    assert [item["name"] for item in open_desk.get("/v1/skills").json()["skills"]] == ["pdf"]
    listed = {item["path"]: item["sha256"] for item in open_desk.get("/v1/skills/pdf").json()["files"]}
    assert listed == {path: hashlib.sha256(data).hexdigest() for path, data in SKILL_FILES.items()}
    for path, data in SKILL_FILES.items():
        found = open_desk.get(f"/v1/skills/pdf/files/{path}")
        assert found.content == data
        assert found.headers["content-type"] == "application/octet-stream"
        assert found.headers["x-content-type-options"] == "nosniff"
    assert open_desk.get("/v1/skills/pdf/files/no.md").status_code == 404


def test_a_file_that_is_not_the_listed_one_is_not_served(open_desk: Desk) -> None:
    open_desk.store.objects["skills/pdf"].files["SKILL.md"] = ("100644", b"other")
    assert open_desk.get("/v1/skills/pdf/files/SKILL.md").status_code == 503


def test_the_bundle_is_a_bundle(open_desk: Desk) -> None:
    found = open_desk.get("/v1/bundle")
    document = found.json()
    assert document["kind"] == "bundle"
    assert set(document["prompts"]) == {GREET, "review"}
    assert document["prompts"][GREET]["v1"]["meta"] == {"description": "Greets.", "owners": ["team-support"]}
    assert found.headers["etag"] == f'"{hashlib.sha256(found.content).hexdigest()}"'
    assert found.content == canonical_bytes(document)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/prompts/nobody", 404),
        ("/v1/prompts/Nobody", 404),
        (f"/v1/prompts/{GREET}/versions/v7", 404),
        (f"/v1/prompts/{GREET}/versions/latest", 404),
        (f"/v1/prompts/{GREET}?label=Odd", 400),
        (f"/v1/prompts/{GREET}?label=", 400),
        (f"/v1/prompts/{GREET}?label=latest", 400),
        (f"/v1/prompts/{GREET}?label=a&label=b", 400),
        (f"/v1/prompts/{GREET}?label={','.join('a' * 17)}", 400),
        (f"/v1/prompts/{GREET}?key={'k' * 1001}", 400),
        ("/v1/skills/nobody", 404),
        ("/nowhere", 404),
        ("/v1/prompts/", 404),
    ],
)
def test_what_is_not_there_is_a_problem_that_repeats_nothing(open_desk: Desk, path: str, status: int) -> None:
    found = open_desk.get(path)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["status"] == status
    assert "Nobody" not in found.text


def test_other_methods_are_refused_and_head_is_a_get_without_a_body(open_desk: Desk) -> None:
    refused = open_desk.client.request("DELETE", f"/v1/prompts/{GREET}/labels")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, PUT")
    head = open_desk.client.request("HEAD", f"/v1/prompts/{GREET}")
    assert (head.status_code, head.headers["etag"]) == (200, open_desk.get(f"/v1/prompts/{GREET}").headers["etag"])


def test_health_and_readiness(open_desk: Desk) -> None:
    assert open_desk.get("/healthz").status_code == open_desk.get("/readyz").status_code == 200
    open_desk.service.board.drain()
    assert (open_desk.get("/readyz").status_code, open_desk.get("/healthz").status_code) == (503, 200)
    assert open_desk.get(f"/v1/prompts/{GREET}").status_code == 200
