"""Pages for people who do not use git: what is served, who moved it, what changed. Read-only, and without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldPrompt, HeldSkill, Holdings
from catalog_tool.server.pages_diff import comparison
from catalog_tool.server.pages_html import Html, breakable, el, join, table
from catalog_tool.server.pages_prompt import label_chip, prompt_body, seen_versions
from catalog_tool.server.pages_shell import PROMPTS, SKILLS, asked, counted, drawn, names, prompt_url, words
from catalog_tool.server.pages_skills import SKILL_FILE, Listing, SkillText, skill_body, skill_rows, skills_body
from catalog_tool.server.pages_trail import trail_of
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import may_see
from catalog_tool.server.service import Service

ROWS = 200
"""Prompts on one page of the list."""
_FEW = 20
"""Skills on the first page."""
_NEWEST = 3
"""Versions of a prompt in the list."""
_Found = TypeVar("_Found", HeldPrompt, HeldSkill)


async def get_prompts(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /?q=&page=``: prompts with their labels, and some skills."""
    query, number = asked(request, "q"), _number(asked(request, "page", 9))
    body = _front(service.holdings, grant, query, number)
    return await drawn(service, request, f"“{query}”" if query else "Prompts", body)


def _number(given: str) -> int:
    if given and not (given.isascii() and given.isdigit() and int(given)):
        raise ProblemError(400, "page is a number from 1")
    return int(given or 1)


def _front(held: Holdings, grant: Grant, query: str, number: int) -> Iterator[Html]:
    found = _matching(held.prompts.values(), query, lambda prompt: _prompt_words(prompt, grant))
    skills = _matching(held.skills.values(), query, _skill_words)
    yield el("h1", f"Found for “{query}”" if query else "Prompts")
    if held.damaged:
        said = f"{len(held.damaged):,} of what is stored cannot be served: it is not what its digest says."
        yield el("p", said, class_="note", role="alert")
    how_many = f"{len(found):,} of {counted(len(held.prompts), 'prompt')}" if query else counted(len(found), "prompt")
    yield el("p", how_many, class_="soft")
    shown = found[(number - 1) * ROWS : number * ROWS]
    if shown:
        yield table(("prompt", "what for", "labels", "versions"), (_prompt_row(one, grant) for one in shown), "Prompts")
    yield from _pages(len(found), query, number)
    yield from _some_skills(skills, len(held.skills), query)


def _matching(held: Iterable[_Found], query: str, said: Callable[[_Found], str]) -> list[_Found]:
    """What has every word of the query, whatever the case."""
    wanted = query.casefold().split()
    return [one for one in held if not wanted or _has_all(said(one).casefold(), wanted)]


def _has_all(said: str, wanted: list[str]) -> bool:
    return all(word in said for word in wanted)


def _visible_labels(prompt: HeldPrompt, grant: Grant) -> dict[str, Any]:
    return {label: value for label, value in prompt.label_values().items() if grant.label(label)}


def _newest_meta(prompt: HeldPrompt, grant: Grant) -> dict[str, Any]:
    """What the newest version that may be seen says of itself."""
    seen = seen_versions(prompt, grant)
    return dict(seen[0].meta) if seen else {}


def _prompt_words(prompt: HeldPrompt, grant: Grant) -> str:
    meta = _newest_meta(prompt, grant)
    said = (words(meta.get("description")), names(meta.get("owners")), names(meta.get("tags")))
    return " ".join((prompt.id, *said, *_visible_labels(prompt, grant)))


def _skill_words(skill: HeldSkill) -> str:
    entry = skill.entry
    return " ".join((skill.name, words(entry.get("description")), names(entry.get("owners")), names(entry.get("tags"))))


def _prompt_row(prompt: HeldPrompt, grant: Grant) -> Iterator[Html | str]:
    yield el("a", breakable(prompt.id), href=prompt_url(prompt.id))
    meta = _newest_meta(prompt, grant)
    owners = names(meta.get("owners"))
    about = [words(meta.get("description")) or "–", el("p", owners, class_="soft") if owners else None]
    yield el("div", join(about), class_="words")
    chips = [label_chip(label, value) for label, value in _visible_labels(prompt, grant).items()]
    yield el("div", join(chips), class_="chips") if chips else "–"
    seen = seen_versions(prompt, grant)
    links = join((el("a", one.version, href=prompt_url(prompt.id, one.version)) for one in seen[:_NEWEST]), ", ")
    more = f" and {len(seen) - _NEWEST} older" if len(seen) > _NEWEST else ""
    yield join((links or "–", more))


