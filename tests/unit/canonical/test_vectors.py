"""The vectors of design §4, each reproduced by independent implementations."""

from __future__ import annotations

import hashlib

import pytest
from reading import FULL, SHORT, read

from catalog_tool.canonical.identity import (
    SkillFile,
    bundle_digest,
    digest_of_parts,
    label_value,
    prompt_identity,
    skill_digest,
)
from catalog_tool.canonical.jcs import canonical_bytes, digest_of, digest_of_bytes, short, version_id

SHORT_DIGEST = "sha256:332f872852ea0ba9156a4cafa38b51a6ef25a3dce75fd27313f957d80cee9569"
FULL_DIGEST = "sha256:745b71d6856abb79807b330222e0934ae9ca79801258732dee5271c7cd949d83"
OUTPUT = "output_schema: {type: object, required: [answer], properties: {answer: {type: string}}}\n"
REASONING = (
    "output_schema: {type: object, required: [reasoning, answer],"
    " properties: {reasoning: {type: string}, answer: {type: string}}}\n"
)
NESTED = (
    "output_schema: {type: object, properties: {z: {type: object, properties: {properties: {type: string},"
    " b: {type: string}, a: {type: string}}}, a: {$ref: '#/$defs/d'}},"
    " $defs: {d: {type: object, properties: {y: {type: string}, x: {type: string}}}}}\n"
)


@pytest.mark.parametrize(
    ("value", "written", "digest"),
    [
        (
            {"max_tokens": 256.0, "stop": [], "temperature": 0.70},
            b'{"max_tokens":256,"stop":[],"temperature":0.7}',
            "33aef2084ff32eb27f70dd6a6ca6db5e729e330cb6c2c65ad97cfd7f410cb9b8",
        ),
        ([], b"[]", "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
        ({}, b"{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (
            "mustache",
            b'"mustache"',
            "0b7cede82d312179c4651fcee8172f84f95b5400b89985956c41f6b4a6365294",
        ),
    ],
)
def test_bytes(value: object, written: bytes, digest: str) -> None:
    assert canonical_bytes(value) == written
    assert digest_of(value) == "sha256:" + digest


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        ("messages", "45530b27c39078f03fe6f8bde94cb9804ed00bbb6080939378fb85c77d08d899"),
        ("variables", "3863e3623191f2c118a0ab3efcfbe4f200f5e838c7d225e3db903f722b4dea21"),
        ("tools", "c56c50627f54660b32693c213e14975e80f13da7e27a4fba4dc5f10af856f871"),
        ("model", "9504ec970f2033eadc827648c969223860db8f27a51f48a14d18af27a45ce36f"),
        ("params", "5d45358e21de5fa3afb04384c99139aeac14dce761cd045fc3563a8b880a3415"),
        ("output_schema", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        ("template", "0b7cede82d312179c4651fcee8172f84f95b5400b89985956c41f6b4a6365294"),
    ],
)
def test_parts_of_the_short_form(part: str, digest: str) -> None:
    version = read(SHORT, "support_agent/v2.yaml").version
    assert version is not None
    assert digest_of_bytes(version.parts[part]) == "sha256:" + digest
    assert len(version.parts) == 7


@pytest.mark.parametrize(
    ("text", "digest", "ordered"),
    [
        (SHORT, SHORT_DIGEST, []),
        (FULL, FULL_DIGEST, []),
        (
            FULL.replace(OUTPUT, REASONING),
            "sha256:0cf8d900f90b18beeebfd35a99a0a30826606ea89c3fb195a323648c0469ee70",
            ["/output_schema/properties"],
        ),
        (
            FULL.replace(OUTPUT, NESTED),
            "sha256:7a18a8b43e0b9ca2b4a1a9f570dddfb2271784dd371dc3f11e274b55881285ac",
            [
                "/output_schema/$defs/d/properties",
                "/output_schema/properties",
                "/output_schema/properties/z/properties",
            ],
        ),
    ],
    ids=["short", "full", "written order", "nested written order"],
)
def test_prompts(text: str, digest: str, ordered: list[str]) -> None:
    name = "v2" if text == SHORT else "v3"
    found = read(text, f"support_agent/{name}.yaml")
    version = found.version
    assert version is not None, found.document.findings
    assert version.digest == digest
    assert sorted(version.decoded().get("order", {})) == ordered
    assert version.version_id == version_id(name, digest) == f"{name}-{digest[7:19]}"
    # What is served is enough to find the digest again.
    assert digest_of_parts(version.parts) == prompt_identity(version.decoded()).digest == digest


def test_the_short_form_is_clean() -> None:
    found = read(SHORT, "support_agent/v2.yaml")
    assert found.document.findings == []


def test_bundle() -> None:
    labels = {
        "support_agent": {"production": "v2", "canary": label_value([("v2", 95), ("v3", 5)])},
        "bare": {},
    }
    prompts = {"support_agent": {"v2": SHORT_DIGEST, "v3": FULL_DIGEST}, "gone": {}}
    expected = "sha256:9a8cd364f9b1c14641fd81f6c698cec6c497688eab03fb25a0a947050e9e7b5a"
    assert bundle_digest(labels, prompts, {}) == expected
    assert label_value([("v2", 100)]) == "v2"


def test_an_empty_bundle_has_its_empty_maps() -> None:
    assert bundle_digest({}, {}, {}) == digest_of(
        {"hv": 1, "kind": "bundle", "labels": {}, "prompts": {}, "skills": {}}
    )


def test_skill() -> None:
    contents = [
        ("scripts/run.sh", "100755", b"#!/bin/sh\necho hi\n"),
        ("SKILL.md", "100644", b"---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n"),
    ]
    files = [SkillFile(path, mode, hashlib.sha256(data).hexdigest(), len(data)) for path, mode, data in contents]
    expected = "sha256:802b9cd038e12cc5bf89b960fb7441876732a458917de44dcf7c0e191249ffe5"
    assert skill_digest(files) == skill_digest(reversed(files)) == expected


def test_the_short_form_of_a_digest() -> None:
    assert short(FULL_DIGEST) == "745b71d6856a"
