"""Who changed a prompt, when and why: events of real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history import Event, History, prompt_history

from .history_repository import BOB, HOUR, START, Written, raw_commit, run_git

SHORT = "id: support\nversion: {}\nmodel: gpt-4o\nsystem_prompt: |\n  {}\n"
FOLDER = "prompts/support"
REGISTRY = "prompts/registry.yaml"


def version(name: str, text: str = "Help.") -> str:
    return SHORT.format(name, text)


def history(git: Git, prompt: str = "support", *, label: str | None = None, prefix: str = "") -> History:
    return prompt_history(git, git.resolve("main"), prefix, Settings(), prompt, label)


def short(event: Event) -> list[tuple[str, str, str]]:
    return [(change.kind, change.op, change.name) for change in event.changes]


def events(git: Git, prompt: str = "support", **more: str) -> list[list[tuple[str, str, str]]]:
    return [short(event) for event in history(git, prompt, **more).events]


def test_who_what_when_and_why(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")}, "Begin\n\nThe first one.\n", author=BOB)
    made.commit({"README.md": "nothing of ours"})
    last = made.commit(
        {f"{FOLDER}/v2.yaml": version("v2"), REGISTRY: "support:\n  production: v1\n"},
        "Be shorter and\nwarmer\n\nCustomers asked.\n\nTwice.\n",
    )
    git = made.done()
    newest, oldest = history(git).events
    assert newest.commit == made.id(last)
    assert (newest.author, newest.email) == ("Ann Lee", "ann@example.org")
    assert newest.time == START + 2 * HOUR
    assert newest.subject == "Be shorter and warmer"
    assert newest.body == "Customers asked.\n\nTwice."
    assert short(newest) == [("version", "added", "v2"), ("label", "added", "production")]
    assert newest.merged == ()
    assert short(oldest) == [("version", "added", "v1")]
    assert oldest.changes[0].path == f"{FOLDER}/v1.yaml"
    assert history(git).to_json()["events"][1] == {
        "commit": made.id(1), "time": "2025-03-01T00:00:00Z", "author": "Bob Ray", "email": "bob@example.org",
        "subject": "Begin", "body": "The first one.", "merged": [],
        "changes": [{
            "kind": "version", "op": "added", "name": "v1", "path": f"{FOLDER}/v1.yaml",
            "from": None, "to": None,
        }],
    }  # fmt: skip


def test_versions_come_change_and_go(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v{number}.yaml": version(f"v{number}") for number in (2, 10, 1)})
    made.commit({f"{FOLDER}/v2.yaml": version("v2", "Other.")})
    made.commit({f"{FOLDER}/v2.yaml": None, f"{FOLDER}/v2.json": '{"system_prompt": "Other."}'})
    made.commit({f"{FOLDER}/v1.yaml": None})
    made.commit({f"{FOLDER}/v10.yaml": None, f"{FOLDER}/v3.yaml": version("v10")})
    made.commit(
        {
            f"{FOLDER}/tests/a.yaml": "", f"{FOLDER}/evidence/a.json": "", f"{FOLDER}/notes.yaml": "",
            f"{FOLDER}/refund/v1.yaml": "", "prompts/supporter/v1.yaml": "", "prompts/support.yaml": "",
        }
    )  # fmt: skip
    git = made.done()
    assert events(git) == [
        [("version", "added", "v3"), ("version", "removed", "v10")],
        [("version", "removed", "v1")],
        [("version", "modified", "v2")],
        [("version", "modified", "v2")],
        [("version", "added", "v1"), ("version", "added", "v2"), ("version", "added", "v10")],
    ]
    assert history(git).events[2].changes[0].path == f"{FOLDER}/v2.json"


def test_a_mode_is_no_change_and_a_link_is_no_file(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1"), f"{FOLDER}/v2.yaml": version("v2")})
    git = made.done()
    blob = run_git(git.top, "rev-parse", f"main:{FOLDER}/v1.yaml")
    for mode in ("100755", "120000"):
        run_git(git.top, "read-tree", "main")
        run_git(git.top, "update-index", "--cacheinfo", f"{mode},{blob},{FOLDER}/v1.yaml")
        tree = run_git(git.top, "write-tree")
        made_commit = run_git(
            git.top,
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@x",
            "commit-tree",
            "-p",
            "main",
            "-m",
            mode,
            tree,
        )
        run_git(git.top, "update-ref", "refs/heads/main", made_commit)
    assert events(git) == [
        [("version", "removed", "v1")],
        [("version", "added", "v1"), ("version", "added", "v2")],
    ]


def test_labels_in_canonical_form_and_only_our_own(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    base = "other:\n  production: {}\nsupport:\n  production: {}\n  {}\nthird:\n  production: v1\n"
    made.commit({f"{FOLDER}/v1.yaml": version("v1"), REGISTRY: base.format("v1", "v1", "staging: v1")})
    made.commit({REGISTRY: base.format("v2", "v1", "staging: v1")})
    made.commit({REGISTRY: base.format("v2", "{v1: 95, v2: 5.0}", "")})
    made.commit({REGISTRY: base.format("v2", "{v1: 95.0, v2: 5} # same", "# nothing")})
    made.commit({REGISTRY: base.format("v2", "{v2: 5, v1: 95}", "")})
    made.commit({REGISTRY: None})
    git = made.done()
    found = history(git).events
    assert [event.commit for event in found] == [made.id(number) for number in (6, 5, 3, 1)]
    split = [{"version": "v1", "weight": 95}, {"version": "v2", "weight": 5}]
    rows = [[(c.op, c.name, c.to_json()["from"], c.to_json()["to"]) for c in event.changes] for event in found]
    assert rows == [
        [("removed", "production", split[::-1], None)],
        [("modified", "production", split, split[::-1])],
        [("modified", "production", "v1", split), ("removed", "staging", "v1", None)],
        [("added", "v1", None, None), ("added", "production", None, "v1"), ("added", "staging", None, "v1")],
    ]
    assert found[0].changes[0].path == REGISTRY


def test_one_label_only(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1"), REGISTRY: "support: {production: v1, staging: v1}\n"})
    made.commit({f"{FOLDER}/v2.yaml": version("v2"), REGISTRY: "support: {production: v1, staging: v2}\n"})
    git = made.done()
    assert events(git, label="production") == [[("label", "added", "production")]]
    assert events(git, label="staging") == [
        [("label", "modified", "staging")],
        [("label", "added", "staging")],
    ]
    assert events(git, label="canary") == []


def test_a_registry_that_cannot_be_read_is_told_and_changes_nothing_until_it_can(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1"), REGISTRY: "support:\n  production: v1\n"})
    made.commit({REGISTRY: "support:\n  production: [\n"})
    made.commit({REGISTRY: "<<<<<<< HEAD\nsupport:\n  production: v2\n"})
    made.commit({REGISTRY: "support:\n  production: v1\n  canary: {v1: 50}\n"})
    made.commit({REGISTRY: "other:\n  production: v3\nsupport:\n  production: v1\n  canary: {v1: 50}\n"})
    made.commit({REGISTRY: "x" * 2_000_000})
    made.commit({REGISTRY: "support:\n  production: v1\n"})
    made.commit({REGISTRY: "support:\n  production: v2\n"})
    git = made.done()
    whole = history(git).events
    unreadable, readable = ("registry", "unreadable", "registry.yaml"), ("registry", "readable", "registry.yaml")
    moved = ("label", "modified", "production")
    assert [(event.commit, short(event)) for event in whole[:-1]] == [
        (made.id(number), [told])
        for number, told in ((8, moved), (7, readable), *((number, unreadable) for number in (6, 4, 3, 2)))
    ]
    assert whole[0].changes[0].to_json()["from"] == "v1"
    assert whole[-2].changes[0].to_json() == {
        "kind": "registry", "op": "unreadable", "name": "registry.yaml", "path": REGISTRY, "from": None, "to": None,
    }  # fmt: skip
    assert [event.commit for event in history(git, label="production").events] == [event.commit for event in whole]


def test_an_unreadable_registry_is_told_where_a_merge_brought_it_and_where_a_clone_begins(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    root = made.commit({f"{FOLDER}/v1.yaml": version("v1"), REGISTRY: "support:\n  a: v1\n"})
    side = made.commit({REGISTRY: "support:\n  a: [\n"}, "Oops", of=root, side=True)
    made.commit({REGISTRY: "support:\n  a: [\n"}, "Merge", merge=side)
    made.commit({REGISTRY: "support:\n  a: v2\n"}, "Mend")
    full = made.done()
    merge = history(full).events[1]
    assert (merge.subject, short(merge)) == ("Merge", [("registry", "unreadable", "registry.yaml")])
    assert [other.subject for other in merge.merged] == ["Oops"]
    subprocess.run(["git", "clone", "-q", "--depth=2", full.top.as_uri(), str(tmp_path / "s")], check=True)
    assert [event.subject for event in history(Git(tmp_path / "s")).events] == ["Mend", "Merge"]


def test_a_registry_that_was_broken_before_the_prompt_came_is_not_told_of_it(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({REGISTRY: "{"})
    made.commit({REGISTRY: "other: {a: v1}\n"})
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    made.commit({REGISTRY: "{", "prompts/late/v1.yaml": version("v1")})
    git = made.done()
    assert events(git) == [[("registry", "unreadable", "registry.yaml")], [("version", "added", "v1")]]
    assert events(git, "late") == [[("registry", "unreadable", "registry.yaml"), ("version", "added", "v1")]]


def test_shared_parts_that_a_version_uses(tmp_path: Path) -> None:
    shared = "prompts/_shared"
    made = Written(tmp_path / "r")
    made.commit({f"{shared}/partials/tone.md": "Calm.\n", f"{shared}/partials/inner/v1.md": "Deep.\n"})
    made.commit({f"{FOLDER}/v1.yaml": version("v1", "{{> outer}}") + "tools: [search_kb, mail@v1]\n"})
    made.commit({f"{shared}/partials/outer.md": "{{> inner@v1}}\n"})
    made.commit({f"{shared}/partials/inner/v1.md": "Deeper.\n", f"{shared}/partials/tone.md": "Loud.\n"})
    made.commit({f"{shared}/tools/search_kb.yaml": "name: search_kb\n", f"{shared}/tools/mail/v2.yaml": ""})
    made.commit({f"{shared}/tools/search_kb.yaml": None, f"{shared}/tools/search_kb.json": "{}"})
    made.commit({f"{shared}/partials/outer.md": "No more.\n"})
    made.commit({f"{shared}/partials/inner/v1.md": "Unused.\n"})
    made.commit({f"{FOLDER}/v1.yaml": None, f"{shared}/partials/outer.md": None})
    git = made.done()
    assert [(event.commit, short(event)) for event in history(git).events] == [
        (made.id(9), [("version", "removed", "v1"), ("shared", "removed", "partials/outer")]),
        (made.id(7), [("shared", "modified", "partials/outer")]),
        (made.id(6), [("shared", "modified", "tools/search_kb")]),
        (made.id(5), [("shared", "added", "tools/search_kb")]),
        (made.id(4), [("shared", "modified", "partials/inner@v1")]),
        (made.id(3), [("shared", "added", "partials/outer")]),
        (made.id(2), [("version", "added", "v1")]),
    ]


def test_a_merge_is_one_event_that_names_what_it_brought(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    root = made.commit({"README.md": "1"})
    made.commit({"README.md": "2"})
    first = made.commit({f"{FOLDER}/v1.yaml": version("v1")}, "Draft", author=BOB, of=root, side=True)
    noise = made.commit({"other.txt": "1", "prompts/other/v1.yaml": "x"}, of=first, side=True)
    second = made.commit({f"{FOLDER}/v1.yaml": version("v1", "Better.")}, "Polish\n\nx", of=noise, side=True)
    merge = made.commit(
        {f"{FOLDER}/v1.yaml": version("v1", "Better.")},
        "Merge the draft",
        author="Hub <hub@example.org>",
        merge=second,
    )
    labels = made.commit({REGISTRY: "other:\n  a: v1\n"}, "Not ours", of=second, side=True)
    point = made.commit({REGISTRY: "other:\n  a: v1\nsupport:\n  a: v1\n"}, "Ours", of=labels, side=True)
    made.commit({REGISTRY: "other:\n  a: v1\nsupport:\n  a: v1\n"}, merge=point)
    git = made.done()
    newest, oldest = history(git).events
    assert short(newest) == [("label", "added", "a")]
    assert [other.subject for other in newest.merged] == ["Ours"]
    assert oldest.commit == made.id(merge)
    assert (oldest.author, short(oldest)) == ("Hub", [("version", "added", "v1")])
    assert [(other.commit, other.author, other.subject) for other in oldest.merged] == [
        (made.id(second), "Ann Lee", "Polish"), (made.id(first), "Bob Ray", "Draft"),
    ]  # fmt: skip


def test_a_commit_belongs_to_the_merge_that_brought_it_first(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    root = made.commit({"README.md": "1"})
    early = made.commit({f"{FOLDER}/v1.yaml": version("v1")}, "Early", of=root, side=True)
    made.commit({f"{FOLDER}/v1.yaml": version("v1")}, "First merge", merge=early)
    late = made.commit({f"{FOLDER}/v2.yaml": version("v2")}, "Late", of=early, side=True)
    made.commit({f"{FOLDER}/v2.yaml": version("v2")}, "Second merge", merge=late)
    direct = made.commit({f"{FOLDER}/v3.yaml": version("v3", "Draft.")}, "Direct")
    inner = made.commit({f"{FOLDER}/v3.yaml": version("v3")}, "Inner", of=direct, side=True)
    outer = made.commit({"README.md": "2"}, "Outer", of=direct, side=True)
    both = made.commit({f"{FOLDER}/v3.yaml": version("v3")}, "Both", of=outer, merge=inner, side=True)
    made.commit({f"{FOLDER}/v3.yaml": version("v3")}, "Third merge", merge=both)
    git = made.done()
    found = [(event.subject, [other.subject for other in event.merged]) for event in history(git).events]
    assert found == [
        ("Third merge", ["Inner"]), ("Direct", []), ("Second merge", ["Late"]), ("First merge", ["Early"]),
    ]  # fmt: skip


def test_a_renamed_folder_is_removed_and_added(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    made.commit({f"{FOLDER}/v1.yaml": None, "prompts/help/v1.yaml": version("v1")})
    git = made.done()
    assert events(git)[0] == [("version", "removed", "v1")]
    assert events(git, "help") == [[("version", "added", "v1")]]


def test_a_catalog_below_the_top(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"one/prompts/support/v1.yaml": version("v1"), "two/prompts/support/v1.yaml": version("v1")})
    made.commit({"two/prompts/support/v2.yaml": version("v2")})
    git = made.done()
    assert events(git, prefix="one/") == [[("version", "added", "v1")]]
    assert history(git, prefix="two/").events[0].changes[0].path == f"{FOLDER}/v2.yaml"


def test_a_prompt_that_never_was_is_a_usage_error(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    git = made.done()
    for prompt in ("other", "--output=x", "../support", ":(top)", "Support", "support/v1", "support\n"):
        with pytest.raises(UsageError):
            history(git, prompt)
    with pytest.raises(UsageError):
        history(git, label="latest")


def test_no_other_text_than_a_commit_id_reaches_git(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    git = made.done()
    before = sorted(path.name for path in tmp_path.iterdir())
    for text in (f"--output={tmp_path}/x", "main", "@{u}", ":(top)", "-O/etc/passwd", "a" * 64, ""):
        with pytest.raises(GitError):
            prompt_history(git, text, "", Settings(), "support")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    with pytest.raises(GitError):
        prompt_history(git, "0" * 40, "", Settings(), "support")


def test_a_shallow_clone_makes_nothing_up(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    made.commit({f"{FOLDER}/v2.yaml": version("v2"), REGISTRY: "support:\n  a: v1\n"})
    made.commit({REGISTRY: "support:\n  a: v2\n"})
    full = made.done()
    subprocess.run(["git", "clone", "-q", "--depth=2", full.top.as_uri(), str(tmp_path / "s")], check=True)
    cut = history(Git(tmp_path / "s"))
    assert cut.shallow
    assert [change.to_json()["from"] for event in cut.events for change in event.changes] == ["v1"]
    assert not history(full).shallow
    with pytest.raises(UsageError) as caught:
        history(Git(tmp_path / "s"), "gone")
    assert "fetch-depth: 0" in caught.value.hint


NASTY = [
    b"::error::x <\x1b[31m@x>", b"\xff\xfe <\xff@x>", b"<only@mail>", "Jo\u202eë <j@x>".encode(),
]  # fmt: skip


@pytest.mark.parametrize("who", NASTY)
def test_names_and_messages_of_any_kind_are_handed_on(tmp_path: Path, who: bytes) -> None:
    message = b"##[cmd]\x1b]8;;x\x07 \xe2\x80\xa8 \xff\n\n::set-output name=x::y\n\r\n"
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")}, message, author=who)
    event = history(made.done()).events[0]
    assert event.subject == "##[cmd]\x1b]8;;x\x07 \u2028 \ufffd"
    assert event.body.startswith("::set-output")
    assert event.email.encode("utf-8", "replace")
    assert event.author.encode() in who or "\ufffd" in event.author


WHO = b"author A <a@x> 1 +0000\ncommitter C <c@x> 77 +0000"
OBJECTS = {
    "an encoding": (WHO + b"\nencoding ISO-8859-1", b"\xe9t\xe9", "A", "été", 77),
    "a slow encoding": (WHO + b"\nencoding punycode", b"x" * 200_000, "A", None, 77),
    "no encoding": (WHO + b"\nencoding no-such", b"s", "A", "s", 77),
    "an unknown code page": (WHO + b"\nencoding cp9999", b"s", "A", "s", 77),
    "a signature": (WHO + b"\ngpgsig x\n author B <b@x> 2 +0000", b"s", "A", "s", 77),
    "a long name": (b"author " + b"1 " * 300_000 + WHO[7:], b"s", None, "s", 77),
    "a far time": (WHO.replace(b"77", b"9999999999999"), b"s", "A", "s", 9_999_999_999_999),
    "no time": (b"author A\ncommitter C", b"", "A", "", 0),
}


@pytest.mark.parametrize(("headers", "message", "author", "subject", "time"), OBJECTS.values(), ids=OBJECTS)
def test_commit_objects_that_no_git_writes(
    tmp_path: Path, headers: bytes, message: bytes, author: str | None, subject: str | None, time: int
) -> None:
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    made.commit({f"{FOLDER}/v2.yaml": version("v2")})
    git = made.done()
    run_git(git.top, "update-ref", "refs/heads/main", "main~1")
    tree = made.id(2)
    run_git(git.top, "update-ref", "refs/heads/next", tree)
    odd = raw_commit(git.top, headers, message, tree="next")
    event = history(git).events[0]
    assert (event.commit, short(event)) == (odd, [("version", "added", "v2")])
    assert event.time == time
    assert event.author == author if author is not None else len(event.author) <= 1000
    assert subject is None or event.subject == subject
    written = history(git).to_json()["events"][0]["time"]
    assert written in ("1970-01-01T00:00:00Z", "1970-01-01T00:01:17Z", "9999-12-31T23:59:59Z")


def test_a_hostile_repository_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    script = tmp_path / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    script.chmod(0o755)
    made = Written(tmp_path / "r")
    made.commit({f"{FOLDER}/v1.yaml": version("v1"), ".gitattributes": "* diff=evil filter=evil\n"})
    made.commit({f"{FOLDER}/v1.yaml": version("v1", "Other.")})
    git = made.done()
    keys = [
        "core.fsmonitor", "core.hooksPath", "core.pager", "core.sshCommand", "core.editor", "diff.external",
        "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "gpg.program",
        "pager.log", "pager.cat-file", "core.alternateRefsCommand", "credential.helper",
        "remote.o.uploadpack",
    ]  # fmt: skip
    for key in keys:
        run_git(git.top, "config", key, str(script))
    for key, value in {
        "log.showSignature": "true", "core.worktree": str(tmp_path), "log.diffMerges": "combined",
        "log.showRoot": "false", "diff.orderFile": "/dev/null", "format.pretty": "%n",
        "diff.renames": "copies",
        "alias.log": f"!{script}", "extensions.partialClone": "o", "remote.o.url": f"ext::{script}",
        "remote.o.promisor": "true", "log.follow": "true", "i18n.logOutputEncoding": "UTF-16",
    }.items():  # fmt: skip
        run_git(git.top, "config", key, value)
    (git.top / ".git" / "hooks" / "post-index-change").write_text(script.read_text())
    assert events(git) == [[("version", "modified", "v1")], [("version", "added", "v1")]]
    assert not marker.exists()


def test_what_is_inherited_cannot_redirect_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, other = Written(tmp_path / "r"), Written(tmp_path / "o")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    other.commit({"x": "1"})
    git = made.done()
    other.done()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "o" / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "o" / ".git" / "objects"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(tmp_path / "o" / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert events(git) == [[("version", "added", "v1")]]


def test_a_worktree_of_its_own_and_an_odd_folder(tmp_path: Path) -> None:
    made = Written(tmp_path / "$HOME")
    made.commit({f"{FOLDER}/v1.yaml": version("v1")})
    git = made.done()
    run_git(git.top, "worktree", "add", "--quiet", "--detach", str(tmp_path / "w"), "main")
    assert events(git) == [[("version", "added", "v1")]]
    assert events(Git(tmp_path / "w")) == [[("version", "added", "v1")]]


def test_the_number_of_processes_does_not_grow_with_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "calls"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho x >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    counts = []
    for size in (5, 60):
        made = Written(tmp_path / str(size))
        for number in range(size):
            text = version("v1", f"Help {number}. {{{{> tone}}}}")
            made.commit({f"{FOLDER}/v1.yaml": text, REGISTRY: f"support:\n  a: v{number + 1}\n"})
            side = made.commit({"prompts/_shared/partials/tone.md": str(number)}, side=True)
            made.commit({"prompts/_shared/partials/tone.md": str(number)}, merge=side)
        git = made.done()
        commit = git.resolve("main")
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
            log.write_text("")
            found = prompt_history(git, commit, "", Settings(), "support")
        assert len(found.events) == 2 * size
        counts.append(len(log.read_text().split()))
    assert counts[0] == counts[1] <= 6


def test_dates_and_times_need_no_gitpython() -> None:
    code = (
        "import sys, catalog_tool.source.history_dates, catalog_tool.source.history_times, "
        "catalog_tool.source.history_live; sys.exit('git' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
