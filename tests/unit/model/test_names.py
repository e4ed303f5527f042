"""Ids, versions and labels: the forms of design §2, matched whole and in ASCII."""

from __future__ import annotations

import pytest

from catalog_tool.model.names import (
    is_catalog_id,
    is_label,
    is_prompt_id,
    is_skill_name,
    is_version,
    version_number,
)


@pytest.mark.parametrize(
    "text", ["a", "support_agent", "billing/refund", "a1/b-2/c_d", "x/latest", "vv1", "v1a", "com", "com10"]
)
def test_ids(text: str) -> None:
    assert is_prompt_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "1a", "_a", "a_", "a__b", "a-_b", "a b", "a.b", "é", "a/", "/a", "a//b", "a\n", "a/b\n", "a\0"),
        *("tests", "a/tests", "evidence/a", "a/versions/b", "labels", "v1", "a/v0", "v12/b", "v١", "ａ"),
        *("con", "a/prn", "aux/b", "nul", "com1", "lpt9/a", "com0", "_shared", "a@v1", "..", "a/../b"),
    ],
)  # fmt: skip
def test_no_ids(text: str) -> None:
    assert not is_prompt_id(text)


@pytest.mark.parametrize(("text", "number"), [("v1", 1), ("v2", 2), ("v10", 10), ("v999999", 999999)])
def test_versions(text: str, number: int) -> None:
    assert is_version(text)
    assert version_number(text) == number


@pytest.mark.parametrize("text", ["", "v", "v0", "v01", "1", "V1", "v1 ", "v1\n", "v-1", "v1.0", "v١", "latest"])
def test_no_versions(text: str) -> None:
    assert not is_version(text)


@pytest.mark.parametrize(
    "text", ["production", "tenant_acme", "claude-sonnet", "a", "a__--", "v", "v1a", "a" * 36, "latest2"]
)
def test_labels(text: str) -> None:
    assert is_label(text)


@pytest.mark.parametrize("text", ["", "latest", "v1", "v007", "A", "1a", "_a", "a.b", "a/b", "a" * 37, "a\n", "é"])
def test_no_labels(text: str) -> None:
    assert not is_label(text)


def test_skill_names_and_catalog_ids() -> None:
    assert all(map(is_skill_name, ["pdf", "a-b", "1-2"]))
    assert not any(map(is_skill_name, ["", "A", "a--b", "-a", "a-", "a_b", "a\n", "é"]))
    assert all(map(is_catalog_id, ["a", "0-", "a" * 63]))
    assert not any(map(is_catalog_id, ["", "-a", "A", "a" * 64, "a_b", "a\n"]))
