"""Errors, as a program that uses the library sees them."""

from __future__ import annotations

import traceback

from catalog_tool.errors import UsageError


def test_what_to_do_next_stands_under_a_traceback() -> None:
    error = UsageError("no driver", hint="pip install it")
    assert str(error) == "no driver"
    assert traceback.format_exception(error)[-1] == "hint: pip install it\n"
    assert not hasattr(UsageError("no driver"), "__notes__")
