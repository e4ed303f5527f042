"""RFC 8785: the public vectors, and the fast encoder against the reference."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes, canonical_members, digest_of

NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")
CHARACTERS = st.characters(codec=None) | st.sampled_from('é\ud7ff\ue000\uffff\U00010000\U0001f600\x7f\x85\u2028"\\/')
NUMBERS = (
    st.integers()
    | st.integers(min_value=-(2**53) - 2, max_value=2**53 + 2)
    | st.floats()
    | st.builds(float, st.integers(min_value=-(2**54), max_value=2**54))
    | st.sampled_from([1e-7, 1e-4, 9.999e-5, 1e15, 1e16, 1e20, 1e21, 1e23, -0.0, 5e-324, 0.1 + 0.2, 2**53, -(2**53)])
)  # fmt: skip
TEXTS = st.text(CHARACTERS, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


@pytest.fixture(scope="module", autouse=True, params=["jsonschema-rs", "standard library"])
def encoder(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test with both fast encoders: a command has loaded jsonschema-rs, a client has not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jsonschema_rs", jsonschema_rs)
        if request.param != "jsonschema-rs":
            patch.delitem(sys.modules, "jsonschema_rs")
        yield


@pytest.mark.parametrize("name", NAMES)
def test_public_vectors(corpora: Path, name: str) -> None:
    folder = corpora / "vectors" / "jcs" / "testdata"
    value = json.loads((folder / "input" / f"{name}.json").read_text("utf-8"))
    expected = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text("ascii"))
    assert canonical_bytes(value) == expected
    assert canonical_bytes(json.loads(expected)) == expected


def reference(value: Any) -> bytes | None:
    """What ``rfc8785`` writes, None where it refuses."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        return None


def ours(value: Any) -> bytes | None:
    """What we write, None where we refuse."""
    try:
        return canonical_bytes(value)
    except NotCanonicalError:
        return None


@given(VALUES)
@example({"\ue000": 1, "\U00010000": 2})
@example([1e16, 1e-5, 123456789012345680000.0, 2**53 - 1, 2**53])
@example({"a": "\ud800"})
@example({"\ud800": 1})
def test_the_same_bytes_as_the_reference_or_no_bytes(value: Any) -> None:
    assert ours(value) == reference(value)
    if isinstance(value, dict) and ours(value) is not None:
        assert canonical_members(value) == {key: canonical_bytes(item) for key, item in value.items()}


@given(VALUES)
def test_canonical_bytes_are_a_fixed_point(value: Any) -> None:
    written = ours(value)
    if written is not None:
        assert canonical_bytes(json.loads(written, parse_int=double)) == written


def double(written: str) -> int | float:
    """A number as readers with doubles alone take it."""
    return int(written) if abs(int(written)) < 2**53 else float(written)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, -(2**53), "\udc00", {1: 2}, {2, 3}, b"x"])
def test_refusals(value: object) -> None:
    for wrapped in (value, [value], {"a": value}):
        with pytest.raises(NotCanonicalError):
            digest_of(wrapped)
    with pytest.raises(NotCanonicalError):
        canonical_members({"a": value})


def test_deeper_than_jsonschema_rs_goes() -> None:
    value: list[Any] = []
    for _ in range(400):
        value = [value]
    assert canonical_bytes(value) == b"[" * 401 + b"]" * 401


def test_depth_is_a_refusal() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonicalError):
        canonical_bytes(value)


def test_true_is_not_one() -> None:
    assert canonical_bytes([True, 1, 1.0, False, 0, -0.0, None]) == b"[true,1,1,false,0,0,null]"
