"""What a Langfuse 4.16.0 does with prompts, in memory: for tests, as its recorded answers say.

``Answer`` is a status and a body (a dict is JSON, text is text, None nothing).
"""

from __future__ import annotations

import math
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from catalog_tool.clock import iso

LABEL = re.compile(r"[a-z0-9_\-.]+")
PLACEHOLDER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
REFERENCE = re.compile(r"@@@langfusePrompt:name=([^|@]*)(?:\|(label|version)=([^@]*))?@@@")


class Answer(NamedTuple):
    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


def error(status: int, message: str, kind: str = "InvalidRequestError") -> Answer:
    return Answer(status, {"message": message, "error": kind})


def invalid(message: str) -> Answer:
    return Answer(400, {"message": "Invalid request data", "error": [{"message": message, "path": []}]})


BROKEN = error(500, "Internal Server Error", "An unknown error occurred")


@dataclass
class Version:
    number: int
    prompt: Any
    config: Any
    labels: list[str]
    message: str | None
    created_by: str
    at: str
    updated_at: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Prompt:
    type: str
    tags: list[str]
    versions: dict[int, Version] = field(default_factory=dict)


class Project:
    """One project; every method is one request."""

    def __init__(self) -> None:
        self.prompts: dict[str, Prompt] = {}
        self.lock = threading.RLock()
        self._creating: set[str] = set()
        self._last = 0

    def now(self) -> str:
        """A time that never stands still, to the millisecond."""
        self._last = max(self._last + 1, int(time.time() * 1000))
        return f"{iso(self._last // 1000)[:-1]}.{self._last % 1000:03}Z"

    def create(self, body: Any, by: str = "API", pause: float = 0.0) -> Answer:
        wrong = _wrong_body(body)
        if wrong is not None:
            return wrong
        name = body["name"].strip()
        with self.lock:
            if name in self._creating:
                text = f"Failed to create prompt '{name}' due to unique constraint failure. This is likely due to too"
                return error(400, f"{text} many concurrent prompt creations for this prompt name. Please add a delay.")
            self._creating.add(name)
        try:
            if pause:
                time.sleep(pause)
            with self.lock:
                return self._create(name, body, by)
        finally:
            self._creating.discard(name)

    def _create(self, name: str, body: Mapping[str, Any], by: str) -> Answer:
        kind = body.get("type", "text")
        if _texts_have(body["prompt"], "\0"):
            return error(500, "Internal Server Error", "unsupported Unicode escape sequence")
        if _has_surrogate(body):
            return BROKEN
        prompt = self.prompts.get(name)
        if prompt is not None and prompt.type != kind:
            return error(
                400, "Previous versions have different prompt type. Create a new prompt with a different name."
            )
        refused = self._unresolved(name, body["prompt"])
        if refused is not None:
            return refused
        if prompt is None:
            prompt = self.prompts[name] = Prompt(kind, [])
        if body.get("tags") is not None:
            prompt.tags = list(dict.fromkeys(body["tags"]))
        number = max(prompt.versions, default=0) + 1
        at = self.now()
        labels = list(dict.fromkeys([*(body.get("labels") or []), "latest"]))
        config = jsonb(body["config"]) if body.get("config") is not None else {}
        version = Version(number, _kept(body["prompt"]), config, [], body.get("commitMessage"), by, at, at)
        prompt.versions[number] = version
        self._take(prompt, labels, version)
        version.labels = labels
        return Answer(201, self.shown(name, version) | {"isActive": None})

    def _take(self, prompt: Prompt, labels: list[str], holder: Version) -> None:
        for version in prompt.versions.values():
            if version is not holder and set(version.labels) & set(labels):
                version.labels = [label for label in version.labels if label not in labels]
                version.updated_at = self.now()

    def _unresolved(self, name: str, prompt: Any) -> Answer | None:
        for child, key, value in _references(prompt):
            if not key or (key == "version" and not value.isdigit()):
                continue
            found = self.prompts.get(child)
            version = self._find(child, {key: value}) if found and value else None
            if version is None:
                return error(400, f"Prompt dependency not found: {child} - {key} {value}")
            if found is not None and found.type == "chat":
                return error(400, f"Prompt dependency is not a text prompt: {child} - {key} {value}")
            if name in self._reached(child, version):
                top = max(self.prompts[name].versions) if name in self.prompts else 1
                return error(400, f"Circular dependency detected involving prompt '{name}' version {top}")
        return None

    def _reached(self, name: str, version: Version) -> set[str]:
        found = {name}
        for child, key, value in _references(version.prompt):
            inner = self._find(child, {key: value}) if key else None
            if inner is not None and child not in found:
                found |= self._reached(child, inner)
        return found

    def _find(self, name: str, query: Mapping[str, str]) -> Version | None:
        prompt = self.prompts.get(name)
        versions = prompt.versions if prompt is not None else {}
        if int(query.get("version") or 0):
            return versions.get(int(query["version"]))
        label = query.get("label") or "production"
        return next((one for one in versions.values() if label in one.labels), None)

    def shown(self, name: str, version: Version) -> dict[str, Any]:
        prompt = self.prompts[name]
        return {
            "id": version.id, "createdAt": version.at, "updatedAt": version.updated_at, "projectId": "rec-project",
            "createdBy": version.created_by, "prompt": version.prompt, "name": name, "version": version.number,
            "type": prompt.type, "isActive": "production" in version.labels, "config": version.config,
            "tags": prompt.tags, "labels": version.labels, "commitMessage": version.message,
        }  # fmt: skip

    def get(self, name: str, query: Mapping[str, str]) -> Answer:
        wrong = _wrong_number(query, "version") or _wrong_resolve(query)
        if wrong is not None:
            return wrong
        if query.get("version") and query.get("label"):
            return error(400, "Cannot specify both version and label")
        with self.lock:
            version = self._find(name, query)
            if version is None:
                number = int(query.get("version") or 0)
                what = f"version {number}" if number else f"label '{query.get('label') or 'production'}'"
                return error(404, f"Prompt not found: '{name}' with {what}", "LangfuseNotFoundError")
            shown = self.shown(name, version) | {"resolutionGraph": None}
            if query.get("resolve") != "false" and self._resolvable(version):
                shown |= {"prompt": self._resolved(version.prompt), "resolutionGraph": {"root": {"name": name}}}
            return Answer(200, shown)

    def _resolvable(self, version: Version) -> bool:
        return any(
            self._find(c, {k: v}) for c, k, v in _references(version.prompt) if k and (k == "label" or v.isdigit())
        )

    def _resolved(self, prompt: Any) -> Any:
        if isinstance(prompt, list):
            return [
                {**item, "content": self._resolved(item["content"])} if "content" in item else item for item in prompt
            ]

        def child(found: re.Match[str]) -> str:
            inner = self._find(found[1], {found[2]: found[3]}) if found[2] else None
            return self._resolved(inner.prompt) if inner is not None else found[0]

        return REFERENCE.sub(child, prompt)

    def list(self, query: Mapping[str, str]) -> Answer:
        for key, least, most in (("page", 1, None), ("limit", 1, 100), ("version", None, None)):
            wrong = _wrong_number(query, key, least, most)
            if wrong is not None:
                return wrong
        for key in ("fromUpdatedAt", "toUpdatedAt"):
            if key in query and not re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", query[key]):
                return invalid("Invalid ISO datetime")
        page, limit = int(query.get("page", 1)), int(query.get("limit", 10))
        with self.lock:
            rows = [row for name in sorted(self.prompts) if (row := self._row(name, query)) is not None]
        meta = {"page": page, "limit": limit, "totalPages": -(-len(rows) // limit), "totalItems": len(rows)}
        return Answer(200, {"data": rows[(page - 1) * limit : page * limit], "meta": meta, "pagination": meta})

    def _row(self, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        prompt = self.prompts[name]
        if query.get("name", name) != name or ("tag" in query and query["tag"] not in prompt.tags):
            return None
        found = [
            one for one in prompt.versions.values()
            if ("label" not in query or query["label"] in one.labels)
            and ("version" not in query or one.number == int(query["version"]))
            and query.get("fromUpdatedAt", "") <= one.updated_at < query.get("toUpdatedAt", "9")
        ]  # fmt: skip
        if not found:
            return None
        return {
            "name": name, "tags": prompt.tags, "lastUpdatedAt": max(one.updated_at for one in found),
            "versions": sorted(one.number for one in found),
            "labels": sorted({label for one in found for label in one.labels}), "type": prompt.type,
            "lastConfig": max(found, key=lambda one: one.number).config,
        }  # fmt: skip

    def patch(self, name: str, number: str, body: Any) -> Answer:
        if not number.lstrip("-").isdigit():
            return BROKEN
        labels = body.get("newLabels") if isinstance(body, dict) else None
        if not isinstance(labels, list):
            return invalid("Invalid input: expected array")
        if "latest" in labels:
            return invalid("Label 'latest' is always assigned to the latest prompt version")
        with self.lock:
            prompt = self.prompts.get(name)
            version = prompt.versions.get(int(number)) if prompt is not None else None
            if prompt is None or version is None:
                return error(404, f"Prompt '{name}' version {number} not found in project", "LangfuseNotFoundError")
            self._take(prompt, labels, version)
            version.labels = list(dict.fromkeys([*labels, *version.labels]))
            version.updated_at = self.now()
            return Answer(200, self.shown(name, version) | {"isActive": None})

    def delete(self, name: str, query: Mapping[str, str]) -> Answer:
        wrong = _wrong_number(query, "version")
        if wrong is not None:
            return wrong
        number, label = int(query.get("version") or 0), query.get("label")
        if number and label:
            return error(400, "Cannot specify both version and label")
        with self.lock:
            prompt = self.prompts.get(name)
            going = [
                one for one in (prompt.versions.values() if prompt is not None else ())
                if (not number or one.number == number) and (not label or label in one.labels)
            ]  # fmt: skip
            if prompt is None or not going:
                return error(404, "Prompt not found", "LangfuseNotFoundError")
            needed = self._dependents(name, going)
            if needed:
                head = "Other prompts are depending on prompt versions you are trying to delete:\n\n"
                return error(400, head + "\n".join(needed) + "\n\nPlease delete the dependent prompts first.")
            for version in going:
                del prompt.versions[version.number]
            if not prompt.versions:
                del self.prompts[name]
            elif any("latest" in one.labels for one in going):
                top = prompt.versions[max(prompt.versions)]
                top.labels.append("latest")
                top.updated_at = self.now()
            return Answer(204)

    def _dependents(self, name: str, going: list[Version]) -> list[str]:
        found = []
        for parent, prompt in self.prompts.items():
            for version in prompt.versions.values() if parent != name else ():
                for child, key, value in _references(version.prompt):
                    hit = self._find(child, {key: value}) if child == name and key and value.isalnum() else None
                    if hit in going:
                        shown = f"v{value}" if key == "version" else value
                        found.append(f"{parent} v{version.number} depends on {name} {shown}")
        return found


def _wrong_number(
    query: Mapping[str, str], key: str, least: int | None = None, most: int | None = None
) -> Answer | None:
    if key not in query:
        return None
    if not re.fullmatch(r"-?\d+", query[key]):
        return invalid("Invalid input: expected number")
    number = int(query[key])
    return invalid("out of range") if (least and number < least) or (most and number > most) else None


def _wrong_resolve(query: Mapping[str, str]) -> Answer | None:
    return invalid("Invalid option") if query.get("resolve", "true") not in ("true", "false") else None


def _wrong_body(body: Any) -> Answer | None:
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        return invalid("Invalid input")
    kind, prompt = body.get("type", "text"), body.get("prompt")
    if kind not in ("text", "chat") or not isinstance(prompt, str if kind == "text" else list):
        return invalid("Invalid input")
    if not isinstance(body.get("tags") or [], list) or not isinstance(body.get("labels") or [], list):
        return invalid("Invalid input")
    if len(body.get("commitMessage") or "") > 500 or _too_big(body.get("config")):
        return invalid("Too big")
    wrong = _wrong_name(body["name"]) or next(filter(None, map(_wrong_label, body.get("labels") or [])), None)
    return invalid(wrong) if wrong else _wrong_messages(prompt) if kind == "chat" else None


def _wrong_name(name: str) -> str | None:
    text = name.strip()
    if not text or text in ("new", "metrics", "prompt-detail") or re.search(r"\||//|<[^>]*>", name):
        return "a name that is refused"
    return "a slash at an end" if name[0] == "/" or name[-1] == "/" else None


def _wrong_label(label: Any) -> str | None:
    return None if isinstance(label, str) and len(label) <= 36 and LABEL.fullmatch(label) else "a bad label"


def _wrong_messages(prompt: list[Any]) -> Answer | None:
    names, variables = [], set()
    for item in prompt:
        if not isinstance(item, dict):
            return invalid("Invalid input: expected object")
        if item.get("type") == "placeholder" and isinstance(item.get("name"), str):
            if not PLACEHOLDER.fullmatch(item["name"]):
                return invalid("Placeholder name must start with a letter and contain only alphanumeric characters")
            names.append(item["name"])
        elif not isinstance(item.get("content"), str) or not isinstance(item.get("role"), str):
            return invalid("Invalid input: expected string")
        else:
            variables |= set(re.findall(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}", item["content"]))
    doubled = sorted(set(names) & variables)
    if doubled:
        head = "Cannot create prompt, variables and placeholders must be unique, the following are not: "
        return error(400, head + ", ".join(doubled))
    return None


def _kept(prompt: Any) -> Any:
    if isinstance(prompt, str):
        return prompt
    return [
        {"name": item["name"], "type": "placeholder"} if item.get("type") == "placeholder" and "role" not in item
        else {"role": item["role"], "content": item["content"]}
        for item in prompt
    ]  # fmt: skip


def _references(prompt: Any) -> list[tuple[str, str, str]]:
    texts = [prompt] if isinstance(prompt, str) else [item.get("content", "") for item in prompt]
    return [(found[1], found[2] or "", found[3] or "") for text in texts for found in REFERENCE.finditer(text)]


def _texts_have(prompt: Any, part: str) -> bool:
    texts = [prompt] if isinstance(prompt, str) else [item.get("content", "") for item in prompt]
    return any(part in text for text in texts)


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return any(_has_surrogate(item) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(map(_has_surrogate, value))


def _too_big(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_too_big, value.values()))
    if isinstance(value, list):
        return any(map(_too_big, value))
    return isinstance(value, float) and math.isinf(value)


def jsonb(value: Any) -> Any:
    """What comes back of a value: keys by length, numbers as JavaScript and the recorded engine spell them."""
    if isinstance(value, dict):
        keys = sorted((key for key in value if key != "__proto__"), key=lambda key: (len(key.encode()), key.encode()))
        return {key: jsonb(value[key]) for key in keys}
    if isinstance(value, list):
        return [jsonb(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    number = float(f"{float(value):.16g}")
    if math.isinf(number):
        return None
    return int(Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number
