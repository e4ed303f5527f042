"""What a target can never hold, or never let go, is told with the reason by drift, and makes no target ``behind``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import schema_text

SCHEMA = json.loads(schema_text("drift-output"))
PROMPT = "id: greet\nversion: {version}\nmodel: m\nsystem_prompt: {text}\n"
SETTINGS = "catalog: acme\ntargets:\n  small: {backend: small}\n"
LONG = "x" * 30
MODULE = '''
"""Somebody's package: a store that takes short texts, and can remove no label."""

from dataclasses import replace

from catalog_tool.backends.sqlite import connect as connect_sqlite


class Small:
    def __init__(self, store):
        self._store = store
        self.capabilities = replace(
            store.capabilities, backend="small", text_characters=20, label_delete=False, weighted_labels=False
        )

    def __getattr__(self, name):
        return getattr(self._store, name)


def connect(options):
    return Small(connect_sqlite({"path": "small.db"}))
'''


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The environment in which the package is installed."""
    info = tmp_path / "site" / "small_catalog-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-catalog\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[catalog_tool.backends]\nsmall = small_catalog:connect\n", "utf-8")
    (tmp_path / "site" / "small_catalog.py").write_text(MODULE, "utf-8")
    return {"PYTHONPATH": str(tmp_path / "site")}


@pytest.fixture
def catalog(scratch: Scratch, site: dict[str, str]) -> Scratch:
    """A target on which all is well."""
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS, ".gitignore": "*.db*\n",
            "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Hello."),
            "prompts/registry.yaml": "greet: {production: v1, staging: v1}\n",
        }
    )  # fmt: skip
    scratch.commit()
    assert scratch.run("sync", "small", env=site).code == 0
    return scratch


def looked(catalog: Scratch, site: dict[str, str]) -> tuple[Answer, dict[str, str | None]]:
    """Drift as text, once everything has waited for longer than is allowed, and the reasons in the document."""
    document = catalog.run("drift", "--max-lag", "0s", "--format", "json", env=site)
    Draft202012Validator(SCHEMA).validate(document.json())
    objects = document.json()["targets"]["small"]["objects"]
    return catalog.run("drift", "--max-lag", "0s", env=site), {one["object"]: one.get("unfit") for one in objects}


def test_what_is_too_large_is_not_waited_for(catalog: Scratch, site: dict[str, str]) -> None:
    catalog.write("prompts/greet/v2.yaml", PROMPT.format(version="v2", text=LONG))
    catalog.write("prompts/registry.yaml", "greet: {production: v2, staging: {v1: 90, v2: 10}}\n")
    catalog.commit()
    text, reasons = looked(catalog, site)
    size = "takes texts of 20 characters, this one has 30"
    assert reasons == {
        "prompts/greet@v2": size,
        "labels/greet@production": f"has no prompts/greet@v2: it {size}",
        "labels/greet@staging": "cannot split a label between versions",
    }
    assert text.code == 0
    assert f"prompts/greet@v2  create: not there, and stays so: the target {size}" in text.out
    assert "labels/greet@staging  pending: git is ahead, and stays so: the target cannot split a label" in text.out
    assert "catalog sync" not in text.out
    status = catalog.run("status", "--format", "json", env=site).json()
    Draft202012Validator(json.loads(schema_text("status-output"))).validate(status)
    assert status["targets"]["small"]["unfit"] == reasons
    assert f"prompts/greet@v2 stays as it is: the target {size}" in catalog.run("status", env=site).out


def test_what_only_waits_is_still_waited_for(catalog: Scratch, site: dict[str, str]) -> None:
    catalog.write("prompts/greet/v2.yaml", PROMPT.format(version="v2", text=LONG))
    catalog.write("prompts/greet/v3.yaml", PROMPT.format(version="v3", text="Hi."))
    catalog.commit()
    text, reasons = looked(catalog, site)
    assert reasons["prompts/greet@v3"] is None
    assert text.code == 1
    assert "small: behind" in text.out
    assert "catalog sync small" in text.out


def test_a_label_that_cannot_go_says_so(catalog: Scratch, site: dict[str, str]) -> None:
    catalog.write("prompts/registry.yaml", "greet: {production: v1}\n")
    catalog.commit()
    text, reasons = looked(catalog, site)
    assert reasons == {"labels/greet@staging": "cannot remove a label, only move it"}
    assert text.code == 0
    assert "prune: git no longer has it, and it stays: the target cannot remove a label, only move it" in text.out
    pruned = catalog.run("sync", "small", "--prune", env=site)
    assert pruned.code == 0
