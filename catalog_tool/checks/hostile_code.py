"""Instructions and scripts that would harm the person whose agent follows them (faults row 48).

Two stages, because nearly every text is clean. Gates are characters and words that every pattern
needs (``|``, ``(``, ``~``, "the user") together with what must stand beside them; only the lines
around a gate that fired are matched with ``checks.data.hostile_rules``.

Limits. The rules know documented shapes of attacks, not intent: a finding says what a line does, and
an installer's own manual may say the same. Code that builds its command from pieces, other languages
than shell, PowerShell, Python and JavaScript, sentences in capitals or in other languages than English, harm
spread over several files and anything inside archives or images go unseen. A quoted example reads
like the thing itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from catalog_tool.checks.data.hostile_rules import PATTERNS

Kind = Literal["skill", "script"]

_SIDE = 600  # characters of a line on both sides of a gate that are looked at
_ABOVE = 3  # lines above a gate that may hold the beginning of a command
_SENTENCE = 100  # characters on both sides of a telling word

# A gate begins with one literal character, which the engine finds fast, and goes on with one set of
# characters, which nearly every place in a clean text fails at once.
_PIPE = re.compile(
    r"\|[ \t]*(?:\\\n[ \t]*)?(?=[a-fhik-psuwzI/:])(?:(?:ba|z|da|k|fi)?sh\b|python|node\b|perl\b|ruby\b|php\b|sudo\b"
    r"|env\b|/(?:usr|bin)|iex\b|Invoke-E|IEX\b|curl|wget|nc\b|ncat|netcat|crontab|:)"
)
_PAREN = re.compile(
    r"\([ \t(&\"']*(?=[a-eigimopwzBIN_])"
    r"(?:curl|wget|iwr\b|irm\b|New-Object|Invoke-|base64|b64|atob|zlib|codecs"
    r"|bytes\.|binascii|marshal|Buffer|compile|__import__|env\)|printenv|os\.environ|process\.env|echo|gzinflate)"
)
_SLASH = re.compile(
    r"/(?=[\s/*\"'`;&|)bdehruvU.]|$)(?:dev/(?:tcp|udp|sd|nvme|disk|hd|vd)"
    r"|etc/(?:cron|profile\.d|rc\.l|sudoers|ld\.so|systemd|shadow)"
    r"|(?:(?<=[rR]f /)|(?<=f[rR] /)|(?<=77 /)|(?<=wx /)|(?<=[rR]f [\"']/)|(?<=oot /))"
    r"|(?:root|home/[\w.-]{1,40}|Users/[\w.-]{1,40})/(?:\.|Library/)"
    r"|(?:(?<=[ +\"'=]http:/)|(?<=[ +\"']https:/))/|bin/(?:ba)?sh\b)"
)
_IN_HOME = (
    r"(?:/(?:\.(?:ssh|aws|netrc|pypirc|git-c|docker/|kube/|gnupg|bash|zsh|zprofile|profile"
    r"|config/(?:gcloud|fish|autostart|systemd))|Library/LaunchA)"
)
_TILDE = re.compile(rf"~{_IN_HOME}|(?:(?<=[fFrR7x] ~)|(?<=[fFrR7x] [\"']~))/?\*?(?:[\s\"'`;&|)]|$))")
_DOLLAR = re.compile(rf"\$(?=\{{?HOME\b)(?:HOME|\{{HOME\}}){_IN_HOME}|/?\*?(?:[\s\"'`;&|)]|$))")
_PLUS = re.compile(r"\+(?:x\b|rwx|http|ssh:|git:)")
_GATES = (
    ("|", "|", _PIPE),
    ("(", "(", _PAREN),
    ("~", "~", _TILDE),
    ("~", "$", _DOLLAR),
    ("/", "/", _SLASH),
    ("+", "+", _PLUS),
)
_VERBS = ("tell", "inform", "notify", "alert", "let")
_TOLD = (*_VERBS, *(f"{verb}ing" for verb in _VERBS), "letting", " to", " from")
_DENIALS = ("not ", "n't ", "n’t ", "never ", "without ", "hide ", "conceal ", "keep ")
_BEFORE = 50  # characters before "instructions" and "the user" in which the verb stands


class HostileHit(NamedTuple):
    """Where a rule fired, in code points from 0, ``end`` exclusive."""

    rule: str
    start: int
    end: int


def find_hostile(text: str, *, kind: Kind) -> list[HostileHit]:
    """Every rule that fires in ``text``, in order of place, a rule once for overlapping places.

    ``kind`` is ``skill`` for Markdown that an agent reads and ``script`` for a file that it runs;
    phrases to the agent are looked for only in the former. Takes about 4 ns a character on clean
    text; never raises, nothing is run.
    """
    hits: list[HostileHit] = []
    for gate, spots in _open_gates(text, kind):
        for start, end in _phrases(text, spots) if gate in "iu" else _windows(text, spots):
            for rule, pattern in _patterns(gate):
                hits += (HostileHit(rule, *match.span()) for match in pattern.finditer(text, start, end))
    return _distinct(hits) if hits else hits


def _open_gates(text: str, kind: Kind) -> Iterator[tuple[str, list[int]]]:
    """The gates that fired and where. The order of tests is by cost: one character is found at once."""
    for gate, character, pattern in _GATES:
        if character in text and (places := [match.start() for match in pattern.finditer(text)]):
            if gate == "/":
                places = [at for at in places if text[at + 1 : at + 2] != "/" or _is_installed(text, at)]
            yield gate, places
    yield from _open_word_gates(text, kind)


def _is_installed(text: str, at: int) -> bool:
    """Whether the address at ``at`` follows an installer's name on its line."""
    before = text[max(0, at - _SIDE) : at].rpartition("\n")[2]
    return "install" in before or "npx" in before or " add" in before or "dlx" in before or "npm i" in before


