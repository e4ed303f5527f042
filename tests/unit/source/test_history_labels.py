"""The lines about one prompt say what the whole registry says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.source.history_labels import labels_of, section
from catalog_tool.source.registry import read_registry

PATH = "prompts/registry.yaml"
_IDS = st.sampled_from(["a", "a_b", "ab", "a/b", "billing", "billing/refund", "b"])
_LABELS = st.dictionaries(
    st.sampled_from(["production", "staging", "canary", "a", "b", "billing"]),
    st.sampled_from(["v1", "v2", "'v3'", "{v1: 95, v2: 5}", "{v2: 5, v1: 95.00}", "\n    v1: 40\n    v2: 60"]),
    min_size=1,
)
_NOISE = st.sampled_from(["", "\n", "# a:\n", "# billing: {x: v1}\n", "  # a\n", "\r\n"])


@st.composite
def registries(draw: st.DrawFn) -> str:
    rows = [draw(st.sampled_from(["", "---\n", "# labels\n---\n", "format: 1\n", "\n# a\n"]))]
    for name, labels in draw(st.dictionaries(_IDS, _LABELS)).items():
        quoted = draw(st.sampled_from([name, name, name, f'"{name}"', f"'{name}'", f"{name} "]))
        rows.append(draw(_NOISE) + f"{quoted}:{draw(st.sampled_from(['', ' # why', ' ']))}\n")
        rows.extend(f"  {label}: {value}\n" + draw(_NOISE) for label, value in labels.items())
    text = "".join(rows)
    return text.replace("\r\n", "\n").replace("\n", "\r\n") if draw(st.booleans()) else text


@given(registries(), _IDS)
def test_a_section_says_what_the_whole_says(text: str, name: str) -> None:
    data = text.encode()
    lines = section(data, name)
    labels, document, _ = read_registry(PATH, data)
    if document.value is None:  # nothing but comments
        return
    if lines is not None:
        assert (labels_of(PATH, lines, name) if lines else {}) == labels.get(name, {})
    assert labels_of(PATH, data, name) == labels.get(name, {})


@pytest.mark.parametrize(
    "text",
    [
        "{a: {production: v1}}", "{\na: {production: v1}\n}\n", '"a":\n  production: v1\n',
        "b:\n  x: v2\n'a':\n  production: v1\n", '"\\u0061":\n  production: v1\n',
        "b:\n  x: v2\n\"\\x61\":\n  production: v1\n", "? a\n: production: v1\n", "a   :\n  production: v1\n",
        "b:\n  x: v2\n? a\n: {production: v1}\n", "\ufeffa:\n  production: v1\n", "a: {production: v1}",
        "a: {\n  production: v1\n  }\nb: {x: v1}\n", "---\na:\n  production: v1\n...\n",
        "a:\n  production: v1\n# the end\n", "a:\n\n  production: v1\n\nb:\n  x: v1\n",
    ],
)  # fmt: skip
def test_every_style_is_read(text: str) -> None:
    data = text.encode()
    lines = section(data, "a")
    found = labels_of(PATH, data if lines is None else lines, "a")
    assert found is not None
    assert {label: value.to_json() for label, value in found.items()} == {"production": "v1"}


@pytest.mark.parametrize(
    "text",
    ["a:\n  x: v1\na:\n  x: v2\n", "a: v1\n", "a:\n  x: v1\n  Y: v2\n", "a:\n  x: {v1: 1}\n", "a:\n\t- x\n"],
)
def test_what_cannot_be_read_is_not_empty(text: str) -> None:
    data = text.encode()
    lines = section(data, "a")
    assert labels_of(PATH, data if lines is None else lines, "a") is None


def test_a_thousand_sections_of_a_large_registry_are_cheap() -> None:
    """Only the lines about the prompt are looked at, so their number decides, not the registry's size."""
    large = "".join(f"prompt_{number}:\n  production: v1\n" for number in range(20_000)).encode()
    assert section(large, "prompt_777") == b"prompt_777:\n  production: v1\n"
    assert section(large, "prompt_0") == b"prompt_0:\n  production: v1\n"
    assert section(large, "prompt_19999") == b"prompt_19999:\n  production: v1\n"
    assert section(large, "prompt") == section(large, "other") == b""
