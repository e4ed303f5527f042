"""``catalog show``: what it prints for programs fits its schema."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import schema_text


@pytest.mark.parametrize(("reference", "kind"), [("ticket_summary@production", "prompt"), ("commit-writer", "skill")])
def test_what_is_shown_fits_the_schema(scratch: Scratch, reference: str, kind: str) -> None:
    assert scratch.run("init").code == 0
    shown = scratch.run("show", reference, "--format", "json").json()
    Draft202012Validator(json.loads(schema_text("show-output"))).validate(shown)
    assert (shown["kind"], shown.get("owners")) == (kind, ["your-team"] if kind == "skill" else None)