def _pages(found: int, query: str, number: int) -> Iterator[Html]:
    last = max(1, -(-found // ROWS))
    if number > last:
        yield el("p", "The list is not that long.", class_="soft")
    if last > 1:
        links = [("Before", min(number - 1, last))] if number > 1 else []
        links += [("Next", number + 1)] if number < last else []
        asked_for = {"q": query} if query else {}
        shown = [el("a", name, href=f"{PROMPTS}?{urlencode({**asked_for, 'page': to})}") for name, to in links]
        yield el("nav", f"Page {number} of {last}", join(shown), class_="pages", aria_label="Pages of the list")


def _some_skills(skills: list[HeldSkill], total: int, query: str) -> Iterator[Html]:
    yield el("h2", "Skills")
    if skills:
        yield skill_rows(skills[:_FEW])
    how_many = f"{len(skills):,} of {counted(total, 'skill')}" if query else counted(total, "skill")
    all_of_them = f"{SKILLS}?{urlencode({'q': query})}" if query else SKILLS
    yield el("p", f"{how_many}: ", el("a", "all with what they cost", href=all_of_them), class_="soft")


async def get_prompt_page(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /ui/prompts/{id}?version=``: labels, versions, moves, and one version whole."""
    return await _prompt_page(service, request, grant, str(request.path_params["id"]))


async def _prompt_page(service: Service, request: Request, grant: Grant, name: str) -> Response:
    current = service.current
    prompt = _prompt_of(current.holdings, name)
    version = asked(request, "version", 20) or _first_choice(prompt, grant)
    _check(prompt, version, grant)
    trail = await trail_of(service, current)
    body = prompt_body(prompt, version, trail, grant)
    return await drawn(service, request, prompt.id, body)


def _prompt_of(held: Holdings, name: str) -> HeldPrompt:
    found = held.prompts.get(name)
    if found is None:
        raise ProblemError(404, "there is no such prompt")
    return found


def _first_choice(prompt: HeldPrompt, grant: Grant) -> str:
    """What production gives without a key, else the highest version; empty where nothing may be seen."""
    label = prompt.labels.get("production")
    if label is not None and grant.label("production"):
        return label.router.stable
    seen = seen_versions(prompt, grant)
    return seen[0].version if seen else ""


def _check(prompt: HeldPrompt, version: str, grant: Grant) -> None:
    if version in prompt.damaged:
        raise ProblemError(503, f"{version} is stored and cannot be served: it is not what its digest says")
    if version and version not in prompt.versions:
        raise ProblemError(404, "the prompt has no such version")
    if version and not may_see(grant, prompt, version):
        raise ProblemError(403, "this token sees other labels")


async def get_diff(service: Service, request: Request, grant: Grant) -> Response:
    """``GET /ui/prompts/{id}/diff?from=&to=``: two versions compared and judged.

    An id may end in ``/diff`` itself: without ``from`` and ``to`` that prompt's page is meant.
    """
    before, after = asked(request, "from", 20), asked(request, "to", 20)
    name = str(request.path_params["id"])
    if not before and not after:
        return await _prompt_page(service, request, grant, f"{name}/diff")
    prompt = _prompt_of(service.holdings, name)
    for version in (before, after):
        if not version:
            raise ProblemError(400, "name two versions: ?from=v1&to=v2")
        _check(prompt, version, grant)
    body = comparison(prompt, before, after, grant)
    return await drawn(service, request, f"{prompt.id} {before} → {after}", body)


async def get_skills(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /ui/skills?q=``: skills with owners, and what their listing costs."""
    query = asked(request, "q")
    return await drawn(service, request, "Skills", _all_skills(service.holdings, query))


def _all_skills(held: Holdings, query: str) -> Iterator[Html]:
    listing = Listing(list(held.skills.values()))
    yield from skills_body(_matching(held.skills.values(), query, _skill_words), listing, query)


async def get_skill_page(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /ui/skills/{name}``: one skill, its files, and its SKILL.md as text."""
    skill = service.holdings.skills.get(str(request.path_params["name"]))
    if skill is None:
        raise ProblemError(404, "there is no such skill")
    try:
        found = SkillText.of(skill, await service.contents(skill.name))
    except ProblemError as error:
        found = SkillText(None, f"{SKILL_FILE} cannot be shown: {error.detail}")
    body = skill_body(skill, found)
    return await drawn(service, request, skill.name, body)
