"""One label changes in the registry's text, and nothing else does."""

# ruff: noqa: E501 - tables are read a row a line

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.model.labels import LabelValue
from catalog_tool.source.registry import read_registry
from catalog_tool.source.registry_edit import sole_writer, with_label, without_label, write_registry

PATH = "prompts/registry.yaml"
V3 = LabelValue((("v3", 100),))
SPLIT = LabelValue((("v2", 95), ("v3", 5)))
WIDER = LabelValue((("v2", 74.5), ("v3", 25.5)))

REGISTRY = """\
# who moves these: team-support
support_agent:   # the big one
  production: v2   # since March
  staging:    "v3"
  canary: {v2: 95, v3: 5}  # trial

billing/refund:
  production:
    v1: 90   # stable
    # the trial of April
    v2: 10   # trial
  # nothing below
# the end
"""


def edited(text: str, prompt: str, label: str, value: LabelValue) -> str:
    return with_label(PATH, text.encode(), prompt, label, value).after.decode()


@pytest.mark.parametrize(
    ("prompt", "label", "value", "old", "new"),
    [
        ("support_agent", "production", V3, "production: v2 ", "production: v3 "),
        ("support_agent", "production", SPLIT, "production: v2 ", "production: {v2: 95, v3: 5} "),
        ("support_agent", "staging", LabelValue((("v4", 100),)), 'staging:    "v3"', "staging:    v4"),
        ("support_agent", "canary", WIDER, "{v2: 95, v3: 5}", "{v2: 74.5, v3: 25.5}"),
        ("support_agent", "canary", V3, "{v2: 95, v3: 5}", "v3"),
        (
            "support_agent", "tenant_acme", V3,
            "v3: 5}  # trial\n", "v3: 5}  # trial\n  tenant_acme: v3\n",
        ),
        ("billing/refund", "production", LabelValue((("v1", 75), ("v2", 25))), "v1: 90   # stable\n    # the trial of April\n    v2: 10 ", "v1: 75   # stable\n    # the trial of April\n    v2: 25 "),
        ("billing/refund", "production", LabelValue((("v1", 100),)), "v1: 90   # stable\n    # the trial of April\n    v2: 10   # trial\n", "v1: 100   # stable\n    # the trial of April\n"),
        ("billing/refund", "production", LabelValue((("v2", 100),)), "    v1: 90   # stable\n    # the trial of April\n    v2: 10 ", "    # the trial of April\n    v2: 100 "),
        ("billing/refund", "production", LabelValue((("v1", 80), ("v2", 10), ("v3", 10))), "v1: 90   # stable\n    # the trial of April\n    v2: 10   # trial\n", "v1: 80   # stable\n    # the trial of April\n    v2: 10   # trial\n    v3: 10\n"),
        ("billing/refund", "staging", V3, "v2: 10   # trial\n", "v2: 10   # trial\n  staging: v3\n"),
        ("billing/invoice", "production", V3, "v2: 10   # trial\n", "v2: 10   # trial\nbilling/invoice:\n  production: v3\n"),
    ],
)  # fmt: skip
def test_only_the_value_changes(prompt: str, label: str, value: LabelValue, old: str, new: str) -> None:
    assert REGISTRY.count(old) == 1
    assert edited(REGISTRY, prompt, label, value) == REGISTRY.replace(old, new)


