"""catalog.yaml to settings (design §2)."""

from __future__ import annotations

import pytest

from catalog_tool import __version__
from catalog_tool.model.settings import Rule, Settings
from catalog_tool.source.settings import read_settings


def wrong(text: str | bytes) -> list[tuple[str, int | None, int | None]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(found.code, found.line, found.column) for found in read_settings(data)[1]]


def message(text: str) -> str:
    findings = read_settings(text.encode())[1]
    return f"{findings[0].message} {findings[0].hint}"


@pytest.mark.parametrize("data", [None, b"", b"\n", b"# only a comment\n", b"format: 1\n", b"{}"])
def test_everything_has_a_default(data: bytes | None) -> None:
    assert read_settings(data) == (Settings(), [])
    assert Settings().skills == ("skills", ".claude/skills")


def test_everything_can_be_set() -> None:
    text = """\
format: 1
requires: ">=0.1"
catalog: acme
prompts: ai/prompts/
skills: [skills, "plugins/*/skills"]
skill_profile: upload
targets:
  dev: {backend: sqlite, path: dev.db}
  live: {backend: http, url: "${URL}", token: "${TOKEN}", edits: block, include: [a/**], skills: false}
labels:
  production: {protected: true, on_drift: restore, gate: {}}
rules:
  P140: {severity: ignore, reason: we float on purpose}
  Y013: {severity: error}
schemas: {prompt: schemas/prompt.json}
"""
    settings, findings = read_settings(text.encode())
    assert findings == []
    assert settings == Settings(
        catalog="acme",
        requires=">=0.1",
        prompts="ai/prompts",
        skills=("skills", "plugins/*/skills"),
        skill_profile="upload",
        targets={
            "dev": {
                "backend": "sqlite",
                "path": "dev.db",
                "edits": "report",
                "include": ["**"],
                "labels": ["*"],
                "skills": True,
            },
            "live": {
                "backend": "http",
                "url": "${URL}",
                "token": "${TOKEN}",
                "edits": "block",
                "include": ["a/**"],
                "labels": ["*"],
                "skills": False,
            },
        },
        labels={"production": {"protected": True, "on_drift": "restore", "gate": {}}},
        rules={"P140": Rule("ignore", "we float on purpose"), "Y013": Rule("error")},
        schemas={"prompt": "schemas/prompt.json"},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\nskill_profil: upload\n", ("C301", 2, 1)),
        ("targets:\n  dev: {backend: sqlite, path: x, pth: x}\n", ("C301", 2, 35)),
        ("targets:\n  dev: {backend: sqlite}\n", ("C301", 2, 8)),
        ("targets:\n  dev: {path: x}\n", ("C301", 2, 8)),
        ("skill_profile: loose\n", ("C301", 1, 16)),
        ("catalog: Acme\n", ("C301", 1, 10)),
        ("labels: {latest: {}}\n", ("C301", 1, 18)),
        ("labels: {production: {on_drift: pray}}\n", ("C301", 1, 33)),
        ("rules: {P140: {severity: ignore}}\n", ("C301", 1, 15)),
        ("rules: {P140: loud}\n", ("C301", 1, 15)),
        ("prompts: ../other\n", ("C301", 1, 10)),
        ("prompts: /etc\n", ("C301", 1, 10)),
        ("prompts: .\n", ("C301", 1, 10)),
        ("prompts: a/../..\n", ("C301", 1, 10)),
        ("skills: [skills, ../other]\n", ("C301", 1, 18)),
        ("schemas: {prompt: ../x.json}\n", ("C301", 1, 19)),
        ("format: 2\nnew_key: x\n", ("Y023", 1, 9)),
        ("format: '1'\n", ("C301", 1, 9)),
        ("format: true\n", ("C301", 1, 9)),
        ("requires: '>=99'\n", ("C302", 1, 11)),
        ("requires: '<0.0.1'\n", ("C302", 1, 11)),
        ("requires: newest\n", ("C302", 1, 11)),
        (f"requires: '>={'9' * 5000}'\n", ("C302", 1, 11)),
        ("rules: {P999: {severity: error}}\n", ("C304", 1, 9)),
        ("targets: {x: {backend: sqlite, path: 'store/${STAGE}.db'}}\n", ("C301", 1, 38)),
        ("targets: {x: {backend: redis, url: 'redis://:${PW}@host'}}\n", ("C301", 1, 36)),
        ("targets: {x: {backend: sqlite, path: '${A:-b}'}}\n", ("C301", 1, 38)),
        ("targets: {x: {backend: sqlite, path: a.db, include: [b, '${C}']}}\n", ("C301", 1, 53)),
        ("rules: {P140: {severity: ignore, reason: '  '}}\n", ("C301", 1, 42)),
        ("targets: {x: {backend: http, token: s3cret}}\n", ("C303", 1, 37)),
        ("targets: {x: {backend: langfuse, secret_key: sk-1}}\n", ("C303", 1, 46)),
        ("targets: {x: {backend: postgres, url: 'postgresql://u:pw@h/d'}}\n", ("C303", 1, 39)),
        ("a: &x 1\n", ("Y009", 1, 4)),
        ("- a\n", ("Y017", 1, 1)),
        (b"catalog: \xff\n", ("Y003", 1, 10)),
    ],
)
def test_what_is_wrong(text: str | bytes, expected: tuple[str, int, int]) -> None:
    assert wrong(text) == [expected]


