"""Which settings name one place."""

from __future__ import annotations

from typing import Any

import pytest

from catalog_tool.model.settings import TARGET_DEFAULTS
from catalog_tool.sync.same_place import targets_beside

ONE = {"backend": "mlflow", "url": "https://m.example.org", "prefix": "a/", "token": "${ONE}"}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({**ONE, "labels": ["staging"], "edits": "pull", "token": "${TWO}", "timeout": 5}, 1),
        ({**ONE, "url": "https://m.example.org/"}, 1),
        ({**ONE, "url": "https://me:pw@m.example.org"}, 1),
        ({**ONE, "url": "${PLACE}"}, 1),
        ({**ONE, "url": "${NOWHERE}"}, 0),
        ({**ONE, "url": "https://m.example.org:8443"}, 0),
        ({**ONE, "prefix": "b/"}, 0),
        ({**ONE, "public_key": "another project"}, 0),
        ({**ONE, "backend": "langfuse"}, 0),
    ],
)
def test_what_names_the_same_place(monkeypatch: pytest.MonkeyPatch, other: dict[str, Any], named: int) -> None:
    monkeypatch.setenv("PLACE", "https://m.example.org")
    found = list(targets_beside({"other": {**TARGET_DEFAULTS, **other}}, {**TARGET_DEFAULTS, **ONE}))
    assert len(found) == named


def test_no_prefix_and_an_empty_one_are_the_same() -> None:
    place = {"backend": "sqlite", "path": "runtime.db"}
    assert list(targets_beside({"other": {**place, "prefix": "", "path": "./runtime.db"}}, place))
