"""What is said of partials by themselves and of prompts that include them is the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from soak import SOAK

from catalog_tool.source.layout import lay_out_prompts
from catalog_tool.source.shared_parts import read_shared
from catalog_tool.source.tree import FILE, Entry
from catalog_tool.template.partials import load_text

NAMES = ("a", "b", "c", "d")
PIECES = st.sampled_from(
    (
        *("x", " ", "\n", "{", "}", "{{v}}", "{{.}}", "{{x y}}", "{{#s}}", "{{/s}}", "{{^s}}", "{{! c }}", "{{"),
        *("{{> a}}", "{{> b}}", "{{> c}}", "{{> d}}", "{{> gone}}", "{{> no name}}", "{{=<% %>=}}", "{{<p}}"),
    )
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
CATALOGS = st.fixed_dictionaries(dict.fromkeys(NAMES, TEXTS))


def wrong_by_themselves(partials: dict[str, str]) -> set[str]:
    """The partials that have a finding at their own file."""
    contents: dict[str, bytes | None] = {
        f"prompts/_shared/partials/{name}.md": text.encode() for name, text in partials.items()
    }
    layout = lay_out_prompts(dict.fromkeys(contents, Entry(FILE, None)), "prompts")
    return {str(each.path).rpartition("/")[2][0] for each in read_shared(layout, contents, None)[1]}


@settings(max_examples=20_000 if SOAK else 300)
@given(CATALOGS)
def test_a_prompt_is_right_exactly_where_all_that_it_includes_is(partials: dict[str, str]) -> None:
    wrong = wrong_by_themselves(partials)
    for name in NAMES:
        loaded = load_text(f"{{{{#s}}}} {{{{> {name}}}}} {{{{/s}}}}", partials.get)
        used = {name, *loaded.expanded.partials_used}
        assert bool(loaded.problems) == bool(used & wrong), (name, loaded.problems, wrong)
