"""``catalog.yaml`` to ``Settings``, with findings that name line and column."""

from __future__ import annotations

import difflib
import posixpath
import re
from typing import Any

from catalog_tool import __version__
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.model.settings import PROFILES, SETTINGS_FILE, TARGET_DEFAULTS, Rule, Settings
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schema_survey import SchemaProblem, clip
from catalog_tool.source.schemas import load_schema

BACKENDS = ("memory", "file", "sqlite", "postgres", "redis", "s3", "dynamodb", "http", "langfuse", "mlflow")
"""The kinds of stores that this package knows; other packages may add more."""
SEVERITIES = (ERROR, WARNING, INFO, "ignore")
"""What a rule about a finding may say."""
_UNKNOWN = "C304"
"""A rule for a code that does not exist: it has no effect, all the other settings have."""
_OF_A_PACKAGE = re.compile(r"[A-Z]{2,}[0-9]+")
"""Codes of other packages' checks."""
_SECRET_KEYS = ("token", "secret_key", "password", "api_key")
_FROM_ENVIRONMENT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:(?!\$\{)[^/@\s]+@", re.ASCII)


def read_settings(data: bytes | None) -> tuple[Settings, list[Finding]]:
    """The settings in the bytes of ``catalog.yaml`` (None: no such file), and what is wrong with them.

    Whatever can be used is used, so that one mistake does not hide the rest of the catalog.
    """
    if data is None:
        return Settings(), []
    document = SourceDocument(SETTINGS_FILE, data)
    value = document.value
    if value is None:
        return Settings(), [] if document.is_blank else document.findings
    engine = SchemaEngine(load_schema("catalog"))
    if not engine.is_valid(value):
        _report_problems(document, value, engine)
    if document.clean:
        _check_requires(document, value.get("requires"))
        _check_folders(document, value)
        _check_rules(document, value.get("rules") or {})
        _check_backends(document, value.get("targets") or {})
    _check_secrets(document, value.get("targets"))  # a secret is one whatever else is wrong
    usable = all(found.severity != ERROR or found.code == _UNKNOWN for found in document.findings)
    return _settings(value) if usable else _lenient(value), document.findings


def _report_problems(document: SourceDocument, value: dict[str, Any], engine: SchemaEngine) -> None:
    number = value.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > 1:
        document.report(
            "Y023",
            f"format {number} is newer than this tool reads (1)",
            document.at(["format"]),
            hint="upgrade catalog-tool",
        )
        return
    for problem in engine.errors(value):
        path = pointer_path(problem.pointer, value)
        spot = document.key(path) if problem.keyword == "additionalProperties" else document.at(path)
        document.report("C301", _severity_problem(problem, path, value) or problem.message, spot)


def _severity_problem(problem: SchemaProblem, path: list[str | int], value: dict[str, Any]) -> str:
    """For a rule's severity that is none, what this rule may say: the schema's words would offer every kind's."""
    if problem.keyword != "enum" or len(path) != 3 or path[0] != "rules":
        return ""
    return _refused_severity(str(path[1]), value["rules"][path[1]]["severity"])


def _refused_severity(code: str, severity: object) -> str:
    return f"{code} cannot be {clip(severity)}; write one of {', '.join(_severities(code))}"


def _severities(code: str) -> tuple[str, ...]:
    """What a rule may say: of a change its contract level, of a finding how serious it is."""
    return CONTRACT_SEVERITIES if code in CHANGE_RULES else SEVERITIES


def _is_known(code: str) -> bool:
    return code in CHANGE_RULES or code in CODES or _OF_A_PACKAGE.fullmatch(code) is not None


def _check_requires(document: SourceDocument, requires: str | None) -> None:
    if requires is None:
        return
    if _is_at_least(requires):
        return
    from packaging.specifiers import SpecifierSet  # slow to import, and rarely needed

    try:
        if SpecifierSet(requires).contains(__version__, prereleases=True):
            return
        message = f"the catalog needs catalog-tool {requires}; this is {__version__}"
    except ValueError:  # InvalidSpecifier, and numbers of thousands of digits
        message = f"{requires!r} is no version range; write for example `>=0.1`"
    document.report("C302", message, document.at(["requires"]))


def _is_at_least(requires: str) -> bool:
    """Whether ``requires`` is a plain ``>=1.2`` that this version meets: what nearly every catalog says."""
    found = re.fullmatch(r">=\s*([0-9]{1,9}(?:\.[0-9]{1,9})*)", requires, re.ASCII)
    if found is None:
        return False
    return [int(part) for part in found[1].split(".")] <= [int(part) for part in __version__.split(".")]


def _check_folders(document: SourceDocument, value: dict[str, Any]) -> None:
    """Whatever is read stands inside the catalog."""
    written: list[tuple[list[str | int], str]] = [(["prompts"], value.get("prompts", "prompts"))]
    written += [(["skills", index], glob) for index, glob in enumerate(value.get("skills") or ())]
    written += [(["schemas", kind], path) for kind, path in (value.get("schemas") or {}).items()]
    for path, folder in written:
        if _leaves(folder):
            document.report("C301", f"{folder!r} leaves the catalog's folder", document.at(path))
        elif path == ["prompts"] and posixpath.normpath(folder) == ".":
            document.report("C301", "prompts need a folder of their own", document.at(path))


def _leaves(path: str) -> bool:
    return path.startswith(("/", "\\")) or posixpath.normpath(path.replace("\\", "/")).split("/")[0] == ".."


def _check_rules(document: SourceDocument, rules: dict[str, Any]) -> None:
    for code, rule in rules.items():
        if not _is_known(code):
            near = difflib.get_close_matches(code, (*CHANGE_RULES, *CODES), n=1)
            hint = f"did you mean {near[0]}?" if near else "see `catalog schema --codes`"
            document.report(_UNKNOWN, f"there is no finding or rule {code}", document.key(["rules", code]), hint=hint)
        elif rule["severity"] not in _severities(code):
            place = document.at(["rules", code, "severity"])
            document.report("C301", _refused_severity(code, rule["severity"]), place)


def _check_backends(document: SourceDocument, targets: dict[str, Any]) -> None:
    """A backend of another package may have any name, but not one that is nearly one of ours."""
    for name, target in targets.items():
        backend = str(target.get("backend", ""))
        near = difflib.get_close_matches(backend, BACKENDS, n=1)
        if backend not in BACKENDS and near:
            message = f"there is no backend `{backend}`; did you mean `{near[0]}`?"
            document.report("C301", message, document.at(["targets", name, "backend"]))


def _check_secrets(document: SourceDocument, targets: object) -> None:
    for name, target in targets.items() if isinstance(targets, dict) else ():
        for key, value in target.items() if isinstance(target, dict) else ():
            if not isinstance(value, str) or _FROM_ENVIRONMENT.fullmatch(value):
                continue
            if key in _SECRET_KEYS or _URL_PASSWORD.match(value):
                message = f"`{key}` of the target {name} holds a secret; name an environment variable: ${{NAME}}"
                document.report("C303", message, document.at(["targets", name, key]))


def _settings(value: dict[str, Any]) -> Settings:
    base = Settings()
    skills = value.get("skills", list(base.skills))
    return Settings(
        catalog=value.get("catalog"),
        requires=value.get("requires"),
        prompts=_folder(value.get("prompts", base.prompts)),
        skills=tuple(skills) if isinstance(skills, list) else (skills,),
        skill_profile=value.get("skill_profile", base.skill_profile),
        targets={name: {**TARGET_DEFAULTS, **target} for name, target in (value.get("targets") or {}).items()},
        labels=value.get("labels") or {},
        rules={code: _rule(rule) for code, rule in (value.get("rules") or {}).items() if _takes_effect(code)},
        schemas=value.get("schemas") or {},
    )


def _takes_effect(code: str) -> bool:
    """Whether a rule about ``code`` is followed: none may hide that another is about nothing."""
    return _is_known(code) and code != _UNKNOWN


def _folder(path: str) -> str:
    normal = posixpath.normpath(path)
    return normal if normal != "." else Settings().prompts


def _rule(rule: Any) -> Rule:
    return Rule(rule) if isinstance(rule, str) else Rule(rule["severity"], rule.get("reason", ""), rule.get("until"))


def _lenient(value: dict[str, Any]) -> Settings:
    """The few settings that say where to look, from a file that is otherwise refused."""
    base = Settings()
    skills = value.get("skills")
    prompts = value.get("prompts")
    profile = value.get("skill_profile")
    return base._replace(
        prompts=_folder(prompts) if isinstance(prompts, str) and not _leaves(prompts) else base.prompts,
        skills=tuple(glob for glob in skills if isinstance(glob, str) and not _leaves(glob))
        if isinstance(skills, list)
        else base.skills,
        skill_profile=profile if profile in PROFILES else base.skill_profile,
    )
