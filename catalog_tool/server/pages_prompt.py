"""A prompt's page: its labels, versions and moves, and one version as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog_tool.diff.tokens import estimated_tokens
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldLabel, HeldPrompt, HeldVersion
from catalog_tool.server.pages_artifact import artifact
from catalog_tool.server.pages_html import Html, breakable, el, inline_json, join, table, text
from catalog_tool.server.pages_shell import diff_url, meta_list, moment, names, prompt_url, value_text, words
from catalog_tool.server.pages_trail import MOVES, Trail, trail_section
from catalog_tool.server.read_api import may_see

_BAR = 160
_OWN = ("description", "owners", "tags")


def label_chip(label: str, value: Any) -> Html:
    """A label in a box, with what it points to where ``value`` says so."""
    return el("span", el("b", label), f" {value_text(value)}" if value is not None else None, class_="chip")


def tokens_of(held: HeldVersion) -> int | None:
    """Tokens of a version, estimated; None for one that holds what no prompt file can hold."""
    try:
        return estimated_tokens(held.parts)
    except (TypeError, AttributeError, KeyError):
        return None


def seen_versions(prompt: HeldPrompt, grant: Grant) -> list[HeldVersion]:
    """The versions that the reader may see, newest first."""
    return [held for held in reversed(list(prompt.versions.values())) if may_see(grant, prompt, held.version)]


def prompt_body(prompt: HeldPrompt, version: str, trail: Trail, grant: Grant) -> Iterator[Html | None]:
    """Everything about a prompt; ``version`` (empty: none may be seen) is shown whole."""
    shown = prompt.versions.get(version)
    yield el("h1", breakable(prompt.id))
    yield from _about(shown)
    if prompt.damaged:
        said = f"Stored and cannot be served, as it is not what it claims: {', '.join(sorted(prompt.damaged))}."
        yield el("p", said, class_="note", role="alert")
    moves = el("p", el("a", "Who moved what, and when", href=f"#{MOVES}"))
    yield el("section", el("h2", "Labels"), _labels(prompt, trail, grant), moves)
    yield el("section", el("h2", "Versions"), join(_versions(prompt, version, grant)))
    if shown is not None:
        yield el("section", el("h2", f"Content of {version}", id="content-of"), join(_content(shown)))
    yield trail_section(trail, prompt, grant)


def _about(shown: HeldVersion | None) -> Iterator[Html | None]:
    meta = dict(shown.meta) if shown is not None else {}
    if description := words(meta.get("description")):
        yield el("p", description, class_="lead")
    more = {key: inline_json(value) for key, value in meta.items() if key not in _OWN}
    yield meta_list({"owners": names(meta.get("owners")), "tags": names(meta.get("tags")), **more})


def _labels(prompt: HeldPrompt, trail: Trail, grant: Grant) -> Html:
    seen = {label: held for label, held in prompt.labels.items() if grant.label(label)}
    if not seen:
        return el("p", "No label that may be seen here.", class_="soft")
    rows = (_label_row(prompt, label, held, trail) for label, held in seen.items())
    return table(("label", "points to", "since", "by", "why"), rows, "Labels")


def _label_row(prompt: HeldPrompt, label: str, held: HeldLabel, trail: Trail) -> Iterator[Html | str]:
    """Who and why come from the store's own word, else from the last move where that made this value."""
    last = trail.last(prompt.id, label)
    moved = last if last is not None and last.after == held.value else None
    yield label
    yield _split(prompt, held)
    yield moment(held.since)
    yield held.by or (moved.actor if moved is not None else "–")
    yield el("span", moved.reason, class_="words") if moved is not None and moved.reason else text("–")


def _split(prompt: HeldPrompt, held: HeldLabel) -> Html:
    """The versions, each a link; weights as words and as a bar, the stable version first."""
    if len(held.split) == 1:
        return _link(prompt, held.split[0][0])
    shares = ((_link(prompt, version), f"{weight:g} %") for version, weight in held.split)
    said = join((el("span", link, f" {share}", class_="n") for link, share in shares), ", ")
    rects, at = [], 0.0
    for place, (_, weight) in enumerate(held.split):
        width = _BAR * weight / 100
        size = {"x": f"{at:.2f}", "width": f"{max(width - 1, 1):.2f}", "height": "8"}
        rects.append(el("rect", class_=None if place else "first", **size))
        at += width
    bar = el("svg", join(rects), class_="split", viewBox=f"0 0 {_BAR} 8", aria_hidden="true")
    return el("span", said, bar)


def _link(prompt: HeldPrompt, version: str) -> Html:
    return el("a", version, href=f"{prompt_url(prompt.id, version)}#content-of")


def _versions(prompt: HeldPrompt, shown: str, grant: Grant) -> Iterator[Html]:
    seen = seen_versions(prompt, grant)
    if not seen:
        yield el("p", "No version that may be seen here.", class_="soft")
        return
    if len(seen) > 1:
        yield compare_form(prompt, [held.version for held in seen], _worth_comparing(seen, shown))
    rows = (_version_row(prompt, held, seen[place + 1 :], shown, grant) for place, held in enumerate(seen))
    yield table(("version", "labels", "against the one before", "tokens", "digest"), rows, "Versions, newest first")


def _worth_comparing(seen: list[HeldVersion], shown: str) -> tuple[str, str]:
    """The one before and the one that is shown; of the oldest, it and the next."""
    versions = [held.version for held in seen]
    place = min(versions.index(shown), len(versions) - 2)
    return versions[place + 1], versions[place]


def compare_form(prompt: HeldPrompt, versions: list[str], chosen: tuple[str, str]) -> Html:
    """Two lists to choose from, and a button: a plain form."""
    fields = [
        el("label", name, el("select", join(_options(versions, pick)), name=name))
        for name, pick in zip(("from", "to"), chosen, strict=True)
    ]
    action = diff_url(prompt.id, "", "").partition("?")[0]
    return el("form", join(fields), el("button", "Compare"), action=action, method="get", class_="compare")


def _options(versions: list[str], pick: str) -> Iterator[Html]:
    for version in versions:
        yield el("option", version, value=version, selected=version == pick)


def _version_row(
    prompt: HeldPrompt, held: HeldVersion, older: list[HeldVersion], shown: str, grant: Grant
) -> Iterator[Html | str]:
    yield join((_link(prompt, held.version), " (shown)" if held.version == shown else ""))
    labels = [el("span", label, class_="chip") for label in _pointing(prompt, held.version, grant)]
    yield el("div", join(labels), class_="chips") if labels else text("–")
    yield _against(prompt, older[0].version, held.version) if older else "–"
    tokens = tokens_of(held)
    yield el("span", f"~{tokens:,}", class_="n") if tokens is not None else text("–")
    yield el("code", held.digest[7:19], title=held.digest)


def _against(prompt: HeldPrompt, before: str, after: str) -> Html:
    return el("a", f"{before} → {after}", href=diff_url(prompt.id, before, after))


def _pointing(prompt: HeldPrompt, version: str, grant: Grant) -> list[str]:
    return [label for label, held in prompt.labels.items() if grant.label(label) and version in dict(held.split)]


def _content(held: HeldVersion) -> Iterator[Html | None]:
    yield meta_list({"version id": el("code", held.version_id), "digest": el("code", held.digest)})
    yield from artifact(held.parts)
