"""References: what they mean, in the work tree and at a revision (design §2)."""

from __future__ import annotations

import pytest
from scratch import Scratch

from catalog_tool.errors import UsageError
from catalog_tool.model.names import Reference
from catalog_tool.source.resolve import OpenCatalog, open_catalog, parse_reference, resolve_prompt
from catalog_tool.source.root import find_root

HEX = "0123456789ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ("a", None, None)),
        ("a/b", ("a/b", None, None)),
        ("a@v2", ("a", "v2", None)),
        ("a@production", ("a", "production", None)),
        (f"a@sha256:{HEX}", ("a", f"sha256:{HEX}", None)),
        ("HEAD:a", ("a", None, "HEAD")),
        ("HEAD~2:a@v2", ("a", "v2", "HEAD~2")),
        (f"v1.0:a/b@sha256:{HEX}", ("a/b", f"sha256:{HEX}", "v1.0")),
        ("main@{1}:a", ("a", None, "main@{1}")),
        ("main@{2 days ago}:a@v1", ("a", "v1", "main@{2 days ago}")),
        (":/fix bug:a", ("a", None, ":/fix bug")),
    ],
)
def test_parsing(text: str, expected: tuple[str, str | None, str | None]) -> None:
    assert parse_reference(text) == Reference(*expected)


@pytest.mark.parametrize("text", ["", "@", "a@", "@v1", ":a", "HEAD:", "HEAD:@v1", "a@b@c", "a b", "a@x y"])
def test_no_references(text: str) -> None:
    with pytest.raises(UsageError):
        parse_reference(text)


def text(number: int) -> str:
    return f"system_prompt: |\n  Number {number}.\n"


@pytest.fixture
def catalog(scratch: Scratch) -> OpenCatalog:
    scratch.write_all(
        {
            "prompts/a/v2.yaml": text(2),
            "prompts/a/v9.yaml": text(9),
            "prompts/a/v10.json": '{"system_prompt": "Number 10."}',
            "prompts/a/v11.yaml": "system_prompt: [\n",
            "prompts/b/v1.yaml": text(2),
            "prompts/b/v2.yaml": text(2),
            "prompts/registry.yaml": "a:\n  production: v2\n  canary: {v9: 95, v10: 5}\n  gone: v4\n  broken: v11\n",
        }
    )
    scratch.commit()
    return open_catalog(find_root(str(scratch.root)), None)


def found(catalog: OpenCatalog, reference: str) -> tuple[str, str, str | None]:
    resolved = resolve_prompt(catalog, parse_reference(reference))
    return resolved.version.id, resolved.version.version, resolved.label


def test_versions_labels_and_digests(catalog: OpenCatalog) -> None:
    assert found(catalog, "b") == ("b", "v2", None)
    assert found(catalog, "a@v9") == ("a", "v9", None)
    assert found(catalog, "a@v10") == ("a", "v10", None)
    assert found(catalog, "a@production") == ("a", "v2", "production")
    assert found(catalog, "a@canary") == ("a", "v9", "canary")
    digest = resolve_prompt(catalog, parse_reference("a@v9")).version.digest
    assert found(catalog, f"a@{digest}") == found(catalog, f"a@{digest[:19]}") == ("a", "v9", None)
    # Two versions with one digest are one thing: the newer stands for it.
    shared = resolve_prompt(catalog, parse_reference("b@v1")).version.digest
    assert found(catalog, f"b@{shared}") == ("b", "v2", None)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("c", "no prompt or skill 'c'"),
        ("a@v1", "no version v1"),
        ("a@productoin", "no label 'productoin'"),
        ("a@latest", "no label 'latest'"),
        ("a@gone", "points to v4"),
        ("a", "v11 cannot be used: Y007"),
        ("a@broken", "v11 cannot be used"),
        ("a@sha256:0123", "no digest"),
        ("a@sha256:0123456789AB", "no digest"),
        ("a@sha256:0123456789ab", "no version"),
    ],
)
def test_what_means_nothing(catalog: OpenCatalog, reference: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        found(catalog, reference)
    assert why in raised.value.message


def test_hints_name_what_was_meant(catalog: OpenCatalog) -> None:
    with pytest.raises(UsageError) as raised:
        found(catalog, "a@productoin")
    assert "a@production" in raised.value.hint
    with pytest.raises(UsageError) as raised:
        found(catalog, "a@v1")
    assert "v2, v9, v10" in raised.value.hint


@pytest.mark.usefixtures("catalog")
def test_another_revision(scratch: Scratch) -> None:
    scratch.write("prompts/a/v12.yaml", text(12))
    (scratch.root / "prompts/a/v11.yaml").unlink()
    place = find_root(str(scratch.root))
    assert found(open_catalog(place, None), "a") == ("a", "v12", None)
    then = open_catalog(place, "HEAD")
    assert [file.version for file in then.files.layout.versions if file.id == "a"] == ["v10", "v11", "v2", "v9"]
    with pytest.raises(UsageError, match="v11 cannot be used"):
        found(then, "a")