def test_an_unknown_key_names_the_nearest() -> None:
    assert "skill_profile" in message("skill_profil: upload\n")
    assert "targets" in message("target: {}\n")


def test_a_newer_format_is_refused_by_name() -> None:
    assert "format 2" in message("format: 2\n")


@pytest.mark.parametrize("wanted", [">=0.1", f"=={__version__}", ">=0.0.1, <99", "~=0.1", "!=0.0.1"])
def test_versions_of_this_tool_that_fit(wanted: str) -> None:
    assert wrong(f'requires: "{wanted}"\n') == []


def test_a_whole_value_from_the_environment_is_no_secret() -> None:
    text = "targets: {x: {backend: http, url: 'https://h/x', token: '${TOKEN}'}}\n"
    assert wrong(text) == []
    assert wrong("targets: {x: {backend: http, url: 'https://h:8080/x@y'}}\n") == []


def test_a_finding_may_belong_to_a_check_of_another_package() -> None:
    assert wrong("rules: {ACME1: {severity: error}}\n") == []


def test_one_mistake_does_not_hide_the_rest_of_the_catalog() -> None:
    settings, findings = read_settings(b"prompts: ai/\nskills: [s, ../t]\nskill_profile: upload\nnonsense: 1\n")
    assert [(found.code, found.line) for found in findings] == [("C301", 4), ("C301", 2)]
    assert (settings.prompts, settings.skills, settings.skill_profile) == ("ai", ("s",), "upload")


EVERY_MISTAKE = """\
skils: [a]
requires: ">=99"
catalog: acme
prompts: ../ai
skills: [s, 1, ../t]
skill_profile: loose
targets:
  a: {backend: sqlite, path: x, pth: x}
  b: {backend: sqlit, include: 1}
  c: {backend: http, url: "https://h", token: s3cret}
  d: {backend: sqlite, path: d.db}
labels:
  production: {protected: maybe, on_drift: restore, gate: {}}
  staging: {gate: {confidence: 9, min_cases: 5, rollout: [{weight: x}]}, protected: true}
  latest: {}
rules:
  P999: {severity: loud}
  P140: {severity: error}
  P141: {severity: ignore}
  C301: {severity: ignore, reason: x}
  tool-added: {severity: error, reasn: x}
schemas: {prompt: p.json, skill: /s.json, tool: t.json}
"""


