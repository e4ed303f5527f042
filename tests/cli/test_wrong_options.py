"""Options in the wrong place: the refusal shows the right one."""

from __future__ import annotations

import pytest
from scratch import Scratch


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("diff", "-C", "x"), "it stands before the command: `catalog -C DIR diff`"),
        (("token", "list", "--root=x"), "it stands before the command: `catalog --root DIR token list`"),
        (("list", "--debug"), "it stands before the command: `catalog --debug list`"),
        (("list", "--nope"), "see `catalog list --help`"),
    ],
)
def test_an_option_that_stands_before_the_command_is_shown_there(
    scratch: Scratch, arguments: tuple[str, ...], hint: str
) -> None:
    answer = scratch.run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[1:] == [f"hint: {hint}"]
