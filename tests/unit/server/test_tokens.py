"""The shape of tokens and the file that holds their hashes."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.errors import UsageError
from catalog_tool.server.tokens import Token, TokenFile, Wish, hash_of, id_of, new_secret


def test_a_token_has_a_prefix_an_id_and_a_checksum() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        assert secret.startswith("ctlg_")
        assert len(secret) == 65
        assert id_of(secret) == secret[5:15]


@given(st.integers(0, 64), st.characters(codec="ascii", categories=["L", "N"]))
def test_one_character_that_is_another_is_no_token(place: int, other: str) -> None:
    secret = new_secret()
    changed = secret[:place] + other + secret[place + 1 :]
    assert (id_of(changed) is None) == (changed != secret)


@pytest.mark.parametrize("text", ["", "ctlg_", "Bearer", "ctlg_abcdefghij_x", "é" * 65, "\n"])
def test_what_has_no_such_form(text: str) -> None:
    assert id_of(text) is None


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "folder" / "t.json")
    secret, token = file.create(Wish(name="web", scopes=["read", "read"], labels=["prod*"], seconds=60), 100)
    assert file.read() == [token]
    assert token == Token(
        id=secret[5:15], name="web", hash=hash_of(secret), scopes=("read",), labels=("prod*",), created_at=100,
        expires_at=160,
    )  # fmt: skip
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_tokens_made_at_once_are_all_kept(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    threads = [
        threading.Thread(target=lambda number=number: file.create(Wish(name=f"n{number}", scopes=["read"]), 0))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in file.read()} == {f"n{number}" for number in range(12)}
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_revoking_by_id_or_by_a_name_that_is_not_shared(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    for name in ("a", "b", "b"):
        file.create(Wish(name=name, scopes=["read"]), 0)
    assert file.revoke("a", 5).revoked_at == 5
    assert file.revoke("a", 9).revoked_at == 5
    for wrong in ("b", "none"):
        with pytest.raises(UsageError):
            file.revoke(wrong, 5)
    assert file.revoke(file.read()[1].id, 7).revoked_at == 7


def test_after_a_rotation_a_name_means_the_good_one(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    for at in (1, 3):
        _, made = file.create(Wish(name="web", scopes=["read"]), at)
        assert file.revoke("web", at + 1) == replace(made, revoked_at=at + 1)
    file.create(Wish(name="web", scopes=["read"], seconds=10), 5)
    _, last = file.create(Wish(name="web", scopes=["read"]), 6)
    with pytest.raises(UsageError, match="2 good tokens"):
        file.revoke("web", 7)
    assert file.revoke("web", 15).id == last.id, "the other has expired"
    assert file.revoke("web", 20) == replace(last, revoked_at=15)


def test_an_id_means_its_token_whatever_others_are_named(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    _, first = file.create(Wish(name="a", scopes=["read"]), 0)
    file.create(Wish(name=first.id, scopes=["read"]), 0)
    assert file.revoke(first.id, 5).id == first.id


def test_through_a_link_the_real_file_is_changed(tmp_path: Path) -> None:
    real, link = TokenFile(tmp_path / "real" / "t.json"), TokenFile(tmp_path / "link.json")
    link.path.symlink_to(real.path)
    link.create(Wish(name="a", scopes=["read"]), 0)
    link.revoke("a", 5)
    assert link.path.is_symlink()
    assert [token.revoked_at for token in real.read()] == [5]
    assert [path.name for path in real.path.parent.iterdir()] == ["t.json"]


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    ring = tmp_path / "ring.json"
    ring.symlink_to(ring)
    with pytest.raises(UsageError):
        TokenFile(ring).create(Wish(name="a", scopes=["read"]), 0)


@pytest.mark.parametrize(
    "wish",
    [
        Wish(name="", scopes=["read"]),
        Wish(name="a\nb", scopes=["read"]),
        Wish(name="a", scopes=[]),
        Wish(name="a", scopes=["admin"]),
        Wish(name="a", scopes=["read"], labels=[]),
        Wish(name="a", scopes=["read"], labels=["Prod"]),
    ],
)
def test_a_wish_that_makes_no_sense(tmp_path: Path, wish: Wish) -> None:
    with pytest.raises(UsageError):
        TokenFile(tmp_path / "t.json").create(wish, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2, "tokens": []}', '{"format": 1, "tokens": [{}]}', '{"format":1,"tokens":7}']
)
def test_a_file_of_something_else_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="cannot be read"):
        TokenFile(path).read()


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    file.create(Wish(name="a", scopes=["read"]), 0)
    file.path.chmod(0o666)
    with pytest.raises(UsageError, match="written by others"):
        file.read()