def test_everything_is_told_at_once() -> None:
    found = {(each.code, each.line) for each in read_settings(EVERY_MISTAKE.encode())[1]}
    form = {("C301", line) for line in (1, 4, 5, 6, 8, 9, 13, 14, 15, 17, 19, 21, 22)}
    assert found == form | {("C302", 2), ("C303", 10), ("C304", 17)}
    lines = [
        (each.line, each.column) for each in read_settings(EVERY_MISTAKE.encode())[1] if each.line in (5, 9, 21, 22)
    ]
    assert sorted(lines) == [(5, 13), (5, 16), (9, 16), (9, 32), (21, 26), (21, 33), (22, 34), (22, 43)]


def test_what_is_right_is_in_force_whatever_else_is_wrong() -> None:
    settings = read_settings(EVERY_MISTAKE.encode())[0]
    defaults = {"edits": "report", "include": ["**"], "labels": ["*"], "skills": True}
    assert settings == Settings(
        catalog="acme",
        skills=("s",),
        targets={
            "c": {"backend": "http", "url": "https://h", **defaults},
            "d": {"backend": "sqlite", "path": "d.db", **defaults},
        },
        labels={
            "production": {"on_drift": "restore", "gate": {}},
            "staging": {"protected": True, "gate": {"min_cases": 5}},
        },
        rules={"P140": Rule("error")},
        schemas={"prompt": "p.json"},
    )


@pytest.mark.parametrize("code", ["C301", "C302", "C303", "C304"])
def test_no_rule_hides_that_the_settings_are_wrong(code: str) -> None:
    assert read_settings(f"rules: {{{code}: {{severity: ignore, reason: x}}}}\n".encode()) == (Settings(), [])


def test_of_a_newer_format_only_the_folders_are_read() -> None:
    text = "format: 2\nprompts: ai\nskills: [s, ../t, 1]\ncatalog: acme\nrules: {P140: {severity: error}}\nx: 1\n"
    settings, findings = read_settings(text.encode())
    assert [found.code for found in findings] == ["Y023"]
    assert settings == Settings(prompts="ai", skills=("s",))


def test_more_mistakes_than_are_told_leave_what_is_right_from_end_to_end() -> None:
    rules = "".join(f"  P140x{number}: a\n" for number in range(1500))
    settings, findings = read_settings(
        f"catalog: acme\nskils: []\nrules:\n  P140: {{severity: error}}\n{rules}".encode()
    )
    assert {found.code for found in findings} == {"C301", "C304"}
    assert settings == Settings(catalog="acme")


def test_a_secret_is_told_beside_every_other_mistake() -> None:
    text = "targets:\n  a: {backend: sqlite, path: x, pth: x}\n  b: {backend: http, token: s3cret}\n  c: sqlite\n"
    assert [found.code for found in read_settings(text.encode())[1]] == ["C301", "C301", "C303"]


@pytest.mark.parametrize("severity", ["'off'", "minor", "5", "[error]", "true"])
def test_a_rule_about_a_finding_offers_what_a_finding_may_be(severity: str) -> None:
    findings = read_settings(f"rules: {{P140: {{severity: {severity}, reason: x}}}}\n".encode())[1]
    assert [(found.code, found.line, found.column) for found in findings] == [("C301", 1, 26)]
    assert findings[0].message.endswith("; write one of error, warning, info, ignore")
    assert findings[0].message.startswith("P140 cannot be ")


@pytest.mark.parametrize("severity", ["off", "error"])
def test_a_rule_about_a_change_offers_contract_levels(severity: str) -> None:
    (found,) = read_settings(f"rules: {{tool-added: {{severity: '{severity}', reason: x}}}}\n".encode())[1]
    assert found.message == f'tool-added cannot be "{severity}"; write one of major, minor, patch, none'


def test_an_unknown_code_leaves_the_other_rules_and_settings_as_they_are() -> None:
    text = """\
catalog: acme
rules:
  P999: {severity: error}
  C304: {severity: ignore, reason: x}
  P140: {severity: ignore, reason: x}
"""
    settings, findings = read_settings(text.encode())
    assert [(found.code, found.severity, found.line) for found in findings] == [("C304", "error", 3)]
    assert settings == Settings(catalog="acme", rules={"P140": Rule("ignore", "x")})
