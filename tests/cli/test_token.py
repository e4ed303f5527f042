"""``catalog token``: a token is shown once, its hash is kept, and it can be made worthless."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scratch import CatalogCommand, Scratch

from catalog_tool.source.schemas import schema_text

SHAPE = re.compile(r"ctlg_[a-z0-9]{10}_[A-Za-z0-9]{49}")
VALIDATOR = Draft202012Validator(json.loads(schema_text("token-output")))


def test_a_token_is_made_listed_and_revoked(scratch: Scratch) -> None:
    scratch.write("catalog.yaml", "format: 1\n")
    made = scratch.run("token", "create", "web-app")
    secret = made.out.strip()
    assert made.code == 0
    assert SHAPE.fullmatch(secret)
    assert "only time" in made.err
    file = scratch.root / ".catalog" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_text("utf-8")
    listed = scratch.run("token", "list")
    assert re.fullmatch(rf"{secret[5:15]}  good     web-app  read  labels \*\n", listed.out)
    assert scratch.run("token", "revoke", "web-app").out == f"{secret[5:15]} (web-app) is revoked\n"
    assert "revoked" in scratch.run("token", "list").out


def test_every_document_fits_its_schema(scratch: Scratch) -> None:
    arguments = ("--scope", "read", "--scope", "write", "--label", "tenant_*", "--expires", "90d")
    made = scratch.run("token", "create", "ci", *arguments, "--format", "json", env={"SOURCE_DATE_EPOCH": "1760000000"})
    documents = [
        made.json(),
        *(scratch.run("token", *words, "--format", "json").json() for words in (["list"], ["revoke", "ci"])),
    ]
    for document in documents:
        VALIDATOR.validate(document)
    created = documents[0]
    assert (created["created_at"], created["expires_at"]) == ("2025-10-09T08:53:20Z", "2026-01-07T08:53:20Z")
    assert (created["scopes"], created["labels"]) == (["read", "write"], ["tenant_*"])
    assert "token" not in documents[1]["tokens"][0]


def test_the_file_is_named_by_option_or_variable(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    catalog_command("token", "create", "a", "--tokens", "here.json", cwd=tmp_path)
    catalog_command("token", "create", "b", cwd=tmp_path, env={"CATALOG_TOKENS": str(tmp_path / "here.json")})
    listed = catalog_command("token", "list", "--tokens", "here.json", "--format", "json", cwd=tmp_path).json()
    assert [token["name"] for token in listed["tokens"]] == ["a", "b"]
    assert not (tmp_path / ".catalog").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "a", "--scope", "admin"),
        ("create", "a", "--label", "Odd Label"),
        ("create", "a", "--expires", "soon"),
        ("create", "a", "--expires", "0d"),
        ("create", "a", "--expires", "d"),
        ("create", "a\nb"),
        ("revoke", "nobody"),
        ("list", "--tokens", "."),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    found = scratch.run("token", *arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err


def test_a_broken_file_is_named(scratch: Scratch) -> None:
    scratch.write("t.json", "{").chmod(0o600)
    found = scratch.run("token", "list", "--tokens", "t.json", "--format", "json")
    assert (found.code, found.json()["error"]["kind"]) == (2, "usage")
    assert "t.json cannot be read" in found.err
