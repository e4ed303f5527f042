"""The generator's vocabulary: invented words that cannot be confused, and sentences made of them."""

from __future__ import annotations

import random
from functools import cache

_CONSONANTS = "bdfgkprstvz"
_VOWELS = "aeiou"
_COMMON_TEXT = (
    "the a this each every one when before after while with for from into about over under between answer "
    "question customer ticket order invoice report table record field value result source change review "
    "check list file folder line page section reader writer team service request reply note step rule case "
    "example detail summary reason date number name title short long clear exact plain full first last next "
    "read write compare explain collect keep leave mark name sort count group match quote mention repeat "
    "confirm return describe prefer avoid follow and or but so then only never always also again twice"
)
_COMMON = _COMMON_TEXT.split()
_FOREIGN = (
    "Grüße gehören an das Ende der Antwort.",
    "Répondez en français si la question est posée en français.",
    "お客様には丁寧な日本語で答えてください。",
    "Цены указывайте вместе с налогом.",
    "El resumen no debe superar tres líneas.",
    "Use “curly quotes” and an em dash — never two hyphens.",
)


@cache
def invented() -> tuple[str, ...]:
    """3,025 words of six letters; any two differ in two letters at least, and none looks like another."""
    syllables = [(c, v) for c in range(len(_CONSONANTS)) for v in range(len(_VOWELS))]
    return tuple(_word(first, second) for first in syllables for second in syllables)


def _word(first: tuple[int, int], second: tuple[int, int]) -> str:
    # The last syllable is a check sum: to change one letter changes a second one.
    check = ((first[0] + second[0]) % len(_CONSONANTS), (first[1] + second[1]) % len(_VOWELS))
    return "".join(_CONSONANTS[c] + _VOWELS[v] for c, v in (first, second, check))


def pair(index: int, joint: str) -> str:
    """A name of two invented words, another one for every ``index`` below nine million."""
    words = invented()
    first = (index * 611) % len(words)
    second = (index // len(words) + index * 97) % len(words)
    return f"{words[first]}{joint}{words[second]}"


@cache
def sentences(seed: int) -> tuple[str, ...]:
    """4,000 English-like sentences of this seed, about one in sixty of them not ASCII."""
    rng = random.Random(f"sentences {seed}")
    return tuple(_FOREIGN[i % len(_FOREIGN)] if i % 60 == 59 else _sentence(rng) for i in range(4000))


def _sentence(rng: random.Random) -> str:
    words = rng.choices(_COMMON, k=rng.randint(6, 13)) + rng.choices(invented(), k=2)
    rng.shuffle(words)
    return " ".join(words).capitalize() + "."


def description(rng: random.Random, opening: str) -> str:
    """A description of 90 to 220 characters that shares little with any other one."""
    words = rng.choices(invented(), k=rng.randint(7, 18))
    return f"{opening} {' '.join(words[:4])}. Use when {' '.join(words[4:])} come up."


def prose(rng: random.Random, seed: int, size: int) -> list[str]:
    """Sentences of ``seed`` until they fill about ``size`` bytes."""
    chosen: list[str] = []
    left = size
    pool = sentences(seed)
    while left > 0:
        line = pool[int(rng.random() * len(pool))]
        chosen.append(line)
        left -= len(line) + 1
    return chosen