@pytest.mark.parametrize("name", ["null", "true", "on", "no"])
@pytest.mark.parametrize("text", ["", "greet:\n  staging: v1\n", "{}\n", "{greet: {staging: v1}}\n"])
def test_a_name_that_yaml_takes_for_something_else_is_quoted(name: str, text: str) -> None:
    after = edited(edited(text, name, name, V3), "greet", name, V3)
    labels, _, findings = read_registry(PATH, after.encode())
    assert findings == []
    assert labels[name] == {name: V3}
    assert labels["greet"][name] == V3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "a:\n  production: v3\n"),
        ("# nothing yet", "# nothing yet\na:\n  production: v3\n"),
        ("format: 1\n", "format: 1\na:\n  production: v3\n"),
        ("a: {}\n", "a: {production: v3}\n"),
        ("a: {staging: v1}", "a: {staging: v1, production: v3}"),
        ("{a: {staging: v1}, b: {x: v1}}", "{a: {staging: v1, production: v3}, b: {x: v1}}"),
        ("{b: {x: v1}}\n", "{b: {x: v1}, a: {production: v3}}\n"),
        ('{"a": {"production": "v1"}}', '{"a": {"production": v3}}'),
        ("a:\n  production:\n    v1: 50\n    v2: 50\nb: {x: v1}\n", "a:\n  production: v3\nb: {x: v1}\n"),
        ("a:\n  production: v1", "a:\n  production: v3"),
        ("a:\n  staging: v1", "a:\n  staging: v1\n  production: v3"),
    ],
)
def test_every_way_to_write_a_registry(before: str, after: str) -> None:
    assert edited(before, "a", "production", V3) == after


def test_no_file_yet() -> None:
    edit = with_label(PATH, None, "a", "production", V3)
    assert (edit.before, edit.after) == (None, b"a:\n  production: v3\n")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("bom", ["\N{BYTE ORDER MARK}", ""])
def test_line_ends_and_a_byte_order_mark_stay(end: str, bom: str) -> None:
    before = bom + REGISTRY.replace("\n", end)
    changed = edited(before, "support_agent", "production", V3)
    assert changed == bom + REGISTRY.replace("production: v2 ", "production: v3 ").replace("\n", end)
    added = edited(before, "support_agent", "tenant_acme", V3)
    assert added == before.replace(f"# trial{end}{end}", f"# trial{end}  tenant_acme: v3{end}{end}")


def test_lines_of_two_kinds_stay_as_they_are() -> None:
    before = "a:\r\n  production: v1\n  staging: v1\r\n"
    assert edited(before, "a", "staging", V3) == "a:\r\n  production: v1\n  staging: v3\r\n"


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: v1\n", "a:\n", "a:\n  production: &x v1\n", "a:\n  production: v1\n  production: v2\n", "format: 2\n"],
)
def test_a_broken_registry_is_not_touched(text: str) -> None:
    with pytest.raises(UsageError):
        with_label(PATH, text.encode(), "a", "production", V3)


def test_comments_that_would_be_lost_are_a_refusal() -> None:
    text = "a:\n  production:\n    # why\n    v1: 50\n    v2: 50\n"
    with pytest.raises(UsageError, match="comments stand between"):
        edited(text, "a", "production", V3)


@pytest.mark.parametrize("fault", ["changed", "link", "gone"])
def test_a_file_that_is_not_what_was_read_is_left_alone(tmp_path: Path, fault: str) -> None:
    target = tmp_path / "registry.yaml"
    target.write_bytes(b"a:\n  production: v1\n")
    edit = with_label("registry.yaml", target.read_bytes(), "a", "production", V3)
    if fault == "changed":
        target.write_bytes(b"a:\n  production: v2\n")
    else:
        target.unlink()
    if fault == "link":
        (tmp_path / "other").write_bytes(b"a:\n  production: v1\n")
        target.symlink_to("other")
    with pytest.raises(CatalogError) as caught:
        write_registry(tmp_path, edit)
    assert caught.value.exit_code == (2 if fault == "link" else 3)
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert b"v3" not in b"".join(left.values())
    assert not any(name.endswith(".tmp") for name in left)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"# who owns labels\n\n# greet team\na:\n  production: v1   # careful\n# end\n",
            b"# who owns labels\n\n# greet team\n{}   # careful\n# end\n",
        ),
        (b"a:\n  production: v1", b"{}"),
        (b"a: {production: v1}\n", b"{}\n"),
        (b"{a: {production: v1}}\n", b"{}\n"),
    ],
)  # fmt: skip
def test_the_last_label_leaves_the_comments_and_an_empty_map(before: bytes, after: bytes) -> None:
    assert without_label(PATH, before, "a", "production").after == after


