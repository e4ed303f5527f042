"""What the tests of the langfuse backend share: a server, an open target on it, and people at its UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from langfuse_server import PUBLIC, SECRET, LangfuseServer

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.backends.langfuse import connect as connect_langfuse
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.engine import OPTIONS, session
from catalog_tool.sync.conformance.samples import Sample, desired_of
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.wanted import Desired

HEAD = b"---\nname: pdf\ndescription: Fill PDF forms.\n---\n"
FILES = {
    "SKILL.md": HEAD + b"# PDF\r\n\n",
    "scripts/run.sh": b"#!/bin/sh\necho hi\n",
    "d\u00e4ta/x.md": "Grüße 😀".encode(),
}
"""A skill that Langfuse can hold: text files only."""
EDITED = {**FILES, "SKILL.md": HEAD + b"# Better\n"}


def sdk(module: str) -> Any:
    """A module of Langfuse's own SDK; a loud skip where it is not installed."""
    missing = "LANGFUSE'S SDK IS NOT INSTALLED: pip install --group platforms; its models checked nothing"
    return pytest.importorskip(f"langfuse.api.{module}", reason=missing)


def opened(server: LangfuseServer, prefix: str = "", **more: Any) -> LangfuseBackend:
    keys = {"url": server.url, "public_key": PUBLIC, "secret_key": SECRET}
    return connect_langfuse({**keys, "prefix": prefix, **more})


class Ui:
    """Somebody at the platform's own pages: edits make a new version, with a copy of the config."""

    def __init__(self, server: LangfuseServer) -> None:
        self.project = server.project

    def edit(self, name: str, number: int, prompt: Any = None, *labels: str, **config: Any) -> int:
        """Save a version as the editor does: all of it copied but what was changed."""
        old = self.project.prompts[name].versions[number]
        return self.create(
            name, old.prompt if prompt is None else prompt, *labels, kind=self.project.prompts[name].type,
            config={**old.config, **config},
        )  # fmt: skip

    def create(
        self, name: str, prompt: Any, *labels: str, kind: str = "chat", config: Mapping[str, Any] | None = None
    ) -> int:
        body = {"type": kind, "name": name, "prompt": prompt, "labels": list(labels), "config": dict(config or {})}
        answer = self.project.create(body, by="user-1")
        assert answer.status == 201, answer
        return int(answer.body["version"])

    def move(self, name: str, number: int, label: str) -> None:
        assert self.project.patch(name, str(number), {"newLabels": [label]}).status == 200

    def delete(self, name: str, number: int) -> None:
        assert self.project.delete(name, {"version": str(number)}).status == 204

    def texts(self, name: str) -> dict[int, Any]:
        return {number: one.prompt for number, one in self.project.prompts[name].versions.items()}

    def at(self, name: str, label: str) -> int | None:
        found = self.project.prompts[name].versions.items()
        return next((number for number, one in found if label in one.labels), None)


def desired(sample: Sample, commit: str | None = None) -> Desired:
    return desired_of(sample, commit=commit, skills=False)


def states(backend: LangfuseBackend, sample: Sample) -> dict[str, str]:
    """What is not in sync, and how; as plan, drift and status see it."""
    wanted = desired(sample)
    state = backend.load()
    found = compare(wanted, state, scan_knowing(backend, wanted), metadata=backend.capabilities.metadata)
    return {item.address: item.state.value for item in found.observed}


__all__ = ["EDITED", "FILES", "OPTIONS", "Ui", "desired", "opened", "sdk", "session", "states"]
