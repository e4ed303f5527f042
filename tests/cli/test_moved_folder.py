"""A prompts folder that moved hides nothing of what git said before: no time begins anew, no word is lost."""

from __future__ import annotations

import time
from typing import Any

import gated
import pytest
from scratch import Scratch

TARGETS = "targets:\n  local: {backend: sqlite, path: .catalog/local.db}\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """Hour 1: ``production`` is v2, ``staging`` v3, and a target holds what git says."""
    gated.start(scratch, "{after: {label: staging, for: 3h}, pass_rate: {min: 0.5}}")
    settings = (scratch.root / "catalog.yaml").read_text()
    scratch.write("catalog.yaml", settings + TARGETS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("Targets")
    assert scratch.run("sync", "local", env=gated.at_hour(2)).code == 0
    return scratch


def point(scratch: Scratch, label: str, folder: str = "prompts") -> None:
    """Commit another value of ``production``."""
    scratch.write(f"{folder}/registry.yaml", gated.LABELS.replace("production: v2", f"production: {label}"))
    scratch.commit(f"production: {label}")


def relocate(scratch: Scratch) -> None:
    """Commit another prompts folder, and nothing else."""
    scratch.git("mv", "prompts", "texts")
    scratch.write("catalog.yaml", (scratch.root / "catalog.yaml").read_text() + "prompts: texts\n")
    scratch.commit("Elsewhere")


def objects(scratch: Scratch, *more: str) -> tuple[str, dict[str, str]]:
    answer = scratch.run("drift", "local", *more, "--format", "json")
    found: dict[str, Any] = answer.json()["targets"]["local"]
    return found["status"], {item["object"]: item["state"] for item in found["objects"]}


def since(hour: float) -> tuple[str, str]:
    """So that what git has said since that hour, or longer, is late."""
    return "--max-lag", f"{round(time.time() - gated.FIRST - hour * 3600)}s"


LABEL, VERSION = f"labels/{gated.ID}@production", f"prompts/{gated.ID}@v4"


def test_how_long_git_has_been_ahead(catalog: Scratch) -> None:
    point(catalog, "v3")  # hour 3
    catalog.write(f"prompts/{gated.ID}/v4.yaml", f"id: {gated.ID}\nversion: v4\nsystem_prompt: Text 4.\n")
    relocate(catalog)  # hour 4, and v4 with it
    assert objects(catalog, *since(3.5)) == ("behind", {LABEL: "pending", VERSION: "create"})
    assert objects(catalog, *since(2.5))[0] == "in_sync"


def test_a_version_as_well_as_a_label(catalog: Scratch) -> None:
    catalog.write(f"prompts/{gated.ID}/v4.yaml", f"id: {gated.ID}\nversion: v4\nsystem_prompt: Text 4.\n")
    catalog.commit("v4")  # hour 3
    relocate(catalog)  # hour 4
    assert objects(catalog, *since(3.5)) == ("behind", {VERSION: "create"})
    assert objects(catalog, *since(2.5))[0] == "in_sync"


def test_what_the_moving_commit_does_beside_is_as_new_as_it_is(catalog: Scratch) -> None:
    catalog.git("mv", "prompts", "texts")
    catalog.write("catalog.yaml", (catalog.root / "catalog.yaml").read_text() + "prompts: texts\n")
    point(catalog, "v3", "texts")  # hour 3
    assert objects(catalog, *since(2.5)) == ("in_sync", {LABEL: "pending"})
    assert objects(catalog, *since(3.5))[0] == "behind"


def test_git_that_said_otherwise_in_the_folder_before_has_answered_an_override(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", (catalog.root / "catalog.yaml").read_text().split("    gate:")[0] + TARGETS)
    point(catalog, "v3")
    assert catalog.run("sync", "local").code == 0
    back = catalog.run("rollback", gated.ID, "--label", "production", "--live", "local", env=gated.at_hour(4))
    assert back.code == 0, back
    relocate(catalog)
    assert objects(catalog)[1] == {LABEL: "override"}, "moving the folder says nothing"
    catalog.git("reset", "--quiet", "--hard", "HEAD~1")
    point(catalog, "v1")
    point(catalog, "v3")
    relocate(catalog)
    assert objects(catalog)[1] == {LABEL: "pending"}, "git went on, and came back to v3 by itself"


def test_time_under_a_label_goes_on(catalog: Scratch) -> None:
    for version in ("v2", "v3"):
        gated.record(catalog, gated.evidence(catalog, version, gated.cases(), hour=2))
    catalog.commit("Evidence")
    relocate(catalog)  # hour 4
    ask = ("gate", gated.ID, "v3", "--label", "production")
    answer = catalog.run(*ask, env=gated.at_hour(5))
    assert "v3 has stood under staging for 4h" in answer.out
    assert answer.code == 0, answer
    assert catalog.run("promote", *ask[1:], env=gated.at_hour(5)).code == 0
    catalog.commit("production: v3")
    assert catalog.run("sync", "local", env=gated.at_hour(6)).code == 0
    assert catalog.run("rollback", gated.ID, "--label", "production", "--dry-run").code == 0
