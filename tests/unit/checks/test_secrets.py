"""Secrets: keys built at run time, so that no scanner (ours neither) finds one in this file."""

from __future__ import annotations

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.checks.secrets import SecretHit, find_secrets
from catalog_tool.model.secret_shapes import ASSIGNED, PREFIXED

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def draw(alphabet: str, length: int, seed: int = 1) -> str:
    rng = Random(seed)
    return "".join(rng.choice(alphabet) for _ in range(length))


def test_the_place_is_in_code_points_and_the_value_nowhere() -> None:
    key = "ghp" + "_" + draw(ALNUM, 36)
    text = f"Für {key} – fertig"
    hits = find_secrets(text)
    assert hits == [SecretHit("github-token", 4, 4 + len(key))]
    assert key not in repr(hits)
    assert SecretHit._fields == ("kind", "start", "end")


def test_several_kinds_in_order() -> None:
    text = "\n".join(
        (
            f"token {'glpat' + '-' + draw(ALNUM, 20)}",
            f"postgres://app:{draw(ALNUM, 14, 3)}@db.internal/x",
            f"aws_secret_access_key = {draw(ALNUM + '/+', 40, 5)}",
            f"'{'AK' + 'IA' + draw('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}'",
        )
    )
    assert [hit.kind for hit in find_secrets(text)] == [
        "gitlab-token",
        "url-password",
        "aws-secret-access-key",
        "aws-access-key-id",
    ]


def test_a_private_key_counts_only_with_a_body() -> None:
    head = "-----BEGIN " + "OPENSSH PRIVATE" + " KEY-----"
    body = "\n".join(draw(ALNUM + "+/", 64, n) for n in range(4))
    assert [hit.kind for hit in find_secrets(f"{head}\n{body}\n")] == ["private-key"]
    escaped = body.replace("\n", "\\n")
    assert [hit.kind for hit in find_secrets(f'{{"private_key": "{head}\\n{escaped}"}}')] == ["private-key"]
    assert find_secrets(f"{head}\n...\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "sk-...",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_your_token",
        "AKIA" + "IOSFODNN7" + "EXAMPLE",
        "ghp_" + "x" * 36,
        "ghp_" + "a1" * 18,
        "password=changeme",
        "password: ${DB_PASSWORD_2024_MAIN}",
        "api_key: <your-api-key-here-123456>",
        "token: {{github_token_2}}",
        "AIza" + "SyA" + "0123456789" * 4,
        "postgres://user:password@localhost/db",
        "postgres://postgres:postgres123@db/x",
        "https://example.com/@v2/a",
        "redis://:secret123@localhost:6379",
        "claude-3-5-sonnet-20241022",
        "tokens: claude-3-5-sonnet-20241022",
        "sha256:" + "0123456789abcdef" * 4,
        "token = get_token_from_store_v2_or_none(1)",
        "commit 4f1c2a9b8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_illustrations_are_no_secrets(text: str) -> None:
    assert find_secrets(text) == []


def test_a_sample_jwt_is_no_secret_but_a_real_one_is() -> None:
    head = "ey" + "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    sample = "ey" + "JzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0"
    real = "ey" + "JzdWIiOiJ1LTg4MTcyMyIsInNjcCI6ImFkbWluIn0"
    assert find_secrets(f"{head}.{sample}.{draw(ALNUM, 43)}") == []
    assert [hit.kind for hit in find_secrets(f"{head}.{real}.{draw(ALNUM, 43)}")] == ["jwt"]


@given(st.text())
def test_any_text_is_read_and_bytes_beside_it_change_nothing(text: str) -> None:
    assert find_secrets(text, raw=text.encode("utf-8", "surrogatepass")) == find_secrets(text)


@pytest.mark.parametrize("piece", ["a1" * 8, "@", "://a:", "eyJ0aaaaaaaa-", "password1=", "_" + "a" * 30, "AKIA0"])
def test_long_repetitions_take_linear_time(piece: str) -> None:
    assert find_secrets(piece * (200_000 // len(piece))) == []


def test_kinds_are_named_alike_and_patterns_have_no_unbounded_repetition() -> None:
    for shape in PREFIXED + ASSIGNED:
        assert shape.kind == shape.kind.lower().replace("_", "-")
        assert not {"*", "+"} & set(_outside_classes(shape.pattern))


def _outside_classes(pattern: str) -> str:
    kept, inside, escaped = [], False, False
    for character in pattern:
        if not escaped and character in "[]":
            inside = character == "["
        elif not inside and not escaped and character != "\\":
            kept.append(character)
        escaped = character == "\\" and not escaped
    return "".join(kept)
