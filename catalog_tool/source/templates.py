"""The templates of one prompt: partials put in, names compared with the declared variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.source.document import SourceDocument
from catalog_tool.source.parts import MUSTACHE, Slot
from catalog_tool.source.schema_engine import PROBLEMS
from catalog_tool.source.shared_parts import ABSENT, SharedParts, template_code
from catalog_tool.source.variable_kinds import structure_asked
from catalog_tool.source.written_schema import check_written_schema
from catalog_tool.template.engines import engine_named
from catalog_tool.template.errors import MissingExtraError
from catalog_tool.template.names import check_names, infer_variables
from catalog_tool.template.nodes import VARIABLE, Problem, Template, literal
from catalog_tool.template.partials import Expanded, load_text

_MORE_NAMES = frozenset({"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties"})
"""Keywords that may declare names beside ``properties``."""
_SCHEMA_MAPS = frozenset(
    {"$defs", "definitions", "properties", "patternProperties", "additionalProperties", "unevaluatedProperties"}
    | {"propertyNames", "dependentSchemas", "dependentRequired", "dependencies", "not", "if", "then", "else"}
    | {"items", "contains", "unevaluatedItems", "contentSchema", "default", "const"}
)
"""Keywords of JSON Schema whose value may be a map: none of them is a variable written in the wrong place."""
_TEXT_TYPES = ("string", "integer", "number", "boolean")


class Templates:
    """Collects the texts of one prompt, then judges their variables together.

    ``uses`` gets every partial that is looked for, with its digest or ``ABSENT``.
    """

    def __init__(self, document: SourceDocument, engine: str, shared: SharedParts, uses: dict[str, str]) -> None:
        self._document = document
        self._engine = engine
        self._shared = shared
        self._uses = uses
        self._templates: list[Template] = []
        self._origins: list[tuple[Slot, Expanded]] = []
        self._told = False
        self._reported = 0

    def add(self, slot: Slot) -> str:
        """The text of a slot with its partials expanded; problems are reported at their places."""
        expanded, template, problems = self._parse(slot.text)
        for problem in problems:
            self._tell(template_code(problem.kind), problem.message, slot, problem.offset)
        self._templates.append(template)
        self._origins.append((slot, expanded))
        return expanded.text

    def _parse(self, text: str) -> tuple[Expanded, Template, tuple[Problem, ...]]:
        if self._engine == MUSTACHE:
            loaded = load_text(text, self._load)
            return loaded.expanded, loaded.template, loaded.problems
        try:
            template = engine_named(self._engine).parse(text)
        except MissingExtraError as error:
            if not self._told:
                self._told = True
                self._document.report("P117", error.message, self._document.at(["template"]), hint=error.hint)
            template = literal(text)
        return Expanded(text), template, template.problems

    def _load(self, reference: str) -> str | None:
        name = f"partials/{reference}"
        self._uses[name] = self._shared.digests.get(name, ABSENT)
        if reference not in self._shared.partials:
            return None
        # A partial that cannot be used is reported at its own file.
        return self._shared.partials[reference] or ""

    def variables(self, declared: dict[str, Any] | None, placeholders: list[str]) -> dict[str, Any]:
        """The ``variables`` part: as declared, else inferred from the names in the templates."""
        if declared is None:
            inferred = infer_variables(self._templates)
            for index, problem in inferred.problems:
                self._report("P115", problem.message, index, problem.offset)
            variables = inferred.variables
        else:
            variables = declared
            self._check_declared(declared)
        self._check_placeholders(variables, placeholders)
        return variables

    def _report(self, code: str, message: str, index: int, offset: int) -> None:
        slot, expanded = self._origins[index]
        place = expanded.place(offset)
        inside = f" (in the partial {place.partial})" if place.partial else ""
        self._tell(code, message + inside, slot, place.offset)

    def _tell(self, code: str, message: str, slot: Slot, offset: int) -> None:
        """Report a finding in a text, unless there were too many: each place costs a look through the text."""
        self._reported += 1
        if self._reported < PROBLEMS:
            self._document.report(code, message, self._document.inside(slot.path, offset))
        elif self._reported == PROBLEMS:
            message = f"{PROBLEMS} things are wrong in the templates; the rest is not listed"
            self._document.report("P110", message, self._document.at(slot.path))

    def _check_declared(self, declared: dict[str, Any]) -> None:
        check_written_schema(self._document, ["variables"], declared)
        self._check_takes_names(declared)
        if not self._told and not self._all_plain(declared):
            self._check_names(declared)
            self._check_kinds(declared)
        self._check_required(declared)

    def _check_takes_names(self, declared: dict[str, Any]) -> None:
        """Values come as a map of names; a schema of a list or a text takes none of them."""
        kinds = declared.get("type", "object")
        if kinds != "object" and kinds and not (isinstance(kinds, list) and "object" in kinds):
            message = f"values are given by name, so `type` must be `object`: none fit {kinds!r}"
            self._document.report("P113", message, self._document.at(["variables", "type"]))

    def _misplaced(self, declared: dict[str, Any]) -> list[str]:
        """Names that are declared beside ``properties`` instead of in it."""
        if "properties" in declared:
            return []
        return [name for name, schema in declared.items() if isinstance(schema, dict) and name not in _SCHEMA_MAPS]

    def _check_required(self, declared: dict[str, Any]) -> None:
        """A name that must be given and may not be: no values fit, and nothing can be rendered."""
        required = declared.get("required")
        if not isinstance(required, list) or declared.get("additionalProperties") or declared.keys() & _MORE_NAMES:
            return
        used = {use.name for template in self._templates for use in template.names}
        for index, name in enumerate(required):
            if isinstance(name, str) and name not in _properties(declared) and name not in used:
                spot = self._document.at(["variables", "required", index])
                self._document.report("P113", f"`{name}` is required and not declared: no values can fit", spot)

    def _check_names(self, declared: dict[str, Any]) -> None:
        report = check_names(self._templates, declared)
        misplaced = self._misplaced(declared)
        for name in misplaced:
            spot = self._document.key(["variables", name])
            message = f"`{name}` is declared beside `properties`, where it says nothing"
            self._document.report("P113", message, spot, hint=f"put it in: `variables: {{properties: {{{name}: …}}}}`")
        for index, name, offset in report.undeclared:
            if name in misplaced:
                continue
            self._report("P113", f"`{name}` is used and not declared in `variables`", index, offset)
        broken = any(template.problems for template in self._templates)
        for name in () if broken else report.unused:
            spot = self._document.key(["variables", "properties", name])
            self._document.report("P114", f"`{name}` is declared and never used", spot)

    def _all_plain(self, declared: Mapping[str, Any]) -> bool:
        """Whether the names in the templates are exactly the declared ones, and each may be rendered as text.

        Most prompts are like this; it settles in a microsecond what the full comparison takes twenty for.
        """
        properties = declared.get("properties")
        if not isinstance(properties, dict):
            return False
        used = set()
        for template in self._templates:
            for use in template.names:
                if use.kind != VARIABLE:
                    return False
                used.add(use.name)
        if used != properties.keys():
            return False
        return all(type(schema) is dict and schema.get("type") in _TEXT_TYPES for schema in properties.values())

    def _check_kinds(self, declared: dict[str, Any]) -> None:
        if self._engine != MUSTACHE:  # jinja goes through lists without a sign of its own
            return
        properties = _properties(declared)
        for index, template in enumerate(self._templates):
            if any(use.kind != VARIABLE for use in template.names):
                continue
            for use in template.names:
                kind = structure_asked(properties.get(use.name), declared)
                if kind is not None:
                    message = f"`{use.name}` is {kind}: `{{{{ }}}}` renders text and numbers; open a section over it"
                    self._report("P124", message, index, use.offset)

    def _check_placeholders(self, variables: Mapping[str, Any], placeholders: list[str]) -> None:
        taken = set(_properties(variables))
        seen: set[str] = set()
        for name in placeholders:
            if name in taken or name in seen:
                what = "another placeholder" if name in seen else "a variable"
                spot = self._document.at(self._placeholder_path(name, last=name in seen))
                self._document.report("P116", f"the placeholder `{name}` has the name of {what}", spot)
            seen.add(name)

    def _placeholder_path(self, name: str, *, last: bool) -> list[str | int]:
        messages = (self._document.value or {}).get("messages") or []
        found = [index for index, message in enumerate(messages) if message.get("placeholder") == name]
        return ["messages", found[-1 if last else 0], "placeholder"]


def _properties(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The declared properties; none where what is written there is no map, which has been reported."""
    found = variables.get("properties")
    return found if isinstance(found, dict) else {}
