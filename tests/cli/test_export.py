"""``catalog export flagd``: labels as flags of flagd, and what that loses."""

from __future__ import annotations

import pytest
from scratch import Scratch

PROMPT = "id: {name}\nversion: {version}\nmodel: m\nsystem_prompt: {text}\n"
REGISTRY = """\
support/greet:
  production: v1
  canary: {v1: 97.5, v2: 2, v3: 0.5}
review:
  production: v1
"""


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    for name, versions in (("support/greet", ("v1", "v2", "v3")), ("review", ("v1",))):
        for version in versions:
            text = PROMPT.format(name=name, version=version, text=f"{name} {version}")
            scratch.write(f"prompts/{name}/{version}.yaml", text)
    scratch.write("prompts/registry.yaml", REGISTRY)
    return scratch


def test_weighted_labels_become_fractional_targeting(catalog: Scratch) -> None:
    found = catalog.run("export", "flagd")
    flags = found.json()["flags"]
    assert list(flags) == ["review@production", "support/greet@canary", "support/greet@production"]
    canary = flags["support/greet@canary"]
    assert canary["variants"] == {"v1": "v1", "v2": "v2", "v3": "v3"}
    assert (canary["state"], canary["defaultVariant"]) == ("ENABLED", "v1")
    condition, split, otherwise = canary["targeting"]["if"]
    assert (condition, otherwise) == ({"var": "targetingKey"}, None)
    by, *weights = split["fractional"]
    assert by == {"cat": ["support/greet", {"var": "targetingKey"}]}
    assert weights == [["v2", 200], ["v3", 50], ["v1", 9750]]
    assert sum(weight for _, weight in weights) == 10_000
    shown = catalog.run("show", "support/greet@v2", "--format", "json").json()
    assert canary["metadata"]["version_id_v2"] == shown["version_id"]
    assert "targeting" not in flags["support/greet@production"]


def test_what_is_lost_is_said(catalog: Scratch) -> None:
    assert "MurmurHash3" in catalog.run("export", "flagd").err
    plain = catalog.run("export", "flagd", "review")
    assert "not in it: " in plain.err
    assert "MurmurHash3" not in plain.err


def test_only_what_is_named(catalog: Scratch) -> None:
    named = {
        ("support/greet",): ["support/greet@canary", "support/greet@production"],
        ("support/greet@production",): ["support/greet@production"],
        ("review", "support/greet@canary"): ["review@production", "support/greet@canary"],
    }
    for references, keys in named.items():
        assert list(catalog.run("export", "flagd", *references).json()["flags"]) == keys


@pytest.mark.parametrize(
    "arguments", [("flagd", "none"), ("flagd", "review@staging"), ("flagd", "x:review"), ("yaml",)]
)
def test_what_is_not_there(catalog: Scratch, arguments: tuple[str, ...]) -> None:
    found = catalog.run("export", *arguments)
    assert (found.code, found.out) == (2, "")
    assert "there is no prompt or skill 'none'" in catalog.run("export", "flagd", "none").err


def test_a_revision(catalog: Scratch) -> None:
    first = catalog.commit()
    catalog.write("prompts/registry.yaml", "review: {production: v1}\n")
    assert len(catalog.run("export", "flagd").json()["flags"]) == 1
    assert len(catalog.run("export", "flagd", "--rev", first).json()["flags"]) == 3
