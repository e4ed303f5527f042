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


def test_a_skill_of_a_plugin_has_the_name_that_list_prints(scratch: Scratch) -> None:
    for plugin in ("p", "q"):
        text = f"---\nname: ps\ndescription: Of {plugin}.\n---\n"
        scratch.write(f"plugins/{plugin}/skills/ps/SKILL.md", text)
    scratch.write("catalog.yaml", "skills: ['plugins/*/skills']\n")
    scratch.commit()
    scratch.write("plugins/q/skills/ps/SKILL.md", "---\nname: ps\ndescription: Edited.\n---\n")
    assert {line.split()[0] for line in scratch.run("list").out.splitlines() if "ps" in line} >= {"p:ps", "q:ps"}
    for reference, description in {"p:ps": "Of p.", "q:ps": "Edited.", "HEAD:q:ps": "Of q."}.items():
        found = scratch.run("show", reference, "--format", "json").json()
        assert (found["name"], found["description"]) == (reference.removeprefix("HEAD:"), description)
    assert scratch.run("show", "q:ps", "--rev", "HEAD", "--format", "json").json()["description"] == "Of q."
    assert scratch.run("show", "r:ps").code == 3
