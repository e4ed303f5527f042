"""An answer with status 200 that is none of MLflow's is told as that: it is neither a bug nor an empty registry."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import httpx
import pytest

from catalog_tool.backends.mlflow import MlflowBackend
from catalog_tool.backends.mlflow_api import MlflowApi
from catalog_tool.backends.mlflow_skills import SkillRegistry
from catalog_tool.errors import BackendError, UnavailableError

NAMED = {"name": "greet", "version": "1"}
ODD_LISTS: list[Any] = [
    [1], "x", {"greet": 1}, 7, [{"name": 1}], [{"name": 1, "version": "1"}], [{"version": "1"}],
    [{**NAMED, "version": "one"}], [{**NAMED, "version": "0"}], [{**NAMED, "version": 1.5}],
    [{**NAMED, "tags": "none"}], [{**NAMED, "tags": [{"value": "x"}]}], [{**NAMED, "tags": [{"key": "k", "value": 1}]}],
]  # fmt: skip
SAID_INSTEAD = [
    {"error": "unauthorized", "message": "login please"}, {"error_code": "INTERNAL_ERROR"}, {"detail": "Not Found"},
    {"registered_models": [{"name": "greet"}]},
]  # fmt: skip


def answering(body: Any) -> httpx.Client:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    return httpx.Client(base_url="http://mlflow.example/", transport=answer)


@pytest.mark.parametrize(
    "body", [*({"model_versions": odd} for odd in ODD_LISTS), *SAID_INSTEAD, {"next_page_token": 1}]
)
def test_a_list_of_versions_that_is_none(body: Any) -> None:
    with closing(MlflowBackend(answering(body), "http://mlflow.example")) as backend:
        with pytest.raises(BackendError, match=r"^http://mlflow\.example ") as told:
            backend.load()
        assert not isinstance(told.value, UnavailableError)
        assert len(told.value.message) < 400


def test_the_reason_names_what_was_said_instead() -> None:
    words = "no model_versions, but error, message"
    with closing(MlflowBackend(answering(SAID_INSTEAD[0]), "x")) as backend, pytest.raises(BackendError, match=words):
        backend.load()


@pytest.mark.parametrize("body", [{}, {"model_versions": []}, {"model_versions": None}])
def test_a_list_of_nothing_is_empty(body: Any) -> None:
    with closing(MlflowBackend(answering(body), "x")) as backend:
        assert not backend.load().inventory


@pytest.mark.parametrize(
    "body",
    [
        {"registered_models": [{"name": None}]},
        {"registered_models": [{"name": "greet", "aliases": [{"alias": "production"}]}]},
        {"registered_models": [{"name": "greet", "aliases": [{"alias": "production", "version": "v1"}]}]},
        {"model_versions": []},
    ],
)
def test_a_list_of_names_that_is_none(body: Any) -> None:
    with closing(MlflowApi(answering(body), "x")) as api, pytest.raises(BackendError, match="none of MLflow's"):
        api.models()


@pytest.mark.parametrize("body", [{}, {"message": "ok"}, {"registered_model": 1}, {"model_version": {"name": "greet"}}])
def test_one_thing_that_is_none(body: Any) -> None:
    with closing(MlflowApi(answering(body), "x")) as api:
        with pytest.raises(BackendError, match="none of MLflow's"):
            api.model("greet")
        with pytest.raises(BackendError, match="none of MLflow's"):
            api.create_version("greet", {})


@pytest.mark.parametrize(
    "body",
    [
        {"error": "unauthorized"}, {"skills": "x"}, {"skills": [{}]}, {"skills": [{"name": "pdf", "tags": [1]}]},
        {"skills": [{"name": "pdf", "tags": {"catalog.marker": 1}}]},
    ],
)  # fmt: skip
def test_a_list_of_skills_that_is_none(body: Any) -> None:
    with closing(MlflowApi(answering(body), "x")) as api, pytest.raises(BackendError, match="none of MLflow's"):
        list(SkillRegistry(api, "").scan())
