"""``python -m tests.bench.long_diff``: two versions of a 35 KB prompt with 200 edits, compared in this process.

Prints the seconds of processor time of the first comparison, imports aside: nothing is warm.
"""

from __future__ import annotations

import random
import time

from catalog_tool.diff.parts import judge_versions

from . import words

BYTES, EDITS = 35_000, 200


def texts(seed: int = 1) -> tuple[str, str]:
    """The prompt before and after: words replaced, lines dropped, added and moved."""
    rng = random.Random(seed)
    lines = list(words.prose(rng, seed, BYTES))
    after = list(lines)
    for number in range(EDITS):
        place = rng.randrange(len(after))
        told = after[place].split(" ")
        if number % 4 == 0:
            after.insert(place, f"Never forget rule {number}.")
        elif number % 4 == 1 and len(after) > 50:
            after.insert(rng.randrange(len(after)), after.pop(place))
        else:
            told[rng.randrange(len(told))] = f"changed{number}"
            after[place] = " ".join(told)
    return "\n".join(lines), "\n".join(after)


def parts(text: str) -> dict[str, object]:
    """A version that says only this."""
    return {
        "messages": [{"role": "system", "content": text}], "model": {}, "output_schema": {}, "params": {},
        "template": "none", "tools": [], "variables": {},
    }  # fmt: skip


def main() -> None:
    old, new = map(parts, texts())
    start = time.process_time()
    judge_versions(old, new)
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
