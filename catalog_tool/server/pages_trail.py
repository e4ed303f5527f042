"""Who moved which label, when and why: the store's audit trail, read once for each picture."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import LabelEvent
from catalog_tool.clock import iso
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import HeldPrompt
from catalog_tool.server.keeper import Current
from catalog_tool.server.pages_html import Html, el, join, table, text
from catalog_tool.server.pages_shell import diff_url, moment, value_text
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import may_see
from catalog_tool.server.service import Service, Store

SHOWN = 100
"""Moves of one prompt that are kept for its page, the newest."""
MOVES = "moves"
"""Where they stand on the page."""
_PLACE = "trail"


class Trail(NamedTuple):
    """The newest moves of each prompt, newest first; ``flaw`` says what is wrong with the chain of hashes.

    ``failure`` says why the trail could not be read; then nothing is known of any move.
    """

    moves: Mapping[str, tuple[LabelEvent, ...]]
    counts: Mapping[str, int]
    flaw: str | None = None
    failure: str | None = None

    def last(self, name: str, label: str) -> LabelEvent | None:
        """The newest known move of a label."""
        return next((event for event in self.moves.get(name, ()) if event.label == label), None)


async def trail_of(service: Service, current: Current) -> Trail:
    """The trail as it is at this picture. A move makes another picture, so what was read once may be kept with it."""
    kept: Trail | None = current.answers.get(_PLACE)
    if kept is None:
        try:
            kept = current.answers[_PLACE] = await service.with_store(_read)
        except ProblemError as error:
            return Trail({}, {}, failure=error.detail)
    return kept


def _read(store: Store) -> Trail:
    with store.lent() as backend:
        return sorted_trail(backend.events())


def sorted_trail(events: Iterable[LabelEvent]) -> Trail:
    """A trail, oldest event first, by prompt, its chain verified on the way."""
    moves: dict[str, deque[LabelEvent]] = defaultdict(lambda: deque(maxlen=SHOWN))
    counts: Counter[str] = Counter()

    def passing() -> Iterator[LabelEvent]:
        for event in events:
            moves[event.name].appendleft(event)
            counts[event.name] += 1
            yield event

    passed = passing()
    flaw = verify(passed)
    deque(passed, 0)  # what comes after a flaw is shown too
    return Trail({name: tuple(kept) for name, kept in moves.items()}, counts, flaw)


def trail_section(trail: Trail, prompt: HeldPrompt, grant: Grant) -> Html:
    """The moves of one prompt's labels, as far as the reader may see them."""
    return el("section", el("h2", "Moves of labels", id=MOVES), join(_told(trail, prompt, grant)))


def _told(trail: Trail, prompt: HeldPrompt, grant: Grant) -> Iterator[Html]:
    if trail.failure is not None:
        yield el("p", f"The trail of moves cannot be shown: {trail.failure}.", class_="note")
        return
    if trail.flaw is not None:
        yield el("p", f"The trail is not as it was written: {trail.flaw}.", class_="note", role="alert")
    known = trail.moves.get(prompt.id, ())
    seen = [event for event in known if grant.label(event.label)]
    if not seen:
        yield el("p", "No move is recorded.", class_="soft")
        return
    versions = frozenset(version for version in prompt.versions if may_see(grant, prompt, version))
    head = ("when", "label", "from → to", "who", "why")
    yield table(head, (_row(prompt.id, event, versions) for event in seen), "Moves of labels, newest first")
    older = trail.counts[prompt.id] - len(known)
    if older:
        yield el("p", f"{older:,} older moves are not shown.", class_="soft")


def _row(name: str, event: LabelEvent, versions: frozenset[str]) -> Iterator[Html | str]:
    yield moment(iso(event.at))
    yield el("span", event.label, class_="n")
    yield _moved(name, event, versions)
    yield event.actor
    yield el("span", event.reason, class_="words") if event.reason else text("–")


def _moved(name: str, event: LabelEvent, versions: frozenset[str]) -> Html | str:
    """From what to what; where those are two versions that the reader may see, their comparison."""
    before, after = event.before, event.after
    said = f"{value_text(before)} → {value_text(after)}"
    both = isinstance(before, str) and isinstance(after, str) and before != after and {before, after} <= versions
    return el("a", said, href=diff_url(name, before, after)) if both else said
