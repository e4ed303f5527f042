"""A catalog synced to Langfuse by the command line, edited at its UI, told as drift, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langfuse_server import PUBLIC, SECRET, LangfuseServer
from scratch import Scratch

SETTINGS = "catalog: acme\ntargets:\n  there: {{backend: langfuse, url: '{url}', prefix: staging/}}\n"
KEYS = {"LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET}
SUPPORT = """\
id: support_agent
version: v1
description: Answers customers.
model: {provider: openai, name: gpt-4o}   # pinned
params: {temperature: 0.30000000000000004, stop: [END]}
messages:
  - {role: system, content: "You are a support agent for {{product_name}}.\\r\\n\\tAlways answer. 😀\\n\\n"}
  - {examples: [{user: "Where is it?", assistant: "On its way."}]}
  - {placeholder: history, required: false}
  - {role: user, content: "{{question}}"}
tools:
  - {name: create_ticket, parameters: {type: object, required: [title], properties: {title: {type: string}}}}
output_schema: {type: object, required: [reasoning], properties: {reasoning: {type: string}, answer: {type: string}}}
"""
REFUND = "id: billing/refund\nversion: v1\nmodel: m-1   # the one\nsystem_prompt: |\n  Refund {{name}}.\n"
REGISTRY = "support_agent:\n  production: v1\nbilling/refund:\n  production: v1  # us\n"


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def catalog(scratch: Scratch, server: LangfuseServer) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS.format(url=server.url),
            "prompts/support_agent/v1.yaml": SUPPORT,
            "prompts/billing/refund/v1.yaml": REFUND,
            "prompts/registry.yaml": REGISTRY,
        }
    )
    scratch.commit()
    return scratch


def told(catalog: Scratch, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer = catalog.run(*arguments, "--format", "json", env=KEYS)
    assert answer.code == code, (answer.out, answer.err)
    assert SECRET not in answer.out + answer.err
    found: dict[str, Any] = answer.json()
    return found


def edit(server: LangfuseServer, name: str, change: Any, *labels: str) -> None:
    """Save at the UI: the highest version with something changed, its config copied."""
    versions = server.project.prompts[name].versions
    top = versions[max(versions)]
    body = {"type": "chat", "name": name, "prompt": top.prompt, "config": top.config, "labels": list(labels)}
    assert server.project.create(body | change(top), by="user-1").status == 201


def rude(top: Any) -> dict[str, Any]:
    return {"prompt": [{"role": "system", "content": "Be rude to {{product_name}}, {{tone}}.\n"}, *top.prompt[1:]]}


def hotter(top: Any) -> dict[str, Any]:
    return {"config": {**top.config, "temperature": 0.9}}


def test_the_whole_way(catalog: Scratch, server: LangfuseServer) -> None:
    assert told(catalog, "sync", "there")["summary"]["create"] == 2
    assert told(catalog, "plan", "there")["status"] == "unchanged"
    assert told(catalog, "status", "there")["targets"]["there"]["counts"] == {"in_sync": 4}
    edit(server, "staging/support_agent", rude, "production")
    edit(server, "staging/billing/refund", hotter, "production")
    drift = told(catalog, "drift", "there", code=1)["targets"]["there"]
    assert {item["object"]: (item["state"], item["actual"]) for item in drift["objects"]} == {
        "labels/support_agent@production": ("drifted", "v2"),
        "labels/billing/refund@production": ("drifted", "v2"),
    }
    assert drift["counts"]["unmanaged"] == 2
    pulled = told(catalog, "pull", "there")
    assert (pulled["status"], pulled["left"]) == ("done", [])
    _merged(catalog, pulled["branch"])
    converged = told(catalog, "sync", "there")
    assert {action["state"] for action in converged["actions"]} == {"adopt", "converged"}
    assert told(catalog, "plan", "there")["status"] == "unchanged"
    assert told(catalog, "drift", "there")["status"] == "in_sync"
    assert len(server.project.prompts["staging/support_agent"].versions) == 2


def _merged(catalog: Scratch, branch: str) -> None:
    """The pulled branch is a catalog in which only the edits are new."""
    catalog.git("merge", "--quiet", "--ff-only", branch)
    assert told(catalog, "validate")["status"] == "ok"
    support = told(catalog, "show", "support_agent@production")
    assert support["version"] == "v2"
    assert support["params"] == {"temperature": 0.30000000000000004, "stop": ["END"]}
    assert support["tools"][0]["name"] == "create_ticket"
    assert support["messages"][0]["content"] == "Be rude to {{product_name}}, {{tone}}.\n"
    assert set(support["variables"]["properties"]) == {"product_name", "question", "tone"}
    assert list(support["output_schema"]["properties"]) == ["reasoning", "answer"]
    assert told(catalog, "show", "billing/refund@production")["params"] == {"temperature": 0.9}
    assert "production: v2  # us" in (catalog.root / "prompts/registry.yaml").read_text()


def test_what_langfuse_cannot_hold_is_a_finding(catalog: Scratch) -> None:
    catalog.write("prompts/billing/refund/v2.yaml", "id: billing/refund\nversion: v2\nsystem_prompt: other\n")
    catalog.write("prompts/registry.yaml", "billing/refund:\n  canary: {v1: 90, v2: 10}\n")
    catalog.write("prompts/chat/v1.yaml", "id: chat\nversion: v1\nmessages: [{placeholder: chat-history}]\n")
    found = told(catalog, "validate", code=1)["findings"]
    messages = " ".join(item["message"] for item in found)
    assert "chat-history" in messages
    assert "split a label" in messages


def test_a_server_that_is_down_is_unknown(catalog: Scratch, server: LangfuseServer) -> None:
    told(catalog, "sync", "there")
    server.database_down = True
    assert told(catalog, "drift", "there", code=3)["status"] == "unknown"
