"""History of catalogs whose prompts folder moved: each commit is read by its own settings."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import SOAK

from catalog_tool.errors import GitError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history import History, prompt_history
from catalog_tool.source.history_live import Scope, live_at

from .history_repository import HOUR, START, Written

V1, V2, V3 = (f"model: gpt-4o\nsystem_prompt: |\n  {words}.\n" for words in ("Help", "Help well", "Help best"))
Told = list[tuple[str, str, str, str]]


def labels(**written: str) -> str:
    return "a:\n" + "".join(f"  {name}: {value}\n" for name, value in written.items())


def named(folder: str) -> str:
    return f"format: 1\nprompts: {folder}\n"


def moved(files: dict[str, str], old: str, new: str) -> dict[str, str | None]:
    """What ``git mv OLD NEW`` and the settings do to ``files`` (paths from the folder), in one commit."""
    return {
        "catalog.yaml": named(new),
        **{f"{old}/{path}": None for path in files},
        **{f"{new}/{path}": text for path, text in files.items()},
    }


def history(git: Git, folder: str, *, label: str | None = None, prefix: str = "", prompt: str = "a") -> History:
    return prompt_history(git, git.resolve("main"), prefix, Settings(prompts=folder), prompt, label)


def told(found: History) -> list[Told]:
    return [[(change.kind, change.op, change.name, change.path) for change in event.changes] for event in found.events]


def begin(top: Path) -> tuple[Written, dict[str, str]]:
    """v1, then v2 under production; what there is then, from the prompts folder."""
    made = Written(top)
    made.commit({"prompts/a/v1.yaml": V1, "prompts/registry.yaml": labels(production="v1")}, "c1")
    made.commit({"prompts/a/v2.yaml": V2, "prompts/registry.yaml": labels(production="v2")}, "c2")
    return made, {"a/v1.yaml": V1, "a/v2.yaml": V2, "registry.yaml": labels(production="v2")}


BEGUN: list[Told] = [
    [("version", "added", "v2", "prompts/a/v2.yaml"), ("label", "modified", "production", "prompts/registry.yaml")],
    [("version", "added", "v1", "prompts/a/v1.yaml"), ("label", "added", "production", "prompts/registry.yaml")],
]


def test_a_moved_folder_changes_nothing_and_hides_nothing(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    made.commit(moved(files, "prompts", "pp"), "c3")
    git = made.done()
    assert told(history(git, "pp")) == BEGUN
    assert [step.commit for step in history(git, "pp").line.steps] == [made.id(2), made.id(1)]
    only = history(git, "pp", label="production")
    assert [(event.subject, event.changes[0].to_json()["from"]) for event in only.events] == [
        ("c2", "v1"),
        ("c1", None),
    ]


def test_what_else_the_moving_commit_does_is_told(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    changes = moved(files, "prompts", "pp")
    changes |= {
        "pp/a/v1.yaml": None,
        "pp/a/v2.yaml": V3,
        "pp/a/v3.yaml": V3,
        "pp/registry.yaml": labels(production="v3"),
    }
    made.commit(changes, "c3")
    found = history(made.done(), "pp")
    assert told(found) == [
        [
            ("version", "removed", "v1", "prompts/a/v1.yaml"),
            ("version", "modified", "v2", "pp/a/v2.yaml"),
            ("version", "added", "v3", "pp/a/v3.yaml"),
            ("label", "modified", "production", "pp/registry.yaml"),
        ],
        *BEGUN,
    ]
    assert (found.events[0].changes[3].before, found.events[0].changes[3].after) == (
        LabelValue((("v2", 100),)), LabelValue((("v3", 100),)),
    )  # fmt: skip


def test_a_folder_that_moves_there_and_back_and_into_itself(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    for old, new in (("prompts", "pp"), ("pp", "prompts/live"), ("prompts/live", "prompts")):
        made.commit(moved(files, old, new), f"to {new}")
    made.commit({"prompts/registry.yaml": labels(production="v1")}, "back")
    assert told(history(made.done(), "prompts")) == [
        [("label", "modified", "production", "prompts/registry.yaml")],
        *BEGUN,
    ]


def test_between_two_commits_that_move_it_there_was_nothing(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    made.commit({"catalog.yaml": named("pp")}, "settings first")
    made.commit(moved(files, "prompts", "pp"), "then the files")
    git = made.done()
    found = history(git, "pp", label="production")
    values = [
        (event.subject, event.changes[0].to_json()["from"], event.changes[0].to_json()["to"]) for event in found.events
    ]
    assert values == [
        ("then the files", None, "v2"), ("settings first", "v2", None), ("c2", "v1", "v2"), ("c1", None, "v1"),
    ]  # fmt: skip
    assert live_at(found.scope, START + 2 * HOUR).labels == {"production": None}


def test_another_folder_counts_only_while_the_settings_name_it(tmp_path: Path) -> None:
    made, _ = begin(tmp_path / "r")
    made.commit({"draft/a/v9.yaml": V3, "draft/registry.yaml": labels(production="v9")}, "elsewhere")
    made.commit({"catalog.yaml": named("draft")}, "look there")
    made.commit({"catalog.yaml": None}, "and back")
    changes = told(history(made.done(), "prompts"))
    assert changes[2:] == BEGUN
    assert [change[:3] for change in changes[1]] == [
        ("version", "removed", "v1"), ("version", "removed", "v2"), ("version", "added", "v9"),
        ("label", "modified", "production"),
    ]  # fmt: skip
    assert [change[3] for change in changes[0]] == [
        "prompts/a/v1.yaml", "prompts/a/v2.yaml", "draft/a/v9.yaml", "prompts/registry.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize("written", ['"prompt\\x73": pp\n', '{"prompts": "./pp/"}\n', "prompts: pp\nnonsense: [1]\n"])
def test_settings_are_read_as_everywhere_however_they_are_written(tmp_path: Path, written: str) -> None:
    made, files = begin(tmp_path / "r")
    made.commit(moved(files, "prompts", "pp") | {"catalog.yaml": written})
    made.commit(moved(files, "pp", "texts"))
    assert told(history(made.done(), "texts")) == BEGUN


def test_settings_that_came_first_and_went_for_a_while(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"catalog.yaml": named("pp"), "pp/a/v1.yaml": V1, "prompts/a/v1.yaml": V3})
    made.commit({"catalog.yaml": None})
    made.commit({"catalog.yaml": named("pp")})
    assert told(history(made.done(), "pp")) == [
        [("version", "modified", "v1", "pp/a/v1.yaml")],
        [("version", "modified", "v1", "prompts/a/v1.yaml")],
        [("version", "added", "v1", "pp/a/v1.yaml")],
    ]


def test_a_merge_that_moves_names_only_who_changed_something(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    made.commit({"README.md": "1"}, "noise")
    move = made.commit(moved(files, "prompts", "pp"), "Move", of=2, side=True)
    point = made.commit({"pp/registry.yaml": labels(production="v1"), "pp/a/v2.yaml": V3}, "Point", of=move, side=True)
    after = {**files, "a/v2.yaml": V3, "registry.yaml": labels(production="v1")}
    made.commit(
        moved(files, "prompts", "pp") | {f"pp/{path}": text for path, text in after.items()}, "Merge", merge=point
    )
    found = history(made.done(), "pp")
    assert told(found)[0] == [
        ("version", "modified", "v2", "pp/a/v2.yaml"), ("label", "modified", "production", "pp/registry.yaml"),
    ]  # fmt: skip
    assert told(found)[1:] == BEGUN
    assert [other.subject for other in found.events[0].merged] == ["Point"]


def test_shared_parts_move_along(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    text = V1.replace("Help", "Help {{> tone}}")
    files = {"a/v1.yaml": text, "_shared/partials/tone.md": "Calm.\n"}
    made.commit({f"prompts/{path}": content for path, content in files.items()})
    made.commit({"prompts/_shared/partials/tone.md": "Warm.\n"})
    files["_shared/partials/tone.md"] = "Warm.\n"
    made.commit(moved(files, "prompts", "pp"))
    made.commit({"pp/_shared/partials/tone.md": "Loud.\n"})
    assert told(history(made.done(), "pp"))[:2] == [
        [("shared", "modified", "partials/tone", "pp/_shared/partials/tone.md")],
        [("shared", "modified", "partials/tone", "prompts/_shared/partials/tone.md")],
    ]


def test_a_catalog_below_the_top_has_settings_of_its_own(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"one/prompts/a/v1.yaml": V1, "two/prompts/a/v1.yaml": V1, "catalog.yaml": named("other")})
    made.commit({"one/prompts/a/v1.yaml": None, "one/pp/a/v1.yaml": V1, "one/catalog.yaml": named("pp")})
    git = made.done()
    assert told(history(git, "pp", prefix="one/")) == [[("version", "added", "v1", "prompts/a/v1.yaml")]]
    assert told(history(git, "prompts", prefix="two/")) == [[("version", "added", "v1", "prompts/a/v1.yaml")]]


@pytest.mark.parametrize(
    "written",
    [
        "# prompts: nowhere\nformat: 1\n",
        "prompts: [\n",
        "prompts: ../out\n",
        "prompts: 7\nnonsense: 1\n",
        "[]\n",
        '{"prompts": "prompts/../prompts/"}\n',
        '"p\\x72ompts": prompts\n',
    ],
)
def test_settings_that_name_no_other_folder_move_nothing(tmp_path: Path, written: str) -> None:
    made, files = begin(tmp_path / "r")
    made.commit({"catalog.yaml": written})
    made.commit(moved(files, "prompts", "pp"))
    assert told(history(made.done(), "pp")) == BEGUN


def test_a_prompt_that_was_there_before_the_move_only(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    made.commit({**moved({}, "prompts", "pp"), "pp/b/v1.yaml": V1, **{f"prompts/{path}": None for path in files}})
    git = made.done()
    assert told(history(git, "pp"))[0] == [
        ("version", "removed", "v1", "prompts/a/v1.yaml"), ("version", "removed", "v2", "prompts/a/v2.yaml"),
        ("label", "removed", "production", "pp/registry.yaml"),
    ]  # fmt: skip
    assert told(history(git, "pp", prompt="b")) == [[("version", "added", "v1", "pp/b/v1.yaml")]]


def test_names_too_many_for_one_command_line(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    folder, files = "prompts", {"a/v1.yaml": V1, "registry.yaml": labels(production="v1")}
    made.commit({f"prompts/{path}": text for path, text in files.items()}, "c1")
    for number in range(40):
        new = f"f{number}/" + "x" * 120
        made.commit(moved(files, folder, new))
        folder = new
    made.commit({"catalog.yaml": "prompts: " + "y" * 300_000, "other/registry.yaml": "1"}, "too long")
    made.commit({"catalog.yaml": named(folder)}, "mended")
    found = history(made.done(), folder)
    assert [event.subject for event in found.events] == ["mended", "too long", "c1"]
    assert [event.subject for event in history(Git(tmp_path / "r"), folder, label="production").events][2] == "c1"


def test_a_shallow_clone_that_begins_before_a_move(tmp_path: Path) -> None:
    made, files = begin(tmp_path / "r")
    made.commit(moved(files, "prompts", "pp"))
    made.commit({"pp/registry.yaml": labels(production="v1")}, "back")
    full = made.done()
    for depth in (2, 3):
        top = tmp_path / str(depth)
        subprocess.run(["git", "clone", "-q", f"--depth={depth}", full.top.as_uri(), str(top)], check=True)
        cut = history(Git(top), "pp")
        assert [event.subject for event in cut.events] == ["back"]
        assert cut.events[0].changes[0].before == LabelValue((("v2", 100),))


def test_moves_cost_no_process_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, shim = tmp_path / "calls", tmp_path / "bin" / "git"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho x >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    counts = []
    for size in (1, 12):
        made, files = begin(tmp_path / str(size))
        folder = "prompts"
        for number in range(size):
            made.commit(moved(files, folder, f"p{number}"))
            folder = f"p{number}"
        git = made.done()
        commit = git.resolve("main")
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
            log.write_text("")
            prompt_history(git, commit, "", Settings(prompts=folder), "a")
        counts.append(len(log.read_text().split()))
    assert counts[0] <= counts[1] <= 6


FOLDERS = ("prompts", "pp", "prompts/deep")
EDITS = st.tuples(
    st.sampled_from(["settings", "move", "label", "version", "break", "drop"]),
    st.sampled_from(FOLDERS),
    st.sampled_from(["v1", "v2", "v3"]),
)


def _edited(tree: dict[str, str], kind: str, folder: str, version: str, here: str) -> tuple[dict[str, str], str]:
    """A tree after one edit of somebody who keeps no order, and the folder that its settings name."""
    after = dict(tree)
    if kind in ("settings", "move"):
        after["catalog.yaml"] = named(folder)
        if kind == "move":
            for path in [path for path in tree if path.startswith((f"{here}/a/", f"{here}/registry"))]:
                after[folder + path.removeprefix(here)] = after.pop(path)
        return after, folder
    if kind == "label":
        after[f"{folder}/registry.yaml"] = labels(production=version)
    elif kind == "version":
        after[f"{folder}/a/{version}.yaml"] = {"v1": V1, "v2": V2, "v3": V3}[version]
    elif kind == "break":
        after[f"{folder}/registry.yaml"] = "a:\n  production: [\n"
    else:
        after.pop(f"{folder}/registry.yaml", None)
    return after, here


@settings(max_examples=300 if SOAK else 12)
@given(st.lists(EDITS, min_size=1, max_size=9))
def test_events_and_what_was_live_never_disagree(edits: Sequence[tuple[str, str, str]]) -> None:
    here = "prompts"
    with tempfile.TemporaryDirectory() as top:
        made = Written(Path(top) / "r")
        tree = {"prompts/a/v1.yaml": V1, "prompts/registry.yaml": labels(production="v1")}
        made.commit(tree)
        for kind, folder, version in edits:
            after, here = _edited(tree, kind, folder, version, here)
            gone: dict[str, str | None] = dict.fromkeys(tree.keys() - after.keys())
            made.commit(gone | {path: text for path, text in after.items() if tree.get(path) != text})
            tree = after
        git = made.done()
        by_commit = {event.commit: event.changes for event in history(git, here).events}
        now: LabelValue | None = None
        known = True
        for number in range(1, len(edits) + 2):
            for change in by_commit.get(made.id(number), ()):
                if change.kind == "registry":
                    known = change.op == "readable"
                elif change.kind == "label":
                    assert change.before == now
                    now = change.after
            assert _live(git, here, number) == (now if known else "unknown")


def _live(git: Git, folder: str, number: int) -> LabelValue | str | None:
    scope = Scope(git, git.resolve("main"), "", Settings(prompts=folder), "a", "production")
    try:
        found = live_at(scope, START + (number - 1) * HOUR).labels["production"]
    except GitError:
        return "unknown"
    return found and found.value
