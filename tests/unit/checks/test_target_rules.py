"""What a configured target cannot hold is a finding before anything is connected, and stays out of every plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scratch import Scratch

from catalog_tool.backends.fitness import declared, fitness, loses, problems
from catalog_tool.backends.limited import unfit_versions
from catalog_tool.backends.memory import MemoryBackend
from catalog_tool.backends.mlflow_capabilities import CAPABILITIES
from catalog_tool.backends.registry import BACKENDS
from catalog_tool.model.addresses import label_address, version_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.settings import Settings
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, session, wanted
from catalog_tool.sync.conformance.samples import FIRST, Sample, version_entry

TARGETS = """\
catalog: acme
targets:
  prod: {{backend: mlflow, url: "https://mlflow.example", include: [big, split, billing/**], {more}}}
  local: {{backend: sqlite, path: runtime.db}}
"""
PROMPT = "id: {name}\nversion: {version}\nmodel: gpt-4o-2024-08-06\nowners: [me]\nsystem_prompt: |\n  {text}\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": TARGETS.format(more="prefix: staging/"),
            "prompts/big/v1.yaml": PROMPT.format(name="big", version="v1", text="x" * 100_000),
            "prompts/big/v2.yaml": PROMPT.format(name="big", version="v2", text="x" * 99_999),
            "prompts/elsewhere/v1.yaml": PROMPT.format(name="elsewhere", version="v1", text="x" * 100_001),
            "prompts/split/v1.yaml": PROMPT.format(name="split", version="v1", text="one"),
            "prompts/split/v2.yaml": PROMPT.format(name="split", version="v2", text="two"),
            "prompts/billing/refund/v1.yaml": PROMPT.format(name="billing/refund", version="v1", text="one"),
            "prompts/registry.yaml": "split:\n  production: v1\n  canary: {v1: 90, v2: 10}\n",
            "skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fill PDF forms.\nmetadata: {owner: me}\n---\n# PDF\n",
        }
    )
    scratch.commit()
    return scratch


def found(catalog: Scratch) -> list[tuple[str, str | None, int | None, str]]:
    answer = catalog.run("validate", "--format", "json")
    codes = ("C340", "C341")
    return [
        (f["artifact"], f["path"], f["line"], f["message"]) for f in answer.json()["findings"] if f["code"] in codes
    ]


def test_everything_that_does_not_fit_is_named_with_target_and_reason(catalog: Scratch) -> None:
    of = "the target `prod` (mlflow)"
    catalog.write("skills/Odd_name/SKILL.md", "---\nname: odd\ndescription: Does odd things.\n---\n# Odd\n")
    assert found(catalog) == [
        ("big@v1", "prompts/big/v1.yaml", None,
         f"{of} cannot hold it: its text has 100,001 characters, MLflow takes 100,000"),
        ("split@canary", "prompts/registry.yaml", 3, f"{of} cannot split a label between versions"),
        ("Odd_name", "skills/Odd_name/SKILL.md", None, f"{of} does not take the skill's name Odd_name"),
    ]  # fmt: skip
    assert catalog.run("validate").code == 1


def test_skills_below_a_prefix_are_told_where_a_platform_has_none(catalog: Scratch) -> None:
    for prefix, count in (("", 0), ("prefix: staging/", 1)):
        settings = f"{{backend: langfuse, url: 'http://127.0.0.1:9', include: [billing/refund], {prefix}}}"
        catalog.write("catalog.yaml", f"catalog: acme\ntargets:\n  lf: {settings}\n")
        told = [message for _, _, _, message in found(catalog)]
        assert told == ["the target `lf` (langfuse) has no skills; it would get 1 skill"] * count


def test_filters_keep_things_from_a_target(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", TARGETS.format(more="labels: [production]").replace("big, ", ""))
    assert found(catalog) == []
    catalog.write("catalog.yaml", "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n")
    assert found(catalog) == []


def test_names_are_judged_with_their_prefix(catalog: Scratch) -> None:
    more = f"labels: [production], prefix: {'p' * 251}/"
    catalog.write("catalog.yaml", TARGETS.format(more=more).replace("big, ", "").replace(", billing/**", ""))
    named = {artifact for artifact, *_, message in found(catalog) if "takes names of 256 characters" in message}
    assert named == {"split@v1", "split@v2", "split@production"}


def test_other_targets_can_be_synced_all_the_same(catalog: Scratch) -> None:
    assert catalog.run("sync", "local", "--format", "json").json()["status"] == "done"


def test_a_review_is_told_of_what_changed_and_does_not_fit(catalog: Scratch) -> None:
    catalog.write("prompts/split/v3.yaml", PROMPT.format(name="split", version="v3", text="y" * 100_050))
    catalog.write("prompts/split/v4.yaml", PROMPT.format(name="split", version="v4", text="short"))
    why = "the target `prod` (mlflow) cannot hold it: its text has 100,051 characters, MLflow takes 100,000"
    document = catalog.run("diff", "HEAD", "--format", "json").json()
    assert document["summary"]["unfit"] == [{"object": "prompts/split@v3", "message": why}]
    assert "split@v3 does not fit" in catalog.run("diff", "HEAD").out
    assert "does not fit" in catalog.run("diff", "HEAD", "--format", "markdown").out
    catalog.write("catalog.yaml", "catalog: acme\n")
    assert "unfit" not in catalog.run("diff", "HEAD", "--format", "json").json()["summary"]


def test_a_plan_leaves_what_does_not_fit_and_what_depends_on_it() -> None:
    backend = MemoryBackend()
    narrow = Capabilities(backend="narrow", skills=False, text_characters=20, weighted_labels=False)
    told = session(backend)
    narrowed = replace(told, destination=told.destination._replace(fitness=fitness(narrow)))
    split = [{"version": "v2", "weight": 90}, {"version": "v3", "weight": 10}]
    sample = Sample(
        {**FIRST.versions, ("support/greet", "v3"): "Short."},
        {**FIRST.labels, ("support/greet", "canary"): split},
        FIRST.skills,
    )
    plan = plan_target(narrowed, wanted(backend, sample), OPTIONS)
    left = {action.object: action.reason for action in plan.actions if action.outcome == "skipped"}
    long = version_address("support/greet", "v1")
    assert left == {
        long: "kit takes texts of 20 characters, this one has 58",
        label_address("support/greet", "production"): f"{long} is not what git says",
        label_address("support/greet", "canary"): "kit cannot split a label between versions",
        "skills/pdf": "kit has no skills",
    }
    assert sync_target(narrowed, wanted(backend, sample), OPTIONS).status == "partial"
    assert set(left).isdisjoint(live.address for live in backend.scan())


@pytest.mark.parametrize(
    ("limits", "address", "entry", "words"),
    [
        ({"skills": False}, "skills/pdf", b"{}", "has no skills"),
        ({"skill_pattern": "[a-z]+"}, "skills/a:b", b"{}", "does not take the skill's name a:b"),
        ({"name_pattern": "[a-z]+"}, "prompts/a/b@v1", version_entry(), "does not take the name a/b"),
        ({"label_pattern": "[a-z]+"}, "labels/a@p_1", b'"v1"', "does not take the label p_1"),
        ({"version_bytes": 10}, "prompts/a@v1", version_entry(), "takes versions of 10 bytes"),
        ({"roles": frozenset({"user"})}, "prompts/a@v1", version_entry(), "no messages of the role system"),
        ({"label_delete": False}, "labels/a@production", None, "cannot remove a label"),
        ({"version_delete": False}, "prompts/a@v1", None, "cannot remove a version"),
    ],
)
def test_each_limit_has_its_words(limits: dict[str, object], address: str, entry: bytes | None, words: str) -> None:
    [told] = problems(Capabilities(backend="x", **limits), address, entry)  # type: ignore[arg-type]
    assert words in told
    assert list(problems(Capabilities(backend="x"), address, entry)) == []


def test_lost_metadata_is_told_apart() -> None:
    entry = version_entry(description="What for.", owners=["me"])
    assert (
        loses(Capabilities(backend="x", metadata=False), "prompts/a@v1", entry) == "does not keep description, owners"
    )
    assert loses(Capabilities(backend="x"), "prompts/a@v1", entry) is None


def test_every_kind_declares_without_a_connection() -> None:
    for name in BACKENDS:
        known = declared(name)
        assert known is None or known.backend == name
    assert declared("mlflow") is CAPABILITIES
    assert declared("somebody-elses") is None


def test_a_review_can_ask_for_versions_alone() -> None:
    settings = Settings(targets={"prod": {"backend": "mlflow", "include": ["a"]}})
    versions = [(version_address(name, "v1"), version_entry(text="x" * 100_001)) for name in ("a", "b")]
    assert [address for address, _ in unfit_versions(settings, versions)] == ["prompts/a@v1"]
