"""The description is true: it names the router's routes, and schemathesis finds no answer beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from running_service import Running, catalog_of, running
from soak import SOAK

from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.server.openapi import document
from catalog_tool.server.routes import ROUTES
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import done, held

EXAMPLES = 2000 if SOAK else 12
"""For each operation."""
ROUNDS = 80 if SOAK else 3
"""Of 25 walks from operation to operation, of eight steps each."""
_ENDLESS = "/v1/events"


API = [route for route in ROUTES if not route.is_page]
"""Pages are for people."""


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, operations in document()["paths"].items() for method in operations}
    assert described == {(route.method, re.sub(r":path\}", "}", route.path)) for route in API}


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    folder = catalog_of(tmp_path_factory.mktemp("described"), "backend: sqlite, path: store.db")
    backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
    done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"), put_skill())
    backend.drop_lease("token-1")
    backend.close()
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="fuzz", scopes=["read", "write", "sync", "metrics"]), 0)
    with running(folder, "--tokens", str(tokens.path)) as found:
        yield found, secret


def test_schemathesis_finds_nothing(service: tuple[Running, str]) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
    running_service, secret = service
    schema = schemathesis.openapi.from_url(f"{running_service.url}/openapi.json")
    bearer = {"Authorization": f"Bearer {secret}"}
    excluded = _excluded(schemathesis)

    def check(case: Any) -> None:
        response = case.call(headers=bearer)
        assert response.status_code < 500 or response.status_code in (502, 503), response.text
        case.validate_response(response, headers=bearer, excluded_checks=excluded)

    limits = settings(
        max_examples=EXAMPLES, database=None, derandomize=not SOAK, suppress_health_check=list(HealthCheck)
    )
    operations = [result.ok() for result in schema.get_all_operations()]
    asked = [operation for operation in operations if operation.path != _ENDLESS]
    for operation in asked:
        limits(given(case=operation.as_strategy())(check))()
    assert len(asked) >= len(API) - 2  # without the endless one, and the description that was asked for already
    assert running_service.get("/readyz").status_code == 200


def test_what_answers_lead_to_is_there(service: tuple[Running, str]) -> None:
    """The links of the description, followed by schemathesis from operation to operation."""
    schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
    running_service, secret = service
    schema = schemathesis.openapi.from_url(f"{running_service.url}/openapi.json")
    schema.config.generation.modes = [schemathesis.GenerationMode.POSITIVE]  # what is refused leads nowhere
    linked = schema.include(path_regex="^/v1/(prompts|skills)")
    bearer = {"Authorization": f"Bearer {secret}"}
    excluded = _excluded(schemathesis)
    seen: Counter[tuple[str, int]] = Counter()
    failed: list[Exception] = []

    class Flow(linked.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ARG002 - schemathesis'
            return {"headers": bearer}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            try:
                assert response.status_code < 500 or response.status_code in (502, 503), response.text
                case.validate_response(response, headers=bearer, excluded_checks=excluded)
            except Exception as error:
                failed.append(error)
                raise
            seen[case.operation.definition.raw["operationId"], response.status_code] += 1

    limits = settings(max_examples=25, stateful_step_count=8, database=None, suppress_health_check=list(HealthCheck))
    for number in range(ROUNDS):
        # A walk cannot be walked twice: the first one moved labels and published versions.
        with suppress(FlakyStrategyDefinition):
            seed(number)(Flow).run(settings=limits)
    assert failed == []
    for followed in ("prompt", "version", "labels", "move", "skill", "skill_file"):
        assert seen[followed, 200] > 0, seen


def _excluded(schemathesis: Any) -> list[Any]:
    """Checks that ask for what the description does not promise: see the comments."""
    checks = schemathesis.checks
    names = (
        "positive_data_acceptance",  # a well-formed id need not exist
        "negative_data_rejection",  # unknown query parameters are ignored, as everywhere
        "ignored_auth",  # sends the same request without a token: tests/unit/server/test_access.py does
        "missing_required_header",
        "unsupported_method",
    )
    return [getattr(checks, name) for name in names if hasattr(checks, name)]