@pytest.mark.parametrize("is_link", [False, True])
def test_what_a_killed_writer_left_is_taken_away_and_not_followed(tmp_path: Path, *, is_link: bool) -> None:
    (tmp_path / "elsewhere").write_bytes(b"keep")
    target, left = tmp_path / "registry.yaml", tmp_path / ".registry.yaml.tmp"
    target.write_bytes(b"a:\n  production: v1\n")
    if is_link:
        left.symlink_to(tmp_path / "elsewhere")
    else:
        left.write_bytes(b"a:\n  prod")
    write_registry(tmp_path, with_label("registry.yaml", target.read_bytes(), "a", "production", V3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "registry.yaml"]
    assert (target.read_bytes(), (tmp_path / "elsewhere").read_bytes()) == (b"a:\n  production: v3\n", b"keep")


def test_written_whole_with_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "registry.yaml"
    target.write_bytes(b"a:\n  production: v1\n")
    target.chmod(0o640)
    write_registry(tmp_path, with_label("registry.yaml", target.read_bytes(), "a", "production", V3))
    assert target.read_bytes() == b"a:\n  production: v3\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["registry.yaml"]


WRITER = """
import sys
from pathlib import Path
from catalog_tool.model.labels import LabelValue
from catalog_tool.source.registry_edit import sole_writer, with_label, write_registry

root, prompt = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    with sole_writer(root, "registry.yaml"):
        data = (root / "registry.yaml").read_bytes()
        write_registry(root, with_label("registry.yaml", data, prompt, f"t{number}", LabelValue((("v1", 100),))))
"""


def test_no_edit_of_processes_at_once_is_lost(tmp_path: Path) -> None:
    (tmp_path / "registry.yaml").write_bytes(b"# ours\n")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for name in "abcd"
    ]  # fmt: skip
    assert [writer.stdout.readline() for writer in writers if writer.stdout is not None] == ["ready\n"] * 4
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.communicate() for writer in writers] == [("", "")] * 4
    labels, _, _ = read_registry("registry.yaml", (tmp_path / "registry.yaml").read_bytes())
    assert {name: len(found) for name, found in labels.items()} == {"a": 25, "b": 25, "c": 25, "d": 25}
    assert [path.name for path in tmp_path.iterdir()] == ["registry.yaml"]


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="cannot be locked"),
        sole_writer(tmp_path, "prompts/registry.yaml"),
    ):
        pytest.fail("it was locked")


def test_an_edit_says_where_the_label_was() -> None:
    data = REGISTRY.encode()
    assert with_label(PATH, data, "support_agent", "canary", V3).was == SPLIT
    assert with_label(PATH, data, "support_agent", "tenant_acme", V3).was is None
    assert without_label(PATH, data, "support_agent", "canary").was == SPLIT


_VERSIONS = st.lists(st.sampled_from(["v1", "v2", "v3", "v4"]), min_size=1, max_size=4, unique=True)


@st.composite
def _values(draw: st.DrawFn) -> LabelValue:
    versions = draw(_VERSIONS)
    cuts = sorted(draw(st.sets(st.integers(1, 9999), min_size=len(versions) - 1, max_size=len(versions) - 1)))
    parts = [after - before for before, after in zip([0, *cuts], [*cuts, 10_000], strict=True)]
    return LabelValue(tuple((version, part / 100) for version, part in zip(versions, parts, strict=True)))


def _block(value: LabelValue) -> str:
    return "".join(f"\n    {version}: {weight}" for version, weight in value.split)


@settings(max_examples=60)
@given(_values(), _values(), st.booleans())
def test_any_value_becomes_any_other(old: LabelValue, new: LabelValue, block: bool) -> None:  # noqa: FBT001 - drawn
    flow = "{" + ", ".join(f"{version}: {weight}" for version, weight in old.split) + "}"
    text = f"a:\n  x: v1\n  production:{_block(old) if block else ' ' + flow}\n  y: v2\nb:\n  z: v3\n"
    labels, _, findings = read_registry(PATH, edited(text, "a", "production", new).encode())
    assert findings == []
    one = {"x": LabelValue((("v1", 100),)), "production": new, "y": LabelValue((("v2", 100),))}
    assert labels == {"a": one, "b": {"z": V3}}
