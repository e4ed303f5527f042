"""What a label pointed to at a time, with the identity of its versions at that commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.settings import Settings
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.git import Git
from catalog_tool.source.history import prompt_history
from catalog_tool.source.history_live import Live, Scope, live_at
from catalog_tool.source.history_times import parse_time
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.tree import RevisionTree

from .history_repository import HOUR, START, Link, Written

SHORT_FORM = """\
id: support_agent
version: v2
model: gpt-4o
temperature: 0.3
system_prompt: |
  You are a support agent for {{product_name}}.
  Always check the knowledge base before answering.
tools:
  - search_kb
  - create_ticket
"""
SHORT_FORM_DIGEST = "sha256:332f872852ea0ba9156a4cafa38b51a6ef25a3dce75fd27313f957d80cee9569"
"""The vector of design §4."""
PROMPT = "prompts/support_agent"
REGISTRY = "prompts/registry.yaml"


def text(name: str, words: str) -> str:
    return f"id: support_agent\nversion: {name}\nsystem_prompt: |\n  {words}\n"


def labels(**written: str) -> dict[str, str]:
    rows = "".join(f"  {name}: {value}\n" for name, value in written.items())
    return {REGISTRY: f"support_agent:\n{rows}other:\n  production: v7\n"}


def ask(git: Git, hours: float, label: str | None = None, prefix: str = "") -> Live:
    scope = Scope(git, git.resolve("main"), prefix, Settings(), "support_agent", label)
    return live_at(scope, START + int(hours * HOUR))


def values(live: Live) -> dict[str, object]:
    return {name: found and found.value.to_json() for name, found in live.labels.items()}


def test_what_was_live_at_a_time(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{PROMPT}/v1.yaml": text("v1", "Hello."), f"{PROMPT}/v2.yaml": SHORT_FORM})
    made.commit(labels(production="v1"))
    made.commit(labels(production="v2", canary="{v2: 95, v1: 5}"))
    made.commit({"README.md": "later"})
    git = made.done()
    assert values(ask(git, 0)) == {}
    assert values(ask(git, 1)) == {"production": "v1"}
    assert values(ask(git, 2 - 1 / HOUR)) == {"production": "v1"}
    live = ask(git, 2)
    split = [{"version": "v2", "weight": 95}, {"version": "v1", "weight": 5}]
    assert values(live) == {"canary": split, "production": "v2"}
    assert (live.commit, ask(git, 2.9).commit, ask(git, 10**6).commit) == (made.id(3), made.id(3), made.id(4))
    assert live.to_json()["production"] == {
        "value": "v2", "commit": made.id(3), "versions": [{
            "version": "v2", "version_id": f"v2-{SHORT_FORM_DIGEST[7:19]}", "digest": SHORT_FORM_DIGEST,
            "weight": 100,
        }],
    }  # fmt: skip
    canary = live.labels["canary"]
    assert canary is not None
    assert [(row.version, row.weight) for row in canary.versions] == [("v2", 95), ("v1", 5)]


def test_before_the_first_commit_and_without_the_label(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{PROMPT}/v1.yaml": text("v1", "Hello.")} | labels(production="v1"))
    git = made.done()
    for early in (-1 / HOUR, -START / HOUR, -START / HOUR - 10):
        live = ask(git, early, "production")
        assert (live.commit, live.labels, live.to_json()) == (None, {}, None)
    assert ask(git, 0, "canary").to_json() == {"canary": None}
    assert list(ask(git, 0).labels) == ["production"]
    with pytest.raises(UsageError):
        ask(git, 0, "v1")


def test_the_document_of_both(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{PROMPT}/v1.yaml": text("v1", "Hello.")} | labels(production="v1"))
    git = made.done()
    history = prompt_history(git, git.resolve("main"), "", Settings(), "support_agent", "production")
    asked = history.to_json(live_at(history.scope, parse_time("2025-03-03T14:00")))
    assert (asked["id"], asked["at"]) == ("support_agent", "2025-03-03T14:00:00Z")
    assert asked["live"]["production"]["value"] == "v1"
    assert [event["changes"][0]["to"] for event in asked["events"]] == ["v1"]
    early = history.to_json(live_at(history.scope, parse_time("2025-02-01")))
    assert (early["at"], early["live"]) == ("2025-02-01T00:00:00Z", None)
    assert history.to_json()["at"] is None


def test_only_the_first_parent_line_was_live(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{PROMPT}/v1.yaml": text("v1", "Hello.")} | labels(production="v1"))
    side = made.commit(labels(production="v2"), side=True)
    made.commit({"README.md": "1"})
    made.commit(labels(production="v2"), merge=side)
    git = made.done()
    assert values(ask(git, 1.5)) == values(ask(git, 2.5)) == {"production": "v1"}
    assert values(ask(git, 3)) == {"production": "v2"}


def test_wrong_clocks_the_nearest_commit_that_is_not_later_wins(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    for version, hour in (("v1", 0), ("v2", 9), ("v3", 3), ("v4", 6)):
        made.commit(labels(production=version), at=START + hour * HOUR)
    git = made.done()
    found = [values(ask(git, hour))["production"] for hour in (0, 2, 3, 5, 6, 8, 9)]
    assert found == ["v1", "v1", "v3", "v3", "v4", "v4", "v4"]


def test_digests_are_those_of_that_commit(tmp_path: Path) -> None:
    shared = "prompts/_shared"
    made = Written(tmp_path / "r")
    files = {
        f"{PROMPT}/v1.yaml": text("v1", "{{> outer}} end") + "tools: [kb@v1, bare]\n",
        f"{shared}/partials/outer.md": "{{> deep/inner@v1}}\n",
        f"{shared}/partials/deep/inner/v1.md": "Be calm.\r\n",
        f"{shared}/partials/unused.md": "x" * 2_000_000,
        f"{shared}/tools/kb/v1.yaml": "name: kb\ndescription: Search.\n",
        "catalog.yaml": "catalog: test\n",
    }
    made.commit(files | labels(production="v1"))
    made.commit({f"{shared}/partials/deep/inner/v1.md": "Be quick.\n"})
    made.commit({f"{shared}/tools/kb/v1.yaml": "name: kb\ndescription: Find.\n"})
    made.commit({f"{shared}/partials/outer.md": None})
    git = made.done()
    digests = [_digest(ask(git, hour)) for hour in range(4)]
    assert digests == [_built(git, made.id(number)) for number in (1, 2, 3, 4)]
    assert len(set(digests[:3])) == 3
    assert digests[3] is None


def _digest(live: Live) -> str | None:
    found = live.labels["production"]
    assert found is not None
    assert found.value == LabelValue((("v1", 100),))
    return found.versions[0].digest


def _built(git: Git, commit: str) -> str | None:
    """The digest as every other command computes it: from the whole catalog at the commit."""
    tree = RevisionTree(git, commit)
    catalog = find_catalog(tree)
    file = next(file for file in catalog.layout.versions if file.id == "support_agent")
    content = next(iter(tree.read({file.path: catalog.entries[file.path]}, 10**6)))
    assert content.data is not None
    schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
    version = read_prompt(file, content.data, catalog.shared, schemas).version
    return version.digest if version is not None else None


def test_a_version_that_is_missing_or_broken_has_no_identity(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    files = {
        f"{PROMPT}/v2.yaml": "version: v2\nnonsense: [\n",
        f"{PROMPT}/v3.yaml": Link(text("v3", "Hello.")),
    }
    made.commit(labels(production="{v1: 50, v2: 40, v3: 10}") | files)
    found = ask(made.done(), 0).labels["production"]
    assert found is not None
    assert [row[:3] for row in found.versions] == [(name, None, None) for name in ("v1", "v2", "v3")]


def test_the_prompts_folder_is_the_one_of_that_commit(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"sub/prompts/registry.yaml": "support_agent:\n  production: v1\n"})
    made.commit(
        {
            "sub/catalog.yaml": "format: 1\nprompts: texts\n", "sub/prompts/registry.yaml": None,
            "sub/texts/registry.yaml": "support_agent:\n  production: v2\n",
        }
    )  # fmt: skip
    git = made.done()
    assert [values(ask(git, hour, prefix="sub/")) for hour in (0, 1)] == [
        {"production": "v1"}, {"production": "v2"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "registry",
    ["support_agent:\n  production: [\n", "support_agent:\n  production: {v1: 50}\n", "{", "x" * 2_000_000],
)
def test_a_registry_that_cannot_be_read_is_no_answer(tmp_path: Path, registry: str) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{PROMPT}/v1.yaml": text("v1", "Hello."), REGISTRY: registry})
    with pytest.raises(GitError, match=r"registry\.yaml"):
        ask(made.done(), 0)


def test_a_shallow_clone_says_that_it_cannot_know(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit(labels(production="v1"))
    made.commit(labels(production="v2"))
    made.commit(labels(production="v3"))
    full = made.done()
    subprocess.run(["git", "clone", "-q", "--depth=2", full.top.as_uri(), str(tmp_path / "s")], check=True)
    cut = Git(tmp_path / "s")
    assert values(ask(cut, 1)) == values(ask(full, 1)) == {"production": "v2"}
    with pytest.raises(GitError) as caught:
        ask(cut, 0.5)
    assert "fetch-depth: 0" in caught.value.hint
