"""Every output of a build: its form, its digests, and that one says what the other says (design §4, §6)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import stat
import subprocess
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scratch import Scratch

from catalog_tool import __version__
from catalog_tool.canonical.identity import SkillFile, bundle_digest, prompt_identity, skill_digest
from catalog_tool.canonical.jcs import canonical_bytes, digest_of_bytes
from catalog_tool.source.schemas import load_schema
from catalog_tool.stores.sqlite_schema import USER_VERSION

from .building import build_at, contents, document

INDEX = ".well-known/agent-skills/index.json"
JSON_FILES = ("bundle.json", "skills-catalog.json", "manifest.json", INDEX)


def test_the_files_of_a_build(out: Path) -> None:
    assert list(contents(out)) == sorted(
        [*JSON_FILES, "bundle.sqlite", "catalog.csv", ".well-known/agent-skills/alone/SKILL.md",
        ".well-known/agent-skills/pdf.zip"]
    )  # fmt: skip


@pytest.mark.parametrize("name", JSON_FILES)
def test_json_is_canonical(out: Path, name: str) -> None:
    data = (out / name).read_bytes()
    assert canonical_bytes(json.loads(data)) == data


@pytest.mark.parametrize(
    ("name", "schema"),
    [("bundle.json", "bundle"), ("skills-catalog.json", "skills-catalog"), ("manifest.json", "manifest")],
)
def test_documents_fit_their_schemas(out: Path, name: str, schema: str) -> None:
    jsonschema.Draft202012Validator(json.loads(json.dumps(load_schema(schema)))).validate(document(out, name))


def test_every_digest_of_the_bundle_can_be_recomputed(out: Path) -> None:
    bundle = document(out, "bundle.json")
    assert (bundle["format"], bundle["hv"], bundle["kind"]) == (1, 1, "bundle")
    digests: dict[str, dict[str, str]] = {}
    for name, versions in bundle["prompts"].items():
        for version, entry in versions.items():
            parts = {key: value for key, value in entry.items() if key not in ("digest", "version_id", "meta")}
            assert prompt_identity({"order": {}, **parts}).digest == entry["digest"]
            assert entry["version_id"] == f"{version}-{entry['digest'][7:19]}"
            digests.setdefault(name, {})[version] = entry["digest"]
    for entry in bundle["skills"].values():
        assert skill_digest(SkillFile(**file) for file in entry["files"]) == entry["digest"]
    skills = {name: entry["digest"] for name, entry in bundle["skills"].items()}
    assert bundle_digest(bundle["labels"], digests, skills) == bundle["digest"]
    assert set(digests) == {"support_agent", "billing/refund"}
    assert set(digests["support_agent"]) == {"v2", "v10"}


def test_the_bundle_stands_alone(out: Path) -> None:
    entry = document(out, "bundle.json")["prompts"]["support_agent"]
    assert entry["v2"]["messages"][0]["content"] == "Help with {{product_name}}. Never share secrets.\n\n"
    assert entry["v2"]["meta"] == {"owners": ["team-support"]}
    assert entry["v10"]["order"] == {"/output_schema/properties": ["z", "a"]}


def test_labels_are_in_canonical_form(out: Path) -> None:
    assert document(out, "bundle.json")["labels"] == {
        "support_agent": {
            "canary": [{"version": "v2", "weight": 95}, {"version": "v10", "weight": 5}],
            "production": "v2",
        }
    }


@pytest.mark.parametrize("missing", ["prompts", "skills"])
def test_what_is_absent_is_an_empty_map(tmp_path: Path, committed: Scratch, missing: str) -> None:
    committed.git("rm", "-r", "--quiet", missing)
    committed.commit()
    out = tmp_path / "part"
    assert build_at(committed.root, out).digest
    bundle = document(out, "bundle.json")
    assert bundle[missing] == {}
    assert missing == "skills" or bundle["labels"] == {}
    assert canonical_bytes(bundle) == (out / "bundle.json").read_bytes()
    test_every_output_of_the_index_is_what_it_says(out)


def rows(out: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of ``bundle.sqlite``."""
    with closing(sqlite3.connect(f"{(out / 'bundle.sqlite').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_the_database_says_what_the_document_says(out: Path) -> None:
    bundle = document(out, "bundle.json")
    assert dict(rows(out, "SELECT key, value FROM meta")) == {
        "digest": bundle["digest"], "format": "1", "kind": "bundle",
    }  # fmt: skip
    assert rows(out, "PRAGMA user_version") == [(USER_VERSION,)]
    assert rows(out, "PRAGMA integrity_check") == [("ok",)]
    prompts: dict[str, dict[str, Any]] = {}
    for name, version, version_id, digest, entry in rows(
        out, "SELECT id, version, version_id, digest, entry FROM prompt_version"
    ):
        found = json.loads(entry)
        assert (found["version_id"], found["digest"]) == (version_id, digest)
        assert canonical_bytes(found) == entry
        prompts.setdefault(name, {})[version] = found
    assert prompts == bundle["prompts"]
    labels: dict[str, dict[str, Any]] = {}
    for name, label, value in rows(out, "SELECT id, label, value FROM label"):
        labels.setdefault(name, {})[label] = json.loads(value)
    assert labels == bundle["labels"]
    skills = {name: json.loads(entry) for name, entry in rows(out, "SELECT name, entry FROM skill")}
    assert skills == bundle["skills"]
    assert dict(rows(out, "SELECT name, digest FROM skill")) == {
        name: entry["digest"] for name, entry in skills.items()
    }


def test_the_database_holds_the_files_of_skills(out: Path, committed: Scratch) -> None:
    stored = rows(out, "SELECT name, path, mode, sha256, size, content FROM skill_file")
    listed = {
        (name, file["path"], file["mode"], file["sha256"], file["size"])
        for name, entry in document(out, "bundle.json")["skills"].items()
        for file in entry["files"]
    }
    assert {row[:5] for row in stored} == listed
    for name, path, _mode, sha256, size, data in stored:
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (sha256, size)
        assert (committed.root / "skills" / name / path).read_bytes() == data


def test_the_catalog_of_skills(out: Path, committed: Scratch) -> None:
    catalog = document(out, "skills-catalog.json")
    assert [entry["name"] for entry in catalog["skills"]] == ["alone", "pdf"]
    pdf = catalog["skills"][1]
    interop = pdf.pop("interop")
    assert pdf.pop("description_chars") == pdf["listing_chars"]
    assert pdf == {
        "name": "pdf", "telemetry_names": ["pdf"], "path": "skills/pdf", "license": "MIT", "owners": ["team-docs"],
        "description": "Fills PDF forms. Use when a form has to be completed.", "tags": ["forms", "office"],
        "digest": document(out, "bundle.json")["skills"]["pdf"]["digest"], "files": 3, "body_lines": 3,
        "size_bytes": sum(path.stat().st_size for path in (committed.root / "skills/pdf").rglob("*") if path.is_file()),
        "listing_chars": 53, "tokens_estimate": 4, "allowed_tools": ["Read", "Bash(git add *)"],
        "user_invocable": True, "model_invocable": True,
        "first_commit_at": "2026-02-01T08:00:00Z", "last_commit_at": "2026-02-01T08:00:00Z",
    }  # fmt: skip
    assert catalog["listing"] == {"chars": 106, "budget_chars": 8000, "truncated": []}
    assert interop["git_tree"] == committed.git("rev-parse", "HEAD:skills/pdf")
    assert interop["archive"] == digest_of_bytes((out / ".well-known/agent-skills/pdf.zip").read_bytes())
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", interop["mlflow"])


def test_dates_are_those_of_commits_that_touch_skill_md(tmp_path: Path, committed: Scratch) -> None:
    committed.write("skills/pdf/scripts/run.sh", "#!/bin/sh\n")
    committed.commit(when="2026-03-01T00:00:00+00:00")
    committed.write("skills/alone/SKILL.md", (committed.root / "skills/alone/SKILL.md").read_bytes() + b"\n")
    committed.commit(when="2026-03-02T00:00:00+00:00")
    committed.write("skills/new/SKILL.md", "---\nname: new\ndescription: New.\n---\n")
    out = tmp_path / "out"
    build_at(committed.root, out)
    dates = {
        entry["name"]: (entry["first_commit_at"], entry["last_commit_at"])
        for entry in document(out, "skills-catalog.json")["skills"]
    }
    assert dates == {
        "alone": ("2026-02-01T08:00:00Z", "2026-03-02T00:00:00Z"),
        "pdf": ("2026-02-01T08:00:00Z", "2026-02-01T08:00:00Z"),
        "new": (None, None),
    }


def test_the_table_for_dashboards(out: Path) -> None:
    data = (out / "catalog.csv").read_bytes()
    assert list(csv.reader(io.StringIO(data.decode()))) == [
        ["skill_name", "skill", "owner"], ["alone", "alone", ""], ["pdf", "pdf", "team-docs"],
    ]  # fmt: skip
    assert data.endswith(b"\n")
    assert b"\r" not in data


def test_every_output_of_the_index_is_what_it_says(out: Path) -> None:
    index = document(out, INDEX)
    assert index["$schema"] == "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
    assert set(index) == {"$schema", "skills"}
    bundle = document(out, "bundle.json")["skills"]
    assert [entry["name"] for entry in index["skills"]] == sorted(bundle)
    for entry in index["skills"]:
        assert set(entry) == {"name", "type", "description", "url", "digest"}
        assert digest_of_bytes((out / INDEX).parent.joinpath(entry["url"]).read_bytes()) == entry["digest"]
        assert entry["type"] == ("skill-md" if len(bundle[entry["name"]]["files"]) == 1 else "archive")


def test_an_archive_is_stored_sorted_and_dated_1980(out: Path, tmp_path: Path, committed: Scratch) -> None:
    path = out / ".well-known/agent-skills/pdf.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        found = archive.infolist()
        assert [item.filename for item in found] == ["SKILL.md", "data/ü.bin", "scripts/run.sh"]
        assert {item.date_time for item in found} == {(1980, 1, 1, 0, 0, 0)}
        assert {item.compress_type for item in found} == {zipfile.ZIP_STORED}
        modes = [stat.S_IMODE(item.external_attr >> 16) for item in found]
        assert modes == [0o644, 0o644, 0o755]
        for item in found:
            assert archive.read(item) == (committed.root / "skills/pdf" / item.filename).read_bytes()
    subprocess.run(["python3", "-m", "zipfile", "-e", str(path), str(tmp_path / "unpacked")], check=True)


def test_the_manifest_names_every_file(out: Path, committed: Scratch) -> None:
    manifest = document(out, "manifest.json")
    listed = {file["name"]: (file["size"], file["sha256"]) for file in manifest["files"]}
    there = {
        name: (len(data), hashlib.sha256(data).hexdigest())
        for name, data in contents(out).items()
        if name != "manifest.json"
    }
    assert listed == there
    assert [file["name"] for file in manifest["files"]] == sorted(listed)
    assert manifest["bundle"] == document(out, "bundle.json")["digest"]
    assert (manifest["tool_version"], manifest["commit"]) == (__version__, committed.git("rev-parse", "HEAD"))


def test_commit_and_time_stand_in_the_manifest_only(out: Path, committed: Scratch) -> None:
    commit = committed.git("rev-parse", "HEAD").encode()
    time = document(out, "manifest.json")["built_at"].encode()
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)
    assert {name for name, data in contents(out).items() if commit in data or time in data} == {"manifest.json"}


def test_a_modified_work_tree_has_no_commit(tmp_path: Path, committed: Scratch) -> None:
    committed.write("skills/pdf/more.md", "x\n")
    build_at(committed.root, tmp_path / "out")
    assert document(tmp_path / "out", "manifest.json")["commit"] is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [("0", "1970-01-01T00:00:00Z"), ("1767225600", "2026-01-01T00:00:00Z"), ("253402300799", "9999-12-31T23:59:59Z")],
)
def test_the_time_of_the_build_can_be_set(
    tmp_path: Path, committed: Scratch, monkeypatch: pytest.MonkeyPatch, written: str, shown: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", written)
    build_at(committed.root, tmp_path / "out")
    assert document(tmp_path / "out", "manifest.json")["built_at"] == shown


def test_the_limits_of_the_listing_come_from_the_agents_settings(tmp_path: Path, committed: Scratch) -> None:
    committed.write(".claude/settings.json", '{"skillListingBudgetFraction": 0.0001, "maxSkillDescriptionChars": 50}')
    build_at(committed.root, tmp_path / "out")
    listing = document(tmp_path / "out", "skills-catalog.json")["listing"]
    assert listing == {"chars": 100, "budget_chars": 80, "truncated": ["alone", "pdf"]}


def test_a_squash_keeps_the_digest(tmp_path: Path, committed: Scratch) -> None:
    before = build_at(committed.root, tmp_path / "one").digest
    committed.git("checkout", "--quiet", "--orphan", "squashed")
    committed.commit("All at once")
    assert build_at(committed.root, tmp_path / "two").digest == before


def test_plugin_skills_have_folders_of_their_own(tmp_path: Path, scratch: Scratch) -> None:
    text = "---\nname: pdf\ndescription: Fills forms.\n---\n"
    scratch.write_all(
        {
            "catalog.yaml": "skills: [skills, plugins/*/skills]\n",
            "skills/pdf/SKILL.md": text,
            "plugins/acme/skills/pdf/SKILL.md": text,
            "plugins/acme/skills/pdf/x.md": "x\n",
        }
    )
    out = tmp_path / "out"
    assert build_at(scratch.root, out).digest
    assert {entry["name"]: entry["url"] for entry in document(out, INDEX)["skills"]} == {
        "acme:pdf": "acme/pdf.zip", "pdf": "pdf/SKILL.md",
    }  # fmt: skip
    test_every_output_of_the_index_is_what_it_says(out)


def test_names_that_only_one_agent_takes(tmp_path: Path, scratch: Scratch) -> None:
    """Folders may be called anything under the agent's own profile; addresses are quoted, nothing collides."""
    names = ["My Skill", "index.json", "größe", "a%20b", "UPPER"]
    scratch.write("catalog.yaml", "skill_profile: claude-code\n")
    scratch.write_all({f"skills/{name}/SKILL.md": "---\ndescription: Does it.\n---\n" for name in names})
    out = tmp_path / "out"
    assert build_at(scratch.root, out).digest
    index = document(out, INDEX)
    assert {entry["name"] for entry in index["skills"]} == set(names)
    from urllib.parse import unquote

    for entry in index["skills"]:
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", entry["url"])
        assert (out / INDEX).parent.joinpath(unquote(entry["url"])).is_file()
