"""What gates read of git for many prompts is what they read for each, and costs no process a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from scratch import Scratch

from catalog_tool.gate.label_history import LabelHistories
from catalog_tool.gate.policy import read_policy
from catalog_tool.gate.shelf import CatalogShelf
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.git import Git
from catalog_tool.source.history_labels import KeptBlobs
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import Content, Entry, RevisionTree, WorkTree
from catalog_tool.sync.label_gates import LabelGates

IDS = ["billing", "billing/refund", "greet", "greeting", "unlabelled"]
NUMBERED = [f"many_{number}" for number in range(20)]


def text(name: str, version: int, more: str = "") -> str:
    return f"id: {name}\nversion: v{version}\nsystem_prompt: Text {version}.{more}\n"


@pytest.fixture
def repository(scratch: Scratch) -> Scratch:
    """Nested ids, an id that begins like another, a merge, a shared part, and a label that was taken away."""
    for name in [*IDS, *NUMBERED]:
        scratch.write(f"prompts/{name}/v1.yaml", text(name, 1, " {{> safety@v1}}" if name == "greet" else ""))
    scratch.write("prompts/_shared/partials/safety/v1.md", "Be safe.\n")
    registry = "".join(f"{name}: {{production: v1}}\n" for name in [*IDS[:-1], *NUMBERED])
    scratch.write("prompts/registry.yaml", registry)
    scratch.commit("Start")
    scratch.git("switch", "--quiet", "--create", "side")
    scratch.write("prompts/billing/refund/v2.yaml", text("billing/refund", 2))
    scratch.write(
        "prompts/registry.yaml", registry.replace("refund: {production: v1}", "refund: {production: v2, canary: v1}")
    )
    scratch.commit("On the side")
    scratch.git("switch", "--quiet", "main")
    scratch.write("prompts/_shared/partials/safety/v1.md", "Be very safe.\n")
    scratch.commit("Safety")
    scratch.git("config", "user.name", "Ada")
    scratch.git("config", "user.email", "ada@example.org")
    scratch.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    merged = (scratch.root / "prompts/registry.yaml").read_text()
    scratch.write("prompts/registry.yaml", merged.replace("greeting: {production: v1}\n", ""))
    scratch.commit("Without greeting")
    return scratch


@dataclass
class Reading:
    """A tree that counts how often it is read."""

    tree: RevisionTree
    reads: int = 0

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        self.reads += 1
        return self.tree.read(entries, limit)


@dataclass
class Counting:
    """A repository that counts the commands it runs; reading blobs is none."""

    git: Git
    commands: int = 0

    def __getattr__(self, name: str) -> object:
        self.commands += name in ("run", "is_shallow", "list_tree")
        return getattr(self.git, name)


def test_together_is_as_alone_and_costs_no_process_a_prompt(repository: Scratch) -> None:
    git = find_root(str(repository.root)).git
    assert git is not None
    head = git.resolve("HEAD")
    counting = Counting(git)
    together = LabelHistories(counting, head, "")  # type: ignore[arg-type]
    for name in [*IDS, *NUMBERED]:
        alone = LabelHistories(git, head, "").of(name)
        assert together.of(name) == alone, name
        assert together.of(name) is together.of(name)
    refund, greeting = together.of("billing/refund"), together.of("greeting")
    assert refund.ways_back("production", "v2") == ["v1"]
    assert [held.value for held in greeting.labels["production"]][-1] is None
    assert together.of("greet").changed["v1"] > together.of("greeting").changed["v1"], "the shared part changed"
    assert together.of("unlabelled").labels == {}
    assert counting.commands == 4, "settings, the first prompt's log, everybody's log, whether history is cut off"


def test_a_prompts_folder_that_moved_begins_no_time_anew(repository: Scratch) -> None:
    git = find_root(str(repository.root)).git
    assert git is not None
    before = LabelHistories(git, git.resolve("HEAD"), "")
    repository.git("mv", "prompts", "texts")
    repository.write("catalog.yaml", "prompts: texts\n")
    head = git.resolve(repository.commit("Elsewhere"))
    counting = Counting(git)
    together = LabelHistories(counting, head, "")  # type: ignore[arg-type]
    for name in [*IDS, *NUMBERED]:
        assert together.of(name) == LabelHistories(git, head, "").of(name) == before.of(name), name
    assert counting.commands <= 6, "each log is asked again for the folder that there was"
    repository.write("texts/greet/v1.yaml", text("greet", 1, " Changed. {{> safety@v1}}"))
    later = LabelHistories(git, git.resolve(repository.commit("Another text")), "").of("greet")
    assert later.labels == before.of("greet").labels
    assert later.changed["v1"] > before.of("greet").changed["v1"]


def test_a_folder_that_moves_in_the_work_tree_is_not_where_history_looks(repository: Scratch) -> None:
    git = find_root(str(repository.root)).git
    assert git is not None
    repository.git("mv", "prompts", "texts")
    repository.write("catalog.yaml", "prompts: texts\n")
    tree = WorkTree(repository.root, git)
    shelf = CatalogShelf(tree, find_catalog(tree), lambda *_: None, git=git, commit=git.resolve("HEAD"))
    history = shelf.history("billing/refund")
    assert history is not None
    assert history.ways_back("production", "v2") == ["v1"]


@pytest.mark.parametrize("room", [0, 40, 10**6])
def test_kept_blobs_are_those_of_git(repository: Scratch, room: int) -> None:
    git = find_root(str(repository.root)).git
    assert git is not None
    listed = [entry.blob for entry in git.list_tree(git.resolve("HEAD"), ["prompts"]).values()][:5]
    kept = KeptBlobs(git, room)
    for wanted in (listed[:2], listed, listed):
        assert sorted(kept.cat_blobs(wanted, 1000)) == sorted(git.cat_blobs(wanted, 1000))


def test_the_evidence_of_many_prompts_is_read_at_once_for_a_plan(repository: Scratch) -> None:
    for name in ("billing", "billing/refund", "greet"):
        repository.write(f"prompts/{name}/evidence/a.json", "{}")
        repository.write(f"prompts/{name}/evidence/b.json", "[]")
    git = find_root(str(repository.root)).git
    assert git is not None
    head = git.resolve(repository.commit("Evidence"))
    tree = RevisionTree(git, head, "")
    reading, files = Reading(tree), find_catalog(tree)
    asked: list[list[str]] = []

    def sources(prompts: Sequence[str]) -> CatalogShelf:
        asked.append(list(prompts))
        shelf = CatalogShelf(reading, files, lambda *_: "sha256:" + "a" * 64)  # type: ignore[arg-type]
        shelf.expect(prompts)
        return shelf

    gates = LabelGates({"production": read_policy({})}, sources, 0)
    moving = [f"labels/{name}@production" for name in ("billing", "billing/refund", "greet")]
    gates.expect([*moving, "labels/greet@staging"])
    assert asked == [], "nothing is read before the first question"
    for address in moving:
        refusal = gates.refusal(address, '"v1"', '"v2"')
        assert refusal is None, "the same content"
    assert asked == [["billing", "billing/refund", "greet"]]
    assert reading.reads == 1
    (shelf,) = [sources(["greet"])]
    assert [item.path for item in shelf.stored("greet")] == [
        "prompts/greet/evidence/a.json",
        "prompts/greet/evidence/b.json",
    ]
    assert shelf.stored("unlabelled") == []
