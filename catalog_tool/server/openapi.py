"""``/openapi.json``: the service described, operation by operation, as a program and a fuzzer read it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from catalog_tool import __version__
from catalog_tool.server.access import Grant
from catalog_tool.server.holdings import etag_of
from catalog_tool.server.problems import PROBLEM
from catalog_tool.server.read_api import JSON, as_json, tagged
from catalog_tool.server.service import Service

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_VERSION: Schema = {"type": "string", "pattern": "^v[1-9][0-9]{0,8}$"}
_LABEL: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,35}$"}
_OBJECT: Schema = {"type": "object"}
_LIST: Schema = {"type": "array"}
_STORE = {"generation": _COUNT, "store_id": _TEXT}
_VALUE: Schema = {
    "oneOf": [
        _VERSION,
        {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["version", "weight"],
                "additionalProperties": False,
                "properties": {
                    "version": _VERSION,
                    "weight": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
                },
            },
        },
    ]
}


def _shape(properties: dict[str, Schema], *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_PLACE: Schema = {"type": ["integer", "null"], "minimum": 1}
_NAMED = {"version": _VERSION, "version_id": _TEXT, "digest": _DIGEST}
SCHEMAS: dict[str, Schema] = {
    "Problem": _shape(
        {
            "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "code": _TEXT, "hint": _TEXT,
            "findings": {"type": "array", "items": _ref("Finding")},
        },
        "detail", "code", "hint", "findings",
    ),
    "Finding": _shape({"code": _TEXT, "message": _TEXT, "line": _PLACE, "column": _PLACE}),
    "LabelValue": _VALUE,
    "Prompt": _shape(
        {
            "id": _TEXT, **_NAMED, "label": _LABEL, **_STORE, "messages": _LIST, "template": _TEXT,
            "variables": _OBJECT, "tools": _LIST, "output_schema": _OBJECT, "model": _OBJECT, "params": _OBJECT,
            "order": _OBJECT, "system_prompt": _TEXT,
        },
        "label", "order", "system_prompt",
    ),
    "Version": _shape(_NAMED),
    "Published": _shape({"id": _TEXT, **_NAMED}),
    "Versions": _shape({"id": _TEXT, "versions": {"type": "array", "items": _ref("Version")}}),
    "Labels": _shape(
        {
            "id": _TEXT, **_STORE, "labels": {"type": "object", "additionalProperties": _ref("LabelValue")},
            "damaged": {"type": "array", "items": _LABEL},
        },
    ),
    "Moves": {
        **_shape(
            {
                "labels": {
                    "type": "object", "minProperties": 1, "maxProperties": 50, "propertyNames": _LABEL,
                    "additionalProperties": {"oneOf": [_ref("LabelValue"), {"type": "null"}]},
                },
                "generation": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
                "reason": {"type": "string", "maxLength": 500, "pattern": "^[ -~]*$"},
            },
            "reason",
        ),
        "additionalProperties": False,
    },
    "Prompts": _shape({"store_id": _TEXT, "prompts": {"type": "array", "items": _OBJECT}}),
    "Skills": _shape({"skills": {"type": "array", "items": _OBJECT}}),
    "Skill": _shape({"name": _TEXT, "digest": _DIGEST, "files": {"type": "array", "items": _OBJECT}}),
    "PromptFile": {
        "type": "object",
        "description": "A prompt file in JSON; `version` may be left out.",
        "properties": {"system_prompt": _TEXT, "description": _TEXT},
    },
    "Evaluation": {
        **_shape({"context": _shape({"targetingKey": {"type": "string", "maxLength": 1000}}, "targetingKey")}),
    },
    "Flag": _shape(
        {"key": _TEXT, "value": _VERSION, "variant": _VERSION, "reason": _TEXT, "metadata": _OBJECT},
    ),
    "FlagError": _shape({"key": _TEXT, "errorCode": _TEXT, "errorDetails": _TEXT}, "key"),
    "Flags": _shape(
        {"flags": {"type": "array", "items": {"anyOf": [_ref("Flag"), _ref("FlagError")]}}, "metadata": _OBJECT},
    ),
    "Status": _shape({"status": _TEXT}),
    "Any": _OBJECT,
}  # fmt: skip


def _in(place: str, name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": place, "schema": schema, "required": required}


_ID = _in("path", "id", {"type": "string", "minLength": 1}, required=True)
_WANTED = _in("path", "version", _TEXT | {"minLength": 1}, required=True)
_NAME = _in("path", "name", _TEXT | {"minLength": 1}, required=True)
_MATCH = _in("header", "If-None-Match", _TEXT)
_BODY_ERRORS = (400, 408, 413, 415)


def _errors(*codes: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": _ref("Problem")}}
    return {str(code): {"description": "a problem", "content": content} for code in sorted({*codes, 401, 403, 503})}


def _ok(name: str, kind: str = JSON, code: int = 200) -> dict[str, Any]:
    schema = _ref(name) if kind in (JSON, "application/x-ndjson") and name else _TEXT
    return {str(code): {"description": "done", "content": {kind: {"schema": schema}}}}


_SAME = {"304": {"description": "the caller has it"}}


def _operation(
    name: str, answers: dict[str, Any], *parameters: Schema, body: str = "", is_open: bool = False
) -> Schema:
    found: Schema = {"operationId": name, "responses": answers}
    if parameters:
        found["parameters"] = list(parameters)
    if body:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(body)}}}
    if is_open:
        found["security"] = []
    return found


def _reading() -> dict[str, dict[str, Schema]]:
    prompt = "/v1/prompts/{id}"
    label = _in("query", "label", _TEXT)
    key = _in("query", "key", {"type": "string", "maxLength": 1000})
    read = {**_SAME, **_errors(404)}
    found = {
        "/v1/prompts": _operation("prompts", _ok("Prompts") | _SAME | _errors(), _MATCH),
        prompt: _operation("prompt", _ok("Prompt") | _SAME | _errors(400, 404), _ID, label, key, _MATCH),
        f"{prompt}/versions/{{version}}": _operation("version", _ok("Prompt") | read, _ID, _WANTED, _MATCH),
        f"{prompt}/versions": _operation("versions", _ok("Versions") | read, _ID, _MATCH),
        f"{prompt}/labels": _operation("labels", _ok("Labels") | read | _errors(400), _ID, label, _MATCH),
        "/v1/skills": _operation("skills", _ok("Skills") | _SAME | _errors(), _MATCH),
        "/v1/skills/{name}": _operation("skill", _ok("Skill") | read, _NAME, _MATCH),
        "/v1/skills/{name}/files/{path}": _operation(
            "skill_file", _ok("", "application/octet-stream") | read | _errors(404, 502),
            _NAME, _in("path", "path", _TEXT | {"minLength": 1}, required=True), _MATCH,
        ),
        "/v1/bundle": _operation("bundle", _ok("Any") | _SAME | _errors(), _MATCH),
        "/v1/events": _operation("events", _ok("", "text/event-stream") | _errors()),
        "/metrics": _operation("metrics", _ok("", "text/plain") | _errors()),
        "/healthz": _operation("health", _ok("Status"), is_open=True),
        "/readyz": _operation("ready", _ok("Status") | _ok("Status", code=503), is_open=True),
        "/openapi.json": _operation("openapi", _ok("Any") | _SAME, is_open=True),
    }  # fmt: skip
    return {path: {"get": operation} for path, operation in found.items()}


def _writing() -> dict[str, dict[str, Schema]]:
    told = {JSON: {"schema": _ref("FlagError")}, PROBLEM: {"schema": _ref("Problem")}}
    flag_errors = {str(code): {"description": "an error", "content": told} for code in (400, 404, 500)}
    stored = _errors(*_BODY_ERRORS, 404, 409, 422, 502)
    flag = _in("path", "key", {"type": "string", "minLength": 1}, required=True)
    evaluated = _errors(408, 413, 415) | flag_errors
    published = _ok("Published") | _ok("Published", code=201) | stored
    return {
        "/v1/prompts/{id}/versions": {"post": _operation("publish", published, _ID, body="PromptFile")},
        "/v1/prompts/{id}/labels": {"put": _operation("move", _ok("Labels") | stored, _ID, body="Moves")},
        "/ofrep/v1/evaluate/flags/{key}": {
            "post": _operation("ofrep_flag", _ok("Flag") | evaluated, flag, body="Evaluation")
        },
        "/ofrep/v1/evaluate/flags": {
            "post": _operation("ofrep_flags", _ok("Flags") | _SAME | evaluated, _MATCH, body="Evaluation")
        },
    }


def _syncing() -> dict[str, dict[str, Schema]]:
    answers = _errors(*_BODY_ERRORS, 409, 422, 502)
    lines = ("scan", "events")
    found = {
        f"/v1/sync/{name}": {
            "put" if name == "control" else "post": _operation(
                f"sync_{name}", _ok("Any", "application/x-ndjson" if name in lines else JSON) | answers, body="Any"
            )
        }
        for name in ("state", "scan", "contents", "generations", "events", "lease", "drop", "control", "write")
    }
    return {"/v1/sync": {"get": _operation("sync", _ok("Any") | _errors(502))}, **found}


_SAME_ID = {"id": "$request.path.id"}
_LINKS: dict[tuple[str, str], dict[str, Schema]] = {
    ("prompts", "200"): {"prompt": {"id": "$response.body#/prompts/0/id"}},
    ("prompt", "200"): {"version": {"id": "$response.body#/id", "version": "$response.body#/version"}},
    ("versions", "200"): {"version": {**_SAME_ID, "version": "$response.body#/versions/0/version"}},
    ("publish", "200"): {"version": {**_SAME_ID, "version": "$response.body#/version"}, "versions": _SAME_ID},
    ("publish", "201"): {"version": {**_SAME_ID, "version": "$response.body#/version"}, "labels": _SAME_ID},
    ("version", "200"): {"labels": _SAME_ID},
    ("labels", "200"): {"move": _SAME_ID},
    ("move", "200"): {"labels": _SAME_ID, "prompt": _SAME_ID},
    ("skills", "200"): {"skill": {"name": "$response.body#/skills/0/name"}},
    ("skill", "200"): {"skill_file": {"name": "$response.body#/name", "path": "$response.body#/files/0/path"}},
}
"""What an answer leads to: operation and status → operations with their parameters (OpenAPI 3.1, Link Object)."""
_MOVED = {
    "labels": {"production": "$response.body#/labels/production"},
    "generation": "$response.body#/generation",
    "reason": "as it is",
}
"""The body of the move that changes nothing: what each other move is made of."""


def _linked(operation: Schema) -> Schema:
    for status, answer in operation["responses"].items():
        if found := _LINKS.get((operation["operationId"], status)):
            answer["links"] = {
                name: {"operationId": name, "parameters": parameters}
                | ({"requestBody": _MOVED} if name == "move" else {})
                for name, parameters in found.items()
            }
    return operation


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole description. Ids hold slashes, raw or as ``%2F``: a path parameter stands for either."""
    paths: dict[str, dict[str, Schema]] = {}
    for part in (_reading(), _writing(), _syncing()):
        for path, operations in part.items():
            paths.setdefault(path, {}).update({method: _linked(found) for method, found in operations.items()})
    return {
        "openapi": "3.1.0",
        "info": {"title": "catalog", "version": __version__, "description": "Prompts and skills, served from memory."},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


async def get_openapi(service: Service, request: Request, grant: Grant) -> Response:  # noqa: ARG001 - a handler
    """``GET /openapi.json``."""
    body = as_json(document())
    return tagged(request, body, etag_of(body))
