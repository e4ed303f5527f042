"""Checks of other packages: found where installed, asked last, and no harm where they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scratch import SECONDS, Answer, Scratch

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nowners: [team-a]\nsystem_prompt: Greet {{name}}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms.\n---\n# PDF\n"
MODULE = """
import sys
from catalog_tool.model.finding import Finding

def company(subject):
    for prompt in subject.prompts:
        if "Acme" not in str(prompt.parts["messages"]):
            yield Finding("ACME1", "warning", f"{prompt.id}@{prompt.version} {prompt.digest[:7]} {prompt.owners}", prompt.path, 2, 1)
    for skill in subject.skills:
        yield Finding("ACME2", "info", f"{skill.key} {len(subject.read(skill.path + '/SKILL.md'))}", skill.path)
    yield Finding("ACME3", "info", f"{dict(subject.labels)} {subject.read('gone')} {subject.read('skills/pdf')}")

def talkative(subject):
    print("so much to say")
    return []

def failing(subject):
    yield Finding("ACME9", "error", "lost")
    raise ValueError("a bug\\n::error::owned")

def leaving(subject):
    sys.exit(0)

def endless(subject):
    while True:
        yield Finding("ACME4", "info", "again")

def wrong(subject):
    return [Finding("P101", "error", "ours"), Finding("ACME5", "fatal", "x"), Finding("ACME6", "info", 3),
            Finding("ACME7", "info", "x", None, 0), Finding("ACME8", "info", "x", line=True), "text", Finding("ACME0", "info", "fine")]

nothing = 1
"""  # noqa: E501 - another package's


class Toy:
    """A catalog, and a distribution with checks that is installed for the command line."""

    def __init__(self, scratch: Scratch, folder: Path) -> None:
        self.scratch = scratch
        self.folder = folder
        (folder / "toy-1.dist-info").mkdir(parents=True)
        (folder / "toy-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
        (folder / "toy.py").write_text(MODULE)

    def run(self, checks: dict[str, str], *arguments: str) -> Answer:
        lines = "".join(f"{name} = {value}\n" for name, value in checks.items())
        (self.folder / "toy-1.dist-info/entry_points.txt").write_text(f"[catalog_tool.checks]\n{lines}")
        env = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        return self.scratch.run(*arguments, env=env)

    def said(self, checks: dict[str, str]) -> list[tuple[str, str]]:
        found = self.run(checks, "validate", "--format", "json").json()["findings"]
        return [(each["code"], each["message"]) for each in found if each["code"].startswith(("ACME", "C330", "P101"))]


@pytest.fixture
def toy(scratch: Scratch, tmp_path: Path) -> Toy:
    scratch.write_all({
        "prompts/greet/v1.yaml": PROMPT, "skills/pdf/SKILL.md": SKILL,
        "prompts/registry.yaml": "greet: {production: v1, canary: {v1: 100}}\n",
    })  # fmt: skip
    scratch.commit()
    return Toy(scratch, tmp_path / "site")


def test_what_a_check_sees_and_says(toy: Toy) -> None:
    answer = toy.run({"company": "toy:company"}, "validate", "--format", "json")
    found = {each["code"]: each for each in answer.json()["findings"]}
    assert answer.code == 0
    assert found["ACME1"]["message"] == "greet@v1 sha256: ('team-a',)"
    assert (found["ACME1"]["path"], found["ACME1"]["line"]) == ("prompts/greet/v1.yaml", 2)
    assert found["ACME2"]["message"] == f"pdf {len(SKILL)}"
    assert found["ACME3"]["message"] == "{'greet': {'production': 'v1', 'canary': 'v1'}} None None"
    for output in ("text", "github", "sarif", "junit"):
        assert "ACME1" in toy.run({"company": "toy:company"}, "validate", "--format", output).out
    assert toy.run({"company": "toy:company"}, "validate", "--rev", "HEAD", "--strict").code == 1


def test_rules_set_its_severity_and_a_build_asks_it(toy: Toy) -> None:
    toy.scratch.write("catalog.yaml", "rules: {ACME1: {severity: error, reason: house rule}}\n")
    assert toy.run({"company": "toy:company"}, "validate").code == 1
    answer = toy.run({"company": "toy:company"}, "build")
    assert (answer.code, answer.out) == (1, "")
    assert "ACME1" in answer.err
    toy.scratch.write("prompts/greet/v1.yaml", PROMPT.replace("Greet", "Acme greets"))
    assert toy.run({"company": "toy:company"}, "build").code == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("toy:failing", "failed: ValueError: a bug"), ("toy:gone", "failed: AttributeError"),
        ("gone:check", "failed: ModuleNotFoundError"), ("toy:nothing", "failed: TypeError"),
        ("toy:leaving", "failed: SystemExit"), ("toy:wrong", "answered a finding whose code is not"),
    ],
)  # fmt: skip
def test_one_that_fails_is_one_finding(toy: Toy, value: str, message: str) -> None:
    answer = toy.run({"a": value, "b": "toy:company"}, "validate", "--format", "json")
    found = [each for each in answer.json()["findings"] if each["code"] == "C330"]
    assert (answer.code, len(found)) == (1, 1)
    assert found[0]["message"].startswith(f"the check `a` ({value}) {message}")
    assert "Traceback" not in answer.err
    assert "ACME1" in answer.out


def test_of_nonsense_what_makes_sense_is_kept(toy: Toy) -> None:
    assert [code for code, _ in toy.said({"wrong": "toy:wrong"})] == ["ACME0", "C330"]


def test_one_without_an_end(toy: Toy) -> None:
    assert toy.said({"endless": "toy:endless"}) == [("ACME4", "again")]


def test_what_it_prints_is_no_result(toy: Toy) -> None:
    answer = toy.run({"talkative": "toy:talkative"}, "validate", "--format", "json")
    assert answer.json()["status"] == "ok"
    assert "so much to say" in answer.err


def test_nothing_is_remembered_while_one_is_installed(toy: Toy) -> None:
    assert toy.scratch.run("validate").code == 0
    for _ in range(2):
        assert "ACME1" in toy.run({"company": "toy:company"}, "validate").out
    (toy.folder / "toy.py").write_text(MODULE.replace("ACME1", "ACME77"))
    assert "ACME77" in toy.run({"company": "toy:company"}, "validate").out
    assert "ACME" not in toy.scratch.run("validate").out


def test_nothing_is_imported_from_the_catalog(scratch: Scratch, tmp_path: Path) -> None:
    """``python -m`` looks into the working directory first; the catalog there is not to be run."""
    scratch.write("prompts/greet/v1.yaml", PROMPT)
    mark = tmp_path / "mark"
    for name in ("click", "yaml", "jsonschema", "toy"):
        scratch.write(f"{name}.py", f"open({str(mark)!r}, 'w')\ndef check(subject): return []\n")
    scratch.write("toy-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
    scratch.write("toy-1.dist-info/entry_points.txt", "[catalog_tool.checks]\na = toy:check\n")
    command = [sys.executable, "-m", "catalog_tool", "validate", "--format", "json"]
    done = subprocess.run(
        command, cwd=scratch.root, env={**scratch.command.environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert json.loads(done.stdout)["status"] == "ok", done.stderr
    assert not mark.exists()
