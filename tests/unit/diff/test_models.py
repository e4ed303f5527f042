"""Names of models: family, snapshot, floating; and what a model lacks."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from catalog_tool.diff.model_table import AS_OF, MODELS, Facts
from catalog_tool.diff.models import compare_models
from catalog_tool.model.model_names import family_of, is_floating_name


@pytest.mark.parametrize(
    ("name", "family", "floating"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o-2024-08-06", "gpt-4o", False),
        ("gpt-4-0613", "gpt-4", False),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet", False),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet", True),
        ("gemini-1.5-pro-002", "gemini-1.5-pro", False),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", False),
        ("our-own-model", "our-own-model", False),
        ("mistral-large-2407", "mistral-large", False),
    ],
)
def test_families_and_snapshots(name: str, family: str, floating: bool) -> None:  # noqa: FBT001
    assert family_of(name) == family
    assert is_floating_name(name) is floating


def parts(model: str, **more: Any) -> dict[str, Any]:
    base = {"messages": [], "model": {"name": model}, "output_schema": {}, "params": {}, "tools": []}
    return {**base, **more}


def found(old: dict[str, Any], new: dict[str, Any], **more: Any) -> list[str]:
    return [item.rule for item in compare_models(old, new, **more)]


def test_the_table_is_dated_and_its_keys_are_families_or_full_names() -> None:
    datetime.date.fromisoformat(AS_OF)
    assert all(facts.context > 0 for facts in MODELS.values())
    assert all(name == family_of(name) or family_of(name) in MODELS for name in MODELS)


def test_a_lack_counts_only_where_the_prompt_uses_it_and_it_is_new() -> None:
    image = [{"role": "user", "content": [{"type": "image", "url": "https://example.org/1"}]}]
    assert found(parts("gpt-4o", messages=image), parts("o3-mini", messages=image)) == [
        "model-family",
        "model-capability",
    ]
    assert found(parts("gpt-4o"), parts("o3-mini")) == ["model-family"]
    assert found(parts("gpt-4", messages=image), parts("o3-mini", messages=image)) == ["model-family"]
    assert found(parts("unheard-of"), parts("unheard-of", tools=[{"name": "a"}])) == []


def test_the_table_can_be_another_one() -> None:
    table = {"unheard-of": Facts(10)}
    grown = parts("unheard-of", messages=[{"role": "user", "content": "word " * 40}])
    assert found(parts("unheard-of"), grown, models=table) == ["model-capability"]
    assert found(parts("unheard-of"), grown) == []
