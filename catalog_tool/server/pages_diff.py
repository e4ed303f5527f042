"""Two versions of a prompt compared: each change judged as ``catalog diff`` does, texts word by word."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.diff.changes import Detail
from catalog_tool.diff.parts import compare_meta, compare_parts, summary_of
from catalog_tool.diff.rules import worst
from catalog_tool.diff.words import DELETE, EQUAL, Hunk, Segment
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldPrompt, HeldVersion
from catalog_tool.server.pages_html import Html, breakable, el, join, spoken, text
from catalog_tool.server.pages_prompt import compare_form, label_chip, seen_versions, tokens_of
from catalog_tool.server.pages_shell import counted, diff_url, meta_list, prompt_url

_CONTRACT = {
    "major": "callers break",
    "minor": "callers should look",
    "patch": "no code breaks",
    "none": "nothing that is deployed changes",
}
_BEHAVIOUR = {
    "high": "the model likely answers otherwise",
    "medium": "the model may answer otherwise",
    "low": "the model hardly notices",
    "none": "the model gets the same",
}
_ENTERED = "↵"


def comparison(prompt: HeldPrompt, before: str, after: str, grant: Grant) -> Iterator[Html | None]:
    """The page's content. Both versions are ones that the reader may see."""
    old, new = prompt.versions[before], prompt.versions[after]
    yield el("h1", el("a", breakable(prompt.id), href=prompt_url(prompt.id)), f" {before} → {after}")
    yield _sides(prompt, old, new, grant)
    yield compare_form(prompt, [held.version for held in seen_versions(prompt, grant)], (before, after))
    yield el("p", el("a", f"The other way round: {after} → {before}", href=diff_url(prompt.id, after, before)))
    try:
        details = [*compare_parts(old.parts, new.parts), *compare_meta(old.meta, new.meta)]
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
        yield el("p", "These cannot be compared: one holds what no prompt file can hold.", class_="note", role="alert")
        return
    ordered = sorted(details, key=lambda item: item.risk, reverse=True)
    yield from _verdict(old, new, ordered)
    for item in ordered:
        yield _change(item)


def _sides(prompt: HeldPrompt, old: HeldVersion, new: HeldVersion, grant: Grant) -> Html | None:
    """Both versions with the labels that point to them."""
    return meta_list({side: _side(prompt, held, grant) for side, held in (("from", old), ("to", new))})


def _side(prompt: HeldPrompt, held: HeldVersion, grant: Grant) -> Html:
    labels = (name for name, label in prompt.labels.items() if grant.label(name) and held.version in dict(label.split))
    link = el("a", held.version, href=prompt_url(prompt.id, held.version))
    return el("span", join((link, *(label_chip(name, None) for name in labels))), class_="chips")


def _verdict(old: HeldVersion, new: HeldVersion, details: list[Detail]) -> Iterator[Html]:
    if not details:
        yield el("p", "No difference.", class_="lead")
        return
    contract, behaviour = worst(item.contract for item in details), worst(item.behaviour for item in details)
    yield el("h2", counted(len(details), "change"))
    yield el("p", spoken(summary_of(details)), class_="lead")
    yield el("p", _level(contract, "contract"), f" {_CONTRACT[contract]}")
    yield el("p", _level(behaviour, "behaviour"), f" {_BEHAVIOUR[behaviour]}")
    before, after = tokens_of(old), tokens_of(new)
    if before != after and before is not None and after is not None:
        yield el("p", f"~{before:,} → ~{after:,} tokens", class_="soft")


def _level(level: str, of: str) -> Html:
    return el("span", f"{of} {level}", class_=f"level {level}")


def _change(item: Detail) -> Html:
    levels = join((_level(item.contract, "contract"), " ", _level(item.behaviour, "behaviour")))
    place = el("p", el("code", item.rule), " ", el("code", breakable(item.path)) if item.path else None, class_="soft")
    hunks = join(map(_hunk, item.text.hunks)) if item.text is not None else None
    return el("article", levels, el("p", spoken(item.message)), place, hunks, class_="change")


def _hunk(hunk: Hunk) -> Html:
    moved = f", now line {hunk.new_line}" if hunk.new_line != hunk.old_line else ""
    where = el("p", f"line {hunk.old_line}{moved}", class_="soft")
    return join((where, el("pre", join(map(_segment, hunk.segments)), tabindex=0)))


def _segment(segment: Segment) -> Html:
    """A stretch of text. Where only line ends came or went, signs stand for them: nothing else would show."""
    if segment.op == EQUAL:
        return text(segment.text)
    shown = segment.text if segment.text.strip() else segment.text.replace("\n", f"{_ENTERED}\n")
    return el("del" if segment.op == DELETE else "ins", shown)
