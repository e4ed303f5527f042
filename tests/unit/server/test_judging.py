"""What may be published by API is what ``catalog validate`` takes as a file, by the same checks and severities."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from running_service import catalog_of, running

from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.backends.registry import connect
from catalog_tool.checks.inspection import Options, inspect
from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR
from catalog_tool.server.judging import Rulebook, read_rulebook
from catalog_tool.server.openapi import SCHEMAS
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.source.settings import read_settings
from catalog_tool.source.tree import WorkTree
from catalog_tool.sync.conformance.samples import put_version
from catalog_tool.sync.conformance.store import done, held

from .desk import GREET, Desk, desk

VERSIONS = f"/v1/prompts/{GREET}/versions"
KEY = "AKIA" + "Q3EGV7XJ5LHWPZ2M"
TOKEN = "ghp_" + "k3J9xQ2mV7bT4nR8sW1yZ6cD5fG0hL" + "2pN4aE"
OWNED = {"model": "m-2025-01-01", "owners": ["team-a"]}
TEAM = {"type": "object", "required": ["owners"], "properties": {"owners": {"minItems": 1}}}
PLAIN = "format: 1\ncatalog: acme\n"
STRICT = f"{PLAIN}schemas: {{prompt: schemas/team.json}}\n"
LENIENT = f"{PLAIN}rules:\n  Y030: {{severity: warning, reason: Arabic}}\n  P110: {{severity: ignore, reason: none}}\n"
SEVERE = f"{PLAIN}rules: {{P140: {{severity: error, reason: pin}}, Y032: {{severity: error, reason: never}}}}\n"
SETTINGS = {"plain": PLAIN, "strict": STRICT, "lenient": LENIENT, "severe": SEVERE}


def body(text: str = "Good day {{name}}.", /, **more: Any) -> bytes:
    """A version that every team here takes, in UTF-8 as it is; None takes a member out."""
    document = {**OWNED, "system_prompt": text, **more}
    return json.dumps({key: value for key, value in document.items() if value is not None}, ensure_ascii=False).encode()


CONTENTS: Mapping[str, bytes] = {
    "clean": body(),
    "unowned": body(owners=None),
    "floating model": body(model="gpt-4o"),
    "bidi": body("Pay \u202eBob"),
    "bidi as an escape": json.dumps({**OWNED, "system_prompt": "Pay \u202eBob"}).encode(),
    "tags": body("Hi \U000e0041\U000e0042"),
    "zero width": body("Hi\u200b there"),
    "key": body(f"Use {KEY} for it."),
    "key in metadata": body(description=f"with {TOKEN}"),
    "key in what stays in git": body(notes=f"with {TOKEN}"),
    "unclosed tag": body("{{open"),
    "lone surrogate": json.dumps({**OWNED, "system_prompt": "\ud800"}).encode(),
    "twice": b'{"system_prompt": "a", "system_prompt": "b", "owners": ["a"]}',
}


def catalog(folder: Path, settings: str) -> Rulebook:
    """A catalog's settings with the team's schema beside them, and what the service makes of them."""
    (folder / "schemas").mkdir(parents=True)
    (folder / "catalog.yaml").write_text(settings, "utf-8")
    (folder / "schemas" / "team.json").write_text(json.dumps(TEAM), "utf-8")
    return read_rulebook(folder, read_settings(settings.encode())[0])


@contextmanager
def published(tmp_path: Path, settings: str, data: bytes) -> Iterator[tuple[Desk, httpx.Response]]:
    """A service beside a catalog, and its answer to a version."""
    with desk(tmp_path, tokens=True, rulebook=catalog(tmp_path / "catalog", settings)) as found:
        headers = {**found.bearer("write"), "Content-Type": "application/json"}
        yield found, found.post(VERSIONS, content=data, headers=headers)


def errors_as_a_file(folder: Path, data: bytes) -> set[str]:
    """The codes of the errors that ``validate`` has of a catalog with this file."""
    path = folder / "prompts" / GREET / "v3.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    found = inspect(WorkTree(folder), Options()).findings
    return {item.code for item in found if item.severity == ERROR}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_taken_is_what_validate_takes(tmp_path: Path, content: str, settings: str) -> None:
    data = CONTENTS[content]
    with published(tmp_path, SETTINGS[settings], data) as (found, answer):
        expected = errors_as_a_file(tmp_path / "catalog", data)
        assert answer.status_code == (422 if expected else 201), answer.text
        assert (f"prompts/{GREET}@v3" in found.store.objects) == (not expected)
        told = {item["code"] for item in answer.json().get("findings", ())}
        assert told == (expected if expected != {"P107"} else {"P110"})


@pytest.mark.parametrize(
    ("content", "settings", "code"),
    [
        ("bidi", PLAIN, "Y030"),
        ("bidi as an escape", PLAIN, "Y030"),
        ("tags", PLAIN, "Y031"),
        ("key", PLAIN, "Y040"),
        ("key in metadata", PLAIN, "Y040"),
        ("unowned", STRICT, "P143"),
        ("floating model", SEVERE, "P140"),
        ("unclosed tag", LENIENT, "P110"),
    ],
)
def test_what_validate_refuses_is_refused_and_named(tmp_path: Path, content: str, settings: str, code: str) -> None:
    with published(tmp_path, settings, CONTENTS[content]) as (found, answer):
        assert (answer.status_code, [item["code"] for item in answer.json()["findings"]]) == (422, [code])
        assert f"prompts/{GREET}@v3" not in found.store.objects
    described = {"$ref": "#/components/schemas/Problem", "components": {"schemas": SCHEMAS}}
    assert answer.json().keys() <= SCHEMAS["Problem"]["properties"].keys()
    assert not list(Draft202012Validator(described).iter_errors(answer.json()))


@pytest.mark.parametrize(
    ("content", "settings"),
    [("zero width", PLAIN), ("floating model", PLAIN), ("unowned", PLAIN), ("bidi", LENIENT), ("clean", STRICT)],
)
def test_warnings_and_notes_refuse_nothing(tmp_path: Path, content: str, settings: str) -> None:
    with published(tmp_path, settings, CONTENTS[content]) as (found, answer):
        assert answer.status_code == 201, answer.text
        [live] = MemoryBackend(found.store).scan({f"prompts/{GREET}@v3"})
        assert json.loads(live.entry)["digest"] == answer.json()["digest"]


ESCAPED = "\\u0041" + KEY[1:]


@pytest.mark.parametrize(
    "data",
    [
        body(owners=KEY, system_prompt=KEY),
        body(**{KEY: 1}),
        body(f"{{{{> {KEY}}}}}"),
        body(id=KEY, tools=[{"name": "x", "description": KEY}, f"{KEY}@v1"]),
        f'{{"system_prompt": "{ESCAPED}", "owners": "{ESCAPED}", "{ESCAPED}": 1}}'.encode(),
        f'{{"system_prompt": "{ESCAPED}", "owners": "{"x" * 44} {ESCAPED}"}}'.encode(),  # the message cuts it
    ],
)
def test_no_answer_repeats_a_secret(tmp_path: Path, data: bytes) -> None:
    with published(tmp_path, STRICT, data) as (_, answer):
        assert answer.status_code == 422
        assert "Y040" in {item["code"] for item in answer.json()["findings"]}
        assert KEY[:6] not in answer.text


@pytest.mark.parametrize(
    "text", [ESCAPED, "https:\\/\\/bob:Tr0ub4dor3xZq9@db.acme.io\\/x", "\\u0067\\u0068" + TOKEN[2:]]
)
def test_a_secret_behind_escapes_is_one(tmp_path: Path, text: str) -> None:
    data = f'{{"system_prompt": "Use {text} now."}}'.encode()
    with published(tmp_path, PLAIN, data) as (found, answer):
        [told] = answer.json()["findings"]
        assert (answer.status_code, told["code"], told["line"]) == (422, "Y040", 1)
        assert f"prompts/{GREET}@v3" not in found.store.objects


def test_hostile_text_in_a_finding_stays_data(tmp_path: Path) -> None:
    with published(tmp_path, PLAIN, body(**{'"},{"\u202e\r\n<b>': 1})) as (_, answer):
        codes = {item["code"] for item in answer.json()["findings"]}
        assert (answer.status_code, codes) == (422, {"P101", "Y030"})
        assert answer.text.isascii()
        assert "\n" not in answer.text


def test_more_than_a_few_findings_are_not_listed(tmp_path: Path) -> None:
    with published(tmp_path, PLAIN, body(**{f"unknown{number}": 1 for number in range(100)})) as (_, answer):
        assert (answer.status_code, len(answer.json()["findings"])) == (422, 20)


@pytest.mark.parametrize(
    ("schema", "words"),
    [(None, "does not exist"), ("{", "schemas/team.json"), ('{"$ref": "https://example.org/x"}', "schemas/team.json")],
)
def test_a_schema_that_cannot_be_used_is_no_rulebook(tmp_path: Path, schema: str | None, words: str) -> None:
    catalog(tmp_path / "catalog", STRICT)
    file = tmp_path / "catalog" / "schemas" / "team.json"
    if schema is None:
        file.unlink()
    else:
        file.write_text(schema, "utf-8")
    with pytest.raises(UsageError, match=words):
        read_rulebook(tmp_path / "catalog", read_settings(STRICT.encode())[0])


def test_only_the_schema_for_prompts_is_needed(tmp_path: Path) -> None:
    settings = STRICT.replace("}", ", skill: none.json}")
    assert catalog(tmp_path / "catalog", settings).schema == TEAM


def test_a_service_takes_the_schema_and_the_rules_of_its_catalog(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "catalog", "backend: sqlite, path: store.db")
    settings = folder / "catalog.yaml"
    settings.write_text(settings.read_text("utf-8") + STRICT.removeprefix(PLAIN) + LENIENT.removeprefix(PLAIN), "utf-8")
    (folder / "schemas").mkdir()
    (folder / "schemas" / "team.json").write_text(json.dumps(TEAM), "utf-8")
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="lead", scopes=["write"]), 0)
    with closing(connect("sqlite", {"path": str(folder / "store.db")})) as store:
        done(held(lambda prefix="": store), put_version())  # noqa: ARG005 - the store's own prefix
        store.drop_lease("token-1")
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    with running(folder, "--tokens", str(tokens.path)) as service:

        def post(content: str) -> httpx.Response:
            url = f"{service.url}{VERSIONS}"
            return httpx.post(url, content=CONTENTS[content], headers=headers, trust_env=False, timeout=20)

        refused = post("unowned")
        assert (refused.status_code, refused.json()["findings"][0]["code"]) == (422, "P143")
        assert post("bidi").status_code == 201
        assert post("key").status_code == 422
        assert KEY not in service.said()
