"""What a team's ``rules`` may not do: drop labels from a bundle or a target without a word."""

from __future__ import annotations

import json

import pytest
from scratch import Scratch

PROMPT = "model: gpt-4o-2024-08-06\nsystem_prompt: Hello.\nowners: [ada]\n"
SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: local.db}
rules:
  Y008: {severity: ignore, reason: we merge often}
  C310: {severity: ignore, reason: we try things}
  C311: {severity: info}
"""
REGISTRY = "greet:\n  production: v1\n  staging: v1\n"


@pytest.fixture
def synced(scratch: Scratch) -> Scratch:
    """A catalog whose two labels are live."""
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS, "prompts/greet/v1.yaml": PROMPT, "prompts/registry.yaml": REGISTRY,
            ".gitignore": "dist\nlocal.db*\n",
        }
    )  # fmt: skip
    scratch.commit()
    assert scratch.run("sync", "local").code == 0
    return scratch


@pytest.mark.parametrize(
    ("code", "registry"),
    [
        ("Y008", REGISTRY + "  staging: v1\n"),
        ("C310", REGISTRY.replace("staging: v1", "staging: [v1]")),
        ("C311", REGISTRY.replace("staging: v1", "staging: v7")),
    ],
)
def test_no_rule_drops_labels_from_a_bundle_or_a_target(synced: Scratch, code: str, registry: str) -> None:
    synced.write("prompts/registry.yaml", registry)
    synced.commit()
    refused = f"error C315 `rules` {'lowers' if code == 'C311' else 'ignores'} {code}"
    for command in (["validate"], ["build"], ["plan", "local"], ["sync", "local", "--prune"]):
        answer = synced.run(*command)
        assert (answer.code, refused in answer.out + answer.err) == (1, True), command
    assert not (synced.root / "dist").exists()
    synced.write("prompts/registry.yaml", REGISTRY)
    synced.commit()
    counts = json.loads(synced.run("drift", "local", "--format", "json").out)["targets"]["local"]["counts"]
    assert counts == {"in_sync": 3}
