"""Numbers on the command line: one clear usage error for what is none."""

from __future__ import annotations

import click
import gated
import pytest
from scratch import Scratch

from catalog_tool.cli.numbers import Finite, FiniteRange, Share

NO_NUMBERS = ["nan", "-NaN", "inf", "-inf", "Infinity", "1e309", "５", "1_0", " 5", "", "0x5", "1e", "."]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("kind", [Finite(), FiniteRange(0), Share()])
def test_what_is_no_finite_number_in_plain_digits(kind: Finite, text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a finite number in plain digits"):
        kind.convert(text, None, None)


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("+2.5", 2.5), (".25", 0.25), ("1e1", 10), ("-3.", -3)])
def test_what_is_one(text: str, number: float) -> None:
    assert Finite().convert(text, None, None) == number


@pytest.mark.parametrize("text", ["0", "-1", "100.001", "1e-400", "99.999", "0.001", "5.005"])
def test_no_share(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Share().convert(text, None, None)


def test_every_share_in_hundredths() -> None:
    shares = [f"{hundredths / 100:.2f}" for hundredths in range(1, 10_001)]
    assert [Share().convert(text, None, None) for text in shares] == [float(text) for text in shares]


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", gated.ID, "v2", "--label", "production", "--weight"),
        ("gate", gated.ID, "v2", "--label", "production", "--weight"),
        ("gate", gated.ID, "v3", "--label", "production", "--threshold"),
        ("eval", gated.ID, "--max-cost"),
        ("eval", gated.ID, "--timeout"),
        ("sync", "local", "--lock-timeout"),
        ("serve", "--drain"),
    ],
)
def test_every_option_refuses_what_no_bound_does(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    answer = scratch.run(*arguments, "nan")
    assert (answer.code, answer.out) == (2, "")
    said = f"error: Invalid value for '{arguments[-1]}': 'nan' is not a finite number in plain digits."
    assert answer.err.splitlines()[0] == said
