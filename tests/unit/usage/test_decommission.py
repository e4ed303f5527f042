"""The mark on a skill that is to go: whatever its front matter looks like, nothing else of it changes."""

from __future__ import annotations

import pytest

from catalog_tool.source.front_matter import read_front_matter, split_front_matter
from catalog_tool.usage.decommission import marked

REASON = "no use in the 33 days that nobody's data cover: really"
BODY = "# Body\nmetadata:\n"


def file(front: str) -> str:
    return f"---\nname: a\n{front}---\n{BODY}"


@pytest.mark.parametrize(
    "front",
    [
        "", "metadata:\n", "metadata:\n  owner: bob\n", "metadata:\n    owner: bob\n    team: x\nlicense: MIT\n",
        "metadata: {owner: bob}\n", "metadata: {owner: bob}   # who\nlicense: MIT\n", "metadata: {}\n",
        "metadata:   # who\n  owner: bob\n", "metadata:\n# who\n  owner: bob\n", '"metadata": {"owner": "bob"}\n',
        "metadata: {\n  owner: bob,\n  team: x\n}\n", "metadata: ~\n", "description: when: it rains\n",
        "description: when: it rains\nmetadata:\n  owner: bob\n",
        'description: "when\nmetadata:\n  it rains"\n',
        'description: "when\nmetadata:\n  it rains"\nmetadata: {owner: bob}\n',
        "description: |\n  metadata:\n  text\nmetadata: {owner: bob}\n",
    ],
)  # fmt: skip
def test_every_way_to_write_metadata(front: str) -> None:
    text = file(front)
    new = marked(text, REASON)
    assert new is not None
    assert new.endswith(f"---\n{BODY}")
    before, after = (read_front_matter(split_front_matter(found).yaml or "") for found in (text, new))
    assert [flaw.code for flaw in after.flaws] == [flaw.code for flaw in before.flaws]
    assert after.value.pop("metadata") == {**(before.value.pop("metadata", None) or {}), "decommission": REASON}
    assert after.value == before.value
    kept = [line for line in text.splitlines() if not line.strip('"').startswith("metadata")]
    assert not set(kept) - set(new.splitlines()) - {"  team: x"}


@pytest.mark.parametrize(
    "text",
    [
        "# No front matter\n", "---\n---\nbody\n", "---\n- a\n---\n", file("metadata: bob\n"), file("metadata: [a]\n"),
        file("metadata: {a: b}\nmetadata: {c: d}\n"), file("metadata: {decommission\n"),
        file("description: when: it rains\nmetadata: {owner: bob}\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_marked_is_left_alone(text: str) -> None:
    assert marked(text, REASON) is None


def test_line_ends_stay_as_they_are() -> None:
    text = file("metadata: {owner: bob}\n")
    new = marked(text.replace("\n", "\r\n"), REASON)
    assert new == (marked(text, REASON) or "").replace("\n", "\r\n")
    assert marked(text.replace("\n", "\r\n", 3), REASON) is None


def test_a_mark_that_is_there_is_renewed() -> None:
    first = marked(file("metadata: {owner: bob}\n"), "one")
    assert first is not None
    assert (marked(first, "two") or "").count("decommission") == 1
