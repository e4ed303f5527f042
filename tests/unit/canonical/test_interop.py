"""Digests of other systems, and the archive: against git, ``zipfile`` and a plain reading of MLflow's rule."""

from __future__ import annotations

import hashlib
import io
import subprocess
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scratch import isolated_environment

from catalog_tool.canonical.interop import git_tree_id, mlflow_digest, stored_zip
from catalog_tool.errors import UsageError

FILES = {
    "SKILL.md": ("100644", b"---\nname: pdf\n---\n"),
    "a/x": ("100644", b""),
    "a.b": ("100644", b"\x00\xff"),
    "a-b/c": ("100644", b"1"),
    "a0": ("100755", b"2"),
    "scripts/run.sh": ("100755", b"#!/bin/sh\necho hi\n"),
    "résumé/日本語.txt": ("100644", "é".encode()),
}
"""``a``, ``a.b`` and ``a-b`` sort as git sorts folders only."""
NAMES = st.text("ab.-_0é日", min_size=1, max_size=4).filter(lambda name: set(name) != {"."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def blob(data: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).digest()


def git_says(folder: Path, files: dict[str, tuple[str, bytes]]) -> str:
    """The tree id that git itself gives to the files."""

    def git(*arguments: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, input=given, capture_output=True, check=True
        )
        return done.stdout.strip()

    environment = isolated_environment(folder / "home")
    git("init", "--quiet")
    rows = []
    for path, (mode, data) in files.items():
        name = git("hash-object", "-w", "--stdin", given=data).decode()
        rows.append(f"{mode} {name}\t{path}\0".encode())
    git("update-index", "-z", "--index-info", given=b"".join(rows))
    return git("write-tree").decode()


def test_git_gives_the_same_tree_id(tmp_path: Path) -> None:
    ours = git_tree_id((path, mode, blob(data)) for path, (mode, data) in FILES.items())
    assert ours == git_says(tmp_path, FILES)
    assert git_tree_id(()) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def slow_mlflow(files: dict[str, bytes]) -> str:
    """The rule of the digest, word for word: u64be(len(path)) path u64be(size) content, by NFC path."""
    named = {unicodedata.normalize("NFC", path).encode(): data for path, data in files.items()}
    told = b""
    for path in sorted(named):
        told += len(path).to_bytes(8, "big") + path + len(named[path]).to_bytes(8, "big") + named[path]
    return "sha256:" + hashlib.sha256(told).hexdigest()


@given(st.dictionaries(PATHS, st.binary(max_size=20), max_size=6))
def test_mlflow(files: dict[str, bytes]) -> None:
    assert mlflow_digest(files.items()) == mlflow_digest(reversed(files.items())) == slow_mlflow(files)


def test_mlflow_takes_paths_in_normal_form_c() -> None:
    assert mlflow_digest([("e\u0301", b"x")]) == mlflow_digest([("\xe9", b"x")])


@given(st.dictionaries(PATHS, st.tuples(st.sampled_from(["100644", "100755"]), st.binary(max_size=40)), max_size=6))
def test_zipfile_reads_what_was_stored(files: dict[str, tuple[str, bytes]]) -> None:
    rows = [(path, mode, data) for path, (mode, data) in files.items()]
    written = stored_zip(rows)
    assert stored_zip(rows) == written
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(files)
        for info in archive.infolist():
            mode, data = files[info.filename]
            assert archive.read(info) == data
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == int(mode, 8)
            assert info.create_system == 3


def test_the_archive_never_changes() -> None:
    rows = [(path, *FILES[path]) for path in sorted(FILES)]
    expected = "f5c6fdfa"
    assert hashlib.sha256(stored_zip(rows)).hexdigest()[:8] == expected


def test_too_many_files_for_an_archive() -> None:
    with pytest.raises(UsageError):
        stored_zip([("a", "100644", b"")] * 65_536)
