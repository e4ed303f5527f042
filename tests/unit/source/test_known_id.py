"""A mistake in the settings does not make another catalog of it."""

from __future__ import annotations

import shutil

import pytest
from scratch import Scratch

from catalog_tool.source.known_id import known_id
from catalog_tool.source.root import find_root


def known(scratch: Scratch, text: str | None) -> str:
    (scratch.root / "catalog.yaml").unlink(missing_ok=True)
    if text is not None:
        scratch.write("catalog.yaml", text)
    return known_id(find_root(str(scratch.root)))


@pytest.fixture
def released(scratch: Scratch) -> Scratch:
    scratch.write_all({"catalog.yaml": "catalog: acme\n", "prompts/registry.yaml": ""})
    scratch.commit()
    return scratch


@pytest.mark.parametrize(
    "text",
    [
        "catalog: new\n",
        "catalog: new  # ours\r\ntargets: [\n",
        "targets: [\ncatalog: 'new'\n",
        'catalog: "new"\n\tprompts: x\n',
        "catalog:\tnew\ntargets: [\n",
        "catalog: new\nnonsense: 1\n",
    ],
)
def test_the_id_that_is_written_counts_also_where_the_rest_cannot_be_read(released: Scratch, text: str) -> None:
    assert known(released, text) == "new"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "prompts: prompts\n",
        "catalog: Not An Id\n",
        "catalog: 5\n",
        "catalog: 5\ntargets: [\n",
        "catalog: true\n",
        "catalog: null  # not yet\n",
        "catalog: 1e3\n",
        "catalog: new#not-a-comment\ntargets: [\n",
        "<<<<<<< ours\ncatalog: one\n=======\ncatalog: two\n>>>>>>> theirs\n",
        "{catalog: flow, targets: [",
        "  catalog: nested\n targets: [\n",
        "\xff\0",
    ],
)
def test_else_the_one_that_git_had_last(released: Scratch, text: str | None) -> None:
    released.write("catalog.yaml", "targets: [\n")
    released.commit("Break it")
    assert known(released, text) == "acme"


def test_outside_git_and_before_the_first_commit_nothing_is_known(scratch: Scratch) -> None:
    assert known(scratch, "targets: [\n") == ""
    shutil.rmtree(scratch.root / ".git")
    assert known(scratch, "targets: [\n") == ""


def test_a_catalog_in_a_folder_is_not_its_neighbour(scratch: Scratch) -> None:
    scratch.write_all({"catalog.yaml": "catalog: top\n", "one/catalog.yaml": "catalog: one\n"})
    scratch.commit()
    scratch.write("one/catalog.yaml", "targets: [\n")
    assert known_id(find_root(str(scratch.root / "one"))) == "one"


def test_a_long_line_takes_no_longer_than_its_length(scratch: Scratch) -> None:
    assert known(scratch, "catalog: " + "a" * 60 + " " * 500_000 + "x\n" * 200_000 + "[") == ""
