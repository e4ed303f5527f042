"""A catalog is synced to a service over HTTP, a client is pushed a label that was moved there, and git gets it back."""

from __future__ import annotations

from pathlib import Path

import httpx
from running_service import catalog_of, running
from scratch import Scratch
from served_prompts import until

from catalog_tool.client import PromptClient
from catalog_tool.server.tokens import TokenFile, Wish

PROMPT = "id: support_agent\nversion: {version}\nmodel: gpt-4o\nsystem_prompt: {text}\n"
SETTINGS = "format: 1\ncatalog: acme\ntargets:\n  remote: {{backend: http, url: {url}, token: '${{SYNC_TOKEN}}'}}\n"


def test_synced_served_moved_pulled(scratch: Scratch, tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "server", "backend: sqlite, path: store.db")
    tokens = TokenFile(folder / "tokens.json")
    sync, _ = tokens.create(Wish(name="ci", scopes=["sync"]), 0)
    web, _ = tokens.create(Wish(name="web", scopes=["read", "write"]), 0)
    with running(folder, "--tokens", str(tokens.path), wait_for="/healthz") as service:
        scratch.write("catalog.yaml", SETTINGS.format(url=service.url))
        for version, text in (("v1", "Be kind."), ("v2", "Be brief.")):
            scratch.write(f"prompts/support_agent/{version}.yaml", PROMPT.format(version=version, text=text))
        scratch.write("prompts/registry.yaml", "support_agent:\n  production: v1\n")
        scratch.commit()
        env = {"SYNC_TOKEN": sync}
        synced = scratch.run("sync", "remote", "--format", "json", env=env)
        assert (synced.code, synced.json()["status"]) == (0, "done"), synced.err
        assert scratch.run("drift", "remote", env=env).code == 0

        with PromptClient(service.url, token=web, cache_dir=False, refresh_seconds=600) as client:
            assert until(lambda: service.get("/readyz").status_code == 200)
            assert client.get("support_agent").render() == [{"role": "system", "content": "Be kind."}]
            assert until(lambda: client.status().pushing)
            body = {"labels": {"production": "v2"}, "generation": 1, "reason": "v1 is too long"}
            moved = httpx.put(
                f"{service.url}/v1/prompts/support_agent/labels",
                json=body, headers={"Authorization": f"Bearer {web}"}, trust_env=False,
            )  # fmt: skip
            assert moved.status_code == 200
            assert until(lambda: client.get("support_agent").version == "v2", 2.0)

        drift = scratch.run("drift", "remote", "--format", "json", env=env)
        [found] = drift.json()["targets"]["remote"]["objects"]
        assert (drift.code, found["object"], found["state"]) == (1, "labels/support_agent@production", "drifted")
        assert found["by"].startswith("web (")
        pulled = scratch.run("pull", "remote", "--branch", "edits", env=env)
        assert pulled.code == 0, pulled.err
        assert "production: v2" in scratch.git("show", "edits:prompts/registry.yaml")
        assert scratch.run("status", "remote", env=env).code == 0
    assert scratch.run("drift", "remote", env=env).code == 3
