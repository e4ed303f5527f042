"""Bytes to text: what is refused names the byte in the file, and the line and column (row 45)."""

from __future__ import annotations

import unicodedata

import pytest

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.decoding import decode, normal_form_flaw

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("data", "code", "byte", "place"),
    [
        ("a: é\n".encode("latin-1"), "Y003", 3, (1, 4)),
        ("é\r\na: é".encode() + b"\xff", "Y003", 9, (2, 5)),
        (BOM + b"a\n\xe9", "Y003", 5, (2, 1)),
        ("a: x".encode("utf-16"), "Y003", 0, (1, 1)),
        ("a: x".encode("utf-16-be"), "Y004", 0, (1, 1)),
        ("a: x".encode("utf-16-le"), "Y004", 1, (1, 2)),
        (b"a: \xed\xa0\x80", "Y003", 3, (1, 4)),
        (b"a: \xc0\xaf", "Y003", 3, (1, 4)),
        ("é\r\nb\rc".encode(), "Y005", 5, (2, 2)),
        (b"a\r", "Y005", 1, (1, 2)),
        (b"a\r\r\n", "Y005", 1, (1, 2)),
        (BOM + b"a\r\n\r\nb\rc", "Y005", 9, (3, 2)),
        ("é\r\nb\0".encode(), "Y004", 5, (2, 2)),
        (BOM + b"\0", "Y004", 3, (1, 1)),
    ],
)
def test_refusals(data: bytes, code: str, byte: int, place: tuple[int, int]) -> None:
    decoded = decode(data)
    flaw = decoded.flaws[-1]
    assert decoded.text is None
    assert (flaw.code, flaw.line, flaw.column) == (code, *place)
    assert f"byte {byte}" in flaw.message
    assert ("UTF-16" in flaw.message) == (data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:2])


def test_one_byte_order_mark_is_dropped_with_a_finding() -> None:
    decoded = decode(BOM + b"a\r\nb")
    assert decoded.text == "a\nb"
    assert [(flaw.code, flaw.line, flaw.column) for flaw in decoded.flaws] == [("Y006", 1, 1)]
    assert decode(BOM + BOM + b"a").text == "\ufeffa"


def test_line_ends_become_lf_and_nothing_else_changes() -> None:
    assert decode("a\r\n\té \x85\u2028\r\n".encode()).text == "a\n\té \x85\u2028\n"
    assert decode(b"").text == ""


def test_the_limit_is_exact() -> None:
    assert decode(b"x" * PARSED_FILE_BYTES).text is not None
    over = decode(b"x" * (PARSED_FILE_BYTES + 1))
    assert (over.text, [flaw.code for flaw in over.flaws]) == (None, ["Y002"])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("abc\né\nxe\u0301", (3, 2)),
        ("é e\u0301 e\u0301", (1, 3)),
        ("q\u0307\u0323", (1, 2)),
        ("ab \u1100\u1161", (1, 4)),
        ("a\u212b", (1, 2)),
        ("\U0001f600 e\u0301", (1, 3)),
        ("a\u0344", (1, 1)),
    ],
)
def test_normal_form_c(text: str, place: tuple[int, int]) -> None:
    assert normal_form_flaw(unicodedata.normalize("NFC", text)) is None
    flaw = normal_form_flaw(text)
    assert flaw is not None
    assert (flaw.code, flaw.line, flaw.column) == ("Y026", *place)
