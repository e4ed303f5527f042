"""OFREP, asked by the real OpenFeature SDK with its OFREP provider, and by hand where that cannot ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from running_service import Running, running
from served_prompts import entry, write_bundle

from catalog_tool.rollout import Router
from catalog_tool.server.ofrep import KEY_CHARACTERS

from .desk import GREET, SPLIT, Desk

FLAGS = "/ofrep/v1/evaluate/flags"


def asked(desk: Desk, flag: str, **context: Any) -> Any:
    """One evaluation."""
    return desk.post(f"{FLAGS}/{flag}", json={"context": context})


def test_a_weighted_label_is_a_flag_whose_variants_are_versions(open_desk: Desk) -> None:
    router = Router(GREET, [("v1", 60), ("v2", 40)])
    for number in range(30):
        found = asked(open_desk, f"{GREET}@canary", targetingKey=f"user-{number}").json()
        expected = router.version(f"user-{number}")
        assert (found["key"], found["value"], found["variant"]) == (f"{GREET}@canary", expected, expected)
        assert found["reason"] == "SPLIT"
        assert found["metadata"]["version_id"].startswith(f"{expected}-")


@pytest.mark.parametrize(
    ("flag", "context", "value", "reason"),
    [
        (GREET, {"targetingKey": "a"}, "v1", "STATIC"),
        ("support%2Fgreet@staging", {}, "v2", "STATIC"),
        (f"{GREET}@canary", {}, "v1", "UNKNOWN"),
        (f"{GREET}@canary", {"email": "x", "plan": {"a": [1]}}, "v1", "UNKNOWN"),
    ],
)
def test_other_flags(open_desk: Desk, flag: str, context: dict[str, Any], value: str, reason: str) -> None:
    found = asked(open_desk, flag, **context).json()
    assert (found["value"], found["reason"]) == (value, reason)


@pytest.mark.parametrize(
    ("flag", "body", "status", "code"),
    [
        ("nobody", {"context": {}}, 404, "FLAG_NOT_FOUND"),
        (f"{GREET}@nothing", {"context": {}}, 404, "FLAG_NOT_FOUND"),
        (f"{GREET}@Odd", {"context": {}}, 404, "FLAG_NOT_FOUND"),
        (GREET, {}, 400, "INVALID_CONTEXT"),
        (GREET, {"context": []}, 400, "INVALID_CONTEXT"),
        (GREET, {"context": {"targetingKey": 7}}, 400, "INVALID_CONTEXT"),
        (GREET, {"context": {"targetingKey": "k" * (KEY_CHARACTERS + 1)}}, 400, "INVALID_CONTEXT"),
        (GREET, [], 400, "PARSE_ERROR"),
    ],
)
def test_errors_have_openfeatures_codes(open_desk: Desk, flag: str, body: Any, status: int, code: str) -> None:
    found = open_desk.post(f"{FLAGS}/{flag}", json=body)
    assert (found.status_code, found.json()["errorCode"]) == (status, code)


@pytest.mark.parametrize(
    ("flag", "body", "schema"),
    [
        (f"/{GREET}@canary", {"context": {"targetingKey": "user-1"}}, "serverEvaluationSuccess"),
        (f"/{GREET}", {"context": {}}, "serverEvaluationSuccess"),
        (f"/{GREET}@canary", {"context": {}}, "serverEvaluationSuccess"),
        ("/nobody", {"context": {}}, "flagNotFound"),
        (f"/{GREET}", {"context": []}, "evaluationFailure"),
        ("", {"context": {"targetingKey": "user-1"}}, "bulkEvaluationSuccess"),
        ("", {"context": []}, "bulkEvaluationFailure"),
    ],
)
def test_answers_fit_the_published_description(
    open_desk: Desk, corpora: Path, flag: str, body: Any, schema: str
) -> None:
    description = yaml.safe_load((corpora / "apis/ofrep/service/openapi.yaml").read_text("utf-8"))
    # As its own words have it: as written, a flag with a value fits this one too, and so never exactly one.
    description["components"]["schemas"]["codeDefaultFlag"] = {"not": {"required": ["value"]}}
    checker = Draft202012Validator({**description, "$ref": f"#/components/schemas/{schema}"})
    found = open_desk.post(f"{FLAGS}{flag}", json=body)
    path = "/ofrep/v1/evaluate/flags" + ("/{key}" if flag else "")
    described = description["paths"][path]["post"]["responses"][str(found.status_code)]["content"]
    assert described["application/json"]["schema"]["$ref"].endswith(f"/{schema}")
    assert found.headers["content-type"] == "application/json"
    checker.validate(found.json())
    assert not checker.is_valid({}), "the description says something"


def test_all_flags_at_once_with_an_etag(open_desk: Desk) -> None:
    body = {"context": {"targetingKey": "user-1"}}
    found = open_desk.post(FLAGS, json=body)
    keys = [f"{GREET}@canary", f"{GREET}@production", f"{GREET}@staging"]
    assert [flag["key"] for flag in found.json()["flags"]] == ["review@production", *keys]
    same = open_desk.post(FLAGS, json=body, headers={"If-None-Match": found.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    router = Router(GREET, [(part["version"], part["weight"]) for part in SPLIT])
    other = next(f"user-{n}" for n in range(100) if router.version(f"user-{n}") != router.version("user-1"))
    context = {"context": {"targetingKey": other}}
    assert open_desk.post(FLAGS, json=context, headers={"If-None-Match": found.headers["etag"]}).status_code == 200


def test_a_flag_that_cannot_be_served_is_an_error_among_the_others(guarded_desk: Desk) -> None:
    guarded_desk.store.objects[f"labels/{GREET}@staging"].entry = b'"v9"'
    guarded_desk.service.keeper.refresh()
    told = {}
    for labels in (("*",), ("prod*",)):
        bearer = guarded_desk.bearer("read", labels=labels)
        flags = guarded_desk.post(FLAGS, json={"context": {}}, headers=bearer).json()["flags"]
        told[labels] = {flag["key"]: flag.get("errorCode") for flag in flags}
    production = {"review@production": None, f"{GREET}@production": None}
    assert told["prod*",] == production
    assert told["*",] == {**production, f"{GREET}@canary": None, f"{GREET}@staging": "GENERAL"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("ofrep")
    prompts = {GREET: {"v1": entry(), "v2": entry("Hi {{name}}.", version="v2")}}
    write_bundle(folder / "bundle.json", {GREET: {"production": "v1", "canary": SPLIT}}, prompts)
    with running(folder, "--bundle", "bundle.json") as found:
        yield found


def test_the_real_sdk_is_told_the_version_of_each_user(service: Running) -> None:
    api = pytest.importorskip("openfeature.api", reason="pip install openfeature-sdk openfeature-provider-ofrep")
    provider = pytest.importorskip("openfeature.contrib.provider.ofrep")
    context = pytest.importorskip("openfeature.evaluation_context")
    api.set_provider(provider.OFREPProvider(service.url))
    try:
        client = api.get_client()
        router = Router(GREET, [("v1", 60), ("v2", 40)])
        for number in range(20):
            who = context.EvaluationContext(f"user-{number}")
            found = client.get_string_details(f"{GREET}@canary", "none", who)
            assert (found.value, found.variant) == (router.version(f"user-{number}"),) * 2
            assert str(found.reason) in ("SPLIT", "Reason.SPLIT")
        missing = client.get_string_details("nobody@canary", "fallback", context.EvaluationContext("u"))
        assert missing.value == "fallback"
        assert "FLAG_NOT_FOUND" in str(missing.error_code)
    finally:
        api.shutdown()
