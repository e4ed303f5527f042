"""YAML made to exhaust its reader: refused in half a second of CPU, with code and line (faults, row 39)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from catalog_tool.model.limits import PARSED_FILE_BYTES

SECONDS = 0.5
TEMPLATE_SECONDS = 2
"""For files that are YAML, and whose texts hold a hundred thousand tags."""
MEBIBYTES = 200
HERE = Path(__file__).parent
MIB = PARSED_FILE_BYTES
HEAD = "system_prompt: x\n"
ALMOST = MIB - 64


def filled(unit: str, *, around: tuple[str, str] = ("bomb: ", "\n")) -> str:
    """A file as large as may be, filled with one unit."""
    size = ALMOST - len(around[0].encode()) - len(around[1].encode())
    return around[0] + unit * (size // len(unit.encode())) + around[1]


def laughs(levels: int, width: int) -> str:
    """A billion laughs: each level names the one below it many times."""
    lines = ["a0: &a0 ha"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"


def merges(levels: int) -> str:
    """Merge keys that double at each level."""
    lines = ["m0: &m0 {k: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"


BOMBS: dict[str, str | bytes] = {
    # Depth.
    "depth-list.yaml": "[" * 60_000,
    "depth-list-closed.yaml": "a: " + "[" * 500_000 + "]" * 500_000,
    "depth-map.yaml": "{a: " * 200_000,
    "depth-block.yaml": "".join(f"{' ' * n}a:\n" for n in range(1400)),
    "depth-dashes.yaml": "- " * 500_000 + "x",
    "depth-questions.yaml": "? " * 500_000 + "x",
    "depth-colons.yaml": "bomb: " + ": " * 400_000,
    "depth-mixed.yaml": "[{a: " * 150_000,
    "depth-json.json": "[" * 1_000_000,
    "depth-json-maps.json": '{"a":' * 190_000,
    # Aliases, anchors, merge keys, tags.
    "laughs.yaml": laughs(10, 10),
    "laughs-wide.yaml": laughs(4, 30_000),
    "laughs-quadratic.yaml": HEAD + "a: &a [" + "x," * 100_000 + "]\nb: [" + "*a," * 100_000 + "]\n",
    "alias-to-itself.yaml": "bomb: &a [*a, *a]\n",
    "merges.yaml": merges(24),
    "merges-wide.yaml": "m: &m {k: 1}\n" + "".join(f"n{n}: {{<<: *m}}\n" for n in range(20_000)),
    "anchors.yaml": filled("- &a x\n", around=("bomb:\n", "")),
    "tags.yaml": filled("- !!python/object/apply:os.system [x]\n", around=("bomb:\n", "")),
    "tag-long.yaml": filled("x", around=("bomb: !", " y\n")),
    "anchor-long.yaml": filled("x", around=("bomb: &", " y\n")),
    # Width.
    "wide-list.yaml": filled("0,", around=("bomb: [", "]\n")),
    "wide-map.yaml": HEAD + "".join(f"k{n}: 0\n" for n in range(90_000)),
    "wide-empty.yaml": filled("[],", around=("bomb: [", "]\n")),
    "wide-same-key.yaml": filled("a: 0\n", around=("", "")),
    "wide-json.json": "[" + "0," * 500_000 + "0]",
    "wide-json-same-key.json": "{" + '"a":0,' * 150_000 + '"a":0}',
    # Long scalars that readers look at again and again.
    "underscores.yaml": filled("_", around=("bomb: 1", "x\n")),
    "underscores-float.yaml": filled("_", around=("bomb: 1.", "x\n")),
    "digits.yaml": filled("1", around=("bomb: ", "\n")),
    "digits-zero.yaml": filled("0", around=("bomb: ", "\n")),
    "digits-float.yaml": filled("1", around=("bomb: 0.", "e\n")),
    "digits-sixty.yaml": filled(":1", around=("bomb: 1", "x\n")),
    "quotes.yaml": filled("''", around=("bomb: '", "'\n")),
    "escapes.yaml": filled("\\n", around=('bomb: "', '"\n')),
    "folded.yaml": filled(" x\n", around=("bomb: >\n", "")),
    "blank-lines.yaml": filled("\n", around=("bomb: 'x", "y'\n")),
    # Much that is wrong.
    "values.json": '{"a":[' + '"",' * 300_000 + "0]}",
    "separators.yaml": filled("\u2028", around=("bomb: ", "\n")),
    "tabs.yaml": filled("\tx,\n", around=("bomb: [\n", "]\n")),
    "wrong-numbers.yaml": filled("0x1,", around=("bomb: [", "]\n")),
    "look-alikes.yaml": filled("no,", around=("bomb: [", "]\n")),
    "wrong-numbers.json": '{"a":[' + "1e999," * 150_000 + "1]}",
    "wrong-text.json": '{"a":[' + '"\\u0000",' * 100_000 + "1]}",
    "template-tags.yaml": "system_prompt: |\n" + "  {{}}{{a b}}{{> x}}\n" * 40_000 + "variables: {}\n",
    "template-names.md": "---\nvariables: {}\n---\n" + "{{a}}" * 150_000,
    # Front matter, labels and settings.
    "colons.md": "---\n" + "a: b: c\n" * 100_000 + "---\nx",
    "dashes.md": "---\n" + "--- \n" * 150_000,
    "registry.yaml": "".join(f"A{n}: {{latest: v0}}\n" for n in range(8_000)),
    "catalog.yaml": "".join(f"key{n}: {{a: b}}\n" for n in range(8_000)),
    "too-large.yaml": b"a: " + b"x" * MIB,
    "not-text.yaml": b"\xff" * ALMOST,
}


class Cost(NamedTuple):
    """What reading one file took, and what it said."""

    signal: int
    seconds: float
    mebibytes: float
    findings: list[tuple[str, str, int | None]] | None


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """Every file read in a child of its own."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork: the cost of one reading cannot be measured")
    folder = tmp_path_factory.mktemp("bombs")
    for name, content in BOMBS.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    done = subprocess.run(
        [sys.executable, str(HERE / "bomb_reader.py")],
        input="".join(f"{folder / name}\n" for name in BOMBS),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        name = Path(answer.pop("path")).name
        found = answer.pop("findings")
        told[name] = Cost(findings=[tuple(each) for each in found] if found is not None else None, **answer)
    return told


@pytest.mark.parametrize("name", BOMBS)
def test_refused_in_no_time(costs: dict[str, Cost], name: str) -> None:
    cost = costs[name]
    assert cost.signal == 0
    assert cost.findings is not None
    errors = [(code, line) for code, severity, line in cost.findings if severity == "error"]
    assert errors
    assert all(line is not None for code, line in errors if code != "Y002")
    assert cost.seconds < (TEMPLATE_SECONDS if name.startswith("template") else SECONDS)
    assert cost.mebibytes < MEBIBYTES
