"""``catalog.yaml`` to ``Settings``, with findings that name line and column."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from catalog_tool import __version__
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.model.settings import SETTINGS_FILE, TARGET_DEFAULTS, Rule, Settings
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schema_survey import SchemaProblem, clip
from catalog_tool.source.schemas import load_schema

BACKENDS = ("memory", "file", "sqlite", "postgres", "redis", "s3", "dynamodb", "http", "langfuse", "mlflow")
"""The kinds of stores that this package knows; other packages may add more."""
SEVERITIES = (ERROR, WARNING, INFO, "ignore")
"""What a rule about a finding may say."""
_UNKNOWN, _SECRET = "C304", "C303"
_OF_SETTINGS = frozenset({"C301", "C302", _SECRET, _UNKNOWN})
"""What is reported of the settings by themselves."""
_UNIT_DEPTHS = {"labels": 4, "targets": 2, "rules": 2, "schemas": 2, "skills": 2}
"""How long the path of a part is that is left out whole: one key of a label or its gate, one target, one rule."""
_DEEPEST_UNIT = 4
_WHERE = ("prompts", "skills", "skill_profile")
"""What is read of a file of a newer format, so that there is more to see than that."""
_OF_A_PACKAGE = re.compile(r"[A-Z]{2,}[0-9]+")
"""Codes of other packages' checks."""
_SECRET_KEYS = ("token", "secret_key", "password", "api_key")
_FROM_ENVIRONMENT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_VARIABLE_INSIDE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*")
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:(?!\$\{)[^/@\s]+@", re.ASCII)


class _Wrong(NamedTuple):
    """One thing wrong in the settings; ``path`` leads to it, and to what is left out because of it."""

    path: list[str | int]
    message: str
    code: str = "C301"
    is_key: bool = False
    hint: str | None = None

    @property
    def unit(self) -> tuple[str | int, ...]:
        """The smallest part of the settings that can go without changing what the rest means."""
        return tuple(self.path if self.code == _SECRET else self.path[: _UNIT_DEPTHS.get(str(self.path[0]), 1)])


def read_settings(data: bytes | None) -> tuple[Settings, list[Finding]]:
    """The settings in the bytes of ``catalog.yaml`` (None: no such file), and what is wrong with them.

    What is right is in force, whatever else is wrong: one mistake hides neither the rest of the catalog nor
    the next mistake. Of a file of a newer format only where prompts and skills are.
    """
    if data is None:
        return Settings(), []
    document = SourceDocument(SETTINGS_FILE, data)
    value = document.value
    if value is None:
        return Settings(), [] if document.is_blank else document.findings
    engine = SchemaEngine(load_schema("catalog"))
    newer = _newer_format(value)
    if newer:
        hint = "upgrade catalog-tool"
        _report(document, _Wrong(["format"], f"format {newer} is newer than this tool reads (1)", "Y023", hint=hint))
    read = {key: value[key] for key in _WHERE if key in value} if newer else value
    form = list(_form(read, engine))
    judges = (_requires, _folders, _rules, _last_days, _backends, _variables)
    content = [wrong for judge in judges for wrong in judge(read)]
    secrets = list(_secrets(value))  # a secret is one whatever else is wrong
    for wrong in (*([] if newer else (*form, *content)), *secrets):
        _report(document, wrong)
    usable = _usable(read, form, engine) if form else read
    return _settings(_without(usable, [*form, *content, *secrets])), document.findings


def _report(document: SourceDocument, wrong: _Wrong) -> None:
    spot = document.key(wrong.path) if wrong.is_key else document.at(wrong.path)
    document.report(wrong.code, wrong.message, spot, **({"hint": wrong.hint} if wrong.hint else {}))


def _newer_format(value: dict[str, Any]) -> int:
    """The number of a format that this tool does not know yet, or 0."""
    number = value.get("format")
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 1 else 0


def _form(value: dict[str, Any], engine: SchemaEngine) -> Iterator[_Wrong]:
    """What the schema refuses."""
    for problem in [] if engine.is_valid(value) else engine.errors(value):
        path = pointer_path(problem.pointer, value)
        message = _severity_problem(problem, path, value) or problem.message
        yield _Wrong(path, message, is_key=problem.keyword == "additionalProperties")


def _usable(value: dict[str, Any], form: Iterable[_Wrong], engine: SchemaEngine) -> dict[str, Any]:
    """The settings that are right once what the schema refuses is left out: all of them, unless it is too much.

    More may be wrong than is told (``schema_engine.PROBLEMS``); then keys that are still wrong go whole.
    """
    kept = _without(value, form)
    if engine.is_valid(kept):
        return value
    known = load_schema("catalog")["properties"]
    return {key: value[key] for key in known if key in kept and engine.is_valid({key: kept[key]})}


def _without(value: dict[str, Any], wrong: Iterable[_Wrong]) -> dict[str, Any]:
    units = frozenset(each.unit for each in wrong if each.path)
    pruned: dict[str, Any] = _pruned(value, (), units) if units else value
    return pruned


def _pruned(value: Any, at: tuple[str | int, ...], units: frozenset[tuple[str | int, ...]]) -> Any:
    if len(at) == _DEEPEST_UNIT:
        return value
    if isinstance(value, dict):
        return {key: _pruned(item, (*at, key), units) for key, item in value.items() if (*at, key) not in units}
    if isinstance(value, list):
        return [_pruned(item, (*at, index), units) for index, item in enumerate(value) if (*at, index) not in units]
    return value


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


def _requires(value: dict[str, Any]) -> Iterator[_Wrong]:
    requires = value.get("requires")
    if not isinstance(requires, str) or not requires or _is_at_least(requires):
        return
    from packaging.specifiers import SpecifierSet  # slow to import, and rarely needed

    try:
        if SpecifierSet(requires).contains(__version__, prereleases=True):
            return
        message = f"the catalog needs catalog-tool {requires}; this is {__version__}"
    except ValueError:  # InvalidSpecifier, and numbers of thousands of digits
        message = f"{requires!r} is no version range; write for example `>=0.1`"
    yield _Wrong(["requires"], message, "C302")


def _is_at_least(requires: str) -> bool:
    """Whether ``requires`` is a plain ``>=1.2`` that this version meets: what nearly every catalog says."""
    found = re.fullmatch(r">=\s*([0-9]{1,9}(?:\.[0-9]{1,9})*)", requires, re.ASCII)
    if found is None:
        return False
    return [int(part) for part in found[1].split(".")] <= [int(part) for part in __version__.split(".")]


def _folders(value: dict[str, Any]) -> Iterator[_Wrong]:
    """Whatever is read stands inside the catalog."""
    skills, schemas = value.get("skills"), value.get("schemas")
    written: list[tuple[list[str | int], Any]] = [(["prompts"], value.get("prompts"))]
    written += [(["skills", index], glob) for index, glob in enumerate(skills if isinstance(skills, list) else ())]
    written += [(["schemas", kind], path) for kind, path in _entries(schemas)]
    for path, folder in written:
        if not isinstance(folder, str) or not folder:
            continue
        if _leaves(folder):
            yield _Wrong(path, f"{folder!r} leaves the catalog's folder")
        elif path == ["prompts"] and posixpath.normpath(folder) == ".":
            yield _Wrong(path, "prompts need a folder of their own")


def _entries(value: object) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _leaves(path: str) -> bool:
    return path.startswith(("/", "\\")) or posixpath.normpath(path.replace("\\", "/")).split("/")[0] == ".."


def _rules(value: dict[str, Any]) -> Iterator[_Wrong]:
    for code, rule in _entries(value.get("rules")):
        severity = rule.get("severity") if isinstance(rule, dict) else None
        if not _is_known(code):
            near = difflib.get_close_matches(code, (*CHANGE_RULES, *CODES), n=1)
            hint = f"did you mean {near[0]}?" if near else "see `catalog schema --codes`"
            yield _Wrong(["rules", code], f"there is no finding or rule {code}", _UNKNOWN, is_key=True, hint=hint)
        elif severity in (*SEVERITIES, *CONTRACT_SEVERITIES) and severity not in _severities(code):
            yield _Wrong(["rules", code, "severity"], _refused_severity(code, severity))


def _last_days(value: dict[str, Any]) -> Iterator[_Wrong]:
    """A rule about a finding has no last day: a commit that is clean today is clean tomorrow."""
    for code, rule in _entries(value.get("rules")):
        if _is_known(code) and code not in CHANGE_RULES and "until" in dict(_entries(rule)):
            message = f"`until` ends a rule about a change, and {code} is a finding: its rule would never end"
            hint = "take `until` out, and the whole rule once it has served its time"
            yield _Wrong(["rules", code, "until"], message, is_key=True, hint=hint)


def _backends(value: dict[str, Any]) -> Iterator[_Wrong]:
    """A backend of another package may have any name, but not one that is nearly one of ours."""
    for name, target in _entries(value.get("targets")):
        backend = target.get("backend") if isinstance(target, dict) else None
        if isinstance(backend, str) and backend not in BACKENDS:
            near = difflib.get_close_matches(backend, BACKENDS, n=1)
            if near:
                message = f"there is no backend `{backend}`; did you mean `{near[0]}`?"
                yield _Wrong(["targets", name, "backend"], message)


def _variables(value: dict[str, Any]) -> Iterator[_Wrong]:
    """Variables of the environment where none is looked up: the name itself would be used as the value."""
    for name, target in _entries(value.get("targets")):
        for key, written in _entries(target):
            if isinstance(written, str) and _FROM_ENVIRONMENT.fullmatch(written):
                continue
            for text in written if isinstance(written, list) else [written]:
                if isinstance(text, str) and (found := _VARIABLE_INSIDE.search(text)):
                    message = f"`{found[0]}}}` is looked up only as the whole value of a key, not as a part of it"
                    yield _Wrong(["targets", name, key], message, hint="put the whole value into the variable")
                    break


def _secrets(value: dict[str, Any]) -> Iterator[_Wrong]:
    for name, target in _entries(value.get("targets")):
        for key, written in _entries(target):
            if not isinstance(written, str) or _FROM_ENVIRONMENT.fullmatch(written):
                continue
            if key in _SECRET_KEYS or _URL_PASSWORD.match(written):
                message = f"`{key}` of the target {name} holds a secret; name an environment variable: ${{NAME}}"
                yield _Wrong(["targets", name, key], message, _SECRET)


def _settings(value: dict[str, Any]) -> Settings:
    base = Settings()
    return Settings(
        catalog=value.get("catalog"),
        requires=value.get("requires"),
        prompts=posixpath.normpath(value.get("prompts", base.prompts)),
        skills=tuple(value.get("skills", base.skills)),
        skill_profile=value.get("skill_profile", base.skill_profile),
        targets={name: {**TARGET_DEFAULTS, **target} for name, target in (value.get("targets") or {}).items()},
        labels=value.get("labels") or {},
        rules={code: _rule(rule) for code, rule in (value.get("rules") or {}).items() if _takes_effect(code)},
        schemas=value.get("schemas") or {},
    )


def _takes_effect(code: str) -> bool:
    """Whether a rule about ``code`` is followed: none may hide that the settings themselves are wrong."""
    return code not in _OF_SETTINGS


def _rule(rule: Any) -> Rule:
    return Rule(rule) if isinstance(rule, str) else Rule(rule["severity"], rule.get("reason", ""), rule.get("until"))
