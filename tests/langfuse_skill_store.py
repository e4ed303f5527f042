"""Langfuse's skills as its SDK (5.0) describes them: no server that has them was recorded."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

import yaml
from langfuse_store import Answer


def refused(status: int, message: str, code: str) -> Answer:
    return Answer(status, {"message": message, "code": code})


MISSING = refused(404, "Skill not found", "resource_not_found")


class SkillShelf:
    """Skills by name and number; contents by base64 of their hash."""

    def __init__(self) -> None:
        self.skills: dict[str, dict[int, dict[str, Any]]] = {}
        self.blobs: dict[str, str] = {}

    def answer(self, method: str, parts: list[str], query: Mapping[str, str], body: Any) -> Answer:
        if parts == ["files", "content"]:
            return self._contents(query["sha256Hashes"].split(","))
        if not parts:
            return self._create(body) if method == "POST" else self._list(query)
        versions = self.skills.get(parts[0], {})
        if len(parts) == 1 and method == "GET":
            return self._get(versions, query)
        found = versions.get(int(parts[2])) if len(parts) == 3 else None
        if found is None:
            return MISSING
        return self._delete(parts[0], found) if method == "DELETE" else self._label(versions, found, body)

    def _list(self, query: Mapping[str, str]) -> Answer:
        page, limit = int(query.get("page", 1)), int(query.get("limit", 10))
        data = []
        for name, versions in sorted(self.skills.items()):
            last = versions[max(versions)]
            labelled = next((n for n, one in versions.items() if "production" in one["labels"]), None)
            data.append({
                "name": name, "description": last["description"], "tags": [], "latestVersion": last["version"],
                "latestVersionCreatedAt": last["createdAt"], "latestVersionLastUpdatedAt": last["updatedAt"],
                "productionVersion": labelled,
            })  # fmt: skip
        pages = -(-len(data) // limit)
        meta = {"page": page, "limit": limit, "totalItems": len(data), "totalPages": pages, "hasNextPage": page < pages}
        return Answer(200, {"data": data[(page - 1) * limit : page * limit], "meta": meta})

    def _get(self, versions: Mapping[int, Any], query: Mapping[str, str]) -> Answer:
        if "version" in query:
            found = versions.get(int(query["version"]))
        else:
            label = query.get("label", "production")
            found = next((one for one in versions.values() if label in one["labels"]), None)
        return Answer(200, found) if found is not None else MISSING

    def _create(self, body: Any) -> Answer:
        texts = {}
        for file in body["files"]:
            if "sha256Hash" in file and file["sha256Hash"] not in self.blobs:
                return refused(400, "content does not exist", "invalid_body")
            texts[file["path"]] = file["content"] if "content" in file else self.blobs[file["sha256Hash"]]
        head = texts.get("SKILL.md", "").split("---")
        front = yaml.safe_load(head[1]) if len(head) > 2 else None
        if not isinstance(front, dict) or "name" not in front:
            return refused(400, "SKILL.md needs front matter", "invalid_body")
        versions = self.skills.setdefault(front["name"], {})
        number = max(versions, default=0) + 1
        for one in versions.values():
            one["labels"] = [label for label in one["labels"] if label != "latest"]
        at = "2026-11-20T16:04:05.657Z"
        versions[number] = {
            "id": str(uuid.uuid4()), "createdAt": at, "updatedAt": at, "projectId": "p", "createdBy": "API",
            "name": front["name"], "description": front.get("description", ""), "frontmatter": front,
            "version": number, "tags": [], "labels": ["latest"], "commitMessage": body.get("commitMessage"),
            "files": [self._file(path, text) for path, text in texts.items()],
        }  # fmt: skip
        return Answer(201, versions[number])

    def _file(self, path: str, text: str) -> dict[str, Any]:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        self.blobs[digest] = text
        size = len(text.encode())
        kept = {"id": path, "path": path, "blobId": digest, "sha256Hash": digest}
        return {**kept, "contentType": "text/plain", "contentLength": size}

    def _contents(self, hashes: list[str]) -> Answer:
        if len(hashes) > 50:
            return refused(400, "too many hashes", "invalid_query")
        return Answer(200, {"data": [{"sha256Hash": one, "content": self.blobs[one]} for one in hashes]})

    def _label(self, versions: Mapping[int, Any], found: dict[str, Any], body: Any) -> Answer:
        for one in versions.values():
            one["labels"] = [label for label in one["labels"] if label == "latest" or label not in body["labels"]]
        found["labels"] = [*body["labels"], *(["latest"] if "latest" in found["labels"] else [])]
        return Answer(200, found)

    def _delete(self, name: str, found: dict[str, Any]) -> Answer:
        versions = self.skills[name]
        del versions[found["version"]]
        if not versions:
            del self.skills[name]
        elif "latest" in found["labels"]:
            versions[max(versions)]["labels"].append("latest")
        return Answer(200, {"deleted": True})
