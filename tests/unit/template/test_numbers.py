"""Numbers are spelled as RFC 8785 says, to the last digit."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from catalog_tool.template import canonical_number

CORPORA = os.environ.get("CATALOG_CORPORA")
needs_corpora = pytest.mark.skipif(
    not CORPORA, reason="CATALOG_CORPORA is not set: the number vectors are not read (vectors/jcs)"
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (256.0, "256"),
        (0.70, "0.7"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-1.5e-10, "-1.5e-10"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2**53 - 1, "9007199254740991"),
        (-7, "-7"),
        (333333333.33333329, "333333333.3333333"),
    ],
)
def test_spelling(value: float, text: str) -> None:
    assert canonical_number(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, -(2**53)])
def test_what_json_cannot_carry_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"JSON"):
        canonical_number(value)


@needs_corpora
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_numbers_of_the_public_vectors(name: str) -> None:
    data = Path(CORPORA or "") / "vectors" / "jcs" / "testdata"
    found = list(_numbers(json.loads((data / "input" / f"{name}.json").read_text("utf-8"))))
    expected = (data / "output" / f"{name}.json").read_text("utf-8")
    for number in found:
        spelled = re.escape(canonical_number(number))
        assert re.search(rf"[\[:,]{spelled}[\],}}]", expected)
    if name in {"arrays", "structures", "values"}:
        assert found, "these vectors hold numbers"


@needs_corpora
@pytest.mark.parametrize("lines", [1000, 10_000, 100_000])
def test_the_generated_sequence_has_the_published_hash(lines: int) -> None:
    if lines > 10_000 and not os.environ.get("CATALOG_SOAK"):
        pytest.skip("CATALOG_SOAK is not set: the first 10,000 numbers are enough")
    readme = (Path(CORPORA or "") / "vectors" / "jcs" / "testdata" / "README.md").read_text("utf-8")
    words = [
        *(int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})n", readme)[:-1]),
        *(0x0010000000000000 + step for step in range(2000)),
    ]
    published = re.search(rf"\| ([0-9a-f]{{64}}) \| {lines} ", readme)
    assert published is not None
    digest = hashlib.sha256()
    for bits, value in islice(_sequence(words), lines):
        digest.update(f"{bits:x},{canonical_number(value)}\n".encode())
    assert digest.hexdigest() == published[1]


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _sequence(words: list[int]) -> Iterator[tuple[int, float]]:
    """The deterministic doubles that the vectors' page describes: fixed ones, then hashes of hashes."""
    for bits in words:
        yield bits, struct.unpack("<d", struct.pack("<Q", bits))[0]
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        for (bits,) in struct.iter_unpack("<Q", block):
            value = struct.unpack("<d", struct.pack("<Q", bits))[0]
            if value != 0 and math.isfinite(value):
                yield bits, value
