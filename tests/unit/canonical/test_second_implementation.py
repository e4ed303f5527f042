"""The same digests from another language: ``digest.mjs``, run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import FULL, SHORT, read

from catalog_tool.canonical.identity import SkillFile, bundle_digest, prompt_identity, skill_digest

PROGRAM = Path(__file__).with_name("digest.mjs")
HEX = "0123456789abcdef" * 4
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer() or abs(number) < 2**53
)
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('\ue000\U00010000\u2028\x7f"\\/'), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)
SCHEMAS = st.fixed_dictionaries({"properties": st.dictionaries(TEXTS, OBJECTS, max_size=4)}) | OBJECTS
PARTS = st.fixed_dictionaries(
    {
        "messages": st.lists(OBJECTS, max_size=3),
        "model": OBJECTS,
        "output_schema": SCHEMAS,
        "params": OBJECTS,
        "template": st.sampled_from(["mustache", "none", "jinja"]),
        "tools": st.lists(st.fixed_dictionaries({"name": TEXTS, "parameters": SCHEMAS}), max_size=2),
        "variables": OBJECTS,
    }
)
FILES = st.dictionaries(TEXTS, st.tuples(st.sampled_from(["100644", "100755"]), st.integers(0, 2**40)), max_size=5)
BUNDLES = st.fixed_dictionaries(
    {
        "labels": st.dictionaries(TEXTS, st.dictionaries(TEXTS, JSON, max_size=2), max_size=3),
        "prompts": st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=3),
        "skills": st.dictionaries(TEXTS, TEXTS, max_size=3),
    }
)


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: the digest has no second implementation to agree with")
    return found


def second(node: str, asked: Sequence[dict[str, Any]]) -> list[str]:
    """What the other implementation says to each document."""
    lines = "".join(json.dumps(document) + "\n" for document in asked)
    done = subprocess.run([node, str(PROGRAM)], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split("\n")[:-1]


def test_the_vectors(node: str) -> None:
    versions = [read(SHORT, "support_agent/v2.yaml").version, read(FULL, "support_agent/v3.yaml").version]
    known = [version for version in versions if version is not None]
    asked = [{"kind": "prompt", "parts": version.decoded()} for version in known]
    assert second(node, asked) == [version.digest for version in known]
    assert len(known) == 2


def test_random_prompts(node: str) -> None:
    asked: list[dict[str, Any]] = []
    expected: list[str] = []

    @settings(max_examples=250)
    @given(PARTS)
    def collect(parts: dict[str, Any]) -> None:
        identity = prompt_identity(parts)
        asked.append({"kind": "prompt", "parts": {n: json.loads(data) for n, data in identity.parts.items()}})
        expected.append(identity.digest)

    collect()
    assert second(node, asked) == expected
    assert sum("order" in document["parts"] for document in asked) > 10


def test_random_skills(node: str) -> None:
    asked: list[dict[str, Any]] = []
    expected: list[str] = []

    @settings(max_examples=100)
    @given(FILES)
    def collect(files: dict[str, tuple[str, int]]) -> None:
        listed = [SkillFile(path, mode, HEX, size) for path, (mode, size) in files.items()]
        asked.append({"kind": "skill", "files": [file._asdict() for file in listed]})
        expected.append(skill_digest(listed))

    collect()
    assert second(node, asked) == expected


def test_random_bundles(node: str) -> None:
    asked: list[dict[str, Any]] = []
    expected: list[str] = []

    @settings(max_examples=100)
    @given(BUNDLES)
    def collect(bundle: dict[str, Any]) -> None:
        asked.append({"kind": "bundle", **bundle})
        expected.append(bundle_digest(**bundle))

    collect()
    assert second(node, asked) == expected