def _open_word_gates(text: str, kind: Kind) -> Iterator[tuple[str, list[int]]]:
    if "dangerously" in text:
        yield "d", list(_finds(text, "dangerously"))
    if kind == "script":
        return
    dismissed = [at for at in _finds(text, "nstruction") if _is_dismissed(text[max(0, at - _BEFORE) : at].lower())]
    if dismissed:
        yield "i", dismissed
    denied = [at for at in _finds(text, "the user") if _is_denied(text[max(0, at - _BEFORE) : at])]
    if denied:
        yield "u", denied


def _is_dismissed(before: str) -> bool:
    return "ignor" in before or "disregard" in before or "forget" in before or "overrid" in before or "bypass" in before


def _is_denied(before: str) -> bool:
    """Whether the words before "the user" are a verb of telling, or its "to" or "from", and a denial."""
    if not before.rstrip().lower().endswith(_TOLD):
        return False
    words = " ".join(before.lower().split())
    return any(denial in words for denial in _DENIALS)


def _finds(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _windows(text: str, spots: list[int]) -> Iterator[tuple[int, int]]:
    """The lines around each place, with those above that a command may begin on, each place once."""
    done = 0
    for spot in spots:
        if spot < done:
            continue
        floor = max(0, spot - _SIDE)
        start = spot
        for _ in range(_ABOVE):
            start = text.rfind("\n", floor, start)
            if start < 0:
                break
        end = text.find("\n", spot, spot + _SIDE)
        if end > 0 and text[end - 1] == "\\":  # the command goes on below
            end = text.find("\n", end + 1, spot + _SIDE)
        done = end if end >= 0 else min(len(text), spot + _SIDE)
        yield max(start, floor), done


def _phrases(text: str, spots: list[int]) -> Iterator[tuple[int, int]]:
    """The sentence around each place, over line ends."""
    done = 0
    for spot in spots:
        start, done = max(done, spot - _SENTENCE), min(len(text), spot + _SENTENCE)
        yield start, done


@cache
def _patterns(gate: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The patterns behind a gate, compiled when it first fires: compiling takes milliseconds."""
    return tuple((p.rule, re.compile(p.pattern, re.MULTILINE)) for p in PATTERNS if gate in p.gates)


def _distinct(hits: list[HostileHit]) -> list[HostileHit]:
    """Hits in order of place; of one rule's overlapping ones the first."""
    kept: list[HostileHit] = []
    last: dict[str, int] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start, hit.end, hit.rule)):
        if hit.start >= last.get(hit.rule, 0):
            kept.append(hit)
            last[hit.rule] = hit.end
    return kept
