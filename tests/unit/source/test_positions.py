"""Where in a file a value stands: from 1, in code points (design §2.4, §5)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import places, read

from catalog_tool.source.positions import NOWHERE, Locator, Spot

TEXT = """\
# first
id: x
é: "\U0001f600"
messages:
  - role: user
    content: |
      one {{a}}
        é {{b}}

      {{c}}
  - {role: user, content: "two {{d}}"}
  - content: >-
      folded {{e}}
      {{f}}
plain: text {{g}}
'quoted': 'text {{h}}'
literal: |2+
   {{i}}

"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ([], (2, 1), (2, 1)),
        (["id"], (2, 1), (2, 5)),
        (["é"], (3, 1), (3, 4)),
        (["messages"], (4, 1), (5, 3)),
        (["messages", 0], (5, 5), (5, 5)),
        (["messages", 0, "content"], (6, 5), (6, 14)),
        (["messages", 1, "content"], (11, 18), (11, 27)),
        (["messages", 9], (5, 3), (5, 3)),
        (["messages", 1, "missing"], (11, 5), (11, 5)),
        (["messages", 1, "missing", "deeper", 3], (11, 5), (11, 5)),
        (["quoted"], (16, 1), (16, 11)),
        (["nothing"], (2, 1), (2, 1)),
    ],
)
def test_keys_and_values(path: list[str | int], key: tuple[int, int], value: tuple[int, int]) -> None:
    locator = Locator(TEXT)
    assert locator.key(path) == key
    assert locator.value(path) == value
    assert Locator(TEXT, first_line=10).value(path) == (value[0] + 9, value[1])


@pytest.mark.parametrize(
    ("path", "text", "tag", "place"),
    [
        (["messages", 0, "content"], "one {{a}}\n  é {{b}}\n\n{{c}}\n", "{{a}}", (7, 11)),
        (["messages", 0, "content"], "one {{a}}\n  é {{b}}\n\n{{c}}\n", "{{b}}", (8, 11)),
        (["messages", 0, "content"], "one {{a}}\n  é {{b}}\n\n{{c}}\n", "{{c}}", (10, 7)),
        (["messages", 1, "content"], "two {{d}}", "{{d}}", (11, 27)),
        (["messages", 2, "content"], "folded {{e}} {{f}}", "{{f}}", (12, 14)),
        (["plain"], "text {{g}}", "{{g}}", (15, 8)),
        (["quoted"], "text {{h}}", "{{h}}", (16, 11)),
        (["literal"], " {{i}}\n\n", "{{i}}", (18, 4)),
        (["messages"], "", "", (5, 3)),
    ],
)
def test_inside_a_text(path: list[str | int], text: str, tag: str, place: tuple[int, int]) -> None:
    assert Locator(TEXT).inside(path, text.index(tag)) == place


LINES = st.lists(st.text("a {}é\t", max_size=6), min_size=1, max_size=5).filter(
    lambda lines: lines[0].strip(" \t") != ""
)


@given(LINES, st.integers(1, 4), st.data())
def test_every_character_of_a_literal_block(lines: list[str], indent: int, data: st.DataObject) -> None:
    """What stands at the place that is told is the character that was asked for."""
    text = "\n".join(lines)
    written = f"a:\n b: |{indent}-\n" + "".join(" " * (indent + 1) + line + "\n" for line in lines)
    trimmed = text.rstrip("\n")
    offset = data.draw(st.integers(0, len(trimmed) - 1))
    spot = Locator(written).inside(["a", "b"], offset)
    assert spot.line is not None
    assert spot.column is not None
    line = written.split("\n")[spot.line - 1]
    assert (line + "\n")[spot.column - 1] == trimmed[offset]


def test_places_in_json_and_where_there_are_none() -> None:
    assert Locator('{"a": {"b": 1},\n "c": [2]}').key(["c"]) == (2, 2)
    assert Locator("a: [").value(["a"]) == NOWHERE
    assert Locator("").value(["a"]) == NOWHERE
    assert Spot(None, None) == NOWHERE


def test_a_thousand_findings_do_not_look_through_the_file_a_thousand_times() -> None:
    locator = Locator("".join(f"k{number}: 1\n" for number in range(20_000)))
    assert locator.key(["k0"]) == (1, 1)
    started = time.process_time()
    assert [locator.key([f"k{number}"]).line for number in range(0, 20_000, 2)] == list(range(1, 20_001, 2))
    assert time.process_time() - started < 1


def test_a_finding_in_a_template_points_to_its_tag() -> None:
    text = "system_prompt: |\n  a\n   {{ b c }}\nvariables: {}\n"
    assert places(read(text)) == [("P110", 3, 4)]
    assert places(read('system_prompt: "a\\n {{ b c }}"\nvariables: {}\n')) == [("P110", 1, 16)]
    assert places(read('{"variables": {},\n "system_prompt": "{{ b c }}"}', "support_agent/v1.json")) == [
        ("P110", 2, 19)
    ]
