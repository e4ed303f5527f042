"""Skills with their owners, and what it costs that every request lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.bundle.skills_catalog import ListingBudget, listing_of
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.limits import CHARACTERS_A_TOKEN, PARSED_FILE_BYTES
from catalog_tool.server.holdings import HeldSkill
from catalog_tool.server.pages_html import Html, breakable, el, table, text
from catalog_tool.server.pages_shell import counted, meta_list, names, skill_url, words
from catalog_tool.source.front_matter import read_front_matter, split_front_matter

SKILL_FILE = "SKILL.md"
_ROWS = 1000


class SkillText(NamedTuple):
    """SKILL.md, or why it is not shown."""

    text: str | None
    why: str = ""

    @classmethod
    def of(cls, skill: HeldSkill, contents: Mapping[str, tuple[str, bytes]]) -> SkillText:
        """Of what the store gave, if it is the file that the list names."""
        listed = next((file for file in skill.entry["files"] if file["path"] == SKILL_FILE), None)
        _, data = contents.get(SKILL_FILE, ("", None))
        if listed is None:
            return cls(None, f"It has no {SKILL_FILE}.")
        if data is None:
            return cls(None, "What is served here holds no contents of skills.")
        if len(data) > PARSED_FILE_BYTES:
            return cls(None, f"{SKILL_FILE} is larger than any that is read.")
        if hashlib.sha256(data).hexdigest() != listed["sha256"]:
            return cls(None, f"{SKILL_FILE} changes just now: look again.")
        return cls(data.decode(errors="replace"))


class Cost(NamedTuple):
    """What a skill adds to every request, in code points; ``is_listed`` False: the model is not told of it."""

    chars: int
    is_listed: bool = True

    @property
    def tokens(self) -> int:
        """An estimate."""
        return -(-min(self.chars, LIMITS.entry_chars) // CHARACTERS_A_TOKEN) if self.is_listed else 0


LIMITS = ListingLimits({})
"""What agents show where no setting says otherwise."""


def cost_of(skill: HeldSkill, found: SkillText | None = None) -> Cost:
    """By the description that the store holds; with the front matter exactly, ``when_to_use`` and all."""
    front = _front(found.text) if found is not None and found.text is not None else None
    if front is None:
        return Cost(len(words(skill.entry.get("description"))))
    chars = sum(len(front[name]) for name in ("description", "when_to_use") if isinstance(front.get(name), str))
    return Cost(chars, front.get("disable-model-invocation") is not True)


def _front(given: str) -> Mapping[str, Any] | None:
    yaml = split_front_matter(given.replace("\r\n", "\n").removeprefix("\ufeff")).yaml
    value = read_front_matter(yaml).value if yaml is not None else None
    return value if isinstance(value, Mapping) else None


class Listing:
    """The list of all skills as every request carries it, counted by descriptions."""

    def __init__(self, skills: Sequence[HeldSkill]) -> None:
        counted = [
            {"name": skill.name, "model_invocable": True, "description_chars": cost_of(skill).chars} for skill in skills
        ]
        found = listing_of(counted, ListingBudget(LIMITS.entry_chars, LIMITS.budget_chars))
        self.tokens = sum(cost_of(skill).tokens for skill in skills)
        self.chars: int = found["chars"]
        self.cut = frozenset(found["truncated"])


def skills_body(skills: Sequence[HeldSkill], listing: Listing, query: str) -> Iterator[Html]:
    """All skills that were found, and the sum of all that there are."""
    yield el("h1", f"Skills found for “{query}”" if query else "Skills")
    taken = f"{listing.chars:,} of {LIMITS.budget_chars:,} characters, ~{listing.tokens:,} tokens"
    yield el("p", f"The list of all skills takes {taken} of every request.")
    if listing.cut:
        some = ", ".join(sorted(listing.cut)[:50])
        yield el(
            "p", f"{counted(len(listing.cut), 'description')} would be cut short or left out: {some}.", class_="note"
        )
    shown = skills[:_ROWS]
    yield skill_rows(shown) if shown else el("p", "No skill was found.", class_="soft")
    if len(skills) > len(shown):
        yield el("p", f"{len(skills) - len(shown):,} more are not shown: search for them.", class_="soft")
    how = f"Counted by descriptions, four characters a token; the budget is {LIMITS.source()}."
    yield el("p", how, class_="soft")


def skill_rows(skills: Iterable[HeldSkill]) -> Html:
    """A table of skills."""
    return table(("skill", "what for", "owners", "listing", "files"), map(_row, skills), "Skills")


def _row(skill: HeldSkill) -> Iterator[Html | str]:
    yield el("a", breakable(skill.name), href=skill_url(skill.name)) if skill_url(skill.name) else breakable(skill.name)
    yield el("span", words(skill.entry.get("description")) or "–", class_="words")
    yield names(skill.entry.get("owners")) or "–"
    yield el("span", f"~{cost_of(skill).tokens:,} tokens", class_="n")
    yield str(len(skill.entry["files"]))


def skill_body(skill: HeldSkill, found: SkillText) -> Iterator[Html | None]:
    """One skill: what the model is told of it, who owns it, what it consists of."""
    entry, cost = skill.entry, cost_of(skill, found)
    yield el("h1", breakable(skill.name))
    yield el("p", words(entry.get("description")) or "It has no description.", class_="lead")
    listed = f"~{cost.tokens:,} tokens of every request, {min(cost.chars, LIMITS.entry_chars):,} characters"
    yield meta_list(
        {
            "owners": names(entry.get("owners")) or "nobody is named",
            "tags": names(entry.get("tags")),
            "listing": listed if cost.is_listed else "none: the model is not told of it",
            "path": el("code", words(entry.get("path"))),
            "digest": el("code", skill.digest),
        }
    )
    yield el("h2", "Files")
    yield table(("file", "bytes", "mode", "sha256"), map(_file, entry["files"]), "Files")
    yield el("h2", SKILL_FILE)
    yield el("p", found.why, class_="soft") if found.text is None else el("pre", found.text, tabindex=0)


def _file(file: Mapping[str, Any]) -> Iterator[Html | str]:
    yield el("code", str(file["path"]))
    yield el("span", f"{file['size']:,}", class_="n")
    yield text(str(file["mode"]))
    yield el("code", str(file["sha256"])[:12], title=str(file["sha256"]))
