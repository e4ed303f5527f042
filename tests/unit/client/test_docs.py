"""The client's page says what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import catalog_tool
from catalog_tool import semconv
from catalog_tool.client import PromptClient, errors
from catalog_tool.client.sources import SOURCES

PAGE = (Path(catalog_tool.__file__).parent / "docs" / "client.md").read_text(encoding="utf-8")


def test_every_setting_has_its_row_with_its_default() -> None:
    for name, parameter in inspect.signature(PromptClient.__init__).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            row = re.search(rf"^\| `{name}` \| ([^|]+) \|", PAGE, re.MULTILINE)
            assert row is not None, name
            assert not isinstance(parameter.default, int) or row[1] == str(parameter.default)


def test_every_source_attribute_metric_and_status_is_named() -> None:
    for scheme in SOURCES:
        assert f"`{scheme}://" in PAGE
    for name, value in vars(semconv).items():
        if (
            name.isupper()
            and isinstance(value, str)
            and value.startswith("catalog.prompt.")
            and "DIGEST" not in name
            and name != "PROMPT_LABEL"
        ):
            assert semconv.prometheus_name(value) in PAGE
    for name in (semconv.PROMPT_NAME, semconv.PROMPT_VERSION, semconv.PROMPT_VERSION_ID, semconv.PROMPT_DIGEST):
        assert f"| `{name}` |" in PAGE
    for name in (semconv.PROMPT_LABEL, semconv.BUNDLE_DIGEST):
        assert f"| `{name}` |" in PAGE
    assert all(f"`{status}`" in PAGE for status in semconv.CALL_STATUSES)
    assert all(f"`{semconv.prometheus_name(name)}`" in PAGE for name in semconv.METRIC_LABELS)


def test_every_error_that_get_raises_stands_in_the_modules_tree() -> None:
    raised = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ClientError)
    ]
    assert all(name in (errors.__doc__ or "") for name in raised)
